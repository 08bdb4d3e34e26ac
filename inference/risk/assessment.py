"""`risk`: from a fitted course to the probability of each grade, for patients and a population."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...models.dosing import Regimen
from ..percent import between, percent
from ..populations.hierarchy import Hierarchical
from ..predict import draws_of, thinned
from ..trials.chance import without_noise
from ..units import factor
from .courses import Course, course_of, solve_course
from .grades import Grades, grades_of
from .newcomers import common_schedule, covariates_of, in_words, newcomers, treated_otherwise
from .onset import Onset, fit_onset
from .ordinal import Link, LinkPrior, fit_link

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["GradeFit", "Risk", "fit_grades", "risk", "summarize"]

Array = npt.NDArray[np.float64]
PROBABILITY = 0.9  # of intervals
CROWD = 40  # new patients for each draw, at least, in the risk of the population
CAVEAT = (
    "A grade is tied to the signal by association: the target burden drives both, so nothing here "
    "says what would happen if the signal were changed. Not for deciding the care of a patient."
)


@dataclass(frozen=True, eq=False)
class GradeFit:
    """How grades follow from the peak of a signal, learned from patients who have both.

    Parameters
    ----------
    link : Link
        A draw for each draw of the course.
    reference : float
        Peak to which the cuts refer.
    onset : Onset or None
    kept : bool[draw]
        Which draws of the course it belongs to, of those asked for.
    grades : Grades or None
        What it was learned from.
    """

    link: Link
    reference: float
    onset: Onset | None = None
    kept: npt.NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool), repr=False)
    grades: Grades | None = field(default=None, repr=False)

    def probability(self, course: Course) -> Array:
        """P(grade >= k); float64[draw, subject, grade]."""
        return self.link.probability(course.predictor(self.reference))


def fit_grades(
    course: Course,
    grades: Grades,
    rng: np.random.Generator,
    *,
    onset: bool = True,
    prior: LinkPrior | None = None,
) -> GradeFit:
    """Learn how grades follow from the peak of a signal.

    Parameters
    ----------
    course : Course
    grades : Grades
        Of subjects of the course.
    rng : Generator
    onset : bool
        Also learn when the first grade comes.
    prior : LinkPrior, optional

    Returns
    -------
    GradeFit
    """
    part = course.take(grades.subjects)
    reference = part.reference
    link = fit_link(part.predictor(reference), grades.value, grades.top, rng=rng, prior=prior)
    begin = fit_onset(part, grades, rng) if onset else None
    return GradeFit(link, reference, begin, course.kept, grades)


@dataclass(frozen=True, eq=False)
class Risk:
    """Probability of each grade.

    Parameters
    ----------
    patients : Dataset
        Of the patients of the data, given all that is known of them: ``risk`` (chain, draw,
        subject, grade) = P(grade >= k), ``predicted_grade`` (chain, draw, subject) drawn from it,
        ``onset`` (chain, draw, subject) of the first grade [time unit], NaN where that is 0,
        ``peak`` (chain, draw, subject) of the signal.
    population : Dataset
        Of new patients: ``risk`` (chain, draw, grade), the mean over patients of each draw, whose
        spread over draws is what is not known of the population and of the grades.
    at_least : int
        Grade that tables and sentences are about.
    grades : Grades
        What was observed.
    """

    patients: xr.Dataset = field(repr=False)
    population: xr.Dataset = field(repr=False)
    at_least: int
    grades: Grades

    @property
    def table(self) -> pd.DataFrame:
        """One row per patient: probabilities with intervals, expected onset, observed grade."""
        frame = summarize(self.patients["risk"], self.at_least)
        if "onset" in self.patients:
            onset = self.patients["onset"]
            for name, q in (("onset_median", 0.5), ("onset_low", 0.05), ("onset_high", 0.95)):
                frame[name] = _quantile(onset, q)
        seen = dict(zip(self.grades.subjects, self.grades.value.tolist(), strict=True))
        frame["observed"] = [seen.get(s, np.nan) for s in frame["subject"]]
        return frame

    @property
    def by_grade(self) -> pd.DataFrame:
        """One row per grade: risk of a new patient with interval, and the observed share."""
        values = (
            self.population["risk"].stack(sample=("chain", "draw")).transpose("grade", "sample")
        )
        low, high = np.quantile(values, [0.05, 0.95], axis=1)
        return pd.DataFrame(
            {
                "grade": self.population["grade"].to_numpy(),
                "risk": values.mean("sample").to_numpy(),
                "low": low,
                "high": high,
                "observed": self.grades.reached.mean(axis=0),
                "patients": len(self.grades.subjects),
            }
        )

    @property
    def sentence(self) -> str:
        """What the population risk is, in words."""
        row: Any = self.by_grade.set_index("grade").loc[self.at_least]
        near = between(row["low"], row["high"])
        return (
            f"A new patient {self.population.attrs['schedule']} has {self.grades.outcome.upper()} "
            f"of grade {self.at_least} or more ({self.grades.scale or 'scale not stated'}) with "
            f"probability {percent(row['risk'])} (90 % interval {near}); "
            f"observed in {percent(row['observed'])} of {len(self.grades.subjects)} patients"
            f"{self.population.attrs['others']}."
        )


def risk(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    at_least: int = 3,
    seed: int,
    outcome: str = "crs",
    scale: str | None = None,
    signal: str = "signal",
    draws: int | None = 200,
    covariates: pd.DataFrame | None = None,
    regimen: Regimen | None = None,
    prior: LinkPrior | None = None,
) -> Risk:
    """Compute the probability of each grade.

    Parameters
    ----------
    problem : Problem
        What was fitted; its data hold the grades.
    posterior : DataTree or Dataset
    at_least : int
        Grade that tables and sentences are about; all grades are computed.
    seed : int
    outcome : str
    scale : str, optional
        Of the grades; needed where the data hold several. Scales are never pooled.
    signal : str
        State or output of the model whose peak drives the grade.
    draws : int, optional
        About so many draws of the posterior.
    covariates : DataFrame, optional
        New patients, one row each, with the covariates that the fit uses; default: those of the
        data. Each row stands for many patients, with random effects of their own in every draw.
    regimen : Regimen, optional
        Schedule of the new patients; default: the doses that all patients of the data got.
    prior : LinkPrior, optional

    Returns
    -------
    Risk

    Raises
    ------
    InputError
        If there are no grades, or several scales and none is named; if a covariate is missing.

    Notes
    -----
    Grades do not change the course. Each draw of the course has its own draw of the ordinal model,
    whose likelihood is averaged over what is uncertain of each patient alone (see `ordinal`): the
    uncertainty of the course reaches the risk and does not flatten its slope.

    The risk of a new patient is a mean over a finite number of patients in each draw; the variance
    that this adds between draws is known from patients with the same covariates and taken out.
    """
    grades = grades_of(problem.data, outcome, scale)
    grades = in_model_time(grades, problem)
    if not 1 <= at_least <= grades.top:
        raise InputError(f"at_least must be a grade from 1 to {grades.top}, got {at_least}.")
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4)]
    course = course_of(problem, posterior, signal=signal, draws=draws)
    fitted = fit_grades(course, grades, streams[0], prior=prior)
    data = thinned(draws_of(problem, posterior, "individual"), draws)
    people = covariates_of(problem.data) if covariates is None else covariates
    schedule = common_schedule(problem) if regimen is None else regimen
    population = _population(problem, data, people, schedule, fitted, course, grades, streams[2])
    return Risk(_patients(course, fitted, grades, streams[3]), population, at_least, grades)


def in_model_time(grades: Grades, problem: Problem) -> Grades:
    """Onsets in the time unit of the model."""
    per = factor(problem.data.time_unit, problem.model.time_unit, "time of onset")
    return replace(grades, onset=grades.onset * per)


def _patients(
    course: Course, fitted: GradeFit, grades: Grades, rng: np.random.Generator
) -> xr.Dataset:
    """Label what is known of the patients of the data."""
    chance = fitted.probability(course)
    drawn = (rng.uniform(size=chance.shape[:2])[..., None] < chance).sum(-1)
    parts: dict[str, Any] = {"risk": chance, "predicted_grade": drawn, "peak": course.peak}
    if fitted.onset is not None:
        parts["onset"] = np.where(drawn > 0, fitted.onset.times(course, rng), np.nan)
    dims = ("chain", "draw", "subject", "grade")
    shape = (course.chains, -1, len(course.subjects))
    found = {
        name: (dims[: array.ndim + 1], array.reshape(*shape, *array.shape[2:]))
        for name, array in parts.items()
    }
    coordinates = {
        **_draws(course),
        "subject": list(course.subjects),
        "grade": grades.levels,
    }
    result = xr.Dataset(found, coordinates, _facts(course, fitted, grades) | {"given": "course"})
    result["peak"].attrs["units"] = course.unit
    if "onset" in result:
        result["onset"].attrs["units"] = course.time_unit
    return result


def _draws(course: Course) -> dict[str, Any]:
    """Labels of the draws of a course."""
    length = len(course.value) // course.chains
    return {"chain": np.arange(course.chains), "draw": np.arange(length)}


def _facts(course: Course, fitted: GradeFit, grades: Grades) -> dict[str, Any]:
    """Say what a reader of the numbers must know, in types that netCDF can hold."""
    return {
        "signal": course.name,
        "outcome": grades.outcome,
        "scale": grades.scale,
        "method": "the grades do not inform the course; its error does not flatten their slope",
        "reference_peak": fitted.reference,
        "dropped_draws": int((~course.kept).sum()),
        "acceptance": fitted.link.acceptance,
        "drift": fitted.link.drift,
        "note": CAVEAT,
    }


def _population(
    problem: Problem,
    data: xr.Dataset,
    people: pd.DataFrame,
    schedule: Regimen,
    fitted: GradeFit,
    course: Course,
    grades: Grades,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Risk of new patients: the mean over those of each draw, who all have other effects."""
    alike = max(2, -(-CROWD // len(people))) if isinstance(problem.family, Hierarchical) else 1
    crowd = people.iloc[np.tile(np.arange(len(people)), alike)]
    theta = newcomers(problem, data, crowd, rng)[course.kept]
    schedules = {f"new {k + 1}": schedule for k in range(len(crowd))}
    new = solve_course(problem, theta, schedules, course.name, whole=False)
    chance = fitted.probability(new)
    chance = chance.reshape(len(chance), alike, len(people), grades.top)
    value = mean_of_alike(chance).reshape(course.chains, -1, grades.top)
    facts = _facts(course, fitted, grades) | {
        "given": "baseline",
        "schedule": in_words(schedule, problem),
        "others": treated_otherwise(schedule, problem, grades.subjects),
    }
    coordinates = {**_draws(course), "grade": grades.levels}
    return xr.Dataset({"risk": (("chain", "draw", "grade"), value)}, coordinates, facts)


def mean_of_alike(chance: Array) -> Array:
    """Mean over patients of each draw, without the noise of their finite number.

    Parameters
    ----------
    chance : float64[draw, alike, patient, grade]
        Falls with the grade. ``alike`` patients differ by their random effects only; NaN: not
        solved.

    Returns
    -------
    float64[draw, grade]
        Falls with the grade as well.
    """
    middle = np.nanmean(chance, axis=(1, 2))
    if chance.shape[1] == 1:
        return np.asarray(middle)
    noise = chance.var(axis=1, ddof=1) / chance.shape[1]
    noise = np.nanmean(noise, axis=1) / chance.shape[2]
    return np.minimum.accumulate(without_noise(middle, noise, 0.0, 1.0), axis=1)


def summarize(chance: xr.DataArray, at_least: int) -> pd.DataFrame:
    """Mean and 90 % interval of P(grade >= k) of each patient, one column per grade.

    Parameters
    ----------
    chance : DataArray, dims chain, draw, subject, grade
    at_least : int
        Grade whose interval is given as ``low`` and ``high``.

    Returns
    -------
    DataFrame
        ``subject``, ``risk_1``, ``risk_2``, ..., ``low``, ``high``.
    """
    mean = chance.mean(("chain", "draw"))
    frame = pd.DataFrame({"subject": chance["subject"].to_numpy()})
    for grade in chance["grade"].to_numpy():
        frame[f"risk_{grade}"] = mean.sel(grade=grade).to_numpy()
    chosen = chance.sel(grade=at_least)
    tail = (1 - PROBABILITY) / 2
    frame["low"] = _quantile(chosen, tail)
    frame["high"] = _quantile(chosen, 1 - tail)
    return frame


def _quantile(values: xr.DataArray, q: float) -> Array:
    """Quantile over the draws that have a value; NaN where none has."""
    flat = values.stack(sample=("chain", "draw")).transpose("subject", "sample").to_numpy()
    kept = [row[np.isfinite(row)] for row in flat]
    return np.array([np.quantile(row, q) if row.size else np.nan for row in kept])
