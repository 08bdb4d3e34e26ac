"""Limits of quantification of every row, so that simulated values can be censored like data.

A censored row holds its limit. A measured row often does not state what the assay would have
missed; its limit is then that of other rows of the same observable, assay and source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from .error import KINDS

if TYPE_CHECKING:
    from ..arrangement import Observed
    from ..problem import Problem

__all__ = ["Seen", "seen"]

Array = npt.NDArray[np.float64]
NONE, LEFT, RIGHT, BETWEEN = (KINDS.index(k) for k in ("none", "left", "right", "interval"))


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of each row of an observable, in the unit of the model.

    Parameters
    ----------
    value : float64[n]
        The measured value; minus infinity below, plus infinity above the limit of quantification;
        the middle of an interval.
    lower, upper : float64[n]
        Limits of quantification; minus or plus infinity where none is known.
    inferred : int
        Measured rows whose limit is that of other rows.
    """

    value: Array = field(repr=False)
    lower: Array = field(repr=False)
    upper: Array = field(repr=False)
    inferred: int = 0

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """Rows with a measured value; bool[n]."""
        return np.isfinite(self.value)

    @property
    def shown(self) -> Array:
        """Values, and limits in place of what lies beyond them; float64[n]."""
        return np.clip(self.value, self.lower, self.upper)

    @property
    def kinds(self) -> tuple[int, ...]:
        """Kinds of censoring by a limit, as positions in `KINDS`, that can occur."""
        sides = ((NONE, True), (LEFT, np.isfinite(self.lower).any()),
                 (RIGHT, np.isfinite(self.upper).any()))  # fmt: skip
        return tuple(kind for kind, there in sides if there)

    def reported(self, values: Array) -> tuple[Array, npt.NDArray[np.int64]]:
        """Report simulated values as the assay would.

        Parameters
        ----------
        values : float64[..., n]

        Returns
        -------
        float64[..., n]
            The limit in place of what lies beyond it.
        int64[..., n]
            Censoring, as position in `KINDS`.
        """
        low, high = values < self.lower, values > self.upper
        kind = np.where(low, LEFT, np.where(high, RIGHT, NONE)).astype(np.int64)
        return np.clip(values, self.lower, self.upper), kind

    def censored(self, values: Array) -> Array:
        """Censor simulated values as the data are: infinite beyond the limit of their row.

        Parameters
        ----------
        values : float64[..., n]

        Returns
        -------
        float64[..., n]
        """
        low = np.where(values < self.lower, -np.inf, values)
        return np.where(values > self.upper, np.inf, low)


def seen(problem: Problem, observed: Observed) -> Seen:
    """Find the limits of each row of an observable.

    Parameters
    ----------
    problem : Problem
    observed : Observed

    Returns
    -------
    Seen

    Notes
    -----
    Of a measured row the limit stated in its own columns ``lower`` and ``upper`` counts. Where
    there is none, it is the most frequent limit among the rows of the same observable, assay and
    source that does not contradict the measured value. An interval that begins at zero or below
    is a value below the limit at its end.
    """
    table = problem.data.observations.isel(row=observed.row)
    groups = pd.Series("", index=range(observed.row.size))
    for column in ("assay", "source"):
        if column in table:
            groups += "\n" + pd.Series(table[column].to_numpy()).astype(str)
    rows, kind = observed.rows, observed.rows.kind
    known_lower, known_upper = (table[c].to_numpy() * observed.scale for c in ("lower", "upper"))
    between = kind == BETWEEN
    value = np.where(between, _middle(rows.lower, rows.upper), rows.value)
    left = (kind == LEFT) | (between & (rows.lower <= 0))
    right = kind == RIGHT
    lower = np.where(between, np.where(left, rows.upper, np.nan), known_lower)
    upper = np.where(between, np.nan, known_upper)
    lower[kind == LEFT], upper[right] = rows.value[kind == LEFT], rows.value[right]
    measured = ~left & ~right
    lower[measured & (value < lower)] = upper[measured & (value > upper)] = np.nan
    below, first = _filled(lower, value, groups, measured)
    above, second = _filled(-upper, -value, groups, measured)
    marked = np.where(left, -np.inf, np.where(right, np.inf, value))
    return Seen(marked, below, -above, int((first | second).sum()))


def _middle(lower: Array, upper: Array) -> Array:
    """Middle of an interval: the geometric one where both ends are positive."""
    with np.errstate(invalid="ignore"):
        return np.where(lower > 0, np.sqrt(lower * upper), (lower + upper) / 2)


def _filled(
    limit: Array, value: Array, groups: pd.Series[str], measured: npt.NDArray[np.bool_]
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Lower limits with gaps filled from rows of the same group; and where that was done."""
    filled = limit.copy()
    for where in groups.groupby(groups).groups.values():
        at = np.asarray(where)
        known, counts = np.unique(limit[at][np.isfinite(limit[at])], return_counts=True)
        order = known[np.argsort(-counts, kind="stable")]
        for k in at[np.isnan(limit[at])]:
            fitting = order[order <= value[k]] if measured[k] else order
            filled[k] = fitting[0] if fitting.size else np.nan
    done = np.isnan(limit) & np.isfinite(filled)
    return np.where(np.isnan(filled), -np.inf, filled), done
