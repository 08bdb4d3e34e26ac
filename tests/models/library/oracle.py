"""An independent integrator for any model of the registry: LSODA at 1e-10, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy
from scipy.integrate import solve_ivp

from cytobayes.models import Dose, OdeModel, Regimen, Switch, trace

__all__ = ["integrate"]

Array = npt.NDArray[np.float64]


def integrate(
    model: OdeModel, theta: Mapping[str, float], times: Array, regimen: Regimen, rtol: float = 1e-10
) -> Array:
    """States at ``times`` (before a dose given there), shape (time, state)."""
    values = {**model.theta, **theta}
    traced = trace(model)
    modules = [{"amin": min, "amax": max}, "numpy"]
    f = sympy.lambdify((traced.t, traced.y, traced.p), list(traced.rhs), modules)
    initial = sympy.lambdify((traced.p,), list(traced.initial), modules)
    y = np.array(initial(list(values.values())), dtype=float)
    rates = np.zeros(y.size)
    scale = np.array([s.scale for s in model.states])
    found: dict[float, Array] = {}
    t = 0.0
    changes = sorted(_changes(model, values, regimen), key=lambda c: c[0])
    for stop in sorted({*times, *(c[0] for c in changes)}):
        if stop > max(times):
            break
        if stop > t:
            y = solve_ivp(
                lambda s, x: np.array(f(s, x, list(values.values())), dtype=float) + rates,
                (t, stop), y, method="LSODA", rtol=rtol, atol=rtol * 1e-2 * _floor(model, scale),
            ).y[:, -1]  # fmt: skip
        found[stop], t = y.copy(), stop
        for when, kind, target, value in changes:
            if when == stop:
                if kind == "bolus":
                    y[target] += value
                elif kind == "rate":
                    rates[target] += value
                else:
                    values[target] = value
    return np.array([found[s] for s in times])


def _floor(model: OdeModel, scale: Array) -> Array:
    """States integrated as logarithms by the engine keep relative accuracy however small."""
    return np.where([s.log for s in model.states], 1e-25, scale)


def _changes(
    model: OdeModel, values: Mapping[str, float], regimen: Regimen
) -> list[tuple[float, str, Any, float]]:
    def number(quantity: Any) -> float:
        return float(values[quantity]) if isinstance(quantity, str) else float(quantity)

    changes: list[tuple[float, str, Any, float]] = []
    for stop in model.breakpoints:
        changes.append((number(stop), "bolus", 0, 0.0))
    for event in regimen.events:
        if isinstance(event, Switch):
            changes.append((number(event.time), "set", event.parameter, number(event.value)))
            continue
        assert isinstance(event, Dose), "write the oracle for resets before a schedule uses one"
        assert not event.steady_state
        target = model.state_names.index(event.state)
        amount = number(event.amount) * number(event.bioavailability)
        length = number(event.duration)
        if event.rate is not None:
            length = amount / number(event.rate)
        for k in range(event.count):
            begin = number(event.time) + number(event.lag) + k * event.interval
            if length > 0:
                changes.append((begin, "rate", target, amount / length))
                changes.append((begin + length, "rate", target, -amount / length))
            else:
                changes.append((begin, "bolus", target, amount))
    return changes
