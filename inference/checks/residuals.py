"""PRED, IPRED and individual weighted residuals of every measurement, at posterior medians."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import stats

from ..measuring.density import NORMAL
from ..measuring.limits import Seen, seen
from ..measuring.measurement import Value
from ..measuring.scaled import ScaledError
from ..measuring.sigmas import residual_spreads, sigma_by_row
from ..predict import draws_of
from ..replicates import predictions

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed
    from ..problem import Problem

__all__ = ["Fitted", "individual_fits"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """One observable beside its fit, in the unit of the model.

    Parameters
    ----------
    observed : Observed
    seen : Seen
    pred, ipred : float64[n]
        Medians over posterior draws.
    iwres : float64[n]
        Residuals on the scale of the error, divided by its spread; standard normal where the
        model holds, also for errors with heavy tails, whose residuals are transformed. NaN in
        censored rows.
    """

    observed: Observed
    seen: Seen = field(repr=False)
    pred: Array = field(repr=False)
    ipred: Array = field(repr=False)
    iwres: Array = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the observable in the data."""
        return self.observed.name


def individual_fits(
    problem: Problem, posterior: xr.DataTree | xr.Dataset, *, draws: int = 500
) -> list[Fitted]:
    """Compute the fits of all observables that are quantities.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    draws : int
        Posterior draws to take medians over, at most.

    Returns
    -------
    list of Fitted
        Outcomes that are no quantities (grades, yes or no) have no residuals and are left out.
    """
    found = predictions(problem, posterior, draws=draws)
    data = draws_of(problem, posterior, "observed")
    fits = []
    for observed in problem.arrangement.observed:
        error = problem.errors[observed.name]
        if not (error.is_quantity and isinstance(error, ScaledError)):
            continue
        known = seen(problem, observed)
        pred, ipred = (found[f"{observed.name}_{c}"].to_numpy() for c in ("pred", "ipred"))
        typical = [float(np.median(s)) for s in residual_spreads(problem, observed, data)]
        sigma = sigma_by_row(error, observed, typical)
        fits.append(
            Fitted(observed, known, pred, ipred, residuals(error, observed, known, ipred, sigma))
        )
    return fits


def residuals(
    error: ScaledError, observed: Observed, known: Seen, f: Array, sigma: tuple[Value, ...]
) -> Array:
    """Divide what is left by the spread of the error, as standard normal scores; float64[n]."""
    rows, floor = observed.rows, observed.rows.floor
    se = error.working_se(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(rows.averaged, se, error.spread(f, sigma, se, floor))
        location = error.location(f, floor) + error.shift(rows)
        z = (error.working(np.where(known.exact, known.value, 1.0)) - location) / spread
    law = stats.norm if error.tails == NORMAL else stats.t(error.tails)
    heavy = (error.tails != NORMAL) & ~np.broadcast_to(rows.averaged, z.shape)
    cut = np.broadcast_to(np.isfinite(rows.above), z.shape)
    if heavy.any() or cut.any():
        limit = np.where(cut, error.working(np.where(cut, rows.above, 1.0)), -np.inf)
        start = (limit - location) / spread
        upper = np.where(heavy, law.sf(z), stats.norm.sf(z))
        room = np.where(heavy, law.sf(start), stats.norm.sf(start))
        z = np.where(heavy | cut, stats.norm.isf(np.minimum(upper / room, 1 - 1e-16)), z)
    return np.where(known.exact & np.isfinite(z), z, np.nan)
