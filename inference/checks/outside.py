"""Statistics of the data outside what simulated data show, and whether they are too many.

Percentiles of neighboring bins share subjects, so the number outside their intervals scatters
more than a binomial. It is judged by what the same count is in each simulated data set.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..percent import percent, rare

__all__ = ["ALARM", "Outside", "outside", "quantiles"]

Array = npt.NDArray[np.float64]
ALARM = 0.01  # a check fails where the model itself would fail more rarely than that


@dataclass(frozen=True, eq=False)
class Outside:
    """Statistics of the data beside those of simulated data sets.

    Parameters
    ----------
    level : float
        Probability of the interval.
    low, middle, high : float64[m]
        Interval and median of each statistic over the simulated data sets.
    side : int64[m]
        -1 where the data lie below the interval, 1 above, 0 inside.
    counts : int64[sample]
        How many statistics of each simulated data set lie outside.
    """

    level: float
    low: Array = field(repr=False)
    middle: Array = field(repr=False)
    high: Array = field(repr=False)
    side: npt.NDArray[np.int64] = field(repr=False)
    counts: npt.NDArray[np.int64] = field(repr=False)

    @property
    def count(self) -> int:
        """Statistics of the data outside their interval."""
        return int(np.count_nonzero(self.side))

    @property
    def expected(self) -> float:
        """Statistics of a simulated data set outside, on average."""
        return float(self.counts.mean())

    @property
    def p(self) -> float:
        """Share of data sets, the real one among them, with as many outside or more."""
        return float((1 + (self.counts >= self.count).sum()) / (1 + self.counts.size))

    @property
    def good(self) -> bool:
        """Whether the model's own data have as many outside in one case of a hundred or more."""
        return self.p >= ALARM

    @property
    def sentence(self) -> str:
        """The comparison in words, to follow 'Of 20 percentiles, '."""
        verb = "lies" if self.count == 1 else "lie"
        return (
            f"{self.count} {verb} outside the {percent(self.level)} interval of {self.counts.size} "
            f"simulated data sets; data of the model itself have {self.expected:.1f} outside on "
            f"average, and {self.count} or more in {rare(self.p)} of cases"
        )


def outside(observed: Array, simulated: Array, level: float = 0.9) -> Outside:
    """Compare statistics of the data with those of simulated data sets.

    Parameters
    ----------
    observed : float64[m]
        May be infinite: beyond a limit of quantification.
    simulated : float64[sample, m]
    level : float

    Returns
    -------
    Outside
        Intervals have equal tails. The data count as one more data set of the same kind, so that
        under the model they are exchangeable with the simulated ones and ``p`` is exact.
    """
    pooled = np.concatenate([simulated, observed[None]])
    tail = (1 - level) / 2
    low, middle, high = quantiles(pooled, np.array([tail, 0.5, 1 - tail]))
    side = (pooled > high).astype(np.int64) - (pooled < low)
    return Outside(level, low, middle, high, side[-1], np.abs(side[:-1]).sum(axis=1))


def quantiles(values: Array, q: npt.ArrayLike) -> Array:
    """Quantiles along the first axis, of values that may be infinite.

    Parameters
    ----------
    values : float64[n, ...]
    q : float64[k]

    Returns
    -------
    float64[k, ...]
        Interpolated linearly. Between a number and a value beyond a limit: beyond the limit.

    Examples
    --------
    >>> quantiles(np.array([-np.inf, 1.0, 2.0, 4.0]), [0.0, 0.2, 0.5]).tolist()
    [-inf, -inf, 1.5]
    """
    ordered = np.sort(values, axis=0)
    place = np.asarray(q, dtype=np.float64) * (len(values) - 1)
    begin = np.floor(place).astype(int)
    weight = (place - begin).reshape(-1, *(1,) * (values.ndim - 1))
    low, high = ordered[begin], ordered[np.minimum(begin + 1, len(values) - 1)]
    with np.errstate(invalid="ignore"):
        between = low + weight * (high - low)
    between = np.where(np.isneginf(low), low, np.where(np.isposinf(high), high, between))
    return np.asarray(np.where(weight == 0, low, between))
