"""When a toxicity begins: a hazard that follows the signal, given that it begins at all.

``h(t) = h0 (signal(t) / reference) ** (b / ln 10)``, ``b`` per tenfold of the signal. Among those
with a grade, ``P(onset < t) = (1 - exp(-H(t))) / (1 - exp(-H(T)))`` with ``H`` the integral of
``h`` and ``T`` the horizon; whether there is a grade at all is left to the ordinal model, so that
both agree. Onsets are known to an interval: a grade is given once a day, whatever the time unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..units import factor
from .courses import Course
from .grades import Grades
from .walk import mode_of, walk

__all__ = ["Onset", "fit_onset", "intervals"]

Array = npt.NDArray[np.float64]
FEWEST = 5  # known onsets, below which there is no model of them
GRID = 8  # every eighth point of the course is enough for an integral
STEPS = 60


@dataclass(frozen=True, eq=False)
class Onset:
    """Draws of the two parameters of the hazard.

    Parameters
    ----------
    rate : float64[draw]
        ``h0``, per time unit.
    slope : float64[draw]
        ``b``, per tenfold of the signal.
    reference : float
    known : int
        Onsets that it was learned from.
    """

    rate: Array = field(repr=False)
    slope: Array = field(repr=False)
    reference: float = 1.0
    known: int = 0

    def times(self, course: Course, rng: np.random.Generator) -> Array:
        """Draw the onset of each patient, given that there is one; float64[draw, subject]."""
        time, hazard = _cumulative(course, self.reference, self.slope)
        hazard = hazard * self.rate[:, None, None]
        level = -np.log1p(rng.uniform(size=hazard.shape[:2]) * np.expm1(-hazard[..., -1]))
        after = np.clip((hazard < level[..., None]).sum(-1), 1, time.size - 1)[..., None]
        low = np.take_along_axis(hazard, after - 1, -1)[..., 0]
        high = np.take_along_axis(hazard, after, -1)[..., 0]
        share = np.clip((level - low) / np.maximum(high - low, 1e-300), 0, 1)
        at = after[..., 0]
        return np.asarray(time[at - 1] + share * (time[at] - time[at - 1]))


def _cumulative(course: Course, reference: float, slope: Array) -> tuple[Array, Array]:
    """Integral of the hazard at ``h0 = 1``; float64[draw, subject, time]."""
    kept = np.unique([*range(0, course.time.size, GRID), course.time.size - 1])
    time = course.time[kept]
    level = np.log10(course.value[..., kept] / reference)
    hazard = np.exp(np.clip(slope[:, None, None] * level, -60, 30))
    steps = np.diff(time) * (hazard[..., 1:] + hazard[..., :-1]) / 2
    whole = np.cumsum(steps, axis=-1)
    return time, np.concatenate([np.zeros((*whole.shape[:2], 1)), whole], axis=-1)


def intervals(onset: Array) -> tuple[Array, Array]:
    """Between which times each onset lies, all in days.

    Onsets in whole days are those of the daily visit that saw the first grade: the day before it.
    Others are taken to be half a day exact.
    """
    whole = bool(np.allclose(onset, np.round(onset), rtol=0, atol=1e-9))
    low, high = (onset - 1, onset) if whole else (onset - 0.5, onset + 0.5)
    return np.maximum(low, 0.0), np.maximum(high, 0.5)


def fit_onset(course: Course, grades: Grades, rng: np.random.Generator) -> Onset | None:
    """Learn the hazard from known onsets.

    Parameters
    ----------
    course : Course
        Of the subjects of the grades, in this order.
    grades : Grades
        Onsets in the time unit of the course.
    rng : Generator

    Returns
    -------
    Onset or None
        None with fewer than five known onsets.
    """
    seen = np.isfinite(grades.onset) & (grades.onset <= course.time[-1]) & (grades.value > 0)
    if seen.sum() < FEWEST:
        return None
    part = course.take([s for s, k in zip(grades.subjects, seen, strict=True) if k])
    day = factor("d", course.time_unit, "time of onset")
    part = replace(part, time=part.time / day)
    low, high = intervals(grades.onset[seen] / day)
    ends = low, np.minimum(high, part.time[-1])
    reference = part.reference
    middle = replace(part, value=np.exp(np.log(part.value).mean(axis=0, keepdims=True)))
    start = mode_of(_density(middle, ends, reference), np.array([0.0, 2.0]))
    found = walk(_density(part, ends, reference), start, len(part.value), rng, STEPS)
    rate = np.exp(found.draws[:, 0]) / day
    return Onset(rate, found.draws[:, 1], reference, int(seen.sum()))


def _density(
    course: Course, ends: tuple[Array, Array], reference: float
) -> Callable[[Array], Array]:
    """Log posterior density of the logarithm of the rate per day, and the slope."""

    def density(state: Array) -> Array:
        time, hazard = _cumulative(course, reference, state[:, 1])
        hazard = hazard * np.exp(state[:, 0])[:, None, None]
        begin, end = (_at(time, hazard, bound) for bound in ends)
        score = -begin + np.log(-np.expm1(-np.maximum(end - begin, 1e-300)))
        score = score - np.log(-np.expm1(-np.maximum(hazard[..., -1], 1e-300)))
        prior = -0.5 * (state[:, 0] / 2.5) ** 2 - 0.5 * ((state[:, 1] - 2.0) / 3.0) ** 2
        return np.asarray(score.sum(axis=1) + prior)

    return density


def _at(time: Array, hazard: Array, when: Array) -> Array:
    """Read the integral at one time of each subject, linearly; float64[draw, subject]."""
    after = np.clip(np.searchsorted(time, when), 1, time.size - 1)
    share = (when - time[after - 1]) / (time[after] - time[after - 1])
    rows = np.arange(when.size)
    low, high = hazard[:, rows, after - 1], hazard[:, rows, after]
    return np.asarray(low + share * (high - low))
