"""Outputs evaluated by NumPy and inside a graph are what SymPy says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as untyped_tensor
import pytest
import sympy

from cytobayes.inference.expression import evaluate
from cytobayes.models import math as m

pt: Any = untyped_tensor

X, K = sympy.symbols("x k", real=True)
EXPRESSIONS = [
    m.exp(-K * X) + m.sin(X) * m.cos(X) - m.tanh(X),
    m.hill(X, K, 2.5) + m.inhibition(X, K),
    m.log(X) / m.sqrt(K) + sympy.pi,
    m.expit(X - K) * m.softplus(X, 0.5),
    sympy.Piecewise((X**2, X < K), (X * K, X >= 2 * K), (sympy.Integer(7), True)),
    X**K,
    m.ramp(X - K, 0.1) + m.minimum(X, K) * m.maximum(X, 2),
    m.normal_cdf(X - K),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_values_are_those_of_sympy(expression: sympy.Expr) -> None:
    x, k = np.array([0.2, 1.0, 1.9, 4.0]), 1.3
    expected = [float(expression.subs({X: a, K: k})) for a in x]
    np.testing.assert_allclose(evaluate(expression, {X: x, K: k}), expected, rtol=1e-12)
    graph = evaluate(expression, {X: pt.constant(x), K: pt.constant(k)}, tensor=True)
    np.testing.assert_allclose(graph.eval(), expected, rtol=1e-12)


def test_a_rounded_negative_base_counts_as_zero_and_has_a_finite_slope() -> None:
    x = pt.dscalar("x")
    value = evaluate(X ** sympy.Float(1.5), {X: x}, tensor=True)
    assert value.eval({x: -1e-12}) == 0
    assert pt.grad(value, x).eval({x: -1e-12}) == 0


def test_a_foreign_function_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="gamma"):
        evaluate(sympy.gamma(X), {X: 1.0})
