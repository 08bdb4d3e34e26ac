"""Parts of a study: its fixed covariates, one outcome on one scale, some of its rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from .errors import StudyError
from .wording import closest, counted, shown

__all__ = ["chosen_rows", "fixed_covariates", "one_outcome"]


def fixed_covariates(table: pd.DataFrame, subjects: Sequence[str]) -> xr.Dataset:
    """Arrange the covariates that do not change by subject.

    Parameters
    ----------
    table : DataFrame
        Node ``covariates`` of a study.
    subjects : sequence of str

    Returns
    -------
    Dataset, dim ``subject``
        One variable per covariate; NaN, or "" among texts, where a subject has none.
    """
    rows = table[table["time"].isna()]
    data = xr.Dataset(coords={"subject": np.array(subjects, dtype=object)})
    for name, part in rows.groupby("name", sort=False):
        column: pd.Series[float] | pd.Series[str] = part["value"]
        words = bool((part["text"] != "").any())
        if words:
            column = part["text"].where(part["text"] != "", part["value"].map("{:g}".format))
        series = column.set_axis(part["subject"])
        series = series.reindex(list(subjects), fill_value="" if words else np.nan)
        attributes = {"units": str(part["unit"].iloc[0])}
        data[str(name)] = ("subject", series.to_numpy(), attributes)
    return data


def one_outcome(table: pd.DataFrame, name: str, scale: str | None, time_unit: str) -> xr.Dataset:
    """Take one outcome on one scale, as `Study.outcome` describes it.

    Parameters
    ----------
    table : DataFrame
        Node ``outcomes`` of a study.
    name : str
    scale : str, optional
    time_unit : str

    Returns
    -------
    Dataset, dim ``subject``

    Raises
    ------
    StudyError
        If the outcome or scale is unknown, or there are several scales and none is named.
    """
    rows = table[table["outcome"] == name]
    if rows.empty:
        known = [str(o) for o in pd.unique(table["outcome"])]
        guess = closest(name, known)
        hint = f" Did you mean {guess!r}?" if guess else ""
        have = f"There are {', '.join(known)}." if known else "The study has none."
        raise StudyError(f"no outcome is called {shown(name)}.{hint} {have}")
    scales = [str(s) for s in pd.unique(rows["scale"])]
    listed = ", ".join(s or '""' for s in scales)
    if scale is None and len(scales) > 1:
        raise StudyError(
            f"outcome {shown(name)} is given on {len(scales)} scales ({listed}), whose grades do "
            f"not mean the same. Name one: outcome({name!r}, scale={scales[0]!r})."
        )
    chosen = scales[0] if scale is None else scale
    if chosen not in scales:
        raise StudyError(
            f"outcome {shown(name)} is not given on the scale {shown(chosen)}, but on {listed}."
        )
    rows = rows[rows["scale"] == chosen]
    data = xr.Dataset(coords={"subject": rows["subject"].to_numpy()}, attrs={"scale": chosen})
    for column in ("value", "text", "time"):
        data[column] = ("subject", rows[column].to_numpy())
    data["time"].attrs["units"] = time_unit
    return data


def chosen_rows(
    rows: pd.DataFrame, observables: Sequence[str] | None, subjects: Sequence[str] | None
) -> tuple[pd.Series[bool], str]:
    """Find the observations of some observables and subjects.

    Parameters
    ----------
    rows : DataFrame
        Node ``observations`` of a study.
    observables, subjects : sequence of str, optional
        None: all.

    Returns
    -------
    mask, sentence
        Rows to keep, and what was done, for the provenance.

    Raises
    ------
    StudyError
        If a name is unknown.
    """
    kept = pd.Series(True, index=rows.index)
    words = []
    for column, asked in (("observable", observables), ("subject", subjects)):
        if asked is None:
            continue
        names = {asked} if isinstance(asked, str) else {str(a) for a in asked}
        known = [str(k) for k in pd.unique(rows[column])]
        if strange := sorted(names.difference(known)):
            guess = closest(strange[0], known)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise StudyError(f"there is no {column} {shown(strange[0])}.{hint}")
        kept &= rows[column].isin(names)
        words.append(f"{len(names)} of {counted(len(known), column)}")
    what = " and ".join(words) or "everything"
    return kept, f"selected {what}: {int(kept.sum())} of {counted(len(rows), 'row')} kept"
