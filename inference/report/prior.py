"""Density and quantiles of the prior of a parameter, for figures and tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit

from ...models import distributions as d

__all__ = ["Prior"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """A prior, cut to the bounds of its parameter and renormalized.

    Parameters
    ----------
    distribution : Distribution
    lower, upper : float
        Bounds of the parameter.

    Examples
    --------
    >>> prior = Prior(d.Uniform(0, 4), upper=2)
    >>> prior.density(np.array([1.0, 3.0])).tolist(), prior.quantile(np.array([0.5])).tolist()
    ([0.5, 0.0], [1.0])
    """

    distribution: d.Distribution
    lower: float = -math.inf
    upper: float = math.inf

    def density(self, x: Array) -> Array:
        """Probability density at ``x``."""
        low, high = self._mass()
        inside = (x >= self.lower) & (x <= self.upper)
        if not isinstance(self.distribution, d.LogitNormal):
            return np.where(inside, _frozen(self.distribution).pdf(x), 0.0) / (high - low)
        inside &= (x > 0) & (x < 1)
        safe = np.where(inside, x, 0.5)
        bell = _frozen(self.distribution).pdf(logit(safe)) / (safe * (1 - safe))
        return np.where(inside, bell, 0.0) / (high - low)

    def quantile(self, q: Array) -> Array:
        """Values below which the prior has the probabilities ``q``."""
        low, high = self._mass()
        value = np.asarray(_frozen(self.distribution).ppf(low + q * (high - low)), dtype=np.float64)
        return np.asarray(expit(value)) if self._is_logit else value

    @property
    def _is_logit(self) -> bool:
        return isinstance(self.distribution, d.LogitNormal)

    def _mass(self) -> tuple[float, float]:
        """Probability below the lower and below the upper bound, before the cut."""
        bounds = np.array([self.lower, self.upper])
        if self._is_logit:
            bounds = logit(np.clip(bounds, 0, 1))
        low, high = _frozen(self.distribution).cdf(bounds)
        return float(low), float(high)

    def __str__(self) -> str:
        """Write the prior, and its bounds where they cut."""
        text = str(self.distribution)
        if self._mass()[0] > 0:
            text += f", at least {self.lower:g}"
        if self._mass()[1] < 1:
            text += f", at most {self.upper:g}"
        return text


def _frozen(prior: d.Distribution) -> Any:
    """Make the same distribution in SciPy; of the logit for a logit-normal."""
    match prior:
        case d.LogNormal():
            return stats.lognorm(s=prior.sd, scale=prior.median)
        case d.LogitNormal():
            return stats.norm(logit(prior.median), prior.sd)
        case d.Normal():
            return stats.norm(prior.mean, prior.sd)
        case d.TruncatedNormal():
            low, high = (prior.lower - prior.mean) / prior.sd, (prior.upper - prior.mean) / prior.sd
            return stats.truncnorm(low, high, prior.mean, prior.sd)
        case d.HalfNormal():
            return stats.halfnorm(scale=prior.sd)
        case d.HalfCauchy():
            return stats.halfcauchy(scale=prior.scale)
        case d.Beta():
            return stats.beta(prior.alpha, prior.beta)
        case d.Uniform():
            return stats.uniform(prior.lower, prior.upper - prior.lower)
    raise TypeError(f"no density for the prior {prior}")
