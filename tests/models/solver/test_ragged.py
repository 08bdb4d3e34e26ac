"""Many subjects in one call, and what must not matter: order, padding, grids, units of dose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytobayes.models.dosing import Dose, Regimen, Reset
from cytobayes.models.solver import Timeline

from .problems import METHODS, PK, PK_TIMES, REGIMENS, Array, interpreted, seeds, tight, values

RTOL = 1e-8
# Errors add up over some hundred steps of sqrt(3) tolerances, relative to the largest amount.
NEAR = 500 * RTOL
RNG = np.random.default_rng(3)
SCHEDULES = {
    name: (Regimen(REGIMENS[name]), times)
    for name, times in {
        "bolus": PK_TIMES,
        "nothing": np.array([4.0]),
        "overlapping": np.array([9.0, 0.5, 3.0, 3.0, 0.0, 6.5]),  # unsorted, one twice
        "reset during an infusion": np.array([]),
        "steady infusions": np.array([20.0, 0.05]),
        "switch": RNG.permutation(np.linspace(0.3, 12.0, 9)),
    }.items()
}
THETAS = values(PK) * np.exp(0.1 * RNG.standard_normal((len(SCHEDULES), len(PK.parameters))))


def together(order: Any, method: str) -> tuple[Array, Array, Array, Array]:
    """Values, gradient, subject of each observation and steps of one call."""
    chosen = [list(SCHEDULES.values())[i] for i in order]
    # The same sets of infused states for all, so that all use the same code.
    timeline = Timeline.build(PK, [r for r, _ in chosen], [t for _, t in chosen])
    model = interpreted(PK, method, timeline=whole())
    weights = np.concatenate(
        [np.cos(np.arange(3 * len(t)).reshape(-1, 3)) for _, t in chosen] or [np.empty((0, 3))]
    )
    solution, gradient = model.gradient(THETAS[list(order)], timeline, weights, tight(RTOL, method))
    assert solution.ok
    return solution.y, gradient, timeline.subject, solution.steps


def whole() -> Timeline:
    regimens, times = zip(*SCHEDULES.values(), strict=True)
    return Timeline.build(PK, regimens, times)


@pytest.mark.parametrize("method", METHODS)
def test_subjects_together_are_subjects_alone(method: str) -> None:
    everyone = range(len(SCHEDULES))
    y, gradient, subject, steps = together(everyone, method)
    for i in everyone:
        if "overlapping" in list(SCHEDULES)[i]:  # the only one that infuses two states
            alone = together([i], method)
        else:
            alone = together([i, 2], method)
        np.testing.assert_array_equal(y[subject == i], alone[0][alone[2] == 0])
        np.testing.assert_array_equal(gradient[i], alone[1][0])
        assert steps[i] == alone[3][0]


@pytest.mark.parametrize("method", METHODS)
def test_the_order_and_the_number_of_subjects_do_not_matter(method: str) -> None:
    y, gradient, subject, _ = together(range(len(SCHEDULES)), method)
    order = [4, 2, 0, 0, 5, 3, 1, 2, 0]  # permuted, and padded with copies
    again = together(order, method)
    for position, i in enumerate(order):
        np.testing.assert_array_equal(again[0][again[2] == position], y[subject == i])
        np.testing.assert_array_equal(again[1][position], gradient[i])


def test_the_order_of_observations_does_not_matter() -> None:
    regimen, times = SCHEDULES["overlapping"]
    order = np.argsort(times, kind="stable")
    timelines = [Timeline.build(PK, [regimen], [t]) for t in (times, times[order])]
    weights = seeds(timelines[0], 3)
    runs = [
        interpreted(PK, "auto", timeline=t).gradient(values(PK), t, w, tight(RTOL))
        for t, w in zip(timelines, (weights, weights[order]), strict=True)
    ]
    np.testing.assert_array_equal(runs[0][0].y[order], runs[1][0].y)
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


def test_an_observation_made_twice_counts_twice() -> None:
    timelines = [Timeline.build(PK, [Regimen()], [t]) for t in ([2.0, 2.0], [2.0])]
    one, two = (
        interpreted(PK, "auto").gradient(values(PK), t, np.ones((t.n_observations, 3)), tight(RTOL))
        for t in timelines
    )
    np.testing.assert_array_equal(one[0].y[0], one[0].y[1])
    np.testing.assert_allclose(one[1], 2 * two[1], rtol=1e-12)


def test_one_vector_of_parameters_serves_all_subjects() -> None:
    timeline = Timeline.build(PK, [Regimen()] * 3, [[1.0]] * 3)
    model = interpreted(PK, "auto")
    one = model.solve(values(PK), timeline, tight(RTOL))
    three = model.solve(np.tile(values(PK), (3, 1)), timeline, tight(RTOL))
    np.testing.assert_array_equal(one.y, three.y)


def test_nothing_to_observe_and_nobody_to_solve() -> None:
    nobody: list[list[list[float]]] = [[], [[]], [[], []]]
    for times in nobody:
        timeline = Timeline.build(PK, [Regimen()] * len(times), times)
        solution, gradient = interpreted(PK, "auto").gradient(
            np.tile(values(PK), (len(times), 1)), timeline, np.empty((0, 3)), tight(RTOL)
        )
        assert solution.y.shape == (0, 3) and solution.ok
        assert gradient.shape == (len(times), len(PK.parameters)) and not gradient.any()


# --- properties of a linear model ----------------------------------------------------------------

TIMES = st.floats(0.0, 12.0).map(lambda t: round(t, 3))
DOSES = st.builds(
    lambda time, amount, state, duration, lag: Dose(
        time, amount, state, duration=duration, lag=lag
    ),
    TIMES,
    st.floats(0.1, 100.0),
    st.sampled_from(PK.state_names),
    st.sampled_from([0.0, 0.7, 3.0]),
    st.sampled_from([0.0, 0.25]),
)
SOME = st.lists(DOSES, max_size=3)
GRID = np.array([0.5, 3.0, 7.5, 14.0])


def amounts(doses: Any, times: Any = GRID, **theta: float) -> Array:
    """Amounts by the explicit method; what is there at the start is given up."""
    timeline = Timeline.build(PK, [Regimen(doses)], [times])
    model = interpreted(PK, "explicit", timeline=timeline)
    solution = model.solve(values(PK, a0=0.0, **theta), timeline, tight(RTOL, "explicit"))
    assert solution.ok
    return solution.y


def near(found: Array, expected: Array) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR * scale)


@given(SOME, SOME)
@settings(max_examples=25)
def test_superposition(first: list[Dose], second: list[Dose]) -> None:
    near(amounts(first + second), amounts(first) + amounts(second))


@given(SOME, st.floats(0.1, 50.0))
@settings(max_examples=25)
def test_twice_the_dose_twice_the_amount(doses: list[Dose], factor: float) -> None:
    more = [
        Dose(d.time, factor * float(d.amount), d.state, duration=d.duration, lag=d.lag)
        for d in doses
    ]
    near(amounts(more) / max(factor, 1.0), factor * amounts(doses) / max(factor, 1.0))


@given(SOME, st.floats(0.0, 9.0))
@settings(max_examples=25)
def test_time_may_be_shifted(doses: list[Dose], shift: float) -> None:
    later = [
        Dose(float(d.time) + shift, d.amount, d.state, duration=d.duration, lag=d.lag)
        for d in doses
    ]
    # An observation at the time of a dose might fall on its other side by rounding.
    times = GRID + 0.0317
    near(amounts(later, times + shift), amounts(doses, times))


@given(SOME, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_simultaneous_doses_commute(doses: list[Dose], random: Any) -> None:
    together = [Dose(2.0, d.amount, d.state, duration=d.duration) for d in doses]
    shuffled = random.sample(together, len(together))
    near(amounts(together), amounts(shuffled))


@given(SOME, st.lists(TIMES, min_size=1, max_size=8))
@settings(max_examples=25)
def test_more_observations_change_nothing(doses: list[Dose], times: list[float]) -> None:
    every = np.concatenate([GRID, times])
    near(amounts(doses, every)[: len(GRID)], amounts(doses))


@given(SOME, TIMES)
@settings(max_examples=25)
def test_after_a_reset_nothing_is_remembered(doses: list[Dose], at: float) -> None:
    probe = Dose(at, 10.0, "cen")
    earlier = [d for d in doses if float(d.time) + float(d.lag) < at]
    times = at + np.array([0.4, 5.0])
    near(amounts([*earlier, Reset(at), probe], times), amounts([probe], times))


@given(SOME)
@settings(max_examples=25)
def test_nothing_is_lost_without_clearance(doses: list[Dose]) -> None:
    timeline = Timeline.build(PK, [Regimen(doses)], [[30.0]])
    model = interpreted(PK, "explicit", timeline=timeline)
    solution = model.solve(values(PK, cl=0.0, a0=3.0), timeline, tight(RTOL, "explicit"))
    given_amounts = 3.0 + sum(float(d.amount) for d in doses)
    near(solution.y.sum(axis=1), np.array([given_amounts]))
