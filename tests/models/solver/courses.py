"""Doses, switches and resets around any way to get from one time to another.

`Course` reads the same `Regimen` as the engine and shares no code with it. `pk_solution` moves with
the exponential of the matrix of `problems.PK`, `reference_solution` with scipy's integrators.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.ode import OdeModel
from cytobayes.models.symbolic import trace

from .problems import Array

Named = Mapping[str, float]


@dataclass
class Infusion:
    """A running infusion; a reset forgets it."""

    end: float
    rate: Array


class Course(ABC):
    """State, parameters and running infusions of one subject."""

    def __init__(self, states: Sequence[str], theta: Named) -> None:
        self.states, self.p = tuple(states), dict(theta)
        self.t, self.infusions = 0.0, list[Infusion]()
        self.y = self.start()

    @abstractmethod
    def start(self) -> Array:
        """Initial state."""

    @abstractmethod
    def flow(self, y: Array, rate: Array, t: float, until: float) -> Array:
        """State at ``until`` from ``y`` at ``t`` under constant infusion rates."""

    def restart(self) -> None:
        self.infusions.clear()
        self.y = self.start()

    def move(self, t: float) -> None:
        """Carry the state to ``t``, stopping where an infusion ends."""
        for stop in sorted({i.end for i in self.infusions if i.end < t} | {t}):
            rate = sum((i.rate for i in self.infusions), np.zeros(len(self.states)))
            if stop > self.t:
                self.y = self.flow(self.y, rate, self.t, stop)
            self.t = stop
            self.infusions = [i for i in self.infusions if i.end > stop]

    def number(self, quantity: float | str) -> float:
        return self.p[quantity] if isinstance(quantity, str) else quantity

    def dosing(self, dose: Dose) -> tuple[float, Array]:
        """Length and rate of an infusion; zero and the amount for a bolus."""
        amount = self.number(dose.amount) * self.number(dose.bioavailability)
        unit = np.eye(len(self.states))[self.states.index(dose.state)]
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
        """Steady state of a dose in a linear model: ``y = E y + b`` over one interval."""
        self.infusions.clear()
        length, amount = self.dosing(dose)
        nothing = np.zeros(len(self.states))
        if length == math.inf:
            period, response = 1.0, self.flow(nothing, amount, 0.0, 1.0)
        elif length > 0:
            filled = self.flow(nothing, amount, 0.0, length)
            period, response = dose.interval, self.flow(filled, nothing, length, dose.interval)
        else:
            period, response = dose.interval, self.flow(amount, nothing, 0.0, dose.interval)
        ahead, unit = self.number(dose.lag), np.eye(len(self.states))
        moved = np.stack([self.flow(e, nothing, 0.0, period) for e in unit], axis=1)
        self.y = np.linalg.solve(unit - moved, response)
        if ahead > 0:  # the last dose arrived an interval before the next one will
            now, self.t = self.t, self.t + ahead - dose.interval
            self.give(dose)
            self.move(now)

    def happenings(self, regimen: Regimen) -> Iterator[tuple[float, Any]]:
        """Times and actions, in the order in which they were written."""
        for event in regimen.events:
            start = self.number(event.time)
            if isinstance(event, Switch):
                change = {event.parameter: event.value}
                yield start, lambda c=change: self.switch(**c)
            elif isinstance(event, Reset):
                yield start, self.restart
            else:
                if event.steady_state:
                    yield start, lambda dose=event: self.settle(dose)
                start += self.number(event.lag)
                for n in range(event.count):
                    yield start + n * event.interval, lambda dose=event: self.give(dose)

    def switch(self, **change: float | str) -> None:
        self.p |= {name: self.number(value) for name, value in change.items()}

    def observed(
        self, regimen: Regimen, times: Sequence[float] | Array, observe: str = "before"
    ) -> Array:
        """States at ``times``, shape (time, state)."""
        out = np.full((len(times), len(self.states)), np.nan)

        def look(row: int) -> None:
            out[row] = self.y

        seen = [(float(t), lambda row=row: look(row)) for row, t in enumerate(times)]
        events = list(self.happenings(regimen))
        plan = [*seen, *events] if observe == "before" else [*events, *seen]
        for t, action in sorted(plan, key=lambda item: item[0]):
            self.move(t)
            action()
        return out


class PkCourse(Course):
    """Two compartments with absorption, by the exponential of their matrix."""

    def start(self) -> Array:
        return np.array([0.0, self.p["a0"], 0.0])

    def flow(self, y: Array, rate: Array, t: float, until: float) -> Array:
        p, n = self.p, len(y)
        k, out, back = p["cl"] / p["v"], p["q"] / p["v"], p["q"] / p["vp"]
        whole = np.zeros((n + 1, n + 1))
        whole[:n, :n] = [[-p["ka"], 0.0, 0.0], [p["ka"], -k - out, back], [0.0, out, -back]]
        whole[:n, n] = rate
        moved: Array = expm(whole * (until - t))
        return moved[:n, :n] @ y + moved[:n, n]


def pk_solution(theta: Named, regimen: Regimen, times: Sequence[float] | Array) -> Array:
    """States of `problems.PK`."""
    return PkCourse(("gut", "cen", "per"), theta).observed(regimen, times)


class ScipyCourse(Course):
    """Any model, by scipy."""

    def __init__(self, model: OdeModel, theta: Named, method: str, rtol: float) -> None:
        written = trace(model)
        self.method, self.rtol = method, rtol
        self.rhs = sympy.lambdify((written.t, written.y, written.p), written.rhs)
        self.jacobian = sympy.lambdify(
            (written.t, written.y, written.p), [[f.diff(y) for y in written.y] for f in written.rhs]
        )
        self.initial = sympy.lambdify((written.p,), written.initial)
        super().__init__(model.state_names, theta)

    def start(self) -> Array:
        return np.array(self.initial(list(self.p.values())), dtype=float)

    def flow(self, y: Array, rate: Array, t: float, until: float) -> Array:
        p = list(self.p.values())
        integrate: Any = solve_ivp
        done = integrate(
            lambda t, y: np.array(self.rhs(t, y, p)) + rate,
            (t, until),
            y,
            method=self.method,
            rtol=self.rtol,
            atol=1e-3 * self.rtol * np.maximum(np.abs(y), 1e-6),
            jac=lambda t, y: np.array(self.jacobian(t, y, p), dtype=float),
        )
        assert done.success, done.message
        return np.asarray(done.y[:, -1])


def reference_solution(
    model: OdeModel,
    theta: Array,
    times: Sequence[float] | Array,
    regimen: Regimen | None = None,
    *,
    method: str = "LSODA",
    rtol: float = 1e-12,
) -> Array:
    """States of a model by scipy, shape (time, state)."""
    named = dict(zip(model.parameter_names, map(float, theta), strict=True))
    return ScipyCourse(model, named, method, rtol).observed(regimen or Regimen(), times)


def with_sensitivities(model: OdeModel) -> OdeModel:
    """Model extended by the derivatives of its states by its parameters, state by state."""
    written = trace(model)
    cells = [(i, j) for i in range(len(written.y)) for j in range(len(written.p))]
    symbols = {(i, j): sympy.Symbol(f"s_{i}_{j}", real=True) for i, j in cells}
    slopes = [
        sum((written.rhs[i].diff(y) * symbols[k, j] for k, y in enumerate(written.y)), sympy.S(0))
        + written.rhs[i].diff(written.p[j])
        for i, j in cells
    ]
    first = [sympy.sympify(written.initial[i]).diff(written.p[j]) for i, j in cells]
    names = [*model.state_names, *(str(symbols[c]) for c in cells)]
    return OdeModel(
        name=f"{model.name} with sensitivities",
        states=tuple(type(model.states[0])(n) for n in names),
        parameters=model.parameters,
        rhs=lambda t, y, p: [*written.rhs, *slopes],
        initial=lambda p: dict(zip(names, [*written.initial, *first], strict=True)),
    )


def reference_gradient(
    model: OdeModel, theta: Array, times: Sequence[float] | Array, y_bar: Array, **more: Any
) -> Array:
    """Gradient of ``sum(y_bar * y)`` by forward sensitivities, without doses."""
    n, m = len(model.states), len(model.parameters)
    y = reference_solution(with_sensitivities(model), theta, times, **more)
    return np.asarray(np.einsum("ti,tij->j", y_bar, y[:, n:].reshape(-1, n, m)))
