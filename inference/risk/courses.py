"""The course of a signal: of the patients of a fit, and of patients who are not in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...models.dosing import Regimen
from ..predict import draws_of, parameters_of, thinned
from ..response.exposure import SIGNAL
from ..solving import integrate, model_values

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["SIGNAL", "Course", "course_of", "horizon_of", "signal_of", "solve_course", "usable"]

Array = npt.NDArray[np.float64]
POINTS = 225  # of the grid on which a peak is looked for: 3 h of 28 d


@dataclass(frozen=True, eq=False)
class Course:
    """A signal over time, for each draw and patient.

    Parameters
    ----------
    name, unit, time_unit : str
    subjects : tuple of str
    time : float64[time]
    value : float64[draw, subject, time]
        Positive; chains one after another.
    chains : int
        How many chains the draws come from.
    kept : bool[draw]
        Which of the draws asked for could be solved and are here.
    """

    name: str
    unit: str
    time_unit: str
    subjects: tuple[str, ...]
    time: Array = field(repr=False)
    value: Array = field(repr=False)
    chains: int = 1
    kept: npt.NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool), repr=False)

    @property
    def peak(self) -> Array:
        """Highest value; float64[draw, subject]."""
        return np.asarray(self.value.max(axis=2))

    @property
    def reference(self) -> float:
        """Geometric mean of all peaks."""
        return float(np.exp(np.log(self.peak).mean()))

    def predictor(self, reference: float) -> Array:
        """Tenfolds of the peak over a reference; float64[draw, subject, 1]."""
        return np.log10(self.peak / reference)[:, :, None]

    def take(self, subjects: Sequence[str]) -> Course:
        """Course of some subjects, in this order."""
        at = [self.subjects.index(s) for s in subjects]
        return Course(
            self.name, self.unit, self.time_unit, tuple(subjects), self.time, self.value[:, at],
            self.chains, self.kept,
        )  # fmt: skip


def horizon_of(problem: Problem) -> float:
    """Time until which a course counts: the horizon of the model, or the last measurement."""
    last = max(float(t.max()) for t in problem.arrangement.times if t.size)
    return float(problem.model.horizon) or last


def signal_of(problem: Problem, name: str) -> str:
    """Check the name of a signal.

    Parameters
    ----------
    problem : Problem
    name : str
        `SIGNAL`, where the model has no such observable, means the only one that it has.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the model has no such state or output.
    """
    if name in problem.model.observables:
        return name
    if name == SIGNAL and len(problem.model.observables) == 1:
        return problem.model.observables[0]
    raise InputError(
        f"model {problem.model.name} has no {name!r} whose peak could drive the grade; name one "
        f"of {', '.join(problem.model.observables)} (--signal on the command line). Under receptor "
        "blockade serum IL-6 is no measure of severity, its signal is."
    )


def course_of(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    signal: str = "signal",
    draws: int | None = 200,
) -> Course:
    """Course of a signal in the patients of a fit, from time 0 to the horizon.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    signal : str
        State or output of the model.
    draws : int, optional
        About so many, evenly spaced; None: all.

    Returns
    -------
    Course
    """
    if problem.arrangement.occasions is not None:
        raise InputError(
            "the course of patients whose parameters vary between occasions is not implemented; "
            "fit without it."
        )
    data = thinned(draws_of(problem, posterior, "individual"), draws)
    theta = parameters_of(problem, data, len(problem.arrangement.subjects))
    subjects = problem.arrangement.subjects
    schedules = dict(zip(subjects, problem.arrangement.regimens, strict=True))
    return solve_course(problem, theta, schedules, signal, chains=data.sizes["chain"])


def solve_course(
    problem: Problem,
    theta: Array,
    schedules: Mapping[str, Regimen],
    signal: str,
    *,
    chains: int = 1,
    points: int = POINTS,
    until: float | None = None,
    whole: bool = True,
) -> Course:
    """Course of a signal for given parameters.

    Parameters
    ----------
    problem : Problem
    theta : float64[draw, subject, parameter]
    schedules : mapping of subject to Regimen
    signal : str
    chains, points : int
    until : float, optional
        End of the course, in the time unit of the model; default: the horizon.
    whole : bool
        Leave out draws that cannot be solved for every subject; else they stay, as NaN.

    Returns
    -------
    Course

    Raises
    ------
    InputError
        If more than a twentieth of the draws cannot be solved.
    """
    name, model = signal_of(problem, signal), problem.model
    grid = np.linspace(0.0, horizon_of(problem) if until is None else until, points)
    by_subject: Any = integrate_each(problem, theta, list(schedules.values()), grid)
    value = model_values(model, name, theta[:, :, None, :], by_subject, grid)
    kept = usable(value)
    if not whole:
        kept = np.ones_like(kept)
    if not kept.all():
        chains = 1  # chains of different length are one
    return Course(
        name, model.unit(name), model.time_unit, tuple(schedules), grid,
        np.maximum(value[kept], 1e-12), chains, kept,
    )  # fmt: skip


def integrate_each(
    problem: Problem, theta: Array, regimens: Sequence[Regimen], grid: Array
) -> Array:
    """States of subjects who may all differ; float64[draw, subject, time, state]."""
    if problem.by_subject or problem.model.is_closed_form:
        return integrate(problem, theta, regimens, grid)[0]
    parts = [integrate(problem, theta[:, k : k + 1], [r], grid)[0] for k, r in enumerate(regimens)]
    return np.concatenate(parts, axis=1)


def usable(value: Array) -> npt.NDArray[np.bool_]:
    """Draws that could be solved for every subject; bool[draw]."""
    kept: npt.NDArray[np.bool_] = np.isfinite(value).all(axis=(1, 2))
    if kept.mean() < 0.95:
        raise InputError(
            f"the equations could not be solved in {int((~kept).sum())} of {kept.size} draws, too "
            "many for a risk that means something; tighten the priors or the tolerance."
        )
    return kept
