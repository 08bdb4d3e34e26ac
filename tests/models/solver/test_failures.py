"""A solve that fails is a status code: no exception, no hang, and no harm to its neighbors."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.math import exp, hill, sqrt
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import (
    FAILURES,
    CompiledModel,
    Solution,
    SolverOptions,
    Timeline,
    compile_model,
)

from .problems import METHODS, Array, central_difference, interpreted, tight, values

TOO_MANY, TOO_SMALL, NOT_FINITE, NO_STEADY_STATE, BAD_TIME, TOO_LONG = 1, 2, 3, 4, 5, 6
FRAGILE = OdeModel(
    name="fragile",
    states=(State("x"), State("z", log=True)),
    parameters=tuple(
        Parameter(n, v, lower=-math.inf)
        for n, v in {
            "a": 0.0, "b": 0.5, "x0": 1.0, "z0": 2.0, "lag": 0.3, "length": 1.0, "amount": 1.0,
        }.items()
    ),
    rhs=lambda t, y, p: {"x": p.a * y.x**2 - p.b * y.x, "z": 1 - 0.7 * y.z},
    initial=lambda p: {"x": p.x0, "z": p.z0},
)  # fmt: skip
TIMES = [0.5, 2.0, 4.0]
PLAIN = Regimen([Dose(0.1, "amount", "x", lag="lag")])
INFUSED = Regimen([Dose(1.0, "amount", "x", duration="length")])
STEADY = Regimen([Dose(1.0, "amount", "x", interval=2.0, steady_state=True)])
STEADY_INFUSED = Regimen(
    [Dose(1.0, "amount", "x", duration="length", interval=2.0, steady_state=True, lag="lag")]
)
STEADY_LAGGED = Regimen([Dose(1.0, "amount", "x", interval=2.0, steady_state=True, lag="lag")])
INTO_LOG = Regimen([Dose(1.0, "amount", "z")])
# Regimen, changed parameters, and the status to expect (several, where it is a matter of rounding).
CASES: dict[str, tuple[Regimen, dict[str, float], set[int]]] = {
    "healthy": (PLAIN, {}, {0}),
    "blow-up": (Regimen(), {"a": 1.0, "b": 0.0}, {TOO_SMALL, NOT_FINITE}),
    "blow-up after a dose": (PLAIN, {"a": 1.0, "b": 1.5, "amount": 1.4}, {TOO_SMALL, NOT_FINITE}),
    "blow-up in a steady cycle": (STEADY, {"a": 1.0, "amount": 9.0}, {1, 2, 3, 4}),
    "parameter NaN": (PLAIN, {"b": math.nan}, {NOT_FINITE}),
    "parameter infinite": (PLAIN, {"b": math.inf}, {NOT_FINITE}),
    "all NaN": (PLAIN, dict.fromkeys(FRAGILE.parameter_names, math.nan), {NOT_FINITE, BAD_TIME}),
    "initial value NaN": (PLAIN, {"x0": math.nan}, {NOT_FINITE}),
    "initial value infinite": (PLAIN, {"x0": math.inf}, {NOT_FINITE}),
    "log of zero": (PLAIN, {"z0": 0.0}, {NOT_FINITE}),
    "log of a negative number": (PLAIN, {"z0": -1.0}, {NOT_FINITE}),
    "amount NaN": (PLAIN, {"amount": math.nan}, {NOT_FINITE}),
    "amount infinite": (PLAIN, {"amount": math.inf}, {NOT_FINITE}),
    "more taken from a log state than is there": (INTO_LOG, {"amount": -5.0}, {NOT_FINITE}),
    "event before the start": (PLAIN, {"lag": -0.2}, {BAD_TIME}),
    "time NaN": (PLAIN, {"lag": math.nan}, {BAD_TIME}),
    "event never": (PLAIN, {"lag": math.inf}, {0}),
    "negative length": (INFUSED, {"length": -0.5}, {BAD_TIME}),
    "length NaN": (INFUSED, {"length": math.nan}, {NOT_FINITE, BAD_TIME}),
    "length zero": (INFUSED, {"length": 0.0}, {0, NOT_FINITE}),
    "steady state of growth": (STEADY, {"b": -0.1}, {0, NO_STEADY_STATE}),
    "steady state without loss": (STEADY, {"b": 0.0}, {NO_STEADY_STATE}),
    "steady infusions longer than their interval": (STEADY_INFUSED, {"length": 2.5}, {TOO_LONG}),
    "steady doses later than their interval": (STEADY_LAGGED, {"lag": 2.5}, {TOO_LONG}),
    "steady doses with a negative lag": (STEADY_LAGGED, {"lag": -0.1}, {BAD_TIME, TOO_LONG}),
    "steady infusions with a lag": (STEADY_INFUSED, {"lag": 0.5}, {0}),
    "steady doses with a lag": (STEADY_LAGGED, {}, {0}),
    "steady state NaN": (STEADY, {"amount": math.nan}, {NOT_FINITE, NO_STEADY_STATE}),
    "huge rates": (PLAIN, {"b": 1e300}, {0, 1, 2, 3}),
}
NAMES = list(CASES)


def timeline_of(names: list[str]) -> Timeline:
    """Subjects in this order; the last one is healthy and infused, so that all are one kind."""
    chosen = [CASES[n][0] for n in names]
    return Timeline.build(FRAGILE, [*chosen, INFUSED + STEADY], [TIMES] * (len(chosen) + 1))


def thetas_of(names: list[str]) -> Array:
    return np.array([*(values(FRAGILE, **CASES[n][1]) for n in names), values(FRAGILE)])


@lru_cache
def engine(method: str) -> CompiledModel:
    """Machine code for the automatic choice, which holds both methods."""
    build = compile_model if method == "auto" else interpreted
    return build(FRAGILE, method, timeline=timeline_of(NAMES))


def run(names: list[str], method: str) -> tuple[Solution, Array]:
    timeline = timeline_of(names)
    bar = np.ones((timeline.n_observations, 2))
    options = SolverOptions(rtol=1e-6, method=method, max_steps=2000)
    return engine(method).gradient(thetas_of(names), timeline, bar, options)


@lru_cache
def everyone(method: str) -> tuple[Solution, Array]:
    return run(NAMES, method)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", METHODS)
def test_a_failure_has_its_status_and_no_values(method: str, name: str) -> None:
    solution, gradient = everyone(method)
    subject = NAMES.index(name)
    assert int(solution.status[subject]) in CASES[name][2]
    rows = solution.y[3 * subject : 3 * subject + 3]
    if solution.status[subject]:
        assert np.isnan(rows).all()
        assert not gradient[subject].any()
        assert solution.steps[subject] == 0
        assert int(solution.status[subject]) in FAILURES
    else:
        assert np.isfinite(rows).all()
        assert np.isfinite(gradient[subject]).all()


@pytest.mark.parametrize("method", METHODS)
def test_neighbors_are_not_affected(method: str) -> None:
    alone, slopes = run(["healthy"], method)
    assert alone.ok
    for order in (NAMES, NAMES[::-1], ["healthy", *NAMES[1:], "healthy"]):
        solution, gradient = run(order, method)
        for i, name in enumerate(order):
            if name == "healthy":
                np.testing.assert_array_equal(solution.y[3 * i : 3 * i + 3], alone.y[:3])
                np.testing.assert_array_equal(gradient[i], slopes[0])
        np.testing.assert_array_equal(solution.y[-3:], alone.y[-3:])
        np.testing.assert_array_equal(gradient[-1], slopes[-1])


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_of_nan_for_a_failed_subject_does_no_harm(method: str) -> None:
    """The likelihood of a NaN is NaN, and so is its slope."""
    names = ["blow-up", "healthy"]
    timeline = timeline_of(names)
    bar = np.ones((timeline.n_observations, 2))
    bar[:3] = math.nan
    options = SolverOptions(rtol=1e-6, method=method, max_steps=2000)
    gradient = engine(method).gradient(thetas_of(names), timeline, bar, options)[1]
    np.testing.assert_array_equal(gradient, run(names, method)[1])


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_steps_is_bounded(method: str) -> None:
    timeline = timeline_of(["healthy"])
    for bound in (1, 3, 10):
        options = SolverOptions(rtol=1e-12, method=method, max_steps=bound)
        solution = engine(method).solve(thetas_of(["healthy"]), timeline, options)
        assert solution.status.tolist() == [TOO_MANY] * 2
        assert np.isnan(solution.y).all()
    free = SolverOptions(rtol=1e-6, method=method)
    taken = int(engine(method).solve(thetas_of(["healthy"]), timeline, free).steps[0])
    items = timeline.n_items // 2  # of each subject; every one ends a step beside the bound
    options = SolverOptions(rtol=1e-6, method=method, max_steps=taken - 1 - items)
    solution = engine(method).solve(thetas_of(["healthy"]), timeline, options)
    assert solution.status[0] == TOO_MANY


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("observe", ["before", "after"])
def test_a_status_of_zero_means_that_all_values_are_finite(method: str, observe: str) -> None:
    """Also when an event spoils the state at the very time of the last observation."""
    spoilers: list[Any] = [
        Dose(4.0, "amount", "x"),
        Dose(4.0, "amount", "z"),
        Dose(4.0, "amount", "x", duration="length"),
        Switch(4.0, "b", "amount"),
    ]
    for spoiler in spoilers:
        timeline = Timeline.build(FRAGILE, [Regimen([spoiler])], [TIMES], observe=observe)
        compiled = interpreted(FRAGILE, method, timeline=timeline)
        solution, gradient = compiled.gradient(
            values(FRAGILE, amount=math.nan), timeline, np.ones((3, 2)), tight(1e-6, method)
        )
        finite = bool(np.isfinite(solution.y).all() and np.isfinite(gradient).all())
        assert finite == (solution.status[0] == 0)
        if not finite:
            assert np.isnan(solution.y).all() and not gradient.any()


@pytest.mark.parametrize("method", METHODS)
def test_a_reset_to_a_bad_state_is_a_failure(method: str) -> None:
    timeline = Timeline.build(
        FRAGILE, [Regimen([Switch(1.0, "z0", "a"), Reset(4.0)])], [TIMES], observe="after"
    )
    compiled = interpreted(FRAGILE, method, timeline=timeline)
    solution = compiled.solve(values(FRAGILE), timeline, tight(1e-6, method))
    assert solution.status[0] == NOT_FINITE and np.isnan(solution.y).all()


def test_functions_outside_their_domain_are_failures_or_recovered_from() -> None:
    """Trial steps may leave the domain; the step is then repeated with half the size or less."""
    model = OdeModel(
        "domain",
        (State("x"),),
        (Parameter("k", 1.0),),
        lambda t, y, p: [-p.k * sqrt(y.x) * 10],
        {"x": 1.0},
    )
    compiled = interpreted(model, "explicit")
    timeline = Timeline.build(model, [Regimen()] * 2, [[0.1], [3.0]])
    solution = compiled.solve([[1.0], [1.0]], timeline, SolverOptions(max_steps=3000))
    # sqrt(x) falls linearly: x = (1 - 5 t)^2 until 0.2, then the equation has no slope to follow.
    assert solution.status[0] == 0
    assert solution.y[0, 0] == pytest.approx(0.25, rel=1e-5)
    assert solution.status[1] in (0, *FAILURES)
    overflow = OdeModel(
        "overflow", (State("x"),), (Parameter("k", 1.0),), lambda t, y, p: [exp(p.k * y.x)]
    )
    for method in METHODS:
        solution = interpreted(overflow, method).solve(
            [[1.0], [1e3]],
            Timeline.build(overflow, [Regimen()] * 2, [[0.5], [0.5]]),
            SolverOptions(max_steps=3000),
        )
        assert solution.status[0] == 0 and solution.status[1] in FAILURES
        assert solution.y[0, 0] == pytest.approx(-math.log(0.5), rel=1e-5)


@pytest.mark.parametrize("n", [0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("kind", ["number", "parameter"])
@pytest.mark.parametrize("method", METHODS)
def test_a_power_of_a_state_that_is_zero_until_the_first_dose(
    method: str, kind: str, n: float
) -> None:
    """Its slope or curvature may be infinite there; nothing has happened yet all the same."""
    model = OdeModel(
        "waiting",
        (State("C"), State("E")),
        (Parameter("k", 0.5), Parameter("K", 2.0), Parameter("n", n)),
        lambda t, y, p: {
            "C": -p.k * y.C,
            "E": hill(y.C, p.K, p.n if kind == "parameter" else n) - 0.1 * y.E,
        },
    )
    timeline = Timeline.build(model, [Regimen([Dose(1.0, 3.0, "C")])], [[0.5, 2.0, 4.0]])
    compiled, theta = interpreted(model, method, timeline=timeline), values(model)
    bar = np.ones((3, 2))
    solution, gradient = compiled.gradient(theta, timeline, bar, tight(1e-9, method))
    assert solution.ok
    slopes = central_difference(
        lambda x: float(compiled.solve(x, timeline, tight(1e-12, method)).y.sum()), theta
    )
    np.testing.assert_allclose(gradient[0], slopes, rtol=1e-6, atol=1e-6)
