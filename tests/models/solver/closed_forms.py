"""Solutions of linear models under doses, without an integrator.

`pk_solution` moves from event to event with the exponential of the matrix of the two-compartment
model; it reads the same `Regimen` as the engine and shares no code with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch

from .problems import Array

STATES = ("gut", "cen", "per")


def pk_matrix(p: Mapping[str, float]) -> Array:
    """``y' = A y`` of `problems.PK`."""
    k, out, back = p["cl"] / p["v"], p["q"] / p["v"], p["q"] / p["vp"]
    return np.array([[-p["ka"], 0.0, 0.0], [p["ka"], -k - out, back], [0.0, out, -back]])


def flow(matrix: Array, y: Array, rate: Array, span: float) -> Array:
    """Solution of ``y' = A y + rate`` after ``span``."""
    n = len(y)
    whole = np.zeros((n + 1, n + 1))
    whole[:n, :n], whole[:n, n] = matrix, rate
    moved: Array = expm(whole * span)
    return moved[:n, :n] @ y + moved[:n, n]


@dataclass
class Infusion:
    """A running infusion; a reset forgets it."""

    end: float
    rate: Array


class Course:
    """State, parameters and running infusions of one subject."""

    def __init__(self, theta: Mapping[str, float]) -> None:
        self.p = dict(theta)
        self.t, self.infusions = 0.0, list[Infusion]()
        self.restart()

    def restart(self) -> None:
        self.y = np.array([0.0, self.p["a0"], 0.0])
        self.infusions.clear()

    def move(self, t: float) -> None:
        """Carry the state to ``t``, stopping where an infusion ends."""
        for stop in sorted({i.end for i in self.infusions if i.end < t} | {t}):
            rate = sum((i.rate for i in self.infusions), np.zeros(3))
            self.y = flow(pk_matrix(self.p), self.y, rate, stop - self.t)
            self.t = stop
            self.infusions = [i for i in self.infusions if i.end > stop]

    def number(self, quantity: float | str) -> float:
        return self.p[quantity] if isinstance(quantity, str) else quantity

    def dosing(self, dose: Dose) -> tuple[float, Array]:
        """Length and rate of an infusion; zero and the amount for a bolus."""
        amount = self.number(dose.amount) * self.number(dose.bioavailability)
        unit = np.eye(3)[STATES.index(dose.state)]
        if dose.rate is not None:
            return amount / self.number(dose.rate), unit * self.number(dose.rate)
        length = self.number(dose.duration)
        return length, unit * (amount if length in (0.0, math.inf) else amount / length)

    def give(self, dose: Dose) -> None:
        length, amount = self.dosing(dose)
        if length > 0:
            self.infusions.append(Infusion(self.t + length, amount))
        else:
            self.y = self.y + amount

    def settle(self, dose: Dose) -> None:
        """Steady state of a dose: ``y = E y + (response of an empty system to one dose)``."""
        self.infusions.clear()
        matrix, (length, amount) = pk_matrix(self.p), self.dosing(dose)
        nothing, period = np.zeros(3), dose.interval
        if length == math.inf:
            self.y = np.linalg.solve(matrix, -amount)
            return
        if length > 0:
            filled = flow(matrix, nothing, amount, length)
            response = flow(matrix, filled, nothing, period - length)
        else:
            response = flow(matrix, amount, nothing, period)
        self.y = np.linalg.solve(np.eye(3) - expm(matrix * period), response)


def happenings(regimen: Regimen, theta: Mapping[str, float]) -> Iterator[tuple[float, Any]]:
    """Times and actions, in the order in which they were written."""

    def number(quantity: float | str) -> float:
        return theta[quantity] if isinstance(quantity, str) else quantity

    for event in regimen.events:
        start = number(event.time)
        if isinstance(event, Switch):
            change = {event.parameter: number(event.value)}
            yield start, lambda c, change=change: c.p.update(change)
        elif isinstance(event, Reset):
            yield start, Course.restart
        else:
            start += number(event.lag)
            if event.steady_state:
                yield start, lambda c, dose=event: c.settle(dose)
            for n in range(event.count):
                yield start + n * event.interval, lambda c, dose=event: c.give(dose)


def pk_solution(
    theta: Mapping[str, float],
    regimen: Regimen,
    times: Sequence[float] | Array,
    observe: str = "before",
) -> Array:
    """States of `problems.PK` at ``times``, shape (time, state)."""
    out = np.full((len(times), 3), np.nan)

    def look(course: Course, row: int) -> None:
        out[row] = course.y

    seen = [(float(t), lambda c, row=row: look(c, row)) for row, t in enumerate(times)]
    events = list(happenings(regimen, theta))
    plan = seen + events if observe == "before" else events + seen
    course = Course(theta)
    for t, action in sorted(plan, key=lambda item: item[0]):
        course.move(t)
        action(course)
    return out
