"""What a timeline, a dose and options refuse, with which words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.solver import SolverOptions, Timeline

from .problems import PK, interpreted, tight, values


def build(*events: Any, times: Any = (1.0,), **more: Any) -> Timeline:
    return Timeline.build(PK, [Regimen(events)], [times], **more)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([Dose(0, 1, "brain")], "dose into 'brain': model pk has the states gut, cen, per"),
        ([Dose(0, "amount", "gut")], "no parameter 'amount'"),
        ([Dose("when", 1, "gut")], "no parameter 'when'"),
        ([Dose(0, 1, "gut", lag="alag")], "no parameter 'alag'"),
        ([Dose(0, 1, "gut", bioavailability="f")], "no parameter 'f'"),
        ([Dose(0, 1, "gut", rate="r")], "no parameter 'r'"),
        ([Dose(0, 1, "gut", duration="d")], "no parameter 'd'"),
        ([Switch(0, "clearance", 1.0)], "no parameter 'clearance'"),
        ([Switch(0, "cl", "clearance")], "no parameter 'clearance'"),
        ([Dose(-1.0, 1, "gut")], r"time -1 lies before the start of the integration \(0\)"),
        ([Reset(-0.5)], "time -0.5 lies before the start"),
        ([Switch(math.nan, "cl", 1.0)], "time nan"),
        (
            [Dose(0, 1, "gut", duration=9.0, interval=6.0, steady_state=True)],
            r"steady state of infusions longer \(9\) than their interval \(6\)",
        ),
    ],
)
def test_events_that_cannot_be(events: list[Any], message: str) -> None:
    with pytest.raises((KeyError, ValueError), match=message):
        build(*events)


def test_a_steady_state_at_an_estimated_time_has_no_lag() -> None:
    with pytest.raises(ValueError, match="cannot have both a lag and a time, ts, that is a param"):
        build(Dose("ts", 1, "gut", interval=6.0, steady_state=True, lag="lag"))


def test_a_start_other_than_zero() -> None:
    timeline = build(Dose(-4.0, 10, "cen"), times=[-5.0, -3.0], start=-5.0)
    y = interpreted(PK, "explicit").solve(values(PK, a0=0.0, cl=0.0), timeline, tight(1e-8)).y
    assert y[0].tolist() == [0.0, 0.0, 0.0]
    assert y[1].sum() == pytest.approx(10.0, rel=1e-6)
    with pytest.raises(ValueError, match="time -5 lies before the start"):
        build(times=[-5.0], start=-4.0)


def test_lists_of_different_length_and_unknown_sides() -> None:
    with pytest.raises(ValueError, match="1 regimens for 2 subjects"):
        Timeline.build(PK, [Regimen()], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="observe must be 'before' or 'after', got 'during'"):
        build(observe="during")


@pytest.mark.parametrize(
    ("dose", "message"),
    [
        ({"amount": -1.0}, "amount must not be negative"),
        ({"amount": math.nan}, "amount must not be negative or missing"),
        ({"time": math.nan}, "time must not be negative or missing"),
        ({"duration": -1.0}, "duration must not be negative"),
        ({"lag": -1.0}, "lag must not be negative"),
        ({"bioavailability": -0.1}, "bioavailability must not be negative"),
        ({"rate": -2.0}, "rate must not be negative"),
        ({"rate": 0.0}, "rate"),
        ({"count": 0}, "count >= 1"),
        ({"count": 3}, "a positive interval"),
        ({"steady_state": True}, "a steady state needs a positive interval"),
        ({"rate": 2.0, "duration": 1.0}, "the rate or the duration"),
    ],
)
def test_doses_that_could_only_be_misread(dose: dict[str, Any], message: str) -> None:
    usual: dict[str, Any] = {"time": 0.0, "amount": 1.0, "state": "cen"}
    with pytest.raises(ValueError, match=message):
        Dose(**(usual | dose))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rtol": 0.0}, "rtol must lie between"),
        ({"rtol": math.nan}, "rtol must lie between"),
        ({"rtol": 1.0}, "rtol must lie between"),
        ({"max_steps": 0}, "max_steps must be positive"),
        ({"method": "euler"}, "method must be one of explicit, stiff, auto|method must be one of"),
    ],
)
def test_options_that_no_method_can_keep(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SolverOptions(**options)


@pytest.mark.parametrize("atol", [0.0, -1e-6, math.nan, {"cen": 0.0}])
def test_absolute_tolerances_must_be_positive(atol: Any) -> None:
    """With none, a state at zero could never be accurate enough."""
    with pytest.raises(ValueError, match="atol"):
        SolverOptions(atol=atol).atol_array(PK)


def test_an_absolute_tolerance_of_an_unknown_state() -> None:
    with pytest.raises(ValueError, match="atol names unknown states: brain"):
        SolverOptions(atol={"brain": 1.0}).atol_array(PK)


def test_a_timeline_of_another_kind_is_refused() -> None:
    plain = interpreted(PK, "explicit")
    infused = build(Dose(0, 1, "cen", rate=1.0))
    steady = build(Dose(0, 1, "cen", interval=1.0, steady_state=True))
    for timeline in (infused, steady):
        with pytest.raises(ValueError, match="the model was compiled for another timeline"):
            plain.solve(values(PK), timeline)


@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 13), (13, 1)])
def test_parameters_of_the_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"theta has shape .* expected \(1 subjects, 13 param"):
        interpreted(PK, "explicit").solve(np.ones(shape), build())


def test_seeds_of_the_wrong_shape_are_refused() -> None:
    """Machine code reads them without looking: a short array would be read past its end."""
    for shape in ((1, 2), (2, 3), (3,), (0, 3)):
        with pytest.raises(ValueError, match="y_bar has shape"):
            interpreted(PK, "explicit").gradient(values(PK), build(), np.ones(shape))
