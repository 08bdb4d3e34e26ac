"""What happened to the rows of a file, in sentences with counts: nothing goes in silence."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from .cells import Floats, Mask
from .rules import Table
from .sheet import DELIMITERS, Sheet
from .wording import counted, shown

__all__ = ["balance", "file_steps", "left_out", "scored"]


def balance(read: int, kept: int, **others: int) -> str:
    """Write where the rows of a file went; the parts must add up.

    Parameters
    ----------
    read, kept : int
    **others : int
        What became of the other rows, by kind; kinds of nothing are not told.

    Returns
    -------
    str

    Examples
    --------
    >>> balance(5, 3, left_out=1, doses=1)
    '5 rows read = 3 kept + 1 left out + 1 dose'
    """
    parts = [f"{n} {_named(kind, n)}" for kind, n in others.items() if n]
    if kept + sum(others.values()) != read:
        raise AssertionError(f"{read} rows read, but {kept} kept and {others}")
    return " + ".join([f"{counted(read, 'row')} read = {kept} kept", *(parts or ["0 left out"])])


def _named(kind: str, n: int) -> str:
    words = kind.replace("_", " ")
    return re.sub(r"^(doses|resets|other events)", lambda m: m[0][:-1], words) if n == 1 else words


def left_out(table: Table) -> list[str]:
    """Tell the rows without a value, observable by observable.

    Parameters
    ----------
    table : Table

    Returns
    -------
    list of str
    """
    steps = [
        f"{observable}: {counted(len(at), 'row')} without a value left out"
        for observable, at in _places(table, table.cells.missing)
    ]
    if table.cells.lost.any():
        said = table.label("value")
        for observable, at in _places(table, table.cells.lost):
            words = ", ".join(shown(w, 20) for w in dict.fromkeys(said[at].tolist()))
            count = f"{len(at)} of these"
            steps.append(f"{observable}: {count} said not measured ({words})")
    return steps


def file_steps(sheet: Sheet) -> list[str]:
    """Tell what concerns the file rather than its rows.

    Parameters
    ----------
    sheet : Sheet

    Returns
    -------
    list of str
    """
    steps = [f"read from {sheet.kind}"] if sheet.kind else []
    if sheet.delimiter != ",":
        steps.append(f"fields were separated by {DELIMITERS[sheet.delimiter]}")
    if sheet.blank:
        steps.append(f"{counted(sheet.blank, 'blank line')} skipped")
    if sheet.comments:
        marks = " or ".join(sorted({c.lstrip()[:1] for c in sheet.comments}))
        steps.append(f"{counted(len(sheet.comments), 'line')} of comment ({marks}) skipped")
    return steps


def scored(table: Table) -> list[str]:
    """Tell what is scored as censored: one sentence per observable, side and rule.

    Parameters
    ----------
    table : Table
        Checked, without findings.

    Returns
    -------
    list of str
    """
    marked, side, word = table.cells.side, table.censoring(), table.cells.word
    value, lower, upper = (table.number(c) for c in ("value", "lower", "upper"))
    units = table.label("unit")
    by_mark = (marked != 0) & (word == 0) & ~np.isfinite(table.bound)
    flag = table.flagged
    rules: tuple[tuple[Mask, Floats, str, str], ...] = (
        (by_mark & (marked < 0), value, "flagged below" if flag else "written '<LIMIT'", "left"),
        (by_mark & (marked > 0), value, "flagged above" if flag else "written '>LIMIT'", "right"),
        (word < 0, value, "said to be below the limit", "left"),
        (word > 0, value, "said to be above the limit", "right"),
        (np.isfinite(table.bound), value, "flagged between this and LIMIT", "interval"),
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
