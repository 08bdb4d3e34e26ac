"""Observables that are not states, evaluated on simulated states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
import xarray as xr

from .dosing import Regimen, Switch
from .ode import OdeModel
from .symbolic import trace

__all__ = ["outputs"]


def outputs(
    model: OdeModel, values: xr.DataArray, regimens: Sequence[Regimen], states: xr.Dataset
) -> dict[str, xr.DataArray]:
    """Evaluate the outputs, with the parameter values in force at each time.

    Parameters
    ----------
    model : OdeModel
    values : DataArray, dims (..., parameter)
        Parameters before any `Switch`.
    regimens : sequence of Regimen
        One for everybody, or one per subject of ``values``.
    states : Dataset, dims (..., time)
        Simulated states; where they are NaN, so are the outputs.
    """
    known: dict[str, xr.DataArray] = {"t": states["time"]}
    known |= {str(k): v for k, v in states.data_vars.items()}
    first = values.isel(parameter=0, drop=True) if "parameter" in values.dims else values
    like = next(iter(states.data_vars.values()), first * 0 + 0 * states["time"])
    result = {}
    for name, expression in trace(model).outputs.items():
        symbols = sorted(expression.free_symbols, key=str)
        for p in {s.name for s in symbols} - set(known):
            known[p] = _in_force(p, values, regimens, states["time"])
        function = sympy.lambdify(symbols, expression, ["numpy", "scipy"])
        array = xr.zeros_like(like) + function(*(known[s.name] for s in symbols))
        array = array.where(like.notnull()).transpose(*like.dims)
        result[name] = array.assign_attrs(units=model.unit(name), long_name=name)
    return result


def _in_force(
    name: str, values: xr.DataArray, regimens: Sequence[Regimen], time: xr.DataArray
) -> xr.DataArray:
    """Value of a parameter over time, for everybody."""
    if len(regimens) == 1:
        return _switched(name, values, regimens[0], time)
    each = [_switched(name, values.isel(subject=[k]), r, time) for k, r in enumerate(regimens)]
    return xr.concat(each, "subject")


def _switched(
    name: str, values: xr.DataArray, regimen: Regimen, time: xr.DataArray
) -> xr.DataArray:
    """Value of a parameter over time under one regimen; of several switches the last one counts."""
    result = values.sel(parameter=name, drop=True) + 0 * time
    since = xr.DataArray(-np.inf)
    for event in regimen.events:
        if isinstance(event, Switch) and event.parameter == name:
            start, value = _number(event.time, values), _number(event.value, values)
            applies = (time > start) & (start >= since)
            result = result.where(~applies, value)
            since = since.where(~applies, start)
    return result


def _number(quantity: float | str, values: xr.DataArray) -> xr.DataArray | float:
    return values.sel(parameter=quantity, drop=True) if isinstance(quantity, str) else quantity
