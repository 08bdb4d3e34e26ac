"""Logarithms of normal probabilities whose gradients stay finite far out in the tails."""

from __future__ import annotations

import math
from typing import Any

import pytensor.tensor as pt

__all__ = ["log_interval", "log_ndtr", "log_pdf"]

Tensor = Any  # a TensorVariable; PyTensor's own annotations do not reach through its operators
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def log_pdf(z: Tensor) -> Tensor:
    """Log density of the standard normal.

    Parameters
    ----------
    z : TensorVariable, any shape

    Returns
    -------
    TensorVariable, same shape
    """
    return -0.5 * pt.sqr(z) - HALF_LOG_TWO_PI


def log_ndtr(z: Tensor) -> Tensor:
    """Log of the standard normal distribution function.

    Parameters
    ----------
    z : TensorVariable, any shape

    Returns
    -------
    TensorVariable, same shape

    Notes
    -----
    Each branch sees only arguments that are harmless to it: the gradient of a branch that is not
    taken is multiplied by zero, and zero times an overflow would be NaN.
    """
    low, high = pt.minimum(z, -1.0), pt.maximum(z, -1.0)
    tail = pt.log(pt.erfcx(-low / math.sqrt(2)) / 2) - pt.sqr(low) / 2
    body = pt.log1p(-pt.erfc(high / math.sqrt(2)) / 2)
    return pt.switch(pt.lt(z, -1.0), tail, body)


def log_interval(a: Tensor, b: Tensor) -> Tensor:
    """Log of the standard normal probability between ``a`` and ``b``.

    Parameters
    ----------
    a, b : TensorVariable, any shape
        ``a < b``.

    Returns
    -------
    TensorVariable, same shape
        An interval narrower than the spacing of numbers counts as that spacing.
    """
    flip = pt.gt(a + b, 0.0)  # look from the side where the probability is not close to 1
    low, high = pt.switch(flip, -b, a), pt.switch(flip, -a, b)
    upper = log_ndtr(high)
    return upper + pt.log1mexp(pt.minimum(log_ndtr(low) - upper, -1e-300))
