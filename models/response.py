"""Exposure to effect: linear, logistic, Emax, sigmoid Emax and cumulative logit curves.

A curve is plain data with one method. It is written with operators and the three functions ``exp``,
``log`` and ``tanh`` of a namespace ``xp``, so that the same line gives numbers
(``xp=numpy``, the default), a graph with a gradient (``xp=pytensor.tensor``) or an equation of a
model (``xp=cytobayes.models.math``)::

    Logistic(reference=5e4).value(cmax, {"a": -1.1, "b": 1.6})
    Logistic(reference=5e4).log_odds(cmax, {"a": a, "b": b}, xp=pytensor.tensor)

Exposures are positive where a logarithm is taken. For a likelihood take ``log_odds``, which stays
exact where the probability rounds to 0 or 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy

__all__ = [
    "CumulativeLogit",
    "Curve",
    "Emax",
    "Linear",
    "Logistic",
    "SigmoidEmax",
    "expit",
    "log10",
    "marginal_probability",
]

Value = Any  # float, NumPy array, tensor or expression
Theta = Any  # what gives a parameter by name: a mapping or a Namespace


def expit(x: Value, xp: Any = numpy) -> Value:
    """Logistic function; by ``tanh``, which cannot overflow."""
    return (1 + xp.tanh(x / 2)) / 2


def log10(x: Value, xp: Any = numpy) -> Value:
    """Decadic logarithm."""
    return xp.log(x) / math.log(10)


@dataclass(frozen=True)
class Curve(ABC):
    """Effect of an exposure (abstract)."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""

    @abstractmethod
    def value(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Effect at exposure ``x``, broadcast against the parameters."""


@dataclass(frozen=True)
class Linear(Curve):
    """``E0 + slope * x``."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ("E0", "slope")

    def value(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Effect, in the unit of ``E0``."""
        return theta["E0"] + theta["slope"] * x


@dataclass(frozen=True)
class Logistic(Curve):
    """``logit p = a + b log10(x / reference)``: ``b`` is the log-odds ratio of a tenfold exposure.

    Parameters
    ----------
    reference : float
        Exposure at which the log-odds are ``a``.
    """

    reference: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ("a", "b")

    def log_odds(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Logit of the probability."""
        return theta["a"] + theta["b"] * log10(x / self.reference, xp)

    def value(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Probability."""
        return expit(self.log_odds(x, theta, xp), xp)


@dataclass(frozen=True)
class Emax(Curve):
    """``E0 + (Emax - E0) x / (EC50 + x)``; with ``0 <= E0, Emax <= 1`` a probability."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ("E0", "Emax", "EC50")

    def value(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Effect, in the unit of ``E0`` and ``Emax``."""
        return theta["E0"] + (theta["Emax"] - theta["E0"]) * x / (theta["EC50"] + x)


@dataclass(frozen=True)
class SigmoidEmax(Curve):
    """``E0 + (Emax - E0) x**h / (EC50**h + x**h)``; midway between the two at ``EC50``."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ("E0", "Emax", "EC50", "h")

    def value(self, x: Value, theta: Theta, xp: Any = numpy) -> Value:
        """Effect, in the unit of ``E0`` and ``Emax``."""
        rise = (x / theta["EC50"]) ** theta["h"]
        return theta["E0"] + (theta["Emax"] - theta["E0"]) * rise / (1 + rise)


@dataclass(frozen=True)
class CumulativeLogit(Curve):
    """``logit P(grade >= k) = b log10(x / reference) + g * burden - c_k`` with ordered ``c_k``.

    The cut-points are ``c1`` and positive gaps: ``c_k = c1 + gap2 + ... + gap_k``.

    Parameters
    ----------
    reference : float
        Exposure at which ``b`` does not matter.
    grades : int
        Highest grade; grades are 0 to this.
    """

    reference: float = 1.0
    grades: int = 4

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return ("b", "g", "c1", *(f"gap{k}" for k in range(2, self.grades + 1)))

    def log_odds(
        self, x: Value, theta: Theta, xp: Any = numpy, burden: Value = 0.0
    ) -> tuple[Value, ...]:
        """Logits of P(grade >= 1), P(grade >= 2), ..."""
        eta = theta["b"] * log10(x / self.reference, xp) + theta["g"] * burden - theta["c1"]
        result = [eta]
        for k in range(2, self.grades + 1):
            result.append(result[-1] - theta[f"gap{k}"])
        return tuple(result)

    def value(self, x: Value, theta: Theta, xp: Any = numpy, burden: Value = 0.0) -> Any:
        """P(grade >= 1), P(grade >= 2), ..., as a tuple that only falls."""
        return tuple(expit(eta, xp) for eta in self.log_odds(x, theta, xp, burden))

    def probabilities(
        self, x: Value, theta: Theta, xp: Any = numpy, burden: Value = 0.0
    ) -> tuple[Value, ...]:
        """P(grade = 0), P(grade = 1), ..., which sum to 1."""
        at_least = (1.0, *self.value(x, theta, xp, burden), 0.0)
        return tuple(upper - lower for upper, lower in zip(at_least, at_least[1:], strict=False))


def marginal_probability(mean: Value, variance: Value, xp: Any = numpy) -> Value:
    """Mean of ``expit(eta)`` over a normal ``eta``, by the probit approximation.

    Parameters
    ----------
    mean, variance : float or array
        Of ``eta``. If exposure is log-normal with log-standard deviation ``s`` and
        ``eta = a + b log10(x)``, the variance is ``(b s / log(10))**2``.

    Returns
    -------
    float or array
        ``expit(mean / sqrt(1 + pi variance / 8))``, within about 0.02 of the integral.
    """
    return expit(mean / (1 + math.pi * variance / 8) ** 0.5, xp)
