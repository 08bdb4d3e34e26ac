"""Prior distributions as plain data: what a model file says about a parameter before any data.

The room ``models`` knows no PyMC; ``inference.priors`` turns these records into random variables.
The shorthand follows the field: a log-normal prior is stated by its median and the standard
deviation of the logarithm, so that ``LogNormal(0.35, 0.5)`` reads "about 0.35, give or take 50 %".
"""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = [
    "Beta",
    "Distribution",
    "HalfCauchy",
    "HalfNormal",
    "LogNormal",
    "LogitNormal",
    "Normal",
    "TruncatedNormal",
    "Uniform",
]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Base of all priors (abstract): a name and numbers, in the unit of the parameter."""

    def __str__(self) -> str:
        """Write the prior as a reader would: ``LogNormal(median=0.35, sd=0.5)``."""
        inside = ", ".join(f"{f.name}={getattr(self, f.name):g}" for f in fields(self))
        return f"{type(self).__name__}({inside})"


@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """Log-normal with ``median`` (unit of the parameter) and log-standard deviation ``sd``."""

    median: float
    sd: float


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """Normal with ``mean`` and standard deviation ``sd``, both in the unit of the parameter."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class TruncatedNormal(Distribution):
    """Normal restricted to ``[lower, upper]`` and renormalized."""

    mean: float
    sd: float
    lower: float = 0.0
    upper: float = float("inf")


@dataclass(frozen=True, slots=True)
class HalfNormal(Distribution):
    """Positive half of a normal of mean zero and standard deviation ``sd``."""

    sd: float


@dataclass(frozen=True, slots=True)
class HalfCauchy(Distribution):
    """Positive half of a Cauchy of location zero and scale ``scale``."""

    scale: float


@dataclass(frozen=True, slots=True)
class Beta(Distribution):
    """Beta with shapes ``alpha`` and ``beta`` on the unit interval."""

    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class LogitNormal(Distribution):
    """Logit-normal: ``logit(x)`` is normal around ``logit(median)`` with deviation ``sd``."""

    median: float
    sd: float


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Uniform between ``lower`` and ``upper``."""

    lower: float
    upper: float
