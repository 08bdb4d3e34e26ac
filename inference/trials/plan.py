"""An arm made ready for the engine: one timeline for all patients, triggers settled by re-solving.

Times of triggered doses and amounts of doses that may be withheld are parameters of the extended
model, one value per patient. So patients who are treated at different times share one timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...models.dosing import Dose, Regimen, Reset, Switch
from ...models.ode import OdeModel, Parameter
from ...models.solver import CompiledModel, SolverOptions, Timeline, compile_model
from ..arrangement import timeline_of
from ..solving import model_values
from .design import Arm, Trigger

__all__ = ["BLOCK", "Course", "Plan", "extended"]

Array = npt.NDArray[Any]
BLOCK = 128  # patients in one call of the integrator, at most
SLOTS = 2  # triggered times, at least
TIME, AMOUNT = "plan_time_", "plan_amount_"


@dataclass(frozen=True, eq=False)
class Course:
    """What happens to the patients of one arm in one draw.

    Parameters
    ----------
    model : OdeModel
    times : float64[time]
    theta : float64[patient, parameter]
    states : float64[patient, time, state]
        NaN where the solve failed.
    failed : bool[patient]
    passes : int
        Solves until the triggered treatments did not change any more; 1 without triggers.
    switches : tuple of Switch
        Parameters that change during the course, for all patients.
    """

    model: OdeModel
    times: Array
    theta: Array
    states: Array
    failed: Array
    passes: int = 1
    switches: tuple[Switch, ...] = ()

    def values(self, name: str) -> Array:
        """Compute a state or an output; float64[patient, time]."""
        theta = self.theta[:, None, :]
        if self.switches and name in self.model.outputs:
            theta = self._in_force()
        return model_values(self.model, name, theta, self.states, self.times)

    def column(self, name: str) -> Array:
        """Values of a parameter; float64[patient]."""
        values: Array = self.theta[:, self.model.parameter_names.index(name)]
        return values

    def _in_force(self) -> Array:
        """Parameters over time; float64[patient, time, parameter]."""
        names = self.model.parameter_names
        table = np.repeat(self.theta[:, None, :], self.times.size, axis=1)
        since = np.full((len(self.theta), self.times.size, len(names)), -np.inf)
        for switch in self.switches:
            start, value = (
                self.column(q)[:, None] if isinstance(q, str) else q
                for q in (switch.time, switch.value)
            )
            k = names.index(switch.parameter)
            applies = (self.times > start) & (start >= since[..., k])
            table[..., k] = np.where(applies, value, table[..., k])
            since[..., k] = np.where(applies, start, since[..., k])
        return table


def extended(model: OdeModel, arms: Sequence[Arm], decisions: Sequence[str] = ()) -> OdeModel:
    """Add the parameters that hold times and amounts which differ between patients.

    Parameters
    ----------
    model : OdeModel
        With all drugs that the arms give.
    arms : sequence of Arm
        One model serves them all.
    decisions : sequence of str
        Names used in regimens for numbers that are chosen later.
    """
    times = max([len(a.triggers) for a in arms], default=0)
    held = max([len(_withheld(model, a)) for a in arms], default=0)
    names = [
        *decisions,
        *(f"{TIME}{k}" for k in range(_rounded(times, SLOTS, least=1))),
        *(f"{AMOUNT}{k}" for k in range(_rounded(held, 2 * SLOTS))),
    ]
    for name in decisions:
        if name in (*model.parameter_names, *model.observables):
            raise InputError(f"{name!r} is a name of model {model.name}; choose another.")
    extra = tuple(Parameter(n, 0.0, source="set by the design") for n in names)
    return replace(model, parameters=(*model.parameters, *extra))


def _rounded(count: int, step: int, least: int = 0) -> int:
    """Round up, so that designs which differ little share their compiled code."""
    return -(-max(count, least) // step) * step


def _withheld(model: OdeModel, arm: Arm) -> list[Dose]:
    """Single doses of an arm that a trigger may stop."""
    states = {t.withhold for t in arm.triggers if t.withhold}
    return [d for e in _regimen(model, arm).events for d in _single(e, states, arm)]


def _regimen(model: OdeModel, arm: Arm) -> Regimen:
    return model.schedule if arm.regimen is None else arm.regimen


def _single(event: Dose | Switch | Reset, states: set[str], arm: Arm) -> list[Dose]:
    """Write a repeated dose as single ones, if a trigger may stop it."""
    if not isinstance(event, Dose) or event.state not in states:
        return []
    if event.steady_state or isinstance(event.time, str):
        raise InputError(
            f"arm {arm.name}: a dose into {event.state} that may be withheld needs a time that is "
            "a number, and no steady state."
        )
    return [
        replace(event, time=event.time + k * event.interval, count=1, interval=0.0)
        for k in range(event.count)
    ]


@dataclass(frozen=True, eq=False)
class Plan:
    """An arm for the engine.

    Parameters
    ----------
    model : OdeModel
        As made by `extended`.
    arm : Arm
    times : float64[time]
        Ascending, from 0.
    options : SolverOptions
    own : sequence of Regimen, optional
        Schedule of each patient, in place of that of the arm.
    infused : sequence of str
        States that other arms infuse into: arms that infuse into the same states share compiled
        code, so this one is given infusions of nothing at the end.
    block : int
        Patients in one call of the integrator, where all share a schedule.
    """

    model: OdeModel
    arm: Arm
    times: Array
    options: SolverOptions
    own: tuple[Regimen, ...] = ()
    infused: tuple[str, ...] = ()
    block: int = BLOCK

    @cached_property
    def held(self) -> list[Dose]:
        """Doses that a trigger may stop, one by one."""
        return _withheld(self.model, self.arm) if not self.own else []

    @cached_property
    def regimens(self) -> tuple[Regimen, ...]:
        """One schedule for all patients, or one for each."""
        given = self.own or (_regimen(self.model, self.arm),)
        states = {t.withhold for t in self.arm.triggers if t.withhold}
        if states and self.own:
            raise InputError(
                f"arm {self.arm.name}: doses can be withheld from the schedule of an arm only."
            )
        stoppable = [
            replace(d, amount=f"{AMOUNT}{k}") for k, d in enumerate(self.held)
        ]  # in the order of the schedule
        added = [
            replace(t.dose, time=f"{TIME}{k}")
            for k, t in enumerate(self.arm.triggers)
            if t.dose is not None
        ]
        kept = [
            [e for e in r.events if not (isinstance(e, Dose) and e.state in states)] for r in given
        ]
        end = float(self.times[-1])
        silent = [Dose(end, 0.0, s, duration=1e-6 * end) for s in self.infused]
        return tuple(Regimen([*k, *stoppable, *added, *silent]) for k in kept)

    @cached_property
    def rows(self) -> int:
        """Patients of one call of the integrator."""
        return len(self.own) or self.block

    @cached_property
    def timeline(self) -> Timeline:
        """Timeline of one call."""
        regimens = self.regimens * (self.rows // len(self.regimens))
        return timeline_of(self.model, regimens, (self.times,) * self.rows)

    @cached_property
    def compiled(self) -> CompiledModel:
        """Compile the model for values, without gradients."""
        return compile_model(self.model, self.options.method, timeline=self.timeline, wrt=())

    def prepare(self) -> Plan:
        """Compile now, before threads ask for it."""
        if self.model.is_closed_form:
            if any(r.events for r in self.regimens):
                raise InputError(
                    f"arm {self.arm.name}: model {self.model.name} is a closed form and has no "
                    "place for doses; change its parameters."
                )
        else:
            _ = self.compiled
        return self

    def run(self, theta: Array) -> Course:
        """Solve all patients, and again until no triggered treatment changes.

        Parameters
        ----------
        theta : float64[patient, parameter]
            Of the extended model; columns of triggered times and amounts are set here.

        Returns
        -------
        Course
        """
        theta = np.array(theta, dtype=np.float64)
        self._set(theta, np.full((len(theta), len(self.arm.triggers)), np.inf))
        everybody = np.arange(len(theta))
        states, failed = self._solve(theta, everybody)
        switches = tuple(e for r in self.regimens[:1] for e in r.events if isinstance(e, Switch))
        course = Course(self.model, self.times, theta, states, failed, 1, switches)
        for passes in range(2, 2 * len(self.arm.triggers) + 3):
            again = self._moved(theta, course)
            if not again.size:
                return course
            states[again], failed[again] = self._solve(theta, again)
            course = replace(course, passes=passes)
        unsettled = self._moved(theta, course)
        failed[unsettled], states[unsettled] = True, np.nan
        return course

    def _moved(self, theta: Array, course: Course) -> Array:
        """Set the treatments that the course calls for; the patients for whom one changed."""
        before = theta.copy()
        self._set(theta, self._seen(course))
        changed = (theta != before).any(axis=1) & ~course.failed
        theta[~changed] = before[~changed]
        return np.flatnonzero(changed)

    def _solve(self, theta: Array, wanted: Array) -> tuple[Array, Array]:
        """States and failures of some patients."""
        if self.model.is_closed_form:
            return np.empty((wanted.size, self.times.size, 0)), np.zeros(wanted.size, dtype=bool)
        asked = np.arange(len(theta)) if self.own else wanted
        padded = np.concatenate([asked, np.repeat(asked[:1], -asked.size % self.rows)])
        shape = (self.rows, self.times.size, self.compiled.n_states)
        states, status = [], []
        for block in padded.reshape(-1, self.rows):
            solution = self.compiled.solve(theta[block], self.timeline, self.options)
            states.append(solution.y.reshape(shape))
            status.append(solution.status)
        y = np.concatenate(states)[: asked.size]
        bad = np.concatenate(status)[: asked.size] != 0
        return (y[wanted], bad[wanted]) if self.own else (y, bad)

    def _seen(self, course: Course) -> Array:
        """Time at which each sign is first seen, infinite where never; float64[patient, sign]."""
        columns = [first_seen(course, t) for t in self.arm.triggers]
        return np.stack(columns, axis=1) if columns else np.empty((len(course.theta), 0))

    def _set(self, theta: Array, seen: Array) -> None:
        """Write times of triggered doses and amounts that are left into the parameters."""
        names, end = self.model.parameter_names, self.times[-1]
        stopped: dict[str, Array] = {}
        for k, trigger in enumerate(self.arm.triggers):
            if trigger.dose is not None:
                assert not isinstance(trigger.dose.time, str)
                theta[:, names.index(f"{TIME}{k}")] = np.minimum(
                    seen[:, k] + trigger.dose.time, end
                )
            if trigger.withhold:
                before = stopped.get(trigger.withhold, np.full(len(theta), np.inf))
                stopped[trigger.withhold] = np.minimum(before, seen[:, k])
        for k, dose in enumerate(self.held):
            amount = (
                theta[:, names.index(dose.amount)] if isinstance(dose.amount, str) else dose.amount
            )
            given = dose.time < stopped[dose.state]
            theta[:, names.index(f"{AMOUNT}{k}")] = np.where(given, amount, 0.0)


def first_seen(course: Course, trigger: Trigger) -> Array:
    """Time of the first look at which an observable is above a level.

    Parameters
    ----------
    course : Course
    trigger : Trigger

    Returns
    -------
    float64[patient]
        Infinite where it never is; the last time of the course does not count, because nothing
        that is done then has an effect.
    """
    times = course.times
    looked = (times >= trigger.since) & (times < times[-1])
    if trigger.every > 0:
        looks = np.arange(0.0, times[-1], trigger.every)
        at = np.searchsorted(times, looks - 1e-9 * times[-1])
        there = np.isclose(times[at], looks, rtol=0, atol=1e-9 * times[-1])
        if not there.all():
            raise InputError(
                f"trigger on {trigger.observable}: every = {trigger.every:g} is no multiple of "
                "the step of the grid; set `every` of the design so that it is."
            )
        looked &= np.isin(np.arange(times.size), at)
    with np.errstate(invalid="ignore"):
        above = (course.values(trigger.observable) > trigger.above) & looked
    first = above.argmax(axis=1)
    return np.where(above.any(axis=1), times[first], np.inf)
