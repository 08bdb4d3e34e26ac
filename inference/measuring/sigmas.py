"""Residual errors that differ between the assays or sources of one observable, where asked for.

The reference (the assay or source with most rows) keeps the names of the error model,
``<observable>_sigma``; every other has a parameter of its own for each spread,
``<observable>_sigma_<assay>``. Parameters that are no spreads, such as the power of a power error,
are shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ...datasets.errors import InputError
from .offsets import NO_GROUPS, Groups, check_columns, chosen_by_row, drawn, labels_of, members_of

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed
    from ..problem import Problem
    from .measurement import ErrorModel, Value

__all__ = [
    "check_sigmas",
    "residual_spreads",
    "sigma_by_row",
    "sigma_names",
    "sigma_rows",
    "sigma_settings",
    "spreads_at",
]

Array = npt.NDArray[Any]


def check_sigmas(given: Mapping[str, str], names: tuple[str, ...]) -> None:
    """Refuse residual errors of observables that are not fitted, and by other columns."""
    check_columns("sigmas", given, names, "")


def sigma_rows(table: xr.Dataset, name: str, error: ErrorModel, given: Mapping[str, str]) -> Groups:
    """Group the rows of one observable by their residual error.

    Parameters
    ----------
    table : Dataset, dim row
        Its rows.
    name : str
    error : ErrorModel
    given : mapping of observable to column

    Returns
    -------
    Groups

    Raises
    ------
    InputError
        If there is only one assay or source, or the error has no spread.
    """
    if name not in given:
        return NO_GROUPS
    column = given[name]
    if not error.spreads(name):
        raise InputError(
            f"sigmas of {name}: the error model {error.name} has no residual spread that could "
            f"differ between {column}s. Leave it out."
        )
    labels = labels_of(table, column)
    if len(labels) < 2:
        only = ", ".join(labels) or "none"
        raise InputError(
            f"sigmas of {name}: its rows have one {column} only ({only}). Leave it out."
        )
    return Groups(column, tuple(labels), members_of(table, column, labels))


def sigma_settings(error: ErrorModel, name: str, groups: Groups) -> dict[str, str]:
    """Parameters of an observable, each with the one of the error model whose settings it has.

    Returns
    -------
    dict of name to name
        First those of the error model, then for every label but the reference its spreads.
    """
    own = {n: n for n in error.parameters(name)}
    return own | {f"{n}_{label}": n for label in groups.labels[1:] for n in error.spreads(name)}


def sigma_names(error: ErrorModel, observed: Observed) -> tuple[str, ...]:
    """Parameters of the error of an observable, in the order of `sigma_settings`."""
    return tuple(sigma_settings(error, observed.name, observed.sigmas))


def sigma_by_row(
    error: ErrorModel, observed: Observed, values: Sequence[Value], member: Array | None = None
) -> tuple[Value, ...]:
    """Give every row the parameters of its own error.

    Parameters
    ----------
    error : ErrorModel
    observed : Observed
    values : sequence of float, float64[draw], or scalar tensors
        In the order of `sigma_names`.
    member : int64[...], optional
        Position in ``observed.sigmas.labels``; default: that of the rows.

    Returns
    -------
    tuple
        In the order of the parameters of the error model. What differs has the shape of
        ``member`` behind that of the value; all else is as it was given.
    """
    named = dict(zip(sigma_names(error, observed), values, strict=True))
    own, labels = error.parameters(observed.name), observed.sigmas.labels
    differing = error.spreads(observed.name) if labels else ()
    at = observed.sigmas.member if member is None else member
    found = []
    for name in own:
        if name not in differing:
            found.append(named[name])
            continue
        each = [named[name], *(named[f"{name}_{label}"] for label in labels[1:])]
        found.append(chosen_by_row(each, at))
    return tuple(found)


def residual_spreads(problem: Problem, observed: Observed, data: xr.Dataset) -> tuple[Array, ...]:
    """Draws of the parameters of an error; float64[chain * draw] each, as `sigma_names`."""
    names = sigma_names(problem.errors[observed.name], observed)
    return tuple(drawn(problem, data, name) for name in names)


def spreads_at(
    problem: Problem, observed: Observed, data: xr.Dataset, member: Array | None = None
) -> tuple[Array, ...]:
    """Draws of the parameters of the error of each row, in the order of the error model.

    Parameters
    ----------
    problem : Problem
    observed : Observed
    data : Dataset, dims chain, draw
    member : int64[...], optional
        Position in ``observed.sigmas.labels``; default: that of the rows.

    Returns
    -------
    tuple of float64[chain * draw, ...]
        Behind the first, dims of the shape of ``member`` where the error differs, else of
        length 1.
    """
    error, draws = problem.errors[observed.name], residual_spreads(problem, observed, data)
    dims = 1 if member is None else member.ndim
    found = sigma_by_row(error, observed, draws, member)
    return tuple(s if s.ndim > 1 else s.reshape(-1, *(1,) * dims) for s in found)
