"""Signs are seen when they happen, and what follows depends on nothing later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.trials.design import Arm, Trigger
from cytobayes.inference.trials.plan import Course, Plan, extended, first_seen
from cytobayes.models import simulate
from cytobayes.models.dosing import Dose, Regimen, Switch
from cytobayes.models.ode import OdeModel
from cytobayes.models.solver import SolverOptions

TIMES = np.arange(0.0, 8.01, 0.25)
PRECISE = SolverOptions(rtol=1e-9)
DRUG = Dose(0.0, 4.0, "D")


def run(model: OdeModel, arm: Arm, **values: Any) -> Course:
    whole = extended(model, [arm])
    size = max([np.size(v) for v in values.values()], default=1)
    theta = np.tile(np.array(list(whole.theta.values())), (size, 1))
    for name, value in values.items():
        theta[:, whole.parameter_names.index(name)] = value
    return Plan(whole, arm, TIMES, PRECISE).prepare().run(theta)


def test_one_patient_is_what_simulate_gives(growth: OdeModel) -> None:
    regimen = Regimen([Dose(1.0, 2.0, "D"), Dose(3.0, 1.0, "D")])
    course = run(growth, Arm("a", regimen), s=0.7, S0=2.0)
    direct = simulate(growth, {"s": 0.7, "S0": 2.0}, TIMES, regimen, options=PRECISE)
    for name in growth.state_names:
        np.testing.assert_array_equal(course.values(name)[0], direct[name])


def test_a_triggered_dose_equals_the_same_dose_by_the_clock(growth: OdeModel) -> None:
    # exp(0.5 t) passes 3 at 2.197: seen at 2.25, given a day later
    trigger = Trigger("S", 3.0, replace(DRUG, time=1.0))
    seen = run(growth, Arm("seen", triggers=(trigger,)), s=0.7)
    clock = run(growth, Arm("clock", Regimen([replace(DRUG, time=3.25)])), s=0.7)
    assert seen.column("plan_time_0")[0] == 3.25
    np.testing.assert_allclose(seen.values("S"), clock.values("S"), rtol=1e-12)


def test_signs_are_looked_for_at_the_visits_only(growth: OdeModel) -> None:
    for every, since, expected in ((0.0, 0.0, 2.25), (1.0, 0.0, 3.0), (1.0, 4.0, 4.0)):
        arm = Arm("a", triggers=(Trigger("S", 3.0, DRUG, every=every, since=since),))
        assert run(growth, arm).column("plan_time_0")[0] == expected


def test_visits_off_the_grid_are_refused(growth: OdeModel) -> None:
    with pytest.raises(InputError, match=r"every = 0\.3 is no multiple"):
        run(growth, Arm("a", triggers=(Trigger("S", 3.0, DRUG, every=0.3),)))


def test_a_sign_that_never_shows_leaves_the_patient_untreated(growth: OdeModel) -> None:
    arm = Arm("a", triggers=(Trigger("S", 1e6, DRUG),))
    course, nothing = run(growth, arm, s=0.7), run(growth, Arm("none", Regimen()), s=0.7)
    np.testing.assert_array_equal(course.values("S"), nothing.values("S"))
    assert course.passes == 1


def test_what_happens_after_the_sign_does_not_move_the_dose(growth: OdeModel) -> None:
    """Two futures that part on day 4 are treated at the same time, on day 2.25."""
    futures = [Regimen([Switch(4.0, "g", g)]) for g in (-3.0, 2.0)]
    arms = [Arm("a", f, triggers=(Trigger("S", 3.0, DRUG),)) for f in futures]
    courses = [run(growth, a, s=0.1) for a in arms]
    times = [c.column("plan_time_0")[0] for c in courses]
    assert times == [2.25, 2.25]
    before, after = TIMES <= 4.0, TIMES > 4.0
    np.testing.assert_array_equal(courses[0].values("S")[0, before],
                                  courses[1].values("S")[0, before])  # fmt: skip
    assert (courses[0].values("S")[0, after] < courses[1].values("S")[0, after]).all()


def test_the_guard_sees_a_sign_that_looks_ahead(growth: OdeModel) -> None:
    """A trigger on the peak of the whole course would part the two futures."""
    futures = [Regimen([Switch(4.0, "g", g)]) for g in (-3.0, 2.0)]
    courses = [run(growth, Arm("a", f)) for f in futures]
    peaks = [TIMES[c.values("S")[0].argmax()] for c in courses]
    assert peaks[0] != peaks[1]


def test_a_dose_that_prevents_the_second_sign_cancels_what_it_would_trigger(
    growth: OdeModel,
) -> None:
    arm = Arm("a", triggers=(Trigger("S", 3.0, DRUG), Trigger("S", 10.0, DRUG)))
    course = run(growth, arm, s=np.array([0.0, 5.0]))
    # without an effect 10 is passed at 4.605; with it never
    np.testing.assert_array_equal(course.column("plan_time_1"), [4.75, TIMES[-1]])
    assert not course.failed.any()
    assert course.values("S")[1].max() < 10.0


def test_later_doses_are_withheld_and_earlier_ones_kept(growth: OdeModel) -> None:
    regimen = Regimen([Dose(0.0, 1.0, "C", interval=1.0, count=5)])
    arm = Arm("a", regimen, triggers=(Trigger("S", 3.0, withhold="C"),))
    course = run(growth, arm, g=np.array([0.5, 0.0]))
    np.testing.assert_allclose(course.values("C")[:, -1], [3.0, 5.0], rtol=1e-12)


def test_outputs_see_switched_parameters(growth: OdeModel) -> None:
    model = replace(growth, outputs={"double": lambda t, y, p: 2 * p.g + 0 * y.S})
    regimen = Regimen([Switch(2.0, "g", 0.2), Switch(1.0, "g", 0.1)])
    course = run(model, Arm("a", regimen))
    direct = simulate(model, None, TIMES, regimen)
    np.testing.assert_array_equal(course.values("double")[0], direct["double"])


def test_the_first_look_above_is_found_in_known_values(growth: OdeModel) -> None:
    states = np.zeros((2, 4, 3))
    states[0, :, 0] = [0.0, 5.0, 1.0, 9.0]
    theta = np.tile(np.array(list(growth.theta.values())), (2, 1))
    course = Course(growth, np.arange(4.0), theta, states, np.zeros(2, dtype=bool))
    np.testing.assert_array_equal(first_seen(course, Trigger("S", 4.0, DRUG)), [1.0, np.inf])
    # the very end does not count: nothing done then has an effect
    np.testing.assert_array_equal(
        first_seen(course, Trigger("S", 4.0, DRUG, since=1.5)), [np.inf, np.inf]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dose": None}, "does nothing|give a dose"),
        ({"dose": replace(DRUG, time=-1.0)}, "before the sign"),
        ({"dose": replace(DRUG, time="g")}, "must be a number"),
        ({"dose": DRUG, "every": -1.0}, "negative"),
    ],
)
def test_triggers_without_a_meaning_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Trigger("S", 1.0, **arguments)
