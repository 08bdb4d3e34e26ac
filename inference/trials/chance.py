"""Two layers of uncertainty kept apart: what is not known, and what chance does in one trial.

A draw of the parameters has a probability for each endpoint and arm. It is estimated from a finite
number of virtual patients, and so carries noise of known variance; `without_noise` takes that part
out of the spread over draws. What is left is what is not known about the parameters. A trial of
``n`` patients adds the chance of who is enrolled and what happens to them, which is binomial.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["LEVEL", "detected", "limits", "one_trial", "without_noise"]

Array = npt.NDArray[Any]
LEVEL = 0.9  # of intervals
ALPHA = 0.05
REPEATS = 25  # trials per draw


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
    spread = np.nanvar(values, axis=0, ddof=1) if len(values) > 1 else np.zeros_like(middle)
    part = np.nanmean(noise, axis=0) if np.isfinite(noise).any() else np.zeros_like(middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(1 - np.nan_to_num(part) / spread, 0.0, 1.0)
    share = np.where(spread > 0, share, 1.0)
    return np.clip(middle + np.sqrt(share) * (values - middle), lower, upper)


def limits(values: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Central interval over draws.

    Parameters
    ----------
    values : float64[draw, ...]
    """
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail], axis=0)
    return low, high


def one_trial(probability: Array, n: int, seed: int) -> Array:
    """Observed fractions in trials of ``n`` patients per arm, each arm with patients of its own.

    Parameters
    ----------
    probability : float64[draw, arm, endpoint]
    n : int
    seed : int

    Returns
    -------
    float64[draw * repeat, arm, endpoint]
        Both layers of uncertainty.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9,)))
    safe = np.clip(np.nan_to_num(probability), 0.0, 1.0)
    counts = rng.binomial(n, safe, size=(REPEATS, *safe.shape)) / n
    counts = np.where(np.isfinite(probability), counts, np.nan)
    return counts.reshape(-1, *probability.shape[1:])


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
