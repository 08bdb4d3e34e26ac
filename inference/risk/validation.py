"""`cross_validate`: predictions of patients whose grade was held out, beside the simple models."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ..checks.check import Check
from ..units import factor
from .assessment import in_model_time
from .baselines import burden_and_dose, marker_panel, nothing, predict_held_out
from .calibration import calibration
from .folds import folds_of
from .grades import Grades, grades_of
from .held_out import HeldOut, Refit
from .leave_out import LIMIT
from .scores import score_table
from .verdict import verdict

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["MECHANISTIC", "Validation", "cross_validate", "known_observables", "validations"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
MECHANISTIC = "mechanistic model"
METHODS = ("refit", "importance")
Known = tuple[str, ...] | None  # observables whose rows are known of a held-out patient; None: all


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
    observables: Sequence[str] | None = None,
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
    observables : sequence of str, optional
        Of a held-out patient only the rows of these are known, to the mechanistic model and to the
        marker panel; default: all, and the usual markers in the panel. The other patients, and how
        a patient leaves the population, are the same.
    report : callable
        Told of progress.

    Returns
    -------
    Validation
    """
    return validations(
        problem, posterior, (given,), seed=seed, at_least=at_least, folds=folds, method=method,
        outcome=outcome, scale=scale, signal=signal, draws=draws, refit=refit, cache=cache,
        jobs=jobs, report=report, sets=(observables,),
    )[0][0]  # fmt: skip


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
    sets: Sequence[Sequence[str] | None] = (None,),
    report: Callable[[str], None] = lambda text: None,
) -> list[list[Validation]]:
    """`cross_validate` for several states of knowledge, which share folds, weights and refits.

    Of landmarks that ascend; ``"course"`` alone. One list for each of the sets of observables.
    """
    untils = tuple(landmark(g, problem.data.time_unit) for g in given)
    if method not in METHODS:
        raise InputError(f"method must be {' or '.join(METHODS)}, got {method!r}.")
    grades = in_model_time(grades_of(problem.data, outcome, scale), problem)
    if not 1 <= at_least <= grades.top:
        raise InputError(f"at_least must be a grade from 1 to {grades.top}, got {at_least}.")
    chosen = tuple(known_observables(problem, known) for known in sets)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3)]
    fold = folds_of(grades.value, folds, streams[0])
    job = HeldOut(problem, posterior, grades, fold, untils, signal, draws, seed, report, chosen)
    shapes: dict[str, float] = {}
    if untils == (np.inf,) and set(chosen) == {None}:
        ours, how = job.by_course()[None, None], "no course was held out"
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
    begun = streams[2].bit_generator.state

    def one(known: Known, day: str, until: float, chance: Array) -> Validation:
        streams[2].bit_generator.state = begun
        simple, notes = _baselines(problem, grades, fold, until, known, streams[2])
        every = {MECHANISTIC: chance, **simple}
        notes = [done, *_blind(problem, known), *notes]
        said = words(day, known)
        return Validation(every, grades, fold, at_least, said, tuple(notes), shapes, seed)

    return [
        [one(known, *each) for each in zip(given, untils, part, strict=True)]
        for known, part in zip(chosen, ours, strict=True)
    ]


def known_observables(problem: Problem, names: Sequence[str] | None) -> Known:
    """Check a choice of observables; None is all of them."""
    if names is None:
        return None
    study = problem.data
    if not names:
        raise InputError("observables must name at least one; leave it out for all of them.")
    if missing := [o for o in names if o not in study.observables]:
        raise InputError(
            f"{study.name} has no observable {shown(missing[0])}; it has "
            f"{', '.join(study.observables)}."
        )
    return tuple(dict.fromkeys(names))


def _blind(problem: Problem, known: Known) -> list[str]:
    """Say which of the observables the mechanistic model has no place for."""
    apart = [o for o in known or () if o not in problem.targets]
    if not apart:
        return []
    names = ", ".join(apart)
    return [f"{MECHANISTIC}: the fit has no rows of {names}, so nothing is learned from them."]


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


def words(given: str, known: Known = None) -> str:
    """Say what is known of a held-out patient, and of which observables."""
    rows = {
        "baseline": "covariates and the rows before the infusion only",
        "course": "the whole time course (a diagnosis, not a forecast)",
    }
    said = rows.get(given, f"covariates and the rows {given}")
    return said if known is None else f"{said}, of {', '.join(known)} alone"


def _refit(seed: int) -> Refit:
    def again(problem: Problem) -> xr.DataTree:
        from ..fit import fit

        return fit(problem, seed=seed, draws=500, tune=700, log_likelihood=False, progress=False)

    return again


def _baselines(
    problem: Problem,
    grades: Grades,
    fold: Whole,
    until: float,
    known: Known,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], list[str]]:
    """Predictions of the simple models in the same folds, and what was done for them."""
    study, subjects = problem.data, grades.subjects
    found, notes = {}, []
    for simple in (
        burden_and_dose(study, subjects),
        marker_panel(study, subjects, until=until, observables=known),
        nothing(subjects),
    ):
        found[simple.name] = predict_held_out(simple, grades, fold, rng)
        if simple.columns or simple.note:
            gaps = f"; {simple.missing} missing values imputed" if simple.missing else ""
            extra = f"; {simple.note}" if simple.note else ""
            notes.append(f"{simple.name}: {', '.join(simple.columns) or 'nothing'}{gaps}{extra}.")
    return found, notes
