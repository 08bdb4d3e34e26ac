"""Rows of one observable from several assays or sources: an offset for each, or pooled knowingly.

Two assays of one cytokine differ by a factor that nobody knows. The first of them (that with most
rows) is the reference; every other has an offset, in the logarithm for errors that are relative
and in the unit of the observable for additive ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ...datasets.errors import InputError
from ...datasets.wording import counted, shown

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed
    from ..problem import Problem
    from .measurement import ErrorModel, Value

__all__ = [
    "COLUMNS",
    "NO_GROUPS",
    "UNSTATED",
    "Groups",
    "check_columns",
    "check_offsets",
    "chosen_by_row",
    "drawn",
    "group_rows",
    "labels_of",
    "measured",
    "members_of",
]

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

    def text(self, what: str = "offsets", beside: str = "from the reference") -> str:
        """Say it in words; empty when there is one group only."""
        if not self.labels:
            return self.pooled
        counts = np.bincount(self.member, minlength=len(self.labels))
        listed = [f"{n} ({counted(int(c), 'row')})"
                  for n, c in zip(self.labels, counts, strict=True)]  # fmt: skip
        also = f"; {self.pooled}" if self.pooled else ""
        return f"{what} of {self.by} {', '.join(listed[1:])} {beside} {listed[0]}{also}"


NO_GROUPS = Groups()


def check_offsets(given: Mapping[str, str | None], names: tuple[str, ...]) -> None:
    """Refuse offsets of observables that are not fitted, and by other columns."""
    check_columns("offsets", given, names, "; None pools all rows")


def check_columns(
    what: str, given: Mapping[str, str | None], names: tuple[str, ...], besides: str
) -> None:
    """Refuse groups of observables that are not fitted, and by other columns."""
    for name, column in given.items():
        if name not in names:
            raise InputError(
                f"{what} of {shown(name)}: there is no such observable in the fit. There are "
                f"{', '.join(names)}."
            )
        if column not in COLUMNS and (column is not None or not besides):
            raise InputError(
                f"{what} of {name}: {shown(str(column))} is not a column that can have them. "
                f"There are {', '.join(COLUMNS)}{besides}."
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
    found = {c: labels for c in COLUMNS if len(labels := labels_of(table, c)) > 1}
    column = given.get(name)
    if name not in given and found:
        raise InputError(_undecided(name, found, error))
    if column is None:
        return Groups(pooled=_pooled(found))
    if column not in found:
        only = ", ".join(labels_of(table, column)) or "none"
        raise InputError(
            f"offsets of {name}: its rows have one {column} only ({only}). Leave it out."
        )
    if not error.is_quantity:
        raise InputError(
            f"offsets of {name}: outcomes of different {column}s are different observables. Give "
            "each a name of its own in the data, or pool them with None."
        )
    labels = found.pop(column)
    return Groups(column, tuple(labels), members_of(table, column, labels), _pooled(found))


def members_of(table: xr.Dataset, column: str, labels: list[str]) -> Array:
    """Position of the label of each row; int64[row]."""
    values = table[column].to_numpy().astype(str)
    return np.array([labels.index(v or UNSTATED) for v in values], dtype=np.int64)


def labels_of(table: xr.Dataset, column: str) -> list[str]:
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


def chosen_by_row(values: Sequence[Value], member: Array) -> Value:
    """Give every row the value of its label.

    Parameters
    ----------
    values : sequence of float, float64[draw], or scalar tensors
        One for each label.
    member : int64[...]
        Position of the label.

    Returns
    -------
    array or TensorVariable
        Of the shape of ``member``, behind that of the values.

    Notes
    -----
    PyTensor would write an index into stacked scalars out, row by row: minutes of compilation for
    2000 rows. A choice between two for each label stays small.
    """
    if all(isinstance(v, np.ndarray | np.generic | float) for v in values):
        return np.stack(values, axis=-1)[..., member]
    found = values[0] + pt.zeros(member.shape)
    for k, value in enumerate(values[1:], start=1):
        found = pt.switch(pt.constant(member == k), value, found)
    return found


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
    at = observed.groups.member if member is None else member
    offset = chosen_by_row([np.zeros_like(others[0]), *others], at)
    return np.asarray(problem.errors[observed.name].shifted(f, offset))
