"""Loader of collected CAR-T kinetics (Liu et al.): a csv file of the user becomes a Study.

Liu L, Ma C, Zhang Z, Chen W, medRxiv 2021.09.21.21263913, later J Immunother Cancer 2022;10(12).
The licence of the series is unclear, so there is neither a copy nor a download. The layout below is
that of this package; the original has to be brought into it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .copies import clipped, read_source
from .errors import InputError
from .study import Study
from .wording import counted, shown

__all__ = ["read"]

NAME = "liu-2022"
PATIENTS, POINTS = 32, 327  # as collected by the authors
COLUMNS = ["patient", "day", "car"]


def read(
    path: str | Path | None = None, *, unit: str = "copies/ug", lower: float | None = None
) -> Study:
    """Read a csv file with the series.

    Parameters
    ----------
    path : str or Path
        A csv file with the columns ``patient``, ``day`` [d after the infusion] and ``car``, and
        perhaps ``response`` (text, one per patient).
    unit : str
        Unit of ``car``: never mix assays in one likelihood without an offset.
    lower : float, optional
        Limit of detection [unit]. Zeros and values at or below it become left-censored at it.

    Returns
    -------
    Study
        Observable CAR; the response as an outcome.

    Raises
    ------
    InputError
        If there is no such file, a cell is no number, or there are zeros and no limit.
    """
    if path is None or not Path(path).is_file():
        raise InputError(f"{NAME} cannot be downloaded: give path=, a csv file of yours.")
    file = Path(path)
    source = read_source(file, COLUMNS, optional=["response"])
    rows = _numbers(source.rows, file.name)
    measured = rows.dropna(subset=["time", "value"])
    if lower is None and (zeros := int((measured["value"] <= 0).sum())):
        raise InputError(
            f"{file.name}: {counted(zeros, 'value')} not above 0, which means below detection. "
            "Give lower=, the limit of the assay; they become left-censored."
        )
    limit = {} if lower is None else {"lower": lower, "source": "limit given by the user"}
    kept, done = clipped(measured, "CAR", limit)
    steps = [f"{counted(len(rows) - len(kept), 'row')} without a value left out", *done]
    patients = kept["subject"].nunique()
    if (patients, len(kept)) != (PATIENTS, POINTS):
        found = f"{counted(patients, 'patient')} and {counted(len(kept), 'point')}"
        steps.append(f"{found}; the authors collected {PATIENTS} and {POINTS}")
    return Study(
        kept[["subject", "time", "observable", "value", "censoring"]],
        name=NAME,
        units={"CAR": unit},
        time_unit="d",
        outcomes=_responses(kept) if "response" in kept else None,
        provenance=[source.provenance(NAME, len(kept), steps)],
    )


def _numbers(given: pd.DataFrame, file: str) -> pd.DataFrame:
    """Rows with our names, times and values as numbers."""
    rows = given.rename(columns={"patient": "subject", "day": "time", "car": "value"})
    for column in ("time", "value"):
        number = pd.to_numeric(rows[column], errors="coerce")
        if (wrong := number.isna() & rows[column].notna()).any():
            raise InputError(f"{file}: {shown(rows.loc[wrong, column].iloc[0])} is no number.")
        rows[column] = number.astype(float)
    return rows.assign(observable="CAR")


def _responses(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per patient whose response is stated."""
    each = rows[["subject", "response"]].dropna().drop_duplicates()
    if each["subject"].duplicated().any():
        name = each.loc[each["subject"].duplicated(), "subject"].iloc[0]
        raise InputError(f"{NAME}: patient {shown(name)} has two responses.")
    return each.rename(columns={"response": "value"}).assign(outcome="response")
