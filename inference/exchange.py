"""Data that can be exchanged in a compiled model: calibration fits hundreds of data sets.

In a replaceable joint density the measured values and their censoring are data of the PyMC model.
Rows, times, doses and limits of quantification stay: they are the design. One compilation then
serves every data set that the same trial could have given. For this the treatment of values below a
limit must be a likelihood of such data: M2, M3 or M4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ..datasets.errors import InputError
from .measuring.error import LogScale
from .measuring.limits import Seen, seen
from .measuring.measurement import KINDS

if TYPE_CHECKING:
    from .arrangement import Observed
    from .measuring.measurement import ErrorModel, Rows
    from .problem import Problem

__all__ = ["kind_name", "limits_of", "replaceable_density", "value_name"]

Array = npt.NDArray[Any]
Tensor = Any
LEFT, INTERVAL = KINDS.index("left"), KINDS.index("interval")
REFUSED = {
    "M1": "leaves values below the limit out",
    **dict.fromkeys(("M5", "M6", "M7"), "puts a number in the place of values below the limit"),
}


def value_name(observable: str) -> str:
    """Name of the measured values among the data of a replaceable model."""
    return f"{observable}_value"


def kind_name(observable: str) -> str:
    """Name of the censoring of the rows among the data of a replaceable model."""
    return f"{observable}_kind"


def limits_of(problem: Problem, observed: Observed) -> Seen:
    """Find the limits below and above which simulated values are censored as the fit scores it.

    Those of `limits.seen`; under M2, which knows only values above the limit, that of each row.

    Parameters
    ----------
    problem : Problem
    observed : Observed
        One of ``problem.arrangement.observed``.

    Returns
    -------
    Seen

    Raises
    ------
    InputError
        If a row is censored to an interval: it does not say what else could have been reported.
        If values below the limit are treated by M1, M5, M6 or M7: these are no likelihoods of
        data that a trial could give.
    """
    known, method = seen(problem, observed), problem.methods[observed.name]
    low = np.isfinite(known.lower).any() or any(t.where == "below" for t in observed.treated)
    if low and method in REFUSED:
        raise InputError(
            f"{observed.name}: {method} {REFUSED[method]}, which is no likelihood that simulated "
            "data could have. Calibrate with M3 or M4."
        )
    if method == "M2":
        known = replace(known, lower=np.broadcast_to(observed.rows.above, known.lower.shape))
    unclear = np.flatnonzero((observed.rows.kind == INTERVAL) & np.isfinite(known.value))
    if unclear.size:
        raise InputError(
            f"{observed.name}: row {observed.row[unclear[0]]} of the data is censored to an "
            "interval, which does not say how another value would have been reported, so that no "
            "data can be simulated. Leave these rows out of the calibration."
        )
    rows, positive = observed.rows, isinstance(problem.errors[observed.name], LogScale)
    begins = (rows.kind == INTERVAL) & np.isfinite(rows.lower) & ~np.isfinite(rows.above)
    if begins.any() and not positive:
        raise InputError(
            f"{observed.name}: row {observed.row[np.argmax(begins)]} of the data lies in an "
            f"interval from {rows.lower[np.argmax(begins)]:g}; another value below its limit could "
            "be lower. Leave the interval open below (censoring 'left'), or calibrate with M4."
        )
    return known


def replaceable_density(
    error: ErrorModel, observed: Observed, kind: Tensor, limits: Seen
) -> Callable[..., Tensor]:
    """Log density as PyMC calls it, in which the censoring is data.

    Parameters
    ----------
    error : ErrorModel
    observed : Observed
    kind : TensorVariable, int64[n]
        Positions in `KINDS`.
    limits : Seen
        As from `limits_of`.

    Returns
    -------
    callable
        ``(value, f, se, health, *sigma)`` to the log density of each row.
    """

    def logp(value: Tensor, f: Tensor, se: Tensor, health: Tensor, *sigma: Tensor) -> Tensor:
        total: Tensor = pt.zeros_like(f)
        for code in limits.kinds:
            rows = censored_rows(observed, code, limits)
            scores = error.log_density(value, f, sigma, rows, se)
            total = pt.switch(pt.eq(kind, code), scores, total)
        return total + health

    return logp


def censored_rows(observed: Observed, code: int, limits: Seen) -> Rows:
    """Rows as they were if all had this censoring.

    A row that is conditional on lying above something (under M4 above 0) lies between that and its
    limit when it is below the limit.
    """
    rows, kind = observed.rows, np.full(observed.rows.kind.shape, code)
    above = np.broadcast_to(rows.above, kind.shape)
    between = np.isfinite(above) & np.isfinite(limits.lower) & (above < limits.lower)
    if code != LEFT or not between.any():
        return replace(rows, kind=kind)
    return replace(
        rows,
        kind=np.where(between, INTERVAL, kind),
        lower=np.where(between, above, rows.lower),
        upper=np.where(between, limits.lower, rows.upper),
    )
