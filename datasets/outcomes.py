"""Columns that hold a grade: outcomes of patients, each on a scale that is stated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .cells import read_numbers
from .covariates import Who
from .findings import Finding
from .grading import SCALES
from .request import Request
from .sheet import Sheet
from .units import conversion, split_unit
from .vocabulary import MISSING
from .wording import closest, counted, shown

__all__ = ["Outcomes", "outcome_columns", "read_outcomes"]

FILLING = {"grade", "grades", "max", "maximum", "maximal", "highest", "worst", "peak"}
ONSET = "onset"
LIKE = {"grade", "crs", "icans"}  # of a header that may be one of grades
YES = 1  # a value above it is a grade, which means something on its scale alone


@dataclass
class Outcomes:
    """What the columns of outcomes hold.

    Parameters
    ----------
    table : DataFrame or None
        Node ``outcomes`` of a study: one row per subject and column.
    places : list of int
        Positions of the columns, those of onsets included.
    steps : list of str
        What was taken for what.
    findings : list of Finding
    """

    table: pd.DataFrame | None = None
    places: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where one outcome stands.

    Parameters
    ----------
    name, scale : str
        Such as "crs" and "ASTCT"; "" where no scale is stated.
    place : int
        Position of its column.
    """

    name: str
    scale: str
    place: int


def outcome_columns(sheet: Sheet, request: Request) -> Outcomes:
    """Find the columns that hold outcomes, and those of their onsets.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    Outcomes
        Without a table: positions, and what is wrong with the names.
    """
    found = Outcomes()
    for one in _places(sheet, request, found.findings):
        found.places += [one.place, *_onset(sheet, one.name)]
    return found


def read_outcomes(sheet: Sheet, request: Request, who: Who, time_unit: str) -> Outcomes:
    """Read the outcomes of the subjects.

    Parameters
    ----------
    sheet : Sheet
    request : Request
    who : Who
        Rows that may carry them.
    time_unit : str
        Of the study, which onsets are converted to.

    Returns
    -------
    Outcomes
        A grade that is the same in all rows of each subject is the grade. One that changes is a
        grade day by day: the highest counts, its onset is the first time of grade 1 or more.
    """
    found = Outcomes()
    parts = []
    for one in _places(sheet, request, found.findings):
        onset = _onset(sheet, one.name)
        found.places += [one.place, *onset]
        rows = _graded(sheet, one, who, found)
        if rows is None:
            continue
        for place in onset:
            times = _times(sheet, place, who, time_unit, found.findings)
            rows["time"] = rows["subject"].map(times).where(rows["value"] > 0)
        parts.append(rows)
    found.table = pd.concat(parts, ignore_index=True) if parts else None
    found.steps += _unnamed(sheet, found.places)
    return found


def _unnamed(sheet: Sheet, taken: list[int]) -> list[str]:
    """Say which other columns may be grades, whose scale nobody states."""
    words = {k: set(re.split(r"[\W_]+", h.casefold())) for k, h in enumerate(sheet.header)}
    alike = [k for k, w in words.items() if k not in taken and w & LIKE]
    return [
        f"{shown(sheet.header[k], 30)} is no outcome, since it states no scale: if it is a grade, "
        "call it 'crs (ASTCT)' or the like"
        for k in alike
    ]


def _places(sheet: Sheet, request: Request, findings: list[Finding]) -> list[Place]:
    """Columns that the user named, then those that state a scale in brackets."""
    found: list[Place] = []
    line = [sheet.header_line]
    titles = [name.casefold() for name in sheet.header]
    for name, written in request.outcomes.items():
        column, scale = split_unit(written)
        at = [k for k, t in enumerate(titles) if t in (written.casefold(), column.casefold())]
        if at:
            found.append(Place(name, scale or split_unit(sheet.header[at[0]])[1], at[0]))
        elif not request.patients:
            guess = closest(column, sheet.header)
            remedy = f"Did you mean {shown(guess)}? " if guess else ""
            listed = ", ".join(shown(h, 20) for h in sheet.header[:8])
            message = f"outcomes={{...}} gives {shown(column)} for {name!r}, which is no column."
            findings.append(Finding(message, f"{remedy}In the file: {listed}.", rows=line))
    taken = {one.place for one in found}
    for k, header in enumerate(sheet.header):
        title, unit = split_unit(header)
        scale = next((s for s in SCALES if unit.casefold().split(" ")[0] == s.casefold()), "")
        if k in taken or not scale:
            continue
        words = [w for w in re.split(r"[\W_]+", title.casefold()) if w and w not in FILLING]
        if words:
            scale = " ".join([scale, *unit.split()[1:]])
            found.append(Place("_".join(words), scale, k))
        else:
            remedy = "Write it into the header, as in 'crs (ASTCT)' or 'ICANS grade (ASTCT)'."
            findings.append(Finding("does not say of what it is a grade.", remedy, header, line))
    return found


def _onset(sheet: Sheet, name: str) -> list[int]:
    """Position of the column of onsets, such as ``crs onset (d)``, in a list that may be empty."""
    plain = [re.split(r"[\W_]+", split_unit(h)[0].casefold()) for h in sheet.header]
    return [k for k, words in enumerate(plain) if words == [*name.split("_"), ONSET]][:1]


def _graded(sheet: Sheet, one: Place, who: Who, found: Outcomes) -> pd.DataFrame | None:
    """One row per subject with a grade."""
    column = sheet.columns[one.place]
    values, _ = read_numbers(column.texts)
    blank = np.array([t.strip().casefold() in MISSING for t in column.texts], np.bool_)
    good = np.isfinite(values) & (values >= 0) & (values == np.round(values))
    bad = ~(good | blank)[column.codes[who.at]]
    if bad.any():
        at = who.at[bad].tolist()
        remedy = "Write 0, 1, 2, ..., or leave the cell empty where it is not known."
        lines = [int(sheet.rows[k]) for k in at]
        found.findings.append(Finding("is no grade.", remedy, column.name, lines, column.at(at)))
        return None
    rows = pd.DataFrame(
        {
            "subject": np.array(who.names, dtype=object)[who.subject],
            "time": who.time,
            "value": values[column.codes[who.at]],
        }
    ).dropna(subset="value")
    if rows["value"].gt(YES).any() and not one.scale:
        remedy = (
            f"Name it in brackets, as in '{one.name} (ASTCT)': {', '.join(SCALES)}, or another."
        )
        message = "holds grades above 1, and no scale is stated."
        line = [sheet.header_line]
        found.findings.append(Finding(message, remedy, column.name, line))
        return None
    return _per_subject(rows, one, column.name, found)


def _per_subject(rows: pd.DataFrame, one: Place, title: str, found: Outcomes) -> pd.DataFrame:
    groups = rows.groupby("subject", sort=False)
    worst = groups["value"].max()
    ill = rows[rows["value"] > 0].groupby("subject", sort=False)["time"].min()
    daily = bool((groups["value"].nunique() > 1).any())
    how = "highest of each subject, onset at the first of 1 or more" if daily else "as it stands"
    label = f"{one.name} ({one.scale})" if one.scale else one.name
    found.steps.append(f"{shown(title, 30)} is the outcome {label} of "
                       f"{counted(len(worst), 'subject')}: {how}")  # fmt: skip
    return pd.DataFrame(
        {
            "subject": worst.index,
            "outcome": one.name,
            "value": worst.to_numpy(),
            "scale": one.scale,
            "time": ill.reindex(worst.index).to_numpy() if daily else np.nan,
        }
    )


def _times(
    sheet: Sheet, place: int, who: Who, time_unit: str, findings: list[Finding]
) -> Mapping[str, float]:
    """Onset of each subject, in the unit of the study."""
    column = sheet.columns[place]
    unit = split_unit(column.name)[1]
    scale, reason = conversion(unit, time_unit) if unit and unit != time_unit else (1.0, "")
    values, readable = read_numbers(column.texts)
    if reason or not readable:
        message = f"is an onset, but {reason or 'holds what is no number'}."
        remedy = f"Write times in {time_unit or 'the unit of the others'}, nothing where none was."
        findings.append(Finding(message, remedy, column.name, [sheet.header_line]))
    onset = pd.Series(
        values[column.codes[who.at]] * scale, np.array(who.names, dtype=object)[who.subject]
    ).dropna()
    return {str(k): float(v) for k, v in onset.groupby(level=0).min().items()}
