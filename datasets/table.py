"""`read_table`: a tidy csv file becomes a checked `Study`, or a list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from .account import account
from .cells import read_cells
from .files import HEADER, read_bytes
from .findings import Finding, TableError
from .header import lay_out
from .provenance import Provenance
from .rules import Table
from .sheet import Sheet, split
from .study import Study
from .vocabulary import COLUMNS
from .wording import shown

__all__ = ["parse_table", "read_table"]


def read_table(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    time_unit: str | None = None,
    name: str | None = None,
) -> Study:
    """Read a tidy csv file: one row per measurement.

    Parameters
    ----------
    path : str or Path
        UTF-8 text with a header; fields separated by commas, semicolons, tabs or bars.
    columns : mapping, optional
        Our name to the name in the file, for example ``{"subject": "ID", "value": "DV"}``.
    time_unit : str, optional
        Unit of the times, when the file has no column ``time_unit``.
    name : str, optional
        Name of the study. Default: the name of the file without its ending.

    Returns
    -------
    Study
        Every row of the file, except those without a value, which are counted in the provenance.

    Raises
    ------
    TableError
        If anything is wrong; it lists all problems of the file, not only the first.

    Notes
    -----
    Columns, in any order and case: ``subject``, ``time``, ``observable``, ``value``; optional
    ``unit``, ``lower``, ``upper``, ``sd``, ``n``, ``time_unit``. Subjects are kept as text.

    A value written "<1.2" is left-censored at 1.2, and ">1500" right-censored at 1500. With
    ``lower`` or ``upper`` (limits of quantification) in its row, a value at or below ``lower`` is
    left-censored at ``lower``, and one at or above ``upper`` is right-censored at ``upper``. An
    empty value, "NA" or "." means: not measured.
    """
    raw = read_bytes(path)
    return parse_table(raw, str(path), columns, time_unit=time_unit, name=name)


def parse_table(
    raw: bytes,
    file: str,
    columns: Mapping[str, str] | None = None,
    *,
    time_unit: str | None = None,
    name: str | None = None,
    origin: Provenance | None = None,
) -> Study:
    """Do what `read_table` does, from the bytes of a file.

    Parameters
    ----------
    raw : bytes
        Contents of the file.
    file : str
        Name for messages and provenance.
    columns, time_unit, name
        As in `read_table`.
    origin : Provenance, optional
        Source, licence and DOI, and steps that were taken before.

    Returns
    -------
    Study

    Raises
    ------
    TableError
        As in `read_table`.
    """
    sheet = split(raw, file, [*COLUMNS, *map(str, (columns or {}).values())])
    if not sheet.header:
        raise TableError(file, sheet.findings or [Finding("it has only blank lines.", HEADER)])
    layout = lay_out(sheet, columns)
    table = Table(sheet, layout, read_cells(sheet, layout))
    table.check()
    findings = [*sheet.findings, *layout.findings, *table.cells.findings, *table.findings]
    findings += _emptiness(table, sheet, findings)
    findings += _time_unit_conflict(table, time_unit)
    if findings:
        raise TableError(file, findings, sheet.rows_read)
    origin = origin or Provenance()
    record = replace(
        origin,
        file=file,
        sha256=sheet.sha256,
        rows_read=sheet.rows_read,
        rows_kept=int((~table.cells.missing).sum()),
        steps=(*origin.steps, *account(table, sheet, layout)),
    )
    stated = str(table.label("time_unit")[0]) or (time_unit or "").strip()
    return _study(table, name or Path(file).stem, stated, record)


def _emptiness(table: Table, sheet: Sheet, found: list[Finding]) -> list[Finding]:
    """Refuse a file without rows or without values."""
    if not sheet.rows_read:
        return [Finding("there is no row below the header.", "Write one row per measurement.")]
    if not found and table.cells.missing.all():
        return [Finding("no row has a value.", "Check which column holds the values.")]
    return []


def _time_unit_conflict(table: Table, argument: str | None) -> list[Finding]:
    """Refuse a time unit that contradicts the column of the file."""
    stated = [text for text in table.label("time_unit")[:1] if text]
    if not argument or not stated or stated[0] == argument.strip():
        return []
    return [
        Finding(
            f"is the time unit in the file, but {shown(argument)} was asked for.",
            "Leave out the argument, or correct the file.",
            column=table.names["time_unit"],
            rows=[int(table.rows[0])],
            values=[str(stated[0])],
        )
    ]


def _study(table: Table, name: str, time_unit: str, record: Provenance) -> Study:
    """Put the rows that have a value into a study."""
    side, value = table.censoring(), table.number("value")
    lower, upper = table.limits()
    columns = {
        "subject": table.label("subject"),
        "time": table.number("time"),
        "observable": table.label("observable"),
        "value": np.where(side < 0, lower, np.where(side > 0, upper, value)),
        "lower": lower,
        "upper": upper,
        "censoring": np.array(["none", "right", "left"], dtype=object)[side],
        "sd": table.number("sd"),
        "n": table.number("n"),
    }
    kept = ~table.cells.missing
    series = {name: pd.Series(array[kept], dtype=array.dtype) for name, array in columns.items()}
    _, first = np.unique(table.code("observable")[kept], return_index=True)
    units = dict(zip(series["observable"][first], table.label("unit")[kept][first], strict=True))
    rows = pd.DataFrame(series)
    return Study(rows, name=name, units=units, time_unit=time_unit, provenance=[record])
