"""Prediction correction: values as they would be at the typical prediction of their bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..measuring.error import LogScale

if TYPE_CHECKING:
    from ..problem import Problem
    from ..replicates import Replicated

__all__ = ["Rows", "corrected_rows"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one stratum, measured and simulated, censored and perhaps corrected.

    Parameters
    ----------
    values : float64[n]
        Infinite beyond a limit.
    simulated : float64[sample, n]
    lower, upper : float64[n]
        Limits of quantification, corrected like the values.
    kept : bool[n]
        Rows that can be corrected.
    """

    values: Array
    simulated: Array
    lower: Array
    upper: Array
    kept: Mask

    def points(self, observable: str, stratum: str, time: Array) -> pd.DataFrame:
        """Table of what is drawn; limits stand in place of what lies beyond them."""
        return pd.DataFrame(
            {
                "observable": observable,
                "stratum": stratum,
                "time": time,
                "value": np.clip(self.values, self.lower, self.upper),
                "exact": np.isfinite(self.values),
                "lower": self.lower,
                "upper": self.upper,
            }
        )[self.kept]


def corrected_rows(
    problem: Problem, one: Replicated, at: Places, group: Places, wanted: bool, variance: bool
) -> Rows:
    """Censor the simulated rows of a stratum, and correct both where asked.

    Parameters
    ----------
    problem : Problem
    one : Replicated
    at : int64[n]
        Rows of the stratum.
    group : int64[n]
        Bin of each.
    wanted, variance : bool
        Correct the center; correct the spread as well.

    Returns
    -------
    Rows

    Notes
    -----
    A value is multiplied by ``PRED of the bin / PRED``, medians over the samples, the same factor
    for measured and simulated values. On the logarithmic scale that is the additive correction.
    Where the prediction is zero throughout the bin the factor is 1; a row whose own prediction
    alone is zero, or of the other sign, is left out. The correction of the spread moves values
    toward or away from that center so that the simulated spread of the row becomes the median one
    of its bin.
    """
    simulated = one.seen.censored(one.simulated)[:, at]
    limits = [one.seen.value[at], one.seen.lower[at], one.seen.upper[at]]
    if not wanted:
        return Rows(limits[0], simulated, limits[1], limits[2], np.ones(at.size, dtype=bool))
    factor, center = factors(one.pred[at], group)
    kept = np.isfinite(factor)
    factor = np.where(kept, factor, 1.0)
    values, lower, upper = (x * factor for x in limits)
    simulated = simulated * factor
    if variance:
        log = isinstance(problem.errors[one.name], LogScale)
        spread = _spread(one.simulated[:, at] * factor, log)
        ratio = np.divide(_medians(spread, group), spread, where=spread > 0, out=spread * np.nan)
        kept &= np.isfinite(ratio)
        ratio = np.where(kept, ratio, 1.0)
        values, simulated, lower, upper = (
            _stretched(x, center, ratio, log) for x in (values, simulated, lower, upper)
        )
    return Rows(values, simulated, lower, upper, kept)


def factors(pred: Array, group: Places) -> tuple[Array, Array]:
    """Factor of each row (NaN: none), and the prediction of its bin; float64[n] each."""
    center = _medians(pred, group)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where((pred == 0) & (center == 0), 1.0, center / pred)
    return np.where(np.isfinite(factor) & (factor > 0), factor, np.nan), center


def _medians(x: Array, group: Places) -> Array:
    """Median of the bin of each row."""
    return pd.Series(x).groupby(group).transform("median").to_numpy()


def _spread(simulated: Array, log: bool) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.std(np.log(simulated) if log else simulated, axis=0))


def _stretched(x: Array, center: Array, ratio: Array, log: bool) -> Array:
    """Move values so that their distance from the center changes by a ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = center * (x / center) ** ratio if log else center + (x - center) * ratio
    return np.where(np.isfinite(x), moved, x)
