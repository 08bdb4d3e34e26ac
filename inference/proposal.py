"""What a data file could be fitted with: models whose observables it holds, and the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..datasets.errors import InputError
from ..datasets.wording import closest, shown
from .units import factor

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.study import Study
    from ..models.ode import OdeModel

__all__ = ["Match", "Proposal", "candidates", "propose"]

MOST = 8  # models that are named
SAME = 1.0  # cutoff of `closest`: the same letters and digits
NAMED, MEANT, BY_UNIT = "", "the same letters", "the only one that it can be"


@dataclass(frozen=True)
class Match:
    """An observable of the data, its counterpart in the model, and what tells so.

    Parameters
    ----------
    name : str
    target : str or None
        None: the model has none, so that its rows are left out.
    why : str
        Empty where both have one name.
    """

    name: str
    target: str | None
    why: str = NAMED


@dataclass(frozen=True)
class Proposal:
    """A model for a study, and other ones.

    Parameters
    ----------
    study : Study
    model : OdeModel
    matches : tuple of Match
        One per observable of the data, in their order.
    others : tuple of OdeModel
        That measure as many of them, or fewer; the nearest first.
    chosen : bool
        The user named the model.
    """

    study: Study
    model: OdeModel
    matches: tuple[Match, ...]
    others: tuple[OdeModel, ...] = ()
    chosen: bool = False

    @property
    def fitted(self) -> tuple[Match, ...]:
        """Observables that are fitted."""
        return tuple(m for m in self.matches if m.target is not None)

    @property
    def free(self) -> tuple[str, ...]:
        """Observables of the model that nothing in the data is matched with."""
        taken = {m.target for m in self.matches}
        return tuple(o for o in self.model.observables if o not in taken)

    def measured_by(self, model: OdeModel) -> tuple[str, ...]:
        """Observables of the data that a model has by their names."""
        return tuple(m.name for m in match(self.study, model) if m.target is not None)

    def rows(self, name: str) -> pd.DataFrame:
        """Rows of one observable of the data."""
        table = self.study.to_frame()
        return table[table["observable"] == name]

    def error(self, name: str) -> str:
        """Error model that the values allow: log-normal, unless some are zero or less."""
        rows = self.rows(name)
        single = rows[rows["censoring"] == "none"]["value"].to_numpy()
        if single.size and np.isin(single, (0.0, 1.0)).all() and np.ptp(single) > 0:
            return "bernoulli"
        return "lognormal" if (single > 0).all() else "additive"

    @property
    def inputs(self) -> dict[str, str]:
        """Parameters that have the name of a covariate."""
        return {n: n for n in self.numeric if n in self.model.parameter_names}

    @property
    def numeric(self) -> tuple[str, ...]:
        """Fixed covariates that are numbers."""
        table = self.study.to_frame("covariates")
        fixed = table[table["time"].isna() & table["value"].notna()]
        return tuple(map(str, dict.fromkeys(fixed["name"])))

    @property
    def words(self) -> tuple[str, ...]:
        """Fixed covariates that are categories."""
        table = self.study.to_frame("covariates")
        fixed = table[table["time"].isna() & table["value"].isna()]
        return tuple(map(str, dict.fromkeys(fixed["name"])))

    def groups(self, name: str) -> dict[str, list[str]]:
        """Assays and sources of an observable, where there are several."""
        rows, found = self.rows(name), {}
        for column in ("assay", "source"):
            if column in rows:
                labels = sorted(set(rows[column].astype(str)))
                if len(labels) > 1:
                    found[column] = labels
        return found


def propose(study: Study, model: str | None = None) -> Proposal:
    """Propose a model, or see what the named one can do with the data.

    Parameters
    ----------
    study : Study
    model : str, optional
        Name in the library.

    Returns
    -------
    Proposal

    Raises
    ------
    InputError
        If nothing in the data is an observable of the model, or of any; it names what could be.
    """
    from ..models.library import get

    ranked = candidates(study)
    if model is not None:
        named = get(model)
        matches = match(study, named, by_unit=True)
        if not any(m.target for m in matches):
            raise InputError(_nothing(study, named))
        others = tuple(m for m in ranked if m.name != model)
        return Proposal(study, named, matches, others[:MOST], chosen=True)
    if not ranked:
        raise InputError(_no_model(study))
    first, *others_ = ranked
    return Proposal(study, first, match(study, first), tuple(others_[:MOST]))


def candidates(study: Study) -> list[OdeModel]:
    """Models for fitting that have an observable of the data by its name; the nearest first.

    Notes
    -----
    Nearest: most observables of the data, then most of them in its own unit, then fewest of its
    own that are not measured, then fewest parameters. Models that cannot take the doses of the
    data are left out.
    """
    found = []
    for model in _fitting(study):
        targets = {m.name: m.target for m in match(study, model) if m.target}
        if targets:
            same = sum(study.units[name] == model.unit(t) for name, t in targets.items())
            extra = len(model.observables) - len(targets)
            found.append((-len(targets), -same, extra, len(model.estimated), model.name, model))
    return [model for *_, model in sorted(found, key=lambda f: f[:-1])]


def match(study: Study, model: OdeModel, *, by_unit: bool = False) -> tuple[Match, ...]:
    """Find the counterpart of each observable of the data.

    Parameters
    ----------
    study : Study
    model : OdeModel
    by_unit : bool
        Where one is left in the data without a name in the model, and one output of the model has
        its unit, they are taken for each other.
    """
    units = study.units
    found: dict[str, Match] = {}
    for name in study.observables:
        target = closest(name, model.observables, SAME)
        taken = {m.target for m in found.values()}
        if target and target not in taken and _convertible(units[name], model.unit(target)):
            found[name] = Match(name, target, NAMED if name == target else MEANT)
    left = [n for n in study.observables if n not in found]
    if by_unit and len(left) == 1:
        possible = _possible(units[left[0]], model, found)
        if len(possible) == 1:
            found[left[0]] = Match(left[0], possible[0], BY_UNIT)
    return tuple(found.get(n, Match(n, None)) for n in study.observables)


def _possible(unit: str, model: OdeModel, taken: Mapping[str, Match]) -> list[str]:
    """Find outputs of a model that a unit could mean; states where there are no outputs."""
    used = {m.target for m in taken.values()}
    names = tuple(model.outputs) or model.observables
    return [o for o in names if o not in used and _convertible(unit, model.unit(o))]


def _convertible(given: str, wanted: str) -> bool:
    try:
        factor(given, wanted, "value")
    except InputError:
        return False
    return bool(given) == bool(wanted) or not given


def _fitting(study: Study) -> list[OdeModel]:
    """Models for fitting into which the doses of the data can be given."""
    from ..models.library import get, names
    from ..models.library.interventions import with_treatments

    targets = set(study.to_frame("doses")["target"].astype(str))
    made = (get(name) for name in names())
    return [
        m for m in made if m.fits and all(_takes(with_treatments(m, targets), t) for t in targets)
    ]


def _takes(model: OdeModel, target: str) -> bool:
    number = int(target) if target.isdigit() else 0
    return target in model.state_names or 1 <= number <= len(model.state_names)


def _nothing(study: Study, model: OdeModel) -> str:
    """Say that a model measures nothing of the data."""
    there = ", ".join(f"{o} [{model.unit(o) or '1'}]" for o in model.observables)
    ours = ", ".join(f"{n} [{u or 'no unit'}]" for n, u in study.units.items())
    return (
        f"no observable of the data ({ours}) has a counterpart in {model.name}, which has {there}. "
        "Rename it in the data, or name its counterpart: cytobayes fit "
        f"{model.name} --observable {study.observables[0]}=..."
    )


def _no_model(study: Study) -> str:
    """Say that no model has these names, and which have the units."""
    names = ", ".join(map(shown, study.observables))
    near = []
    for model in _fitting(study):
        targets = [m.target for m in match(study, model, by_unit=True) if m.target]
        near += [f"{model.name} ({targets[0]})"] if targets else []
    tail = f" These could measure it: {', '.join(near[:MOST])}." if near else ""
    return (
        f"no model for fitting has an observable called {names}.{tail} Name a model with --model, "
        "or rename the observable in the data; cytobayes models lists them all."
    )
