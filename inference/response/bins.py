"""Observed outcomes in bins of exposure, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

__all__ = ["binned", "wilson"]

Array = npt.NDArray[Any]
LEVEL = 0.95


def wilson(events: float, total: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a proportion by Wilson's score, which stays inside of 0 and 1.

    Examples
    --------
    >>> [round(p, 4) for p in wilson(31, 45)]
    [0.5434, 0.8047]
    """
    z = float(ndtri((1 + level) / 2))
    p, shift = events / total, z**2 / total
    center = (p + shift / 2) / (1 + shift)
    half = z * np.sqrt(p * (1 - p) / total + shift / (4 * total)) / (1 + shift)
    # At 0 and 1 the interval ends there; rounding may not leave the proportion outside.
    return min(max(float(center - half), 0.0), p), max(min(float(center + half), 1.0), p)


def binned(x: Array, y: Array, *, bins: int = 4, proportion: bool = True) -> pd.DataFrame:
    """Outcomes in bins with about equal numbers of subjects.

    Parameters
    ----------
    x : float64[subject]
        Exposure.
    y : float64[subject]
        0 or 1, or a number.
    bins : int
        At most; equal exposures stay together.
    proportion : bool
        Wilson's interval; else mean and 1.96 standard errors.

    Returns
    -------
    DataFrame
        Columns low, high, middle (median exposure), n, observed, lower, upper.
    """
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(edges.size - 2, 0))
    rows = []
    for k in np.unique(place):
        here = place == k
        part, n = y[here], int(here.sum())
        mean = float(part.mean())
        if proportion:
            lower, upper = wilson(float(part.sum()), n)
        else:
            half = (
                float(ndtri((1 + LEVEL) / 2) * part.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
            )
            lower, upper = mean - half, mean + half
        rows.append((x[here].min(), x[here].max(), np.median(x[here]), n, mean, lower, upper))
    names = ["low", "high", "middle", "n", "observed", "lower", "upper"]
    return pd.DataFrame(rows, columns=names)
