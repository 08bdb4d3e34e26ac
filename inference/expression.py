"""Evaluate a traced expression with NumPy arrays or inside a PyTensor graph."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import pytensor.tensor as pt
import sympy
from scipy.special import erf

__all__ = ["evaluate"]

Value = Any  # float, NumPy array or TensorVariable

NUMPY: dict[Any, Any] = {
    sympy.exp: np.exp,
    sympy.log: np.log,
    sympy.sin: np.sin,
    sympy.cos: np.cos,
    sympy.tanh: np.tanh,
    sympy.Abs: np.abs,
    sympy.erf: erf,
    sympy.Min: lambda *args: reduce(np.minimum, args),
    sympy.Max: lambda *args: reduce(np.maximum, args),
    "where": np.where,
}
TENSOR: dict[Any, Any] = {
    sympy.exp: pt.exp,
    sympy.log: pt.log,
    sympy.sin: pt.sin,
    sympy.cos: pt.cos,
    sympy.tanh: pt.tanh,
    sympy.Abs: pt.abs,
    sympy.erf: pt.erf,
    sympy.Min: lambda *args: reduce(pt.minimum, args),
    sympy.Max: lambda *args: reduce(pt.maximum, args),
    "where": pt.switch,
}
RELATIONS = {
    sympy.Gt: operator.gt,
    sympy.Ge: operator.ge,
    sympy.Lt: operator.lt,
    sympy.Le: operator.le,
}


def evaluate(
    expression: sympy.Expr, values: Mapping[sympy.Symbol, Value], *, tensor: bool = False
) -> Value:
    """Insert values for symbols.

    Parameters
    ----------
    expression : Expr
        Made of what `models.math` and the operators give.
    values : mapping of Symbol to array or tensor
        Must broadcast with each other.
    tensor : bool
        Build a PyTensor graph instead of computing.

    Returns
    -------
    array or TensorVariable
        A power of a negative base with a fractional exponent is 0, as in the integrator.

    Raises
    ------
    NotImplementedError
        If the expression holds a function that `models.math` does not have.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> float(evaluate(x**2 + 1, {x: 3.0}))
    10.0
    """
    table = TENSOR if tensor else NUMPY

    def walk(e: Any) -> Value:
        if e.is_Symbol:
            return values[e]
        if e.is_number:
            return float(e)
        if e.is_Add:
            return reduce(operator.add, map(walk, e.args))
        if e.is_Mul:
            return reduce(operator.mul, map(walk, e.args))
        if e.is_Pow:
            return power(walk(e.base), e.exp, walk(e.exp), table["where"])
        if isinstance(e, sympy.Piecewise):
            return piecewise(e)
        if type(e) in RELATIONS:
            return RELATIONS[type(e)](*map(walk, e.args))
        if e.func in table:
            return table[e.func](*map(walk, e.args))
        raise NotImplementedError(f"{e.func.__name__} in the output {expression}")

    def piecewise(e: Any) -> Value:
        *pieces, (last, condition) = e.args
        result = walk(last)
        if condition != sympy.true:
            result = table["where"](walk(condition), result, np.nan)
        for value, condition in reversed(pieces):
            result = table["where"](walk(condition), walk(value), result)
        return result

    return walk(expression)


def power(base: Value, symbol: sympy.Expr, exponent: Value, where: Any) -> Value:
    """Power; a negative base under a fractional exponent, which only rounding gives, is 0."""
    if symbol.is_Integer:
        return base ** int(symbol)
    positive = base > 0
    return where(positive, where(positive, base, 1.0) ** exponent, 0.0)
