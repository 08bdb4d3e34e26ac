"""`Study`: what was seen, checked once, with its doses, units and origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from . import schema
from .errors import StudyError
from .provenance import Provenance
from .summary import summarize
from .wording import counted, shown

__all__ = ["Study"]

FORMAT = "cytobayes.study/1"


@final
class Study:
    """Observations and doses of one or more subjects: checked, unchangeable, serialisable.

    Parameters
    ----------
    observations : DataFrame
        One row per measurement. ``subject``, ``time`` [time_unit], ``observable`` and ``value``
        [units of the observable] are required. Optional: ``lower`` and ``upper``, the limits of
        quantification (NaN: none); ``censoring`` ("none", "left", "right" or "interval");
        ``sd`` and ``n`` of a published mean (NaN: the row is one measurement).
    name : str
        Name of the study.
    units : mapping
        Observable to unit; an observable without an entry has the unit "" (not stated).
    time_unit : str
        Unit of every time; "" when not stated.
    doses : DataFrame, optional
        One row per dose or series of doses: ``subject``, ``time`` [time_unit], ``amount`` [unit],
        ``target`` (state or compartment that receives it) are required; ``duration`` (0: bolus)
        and ``interval`` [time_unit], ``count`` and ``unit`` are optional.
    provenance : sequence of Provenance
        Sources, with the cleaning that was done.

    Raises
    ------
    StudyError
        If a rule is broken: blank or missing entries, negative or non-finite times, ``lower`` not
        below ``upper``, ``sd`` without ``n``, a censored mean, a dose for an unknown subject.

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
        provenance: Sequence[Provenance] = (),
    ) -> None:
        rows = schema.observations(observations)
        given = schema.doses(doses, list(pd.unique(rows["subject"])))
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
        nodes["/observations"] = _frozen(rows, "row", time_unit, ("time",))
        nodes["/doses"] = _frozen(given, "dose", time_unit, ("time", "duration", "interval"))
        object.__setattr__(self, "_tree", xr.DataTree.from_dict(nodes, name="study"))

    @classmethod
    def from_tree(cls, tree: xr.DataTree) -> Study:
        """Make the study again from `tree`, as it was or as it was read from a file.

        Parameters
        ----------
        tree : DataTree
            With the nodes ``observations`` and ``doses`` and the attributes of `Study.tree`.

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
                provenance=[Provenance.from_dict(p) for p in json.loads(tree.attrs["provenance"])],
            )
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise StudyError(f"the tree is not a complete study: {error!r}.") from error

    @property
    def tree(self) -> xr.DataTree:
        """A copy as DataTree: nodes ``observations`` (row), ``doses`` (dose), JSON attributes."""
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
        """True when at least one row is a published mean with sd and n."""
        return bool(np.isfinite(self.observations["sd"].to_numpy()).any())

    def to_frame(self) -> pd.DataFrame:
        """Observations as a table with a column ``unit``, one row per measurement."""
        frame = _frame(self._tree, "observations")
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
        return Study(
            _frame(self._tree, "observations"),
            name=self.name,
            units=self.units,
            time_unit=self.time_unit,
            doses=doses,
            provenance=self.provenance,
        )

    def __setattr__(self, key: str, value: object) -> None:
        """Refuse: a study does not change."""
        raise AttributeError(f"a Study cannot be changed (attribute {key!r})")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy through the tree, so that every copy is checked and read-only."""
        return Study.from_tree, (self.tree,)

    def __str__(self) -> str:
        """One-screen summary."""
        return summarize(self)

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
