"""What a dose means: textbook formulas of one compartment, and what happens at one time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import Solution, Timeline

from .problems import METHODS, Array, central_difference, interpreted, tight, values

K, KA = 0.15, 1.1
ONE = OdeModel(
    name="one_compartment",
    states=(State("gut"), State("cen")),
    parameters=tuple(
        Parameter(n, v)
        for n, v in {
            "ka": KA, "cl": 20 * K, "cl2": 6.0, "v": 20.0, "a0": 0.0, "R": 30.0, "F": 0.6,
            "amt": 100.0, "lag": 0.35,
        }.items()
    ),
    rhs=lambda t, y, p: {"gut": -p.ka * y.gut, "cen": p.ka * y.gut - p.cl / p.v * y.cen},
    initial=lambda p: {"cen": p.a0},
)  # fmt: skip
TIMES = np.array([0.0, 0.3, 1.0, 2.5, 4.0, 7.5, 12.0, 24.0])
RTOL = 1e-9
# Amounts do not grow, so that errors add up: sqrt(2) tolerances (a mean over states) x 200 steps.
EXACT = 400 * RTOL


def solve(
    *events: Any,
    times: Any = TIMES,
    method: str = "auto",
    observe: str = "before",
    model: OdeModel = ONE,
    **theta: float,
) -> Solution:
    """Solution of one subject."""
    timeline = Timeline.build(model, [Regimen(events)], [times], observe=observe)
    compiled = interpreted(model, method, timeline=timeline)
    return compiled.solve(values(model, **theta), timeline, tight(RTOL, method))


def central(*events: Any, **more: Any) -> Array:
    """Amounts in the central compartment."""
    solution = solve(*events, **more)
    assert solution.ok
    return np.asarray(solution.y[:, 1])


def bolus(t: Array, k: float = K) -> Array:
    return np.where(t > 0, np.exp(-k * np.maximum(t, 0.0)), 0.0)


def infusion(t: Array, length: float) -> Array:
    """Amount after an infusion at rate 1 from 0 to ``length``."""
    during = -np.expm1(-K * np.clip(t, 0.0, length)) / K
    return during * np.exp(-K * np.maximum(t - length, 0.0))


def oral(t: Array) -> Array:
    """Bateman's function."""
    return KA / (KA - K) * (bolus(t) - bolus(t, KA))


def check(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT * np.abs(expected).max())


@pytest.mark.parametrize("method", METHODS)
def test_a_bolus_decays(method: str) -> None:
    check(central(Dose(0.7, 10, "cen"), method=method), 10 * bolus(TIMES - 0.7))


def test_an_oral_dose_follows_bateman() -> None:
    dose = Dose(0.7, 10, "gut", lag=0.4, bioavailability=0.6)
    check(central(dose), 6 * oral(TIMES - 1.1))


def test_an_infusion_by_duration() -> None:
    dose = Dose(0.7, 10, "cen", duration=2.0, lag=0.4, bioavailability=0.6)
    check(central(dose), 3 * infusion(TIMES - 1.1, 2.0))


def test_an_infusion_by_rate_lasts_as_long_as_what_is_available() -> None:
    dose = Dose(0.7, 10, "cen", rate=2.0, lag=0.4, bioavailability=0.6)
    check(central(dose), 2 * infusion(TIMES - 1.1, 3.0))


def test_an_infusion_without_end_tends_to_rate_over_clearance() -> None:
    found = central(Dose(1.0, 3, "cen", duration=math.inf), times=[500.0])
    check(found, np.array([3 / K]))


def test_repeated_doses_add_up() -> None:
    expected = sum((10 * bolus(TIMES - 0.7 - 3 * n) for n in range(4)), np.zeros(len(TIMES)))
    check(central(Dose(0.7, 10, "cen", interval=3, count=4)), expected)


def test_overlapping_infusions_add_up() -> None:
    doses = [Dose(0.7, 10, "cen", duration=5.0, interval=3, count=3), Dose(2, 4, "cen", rate=1.0)]
    expected = sum((2 * infusion(TIMES - 0.7 - 3 * n, 5.0) for n in range(3)), np.zeros(len(TIMES)))
    check(central(*doses), expected + infusion(TIMES - 2, 4.0))


# --- steady states ---------------------------------------------------------------------------

PHASE = np.array([0.1, 2.0, 5.9])  # after a dose every 6 hours


def accumulated(one: Any, phase: Array = PHASE, interval: float = 6.0) -> Array:
    """Sum of the tails of all earlier doses; 300 of them, as exp(-0.15 * 6 * 300) = 1e-117."""
    return sum((one(phase + interval * n) for n in range(300)), np.zeros(len(phase)))


@pytest.mark.parametrize("method", METHODS)
def test_steady_state_of_boluses(method: str) -> None:
    dose = Dose(3.0, 10, "cen", interval=6, steady_state=True)
    closed = 10 * np.exp(-K * PHASE) / (1 - math.exp(-K * 6))
    check(central(dose, times=3 + PHASE, method=method), closed)
    np.testing.assert_allclose(accumulated(lambda t: 10 * bolus(t)), closed, rtol=1e-14)


def test_steady_state_of_oral_doses() -> None:
    dose = Dose(0.0, 10, "gut", interval=6, steady_state=True, bioavailability=0.6)
    check(central(dose, times=PHASE), accumulated(lambda t: 6 * oral(t)))


@pytest.mark.parametrize("form", [{"duration": 2.0}, {"rate": 5.0}, {"duration": 6.0}])
def test_steady_state_of_infusions(form: dict[str, Any]) -> None:
    dose = Dose(0.0, 10, "cen", interval=6, steady_state=True, **form)
    length = form.get("duration", 2.0)
    check(central(dose, times=PHASE), accumulated(lambda t: 10 / length * infusion(t, length)))


def test_steady_state_of_a_constant_infusion() -> None:
    dose = Dose(1.0, 3, "cen", duration=math.inf, steady_state=True)
    check(central(dose, times=[1.5, 30.0]), np.full(2, 3 / K))


def test_doses_after_a_steady_state_keep_it() -> None:
    dose = Dose(0.0, 10, "cen", interval=6, steady_state=True, count=4)
    found = central(dose, times=np.concatenate([PHASE + 6 * n for n in range(4)]))
    check(found, np.tile(accumulated(lambda t: 10 * bolus(t)), 4))


def test_a_long_run_ends_in_the_steady_state() -> None:
    run = central(Dose(0.0, 10, "gut", interval=6, count=40), times=39 * 6 + PHASE)
    steady = central(Dose(0.0, 10, "gut", interval=6, steady_state=True), times=PHASE)
    check(run, steady)


def test_a_steady_state_forgets_what_was_before() -> None:
    dose = Dose(3.0, 10, "cen", interval=6, steady_state=True)
    earlier = [Dose(0, 77, "gut"), Dose(1, 50, "cen", duration=30.0)]
    check(central(*earlier, dose, times=3 + PHASE), central(dose, times=3 + PHASE))


def test_a_lagged_steady_state_exists_at_the_time_of_the_dose() -> None:
    """Until the dose arrives, the tail of the interval before is seen, as in NONMEM."""
    dose = Dose(0.0, 10, "cen", interval=6, steady_state=True, lag=1.5)
    expected = accumulated(lambda t: 10 * bolus(t), np.array([4.5 + 0.5, 4.5 + 1.4, 0.5]))
    check(central(dose, times=[0.5, 1.4, 2.0]), expected)


def test_a_nonlinear_steady_state_is_that_of_a_long_run() -> None:
    """Michaelis-Menten elimination near saturation, where no closed form exists."""
    model = OdeModel(
        "saturable",
        (State("A"),),
        (Parameter("vmax", 10.0), Parameter("km", 3.0)),
        lambda t, y, p: {"A": -p.vmax * y.A / (p.km + y.A)},
    )
    times = np.array([0.1, 2.0, 5.9])
    steady = solve(Dose(0, 50, "A", interval=6, steady_state=True), times=times, model=model)
    run = solve(Dose(0, 50, "A", interval=6, count=60), times=59 * 6 + times, model=model)
    assert steady.ok and run.ok
    check(steady.y, run.y)


# --- at one time -----------------------------------------------------------------------------


def test_two_half_doses_equal_one_dose() -> None:
    np.testing.assert_allclose(
        central(Dose(1.0, 5, "cen"), Dose(1.0, 5, "cen")),
        central(Dose(1.0, 10, "cen")),
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    "dose",
    [
        Dose(1.0, 10, "cen"),
        Dose(1.0, 10, "cen", interval=6, steady_state=True),
        Dose(0.0, 10, "cen", lag=1.0),
    ],
)
def test_an_observation_at_the_time_of_a_dose_is_on_the_side_asked_for(dose: Dose) -> None:
    first = Dose(0.0, 4, "cen")
    start = 4 * math.exp(-K)
    before = central(first, dose, times=[1.0], observe="before")
    after = central(first, dose, times=[1.0], observe="after")
    settled = accumulated(lambda t: 10 * bolus(t), np.array([6.0]))[0]
    check(before, np.array([start]))
    check(after, np.array([10 + (settled if dose.steady_state else start)]))


def test_both_sides_of_a_reset_and_of_a_switch() -> None:
    events = [Dose(0.0, 4, "cen"), Reset(1.0)]
    assert central(*events, times=[1.0], a0=2.5)[0] == pytest.approx(6.5 * math.exp(-K), rel=EXACT)
    assert central(*events, times=[1.0], observe="after", a0=2.5)[0] == 2.5
    before, after = (
        central(Switch(1.0, "cl", 9.0), times=[1.0], observe=o) for o in ("before", "after")
    )
    np.testing.assert_array_equal(before, after)


def test_an_observation_at_the_start_sees_the_initial_state() -> None:
    assert central(Dose(0.0, 4, "cen"), times=[0.0], a0=2.5)[0] == 2.5
    assert central(Dose(0.0, 4, "cen"), times=[0.0], a0=2.5, observe="after")[0] == 6.5


def test_events_at_one_time_happen_in_the_order_given() -> None:
    dose, reset = Dose(1.0, 10, "cen"), Reset(1.0)
    assert central(dose, reset, times=[1.0], observe="after")[0] == 0.0
    assert central(reset, dose, times=[1.0], observe="after")[0] == 10.0


def test_a_switch_holds_from_its_time_on() -> None:
    t = np.array([1.0, 3.0, 5.0])
    found = central(Dose(0, 10, "cen"), Switch(2.0, "cl", 6.0), Switch(4.0, "cl", "cl2"), times=t)
    expected = [math.exp(-0.15), math.exp(-0.3 - 0.3), math.exp(-0.3 - 0.6 - 0.3)]
    check(found, 10 * np.array(expected))


def test_a_reset_keeps_a_switched_parameter() -> None:
    events = [Switch(1.0, "cl", 6.0), Dose(1.0, 9, "cen"), Reset(2.0), Dose(2.0, 10, "cen")]
    check(central(*events, times=[4.0]), np.array([10 * math.exp(-0.6)]))


@pytest.mark.parametrize("method", METHODS)
def test_a_reset_stops_an_infusion_for_good(method: str) -> None:
    """Its end, which comes later, must not make the rate negative."""
    t = np.array([2.5, 4.0, 9.0, 20.0])
    events = [Dose(1.0, 10, "cen", duration=5.0), Reset(2.0)]
    check(central(*events, times=t, method=method, a0=2.0), 2 * np.exp(-K * (t - 2)))
    more = [*events, Dose(3.0, 8, "cen", duration=4.0)]
    expected = 2 * np.exp(-K * (t - 2)) + 2 * infusion(t - 3, 4.0)
    check(central(*more, times=t, method=method, a0=2.0), expected)


def test_a_reset_does_not_stop_an_infusion_that_begins_at_its_time() -> None:
    t = np.array([2.5, 4.0, 20.0])
    reset, dose = Reset(2.0), Dose(2.0, 8, "cen", duration=4.0)
    check(central(reset, dose, times=t), 2 * infusion(t - 2, 4.0))
    assert not central(dose, reset, times=t).any()


@pytest.mark.parametrize("method", METHODS)
def test_an_infusion_ends_with_the_rate_it_began_with(method: str) -> None:
    """A parameter that changes meanwhile counts for later doses only."""
    t = np.array([1.5, 3.0, 10.0, 60.0])
    dose = Dose(1.0, 100, "cen", rate="R", bioavailability="F")
    events = [dose, Switch(2.0, "R", 60.0), Switch(2.1, "F", 0.1)]
    found = central(*events, times=t, method=method, R=30.0, F=0.6)
    check(found, 30 * infusion(t - 1, 2.0))


def compare_gradient(*events: Any) -> None:
    """Adjoint against difference quotients, whose noise is 1e-12 / 1e-3."""
    timeline = Timeline.build(ONE, [Regimen(events)], [[1.7, 3.0, 10.0]])
    compiled, theta = interpreted(ONE, "explicit", timeline=timeline), values(ONE)
    gradient = compiled.gradient(theta, timeline, np.ones((3, 2)), tight(RTOL))[1][0]
    slopes = central_difference(
        lambda x: float(compiled.solve(x, timeline, tight(1e-12)).y.sum()), theta
    )
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())


def test_gradient_of_an_infusion_whose_rate_is_switched_meanwhile() -> None:
    compare_gradient(
        Dose(1.0, 100, "cen", rate="R"), Switch(2.0, "R", "cl2"), Dose(6.0, 2, "cen", rate="R")
    )


def test_gradient_of_an_infusion_that_a_steady_state_stops() -> None:
    compare_gradient(
        Dose(0.1, "amt", "cen", duration="R"), Dose(0.2, 9, "cen", duration="F"), Reset(0.5),
        Dose(0.6, "amt", "cen", duration="R"), Dose(2.2, 40, "cen", interval=8, steady_state=True),
    )  # fmt: skip


def test_after_infusions_nothing_is_left_of_their_rates() -> None:
    """0.1 + 0.2 + 0.3 - 0.1 - 0.2 - 0.3 is 3e-17, but no drug."""
    model = OdeModel(
        "decay", (State("x", log=True),), (Parameter("k", 3.0),), lambda t, y, p: [-p.k * y.x],
        {"x": 1.0},
    )  # fmt: skip
    doses = [Dose(0.0, r, "x", duration=1.0) for r in (0.1, 0.2, 0.3)]
    solution = solve(*doses, times=[1.0, 25.0], model=model)
    first, last = solution.y[:, 0]
    # 24 hours at 3 per hour; the logarithm falls by 72, each unit with an error of some RTOL.
    assert math.log(last / first) == pytest.approx(-72.0, rel=EXACT)


def test_a_dose_of_nothing_changes_nothing() -> None:
    nothing = [Dose(0.5, 0, "cen"), Dose(0.6, 0, "cen", rate=2.0), Dose(0.7, 0, "cen", duration=3)]
    check(central(Dose(0, 10, "cen"), *nothing), central(Dose(0, 10, "cen")))


def test_a_switch_of_a_lag_does_not_move_a_dose() -> None:
    """Times are those of the parameters given, for values and gradients alike."""
    events = [Switch(0.1, "lag", 2.0), Dose(1.0, "amt", "cen", lag="lag")]
    check(central(*events, times=[2.0]), np.array([100 * math.exp(-K * 0.65)]))
    compare_gradient(*events)
