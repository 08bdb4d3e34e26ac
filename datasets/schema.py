"""The columns of a study, and what must hold in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import StudyError
from .wording import closest, shown

__all__ = ["CENSORING", "DOSES", "OBSERVATIONS", "conform", "doses", "observations"]

Mask = npt.NDArray[np.bool_]

CENSORING = ("none", "left", "right", "interval")

# Column: what it is when it is not given. None: it must be given.
OBSERVATIONS: dict[str, object] = {
    "subject": None,
    "time": None,
    "observable": None,
    "value": None,
    "lower": np.nan,
    "upper": np.nan,
    "censoring": "none",
    "sd": np.nan,
    "n": np.nan,
}
DOSES: dict[str, object] = {
    "subject": None,
    "time": None,
    "amount": None,
    "target": None,
    "duration": 0.0,
    "interval": 0.0,
    "count": 1,
    "unit": "",
}
TEXT = {"subject", "observable", "censoring", "target", "unit"}
WHOLE = {"count"}
LABELS = {"subject", "observable", "target"}  # text that must not be blank


def observations(table: pd.DataFrame) -> pd.DataFrame:
    """Check observations and bring them into the canonical columns and types.

    Parameters
    ----------
    table : DataFrame
        Columns of `OBSERVATIONS`; those with a default may be absent.

    Returns
    -------
    DataFrame
        All columns of `OBSERVATIONS`, in that order.

    Raises
    ------
    StudyError
        On the first rule that is broken, with the number of rows and the first one (from 0).
    """
    rows = conform(table, OBSERVATIONS, "observations")
    if not len(rows):
        raise StudyError("observations: there is no row.")
    censoring, value, lower, upper = (rows[c] for c in ("censoring", "value", "lower", "upper"))
    sd, n = rows["sd"], rows["n"]
    bounded = (censoring != "interval") | ((lower <= value) & (value <= upper) & (lower < upper))
    _all(np.isfinite(rows["time"]) & (rows["time"] >= 0), "time must be finite and not negative")
    _all(np.isfinite(value), "value must be finite")
    _all(censoring.isin(CENSORING), f"censoring must be one of {', '.join(CENSORING)}")
    _all(~np.isinf(lower) & ~np.isinf(upper), "a limit must be finite, or NaN for none")
    _all(~(lower >= upper), "lower must be below upper")
    _all(bounded, "an interval needs lower <= value <= upper, both limits given")
    _all(sd.isna() == n.isna(), "sd and n belong together: give both or neither")
    _all(sd.isna() | ((sd > 0) & np.isfinite(sd)), "sd must be finite and greater than 0")
    _all(n.isna() | ((n >= 2) & (n % 1 == 0)), "n must be a whole number, at least 2")
    _all(sd.isna() | (censoring == "none"), "a mean (a row with sd and n) cannot be censored")
    return rows


def doses(table: pd.DataFrame | None, subjects: Sequence[str]) -> pd.DataFrame:
    """Check doses and bring them into the canonical columns and types.

    Parameters
    ----------
    table : DataFrame or None
        Columns of `DOSES`; those with a default may be absent. None: no dose.
    subjects : sequence of str
        Subjects that have observations.

    Returns
    -------
    DataFrame
        All columns of `DOSES`, in that order.

    Raises
    ------
    StudyError
        On the first rule that is broken.
    """
    rows = conform(pd.DataFrame(columns=list(DOSES)) if table is None else table, DOSES, "doses")
    repeated = rows["count"] > 1
    for column in ("amount", "duration", "interval"):
        good = np.isfinite(rows[column]) & (rows[column] >= 0)
        _all(good, f"{column} must be finite and not negative", "doses")
    _all(np.isfinite(rows["time"]), "time must be finite", "doses")
    _all(rows["count"] >= 1, "count must be at least 1", "doses")
    _all(~repeated | (rows["interval"] > 0), "repeated doses need a positive interval", "doses")
    _all(rows["subject"].isin(subjects), "every dosed subject needs an observation", "doses")
    return rows


def conform(table: pd.DataFrame, columns: dict[str, object], what: str) -> pd.DataFrame:
    """Canonical columns, order and types; unknown or missing columns are refused."""
    if unknown := [str(c) for c in table.columns if c not in columns]:
        guess = closest(unknown[0], columns)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise StudyError(f"{what}: unknown column {shown(unknown[0])}.{hint}")
    if missing := [c for c, default in columns.items() if default is None and c not in table]:
        raise StudyError(f"{what}: column {missing[0]!r} is missing.")
    rows = pd.DataFrame(index=pd.RangeIndex(len(table)))
    for column, default in columns.items():
        given = table[column].to_numpy() if column in table else np.full(len(table), default)
        rows[column] = (
            _texts(given, column, what) if column in TEXT else _numbers(given, column, what)
        )
    return rows


def _texts(given: npt.ArrayLike, column: str, what: str) -> pd.Series[str]:
    """Text as plain Python strings; each different text is stored once."""
    codes, found = pd.factorize(np.asarray(given, dtype=object), use_na_sentinel=False)
    plain = ["" if pd.isna(f) else str(f) for f in found]
    if column in LABELS and any(not p.strip() for p in plain):
        raise StudyError(f"{what}: column {column!r} has a blank.")
    return pd.Series(np.array(plain, dtype=object)[codes], dtype=object)


def _numbers(given: npt.ArrayLike, column: str, what: str) -> pd.Series[float]:
    """Convert to float64, or int64 for counts."""
    if np.asarray(given).dtype.kind in "mM":
        raise StudyError(f"{what}: column {column!r} must hold numbers, not dates.")
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{what}: column {column!r} must hold numbers ({error}).") from error
    if column in WHOLE:
        if not (np.isfinite(numbers) & (numbers % 1 == 0)).all():
            raise StudyError(f"{what}: column {column!r} must hold whole numbers.")
        return pd.Series(numbers.astype(np.int64))
    return pd.Series(numbers)


def _all(good: pd.Series[bool], rule: str, what: str = "observations") -> None:
    """Raise with the rule unless it holds in every row."""
    if not good.all():
        bad = np.flatnonzero(~good.to_numpy())
        raise StudyError(f"{what}: {rule}; broken in {len(bad)} rows, first in row {bad[0]}.")
