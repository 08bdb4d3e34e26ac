"""Rows of one observable from several assays or sources: an offset for each, or pooled knowingly.

Two assays of one cytokine differ by a factor that nobody knows. The first of them (that with most
rows) is the reference; every other has an offset, in the logarithm for errors that are relative
and in the unit of the observable for additive ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import counted, shown

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed
    from ..problem import Problem
    from .measurement import ErrorModel

__all__ = ["COLUMNS", "NO_GROUPS", "Groups", "check_offsets", "drawn", "group_rows", "measured"]

Array = npt.NDArray[Any]
COLUMNS = ("assay", "source")
UNSTATED = "unstated"


@dataclass(frozen=True, eq=False)
class Groups:
    """Which assay or source each row of an observable has.

    Parameters
    ----------
    by : str
        "assay" or "source"; "" when all rows count alike.
    labels : tuple of str
        The reference first.
    member : int64[n]
        Position of each row's label.
    pooled : str
        What was pooled knowingly, in words.
    """

    by: str = ""
    labels: tuple[str, ...] = ()
    member: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    pooled: str = ""

    def names(self, observable: str) -> tuple[str, ...]:
        """Parameters: the offset of every label but the reference."""
        return tuple(f"{observable}_offset_{label}" for label in self.labels[1:])

    def at(self, rows: Array) -> Groups:
        """Keep some rows, by position."""
        member = self.member[rows] if self.labels else self.member
        return Groups(self.by, self.labels, member, self.pooled)

    @property
    def text(self) -> str:
        """Say it in words; empty when there is one group only."""
        if not self.labels:
            return self.pooled
        counts = np.bincount(self.member, minlength=len(self.labels))
        listed = [f"{n} ({counted(int(c), 'row')})"
                  for n, c in zip(self.labels, counts, strict=True)]  # fmt: skip
        also = f"; {self.pooled}" if self.pooled else ""
        return f"offsets of {self.by} {', '.join(listed[1:])} from the reference {listed[0]}{also}"


NO_GROUPS = Groups()


def check_offsets(given: Mapping[str, str | None], names: tuple[str, ...]) -> None:
    """Refuse offsets of observables that are not fitted, and by other columns."""
    for name, column in given.items():
        if name not in names:
            raise InputError(
                f"offsets of {shown(name)}: there is no such observable in the fit. There are "
                f"{', '.join(names)}."
            )
        if column is not None and column not in COLUMNS:
            raise InputError(
                f"offsets of {name}: {shown(str(column))} is not a column that can have them. "
                f"There are {', '.join(COLUMNS)}; None pools all rows."
            )


def group_rows(
    table: xr.Dataset, name: str, error: ErrorModel, given: Mapping[str, str | None]
) -> Groups:
    """Group the rows of one observable.

    Parameters
    ----------
    table : Dataset, dim row
        Its rows.
    name : str
    error : ErrorModel
    given : mapping of observable to column, or None to pool

    Returns
    -------
    Groups

    Raises
    ------
    InputError
        If there are several assays or sources and nothing was said about them, or there is only
        one where offsets are asked for.
    """
    found = {c: labels for c in COLUMNS if len(labels := _labels(table, c)) > 1}
    column = given.get(name)
    if name not in given and found:
        raise InputError(_undecided(name, found, error))
    if column is None:
        return Groups(pooled=_pooled(found))
    if column not in found:
        only = ", ".join(_labels(table, column)) or "none"
        raise InputError(
            f"offsets of {name}: its rows have one {column} only ({only}). Leave it out."
        )
    if not error.is_quantity:
        raise InputError(
            f"offsets of {name}: outcomes of different {column}s are different observables. Give "
            "each a name of its own in the data, or pool them with None."
        )
    labels = found.pop(column)
    values = table[column].to_numpy().astype(str)
    member = np.array([labels.index(v or UNSTATED) for v in values], dtype=np.int64)
    return Groups(column, tuple(labels), member, _pooled(found))


def _labels(table: xr.Dataset, column: str) -> list[str]:
    """Distinct entries of a column, that with most rows first."""
    if column not in table:
        return []
    values, first, counts = np.unique(
        table[column].to_numpy().astype(str), return_index=True, return_counts=True
    )
    return [str(values[k]) or UNSTATED for k in np.lexsort((first, -counts))]


def _undecided(name: str, found: Mapping[str, list[str]], error: ErrorModel) -> str:
    column, labels = next(iter(found.items()))
    remedy = f"Give each an offset with offsets={{{name!r}: {column!r}}}, or pool"
    if not error.is_quantity:
        remedy = "Give each a name of its own in the data, or pool"
    return (
        f"{name} comes from {len(labels)} {column}s ({', '.join(labels)}), which are not pooled in "
        f"silence. {remedy} them knowingly with offsets={{{name!r}: None}}."
    )


def _pooled(found: Mapping[str, list[str]]) -> str:
    parts = [f"{c}s {', '.join(labels)} pooled" for c, labels in found.items()]
    return "; ".join(parts)


def drawn(problem: Problem, data: xr.Dataset, name: str) -> Array:
    """Draws of a parameter of measurement, or its fixed value; float64[chain * draw]."""
    if name in problem.fixed:
        return np.full(data.sizes["chain"] * data.sizes["draw"], problem.fixed[name])
    return np.asarray(data[name].transpose("chain", "draw").to_numpy()).reshape(-1)


def measured(
    problem: Problem, observed: Observed, f: Array, data: xr.Dataset, member: Array | None = None
) -> Array:
    """Move the model's values to the assay by which each row was measured.

    Parameters
    ----------
    problem : Problem
    observed : Observed
    f : float64[draw, ...]
        In the order of chains, then draws.
    data : Dataset, dims chain, draw
        With the offsets.
    member : int64[...], optional
        Position in `Groups.labels`, of the shape of ``f`` without its first dim; default: that of
        the rows.

    Returns
    -------
    float64[draw, ...]
    """
    names = observed.groups.names(observed.name)
    if not names:
        return f
    others = [drawn(problem, data, n) for n in names]
    table = np.stack([np.zeros_like(others[0]), *others], axis=1)
    offset = table[:, observed.groups.member if member is None else member]
    return np.asarray(problem.errors[observed.name].shifted(f, offset))
