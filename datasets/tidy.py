"""Tidy files: one row per measurement."""

from __future__ import annotations

import numpy as np

from .account import balance, file_steps, left_out, scored
from .cells import read_cells
from .covariates import Who
from .findings import Finding
from .header import Layout, lay_out
from .reading import Reading
from .request import Request
from .rules import Table
from .settle import settle, time_factor, unknown_names
from .sheet import Sheet
from .subjects import read_subjects
from .units import split_unit
from .wording import shown

__all__ = ["apply_time_unit", "read_tidy"]


def read_tidy(sheet: Sheet, request: Request) -> Reading:
    """Read a sheet with one row per measurement.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    Reading
    """
    layout = lay_out(sheet, request.columns)
    cells = read_cells(sheet, layout.places, lost=request.words)
    names = {ours: sheet.header[place] for ours, place in layout.places.items()}
    sheet.release(layout.places.values())
    table = Table(names, np.asarray(sheet.rows, dtype=np.int64), cells)
    if "value" in layout.units and "unit" not in names:
        codes = np.zeros(len(table.rows), np.intp)
        cells.labels["unit"] = (codes, [layout.units["value"]])
        table.names["unit"] = names["value"]
    unit, time_steps, problem = apply_time_unit(table, layout, request)
    known = list(dict.fromkeys(table.label("observable").tolist()))
    settle(table, request)
    table.check(replicates=request.replicates)
    findings = [*sheet.findings, *layout.findings, *cells.findings, *table.findings, *problem]
    findings += unknown_names(request, known) if not findings else []
    missing = int(cells.missing.sum())
    if findings:
        return Reading(table.frame(), read=sheet.rows_read, findings=findings)
    kept = len(table.rows) - missing
    codes, subjects = cells.labels["subject"]
    seen = np.isin(codes, np.unique(codes[~cells.missing]))
    at = np.flatnonzero(seen)
    who = Who(at, codes[at], subjects, table.number("time")[at])
    subject = read_subjects(sheet, layout.rest, request, who, unit)
    frame, read = table.frame(), sheet.rows_read
    if subject.findings:
        return Reading(frame, read=read, findings=list(subject.findings))
    steps = [
        balance(read, kept, left_out=missing),
        *left_out(table),
        *file_steps(sheet),
        *subject.steps,
        *time_steps,
        *table.steps,
        *scored(table),
    ]
    return Reading(frame, None, subject.covariates, subject.outcomes, unit, read, steps)


def apply_time_unit(
    table: Table, layout: Layout, request: Request
) -> tuple[str, list[str], list[Finding]]:
    """Bring the times of a table into the unit that was asked for.

    Parameters
    ----------
    table : Table
        Its times are changed in place.
    layout : Layout
    request : Request

    Returns
    -------
    unit, steps, findings
    """
    stated = next((str(t) for t in table.label("time_unit")[:1] if t), layout.units.get("time", ""))
    scale, unit, step, problem = time_factor(stated, request)
    header = table.names.get("time", "")
    if stated and not step and "time_unit" not in table.names and not split_unit(header)[1]:
        step = f"times are in {stated}, by the name of their column: {shown(header, 30)}"
    if problem:
        column = table.names.get("time_unit", table.names.get("time"))
        remedy = "Correct the unit in the file, or ask for another one."
        rows = [int(r) for r in table.rows[:1]]
        return unit, [], [Finding(problem, remedy, column, rows, [stated] * len(rows))]
    if scale != 1 and "time" in table.cells.numbers:
        table.cells.numbers["time"] = table.cells.numbers["time"] * scale
    return unit, [step] if step else [], []
