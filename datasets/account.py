"""What happened to the rows of a file, in sentences with counts: nothing goes in silence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .cells import Floats, Mask
from .header import Layout
from .rules import Table
from .sheet import DELIMITERS, Sheet
from .wording import counted, shown

__all__ = ["account"]


def account(table: Table, sheet: Sheet, layout: Layout) -> list[str]:
    """List every step between the file and the study.

    Parameters
    ----------
    table : Table
        Checked, without findings.
    sheet : Sheet
    layout : Layout

    Returns
    -------
    list of str
        First the balance of the rows, then what was left out, then what was censored.
    """
    missing = table.cells.missing
    left = int(missing.sum())
    balance = f"read = {len(missing) - left} kept + {left} left out"
    return [
        f"{counted(sheet.rows_read, 'row')} {balance}",
        *(
            f"{observable}: {counted(len(at), 'row')} without a value left out"
            for observable, at in _places(table, missing)
        ),
        *_form(sheet, layout),
        *_censored(table),
    ]


def _form(sheet: Sheet, layout: Layout) -> list[str]:
    """Tell what concerns the file rather than its rows."""
    steps = []
    if sheet.delimiter != ",":
        steps.append(f"fields were separated by {DELIMITERS[sheet.delimiter]}")
    if sheet.blank:
        steps.append(f"{counted(sheet.blank, 'blank line')} skipped")
    if layout.ignored:
        steps.append("columns not read: " + ", ".join(shown(c, 30) for c in layout.ignored))
    return steps


def _censored(table: Table) -> list[str]:
    """One sentence per observable, side and rule."""
    marked, side = table.cells.side, table.censoring()
    value, lower, upper = (table.number(c) for c in ("value", "lower", "upper"))
    units = table.label("unit")
    rules: tuple[tuple[Mask, Floats, str, str], ...] = (
        (marked < 0, value, "written '<LIMIT'", "left"),
        (marked > 0, value, "written '>LIMIT'", "right"),
        ((marked == 0) & (side < 0), lower, "at or below the lower limit", "left"),
        ((marked == 0) & (side > 0), upper, "at or above the upper limit", "right"),
    )
    return [
        f"{observable}: {counted(len(at), 'row')} {words} ({_limits(limit[at], units[at[0]])}) "
        f"scored as {name}-censored"
        for rows, limit, words, name in rules
        for observable, at in _places(table, rows)
    ]


def _limits(limits: Floats, unit: str) -> str:
    low, high = limits.min(), limits.max()
    return (f"{low:g}" if low == high else f"{low:g} to {high:g}") + (f" {unit}" if unit else "")


def _places(table: Table, rows: Mask) -> list[tuple[str, npt.NDArray[np.intp]]]:
    """Observable and places of the rows of a mask, observable by observable."""
    at = np.flatnonzero(rows)
    code = table.code("observable")[at]
    order = np.argsort(code, kind="stable")
    parts = np.split(at[order], np.flatnonzero(np.diff(code[order])) + 1)
    names = table.label("observable")
    return [(str(names[part[0]]), part) for part in parts if len(part)]
