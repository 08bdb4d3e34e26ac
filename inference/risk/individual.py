"""One patient against the population: prior of the individual parameters, likelihood of the rows.

The patient is not among those of the fit. Rows later than a landmark are cut away before anything
is computed, so that nothing can depend on them; so are doses that come later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt
from pytensor.compile.maker import function as compiled_function

from ...datasets.errors import InputError
from ...datasets.study import Study
from ...models.dosing import Dose, Regimen, Reset, Switch
from ..populations.hierarchy import STUDENT, Hierarchical
from ..populations.scales import scale_of
from ..problem import Problem
from ..solving import values_at_rows
from .assays import Assays, measuring_draws
from .newcomers import covariate_column, covariates_of, shifts_of, typical

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed

__all__ = ["Evidence", "Individual", "cut_regimen", "cut_study", "individual_of"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
ROUNDING = 1e-9  # of the number of doses so far


@dataclass(frozen=True, eq=False)
class Individual:
    """Prior of one patient, for each draw of the population.

    Parameters
    ----------
    center : float64[draw, parameter]
        Typical parameters of a patient with these covariates.
    places : tuple of int
        Which parameters vary between patients.
    bounds : tuple of (float, float)
        Of these.
    factor : float64[draw, varying, varying]
        From independent standard effects to effects on the scale of each parameter.
    heavy : bool[varying]
        Whether an effect follows Student's t.
    measuring : mapping of observable to tuple of float64[draw]
        Residual standard deviations and offsets, see `measuring_draws`.
    """

    center: Array = field(repr=False)
    places: tuple[int, ...]
    bounds: tuple[tuple[float, float], ...]
    factor: Array = field(repr=False)
    heavy: Mask
    measuring: dict[str, tuple[Array, ...]] = field(repr=False)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], Array]:
        """Draw from the prior: positions of population draws, standard effects."""
        who = rng.permutation(np.arange(count) % len(self.center))
        z = rng.standard_normal((count, len(self.places)))
        t = rng.standard_t(STUDENT, z.shape)
        return who, np.where(self.heavy, t, z)

    def theta(self, who: npt.NDArray[np.int64], z: Array) -> Array:
        """Parameters of the patient; float64[particle, parameter]."""
        theta = self.center[who].copy()
        effects = np.einsum("mij,mj->mi", self.factor[who], z)
        for k, (place, (low, high)) in enumerate(zip(self.places, self.bounds, strict=True)):
            scale = scale_of(low, high)
            moved = scale.forward(theta[:, place], np.log) + effects[:, k]
            theta[:, place] = scale.back(moved, np.exp)
        return theta

    def log_prior(self, z: Array) -> Array:
        """Log density of standard effects, up to a constant; float64[particle]."""
        normal = -0.5 * z**2
        heavy = -(STUDENT + 1) / 2 * np.log1p(z**2 / STUDENT)
        return np.asarray(np.where(self.heavy, heavy, normal).sum(axis=1))


def individual_of(problem: Problem, data: xr.Dataset, study: Study, subject: str) -> Individual:
    """Prior of one patient of a study under the population of a fit.

    Parameters
    ----------
    problem : Problem
        What was fitted; its patients give the references of covariates.
    data : Dataset, dims chain, draw
    study : Study
        Holds the fixed covariates of the patient.
    subject : str

    Returns
    -------
    Individual
    """
    if problem.arrangement.occasions is not None:
        raise InputError("forecasts are not defined for a fit with variation between occasions.")
    names = problem.model.parameter_names
    rows = covariates_of(study).loc[[subject]]
    theta = typical(problem, data)[:, 0].copy()
    for parameter, covariate in problem.inputs.items():
        theta[:, names.index(parameter)] = covariate_column(rows, covariate).astype(np.float64)
    for name, shift in shifts_of(problem, data, rows).items():
        scale, k = scale_of(*problem.bounds(name)), names.index(name)
        theta[:, k] = scale.back(scale.forward(theta[:, k], np.log) + shift[:, 0], np.exp)
    family = problem.family
    varying = family.of(problem) if isinstance(family, Hierarchical) else ()
    shapes = family.shapes if isinstance(family, Hierarchical) else {}
    return Individual(
        center=theta,
        places=tuple(names.index(n) for n in varying),
        bounds=tuple(problem.bounds(n) for n in varying),
        factor=_factors(problem, data, varying),
        heavy=np.array([shapes.get(n) == "student" for n in varying], dtype=bool),
        measuring={o.name: measuring_draws(problem, o, data) for o in problem.arrangement.observed},
    )


def _factors(problem: Problem, data: xr.Dataset, varying: tuple[str, ...]) -> Array:
    """Spreads, with correlations where there are some; float64[draw, varying, varying]."""
    count = data.sizes["chain"] * data.sizes["draw"]
    factor = np.broadcast_to(np.eye(len(varying)), (count, len(varying), len(varying))).copy()
    family = problem.family
    joint = [n for n in varying if isinstance(family, Hierarchical) and n in family.correlated]
    if joint:
        at = np.array([varying.index(n) for n in joint])
        whole = data["omega_correlation"].to_numpy().reshape(count, len(joint), len(joint))
        factor[:, at[:, None], at[None]] = np.linalg.cholesky(whole)
    spreads = [data[f"{n}_omega"].transpose("chain", "draw").to_numpy().ravel() for n in varying]
    return np.asarray(factor * np.array(spreads).reshape(len(varying), count).T[:, :, None])


def cut_study(
    study: Study,
    subject: str,
    until: float,
    *,
    planned: bool = False,
    observables: Sequence[str] | None = None,
) -> Study | None:
    """Keep what is known of one patient at a time, and nothing else.

    Parameters
    ----------
    study : Study
    subject : str
    until : float
        In the time unit of the study.
    planned : bool
        Keep doses that begin later: they were planned beforehand.
    observables : sequence of str, optional
        Which rows to keep; default: all.

    Returns
    -------
    Study or None
        None when there is no measurement yet.
    """
    rows = study.to_frame().drop(columns="unit")
    rows = rows[(rows["subject"] == subject) & (rows["time"] <= until)]
    if observables is not None:
        rows = rows[rows["observable"].isin(list(observables))]
    if rows.empty:
        return None
    doses = study.to_frame("doses")
    doses = doses[(doses["subject"] == subject) & (planned | (doses["time"] <= until))]
    units = {o: u for o, u in study.units.items() if o in set(rows["observable"])}
    return Study(
        rows.reset_index(drop=True), name=study.name, units=units, time_unit=study.time_unit,
        doses=doses.reset_index(drop=True) if len(doses) else None,
    )  # fmt: skip


def cut_regimen(regimen: Regimen, until: float) -> Regimen:
    """Keep the doses, switches and resets that come at a time or before it, and nothing else.

    Parameters
    ----------
    regimen : Regimen
    until : float
        In the time unit of the model.

    Returns
    -------
    Regimen
        Of repeated doses those so far; an infusion that has begun, whole.

    Raises
    ------
    InputError
        If a time is a parameter: it is not known beforehand what comes by then.

    Examples
    --------
    >>> daily = Regimen([Dose(0.0, 5.0, "A", interval=1.0, count=7), Dose(4.0, 9.0, "A")])
    >>> [(e.time, e.count) for e in cut_regimen(daily, 2.5).events]
    [(0.0, 3)]
    """
    if until == np.inf:
        return regimen
    cut = (_so_far(event, until) for event in regimen.events)
    return Regimen([event for event in cut if event is not None])


def _so_far(event: Dose | Switch | Reset, until: float) -> Dose | Switch | Reset | None:
    """Leave of one event what comes until then."""
    if isinstance(event.time, str):
        raise InputError(
            f"an event of the schedule comes at {event.time}, a parameter: a forecast cannot tell "
            "whether that is later than the landmark. Give its time as a number, or planned=True."
        )
    gap = until - event.time
    if gap < 0:
        return None
    if not isinstance(event, Dose) or event.count == 1:
        return event
    return replace(event, count=min(event.count, 1 + int(gap / event.interval + ROUNDING)))


class Evidence:
    """Log likelihood of the rows of one patient up to a time, old and new apart.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    study : Study
        From `cut_study`. Where the fit has offsets or residual errors of assays or sources, its
        rows name one of those of the fit.
    since : float
        Rows later than this, in the time unit of the model, are new.
    regimen : Regimen, optional
        In place of the doses of the study.

    Raises
    ------
    InputError
        If a row comes from an assay or source that the fit does not know.
    """

    def __init__(
        self, problem: Problem, study: Study, since: float, regimen: Regimen | None = None
    ) -> None:
        model, names = problem.model, study.observables
        used = {o: t for o, t in problem.targets.items() if o in names}
        known = model.parameter_names
        self.empty = not used
        if self.empty:
            return
        self.problem = Problem(
            model, study, population="pooled", solver=problem.solver, regimen=regimen,
            error={o: problem.errors[o] for o in used},
            observables={o: used.get(o) for o in names},
            priors={n: d for n, d in problem.priors.items() if n in known},
            fixed={n: v for n, v in problem.fixed.items() if n in known},
            censoring={o: problem.methods[o] for o in used},
            offsets={o: None for o in used if o in problem.offsets},
        )  # fmt: skip
        fitted = {o.name: o for o in problem.arrangement.observed}
        self.assays = {
            o.name: Assays.of(problem, fitted[o.name], study, o.row)
            for o in self.problem.arrangement.observed
        }
        self.since = since
        self._scores: dict[tuple[str, int], Callable[..., Any]] = {}

    @property
    def regimen(self) -> Regimen:
        """Doses known so far."""
        return self.problem.arrangement.regimens[0]

    def __call__(
        self, theta: Array, measuring: dict[str, tuple[Array, ...]]
    ) -> tuple[Array, Array]:
        """Log likelihood of old rows, of new rows; minus infinity where a solve failed.

        Parameters
        ----------
        theta : float64[particle, parameter]
        measuring : mapping of observable to tuple of float64[particle]
            As those of an `Individual`.

        Returns
        -------
        float64[particle], float64[particle]
        """
        old, new = np.zeros(len(theta)), np.zeros(len(theta))
        values = values_at_rows(self.problem, theta[:, None, :])
        for o in self.problem.arrangement.observed:
            f = values[o.name]
            sound = np.isfinite(f).all(axis=1)
            score = self._score(o, np.where(sound[:, None], f, 1.0), measuring[o.name])
            score = np.where(sound[:, None], score, -np.inf)
            late = o.time > self.since
            old += score[:, ~late].sum(axis=1)
            new += score[:, late].sum(axis=1)
        return old, new

    def _score(self, o: Observed, f: Array, measuring: tuple[Array, ...]) -> Array:
        """Score each row under its error model; float64[particle, row]."""
        key = o.name, len(f)
        if key not in self._scores:
            self._scores[key] = _compiled(self.problem, o, len(f))
        moved, errors = self.assays[o.name](f, measuring)
        flat = self._scores[key](moved.ravel(), *(s.ravel() for s in errors))
        return np.asarray(flat).reshape(f.shape)


def _compiled(problem: Problem, o: Observed, count: int) -> Callable[..., Any]:
    """Log density of the rows, repeated for so many particles."""
    error = problem.errors[o.name]
    many = o.rows.at(np.tile(np.arange(o.rows.value.size), count))
    center = pt.dvector("f")
    spreads = [pt.dvector(n) for n in error.parameters(o.name)]
    density = error.log_density(pt.constant(many.value), center, tuple(spreads), many)
    found: Callable[..., Any] = compiled_function(
        [center, *spreads], density, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    return found
