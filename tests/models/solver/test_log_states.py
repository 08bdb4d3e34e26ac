"""States integrated as logarithms, absolute tolerances per state, and populations that vanish."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.math import exp, log, sin
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import Solution, Timeline

from .courses import reference_solution
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


def car_t(**log: bool) -> OdeModel:
    """Target cells B that effectors E kill; a few days after the peak of E, B is below 1e-26."""
    return OdeModel(
        name="car_t",
        states=tuple(State(s, log=log.get(s, False)) for s in ("B", "E", "M")),
        parameters=tuple(
            Parameter(n, v)
            for n, v in {
                "rho": 1.2, "K": 5.0, "kill": 30.0, "loss": 0.25, "memory": 0.05, "growth": 0.05,
                "B0": 100.0, "dose": 0.5,
            }.items()
        ),
        rhs=lambda t, y, p: {
            "B": p.growth * y.B - p.kill * y.E / (1 + y.E) * y.B,
            "E": p.rho * y.B / (p.K + y.B) * y.E - (p.loss + p.memory) * y.E,
            "M": p.memory * y.E - 0.02 * y.M,
        },
        initial=lambda p: {"B": p.B0, "E": 1e-3},
    )  # fmt: skip


NATURAL, LOGS, PART = car_t(), car_t(B=True, E=True), car_t(B=True)
INFUSION = Regimen([Dose(1.0, "dose", "E"), Dose(1.5, "dose", "E", duration=0.25)])
TIMES = np.array([0.5, 1.0, 1.2, 2.0, 3.0, 5.0])
LATE = np.array([7.0, 10.0, 14.0])
RTOL = 1e-9


def solve(model: OdeModel, times: Any, method: str = "auto") -> Solution:
    timeline = Timeline.build(model, [INFUSION], [times])
    compiled = interpreted(model, method, timeline=timeline)
    return compiled.solve(values(model), timeline, tight(RTOL, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", [NATURAL, LOGS, PART], ids=["natural", "logs", "part"])
def test_logarithms_do_not_change_the_values(model: OdeModel, method: str) -> None:
    expected = reference_solution(NATURAL, values(NATURAL), TIMES, INFUSION)
    solution = solve(model, TIMES, method)
    # Steps of some sqrt(3) tolerances add up; rtol refers to logarithms of up to 60 in size, and
    # an error in E acts on log B over some days at a rate of 30.
    allowed = solution.steps[0] * np.sqrt(3) * RTOL * 40
    np.testing.assert_allclose(solution.y, expected, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("method", METHODS)
def test_a_population_of_1e_minus_26_does_not_stall_the_solver(method: str) -> None:
    in_logs = solve(LOGS, LATE, method)
    natural = solve(NATURAL, LATE, method)
    assert in_logs.ok and natural.ok
    assert 0 < in_logs.y[-1, 0] < 1e-26
    # log B falls by up to 30 a day; in between nothing happens that would need more steps.
    assert in_logs.steps[0] < 1500 and natural.steps[0] < 3000
    # The natural state is right within its absolute tolerance of 1e-11, times its steps.
    np.testing.assert_allclose(natural.y[:, 0], in_logs.y[:, 0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(natural.y[:, 1:], in_logs.y[:, 1:], rtol=1e-5)


def test_the_logarithm_of_the_vanishing_population_is_right() -> None:
    """Against the same equations written for the logarithm, by LSODA."""
    by_hand = OdeModel(
        "by_hand",
        (State("b"), State("E"), State("M")),
        NATURAL.parameters,
        lambda t, y, p: {
            "b": p.growth - p.kill * y.E / (1 + y.E),
            "E": p.rho / (p.K * exp(-y.b) + 1) * y.E - (p.loss + p.memory) * y.E,
            "M": p.memory * y.E - 0.02 * y.M,
        },
        lambda p: {"b": log(p.B0), "E": 1e-3},
    )
    expected = reference_solution(by_hand, values(by_hand), LATE, INFUSION)[:, 0]
    solution = solve(LOGS, LATE)
    allowed = solution.steps[0] * np.sqrt(3) * RTOL * 40
    np.testing.assert_allclose(np.log(solution.y[:, 0]), expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", [LOGS, PART], ids=["logs", "part"])
def test_gradients_of_logarithmic_states(model: OdeModel, method: str) -> None:
    timeline = Timeline.build(model, [INFUSION], [TIMES])
    compiled, theta = interpreted(model, method, timeline=timeline), values(model)
    weights = seeds(timeline, 3)
    gradient = compiled.gradient(theta, timeline, weights, tight(1e-8, method))[1][0]

    def total(x: Array) -> float:
        return float(np.sum(weights * reference_solution(NATURAL, x, TIMES, INFUSION)))

    # Noise of LSODA at 1e-12, divided by the step of the quotient; 1000 tolerances of the steps.
    assert scaled_error(gradient, central_difference(total, theta), theta) < 1e-5


def test_gradient_of_the_logarithm_of_the_vanishing_population() -> None:
    timeline = Timeline.build(LOGS, [INFUSION], [LATE])
    compiled, theta = interpreted(LOGS, "auto", timeline=timeline), values(LOGS)
    y = compiled.solve(theta, timeline, tight(RTOL)).y
    bar = np.zeros((3, 3))
    bar[:, 0] = 1 / y[:, 0]  # of sum(log B): 1e30 and more
    gradient = compiled.gradient(theta, timeline, bar, tight(RTOL))[1][0]

    def total(x: Array) -> float:
        return float(np.log(compiled.solve(x, timeline, tight(1e-12)).y[:, 0]).sum())

    assert scaled_error(gradient, central_difference(total, theta), theta) < 1e-6


# --- tolerances ----------------------------------------------------------------------------------

PAIR = OdeModel(
    name="pair",
    states=(State("big", scale=1e3), State("small", scale=1e-6)),
    parameters=(Parameter("k", 2.0), Parameter("w", 3.0)),
    rhs=lambda t, y, p: {
        "big": p.w * 1e9 * y.small - p.k * y.big,
        "small": -p.w * 1e-9 * y.big - p.k * y.small,
    },
    initial={"big": 1e3, "small": 0.0},
)


def pair(**more: Any) -> tuple[Array, int]:
    """Relative errors of both states; they decay and turn: exp(-2 t) (cos 3t, -sin 3t)."""
    times = np.array([0.3, 1.0, 2.0])
    solution = interpreted(PAIR, "explicit").solve(
        values(PAIR), plain(PAIR, times), tight(1e-6, "explicit", **more)
    )
    wave = np.exp(-2 * times)
    exact = np.stack([1e3 * wave * np.cos(3 * times), -1e-6 * wave * np.sin(3 * times)], axis=1)
    return np.abs(solution.y - exact).max(axis=0) / [1e3, 1e-6], int(solution.steps[0])


def test_the_default_tolerance_follows_the_scale_of_the_state() -> None:
    errors, steps = pair()
    # The step holds sqrt(2) (rtol |y| + atol) in both, some twenty times.
    assert np.all(errors < steps * np.sqrt(2) * 1.01e-6)


def test_an_absolute_tolerance_may_be_given_per_state() -> None:
    both, loose = pair(), pair(atol={"small": 1.0, "big": 1e3})
    assert loose[1] < both[1]
    tight_small = pair(atol={"small": 1e-16})
    assert tight_small[1] >= both[1]
    for same in ({"small": 1e-14, "big": 1e-5}, {"small": 1e-14}, {"big": 1e-5}):
        np.testing.assert_array_equal(pair(atol=same)[0], both[0])
    assert pair(atol=1e-5)[1] < both[1]  # one for all: ten times the small state


def test_tolerances_of_logarithms_are_relative() -> None:
    """A state at 1e-20 is as accurate as one at 1."""
    model = OdeModel(
        "decay", (State("x", log=True),), (Parameter("x0", 1.0),),
        lambda t, y, p: [-2.0 * y.x * (1 + 0.5 * sin(t))], lambda p: {"x": p.x0},
    )  # fmt: skip
    timeline = Timeline.build(model, [Regimen()] * 2, [[1.0, 5.0]] * 2)
    options = tight(1e-8, "explicit", atol=1e-8)
    y = interpreted(model, "explicit").solve([[1.0], [1e-20]], timeline, options).y[:, 0]
    exact = np.exp(-2 * np.array([1.0, 5.0]) - (1 - np.cos([1.0, 5.0])))
    np.testing.assert_allclose(y[:2], exact, rtol=1e-5)
    np.testing.assert_allclose(y[2:], 1e-20 * exact, rtol=1e-5)
