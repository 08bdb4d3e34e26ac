"""Rows of one observable, from the columns of a study to the arrays that a likelihood needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.vocabulary import QUARTILES
from .measurement import KINDS, Rows

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_rows"]

Array = npt.NDArray[Any]
IQR = 1.3489795  # interquartile range of a normal distribution, in standard deviations
MEDIAN = math.sqrt(math.pi / 2)  # standard error of a median in that of a mean, likewise


def read_rows(table: xr.Dataset, scale: float) -> tuple[Rows, Array]:
    """Rows of one observable as they are in the data.

    Parameters
    ----------
    table : Dataset, dim row
    scale : float
        Of the unit of the model in that of the data.

    Returns
    -------
    Rows
    float64[n]
        Lower limit of quantification of each row; NaN where none is stated.
    """
    value, lower, upper, sd, n = (
        table[column].to_numpy().astype(np.float64)
        for column in ("value", "lower", "upper", "sd", "n")
    )
    kind = np.array([KINDS.index(c) for c in table["censoring"].to_numpy()], dtype=np.int64)
    bounded = kind == KINDS.index("interval")
    q1, q3 = (quartile(table, column) for column in QUARTILES)
    spread = np.where(np.isfinite(sd), sd, MEDIAN * (q3 - q1) / IQR)
    se = np.where(np.isfinite(n), spread / np.sqrt(np.where(np.isfinite(n), n, 1.0)), 0.0)
    made = Rows(
        value=value * scale,
        kind=kind,
        lower=np.where(bounded, lower * scale, np.nan),
        upper=np.where(bounded, upper * scale, np.nan),
        se=se * scale,
        sd=sd * scale,
        q1=q1 * scale,
        q3=q3 * scale,
        averaged=(se > 0) & bool((se == 0).any()),
    )
    return made, lower * scale


def quartile(table: xr.Dataset, column: str) -> Array:
    """Quartile of each row; NaN where there is none. float64[n]."""
    if column not in table:
        return np.full(table.sizes["row"], np.nan)
    return np.asarray(table[column].to_numpy(), dtype=np.float64)
