"""The subjects of an exposure-response fit: exposures, outcomes and coded covariates, aligned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .kinds import KINDS

__all__ = ["Design", "align", "kind_of", "one_scale"]

Array = npt.NDArray[Any]
Column = Any  # Series, DataArray, array or list, one value per subject; Study.outcome(...)


@dataclass(frozen=True, eq=False)
class Design:
    """What is known of each subject.

    Parameters
    ----------
    subjects : tuple of str
    x : float64[subject]
        Exposure: as given, or summarized from its draws.
    draws : float64[draw, subject] or None
        Posterior draws of the exposures, chains one after another.
    y : float64[subject]
        Outcome.
    terms : tuple of str
        Columns of ``z``: covariates, and levels of those that are texts (``race_Asian``).
    z : float64[subject, term]
        Centered.
    means : float64[term]
        What was taken away.
    left_out : int
        Subjects without exposure, outcome or a covariate.
    """

    subjects: tuple[str, ...]
    x: Array
    draws: Array | None
    y: Array
    terms: tuple[str, ...]
    z: Array
    means: Array
    left_out: int
    exposure_name: str
    outcome_name: str
    unit: str


def align(
    exposure: Column,
    outcome: Column,
    covariates: Mapping[str, Column] | pd.DataFrame | xr.Dataset | None,
) -> Design:
    """Join exposures, outcomes and covariates by subject, or by position where none is named.

    Raises
    ------
    InputError
        If lengths differ, or no subject has all of them.
    """
    draws = None
    if isinstance(outcome, xr.Dataset):
        name = "grade" if outcome.attrs.get("scale") else "outcome"
        outcome = outcome["value"].rename(name)
    if isinstance(exposure, xr.DataArray) and {"chain", "draw"} <= set(exposure.dims):
        draws = exposure.transpose("chain", "draw", "subject")
        exposure = exposure.median(("chain", "draw")).assign_attrs(exposure.attrs)
    columns = {"x": _series(exposure, "exposure"), "y": _series(outcome, "outcome")}
    given = {} if covariates is None else {str(n): v for n, v in covariates.items()}
    for name, values in given.items():
        columns[f"z:{name}"] = _series(values, str(name))
    table = _joined(columns)
    kept = table.notna().all(axis=1).to_numpy()
    if not kept.any():
        raise InputError("no subject has an exposure, an outcome and every covariate.")
    whole = table[kept]
    terms, z, means = _coded({str(n): whole[f"z:{n}"] for n in given}, len(whole))
    chosen = None
    if draws is not None:
        labels = [str(s) for s in draws["subject"].to_numpy()]
        place = [labels.index(str(s)) for s in whole.index]
        chosen = draws.to_numpy().reshape(-1, len(labels))[:, place].astype(np.float64)
    return Design(
        subjects=tuple(map(str, whole.index)),
        x=_numbers(whole["x"], "exposure"),
        draws=chosen,
        y=_numbers(whole["y"], "outcome"),
        terms=terms,
        z=z,
        means=means,
        left_out=int((~kept).sum()),
        exposure_name=str(getattr(exposure, "name", None) or "exposure"),
        outcome_name=str(getattr(outcome, "name", None) or "outcome"),
        unit=str(getattr(exposure, "attrs", {}).get("units", "")),
    )


def _series(values: Column, what: str) -> pd.Series[Any]:
    """One value per subject, with the labels of the subjects where there are any."""
    if isinstance(values, xr.DataArray):
        if values.dims != ("subject",):
            raise InputError(f"{what} has the dims {values.dims}, not (subject,).")
        return pd.Series(values.to_numpy(), [str(s) for s in values["subject"].to_numpy()])
    if isinstance(values, pd.Series):
        labels = None if isinstance(values.index, pd.RangeIndex) else list(map(str, values.index))
        return pd.Series(values.to_numpy(), labels)
    return pd.Series(np.asarray(values))


def _joined(columns: Mapping[str, pd.Series[Any]]) -> pd.DataFrame:
    """One table; by label where all columns have labels."""
    named = {k for k, c in columns.items() if not isinstance(c.index, pd.RangeIndex)}
    for name in named:
        if columns[name].index.has_duplicates:
            twice = columns[name].index[columns[name].index.duplicated()][0]
            raise InputError(f"subject {shown(str(twice))} occurs twice; give one row per subject.")
    sizes = {k: len(c) for k, c in columns.items()}
    if named == set(columns):
        return pd.DataFrame(dict(columns))
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{k.removeprefix('z:')} {n}" for k, n in sizes.items())
        raise InputError(f"numbers of subjects differ: {listed}.")
    labels = columns[min(named)].index if named else None
    if len({tuple(columns[k].index) for k in named}) > 1:
        raise InputError("some columns name their subjects, differently, and others do not.")
    table = pd.DataFrame({k: c.to_numpy() for k, c in columns.items()}, index=labels)
    return table if named else table.set_axis([str(k + 1) for k in range(len(table))])


def _coded(
    covariates: Mapping[str, pd.Series[Any]], count: int
) -> tuple[tuple[str, ...], Array, Array]:
    """Columns of numbers, centered; a text becomes one column per level but the first."""
    columns: dict[str, Any] = {}
    for name, values in covariates.items():
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            columns[name] = values.to_numpy(dtype=np.float64)
            continue
        levels = sorted(map(str, values.unique()))
        for level in levels[1:]:
            columns[f"{name}_{level}"] = (values.astype(str) == level).to_numpy(dtype=np.float64)
        if len(levels) == 1:
            columns[name] = np.zeros(len(values))
    for name, column in columns.items():
        if not np.ptp(column) > 0:
            raise InputError(f"covariate {name} is the same in all subjects; leave it out.")
    z = np.stack(list(columns.values()), axis=1) if columns else np.zeros((count, 0))
    means = z.mean(axis=0) if columns else np.zeros(0)
    return tuple(columns), z - means, means


def _numbers(values: pd.Series[Any], what: str) -> Array:
    try:
        found = values.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        bad = next(v for v in values if not isinstance(v, int | float | np.number))
        raise InputError(f"{what}: {shown(str(bad))} is not a number.") from None
    if not np.isfinite(found).all():
        raise InputError(f"{what}: values must be finite.")
    return found


def kind_of(y: Array, kind: str | None) -> str:
    """Kind of an outcome: as asked, checked, or as its values suggest."""
    whole = bool((y == np.round(y)).all()) and bool((y >= 0).all())
    if kind is None:
        levels = set(np.unique(y))
        kind = "binary" if levels <= {0.0, 1.0} else "ordinal" if whole and y.max() < 10 else None
        kind = kind or "continuous"
    if kind not in KINDS:
        raise InputError(f"no outcome is of kind {shown(kind)}; there are {', '.join(KINDS)}.")
    if kind == "binary" and not set(np.unique(y)) <= {0.0, 1.0}:
        raise InputError(
            "a binary outcome is 0 or 1; of grades take those at least k: outcome >= k, "
            "or kind='ordinal'."
        )
    if kind == "ordinal" and not whole:
        raise InputError("grades are whole numbers, 0 or higher.")
    if kind != "continuous" and np.unique(y).size < 2:
        raise InputError(
            f"all {y.size} outcomes are {y[0]:g}: exposure cannot be compared with anything."
        )
    return kind


def one_scale(scale: str | Sequence[str], outcome: Any) -> str:
    """Grading scale of the outcomes; grades of several scales are never pooled.

    Raises
    ------
    InputError
        If more than one scale is named.
    """
    own = str(getattr(outcome, "attrs", {}).get("scale", ""))
    named = (
        {own} if isinstance(scale, str) and not scale else {str(s) for s in np.atleast_1d(scale)}
    )
    if own:
        named.add(own)
    if len(named) > 1:
        raise InputError(
            f"outcomes are graded on {len(named)} scales ({', '.join(sorted(named))}), whose "
            "grades do not mean the same. Fit each scale for itself."
        )
    return named.pop()
