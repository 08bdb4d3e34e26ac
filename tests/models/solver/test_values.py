"""Values and gradients against scipy, and against numbers published with PINTS."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytobayes.models.dosing import Regimen
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import CompiledModel, SolverOptions, Timeline, compile_model

from .courses import reference_gradient, reference_solution
from .problems import (
    FIVE_STATES,
    FIVE_TIMES,
    LOTKA_VOLTERRA,
    LV_REGIMEN,
    LV_TIMES,
    METHODS,
    Array,
    central_difference,
    five_thetas,
    interpreted,
    plain,
    scaled_error,
    seeds,
    tight,
    values,
)

# --- Lotka-Volterra, with doses --------------------------------------------------------------

LV = values(LOTKA_VOLTERRA)


@pytest.mark.parametrize("regimen", [Regimen(), LV_REGIMEN], ids=["alone", "with doses"])
@pytest.mark.parametrize("method", METHODS)
def test_lotka_volterra_equals_lsoda(method: str, regimen: Regimen) -> None:
    timeline = Timeline.build(LOTKA_VOLTERRA, [regimen], [LV_TIMES])
    compiled = interpreted(LOTKA_VOLTERRA, method, timeline=timeline)
    solution = compiled.solve(LV, timeline, tight(1e-10, method))
    expected = reference_solution(LOTKA_VOLTERRA, LV, LV_TIMES, regimen)
    # Orbits are stable and phases drift: the errors of all steps at most add up, amplified along
    # the orbit by no more than the ratio of its extremes, about 10.
    allowed = 10 * np.sqrt(2) * solution.steps[0] * 1e-10
    np.testing.assert_allclose(solution.y, expected, rtol=allowed)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_of_lotka_volterra_with_doses(method: str) -> None:
    timeline = Timeline.build(LOTKA_VOLTERRA, [LV_REGIMEN], [LV_TIMES])
    compiled = interpreted(LOTKA_VOLTERRA, method, timeline=timeline)
    weights = seeds(timeline, 2)
    gradient = compiled.gradient(LV, timeline, weights, tight(1e-9, method))[1][0]

    def total(theta: Array) -> float:
        y = reference_solution(LOTKA_VOLTERRA, theta, LV_TIMES, LV_REGIMEN)
        return float(np.sum(weights * y))

    # Noise of LSODA at 1e-12 (some 1e-10), divided by the step of the quotient.
    assert scaled_error(gradient, central_difference(total, LV), LV) < 1e-6


# --- the five states of the prototype ----------------------------------------------------------


@lru_cache
def five(method: str) -> CompiledModel:
    """Machine code for one method, which is enough; the others by the interpreter."""
    build = compile_model if method == "explicit" else interpreted
    return build(FIVE_STATES, method)


@pytest.mark.parametrize("method", METHODS)
def test_five_states_equal_lsoda(method: str) -> None:
    thetas = five_thetas(3)
    timeline = plain(FIVE_STATES, FIVE_TIMES, 3)
    solution = five(method).solve(thetas, timeline, tight(1e-10, method))
    expected = np.concatenate([reference_solution(FIVE_STATES, x, FIVE_TIMES) for x in thetas])
    # The target dies out from 1e1 to below 1e-3 while the effectors grow: an early error is
    # carried along, multiplied by growth over a week, exp(0.8 * 7) = 300 at most.
    allowed = 300 * np.sqrt(5) * 1e-10
    assert np.all(np.abs(solution.y - expected) < allowed * (np.abs(expected) + 0.01))


@pytest.mark.parametrize("method", METHODS)
def test_gradient_of_five_states_equals_forward_sensitivities(method: str) -> None:
    thetas = five_thetas(2)
    timeline = plain(FIVE_STATES, FIVE_TIMES, 2)
    weights = seeds(timeline, 5)
    gradient = five(method).gradient(thetas, timeline, weights, tight(1e-9, method))[1]
    for subject, theta in enumerate(thetas):
        bar = weights[timeline.subject == subject]
        expected = reference_gradient(FIVE_STATES, theta, FIVE_TIMES, bar, rtol=1e-11)
        assert scaled_error(gradient[subject], expected, theta) < 1e-6


def test_the_error_falls_with_the_tolerance() -> None:
    theta, timeline = values(FIVE_STATES), plain(FIVE_STATES, FIVE_TIMES)
    expected = reference_solution(FIVE_STATES, theta, FIVE_TIMES)
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8, 1e-10):
        y = five("explicit").solve(theta, timeline, SolverOptions(rtol=rtol)).y
        errors.append(np.max(np.abs(y - expected) / (np.abs(expected) + 0.01)))
        assert errors[-1] < 300 * np.sqrt(5) * rtol
    assert np.all(np.array(errors[1:]) < 0.1 * np.array(errors[:-1]))


# --- PINTS -------------------------------------------------------------------------------------


def toy(states: str, parameters: str, rhs: Callable[..., Any]) -> OdeModel:
    """Model whose initial values are parameters ``<state>_0``."""
    names, starts = states.split(), [f"{s}_0" for s in states.split()]
    return OdeModel(
        name="toy",
        states=tuple(State(s) for s in names),
        parameters=tuple(Parameter(p, 1.0, lower=-np.inf) for p in [*parameters.split(), *starts]),
        rhs=rhs,
        initial=lambda p: {s: getattr(p, f"{s}_0") for s in names},
    )


TOYS = {
    "fhn": toy(
        "V R", "a b c",
        lambda t, y, p: {
            "V": p.c * (y.V - y.V**3 / 3 + y.R), "R": -(y.V - p.a + p.b * y.R) / p.c,
        },
    ),
    "goodwin": toy(
        "x y z", "k2 k3 m1 m2 m3",
        lambda t, y, p: {
            "x": 1 / (1 + y.z**10) - p.m1 * y.x,
            "y": p.k2 * y.x - p.m2 * y.y,
            "z": p.k3 * y.y - p.m3 * y.z,
        },
    ),
    "hes1": toy(
        "m p1 p2", "P0 nu k1 h",
        lambda t, y, p: {
            "m": -0.04 * y.m + 1 / (1 + (y.p2 / p.P0) ** p.h),
            "p1": -0.04 * y.p1 + p.nu * y.m - p.k1 * y.p1,
            "p2": -0.04 * y.p2 + p.k1 * y.p1,
        },
    ),
    "lv": toy(
        "x y", "a b c d",
        lambda t, y, p: {
            "x": p.a * y.x - p.b * y.x * y.y, "y": -p.c * y.y + p.d * y.x * y.y,
        },
    ),
    "sir": toy(
        "S I R", "g v S0",
        lambda t, y, p: {
            "S": -p.g * y.S * y.I, "I": p.g * y.S * y.I - p.v * y.I, "R": p.v * y.I,
        },
    ),
    "repressilator": toy(
        "m0 m1 m2 p0 p1 p2", "alpha0 alpha beta n",
        lambda t, y, p: {
            f"m{i}": -y[f"m{i}"] + p.alpha / (1 + y[f"p{j}"] ** p.n) + p.alpha0
            for i, j in ((0, 2), (1, 0), (2, 1))
        } | {f"p{i}": -p.beta * (y[f"p{i}"] - y[f"m{i}"]) for i in range(3)},
    ),
}  # fmt: skip


@pytest.mark.reference
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TOYS)
def test_published_values_and_sensitivities(name: str, method: str, reference_dir: Path) -> None:
    rows = json.loads((reference_dir / "pints_toys" / "reference.json").read_text())["rows"]
    rows = [r for r in rows if r["model"] == name]
    assert rows
    model = TOYS[name]
    for row in rows:
        timeline = plain(model, [row["time"]])
        weights = np.eye(len(model.states))[[row["component"]]]
        theta = np.array([*row["parameters"], *row["y0"]], dtype=float)
        compiled = interpreted(model, method, timeline=timeline)
        options = tight(1e-8, method, atol=1e-9)
        solution, gradient = compiled.gradient(theta, timeline, weights, options)
        if "parameter_index" in row:
            found, units = gradient[0, row["parameter_index"]], 2
        else:
            found, units = solution.y[0, row["component"]], 1
        assert found == pytest.approx(row["expected"], abs=units * 10.0 ** -row["decimals"]), row
