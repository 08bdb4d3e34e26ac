"""Logarithms of logistic probabilities that stay exact in the tails.

Each works for numbers (``xp=numpy``) and for graphs (``xp=pytensor.tensor``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["log_between", "log_expit", "logit"]


def softplus(x: Any, xp: Any = np) -> Any:
    """``log(1 + exp(x))``."""
    return np.logaddexp(0.0, x) if xp is np else xp.softplus(x)


def log_expit(x: Any, xp: Any = np) -> Any:
    """``log(expit(x))``."""
    return -softplus(-x, xp)


def log_between(high: Any, low: Any, xp: Any = np) -> Any:
    """``log(expit(high) - expit(low))``; minus infinity where ``high`` is not above ``low``.

    Examples
    --------
    >>> round(float(np.exp(log_between(1.0, -1.0))), 6)
    0.462117
    """
    apart = high > low
    gap = xp.where(apart, high - low, 1.0)
    value = log_expit(high, xp) + log_expit(-low, xp) + xp.log(-xp.expm1(-gap))
    return xp.where(apart, value, -np.inf)


def logit(p: Any, xp: Any = np) -> Any:
    """``log(p / (1 - p))``."""
    return xp.log(p) - xp.log1p(-p)
