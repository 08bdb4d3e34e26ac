"""Two layers of uncertainty kept apart: what is not known, and what chance does in one trial.

A draw of the parameters has a probability for each endpoint and arm. It is estimated from a finite
number of virtual patients, and so carries noise of known variance; `without_noise` takes that part
out of the spread over draws. What is left is what is not known about the parameters, around a mean
that the same noise has moved: `error_of_mean` says how far, and intervals and shares of draws are
blurred by a normal law of that width, trials by errors from it. A trial of ``n`` patients adds the
chance of who is enrolled and what happens to them, which is binomial.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = [
    "LEVEL",
    "detected",
    "error_of_mean",
    "limits",
    "one_trial",
    "repeats",
    "share_above_zero",
    "shared_errors",
    "without_noise",
]

Array = npt.NDArray[Any]
LEVEL = 0.9  # of intervals
ALPHA = 0.05
REPEATS = 25  # trials per draw
TRIALS = 2000  # at least, over all draws
POINTS = 401  # of the normal law by which draws are blurred


def without_noise(values: Array, noise: Array, lower: float, upper: float) -> Array:
    """Shrink draws toward their mean until their variance is that without Monte-Carlo noise.

    Parameters
    ----------
    values : float64[draw, ...]
        Estimates, each with an independent error.
    noise : float64[draw, ...]
        Variance of that error.
    lower, upper : float
        What the values cannot pass.

    Returns
    -------
    float64[draw, ...]
        Of the same mean; all equal where the noise explains the whole spread.
    """
    middle = np.nanmean(values, axis=0)
    return np.clip(middle + _kept(values, noise) * (values - middle), lower, upper)


def _kept(values: Array, noise: Array) -> Array:
    """Part of a draw's distance from the mean that is not noise, 0 to 1; float64[...]."""
    spread = np.nanvar(values, axis=0, ddof=1) if len(values) > 1 else 0.0 * values[0]
    part = np.nanmean(noise, axis=0) if np.isfinite(noise).any() else 0.0 * values[0]
    part = np.nan_to_num(part)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(1 - part / spread, 0.0, 1.0)
    kept: Array = np.sqrt(np.where(part > 0, share, 1.0))
    return np.where((part > 0) & (spread == 0), 0.0, kept)


def error_of_mean(values: Array, noise: Array) -> Array:
    """Compute the standard error that few patients leave in what draws are shrunk toward.

    A draw without noise is ``m + kept (x - m)``: the part ``1 - kept`` of it is the mean ``m``,
    whose patients are few as well. Where the noise explains the whole spread that is all of it;
    with many patients it is nothing.

    Parameters
    ----------
    values, noise : float64[draw, ...]
        As in `without_noise`; the patients of each draw are its own.

    Returns
    -------
    float64[...]
        The error that all draws of `without_noise` share; 0 where no noise is known.
    """
    known = np.isfinite(values) & np.isfinite(noise)
    total = np.where(known, noise, 0.0).sum(axis=0)
    error: Array = np.sqrt(total) / np.maximum(known.sum(axis=0), 1)
    return (1 - _kept(values, noise)) * error


def limits(
    values: Array,
    level: float = LEVEL,
    *,
    error: Array | float = 0.0,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[Array, Array]:
    """Central interval over draws.

    Parameters
    ----------
    values : float64[draw, ...]
    level : float
    error : float64[...]
        Standard error that all draws share; they are blurred by a normal law of this width.
    bounds : (lowest, highest)
        What the values cannot pass.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.nanquantile(values, tails, axis=0)
    error = np.broadcast_to(error, low.shape)
    if error.any():
        law = stats.norm.ppf((np.arange(POINTS) + 0.5) / POINTS)
        shift = law.reshape(-1, *[1] * values.ndim) * error
        blurred = np.clip(values + shift, *bounds).reshape(-1, *values.shape[1:])
        wide = np.nanquantile(blurred, tails, axis=0, method="hazen")  # as the points were chosen
        low, high = (np.where(error > 0, w, x) for w, x in zip(wide, (low, high), strict=True))
    return low, high


def share_above_zero(values: Array, error: float = 0.0) -> float:
    """Probability that a value is positive; zero counts half.

    Parameters
    ----------
    values : float64[draw]
    error : float
        Standard error that all draws share.

    Returns
    -------
    float
        NaN without a finite value.
    """
    there = values[np.isfinite(values)]
    if not there.size:
        return float("nan")
    if error > 0:
        return float(stats.norm.cdf(there / error).mean())
    return float(((there > 0) + 0.5 * (there == 0)).mean())


def one_trial(probability: Array, n: int, seed: int, error: Array | None = None) -> Array:
    """Observed fractions in trials of ``n`` patients per arm, each arm with patients of its own.

    Parameters
    ----------
    probability : float64[draw, arm, endpoint]
    n : int
    seed : int
    error : float64[trial, arm, endpoint], optional
        Of the probabilities of each trial, see `shared_errors`; default: none.

    Returns
    -------
    float64[draw * repeat, arm, endpoint]
        Both layers of uncertainty.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9,)))
    each = np.tile(probability, (repeats(len(probability)), 1, 1))
    if error is not None:
        each = each + error
    safe = np.clip(np.nan_to_num(each), 0.0, 1.0)
    return np.where(np.isfinite(each), rng.binomial(n, safe) / n, np.nan)


def repeats(draws: int) -> int:
    """Trials of each draw: `REPEATS`, or more where the draws are few."""
    return max(REPEATS, -(-TRIALS // draws))


def shared_errors(expected: Array, noise: Array, paired: Array, seed: int) -> Array:
    """Errors that few patients leave in the mean over draws, one for each trial and arm.

    The arms share their virtual patients, so the errors of an arm and of the first go together as
    far as the noise of their difference says.

    Parameters
    ----------
    expected, noise, paired : float64[draw, arm, endpoint]
        As in `Trial`.
    seed : int

    Returns
    -------
    float64[draw * repeat, arm, endpoint]
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(10,)))
    total = [np.nan_to_num(x).sum(axis=0) for x in (noise, paired)]
    first, own = total[0][:1], total[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = (first + own - total[1]) / (2 * np.sqrt(first * own))
    joint = np.clip(np.nan_to_num(joint), -1.0, 1.0)
    joint[0] = 1.0
    count = repeats(len(expected)) * len(expected)
    z = rng.standard_normal((count, *expected.shape[1:]))
    mixed = joint * z[:, :1] + np.sqrt(1 - joint**2) * z
    return np.asarray(error_of_mean(expected, noise) * mixed)


def detected(first: Array, second: Array, n: int, lower_is_better: bool) -> float:
    """Probability that a trial finds the second arm better, at a two-sided level of 5 %.

    Parameters
    ----------
    first, second : float64[trial]
        Observed fractions, ``n`` patients each.
    n : int
    lower_is_better : bool

    Returns
    -------
    float
        By the test of two proportions with a pooled variance.
    """
    pooled = (first + second) / 2
    error = np.sqrt(2 * pooled * (1 - pooled) / n)
    gain = (first - second) if lower_is_better else (second - first)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, gain / error, 0.0)
    return float(np.mean(z > stats.norm.isf(ALPHA / 2)))
