"""Wide files: one column per analyte, with its unit in the header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from .account import balance, file_steps, left_out, scored
from .cells import Cells, read_cells
from .covariates import Who
from .findings import Finding
from .header import lay_out
from .outcomes import outcome_columns
from .reading import Reading
from .request import Request
from .rules import Table
from .settle import settle, unknown_names
from .sheet import Sheet
from .subjects import read_subjects
from .tidy import apply_time_unit
from .units import split_unit
from .vocabulary import COLUMNS, GIVEN
from .wording import shown

__all__ = ["analytes", "read_wide"]

KNOWN = ("subject", "time", "time_unit", "occasion")
# Columns with a unit that describe a person or a treatment, and are not measured again and again.
COVARIATES = [
    "age",
    "weight",
    "wt",
    "bw",
    "bodyweight",
    "height",
    "ht",
    "bmi",
    "bsa",
    "dose",
    "amount",
    "duration",
    "interval",
    "rate",
    "celldose",
    "followup",
]


def analytes(sheet: Sheet, request: Request) -> dict[int, tuple[str, str]]:
    """Find the columns that hold measurements.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    dict of position to (name, unit)
        Columns that the caller named, else those with a unit of concentration, activity or count
        in the header, save age, weight, dose and the like.
    """
    found = {}
    asked = {name.casefold() for name in request.analytes}
    mapped = {str(c).casefold() for c in request.columns.values()}
    graded = outcome_columns(sheet, request).places
    for k, header in enumerate(sheet.header):
        name, unit = split_unit(header, suffix=True)
        titles = {header.casefold(), name.casefold()}
        if k in graded or titles & mapped or titles & {*COLUMNS, *GIVEN}:
            continue
        plain = name.casefold().replace("_", "").replace(" ", "")
        if (
            titles & asked
            or (not asked and unit and plain not in COVARIATES)
            or name in request.units
            and not asked
        ):
            found[k] = (name, unit)
    return found


def read_wide(sheet: Sheet, request: Request) -> Reading:
    """Read a sheet with one column per analyte.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    Reading
        Rows analyte by analyte; counts are those of cells: rows times analytes.
    """
    found = analytes(sheet, request)
    read = sheet.rows_read * max(1, len(found))
    layout = lay_out(sheet, request.columns, KNOWN, KNOWN[:2])
    layout.rest = [k for k in layout.rest if k not in found]
    named = [sheet.header[k] for k in found]
    layout.findings = [f for f in layout.findings if f.column not in named]
    cells = read_cells(sheet, layout.places)
    names = {ours: sheet.header[place] for ours, place in layout.places.items()}
    base = Table(names, np.asarray(sheet.rows, dtype=np.int64), cells)
    unit, time_steps, problem = apply_time_unit(base, layout, request)
    base.names["observable"] = ""
    base.check(replicates=request.replicates)
    findings = [*sheet.findings, *layout.findings, *cells.findings, *base.findings, *problem]
    findings += _unclear(sheet, request, found)
    tables = [_table(sheet, base, k, *found[k], request) for k in found]
    for table in tables:
        findings += [*table.cells.findings, *table.findings]
    findings += unknown_names(request, [n for n, _ in found.values()]) if not findings else []
    frames = [table.frame() for table in tables]
    rows = pd.concat(frames, ignore_index=True) if frames else base.frame()
    if findings:
        return Reading(rows, read=read, findings=findings)
    steps = _steps(sheet, tables, read, named)
    steps += time_steps
    subject = read_subjects(sheet, layout.rest, request, _who(base, rows), unit)
    if subject.findings:
        return Reading(rows, read=read, findings=list(subject.findings))
    steps += subject.steps
    return Reading(rows, None, subject.covariates, subject.outcomes, unit, read, steps)


def _table(sheet: Sheet, base: Table, place: int, name: str, unit: str, request: Request) -> Table:
    """One analyte as a table of its own."""
    own = read_cells(sheet, {"value": place}, lost=request.words)
    zero = np.zeros(len(base.rows), np.intp)
    cells: Cells = replace(
        own,
        numbers={**base.cells.numbers, **own.numbers},
        blank={**base.cells.blank, **own.blank},
        labels={
            **base.cells.labels,
            **own.labels,
            "observable": (zero, [name]),
            "unit": (zero, [unit]),
        },
    )
    header = sheet.header[place]
    names = {**base.names, "value": header, "unit": header, "observable": header}
    table = Table(names, base.rows, cells)
    settle(table, request)
    table.check_limits()
    return table


def _unclear(sheet: Sheet, request: Request, found: dict[int, tuple[str, str]]) -> list[Finding]:
    """Refuse a file without analytes, one that lacks a named one, and two of one name."""
    findings = []
    titles = {t.casefold() for h in sheet.header for t in (h, split_unit(h, suffix=True)[0])}
    listed = ", ".join(shown(h, 20) for h in sheet.header[:8])
    for name in request.analytes:
        if name.casefold() not in titles:
            message = f"observables=[...] names {shown(name)}, which is no column."
            findings.append(Finding(message, f"In the file: {listed}.", rows=[sheet.header_line]))
    names = [name for name, _ in found.values()]
    for k, (name, _) in found.items():
        if names.count(name) > 1:
            message = f"is one of several columns of {shown(name)}."
            remedy = "Keep one, or give each its own name."
            findings.append(Finding(message, remedy, sheet.header[k], [sheet.header_line]))
    if not found and not findings:
        message = "no column is known to hold measurements."
        remedy = "Write the unit into the header, as in 'IL6 (pg/mL)', or name the columns: "
        remedy += f"observables=[...]. In the file: {listed}."
        findings.append(Finding(message, remedy, rows=[sheet.header_line]))
    return findings


def _steps(sheet: Sheet, tables: Sequence[Table], read: int, headers: list[str]) -> list[str]:
    missing = sum(int(t.cells.missing.sum()) for t in tables)
    columns = ", ".join(shown(h, 30) for h in headers[:8])
    more = f" and {len(headers) - 8} more" if len(headers) > 8 else ""
    return [
        balance(read, read - missing, left_out=missing),
        f"a row per analyte: {sheet.rows_read} lines times {len(tables)} columns ({columns}{more})",
        *(step for t in tables for step in left_out(t)),
        *file_steps(sheet),
        *(step for t in tables for step in [*t.steps, *scored(t)]),
    ]


def _who(base: Table, rows: pd.DataFrame) -> Who:
    """Rows of the subjects that have a measurement."""
    codes, subjects = base.cells.labels["subject"]
    seen = np.isin(np.array(subjects, dtype=object), rows["subject"].unique())
    at = np.flatnonzero(seen[codes])
    return Who(at, codes[at], subjects, base.number("time")[at])
