"""Numbers that sum up a curve on a grid of times; arrays in, arrays out, time last.

Between two times of the grid a curve is a straight line. A curve with a value that is not finite
has no metrics: they are NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["area", "cut_window", "last_above", "peak", "refined_peak", "steepest", "time_above"]

Array = npt.NDArray[Any]


def cut_window(time: Array, y: Array, begin: float, end: float) -> tuple[Array, Array]:
    """Cut a window out, with values at its ends by interpolation.

    Parameters
    ----------
    time : float64[t]
        Ascending; reaches from ``begin`` or earlier to ``end`` or later.
    y : float64[..., t]
    begin, end : float

    Returns
    -------
    float64[s], float64[..., s]
    """
    inside = (time > begin) & (time < end)
    grid = np.concatenate([[begin], time[inside], [end]])
    left, right = at(time, y, begin), at(time, y, end)
    return grid, np.concatenate([left[..., None], y[..., inside], right[..., None]], axis=-1)


def at(time: Array, y: Array, when: float) -> Array:
    """Values at one time, by linear interpolation; float64[...]."""
    k = int(np.clip(np.searchsorted(time, when, side="right") - 1, 0, max(time.size - 2, 0)))
    if time.size == 1 or time[k] == when:
        return np.asarray(y[..., k])
    weight = (when - time[k]) / (time[k + 1] - time[k])
    if weight == 1:
        return np.asarray(y[..., k + 1])
    return np.asarray((1 - weight) * y[..., k] + weight * y[..., k + 1])


def peak(time: Array, y: Array) -> tuple[Array, Array, Array]:
    """Highest value, its first time, and whether the curve still rises at the end.

    Returns
    -------
    float64[...], float64[...], bool[...]
    """
    good = np.isfinite(y).all(axis=-1)
    safe = np.where(good[..., None], y, 0.0)
    where = safe.argmax(axis=-1)
    highest = np.where(good, safe.max(axis=-1), np.nan)
    rising = good & (where == time.size - 1) & (time.size > 1)
    return highest, np.where(good, time[where], np.nan), rising


def refined_peak(time: Array, y: Array) -> tuple[Array, Array]:
    """Peak of the parabola through the highest point of the grid and its two neighbors.

    Returns
    -------
    float64[...], float64[...]
        Value and time; those of the grid where the highest point is the first or the last.
    """
    highest, when, _ = peak(time, y)
    if time.size < 3:
        return highest, when
    k = np.where(np.isfinite(y).all(axis=-1)[..., None], y, 0.0).argmax(axis=-1)
    inner = (k > 0) & (k < time.size - 1) & np.isfinite(highest)
    middle = np.clip(k, 1, time.size - 2)
    before, after = time[middle - 1] - time[middle], time[middle + 1] - time[middle]
    here = np.take_along_axis(y, middle[..., None], -1)[..., 0]
    fall = np.take_along_axis(y, (middle - 1)[..., None], -1)[..., 0] - here
    rise = np.take_along_axis(y, (middle + 1)[..., None], -1)[..., 0] - here
    # y = here + b s + c s**2 through (before, fall) and (after, rise)
    c = (rise / after - fall / before) / (after - before)
    b = fall / before - c * before
    with np.errstate(all="ignore"):
        shift = -b / (2 * c)
    use = inner & (c < 0)
    gain = np.where(use, b * np.where(use, shift, 0.0) / 2, 0.0)
    return highest + gain, when + np.where(use, shift, 0.0)


def area(time: Array, y: Array) -> Array:
    """Area under the curve, by the linear trapezoid; float64[...]."""
    return np.asarray(np.trapezoid(y, time, axis=-1))


def steepest(time: Array, y: Array, broken: Array | None = None) -> tuple[Array, Array, Array]:
    """Steepest rise between neighbors of the grid, the middle of that step, and its trust.

    Parameters
    ----------
    time : float64[t]
    y : float64[..., t]
    broken : bool[..., t - 1], optional
        Steps that do not count, because a dose may make the curve jump within.

    Returns
    -------
    float64[...], float64[...], bool[...]
        Unit of ``y`` per unit of time; unit of time; whether the curve rises less than half as fast
        in both neighboring steps, so that it jumps or bends within the step, and the number
        depends on the grid. NaN where no step counts.
    """
    slope = np.diff(y, axis=-1) / np.diff(time)
    good = np.isfinite(slope).all(axis=-1)
    counts = good[..., None] & ~np.broadcast_to(False if broken is None else broken, slope.shape)
    usable = np.where(counts, slope, -np.inf)
    k = usable.argmax(axis=-1)
    highest = np.take_along_axis(usable, k[..., None], -1)[..., 0]
    outside = np.full((*usable.shape[:-1], 1), -np.inf)
    padded = np.concatenate([outside, usable, outside], axis=-1)
    beside = [np.take_along_axis(padded, (k + s)[..., None], -1)[..., 0] for s in (0, 2)]
    alone = (highest > 0) & (np.maximum(*beside) < highest / 2)
    found = np.isfinite(highest)
    middle = (time[1:] + time[:-1]) / 2
    return np.where(found, highest, np.nan), np.where(found, middle[k], np.nan), alone


def time_above(time: Array, y: Array, level: float) -> Array:
    """Total time for which the curve is above a level; float64[...]."""
    low, high = y[..., :-1] - level, y[..., 1:] - level
    with np.errstate(all="ignore"):
        crossing = low / (low - high)  # part of the step before the crossing
    part = np.where(
        (low > 0) & (high > 0),
        1.0,
        np.where(low > 0, crossing, np.where(high > 0, 1 - crossing, 0.0)),
    )
    total = (part * np.diff(time)).sum(axis=-1)
    return np.where(np.isfinite(y).all(axis=-1), total, np.nan)


def last_above(time: Array, y: Array, level: float) -> tuple[Array, Array]:
    """Last time at which the curve is above a level, and whether it is so at the end.

    Returns
    -------
    float64[...], bool[...]
        NaN where the curve is never above.
    """
    good = np.isfinite(y).all(axis=-1)
    above = y > level
    ever = good & above.any(axis=-1)
    k = time.size - 1 - above[..., ::-1].argmax(axis=-1)
    open_end = ever & (k == time.size - 1)
    step = np.clip(k, 0, max(time.size - 2, 0))
    here = np.take_along_axis(y, step[..., None], -1)[..., 0] - level
    there = np.take_along_axis(y, np.minimum(step + 1, time.size - 1)[..., None], -1)[..., 0]
    following = time[np.minimum(step + 1, time.size - 1)]
    with np.errstate(all="ignore"):
        crossing = time[step] + (following - time[step]) * here / (here - (there - level))
    when = np.where(open_end, time[-1], crossing)
    return np.where(ever, when, np.nan), open_end
