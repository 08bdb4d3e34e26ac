"""A second file with a row per patient: covariates and outcomes of the subjects measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .cells import read_cells
from .covariates import Who
from .files import read_bytes
from .findings import Finding, TableError
from .header import lay_out
from .provenance import Provenance
from .reading import Reading
from .request import Request
from .rules import Table
from .sheet import Sheet, split
from .subjects import read_subjects
from .tidy import apply_time_unit
from .vocabulary import COLUMNS, GIVEN
from .wording import counted, shown
from .workbook import is_binary, open_binary

__all__ = ["Patients", "join_patients", "read_patients"]

KNOWN = ("subject", "time")


@dataclass(frozen=True)
class Patients:
    """What a file says about patients.

    Parameters
    ----------
    covariates, outcomes : DataFrame or None
        As in a study, also of patients without measurements.
    subjects : tuple of str
    record : Provenance
    """

    covariates: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    subjects: tuple[str, ...]
    record: Provenance


def read_patients(path: str | Path, request: Request, time_unit: str) -> Patients:
    """Read a file with a row per patient, or with one per patient and time.

    Parameters
    ----------
    path : str or Path
        csv, xlsx or parquet; needs the column ``subject``.
    request : Request
        Of the measurements: the name of the column ``subject``, and the outcomes.
    time_unit : str
        Of the study.

    Returns
    -------
    Patients

    Raises
    ------
    TableError
        If anything is wrong with it.
    """
    sheet = _open(path, request)
    own = {k: v for k, v in request.columns.items() if k in KNOWN and v in sheet.header}
    layout = lay_out(sheet, own, KNOWN, ("subject",))
    cells = read_cells(sheet, layout.places, required=("subject",))
    findings = [*sheet.findings, *layout.findings, *cells.findings]
    if findings:
        raise TableError(str(path), findings, sheet.rows_read)
    names = {ours: sheet.header[place] for ours, place in layout.places.items()}
    table = Table(names, np.asarray(sheet.rows, dtype=np.int64), cells)
    asked = replace(request, time_unit=time_unit)
    _, told_time, problem = apply_time_unit(table, layout, asked)
    codes, subjects = cells.labels["subject"]
    time = cells.numbers.get("time", np.zeros(len(codes)))
    who = Who(np.arange(len(codes)), codes, subjects, time)
    found = read_subjects(sheet, layout.rest, replace(request, patients=""), who, time_unit)
    if findings := [*problem, *found.findings]:
        raise TableError(str(path), findings, sheet.rows_read)
    steps = (*told_time, *found.steps)
    known = tuple(subjects[k] for k in sorted(set(codes.tolist())))
    record = Provenance(file=str(path), sha256=sheet.sha256, steps=steps)
    return Patients(found.covariates, found.outcomes, known, record)


def join_patients(reading: Reading, patients: Patients) -> tuple[Reading, Provenance]:
    """Add what is known of the patients to their measurements.

    Parameters
    ----------
    reading : Reading
    patients : Patients

    Returns
    -------
    reading, record
        The record says who is in one of the two files only.

    Raises
    ------
    TableError
        If nobody is in both, or one thing is stated by both.
    """
    measured = list(dict.fromkeys(reading.rows["subject"]))
    both = [s for s in measured if s in set(patients.subjects)]
    file = patients.record.file
    if not both:
        message = (
            f"no patient of it is measured: {', '.join(shown(s) for s in patients.subjects[:4])}."
        )
        remedy = f"Subjects of the measurements: {', '.join(shown(s) for s in measured[:4])}."
        raise TableError(file, [Finding(message, remedy)])
    covariates = _joined(reading.covariates, patients.covariates, ["name"], file)
    outcomes = _joined(reading.outcomes, patients.outcomes, ["outcome", "scale"], file)
    without = [s for s in measured if s not in set(patients.subjects)]
    more = len(patients.subjects) - len(both)
    steps = [f"{counted(len(patients.subjects), 'patient')} read, {len(both)} of them measured"]
    steps[0] += f", {more} left out" if more else ""
    if without:
        few = ", ".join(shown(s) for s in without[:5]) + (", ..." if len(without) > 5 else "")
        steps.append(f"not in this file: {counted(len(without), 'subject')} ({few})")
    record = replace(patients.record, steps=(*steps, *patients.record.steps))
    return replace(reading, covariates=covariates, outcomes=outcomes), record


def _joined(
    first: pd.DataFrame | None, second: pd.DataFrame | None, key: list[str], file: str
) -> pd.DataFrame | None:
    """Rows of both tables, which must not speak of the same thing."""
    if first is None or second is None:
        return second if first is None else first
    twice = first.merge(second[key].drop_duplicates(), on=key)
    if len(twice):
        message = f"{shown(' '.join(map(str, twice[key].iloc[0])))} is stated by both files."
        raise TableError(file, [Finding(message, "Remove it from one of them.")])
    return pd.concat([first, second], ignore_index=True)


def _open(path: str | Path, request: Request) -> Sheet:
    raw = read_bytes(path)
    known = [*COLUMNS, *GIVEN, *map(str, request.columns.values())]
    sheet = open_binary(raw, str(path)) if is_binary(raw) else split(raw, str(path), known)
    if not sheet.header:
        raise TableError(str(path), sheet.findings or [Finding("it has only blank lines.", "")])
    return sheet
