"""Log likelihood of each measurement at each posterior draw, for LOO and its relatives.

The equations are solved again with the draws of each subject's parameters; nothing depends on how
the sampler parametrized them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt
import xarray as xr
from pytensor.compile.maker import function as compiled_function

from .measuring.offsets import measured
from .measuring.sigmas import residual_spreads, sigma_by_row, sigma_names
from .predict import parameters_of
from .solving import values_at_rows

if TYPE_CHECKING:
    from .arrangement import Observed
    from .problem import Problem

__all__ = ["pointwise"]

Array = npt.NDArray[np.float64]


def pointwise(problem: Problem, posterior: xr.Dataset) -> xr.Dataset:
    """Compute the log likelihood of each row.

    Parameters
    ----------
    problem : Problem
    posterior : Dataset, dims chain, draw, [subject]

    Returns
    -------
    Dataset
        One variable per observable of the data, dims chain, draw, ``<observable>_observation``;
        NaN where the equations could not be solved.
    """
    theta = parameters_of(problem, posterior, len(problem.arrangement.subjects))
    values_of = values_at_rows(problem, theta)
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    found = {}
    for observed in problem.arrangement.observed:
        f = measured(problem, observed, values_of[observed.name], posterior)
        values = log_likelihood(problem, observed, f, posterior)
        dims = ("chain", "draw", f"{observed.name}_observation")
        found[observed.name] = (dims, values.reshape(*shape, -1))
    coordinates = {"chain": posterior["chain"].to_numpy(), "draw": posterior["draw"].to_numpy()}
    rows = {f"{o.name}_observation": o.row for o in problem.arrangement.observed}
    return xr.Dataset(found, {**coordinates, **rows})


def log_likelihood(problem: Problem, observed: Observed, f: Array, posterior: xr.Dataset) -> Array:
    """Score each row under its error model; float64[draw, row]."""
    error = problem.errors[observed.name]
    names = sigma_names(error, observed)
    center, spreads = pt.dvector("f"), [pt.dscalar(n) for n in names]
    sigma = sigma_by_row(error, observed, spreads)
    density = error.log_density(pt.constant(observed.rows.value), center, sigma, observed.rows)
    function = compiled_function(
        [center, *spreads], density, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    columns = zip(f, *residual_spreads(problem, observed, posterior), strict=True)
    return np.array([function(row, *numbers) for row, *numbers in columns])
