"""The columns of a study, and what must hold in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import StudyError
from .vocabulary import GIVEN, QUARTILES
from .wording import closest, shown

__all__ = [
    "CENSORING",
    "COVARIATES",
    "DOSES",
    "OBSERVATIONS",
    "OUTCOMES",
    "conform",
    "covariates",
    "doses",
    "observations",
    "outcomes",
]

CENSORING = ("none", "left", "right", "interval")
KINDS = ("dose", "reset", "reset_dose")

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
    "q1": np.nan,
    "q3": np.nan,
    "occasion": "",
    "assay": "",
    "source": "",
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
    "rate": 0.0,
    "steady_state": 0,
    "kind": "dose",
}
COVARIATES: dict[str, object] = {
    "subject": None,
    "name": None,
    "value": np.nan,
    "text": "",
    "time": np.nan,
    "unit": "",
}
OUTCOMES: dict[str, object] = {
    "subject": None,
    "outcome": None,
    "value": np.nan,
    "text": "",
    "scale": "",
    "time": np.nan,
    "unit": "",
}
TEXT = {"subject", "observable", "censoring", "target", "unit", "kind", "name", "text"}
TEXT |= {"outcome", "scale", *GIVEN}
WHOLE = {"count", "steady_state"}
LABELS = {"subject", "observable", "name", "outcome"}  # text that must not be blank


def observations(table: pd.DataFrame) -> pd.DataFrame:
    """Check observations and bring them into the canonical columns and types.

    Parameters
    ----------
    table : DataFrame
        Columns of `OBSERVATIONS`; those with a default may be absent.

    Returns
    -------
    DataFrame
        All columns of `OBSERVATIONS`, in that order; those of `GIVEN` and
        `QUARTILES` only if one has an entry.

    Raises
    ------
    StudyError
        On the first rule that is broken, with the number of rows and the first one (from 0).
    """
    rows = conform(table, OBSERVATIONS, "observations")
    if not len(rows):
        raise StudyError("observations: there is no row.")
    censoring, value, lower, upper = (rows[c] for c in ("censoring", "value", "lower", "upper"))
    sd, n, q1, q3 = rows["sd"], rows["n"], rows["q1"], rows["q3"]
    bounded = (censoring != "interval") | ((lower <= value) & (value <= upper) & (lower < upper))
    _all(np.isfinite(rows["time"]) & (rows["time"] >= 0), "time must be finite and not negative")
    _all(np.isfinite(value), "value must be finite")
    _all(censoring.isin(CENSORING), f"censoring must be one of {', '.join(CENSORING)}")
    _all(~np.isinf(lower) & ~np.isinf(upper), "a limit must be finite, or NaN for none")
    _all(~(lower >= upper), "lower must be below upper")
    _all(bounded, "an interval needs lower <= value <= upper, both limits given")
    spread = sd.notna() | q1.notna()
    _all(spread == n.notna(), "sd and n belong together, or q1, q3 and n: give all of them or none")
    _all(q1.isna() == q3.isna(), "q1 and q3 belong together: give both or neither")
    _all(sd.isna() | q1.isna(), "sd belongs to a mean, q1 and q3 to a median: not both in a row")
    _all(
        q1.isna() | ((q1 <= value) & (value <= q3) & (q1 < q3) & np.isfinite(q3 - q1)),
        "a median lies between its quartiles: q1 <= value <= q3, q1 < q3",
    )
    _all(sd.isna() | ((sd > 0) & np.isfinite(sd)), "sd must be finite and greater than 0")
    _all(n.isna() | ((n >= 2) & (n % 1 == 0)), "n must be a whole number, at least 2")
    _all(n.isna() | (censoring == "none"), "a mean or median (a row with n) cannot be censored")
    empty = [c for c in GIVEN if not (rows[c] != "").any()]
    return rows.drop(columns=[*empty, *(c for c in QUARTILES if rows[c].isna().all())])


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
    count, rate, steady = rows["count"], rows["rate"], rows["steady_state"]
    gives = rows["kind"] != "reset"
    for column in ("amount", "duration", "interval"):
        good = np.isfinite(rows[column]) & (rows[column] >= 0)
        _all(good, f"{column} must be finite and not negative", "doses")
    rules = {
        "time must be finite": np.isfinite(rows["time"]),
        "count must be at least 1": count >= 1,
        "repeated doses need a positive interval": (count == 1) | (rows["interval"] > 0),
        f"kind must be one of {', '.join(KINDS)}": rows["kind"].isin(KINDS),
        "column 'target' has a blank": ~gives | (rows["target"].str.strip() != ""),
        "rate must be positive, 0 (none), -1 (a parameter), or -2 (the duration is a parameter)": (
            np.isfinite(rate) & (rate >= 0) | rate.isin([-1, -2])
        ),
        "rate and duration cannot both be given": (rate == 0) | (rows["duration"] == 0),
        "steady_state must be 0, 1 or 2": steady.isin([0, 1, 2]),
        "a steady state needs an interval, or a rate without an amount": (
            (steady == 0) | (rows["interval"] > 0) | ((rate != 0) & (rows["amount"] == 0))
        ),
        "every dosed subject needs an observation": rows["subject"].isin(subjects),
    }
    for rule, good in rules.items():
        _all(good, rule, "doses")
    return rows


def covariates(table: pd.DataFrame | None, subjects: Sequence[str]) -> pd.DataFrame:
    """Check covariates and bring them into the canonical columns and types.

    Parameters
    ----------
    table : DataFrame or None
        Columns of `COVARIATES`; those with a default may be absent. A ``value`` that is text
        becomes ``text``. None: no covariate.
    subjects : sequence of str
        Subjects that have observations.

    Returns
    -------
    DataFrame
        All columns of `COVARIATES`, in that order.

    Raises
    ------
    StudyError
        On the first rule that is broken.
    """
    rows = _valued(table, COVARIATES, "covariates", subjects)
    name, fixed = rows["name"], rows["time"].isna()
    _all(name != "subject", "a covariate cannot be called 'subject'", "covariates")
    repeated = rows.duplicated(["subject", "name", "time"])
    _all(~repeated, "a subject has two values of one covariate at one time", "covariates")
    both = name.isin(set(name[fixed]) & set(name[~fixed]))
    _all(~both, "a covariate is fixed (no time) or varies (a time in every row)", "covariates")
    first = rows.groupby("name", sort=False)["unit"].transform("first")
    _all(rows["unit"] == first, "a covariate has one unit", "covariates")
    return rows


def outcomes(table: pd.DataFrame | None, subjects: Sequence[str]) -> pd.DataFrame:
    """Check outcomes and bring them into the canonical columns and types.

    Parameters
    ----------
    table : DataFrame or None
        Columns of `OUTCOMES`; those with a default may be absent. A ``value`` that is text becomes
        ``text``. None: no outcome.
    subjects : sequence of str
        Subjects that have observations.

    Returns
    -------
    DataFrame
        All columns of `OUTCOMES`, in that order.

    Raises
    ------
    StudyError
        On the first rule that is broken.
    """
    rows = _valued(table, OUTCOMES, "outcomes", subjects)
    repeated = rows.duplicated(["subject", "outcome", "scale"])
    _all(~repeated, "a subject has two values of one outcome on one scale", "outcomes")
    return rows


def _valued(
    table: pd.DataFrame | None, columns: dict[str, object], what: str, subjects: Sequence[str]
) -> pd.DataFrame:
    """Rows with a number in ``value`` or a text in ``text``, and a time or none."""
    given = pd.DataFrame(columns=list(columns)) if table is None else table
    if "value" in given and given["value"].dtype.kind not in "fiub":
        number = pd.to_numeric(given["value"], errors="coerce")
        words = given["value"].where(number.isna() & given["value"].notna(), "").astype(object)
        old = given.get("text", "")
        given = given.assign(value=number, text=np.where(words != "", words, old))
    rows = conform(given, columns, what)
    filled = np.isfinite(rows["value"]) != (rows["text"].str.strip() != "")
    _all(filled, "each row needs a finite value or a text", what)
    _all(~np.isinf(rows["time"]), "time must be finite, or NaN for none", what)
    _all(rows["subject"].isin(subjects), "every subject needs an observation", what)
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
