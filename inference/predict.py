"""`predict`: posterior draws through the integrator, for any times and any schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..datasets.errors import InputError
from ..models.dosing import Regimen
from .arrangement import regimens_of
from .measuring.measurement import Drawing
from .measuring.offsets import measured
from .measuring.sigmas import spreads_at
from .populations.hierarchy import Hierarchical
from .populations.new_subjects import vary
from .populations.occasions import switched
from .populations.population import Independent, individual_name, occasion_name
from .solving import integrate, model_values

if TYPE_CHECKING:
    from .arrangement import Observed
    from .populations.occasions import Occasions
    from .problem import Problem

__all__ = ["predict"]

Array = npt.NDArray[Any]
KINDS = ("individual", "population", "observed")


def predict(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    times: npt.ArrayLike | None = None,
    regimen: Regimen | Mapping[str, Regimen] | None = None,
    kind: str = "individual",
    draws: int | None = None,
    seed: int | None = None,
) -> xr.Dataset:
    """Predict trajectories or measurements from posterior draws.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    posterior : DataTree or Dataset
        From `fit`, or its group ``posterior``: dims chain, draw.
    times : array of float, optional
        In the time unit of the model; default: all times of the data.
    regimen : Regimen, or mapping of subject to Regimen, optional
        In place of the schedules of the problem, as a counterfactual.
    kind : {"individual", "population", "observed"}
        ``"individual"``: the model's value for each subject of the data. ``"population"``: for a
        subject that is not in the data; needs one schedule for all. ``"observed"``: measurements
        of the subjects of the data, with residual error; at a time at which the data hold a
        published mean, the scatter of such a mean.
    draws : int, optional
        Use about this many draws, evenly spaced in each chain; default: all.
    seed : int, optional
        For ``"observed"``, and for ``"population"`` of a hierarchical fit, in which each draw is
        another subject at the reference values of the covariates, in one occasion.

    Returns
    -------
    Dataset, dims (chain, draw, subject, time)
        One variable per state and output of the model [its unit]; for ``"observed"``, one per
        observable of the data [unit of the model]. NaN where the equations could not be solved;
        ``attrs["failed_solves"]`` counts these draws.

    Raises
    ------
    InputError
        If a setting has no meaning, or the posterior lacks a parameter of the problem.
    """
    data = thinned(draws_of(problem, posterior, kind), draws)
    chosen = schedules(problem, regimen, kind)
    occasions = None if kind == "population" else problem.arrangement.occasions
    labels = list(chosen)
    grid = grid_of(problem, times)
    if kind == "population":
        theta = new_subject(problem, data, seed)
    else:
        theta = parameters_of(problem, data, len(labels))
    states, failed = integrate(problem, theta, switched(occasions, tuple(chosen.values())), grid)
    coordinates = {
        "chain": data["chain"].to_numpy(),
        "draw": data["draw"].to_numpy(),
        "subject": labels,
        "time": ("time", grid, {"units": problem.model.time_unit}),
    }
    shape = (data.sizes["chain"], data.sizes["draw"], len(labels), grid.size)
    model, each = problem.model, over_time(problem, occasions, theta, grid)
    if kind == "observed":
        values = measurements(problem, data, each, states, grid, seed)
    else:
        values = {
            name: (model_values(model, name, each, states, grid), model.unit(name))
            for name in model.observables
        }
    variables = {
        name: (tuple(coordinates), array.reshape(shape), {"units": unit})
        for name, (array, unit) in values.items()
    }
    facts = {"kind": kind, "problem_id": problem.id, "failed_solves": failed}
    return xr.Dataset(variables, coordinates, facts)


def draws_of(problem: Problem, posterior: xr.DataTree | xr.Dataset, kind: str) -> xr.Dataset:
    """Draws of what this kind of prediction needs."""
    if kind not in KINDS:
        raise InputError(f"no prediction is of kind {kind!r}; there are {', '.join(KINDS)}.")
    if isinstance(posterior, xr.DataTree):
        inside = "posterior" in posterior.children
        data = (posterior["posterior"] if inside else posterior).to_dataset()
    else:
        data = posterior
    residual = set(problem.error_parameters) - set(problem.fixed)
    needed = set(problem.estimated) | (residual if kind == "observed" else set())
    if missing := sorted(needed - set(map(str, data.data_vars))):
        raise InputError(
            f"the posterior has no draws of {', '.join(missing)}: it belongs to another problem."
        )
    return data


def thinned(data: xr.Dataset, draws: int | None) -> xr.Dataset:
    """About so many draws, evenly spaced in each chain."""
    if draws is None:
        return data
    if draws < 1:
        raise InputError(f"draws must be at least 1, got {draws}.")
    length = data.sizes["draw"]
    count = min(length, -(-draws // max(data.sizes["chain"], 1)))
    return data.isel(draw=np.linspace(0, length - 1, count).round().astype(int))


def schedules(
    problem: Problem, regimen: Regimen | Mapping[str, Regimen] | None, kind: str
) -> dict[str, Regimen]:
    """Schedule of each predicted subject."""
    subjects = problem.arrangement.subjects
    if kind != "population":
        if regimen is None:
            return dict(zip(subjects, problem.arrangement.regimens, strict=True))
        return dict(zip(subjects, regimens_of(problem.model, problem.data, regimen), strict=True))
    if isinstance(problem.family, Independent):
        raise InputError(
            "subjects with independent parameters say nothing about another subject: a prediction "
            "of kind 'population' needs a pooled fit."
        )
    distinct = set(problem.arrangement.regimens) if regimen is None else {regimen}
    if isinstance(regimen, Mapping) or len(distinct) > 1:
        raise InputError(
            "a prediction of kind 'population' needs one schedule: pass a single Regimen."
        )
    return {"population": distinct.pop()}  # type: ignore[dict-item]


def over_time(problem: Problem, occasions: Occasions | None, theta: Array, grid: Array) -> Array:
    """Parameters of the model that outputs read; float64[draw, subject, time or 1, parameter]."""
    if occasions is None:
        return theta[..., None, : len(problem.model.parameters)]
    return occasions.chosen(theta, occasions.at(theta.shape[1], grid))


def grid_of(problem: Problem, times: npt.ArrayLike | None) -> Array:
    """Check the times of the prediction, or take those of the data; float64[time]."""
    if times is None:
        return np.unique(np.concatenate(problem.arrangement.times))
    grid = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
        raise InputError("times must be finite numbers in ascending order, without repeats.")
    return grid


def parameters_of(problem: Problem, data: xr.Dataset, subjects: int) -> Array:
    """All parameters of the engine's model; float64[draw, subject, parameter], chain by chain.

    Notes
    -----
    Where parameters vary between occasions, they have their value in the first occasion of the
    subject, and the copies of `Occasions` stand behind the parameters of the model.
    """
    count = data.sizes["chain"] * data.sizes["draw"]
    columns = [_column(problem, data, n, (count, subjects)) for n in problem.model.parameter_names]
    occasions = problem.arrangement.occasions
    if occasions is not None:
        for name in occasions.parameters:
            place = problem.model.parameter_names.index(name)
            values = columns[place][..., None]
            if (stored := occasion_name(name)) in data:
                ordered = data[stored].transpose("chain", "draw", "subject", "occasion")
                values = ordered.to_numpy().reshape(count, subjects, -1)
                columns[place] = values[:, np.arange(subjects), occasions.first]
            values = np.broadcast_to(values, (count, subjects, len(occasions.labels)))
            columns += list(np.moveaxis(values, -1, 0))
    return np.stack(columns, axis=-1)


def _column(problem: Problem, data: xr.Dataset, name: str, shape: tuple[int, int]) -> Array:
    """Values of one parameter of the model; float64[draw, subject]."""
    if name in problem.inputs:
        return np.broadcast_to(problem.inputs_by_subject[name], shape)
    if name not in problem.estimated:
        return np.full(shape, problem.constants[name])
    stored = individual_name(name) if individual_name(name) in data else name
    if "subject" in data[stored].dims:
        return data[stored].transpose("chain", "draw", "subject").to_numpy().reshape(shape)
    values = data[stored].transpose("chain", "draw").to_numpy().reshape(-1, 1)
    return np.broadcast_to(values, shape)


def new_subject(problem: Problem, data: xr.Dataset, seed: int | None) -> Array:
    """Parameters of a subject that is not in the data; float64[draw, 1, parameter]."""
    typical = data.drop_vars([v for v in data.data_vars if "subject" in data[v].dims])
    values = {n: problem.model.parameter(n).value for n in problem.inputs}
    plain = replace(problem, inputs={}, fixed={**problem.fixed, **values})
    theta = parameters_of(plain, typical, 1)
    if not isinstance(problem.family, Hierarchical):
        return theta
    vary(problem, theta[:, 0], typical, np.random.default_rng(seed))
    return theta


def measurements(
    problem: Problem, data: xr.Dataset, theta: Array, states: Array, grid: Array, seed: int | None
) -> dict[str, tuple[Array, str]]:
    """Predicted measurements of each observable of the data, with units."""
    made = {}
    rng = np.random.default_rng(seed)
    for observed in problem.arrangement.observed:
        error = problem.errors[observed.name]
        f = np.ascontiguousarray(model_values(problem.model, observed.target, theta, states, grid))
        rows, where = observed.rows, placed(observed, f.shape[1], grid)
        member = where(observed.sigmas.member if observed.sigmas.labels else np.array(0), 0)
        sigma = spreads_at(problem, observed, data, member)
        if observed.groups.labels:
            member = where(observed.groups.member, 0)
            f = measured(problem, observed, f, data, member)
        what = Drawing(
            se=where(error.working_se(rows), 0.0),
            floor=rows.floor,
            shift=where(error.shift(rows), 0.0),
            averaged=where(rows.averaged, False),
        )
        values = error.random(rng, f, sigma, what)
        made[observed.name] = values, error.value_unit(problem.model.unit(observed.target))
    return made


def placed(observed: Observed, subjects: int, grid: Array) -> Callable[[Array, Any], Array]:
    """Say how a column of the rows is spread over subjects and times.

    Returns
    -------
    callable (array[n] or array[()], value elsewhere) -> array[subject, time]
    """
    column = np.searchsorted(grid, observed.time)
    there = column < grid.size
    there[there] &= grid[column[there]] == observed.time[there]

    def spread(values: Array, elsewhere: Any) -> Array:
        table = np.full((subjects, grid.size), elsewhere)
        values = np.broadcast_to(values, there.shape)
        table[observed.subject[there], column[there]] = values[there]
        return table

    return spread
