"""Random expressions, and their derivatives by numbers with many digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy
from hypothesis import strategies as st

from cytobayes.models import math as functions

T = sympy.Symbol("t", real=True)
X, Y, A, B = SYMBOLS = sympy.symbols("x y a b", real=True)  # two states, two parameters


def difference_quotients(
    function: Callable[..., Any], point: Sequence[float]
) -> tuple[float, list[float], list[list[float]]]:
    """Value, first and second derivatives of a function of numbers with 60 digits.

    With a step of 1e-15 they are right to 1e-30.
    """
    with mpmath.workdps(60):
        x, h = [mpmath.mpf(float(v)) for v in point], mpmath.mpf("1e-15")
        axes = range(len(x))

        def at(*moves: int) -> Any:
            steps = [moves.count(i) - moves.count(~i) for i in axes]
            return function(*(v + h * n for v, n in zip(x, steps, strict=True)))

        first = [float((at(i) - at(~i)) / (2 * h)) for i in axes]
        second = [
            [float((at(i, j) - at(i, ~j) - at(~i, j) + at(~i, ~j)) / (4 * h * h)) for j in axes]
            for i in axes
        ]
        return float(at()), first, second


def bounded(e: Any) -> Any:
    """Something of size one, so that towers of functions stay between 1e-2 and 1e2."""
    return functions.tanh(e)


def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(inner, inner)
    positive = inner.map(lambda e: 1.2 + bounded(e))
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: -p[0] * p[1]),
        st.tuples(inner, positive).map(lambda p: p[0] / p[1]),
        st.tuples(positive, inner).map(lambda p: p[0] ** bounded(p[1])),
        st.tuples(inner, st.sampled_from([2, 3])).map(lambda p: bounded(p[0]) ** p[1]),
        st.tuples(positive, st.sampled_from([-2, -1.5, -1, -0.5, 0.5, 1.5, 2.5])).map(
            lambda p: p[0] ** p[1]
        ),
        inner.map(lambda e: functions.exp(bounded(e))),
        positive.map(functions.log),
        positive.map(functions.sqrt),
        inner.map(functions.sin),
        inner.map(functions.cos),
        inner.map(functions.tanh),
        inner.map(lambda e: functions.expit(bounded(e))),
        positive.map(lambda e: functions.hill(e, A, B)),
        positive.map(lambda e: functions.inhibition(e, B, 1.5)),
        inner.map(lambda e: functions.softplus(bounded(e), 0.5)),
    )


def expressions(*symbols: Any, size: int = 6) -> st.SearchStrategy[Any]:
    """Expressions in these symbols, smooth and of moderate size where the symbols are positive."""
    numbers = [sympy.Integer(2), sympy.Float(-0.75), sympy.Rational(1, 3)]
    return st.recursive(st.sampled_from([*symbols, *numbers]), extend, max_leaves=size)
