"""Data that can be exchanged in a compiled model: calibration fits hundreds of data sets.

In a replaceable joint density the measured values and their censoring are data of the PyMC model.
Rows, times, doses and limits of quantification stay: they are the design. One compilation then
serves every data set that the same trial could have given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ..datasets.errors import InputError
from .measuring.limits import Seen, seen
from .measuring.measurement import KINDS

if TYPE_CHECKING:
    from .arrangement import Observed
    from .measuring.measurement import ErrorModel
    from .problem import Problem

__all__ = ["kind_name", "limits_of", "replaceable_density", "value_name"]

Array = npt.NDArray[Any]
Tensor = Any
INTERVAL = KINDS.index("interval")


def value_name(observable: str) -> str:
    """Name of the measured values among the data of a replaceable model."""
    return f"{observable}_value"


def kind_name(observable: str) -> str:
    """Name of the censoring of the rows among the data of a replaceable model."""
    return f"{observable}_kind"


def limits_of(problem: Problem, observed: Observed) -> Seen:
    """Find the limits that hold in each row, see `limits.seen`.

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
    """
    known = seen(problem, observed)
    unclear = np.flatnonzero((observed.rows.kind == INTERVAL) & np.isfinite(known.value))
    if unclear.size:
        raise InputError(
            f"{observed.name}: row {observed.row[unclear[0]]} of the data is censored to an "
            "interval, which does not say how another value would have been reported, so that no "
            "data can be simulated. Leave these rows out of the calibration."
        )
    return known


def replaceable_density(
    error: ErrorModel, observed: Observed, kind: Tensor, kinds: tuple[int, ...]
) -> Callable[..., Tensor]:
    """Log density as PyMC calls it, in which the censoring is data.

    Parameters
    ----------
    error : ErrorModel
    observed : Observed
    kind : TensorVariable, int64[n]
        Positions in `KINDS`.
    kinds : tuple of int
        Those that can occur.

    Returns
    -------
    callable
        ``(value, f, se, health, *sigma)`` to the log density of each row.
    """

    def logp(value: Tensor, f: Tensor, se: Tensor, health: Tensor, *sigma: Tensor) -> Tensor:
        total: Tensor = pt.zeros_like(f)
        for code in kinds:
            rows = replace(observed.rows, kind=np.full(observed.rows.kind.shape, code))
            scores = error.log_density(value, f, sigma, rows, se)
            total = pt.switch(pt.eq(kind, code), scores, total)
        return total + health

    return logp
