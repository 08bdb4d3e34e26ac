"""`Study`: what was seen and given, checked once, with units and origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import pandas as pd
import xarray as xr

from . import schema
from .errors import StudyError
from .provenance import Provenance
from .selection import chosen_rows, fixed_covariates, one_outcome
from .summary import as_html, summarize
from .wording import counted, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Study"]

FORMAT = "cytobayes.study/1"
Node = Literal["observations", "doses", "covariates", "outcomes"]
TIMES = {
    "observations": ("time",),
    "doses": ("time", "duration", "interval"),
    "covariates": ("time",),
    "outcomes": ("time",),
}
DIMS = {"observations": "row", "doses": "dose", "covariates": "entry", "outcomes": "entry"}


@final
class Study:
    """What was seen in one or more subjects, and given to them: checked, and never changed.

    Parameters
    ----------
    observations : DataFrame
        One row per measurement. ``subject``, ``time`` [time_unit], ``observable`` and ``value``
        [units of the observable] are required. Optional: ``lower`` and ``upper``, the limits of
        quantification (NaN: none); ``censoring`` ("none", "left", "right" or "interval");
        ``sd`` and ``n`` of a published mean, or the quartiles ``q1``, ``q3`` and ``n`` of a
        published median (NaN: the row is one measurement); ``occasion``,
        ``assay`` and ``source`` (study of origin) as text.
    name : str
        Name of the study.
    units : mapping
        Observable to unit; an observable without an entry has the unit "" (not stated).
    time_unit : str
        Unit of every time; "" when not stated.
    doses : DataFrame, optional
        One row per dose or series of doses: ``subject``, ``time`` [time_unit], ``amount`` [unit],
        ``target`` (state, or number of the compartment, that receives it) are required. Optional:
        ``duration`` (0: bolus) and ``interval`` [time_unit], ``count``, ``unit``; ``rate``
        [unit / time_unit] in place of a duration (0: none; -1: the rate, -2: the duration is a
        parameter); ``steady_state`` (0, 1 or 2, as SS of NONMEM); ``kind`` ("dose", "reset":
        states start again, "reset_dose": both, as EVID 3 and 4).
    covariates : DataFrame, optional
        ``subject``, ``name`` and ``value`` (a number, or text) are required; ``time`` (NaN: the
        covariate is fixed) and ``unit`` are optional.
    outcomes : DataFrame, optional
        ``subject``, ``outcome`` (such as "crs"), ``value`` (a number, or text) are required;
        ``scale`` (such as "ASTCT"), ``time`` of onset [time_unit] and ``unit`` are optional.
    provenance : sequence of Provenance
        Sources, with the cleaning that was done.

    Raises
    ------
    StudyError
        If a rule is broken: blank or missing entries, negative or non-finite times, ``lower`` not
        below ``upper``, ``sd`` without ``n``, a censored mean, a dose, covariate or outcome of an
        unknown subject.

    Notes
    -----
    How a row is scored: "none", the density at ``value``, or for a row with ``sd`` and ``n`` the
    density of the mean ``value``; "left", P(y < ``value``), where ``value`` holds the limit;
    "right", P(y > ``value``), the same; "interval", P(``lower`` < y < ``upper``).

    Examples
    --------
    >>> rows = pd.DataFrame({"subject": ["007"], "time": [1], "observable": "IL6", "value": 9.5})
    >>> study = Study(rows, name="one", units={"IL6": "pg/mL"}, time_unit="h")
    >>> study.subjects, study.observables, study.units
    (('007',), ('IL6',), {'IL6': 'pg/mL'})
    """

    __slots__ = ("_tree",)
    _tree: xr.DataTree

    def __init__(
        self,
        observations: pd.DataFrame,
        *,
        name: str,
        units: Mapping[str, str] | None = None,
        time_unit: str = "",
        doses: pd.DataFrame | None = None,
        covariates: pd.DataFrame | None = None,
        outcomes: pd.DataFrame | None = None,
        provenance: Sequence[Provenance] = (),
    ) -> None:
        rows = schema.observations(observations)
        subjects = list(pd.unique(rows["subject"]))
        tables = {
            "observations": rows,
            "doses": schema.doses(doses, subjects),
            "covariates": schema.covariates(covariates, subjects),
            "outcomes": schema.outcomes(outcomes, subjects),
        }
        observables = [str(o) for o in pd.unique(rows["observable"])]
        if strange := sorted(set(units or {}).difference(observables)):
            raise StudyError(f"units: there is no observable {shown(strange[0])}.")
        attributes = {
            "format": FORMAT,
            "name": name,
            "time_unit": time_unit,
            "units": json.dumps({o: (units or {}).get(o, "") for o in observables}),
            "provenance": json.dumps([p.to_dict() for p in provenance]),
        }
        nodes = {"/": xr.Dataset(attrs=attributes)}
        nodes |= {f"/{n}": _frozen(t, DIMS[n], time_unit, TIMES[n]) for n, t in tables.items()}
        object.__setattr__(self, "_tree", xr.DataTree.from_dict(nodes, name="study"))

    @classmethod
    def from_tree(cls, tree: xr.DataTree) -> Study:
        """Make the study again from `tree`, as it was or as it was read from a file.

        Parameters
        ----------
        tree : DataTree
            With the nodes ``observations``, ``doses``, and perhaps ``covariates`` and
            ``outcomes``, and the attributes of `Study.tree`.

        Returns
        -------
        Study

        Raises
        ------
        StudyError
            If the tree is no study, or breaks a rule of `Study`.
        """
        if tree.attrs.get("format") != FORMAT:
            raise StudyError(f"the tree is not a study: attribute 'format' is not {FORMAT!r}.")
        try:
            return cls(
                _frame(tree, "observations"),
                name=str(tree.attrs["name"]),
                units=json.loads(tree.attrs["units"]),
                time_unit=str(tree.attrs["time_unit"]),
                doses=_frame(tree, "doses"),
                covariates=_frame(tree, "covariates") if "covariates" in tree.children else None,
                outcomes=_frame(tree, "outcomes") if "outcomes" in tree.children else None,
                provenance=[Provenance.from_dict(p) for p in json.loads(tree.attrs["provenance"])],
            )
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise StudyError(f"the tree is not a complete study: {error!r}.") from error

    @property
    def tree(self) -> xr.DataTree:
        """A copy as DataTree, attributes as JSON.

        Nodes (dims): observations (row), doses (dose), covariates (entry), outcomes (entry).
        """
        return self._tree.copy(deep=False)

    @property
    def observations(self) -> xr.Dataset:
        """Measurements, dim ``row``; the arrays are read-only."""
        return self._tree.children["observations"].to_dataset(inherit=False).copy()

    @property
    def doses(self) -> xr.Dataset:
        """Doses, dim ``dose``, possibly none; the arrays are read-only."""
        return self._tree.children["doses"].to_dataset(inherit=False).copy()

    @property
    def covariates(self) -> xr.Dataset:
        """Fixed covariates, one variable each, dim ``subject``; NaN or "" where one has none.

        Those that change in time are in ``to_frame("covariates")``.
        """
        return fixed_covariates(_frame(self._tree, "covariates"), self.subjects)

    @property
    def outcomes(self) -> xr.Dataset:
        """Outcomes of all scales, dim ``entry``; the arrays are read-only. See `outcome`."""
        return self._tree.children["outcomes"].to_dataset(inherit=False).copy()

    def outcome(self, name: str, scale: str | None = None) -> xr.Dataset:
        """Give one outcome on one scale, as a likelihood needs it.

        Parameters
        ----------
        name : str
            Such as "crs".
        scale : str, optional
            Such as "ASTCT"; needed when the study has the outcome on several scales.

        Returns
        -------
        Dataset, dim ``subject``
            ``value``, ``text`` and ``time`` of onset of the subjects that have it; attribute
            ``scale``.

        Raises
        ------
        StudyError
            If there is no such outcome or scale, or several scales and none is named: grades of
            different scales are not the same quantity.
        """
        return one_outcome(_frame(self._tree, "outcomes"), name, scale, self.time_unit)

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self._tree.attrs["name"])

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in order of appearance."""
        return tuple(pd.unique(self.observations["subject"].to_numpy()))

    @property
    def observables(self) -> tuple[str, ...]:
        """Observables in order of appearance."""
        return tuple(self.units)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each observable; "" when not stated."""
        units: dict[str, str] = json.loads(self._tree.attrs["units"])
        return units

    @property
    def time_unit(self) -> str:
        """Unit of all times; "" when not stated."""
        return str(self._tree.attrs["time_unit"])

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Sources of the rows, and what was done to them."""
        return tuple(map(Provenance.from_dict, json.loads(self._tree.attrs["provenance"])))

    @property
    def is_aggregated(self) -> bool:
        """True when at least one row is a published mean or median, of n values."""
        return bool(np.isfinite(self.observations["n"].to_numpy()).any())

    def to_frame(self, node: Node = "observations") -> pd.DataFrame:
        """One node as a table; observations get a column ``unit``.

        Parameters
        ----------
        node : {"observations", "doses", "covariates", "outcomes"}

        Returns
        -------
        DataFrame
            One row per measurement, dose, value of a covariate, or outcome.
        """
        if node not in DIMS:
            raise StudyError(f"a study has no {shown(node)}, but {', '.join(DIMS)}.")
        frame = _frame(self._tree, node)
        if node == "observations":
            frame.insert(4, "unit", frame["observable"].map(self.units))
        return frame

    def with_doses(self, doses: pd.DataFrame) -> Study:
        """Return the same observations with these doses in place of the old ones.

        Parameters
        ----------
        doses : DataFrame
            As in `Study`; without the column ``subject`` every subject gets them.

        Returns
        -------
        Study
        """
        if "subject" not in doses:
            doses = doses.merge(pd.DataFrame({"subject": self.subjects}), how="cross")
        return self._with(doses=doses)

    def with_covariates(self, covariates: pd.DataFrame) -> Study:
        """Return the same study with these covariates (see `Study`) in place of the old ones."""
        return self._with(covariates=covariates)

    def with_outcomes(self, outcomes: pd.DataFrame) -> Study:
        """Return the same study with these outcomes (see `Study`) in place of the old ones."""
        return self._with(outcomes=outcomes)

    def select(
        self, observables: Sequence[str] | None = None, subjects: Sequence[str] | None = None
    ) -> Study:
        """Keep some observables or subjects, with the doses, covariates and outcomes of those.

        Parameters
        ----------
        observables, subjects : sequence of str, optional
            Names to keep; None keeps all.

        Returns
        -------
        Study
            Its provenance says how many rows were kept.

        Raises
        ------
        StudyError
            If a name is unknown or nothing is left.
        """
        rows = _frame(self._tree, "observations")
        kept, step = chosen_rows(rows, observables, subjects)
        left = set(rows.loc[kept, "subject"])
        tables = {n: _frame(self._tree, n) for n in ("doses", "covariates", "outcomes")}
        return self._with(
            observations=rows[kept].reset_index(drop=True),
            units={o: u for o, u in self.units.items() if o in set(rows.loc[kept, "observable"])},
            provenance=[*self.provenance, Provenance(steps=(step,))],
            **{n: t[t["subject"].isin(left)].reset_index(drop=True) for n, t in tables.items()},
        )

    def plot(
        self,
        observables: Sequence[str] | None = None,
        *,
        columns: int = 3,
        log: bool | None = None,
    ) -> Figure:
        """Draw one line per subject, one panel per observable, with limits, doses and resets.

        Parameters
        ----------
        observables : sequence of str, optional
            Which; default all, at most 12 without asking.
        columns : int
            Panels side by side.
        log : bool, optional
            Logarithmic axis of values; default where all values are positive and span a factor
            above 50.

        Returns
        -------
        Figure
        """
        from .drawing import draw_study  # late: matplotlib

        return draw_study(self, observables, columns=columns, log=log)

    def _with(self, **changes: Any) -> Study:
        """Return the study with some arguments of `Study` exchanged."""
        arguments: dict[str, Any] = {node: _frame(self._tree, node) for node in DIMS}
        arguments |= {"name": self.name, "units": self.units, "time_unit": self.time_unit}
        arguments |= {"provenance": self.provenance, **changes}
        return Study(**arguments)

    def __setattr__(self, key: str, value: object) -> None:
        """Refuse: a study does not change."""
        raise AttributeError(f"a Study cannot be changed (attribute {key!r})")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy through the tree, so that every copy is checked and read-only."""
        return Study.from_tree, (self.tree,)

    def __str__(self) -> str:
        """One-screen summary."""
        return summarize(self)

    def _repr_html_(self) -> str:
        """Summary for notebooks."""
        return as_html(self)

    def __repr__(self) -> str:
        """Name and size."""
        rows = counted(self.observations.sizes["row"], "row")
        return f"<Study {self.name!r}: {counted(len(self.subjects), 'subject')}, {rows}>"


def _frozen(rows: pd.DataFrame, dim: str, time_unit: str, times: Sequence[str]) -> xr.Dataset:
    """Dataset whose arrays cannot be written to."""
    arrays = {str(c): rows[c].to_numpy(copy=True) for c in rows}
    for array in arrays.values():
        array.flags.writeable = False
    data = xr.Dataset({name: (dim, array) for name, array in arrays.items()})
    for name in times:
        data[name].attrs["units"] = time_unit
    return data


def _frame(tree: xr.DataTree, node: str) -> pd.DataFrame:
    """Variables of a node as columns."""
    data = tree.children[node].to_dataset(inherit=False).copy()
    return pd.DataFrame({str(name): data[name].to_numpy() for name in data.data_vars})
