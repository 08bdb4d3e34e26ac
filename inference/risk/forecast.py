"""`forecast`: the risk of a grade at each landmark day, from what was known on that day."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.dosing import Regimen
from ..arrangement import regimens_of
from ..predict import draws_of, thinned
from ..units import factor
from .courses import horizon_of, solve_course
from .individual import Evidence, Individual, cut_regimen, cut_study, individual_of
from .particles import Particles, start, update

if TYPE_CHECKING:
    from ...datasets.study import Study
    from ..problem import Problem
    from .assessment import GradeFit

__all__ = ["LANDMARKS", "Forecast", "forecast"]

Array = npt.NDArray[np.float64]
LANDMARKS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)  # days
BY = 28.0  # days, within which a grade is forecast
BASELINE = 0.0  # rows at or before the infusion
POINTS = 113  # of the course from which the peak is read


@dataclass(frozen=True, eq=False)
class Forecast:
    """Risk of each grade by the horizon, at each landmark.

    Parameters
    ----------
    risk : DataArray, dims subject, landmark, grade
        P(grade >= k) given the rows up to the landmark; the mean over draws, which is the
        predictive probability.
    low, high : DataArray
        Ends of the 90 % interval of that probability over draws.
    quality : DataFrame
        ``subject``, ``landmark``, ``begun`` (whether the toxicity had by then; missing: not known),
        ``rows`` so far, ``steps``, least ``acceptance``, ``distinct`` draws of the population that
        are left.
    by : float
        Horizon: the grade by then is forecast, in the time unit of the study.
    time_unit : str
        Of landmarks and horizon.
    planned : bool
        Whether later doses counted as known.
    inside : tuple of int
        How many of the patients were in the fit of the population, and in that of the grades.
    """

    risk: xr.DataArray = field(repr=False)
    low: xr.DataArray = field(repr=False)
    high: xr.DataArray = field(repr=False)
    quality: pd.DataFrame = field(repr=False)
    by: float = BY
    time_unit: str = "d"
    planned: bool = False
    inside: tuple[int, int] = (0, 0)

    @property
    def sentence(self) -> str:
        """What was forecast, from what, and how far the computation can be trusted, in words."""
        least = self.quality.iloc[int(self.quality["distinct"].to_numpy().argmin())]
        slow = int((self.quality["acceptance"] < 0.05).sum())
        tail = f"; {slow} updates moved fewer than 5 % of the particles" if slow else ""
        known = "rows up to each landmark, planned doses," if self.planned else (
            "rows and doses up to each landmark")  # fmt: skip
        return (
            f"Forecasts of the grade by {self._when(self.by)} of {self.risk.sizes['subject']} "
            f"patients use their {known} and nothing later{self._inside}{self._begun}; at least "
            f"{int(least['distinct'])} draws of the population are left (subject "
            f"{least['subject']}, {self._when(least['landmark'])}){tail}."
        )

    @property
    def _inside(self) -> str:
        """Say where the patients themselves taught what their forecasts rest on."""
        if not any(self.inside):
            return ""
        fit, grades = self.inside
        return (
            f", but the population was learned from the whole course of {fit} of them and the link "
            f"to the grade from the grade of {grades}"
        )

    @property
    def _begun(self) -> str:
        """Say in how many forecasts the toxicity was there already."""
        count = int(self.quality["begun"].fillna(False).sum())
        if not count:
            return ""
        return (
            f"; in {count} of {len(self.quality)} the toxicity had begun by the landmark (column "
            "begun), which the risk does not take into account"
        )

    def _when(self, time: float) -> str:
        days = self.time_unit in ("", "d", "day")
        return f"day {time:g}" if days else f"{time:g} {self.time_unit}"

    def table(self, at_least: int) -> pd.DataFrame:
        """One row per subject and landmark: ``risk`` with interval, whether it had ``begun``."""
        parts = {"risk": self.risk, "low": self.low, "high": self.high}
        frames = [v.sel(grade=at_least).to_series().rename(k) for k, v in parts.items()]
        frame = pd.concat(frames, axis=1).reset_index()
        return frame.merge(self.quality[["subject", "landmark", "begun"]])


def forecast(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    grading: GradeFit,
    *,
    seed: int,
    signal: str = "signal",
    study: Study | None = None,
    subjects: Sequence[str] | None = None,
    landmarks: Sequence[float] | None = None,
    by: float | None = None,
    draws: int | None = 200,
    particles: int = 400,
    planned: bool = False,
    regimen: Regimen | Mapping[str, Regimen] | None = None,
    observables: Sequence[str] | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> Forecast:
    """Forecast the grade of patients as their measurements arrive.

    Parameters
    ----------
    problem : Problem
        What was fitted, without the patients to forecast if the forecasts are to be scored.
    posterior : DataTree or Dataset
    grading : GradeFit
        From `fit_grades` on the same draws of the posterior (same ``draws``), likewise.
    seed : int
        Each patient has a stream of random numbers of its own.
    signal : str
    study : Study, optional
        Holds the patients to forecast; default: the data of the problem.
    subjects : sequence of str, optional
        Default: all of the study.
    landmarks : sequence of float
        Ascending, in the time unit of the study. 0: before the infusion; infinity: the whole
        course. Default: days 1 to 7.
    by : float, optional
        Horizon, in the time unit of the study: the peak of the signal until then makes the grade.
        Default: 28 days, or the horizon of the model where that is earlier; never later than it.
    draws : int, optional
    particles : int
    planned : bool
        Count doses after the landmark as known beforehand. Default: they may be an answer to the
        course, and are left out; the forecast is then one without further treatment. That holds for
        later doses of a series, and for a schedule in place of the doses of the data, as well.
    regimen : Regimen, or mapping of subject to Regimen, optional
        Schedule of the patients to forecast, in place of the doses of the study; default: that
        which the problem was given.
    observables : sequence of str, optional
        Forecast from the rows of these only, such as those of a marker that is measured fast;
        default: all.
    report : callable
        Told after each patient how far it is.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        If a name is unknown, the landmarks do not ascend, or a patient has no schedule.

    Notes
    -----
    Nothing later of a patient moves its individual parameters. The population and the grading are
    taken as they are: a patient who was in their fits has taught them its whole course and grade.
    A patient who has the toxicity already stays in the table, marked ``begun``; grades seen so far
    are not taken into account.
    """
    study = problem.data if study is None else study
    per_day = factor("d", study.time_unit, "landmarks")
    landmarks = [day * per_day for day in LANDMARKS] if landmarks is None else landmarks
    chosen = tuple(study.subjects if subjects is None else subjects)
    if missing := [s for s in chosen if s not in study.subjects]:
        raise InputError(f"{study.name} has no subject {shown(missing[0])}.")
    if not landmarks or list(landmarks) != sorted(set(landmarks)):
        raise InputError("landmarks must ascend, without repeats.")
    if missing := [o for o in observables or () if o not in study.observables]:
        raise InputError(f"{study.name} has no observable {shown(missing[0])}.")
    until = _horizon(problem, study, by)
    onset = _onsets(study, grading)
    data = kept_draws(thinned(draws_of(problem, posterior, "individual"), draws), grading)
    values, notes = [], []
    for place, subject in enumerate(chosen, 1):
        rng = np.random.default_rng([seed, zlib.crc32(subject.encode())])
        prior = individual_of(problem, data, study, subject)
        given = _schedule(problem, regimen, subject)
        walk = _Walk(
            problem, grading, prior, signal, planned, given, until, start(prior, particles, rng),
            rng, observables,
        )  # fmt: skip
        found = [walk.to(study, subject, day) for day in landmarks]
        values.append(np.array([v for v, _ in found]))
        notes += [
            {"subject": subject, "landmark": d, "begun": _begun(onset.get(subject), d), **n}
            for d, (_, n) in zip(landmarks, found, strict=True)
        ]
        report(f"forecast of {place} of {len(chosen)} patients")
    array = np.array(values)
    coordinates = {"subject": list(chosen), "landmark": list(landmarks),
                   "grade": np.arange(1, array.shape[-1] + 1)}  # fmt: skip
    mean, low, high = (xr.DataArray(array[:, :, k], coordinates) for k in range(3))
    learned = grading.grades.subjects if grading.grades is not None else ()
    inside = tuple(len(set(chosen) & set(among)) for among in (problem.data.subjects, learned))
    quality = pd.DataFrame(notes).astype({"begun": "boolean"})
    end = until * factor(problem.model.time_unit, study.time_unit, "horizon")
    return Forecast(
        mean, low, high, quality, end, study.time_unit, planned, (inside[0], inside[1])
    )  # fmt: skip


def _horizon(problem: Problem, study: Study, by: float | None) -> float:
    """End of the courses, in the time unit of the model."""
    last, unit = horizon_of(problem), problem.model.time_unit
    if by is None:
        return min(BY * factor("d", unit, "horizon"), last) if unit else last
    if not by > 0:
        raise InputError(f"by must be positive, got {by:g}.")
    return min(by * factor(study.time_unit, unit, "horizon"), last)


def _onsets(study: Study, grading: GradeFit) -> dict[str, float]:
    """First time of the toxicity [time unit of the study]; infinity: none, NaN: not known."""
    if grading.grades is None:
        return {}
    try:
        table = study.outcome(grading.grades.outcome, grading.grades.scale or None)
    except InputError:  # not known of these patients
        return {}
    times = np.where(table["value"] > 0, table["time"], np.inf)
    return dict(zip(map(str, table["subject"].to_numpy()), times.tolist(), strict=True))


def _begun(onset: float | None, landmark: float) -> bool | None:
    """Whether the toxicity was there at a landmark; None: not known."""
    return None if onset is None or np.isnan(onset) else onset <= landmark


def _schedule(
    problem: Problem, regimen: Regimen | Mapping[str, Regimen] | None, subject: str
) -> Regimen | None:
    """Whole schedule of a patient in place of the doses of its data, if there is one."""
    given = problem.regimen if regimen is None else regimen
    if given is None or isinstance(given, Regimen):
        return given
    if subject not in given and subject not in problem.data.subjects:
        raise InputError(f"subject {shown(subject)} has no schedule: give it one with regimen=.")
    return given.get(subject, Regimen())


def kept_draws(data: xr.Dataset, grading: GradeFit) -> xr.Dataset:
    """Keep the draws that the ordinal model belongs to."""
    count = data.sizes["chain"] * data.sizes["draw"]
    if grading.kept.size != count or grading.kept.sum() != len(grading.link.cuts):
        raise InputError(
            f"the grades were fitted on {grading.kept.size} draws of the course, the forecast has "
            f"{count}: use the same posterior and the same number of draws."
        )
    if grading.kept.all():
        return data
    flat = data.stack(sample=("chain", "draw")).isel(sample=np.flatnonzero(grading.kept))
    flat = flat.drop_vars(["chain", "draw", "sample"]).rename(sample="draw").expand_dims("chain")
    return flat.transpose("chain", "draw", ...)


@dataclass
class _Walk:
    """One patient, from landmark to landmark."""

    problem: Problem
    grading: GradeFit
    prior: Individual
    signal: str
    planned: bool
    given: Regimen | None
    until: float
    particles: Particles
    rng: np.random.Generator
    observables: Sequence[str] | None = None
    day: float = -np.inf

    def to(self, study: Study, subject: str, day: float) -> tuple[Array, dict[str, float]]:
        """Mean and interval of P(grade >= k) at a landmark; what it took."""
        known = cut_study(study, subject, day, planned=self.planned, observables=self.observables)
        per = factor(study.time_unit, self.problem.model.time_unit, "time")
        regimen = self._regimen(study, subject, day)
        rows = 0
        if known is not None:
            rows = known.observations.sizes["row"]
            evidence = Evidence(self.problem, known, self.day * per, regimen)
            if not evidence.empty and (known.observations["time"] > self.day).any():
                self.particles = update(self.particles, self.prior, evidence, self.rng)
        self.day = day
        chance = self._chance(regimen)
        tails = np.quantile(chance, [0.05, 0.95], axis=0)
        p = self.particles
        note = {"rows": rows, "steps": p.steps, "acceptance": p.acceptance, "distinct": p.distinct}
        return np.stack([chance.mean(axis=0), *tails]), note

    def _regimen(self, study: Study, subject: str, day: float) -> Regimen:
        """Doses that are known on a day, also of a patient without a measurement so far."""
        whole = self.given
        if whole is None:
            whole = regimens_of(self.problem.model, study.select(subjects=[subject]), None)[0]
        per = factor(study.time_unit, self.problem.model.time_unit, "time")
        return whole if self.planned else cut_regimen(whole, day * per)

    def _chance(self, regimen: Regimen) -> Array:
        """P(grade >= k) of each particle, by its own draw of the ordinal model."""
        who = self.particles.who
        theta = self.prior.theta(who, self.particles.z)[:, None, :]
        course = solve_course(
            self.problem, theta, {"patient": regimen}, self.signal, points=POINTS,
            until=self.until, whole=False,
        )  # fmt: skip
        x = course.predictor(self.grading.reference)[:, 0]
        link = self.grading.link
        eta = np.einsum("mj,mj->m", x, link.slope[who])
        chance = 1 / (1 + np.exp(np.clip(link.cuts[who] - eta[:, None], -700, 700)))
        sound = np.isfinite(chance).all(axis=1)
        return np.asarray(chance[sound])
