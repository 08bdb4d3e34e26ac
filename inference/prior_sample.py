"""Draws from the prior of a problem: population, individuals and errors, before any data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr
from pytensor.configdefaults import config

from ..datasets.errors import InputError
from .joint import coordinates, draw_parameters, measurement
from .populations.hierarchy import INTERNAL
from .populations.order import draw_ordered

if TYPE_CHECKING:
    from .problem import Problem

__all__ = ["sample_prior"]

# Compiling a joint correlation takes a minute, drawing it with plain Python a millisecond.
PLAIN: dict[str, Any] = {"mode": "FAST_COMPILE", "linker": "py", "cxx": ""}


def sample_prior(problem: Problem, *, draws: int, seed: int = 0) -> xr.Dataset:
    """Draw all that is estimated from its prior.

    Parameters
    ----------
    problem : Problem
    draws, seed : int

    Returns
    -------
    Dataset, dims (chain, draw, ...)
        One chain with the variables of a posterior: population parameters, spreads, effects,
        individual values, parameters of measurement. What a check or a prediction does with a
        posterior it can do with these draws.

    Notes
    -----
    The distributions are those that a fit uses, cut at the bounds of their parameters and at the
    order of the problem; the equations are not solved.
    """
    if draws < 1:
        raise InputError(f"draws must be at least 1, got {draws}.")
    with pm.Model(coords=coordinates(problem)) as model:
        draw_parameters(problem)
        for name in problem.error_parameters:
            measurement(problem, name)
    every = (v.name for v in (*model.free_RVs, *model.deterministics))
    names = [n for n in every if not n.endswith(INTERNAL)]
    values = drawn(problem, [model[n] for n in names], draws, seed)
    variables: dict[str, Any] = {}
    for name, array in zip(names, values, strict=True):
        table = array[None]
        own = [f"{name}_dim_{k}" for k in range(table.ndim - 2)]
        dims = model.named_vars_to_dims.get(name) or own
        variables[name] = (("chain", "draw", *dims), table)
    used = {d for dims, _ in variables.values() for d in dims}
    coords = {k: list(v) for k, v in model.coords.items() if v is not None and k in used}
    return xr.Dataset(variables, {"chain": [0], "draw": np.arange(draws), **coords})


def drawn(
    problem: Problem, variables: list[Any], draws: int, seed: int
) -> list[npt.NDArray[np.float64]]:
    """Draw variables of a PyMC model; those of an order constraint from their joint prior."""
    sequence = np.random.SeedSequence(seed)
    given = draw_ordered(problem, draws, np.random.default_rng(sequence.spawn(1)[0]))
    known = {v.name: v for v in variables}
    with config.change_flags(**PLAIN):
        function = pm.compile(
            [known[n] for n in given], variables, random_seed=seed, on_unused_input="ignore"
        )
        rows = [function(*(values[k] for values in given.values())) for k in range(draws)]
    return [np.stack(column) for column in zip(*rows, strict=True)]
