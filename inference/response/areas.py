"""Areas and crossings of measured concentrations, by the linear-up, log-down rule.

Between two samples a concentration that rises, or touches zero, follows a straight line; one that
falls follows an exponential. Arrays in, numbers out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["METHODS", "Terminal", "above", "area", "terminal_phase"]

Array = npt.NDArray[Any]
METHODS = ("lin up/log down", "linear")
TOLERANCE = 1e-4  # of adjusted R2, within which more points win
FEWEST = 3  # samples in a terminal phase


def area(time: Array, value: Array, method: str = METHODS[0]) -> float:
    """Area under the samples; float64[k] both.

    Examples
    --------
    >>> round(area(np.array([0.0, 1.0, 2.0]), np.array([0.0, 4.0, 2.0])), 4)
    4.8854
    """
    total = 0.0
    for step, first, last in zip(np.diff(time), value, value[1:], strict=False):
        if method == METHODS[0] and 0 < last < first:
            total += float(step * (first - last) / math.log(first / last))
        else:
            total += float(step * (first + last) / 2)
    return total


def above(time: Array, value: Array, level: float, method: str = METHODS[0]) -> float:
    """Time for which the interpolated samples are above a level."""
    total = 0.0
    for step, first, last in zip(np.diff(time), value, value[1:], strict=False):
        if min(first, last) > level:
            total += float(step)
        elif max(first, last) > level:
            part = (max(first, last) - level) / abs(last - first)
            if method == METHODS[0] and 0 < last < first and level > 0:
                part = math.log(first / level) / math.log(first / last)
            total += float(step * part)
    return total


@dataclass(frozen=True)
class Terminal:
    """Terminal phase of one curve; NaN where there is none."""

    rate: float = math.nan
    intercept: float = math.nan
    points: int = 0
    first: float = math.nan
    adjusted: float = math.nan
    last: float = math.nan

    @property
    def half_life(self) -> float:
        """``ln(2) / rate``."""
        return math.log(2) / self.rate

    @property
    def span(self) -> float:
        """Length of the phase in half-lives; below 2 the half-life is a guess."""
        return (self.last - self.first) / self.half_life


def terminal_phase(time: Array, value: Array, after: float) -> Terminal:
    """Find the log-linear end of a curve.

    Parameters
    ----------
    time, value : float64[k]
        Samples up to the last quantifiable one, values positive.
    after : float
        Only samples later than this (the peak) take part.

    Returns
    -------
    Terminal
        Of the last 3, 4, ... samples, the fit with the largest adjusted R2; of those within 1e-4
        of it, the one with most samples; none when it does not fall.
    """
    late = time > after
    t, log_value = time[late], np.log(value[late])
    fits = [_line(t[-n:], log_value[-n:]) for n in range(FEWEST, t.size + 1)]
    fits = [f for f in fits if math.isfinite(f.adjusted)]
    if not fits:
        return Terminal()
    best = max(f.adjusted for f in fits)
    good = [f for f in fits if f.adjusted > best - TOLERANCE and f.rate > 0]
    return max(good, key=lambda f: f.points, default=Terminal())


def _line(t: Array, y: Array) -> Terminal:
    """Least-squares line through logarithms."""
    n = t.size
    spread = float(((t - t.mean()) ** 2).sum())
    slope = float(((t - t.mean()) * (y - y.mean())).sum()) / spread
    start = float(y.mean() - slope * t.mean())
    total = float(((y - y.mean()) ** 2).sum())
    left = float(((y - start - slope * t) ** 2).sum())
    square = 1 - left / total if total > 0 else math.nan
    adjusted = 1 - (1 - square) * (n - 1) / (n - 2)
    return Terminal(-slope, start, n, float(t[0]), adjusted, float(t[-1]))
