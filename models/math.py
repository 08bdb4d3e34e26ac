"""The functions that a right-hand side may use, beside the operators ``+ - * / **``.

They act on SymPy expressions, because a model is traced once (`models.symbolic`) and compiled
from the trace. Smooth replacements of ``max`` and ``if`` stand here as well: a kink inside a
right-hand side costs the integrator steps and the sampler its gradient.
"""

from __future__ import annotations

from typing import Any

import sympy

__all__ = [
    "cos",
    "exp",
    "expit",
    "hill",
    "inhibition",
    "log",
    "maximum",
    "minimum",
    "normal_cdf",
    "ramp",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
]

Expression = Any  # a sympy expression, a number, or a product of the two


def exp(x: Expression) -> Expression:
    """Exponential of a dimensionless ``x``."""
    return sympy.exp(x)


def log(x: Expression) -> Expression:
    """Natural logarithm of a positive ``x``."""
    return sympy.log(x)


def sqrt(x: Expression) -> Expression:
    """Square root of a non-negative ``x``."""
    return sympy.sqrt(x)


def sin(x: Expression) -> Expression:
    """Sine of ``x`` in radians."""
    return sympy.sin(x)


def cos(x: Expression) -> Expression:
    """Cosine of ``x`` in radians."""
    return sympy.cos(x)


def tanh(x: Expression) -> Expression:
    """Hyperbolic tangent of a dimensionless ``x``."""
    return sympy.tanh(x)


def expit(x: Expression) -> Expression:
    """Logistic function ``1 / (1 + exp(-x))``."""
    return 1 / (1 + sympy.exp(-x))


def _power(x: Expression, n: Expression) -> Expression:
    """Power without a trivial exponent, which would stay visible in the written equations."""
    x = sympy.sympify(x)
    return x if n == 1 else x**n


def hill(x: Expression, half: Expression, n: Expression = 1) -> Expression:
    """Stimulation ``x**n / (half**n + x**n)``: 0 at ``x = 0``, one half at ``x = half``."""
    x, half = _power(x, n), _power(half, n)
    return x / (half + x)


def inhibition(x: Expression, half: Expression, n: Expression = 1) -> Expression:
    """Inhibition ``half**n / (half**n + x**n)``: 1 at ``x = 0``, one half at ``x = half``."""
    x, half = _power(x, n), _power(half, n)
    return half / (half + x)


def softplus(x: Expression, width: Expression) -> Expression:
    """Smooth ``max(x, 0)``: ``width * log(1 + exp(x / width))``, too large by 0.69 ``width`` at 0.

    ``x`` and ``width`` have the same unit; ``exp`` overflows only where ``x > 700 width``.
    """
    return width * sympy.log(1 + sympy.exp(x / width))


def ramp(x: Expression, width: Expression) -> Expression:
    """Smooth ``max(x, 0)`` that is exactly 0 at 0: ``(x + sqrt(x**2 + width**2) - width) / 2``.

    For differences from a baseline, which must vanish at the baseline. It is too small by half of
    ``width`` far above 0 and tends to minus half of ``width`` below.
    """
    return (x + sympy.sqrt(x**2 + width**2) - width) / 2


def minimum(x: Expression, y: Expression) -> Expression:
    """Smaller of two, for *times*: ``minimum(t, p.Tmax)``.

    Where the kink lies inside a right-hand side, name its time among the ``breakpoints`` of the
    model, so that the integrator stops there.
    """
    return sympy.Min(x, y)


def maximum(x: Expression, y: Expression) -> Expression:
    """Larger of two, for *times*; see `minimum`."""
    return sympy.Max(x, y)


def normal_cdf(x: Expression) -> Expression:
    """Distribution function of the standard normal; in outputs only."""
    return (1 + sympy.erf(x / sympy.sqrt(2))) / 2
