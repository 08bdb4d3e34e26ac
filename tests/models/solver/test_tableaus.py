"""Orders of convergence, exactness of the adjoints on a fixed grid, and stiff problems with known
solutions.

Absolute tolerances without bound switch the control of steps off: between two observations
there is one step, so that the grid of observations is the grid of the method.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from cytobayes.models import math as functions
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import Solution, SolverOptions, Timeline

from .problems import (
    METHODS,
    Array,
    central_difference,
    interpreted,
    plain,
    scaled_error,
    seeds,
    tight,
    values,
)

FREE = SolverOptions(rtol=0.5, atol=1e9)
# Known solutions: exp(a sin(w t)), 1 / (1 + a t^2) and a product of the two; time enters each.
DRIVEN = OdeModel(
    name="driven",
    states=(State("u"), State("v"), State("z")),
    parameters=(Parameter("a", 0.8), Parameter("w", 1.7)),
    rhs=lambda t, y, p: {
        "u": p.a * p.w * functions.cos(p.w * t) * y.u,
        "v": -2 * p.a * t * y.v**2,
        "z": p.a * p.w * functions.cos(p.w * t) * y.z - 2 * p.a * t * y.v * y.z,
    },
    initial={"u": 1.0, "v": 1.0, "z": 1.0},
)


def driven(t: Array) -> Array:
    u, v = np.exp(0.8 * np.sin(1.7 * t)), 1 / (1 + 0.8 * t**2)
    return np.stack([u, v, u * v], axis=1)


def on_grid(steps: int, method: str) -> Solution:
    grid = np.linspace(0.0, 2.0, steps + 1)[1:]
    timeline = plain(DRIVEN, grid)
    compiled = interpreted(DRIVEN, method, timeline=timeline)
    return compiled.solve(values(DRIVEN), timeline, FREE)


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_the_order_is_five(method: str) -> None:
    counts = np.array([16, 32, 64, 128])
    errors = []
    for n in counts:
        solution = on_grid(int(n), method)
        # The very first interval holds some more, as the first step of all is a small one.
        assert n <= solution.steps[0] <= n + 12
        errors.append(np.abs(solution.y - driven(np.linspace(0.0, 2.0, n + 1)[1:])).max())
    orders = np.log2(np.array(errors)[:-1] / np.array(errors)[1:])
    # An order differs from its limit by terms in h; they halve from one grid to the next.
    assert np.all(orders > 4.5), orders
    assert orders[-1] == pytest.approx(5.0, abs=0.3), orders


@pytest.mark.parametrize("method", ["explicit", "stiff"])
def test_the_error_estimate_has_order_four(method: str) -> None:
    """Local errors of h^5 give a count of steps that goes with tolerance^(-1/5)."""
    timeline = plain(DRIVEN, [2.0])
    compiled = interpreted(DRIVEN, method, timeline=timeline)
    counts, errors = [], []
    for rtol in (1e-7, 1e-12):
        solution = compiled.solve(values(DRIVEN), timeline, tight(rtol, method))
        counts.append(int(solution.steps[0]))
        errors.append(np.abs(solution.y - driven(np.array([2.0]))).max())
        # Steps of an oscillation: their errors, each below rtol |y| sqrt(3), at most add up.
        assert errors[-1] < counts[-1] * 3 * np.exp(0.8) * rtol
    # Ten times as many; the first and the last step of all are not ruled by the error.
    assert 7 < counts[1] / counts[0] < 14, counts


@pytest.mark.parametrize("method", ["explicit", "stiff"])
@pytest.mark.parametrize("log", [False, True])
def test_the_adjoint_is_exact_on_a_coarse_grid(method: str, log: bool) -> None:
    """Steps of an error of several percent: only the derivative of the steps themselves fits."""
    model = OdeModel(
        name="coarse",
        states=(State("x", log=log), State("y")),
        parameters=tuple(
            Parameter(n, v) for n, v in {"a": 0.8, "b": 1.6, "n": 1.7, "x0": 1.2}.items()
        ),
        rhs=lambda t, y, p: {
            "x": functions.cos(p.b * t) * y.x - p.a * y.x * y.y + t * functions.exp(-t) * y.x,
            "y": functions.hill(y.x, p.b, p.n) - p.a * t * functions.tanh(y.y),
        },
        initial=lambda p: {"x": p.x0, "y": p.x0 * p.a},
    )
    timeline = Timeline.build(
        model, [Regimen([Dose(1.0, 0.7, "x"), Dose("b", "a", "y")])], [np.linspace(0.5, 4.0, 5)]
    )
    compiled, theta = interpreted(model, method, timeline=timeline), values(model)
    weights = seeds(timeline, 2)

    def total(x: Array) -> float:
        return float(np.sum(weights * compiled.solve(x, timeline, FREE).y))

    solution, gradient = compiled.gradient(theta, timeline, weights, FREE)
    assert solution.steps[0] < 40
    # The time of the dose moves the grid, which the adjoint holds; its own derivative is left out.
    still = np.array([0, 2, 3])
    slopes = central_difference(total, theta)
    assert scaled_error(gradient[0, still], slopes[still], theta[still]) < 1e-9


@lru_cache
def prothero(rate: float) -> OdeModel:
    """``y = cos(t) + (y0 - 1) exp(-rate t)``."""
    return OdeModel(
        name="prothero",
        states=(State("y"),),
        parameters=(Parameter("rate", rate), Parameter("y0", 1.5)),
        rhs=lambda t, y, p: [-p.rate * (y.y - functions.cos(t)) - functions.sin(t)],
        initial=lambda p: {"y": p.y0},
    )


@pytest.mark.parametrize("method", ["stiff", "auto"])
@pytest.mark.parametrize("rtol", [1e-6, 1e-9])
def test_a_stiff_linear_problem(method: str, rtol: float) -> None:
    model, times = prothero(1e6), np.array([1e-6, 1e-5, 0.5, 3.0, 10.0])
    timeline = plain(model, times)
    compiled = interpreted(model, method, timeline=timeline)
    solution, gradient = compiled.gradient(
        values(model), timeline, np.ones((5, 1)), tight(rtol, method)
    )
    exact = np.cos(times) + 0.5 * np.exp(-1e6 * times)
    # Errors are damped at once; five observations and ten tolerances.
    assert np.abs(solution.y[:, 0] - exact).max() < 10 * rtol
    # An explicit method needs 10 * 1e6 / 3 steps.
    assert solution.steps[0] < 1500
    slopes = [-np.sum(0.5 * times * np.exp(-1e6 * times)), np.sum(np.exp(-1e6 * times))]
    expected, scale = np.array(slopes), values(model)
    assert scaled_error(gradient[0], expected, scale) < 100 * rtol


def test_the_explicit_method_stops_at_its_bound() -> None:
    model = prothero(1e6)
    timeline = plain(model, [10.0])
    options = SolverOptions(method="explicit", max_steps=500)
    solution = interpreted(model, "explicit", timeline=timeline).solve(
        values(model), timeline, options
    )
    assert solution.status[0] == 1 and np.isnan(solution.y).all()


@pytest.mark.parametrize("method", METHODS)
def test_steps_do_not_depend_on_the_unit_of_time(method: str) -> None:
    """The same equations in seconds take the same steps as in hours, but for the first.

    The guess of the first step compares a slope with a curvature; steps then grow up to fivefold,
    and 5^6 > 3600.
    """
    counts = []
    for unit in (1.0, 3600.0):
        model = OdeModel(
            "clock",
            (State("x"), State("y")),
            (Parameter("k", 1.0 / unit),),
            lambda t, y, p: {"x": -p.k * y.x * y.y, "y": p.k * (y.x - y.y)},
            {"x": 2.0, "y": 0.1},
        )
        timeline = plain(model, np.array([1.0, 5.0]) * unit)
        compiled = interpreted(model, method, timeline=timeline)
        counts.append(compiled.solve(values(model), timeline, tight(1e-8, method)).steps[0])
    assert abs(counts[0] - counts[1]) <= 6
