"""`cross_validate`: predictions of patients whose grade was held out, beside the simple models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.writing import write_netcdf
from ...models.dosing import Regimen
from ..checks.check import Check
from ..predict import draws_of, thinned
from ..units import factor
from .assessment import fit_grades, in_model_time
from .baselines import burden_and_dose, marker_panel, nothing, predict_held_out
from .calibration import calibration
from .courses import Course, course_of
from .folds import folds_of
from .forecast import forecast
from .grades import Grades, grades_of
from .leave_out import LIMIT, without
from .scores import score_table
from .verdict import verdict

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["MECHANISTIC", "Validation", "cross_validate", "validations"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Refit = Callable[["Problem"], xr.DataTree]
MECHANISTIC = "mechanistic model"
METHODS = ("refit", "importance")
PARTICLES = 400


@dataclass(frozen=True, eq=False)
class Validation:
    """Predictions of held-out patients, and their scores.

    Parameters
    ----------
    predictions : mapping of model to float64[subject, grade]
        P(grade >= k); the mechanistic model first.
    grades : Grades
    fold : int64[subject]
    at_least : int
    given : str
        What was known of a held-out patient, in words.
    notes : tuple of str
        How it was done, and what was imputed or left out.
    pareto_k : mapping of subject to float
        Where draws were weighted instead of refitted.
    seed : int
    """

    predictions: Mapping[str, Array] = field(repr=False)
    grades: Grades
    fold: Whole = field(repr=False)
    at_least: int
    given: str
    notes: tuple[str, ...] = ()
    pareto_k: Mapping[str, float] = field(default_factory=dict, repr=False)
    seed: int = 0

    @property
    def scores(self) -> pd.DataFrame:
        """Scores with intervals, differences from the mechanistic model; see `score_table`."""
        return score_table(self.predictions, self.grades.reached, self.at_least, seed=self.seed)

    @property
    def verdict(self) -> str:
        """Which model predicts better; a simple one that does is named first."""
        return verdict(self.scores, MECHANISTIC, self.given)

    @property
    def table(self) -> pd.DataFrame:
        """One row per patient: fold, grade, predicted risk by each model."""
        frame = pd.DataFrame(
            {"subject": self.grades.subjects, "fold": self.fold, "grade": self.grades.value}
        )
        for name, chance in self.predictions.items():
            frame[name] = chance[:, self.at_least - 1]
        return frame

    def calibration(self, model: str = MECHANISTIC) -> Check:
        """Calibration of one of the models."""
        k = self.at_least - 1
        chance, event = self.predictions[model][:, k], self.grades.reached[:, k]
        name = model.removesuffix(" model")
        return calibration(chance, event, at_least=self.at_least, seed=self.seed, model=name)


def cross_validate(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    seed: int,
    given: str = "course",
    at_least: int = 3,
    folds: int = 10,
    method: str = "importance",
    outcome: str = "crs",
    scale: str | None = None,
    signal: str = "signal",
    draws: int | None = 200,
    refit: Refit | None = None,
    cache: str | Path | None = None,
    jobs: int = 1,
    report: Callable[[str], None] = lambda text: None,
) -> Validation:
    """Predict the grade of each patient from the other patients, and score the predictions.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    seed : int
    given : str
        What is known of a held-out patient: ``"baseline"`` (covariates, and rows up to the
        infusion), ``"course"`` (all rows: a diagnosis, no forecast), or ``"until day 3"``. Its
        grade is never known.
    at_least : int
    folds : int
    method : {"importance", "refit"}
        How the held-out patient leaves the population, where its later course must not be known.
        ``"importance"`` weights the draws of the fit, one patient at a time; ``"refit"`` fits the
        model again without each fold. In both, grades are those of the other folds, for the
        mechanistic model as for the simple ones. With ``given="course"`` no course is held out and
        the fit stands as it is.
    outcome, scale, signal, draws
        As in `risk`.
    refit : callable, optional
        From the problem without a fold to its posterior; default: `fit` with 4 chains of 500
        draws.
    cache : path, optional
        Folder that keeps the posterior of each refit: an interrupted validation continues there.
    jobs : int
        Refits that run at a time.
    report : callable
        Told of progress.

    Returns
    -------
    Validation
    """
    return validations(
        problem, posterior, (given,), seed=seed, at_least=at_least, folds=folds, method=method,
        outcome=outcome, scale=scale, signal=signal, draws=draws, refit=refit, cache=cache,
        jobs=jobs, report=report,
    )[0]  # fmt: skip


def validations(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    given: Sequence[str],
    *,
    seed: int,
    at_least: int = 3,
    folds: int = 10,
    method: str = "importance",
    outcome: str = "crs",
    scale: str | None = None,
    signal: str = "signal",
    draws: int | None = 200,
    refit: Refit | None = None,
    cache: str | Path | None = None,
    jobs: int = 1,
    report: Callable[[str], None] = lambda text: None,
) -> list[Validation]:
    """`cross_validate` for several states of knowledge, which share folds, weights and refits.

    Of landmarks that ascend; ``"course"`` alone.
    """
    untils = tuple(landmark(g, problem.data.time_unit) for g in given)
    if method not in METHODS:
        raise InputError(f"method must be {' or '.join(METHODS)}, got {method!r}.")
    grades = in_model_time(grades_of(problem.data, outcome, scale), problem)
    if not 1 <= at_least <= grades.top:
        raise InputError(f"at_least must be a grade from 1 to {grades.top}, got {at_least}.")
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3)]
    fold = folds_of(grades.value, folds, streams[0])
    job = _Job(problem, posterior, grades, fold, untils, signal, draws, seed, report)
    shapes: dict[str, float] = {}
    if untils == (np.inf,):
        ours, how = job.by_course()[None], "no course was held out"
    elif method == "importance":
        ours, shapes = job.by_importance(streams[1])
        high = sum(k > LIMIT for k in shapes.values())
        how = (
            f"each patient left the population by weights on its draws; Pareto k above {LIMIT} in "
            f"{high} of {len(shapes)} patients" + ("; these need refits" if high else "")
        )
    else:
        ours = job.by_refits(refit or _refit(seed), Path(cache) if cache else None, jobs)
        how = f"the model was fitted again without each of {folds} folds"
    done = (
        f"{len(grades.subjects)} patients in {folds} folds; {how}; the ordinal model never saw "
        "the grade of a patient that it predicts."
    )
    found, begun = [], streams[2].bit_generator.state
    for known, until, chance in zip(given, untils, ours, strict=True):
        streams[2].bit_generator.state = begun
        simple, notes = _baselines(problem, grades, fold, until, streams[2])
        every = {MECHANISTIC: chance, **simple}
        found.append(
            Validation(every, grades, fold, at_least, words(known), (done, *notes), shapes, seed)
        )
    return found


def landmark(given: str, unit: str = "d") -> float:
    """Last time of the rows that are known of a held-out patient, in a unit of time.

    Examples
    --------
    >>> landmark("baseline"), landmark("course"), landmark("until day 2.5")
    (0.0, inf, 2.5)
    >>> landmark("until day 2", "h")
    48.0
    """
    if given in ("baseline", "course"):
        return 0.0 if given == "baseline" else float("inf")
    found = re.fullmatch(r"until day (\d+(?:\.\d+)?)", given.strip())
    if not found:
        raise InputError(f"given must be baseline, course or 'until day D', got {given!r}.")
    return float(found[1]) * factor("d", unit, "landmark")


def words(given: str) -> str:
    """Say what is known of a held-out patient."""
    known = {
        "baseline": "covariates and the rows before the infusion only",
        "course": "the whole time course (a diagnosis, not a forecast)",
    }
    return known.get(given, f"covariates and the rows {given}")


def _refit(seed: int) -> Refit:
    def again(problem: Problem) -> xr.DataTree:
        from ..fit import fit

        return fit(problem, seed=seed, draws=500, tune=700, log_likelihood=False, progress=False)

    return again


def _baselines(
    problem: Problem, grades: Grades, fold: Whole, until: float, rng: np.random.Generator
) -> tuple[dict[str, Array], list[str]]:
    """Predictions of the simple models in the same folds, and what was done for them."""
    study, subjects = problem.data, grades.subjects
    found, notes = {}, []
    for simple in (
        burden_and_dose(study, subjects),
        marker_panel(study, subjects, until=until),
        nothing(subjects),
    ):
        found[simple.name] = predict_held_out(simple, grades, fold, rng)
        if simple.columns or simple.note:
            gaps = f"; {simple.missing} missing values imputed" if simple.missing else ""
            extra = f"; {simple.note}" if simple.note else ""
            notes.append(f"{simple.name}: {', '.join(simple.columns) or 'nothing'}{gaps}{extra}.")
    return found, notes


@dataclass
class _Job:
    """One cross-validation of the mechanistic model."""

    problem: Problem
    posterior: xr.DataTree | xr.Dataset
    grades: Grades
    fold: Whole
    untils: tuple[float, ...]
    signal: str
    draws: int | None
    seed: int
    report: Callable[[str], None]

    def by_course(self) -> Array:
        """Predict with the fit as it is: courses of all, grades of the other folds."""
        course = course_of(self.problem, self.posterior, signal=self.signal, draws=self.draws)
        chance = np.empty((self.fold.size, self.grades.top))
        for k in np.unique(self.fold):
            rng = np.random.default_rng([self.seed, int(k)])
            grading = fit_grades(course, self._training(self.fold != k), rng, onset=False)
            held = course.take(self._names(self.fold == k))
            chance[self.fold == k] = grading.probability(held).mean(axis=0)
        return chance

    def by_importance(self, rng: np.random.Generator) -> tuple[Array, dict[str, float]]:
        """Predict each patient from draws weighted as if it had not been in the fit."""
        data = thinned(draws_of(self.problem, self.posterior, "individual"), self.draws)
        course = course_of(self.problem, data, signal=self.signal, draws=None)
        if not course.kept.all():
            raise InputError("some draws cannot be solved: use method='refit', or other draws.")
        chance, shapes = self._nothing_yet(), {}
        for k, subject in enumerate(self.grades.subjects):
            place, shapes[subject] = without(self.problem, data, subject, rng)
            part = _drawn(course, place)
            others = self._training(self.fold != self.fold[k])
            grading = fit_grades(part, others, rng, onset=False)
            found = self._forecast(self.problem, _picked(data, place), grading, [subject])
            chance[:, k] = found[:, 0]
            self.report(f"{k + 1} of {self.fold.size} patients, Pareto k {shapes[subject]:.2f}")
        return chance, shapes

    def by_refits(self, refit: Refit, cache: Path | None, jobs: int) -> Array:
        """Predict each fold from a fit without it."""
        from joblib import Parallel, delayed

        chance = self._nothing_yet()
        names = np.unique(self.fold)
        run = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
        for k, found in zip(
            names, run(delayed(self._fold)(k, refit, cache) for k in names), strict=True
        ):
            chance[:, self.fold == k] = found
            self.report(f"fold {k + 1} of {names.size}")
        return chance

    def _fold(self, k: int, refit: Refit, cache: Path | None) -> Array:
        train = self._without(self.fold == k)
        tree = _kept(cache, train, refit)
        course = course_of(train, tree, signal=self.signal, draws=self.draws)
        rng = np.random.default_rng([self.seed, int(k)])
        grading = fit_grades(course, self._training(self.fold != k), rng, onset=False)
        return self._forecast(train, tree, grading, self._names(self.fold == k))

    def _nothing_yet(self) -> Array:
        return np.empty((len(self.untils), self.fold.size, self.grades.top))

    def _forecast(self, train: Problem, tree: object, grading: object, names: list[str]) -> Array:
        """P(grade >= k); float64[landmark, subject, grade]."""
        found = forecast(
            train, tree, grading, seed=self.seed, signal=self.signal,  # type: ignore[arg-type]
            study=self.problem.data, subjects=names, landmarks=self.untils, draws=self.draws,
            by=np.inf, particles=PARTICLES, regimen=self.problem.regimen,
        )  # fmt: skip
        return np.moveaxis(found.risk.to_numpy(), 1, 0)

    def _without(self, out: npt.NDArray[np.bool_]) -> Problem:
        """Leave the patients of a fold out of the problem."""
        gone = set(self._names(out))
        kept = [s for s in self.problem.data.subjects if s not in gone]
        given = self.problem.regimen
        if given is not None and not isinstance(given, Regimen):
            given = {s: r for s, r in given.items() if s in kept}
        return replace(self.problem, data=self.problem.data.select(subjects=kept), regimen=given)

    def _training(self, ours: npt.NDArray[np.bool_]) -> Grades:
        return self.grades.take(self._names(ours))

    def _names(self, mask: npt.NDArray[np.bool_]) -> list[str]:
        return [s for s, k in zip(self.grades.subjects, mask, strict=True) if k]


def _kept(cache: Path | None, train: Problem, refit: Refit) -> xr.DataTree:
    """Fit, or read what an earlier validation of the same problem left."""
    if cache is None:
        return refit(train)
    path = cache / f"{train.id}.nc"
    if path.exists():
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    tree = refit(train)
    cache.mkdir(parents=True, exist_ok=True)
    write_netcdf(xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset()}), path)
    return tree


def _drawn(course: Course, place: Whole) -> Course:
    return replace(course, value=course.value[place], chains=1, kept=np.ones(place.size, bool))


def _picked(data: xr.Dataset, place: Whole) -> xr.Dataset:
    """Draws at these positions, as one chain."""
    length = data.sizes["draw"]
    chain, draw = (
        xr.DataArray(place // length, dims="new"),
        xr.DataArray(place % length, dims="new"),
    )
    picked = data.isel(chain=chain, draw=draw).drop_vars(["chain", "draw"], errors="ignore")
    return picked.rename(new="draw").expand_dims("chain").transpose("chain", "draw", ...)
