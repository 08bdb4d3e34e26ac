"""Stiff problems: a published receptor model, Robertson's reaction, van der Pol's oscillator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import CompiledModel, SolverOptions, Timeline, compile_model

from .courses import reference_gradient, reference_solution
from .problems import (
    ROBERTSON,
    SNEYD,
    Array,
    central_difference,
    interpreted,
    plain,
    scaled_error,
    seeds,
    tight,
    values,
)

# --- the IP3 receptor of Sneyd and Dufour, PNAS 2002, from the PEtab collection ------------------

N_RATES = 14  # parameters but for the concentrations, which are conditions
SIGMA = 0.022665679544462


@dataclass(frozen=True)
class Experiment:
    """Nine conditions as nine subjects of one call."""

    timeline: Timeline
    measured: Array
    published: Array
    thetas: Array

    def theta(self, log10_rates: Array) -> Array:
        thetas = self.thetas.copy()
        thetas[:, :N_RATES] = 10.0**log10_rates
        return thetas


@pytest.fixture(scope="module")
def sneyd(reference_dir: Path) -> Experiment:
    folder = reference_dir / "petab_sneyd_stiff"
    data = pd.read_csv(folder / "data.csv")
    reference = json.loads((folder / "reference.json").read_text())
    data["simulation"] = reference["simulation_at_nominal"]
    conditions = pd.read_csv(folder / "conditions.csv").set_index("conditionId")
    subjects = [data[data["conditionId"] == c] for c in conditions.index]
    rows = pd.concat(subjects)
    times = [s["time"].to_numpy() for s in subjects]
    return Experiment(
        timeline=Timeline.build(SNEYD, [Regimen()] * len(subjects), times),
        measured=rows["measurement"].to_numpy(),
        published=rows["simulation"].to_numpy(),
        thetas=np.stack(
            [values(SNEYD, IP3=float(i), Ca=float(c)) for i, c in conditions[["IP3", "Ca"]].values]
        ),
    )


@lru_cache
def compiled_sneyd(method: str) -> CompiledModel:
    """Machine code of the stiff method; the automatic choice by the interpreter."""
    build: Any = compile_model if method == "stiff" else interpreted
    model: CompiledModel = build(SNEYD, method)
    return model


def opening(y: Array) -> Array:
    return np.asarray((0.9 * y[:, 4] + 0.1 * y[:, 0]) ** 4)


def log_likelihood(y: Array, measured: Array) -> float:
    z = (measured - opening(y)) / SIGMA
    return float(-0.5 * np.sum(z**2) - len(z) * np.log(SIGMA * np.sqrt(2 * np.pi)))


def log_likelihood_slope(y: Array, measured: Array) -> Array:
    bar = np.zeros_like(y)
    inner = 0.9 * y[:, 4] + 0.1 * y[:, 0]
    by_inner = (measured - inner**4) / SIGMA**2 * 4 * inner**3
    bar[:, 4], bar[:, 0] = 0.9 * by_inner, 0.1 * by_inner
    return bar


def gradient_by_log10(experiment: Experiment, options: SolverOptions) -> Array:
    """Gradient of the log-likelihood by the logarithms of the rates, as the benchmark has them."""
    compiled = compiled_sneyd(options.method)
    y = compiled.solve(experiment.thetas, experiment.timeline, options).y
    bar = log_likelihood_slope(y, experiment.measured)
    gradient = compiled.gradient(experiment.thetas, experiment.timeline, bar, options)[1]
    rates = experiment.thetas[:, :N_RATES]
    return np.asarray(np.sum(gradient[:, :N_RATES] * rates, axis=0) * np.log(10))


@pytest.mark.reference
@pytest.mark.parametrize("method", ["stiff", "auto"])
def test_the_receptor_model_at_its_published_optimum(sneyd: Experiment, method: str) -> None:
    options = tight(1e-8, method)
    solution = compiled_sneyd(method).solve(sneyd.thetas, sneyd.timeline, options)
    assert solution.ok
    assert solution.steps.max() < 1000
    np.testing.assert_allclose(opening(solution.y), sneyd.published, rtol=1e-5, atol=1e-9)
    assert log_likelihood(solution.y, sneyd.measured) == pytest.approx(319.7918, abs=1e-3)


@pytest.mark.reference
def test_gradient_of_the_receptor_model(sneyd: Experiment) -> None:
    options, fine = tight(1e-9, "stiff"), tight(1e-12, "stiff")
    compiled, start = compiled_sneyd("stiff"), np.log10(sneyd.thetas[0, :N_RATES])

    def function(log10_rates: Array) -> float:
        y = compiled.solve(sneyd.theta(log10_rates), sneyd.timeline, fine).y
        return log_likelihood(y, sneyd.measured)

    # At the optimum the sum nearly vanishes; a point 5 % of a decade off has a gradient to compare.
    away = start + 0.05 * np.cos(np.arange(N_RATES))
    moved = Experiment(sneyd.timeline, sneyd.measured, sneyd.published, sneyd.theta(away))
    slopes = central_difference(function, away)
    found = gradient_by_log10(moved, options)
    assert np.abs(found - slopes).max() < 1e-6 * np.abs(slopes).max()
    by_auto = gradient_by_log10(moved, tight(1e-9, "auto"))
    assert np.abs(by_auto - slopes).max() < 1e-6 * np.abs(slopes).max()


# --- Robertson -----------------------------------------------------------------------------------

ROBERTSON_TIMES = np.array([0.4, 4.0, 40.0, 400.0, 4e3, 4e4])


@lru_cache
def robertson_reference() -> Array:
    return reference_solution(
        ROBERTSON, values(ROBERTSON), ROBERTSON_TIMES, method="Radau", rtol=1e-11
    )


@pytest.mark.parametrize("method", ["stiff", "auto"])
@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
def test_robertson(method: str, rtol: float) -> None:
    timeline = plain(ROBERTSON, ROBERTSON_TIMES)
    compiled = interpreted(ROBERTSON, method)
    solution = compiled.solve(values(ROBERTSON), timeline, tight(rtol, method))
    by_stiff = interpreted(ROBERTSON, "stiff").solve(
        values(ROBERTSON), timeline, tight(rtol, "stiff")
    )
    # Finding out that the problem is stiff may cost as much again, and a hundred steps.
    assert solution.steps[0] < 2 * by_stiff.steps[0] + 100
    # The fast reactions forget errors, the slow one adds them up over some hundred steps.
    scale = np.array([1.0, 1e-4, 1.0])
    error = np.abs(solution.y - robertson_reference()) / scale
    assert error.max() < np.sqrt(3) * solution.steps[0] * rtol
    np.testing.assert_allclose(solution.y.sum(axis=1), 1.0, rtol=0, atol=solution.steps[0] * rtol)


@pytest.mark.parametrize("method", ["stiff", "auto"])
def test_gradient_of_robertson(method: str) -> None:
    times = ROBERTSON_TIMES[:4]
    timeline, theta = plain(ROBERTSON, times), values(ROBERTSON)
    weights = seeds(timeline, 3) * np.array([1.0, 1e4, 1.0])
    compiled = interpreted(ROBERTSON, method)
    found = compiled.gradient(theta, timeline, weights, tight(1e-9, method))[1][0]
    expected = reference_gradient(ROBERTSON, theta, times, weights, method="Radau", rtol=1e-10)
    assert scaled_error(found, expected, theta) < 1e-6


def test_the_automatic_choice_stays_explicit_without_need() -> None:
    gentle = OdeModel(
        "gentle", (State("x"),), (Parameter("k", 1.0),), lambda t, y, p: [-p.k * y.x], {"x": 1.0}
    )
    runs = [
        interpreted(gentle, m).solve([1.0], plain(gentle, [1.0, 3.0]), tight(1e-8, m))
        for m in ("explicit", "auto")
    ]
    np.testing.assert_array_equal(runs[0].y, runs[1].y)


def test_the_explicit_method_cannot_do_it() -> None:
    """So that the tests above are tests of stiffness: steps of 3 / 2000 up to 40."""
    options = SolverOptions(method="explicit", max_steps=5000)
    solution = interpreted(ROBERTSON, "explicit").solve(
        values(ROBERTSON), plain(ROBERTSON, [40.0]), options
    )
    assert solution.status[0] == 1


# --- van der Pol ---------------------------------------------------------------------------------

VAN_DER_POL = OdeModel(
    name="van_der_pol",
    states=(State("x"), State("v")),
    parameters=(Parameter("mu", 1000.0),),
    rhs=lambda t, y, p: {"x": y.v, "v": p.mu * (1 - y.x**2) * y.v - y.x},
    initial={"x": 2.0},
)


@pytest.mark.parametrize("method", ["stiff", "auto"])
def test_van_der_pol_over_a_jump(method: str) -> None:
    """The jump, at 807, lasts 1e-3; the state before and after moves over hundreds."""
    times = np.array([100.0, 800.0, 820.0, 1500.0])
    solution = interpreted(VAN_DER_POL, method).solve(
        values(VAN_DER_POL), plain(VAN_DER_POL, times), tight(1e-8, method)
    )
    expected = reference_solution(
        VAN_DER_POL, values(VAN_DER_POL), times, method="Radau", rtol=1e-11
    )
    assert solution.steps[0] < 3000
    # x moves along a slow curve, where errors are damped; v = -x / (mu (x^2 - 1)) follows it.
    # An error before the jump is one of its time, which the slope 1e-3 of x makes small again.
    allowed = np.sqrt(2) * solution.steps[0] * 1e-8
    np.testing.assert_allclose(solution.y[:, 0], expected[:, 0], rtol=allowed)
    np.testing.assert_allclose(solution.y[:, 1], expected[:, 1], rtol=0, atol=allowed)


@pytest.mark.parametrize("method", ["stiff", "auto"])
def test_doses_into_a_stiff_model(method: str) -> None:
    """Fast binding, with a bolus and an infusion inside; gradients by amount, length and rates."""
    model = OdeModel(
        "binding",
        (State("free"), State("target"), State("bound")),
        tuple(
            Parameter(n, v)
            for n, v in {
                "on": 3e4, "off": 1e3, "out": 0.2, "amount": 2.0, "length": 1.3, "start": 0.4,
            }.items()
        ),
        lambda t, y, p: {
            "free": -p.on * y.free * y.target + p.off * y.bound - p.out * y.free,
            "target": -p.on * y.free * y.target + p.off * y.bound,
            "bound": p.on * y.free * y.target - p.off * y.bound - 0.1 * p.out * y.bound,
        },
        {"target": 1.0},
    )  # fmt: skip
    regimen = Regimen(
        [
            Dose("start", "amount", "free"),
            Dose(2.0, "amount", "free", duration="length", lag="start", bioavailability="out"),
        ]
    )
    times = np.array([0.1, 0.5, 1.0, 2.7, 6.0])
    timeline, theta = Timeline.build(model, [regimen], [times]), values(model)
    compiled, weights = interpreted(model, method, timeline=timeline), seeds(timeline, 3)
    solution, gradient = compiled.gradient(theta, timeline, weights, tight(1e-9, method))
    expected = reference_solution(model, theta, times, regimen)
    allowed = np.sqrt(3) * solution.steps[0] * 1e-9
    np.testing.assert_allclose(solution.y, expected, rtol=0, atol=allowed * 2)
    assert solution.steps[0] < 2000

    def total(x: Array) -> float:
        y = reference_solution(model, x, times, regimen)
        return float(np.sum(weights * y))

    # LSODA at 1e-12 has a noise of some 1e-10, divided by 1e-2, the step of the quotient; with
    # that step the five-point rule itself errs by 3e-10 of the fifth derivative.
    slopes = central_difference(total, theta, step=1e-2)
    assert scaled_error(gradient[0], slopes, theta) < 1e-6
