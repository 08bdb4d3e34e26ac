"""Grades of held-out patients by the mechanistic model: how a patient leaves what predicts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.writing import write_netcdf
from ...models.dosing import Regimen
from ..predict import draws_of, thinned
from .assessment import fit_grades
from .courses import Course, course_of
from .forecast import forecast
from .leave_out import without

if TYPE_CHECKING:
    from ..problem import Problem
    from .grades import Grades

__all__ = ["HeldOut", "Refit"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Refit = Callable[["Problem"], xr.DataTree]
PARTICLES = 400


@dataclass
class HeldOut:
    """One cross-validation of the mechanistic model.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    grades : Grades
    fold : int64[subject]
    untils : tuple of float
        Landmarks: last times of the rows that are known of a held-out patient.
    signal, draws, seed, report
        As in `cross_validate`.
    sets : tuple of (tuple of str, or None)
        Observables whose rows are known of a held-out patient; None: all.
    """

    problem: Problem
    posterior: xr.DataTree | xr.Dataset
    grades: Grades
    fold: Whole
    untils: tuple[float, ...]
    signal: str
    draws: int | None
    seed: int
    report: Callable[[str], None]
    sets: tuple[tuple[str, ...] | None, ...] = (None,)

    def by_course(self) -> Array:
        """Predict with the fit as it is: courses of all, grades of the other folds.

        Returns
        -------
        float64[subject, grade]
        """
        course = course_of(self.problem, self.posterior, signal=self.signal, draws=self.draws)
        chance = np.empty((self.fold.size, self.grades.top))
        for k in np.unique(self.fold):
            rng = np.random.default_rng([self.seed, int(k)])
            grading = fit_grades(course, self._training(self.fold != k), rng, onset=False)
            held = course.take(self._names(self.fold == k))
            chance[self.fold == k] = grading.probability(held).mean(axis=0)
        return chance

    def by_importance(self, rng: np.random.Generator) -> tuple[Array, dict[str, float]]:
        """Predict each patient from draws weighted as if it had not been in the fit.

        Returns
        -------
        float64[set, landmark, subject, grade]
        dict of subject to Pareto's k
        """
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
            found = self._forecast(self.problem, _picked(data, place), grading, [subject], None)
            chance[:, :, k] = found[:, :, 0]
            self.report(f"{k + 1} of {self.fold.size} patients, Pareto k {shapes[subject]:.2f}")
        return chance, shapes

    def by_refits(self, refit: Refit, cache: Path | None, jobs: int) -> Array:
        """Predict each fold from a fit without it; float64[set, landmark, subject, grade]."""
        from joblib import Parallel, delayed

        chance = self._nothing_yet()
        names = np.unique(self.fold)
        run = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
        for k, found in zip(
            names, run(delayed(self._fold)(k, refit, cache) for k in names), strict=True
        ):
            chance[:, :, self.fold == k] = found
            self.report(f"fold {k + 1} of {names.size}")
        return chance

    def _fold(self, k: int, refit: Refit, cache: Path | None) -> Array:
        train = self._without(self.fold == k)
        tree = _kept(cache, train, refit)
        course = course_of(train, tree, signal=self.signal, draws=self.draws)
        rng = np.random.default_rng([self.seed, int(k)])
        grading = fit_grades(course, self._training(self.fold != k), rng, onset=False)
        return self._forecast(train, tree, grading, self._names(self.fold == k), self.draws)

    def _nothing_yet(self) -> Array:
        return np.empty((len(self.sets), len(self.untils), self.fold.size, self.grades.top))

    def _forecast(
        self, train: Problem, tree: object, grading: object, names: list[str], draws: int | None
    ) -> Array:
        """P(grade >= k); float64[set, landmark, subject, grade]."""
        each = [
            forecast(
                train, tree, grading, seed=self.seed, signal=self.signal,  # type: ignore[arg-type]
                study=self.problem.data, subjects=names, landmarks=self.untils, draws=draws,
                by=np.inf, particles=PARTICLES, regimen=self.problem.regimen, observables=known,
            ).risk.to_numpy()
            for known in self.sets
        ]  # fmt: skip
        return np.moveaxis(np.stack(each), 2, 1)

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
