"""Labelled simulation: parameters in as xarray, trajectories out as xarray."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from .dosing import Regimen
from .errors import ModelError, closest
from .ode import OdeModel
from .outputs import outputs
from .solver import FAILURES, CompiledModel, SolverOptions, Timeline, compile_model

__all__ = ["simulate"]

BLOCK = 64  # solves per call of the compiled integrator
Array = npt.NDArray[Any]
Theta = Mapping[str, Any] | xr.Dataset


def simulate(
    model: OdeModel,
    theta: Theta | None = None,
    times: npt.ArrayLike = (0.0,),
    regimen: Regimen | Mapping[Any, Regimen] | None = None,
    *,
    options: SolverOptions | None = None,
    workers: int | None = None,
) -> xr.Dataset:
    """Solve a model for every combination of parameter values.

    Parameters
    ----------
    model : OdeModel
    theta : mapping of name to number or DataArray, or Dataset
        Values of parameters, in the units of the model, with any dims but ``time``, such as
        ``(chain, draw)`` or ``(draw, subject)``; they are broadcast against each other. An
        unlabelled one-dimensional array has the dim ``draw``. Parameters not named have their
        typical values.
    times : array of float, shape (time,)
        In the time unit of the model, not negative, in any order. A value at the very time of a
        dose is the one before it.
    regimen : Regimen or mapping of subject to Regimen, optional
        Doses and switches of everybody, or of each label of the dim ``subject``, which is added
        if ``theta`` does not have it.
    options : SolverOptions, optional
        Tolerances and method.
    workers : int, optional
        Threads; default: one per core. The result does not depend on it.

    Returns
    -------
    Dataset, dims (..., time)
        One variable per state and per output, with ``attrs["units"]``. A failed solve is NaN;
        ``attrs["failed_solves"]`` counts them among ``attrs["solves"]`` and ``attrs["failures"]``
        says why.

    Raises
    ------
    ModelError
        If a name in ``theta`` is not a parameter, or subjects and regimens do not match.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> run = simulate(get("feedback"), {"R0": [0.6, 3.0]}, [0.0, 24.0])
    >>> run["C"].dims
    ('draw', 'time')
    """
    options = options or SolverOptions()
    _refuse_doses(model, regimen)
    when = np.atleast_1d(np.asarray(times, dtype=float))
    if when.ndim != 1 or not np.isfinite(when).all():
        raise ModelError("times must be a one-dimensional array of finite numbers")
    values = _broadcast(model, theta or {}, regimen)
    regimens = _regimens(values, regimen)
    if model.is_closed_form:
        rows = values.size // len(model.parameters)
        y, status = np.zeros((rows, len(when), 0)), np.zeros(0, dtype=int)
    else:
        y, status = _solve(model, values, regimens, when, options, workers or os.cpu_count() or 1)
    result = _states(model, values, when, y)
    if model.outputs:
        result = result.assign(outputs(model, values, regimens, result))
    causes = Counter(int(s) for s in status.ravel() if s)
    result.attrs = {
        "model": model.name,
        "solves": int(status.size),
        "failed_solves": sum(causes.values()),
        "failures": "; ".join(f"{n}: {FAILURES[s]}" for s, n in sorted(causes.items())),
        "rtol": options.rtol,
        "method": options.method,
    }
    return result


def _refuse_doses(model: OdeModel, regimen: Regimen | Mapping[Any, Regimen] | None) -> None:
    """Refuse events where nothing is integrated."""
    given = regimen.values() if isinstance(regimen, Mapping) else (regimen,)
    if model.is_closed_form and any(r is not None and r.events for r in given):
        raise ModelError(
            f"model {model.name} is a closed form and has no place for doses or switches; its "
            f"inputs are parameters: {', '.join(model.parameter_names)}"
        )


def _broadcast(
    model: OdeModel, theta: Theta, regimen: Regimen | Mapping[Any, Regimen] | None
) -> xr.DataArray:
    """Bring all parameters to one array, dims (..., subject, parameter)."""
    for name in theta:
        if name not in model.parameter_names:
            guess = closest(str(name), model.parameter_names)
            hint = (
                f"did you mean {guess!r}?"
                if guess
                else "it has " + ", ".join(model.parameter_names)
            )
            raise ModelError(f"model {model.name} has no parameter {name!r}; {hint}")
    arrays = [_labelled(n, theta.get(n, v)) for n, v in model.theta.items()]
    if isinstance(regimen, Mapping):
        arrays.append(xr.DataArray(0.0).expand_dims(subject=list(regimen)))
    full = xr.broadcast(*arrays)[: len(model.parameters)]
    table = xr.DataArray(
        np.stack([a.values for a in full], axis=-1),
        dims=(*full[0].dims, "parameter"),
        coords={**full[0].coords, "parameter": list(model.parameter_names)},
    )
    last = [d for d in ("subject", "parameter") if d in table.dims]
    return table.transpose(..., *last)


def _labelled(name: str, value: Any) -> xr.DataArray:
    if isinstance(value, xr.DataArray):
        if "time" in value.dims or "parameter" in value.dims:
            raise ModelError(f"theta[{name!r}] must not have the dims 'time' or 'parameter'")
        return value.astype(float).reset_coords(drop=True)
    array = np.asarray(value, dtype=float)
    if array.ndim > 1:
        raise ModelError(f"theta[{name!r}] has {array.ndim} dims without names; give a DataArray")
    return xr.DataArray(array, dims=("draw",)[: array.ndim])


def _regimens(
    values: xr.DataArray, regimen: Regimen | Mapping[Any, Regimen] | None
) -> list[Regimen]:
    """One regimen for everybody, or one per subject in the order of ``values``."""
    if not isinstance(regimen, Mapping):
        return [regimen or Regimen()]
    subjects = values["subject"].values.tolist()
    missing = [s for s in subjects if s not in regimen]
    if missing or len(subjects) != len(regimen):
        raise ModelError(
            "theta and regimen name different subjects"
            + (f"; no regimen for {', '.join(map(str, missing[:5]))}" if missing else "")
        )
    return [regimen[s] for s in subjects]


def _solve(
    model: OdeModel,
    values: xr.DataArray,
    regimens: Sequence[Regimen],
    when: Array,
    options: SolverOptions,
    workers: int,
) -> tuple[Array, Array]:
    """Solve in blocks on threads; shapes (rows, time, state) and (rows,)."""
    theta = np.ascontiguousarray(values.values).reshape(-1, len(model.parameters))
    rows, each = len(theta), len(regimens)
    draws = rows // each
    if not draws:
        return np.empty((0, len(when), len(model.states))), np.empty(0, int)
    copies = max(1, min(-(-draws // workers), BLOCK // each))
    size = copies * each
    timeline = Timeline.build(model, [*regimens] * copies, [when] * size)
    compiled = compile_model(model, options.method, timeline=timeline)
    padded = np.concatenate([theta, np.repeat(theta[:1], -rows % size, axis=0)])
    blocks = padded.reshape(-1, size, theta.shape[1])

    def run(block: Array) -> tuple[Array, Array]:
        return _run(compiled, block, timeline, options)

    with ThreadPoolExecutor(min(workers, len(blocks))) as pool:
        solved = list(pool.map(run, blocks))
    y = np.concatenate([s[0] for s in solved]).reshape(-1, len(when), len(model.states))
    return y[:rows], np.concatenate([s[1] for s in solved])[:rows]


def _run(
    compiled: CompiledModel, block: Array, timeline: Timeline, options: SolverOptions
) -> tuple[Array, Array]:
    solution = compiled.solve(block, timeline, options)
    return solution.y, solution.status


def _states(model: OdeModel, values: xr.DataArray, when: Array, y: Array) -> xr.Dataset:
    """Label the states."""
    shape = {d: n for d, n in values.sizes.items() if d != "parameter"}
    coords = {d: values[d] for d in shape if d in values.coords}
    time = xr.DataArray(when, dims="time", attrs={"units": model.time_unit})
    full = y.reshape(*shape.values(), len(when), len(model.states))
    return xr.Dataset(
        {
            s.name: (
                (*shape, "time"),
                np.ascontiguousarray(full[..., k]),
                {"units": s.unit, "long_name": s.description},
            )
            for k, s in enumerate(model.states)
        },
        coords={**coords, "time": time},
    )
