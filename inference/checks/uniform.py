"""Are ranks uniform? Simultaneous bands, tests and coverage for whole numbers from 0 to L.

Under a correct inference every rank is uniform on ``0 ... L`` and replications are independent, so
that all null distributions are simulated, exactly and once per size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["Envelope", "central_coverage", "chi2_p", "envelope"]

Array = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int64]
SIMULATIONS = 20_000
SEED = 20_190_719  # of the simulated null distribution: the same answer each time
BINS = 20
EXPECTED = 5.0  # least expected count of a bin of the chi-square test


@dataclass(frozen=True, eq=False)
class Envelope:
    """Simultaneous band of the empirical distribution function of uniform ranks.

    Parameters
    ----------
    size : int
        Replications.
    of : int
        Highest rank, L.
    least : float64[simulation], ascending
        Smallest pointwise two-sided probability along each simulated function.

    Notes
    -----
    Saeilynoja, Buerkner, Vehtari, Statistics and Computing 32 (2022) 32: at each rank the count of
    ranks up to it is binomial; the band holds where all pointwise probabilities stay above a level
    chosen so that this happens with the wanted probability along the whole function.
    """

    size: int
    of: int
    least: Array

    @property
    def shares(self) -> Array:
        """Distribution function of uniform ranks at 0 ... L - 1; float64[L]."""
        return np.arange(1, self.of + 1) / (self.of + 1)

    def p_value(self, ranks: Ranks) -> float:
        """Probability that uniform ranks stray at least as far from the diagonal somewhere."""
        counts = np.bincount(ranks, minlength=self.of + 1).cumsum()[:-1]
        mine = pointwise(self.size, self.of)[np.arange(self.of), counts].min()
        below = np.searchsorted(self.least, mine * (1 + 1e-9), side="right")
        return float((below + 1) / (self.least.size + 1))

    def band(self, coverage: float) -> tuple[Array, Array]:
        """Lower and upper end of the share of ranks up to 0 ... L - 1; float64[L] each."""
        level = float(np.quantile(self.least, 1 - coverage))
        low = stats.binom.ppf(level / 2, self.size, self.shares)
        high = stats.binom.isf(level / 2, self.size, self.shares)
        return np.asarray(low) / self.size, np.asarray(high) / self.size


@lru_cache(maxsize=8)
def pointwise(size: int, of: int) -> Array:
    """Two-sided probability of each count of ranks up to each rank; float64[L, size + 1]."""
    shares = (np.arange(1, of + 1) / (of + 1))[:, None]
    counts = np.arange(size + 1)
    low = stats.binom.cdf(counts, size, shares)
    high = stats.binom.sf(counts - 1, size, shares)
    return np.asarray(2 * np.minimum(low, high))


@lru_cache(maxsize=8)
def envelope(size: int, of: int) -> Envelope:
    """Simulate the null distribution.

    Parameters
    ----------
    size : int
        Replications, at least 1.
    of : int
        Highest rank, at least 1.

    Returns
    -------
    Envelope
    """
    rng = np.random.default_rng(SEED)
    table, at = pointwise(size, of), np.arange(of)
    cells = np.full(of + 1, 1 / (of + 1))
    least = []
    for _ in range(10):
        counts = rng.multinomial(size, cells, size=SIMULATIONS // 10).cumsum(axis=1)[:, :-1]
        least.append(table[at, counts].min(axis=1))
    return Envelope(size, of, np.sort(np.concatenate(least)))


def chi2_p(ranks: Ranks, of: int) -> float:
    """Chi-square test of equal counts in up to 20 bins of as equal width as whole ranks allow."""
    bins = int(min(BINS, of + 1, max(ranks.size / EXPECTED, 2)))
    edges = np.linspace(0, of + 1, bins + 1).round().astype(int)
    expected = np.diff(edges) / (of + 1) * ranks.size
    counts = np.histogram(ranks, edges)[0]
    return float(stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), bins - 1))


def central_coverage(ranks: Ranks, of: int, probability: float) -> tuple[float, float]:
    """Share of truths inside the central interval of the draws, and the share that should be.

    Parameters
    ----------
    ranks : int64[replication]
    of : int
        Highest rank.
    probability : float
        Of the interval; whole ranks come near it.

    Returns
    -------
    found, expected : float
    """
    middle = (np.arange(of + 1) + 0.5) / (of + 1)
    inside = np.abs(middle - 0.5) <= probability / 2
    return float(inside[ranks].mean()), float(inside.mean())
