"""Exposure-effect curves: the same line as numbers, as a graph, and as an equation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
import sympy
from pytensor.compile.maker import function
from pytensor.gradient import grad
from scipy.integrate import quad
from scipy.stats import norm

from cytobayes.models import math as equations
from cytobayes.models.response import (
    CumulativeLogit,
    Curve,
    Emax,
    Linear,
    Logistic,
    SigmoidEmax,
    expit,
    marginal_probability,
)

CURVES: list[tuple[Curve, dict[str, float]]] = [
    (Linear(), {"E0": 1.0, "slope": 0.2}),
    (Logistic(5.0), {"a": -1.0, "b": 1.6}),
    (Emax(), {"E0": 0.1, "Emax": 0.9, "EC50": 7.0}),
    (SigmoidEmax(), {"E0": 0.1, "Emax": 0.9, "EC50": 7.0, "h": 1.7}),
    (CumulativeLogit(5.0), {"b": 1.0, "g": 0.5, "c1": 0.3, "gap2": 1.0, "gap3": 0.7, "gap4": 2.0}),
]
IDS = [type(c).__name__ for c, _ in CURVES]


def first(value: Any) -> Any:
    """Value of a curve; of several, the second one."""
    return value[1] if isinstance(value, tuple) else value


@pytest.mark.parametrize(("curve", "theta"), CURVES, ids=IDS)
def test_a_curve_is_the_same_in_three_worlds(curve: Curve, theta: dict[str, float]) -> None:
    assert set(theta) == set(curve.names)
    x = np.array([0.1, 3.0, 7.0, 200.0])
    numbers = first(curve.value(x, theta))
    assert numbers.shape == x.shape
    graph = first(curve.value(pt.constant(x), theta, pt)).eval()
    np.testing.assert_allclose(graph, numbers, rtol=1e-14)
    symbol = sympy.Symbol("x", positive=True)
    equation = first(curve.value(symbol, theta, equations))
    np.testing.assert_allclose([float(equation.subs(symbol, v)) for v in x], numbers, rtol=1e-13)


@pytest.mark.parametrize(("curve", "theta"), CURVES, ids=IDS)
def test_a_curve_has_a_gradient_in_its_parameters(curve: Curve, theta: dict[str, float]) -> None:
    inputs = {k: pt.dscalar(k) for k in theta}
    value = first(curve.value(pt.constant(3.0), inputs, pt))
    gradients = grad(value, list(inputs.values()), disconnected_inputs="ignore")
    found = function(list(inputs.values()), gradients, on_unused_input="ignore")
    for k, g in zip(theta, found(*theta.values()), strict=True):
        up, down = dict(theta), dict(theta)
        up[k] += 1e-6
        down[k] -= 1e-6
        slope = (first(curve.value(3.0, up)) - first(curve.value(3.0, down))) / 2e-6
        # Rounding 1e-16 / 1e-6, truncation of order 1e-12.
        assert float(g) == pytest.approx(slope, abs=1e-9)


def test_the_logistic_function_does_not_overflow() -> None:
    np.testing.assert_array_equal(expit(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])
    assert expit(2.0) == pytest.approx(1 / (1 + math.exp(-2)), rel=1e-15)


def test_a_tenfold_exposure_adds_b_to_the_log_odds() -> None:
    curve, theta = Logistic(5e4), {"a": -1.1, "b": 1.6}
    assert curve.log_odds(5e4, theta) == pytest.approx(-1.1, abs=1e-15)
    for x in (1.0, 333.0):
        gain = curve.log_odds(10 * x, theta) - curve.log_odds(x, theta)
        assert gain == pytest.approx(1.6, rel=1e-12)


def test_the_midpoint_and_its_slope() -> None:
    curve, theta = SigmoidEmax(), {"E0": 0.1, "Emax": 0.9, "EC50": 7.0, "h": 1.7}
    assert curve.value(7.0, theta) == pytest.approx(0.5, rel=1e-14)
    e = 1e-5
    slope = (curve.value(7 * math.exp(e), theta) - curve.value(7 * math.exp(-e), theta)) / (2 * e)
    assert slope == pytest.approx(1.7 * 0.8 / 4, rel=1e-8)
    assert curve.value(0.0, theta) == 0.1


def test_a_steepness_of_one_is_the_plain_curve() -> None:
    theta = {"E0": 0.1, "Emax": 0.9, "EC50": 7.0}
    x = np.array([0.0, 1.0, 50.0])
    np.testing.assert_allclose(
        SigmoidEmax().value(x, {**theta, "h": 1.0}), Emax().value(x, theta), rtol=1e-14
    )


def test_grades_are_ordered_and_their_probabilities_sum_to_one() -> None:
    curve, theta = CURVES[-1]
    assert isinstance(curve, CumulativeLogit)
    x = np.array([0.1, 5.0, 1e4])
    at_least = curve.value(x, theta, burden=1.0)
    assert all((a > b).all() for a, b in zip(at_least, at_least[1:], strict=False))
    each = curve.probabilities(x, theta, burden=1.0)
    assert len(each) == 5
    np.testing.assert_allclose(sum(each), 1.0, rtol=1e-14)
    assert all((p > 0).all() for p in each)
    # At the reference exposure and no burden: logit P(grade >= 3) = -(0.3 + 1.0 + 0.7).
    assert curve.log_odds(5.0, theta)[2] == pytest.approx(-2.0, rel=1e-14)


def test_log_normal_exposure_with_one_spread_gives_a_logistic_curve() -> None:
    """Bayes' rule with two normals of one variance: slope (m1 - m0) / s**2 in log x."""
    m0, m1, s, prior = 0.3, 1.1, 0.9, 0.25
    x = np.exp(np.linspace(-2, 4, 7))
    one, zero = norm.pdf(np.log(x), m1, s) * prior, norm.pdf(np.log(x), m0, s) * (1 - prior)
    slope = (m1 - m0) / s**2
    theta = {
        "a": math.log(prior / (1 - prior)) - (m1**2 - m0**2) / (2 * s**2),
        "b": slope * math.log(10),
    }
    np.testing.assert_allclose(Logistic().value(x, theta), one / (one + zero), rtol=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize(("median", "printed"), [(1e5, 0.3602), (5e4, 0.2645)])
def test_the_mean_over_patients_is_near_its_integral(median: float, printed: float) -> None:
    curve, theta, s = Logistic(5e4), {"a": math.log(1 / 3), "b": 1.6}, 0.9
    mean, variance = curve.log_odds(median, theta), (1.6 * s / math.log(10)) ** 2
    found = marginal_probability(mean, variance)
    assert found == pytest.approx(printed, abs=5e-5)
    sd = math.sqrt(variance)
    exact = quad(lambda z: float(expit(mean + sd * z)) * norm.pdf(z), -9, 9)[0]
    assert found == pytest.approx(exact, abs=0.0025)
