"""Every kind of event against the exact solution: values, and gradients by every quantity.

All regimens are subjects of one call. The oracle is `courses.pk_solution`; its derivative by
the five-point rule is exact to 1e-10, as it has no steps that could change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from cytobayes.models.dosing import Regimen
from cytobayes.models.solver import CompiledModel, Solution, Timeline, compile_model

from .courses import pk_solution
from .problems import (
    METHODS,
    PK,
    PK_LOG,
    PK_TIMES,
    REGIMENS,
    Array,
    central_difference,
    interpreted,
    pk_timeline,
    scaled_error,
    seeds,
    tight,
    values,
)

THETA = values(PK)
NAMES = tuple(REGIMENS)
# Machine code for natural states; the logarithm of the central state by the interpreter.
ENGINES = {m: (PK, m, 1e-9) for m in METHODS} | {f"log {m}": (PK_LOG, m, 1e-8) for m in METHODS}


@dataclass(frozen=True)
class Run:
    """One call with all regimens."""

    model: CompiledModel
    timeline: Timeline
    solution: Solution
    gradient: Array
    rtol: float


@lru_cache
def run(engine: str) -> Run:
    model, method, rtol = ENGINES[engine]
    timeline = pk_timeline(model)
    build = interpreted if engine.startswith("log") else compile_model
    compiled = build(model, method, timeline=timeline)
    options = tight(rtol, method)
    solution, gradient = compiled.gradient(THETA, timeline, seeds(timeline, 3), options)
    return Run(compiled, timeline, solution, gradient, rtol)


def exact(name: str, theta: Array) -> Array:
    named = dict(zip(PK.parameter_names, theta, strict=True))
    return pk_solution(named, Regimen(REGIMENS[name]), PK_TIMES)


@lru_cache
def exact_slopes(name: str) -> Array:
    """Derivatives of the exact solution, shape (parameter, time, state)."""
    return central_difference(lambda theta: exact(name, theta), THETA)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine", ENGINES)
def test_values_are_exact_to_the_tolerance(engine: str, name: str) -> None:
    result, subject = run(engine), NAMES.index(name)
    assert result.solution.status[subject] == 0
    found = result.solution.y[result.timeline.subject == subject]
    expected = exact(name, THETA)
    # Amounts leave or stay, so that errors do not grow: at most they add up over the steps. A step
    # may err by sqrt(3) times the tolerance in each of three states (the norm is a mean), and
    # by 5 times as much where rtol refers to the logarithm of a value below exp(5).
    steps = int(result.solution.steps[subject])
    growth = 3**1.5 * steps * (5 if engine.startswith("log") else 1)
    assert np.abs(found - expected).max() < growth * result.rtol * np.abs(expected).max()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_are_those_of_the_exact_solution(engine: str, name: str) -> None:
    result, subject = run(engine), NAMES.index(name)
    weights = seeds(result.timeline, 3)[result.timeline.subject == subject]
    expected = np.sum(exact_slopes(name) * weights, axis=(1, 2))
    # A thousand tolerances, as errors of the steps (hundreds) add up: 1e-6 at rtol 1e-9.
    error = scaled_error(result.gradient[subject], expected, THETA)
    assert error < 1000 * result.rtol


@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_those_of_the_solution(method: str) -> None:
    result, options = run(method), tight(1e-12, method)
    weights = seeds(result.timeline, 3)

    def total(theta: Array) -> Array:
        y = result.model.solve(theta, result.timeline, options).y
        return np.bincount(result.timeline.subject, (weights * y).sum(axis=1))

    # The noise of the solution, some 1e-11, is divided by the step of the quotient, 1e-3.
    slopes = central_difference(total, THETA)
    for subject, name in enumerate(NAMES):
        error = scaled_error(result.gradient[subject], slopes[:, subject], THETA)
        assert error < 1e-6, name


@pytest.mark.parametrize("method", METHODS)
def test_the_interpreter_does_what_the_machine_does(method: str) -> None:
    result = run(method)
    again = interpreted(PK, method, timeline=result.timeline)
    solution, gradient = again.gradient(
        THETA, result.timeline, seeds(result.timeline, 3), tight(result.rtol, method)
    )
    np.testing.assert_array_equal(solution.steps, result.solution.steps)
    # Rounding only: sums in another order, fused multiplications.
    np.testing.assert_allclose(solution.y, result.solution.y, rtol=1e-9, atol=1e-9)
    for subject in range(len(NAMES)):
        assert scaled_error(gradient[subject], result.gradient[subject], THETA) < 1e-9


def test_every_quantity_is_used() -> None:
    moved = [np.abs(exact_slopes(n)).max(axis=(1, 2)) for n in NAMES]
    assert (np.array(moved).max(axis=0) > 0).all()


def test_the_tape_does_not_change_the_values() -> None:
    result = run("auto")
    plain = result.model.solve(THETA, result.timeline, tight(result.rtol))
    np.testing.assert_array_equal(plain.y, result.solution.y)
    np.testing.assert_array_equal(plain.steps, result.solution.steps)
