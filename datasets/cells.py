"""From cells of text to numbers and labels, every cell accounted for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .findings import Finding
from .header import Layout
from .sheet import Sheet
from .vocabulary import LABELS, LIMIT, MISSING, NUMBER, REQUIRED, TEXTS

__all__ = ["Cells", "Floats", "Mask", "read_cells"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass
class Cells:
    """Interpreted columns; rows are those of `Sheet.rows`.

    Parameters
    ----------
    numbers : dict
        ``time``, ``value``, ``lower``, ``upper``, ``sd``, ``n``: NaN where empty or refused.
    labels : dict
        ``subject``, ``observable``, ``unit``, ``time_unit``: code of each row and the texts.
    side : int array
        -1 where the value was written "<LIMIT", +1 where it was written ">LIMIT", else 0.
    blank : dict
        For each column of numbers the rows in which it is empty.
    findings : list of Finding
    """

    numbers: dict[str, Floats] = field(default_factory=dict)
    labels: dict[str, tuple[npt.NDArray[np.intp], list[str]]] = field(default_factory=dict)
    side: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    blank: dict[str, Mask] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def missing(self) -> Mask:
        """Rows without a value."""
        return self.blank.get("value", np.zeros(len(self.side), np.bool_))


def read_cells(sheet: Sheet, layout: Layout) -> Cells:
    """Interpret the placed columns of a sheet.

    Parameters
    ----------
    sheet : Sheet
    layout : Layout

    Returns
    -------
    Cells
        A cell that cannot be interpreted is NaN or "" and has an entry in ``findings``.
    """
    cells = Cells(side=np.zeros(len(sheet.rows), np.int8))
    for ours, place in layout.places.items():
        column = sheet.columns[place]
        if ours in LABELS:
            cells.labels[ours] = (column.codes.astype(np.intp), column.texts)
            faults = _label_faults(column.texts, required=ours in REQUIRED)
        else:
            parsed = _parse(column.texts, ours)
            cells.numbers[ours], faults = parsed.numbers[column.codes], parsed.faults
            cells.blank[ours] = parsed.blank[column.codes]
            if ours == "value":
                cells.side = parsed.side[column.codes]
        for (message, remedy), codes in faults.items():
            at = np.flatnonzero(np.isin(column.codes, codes)).tolist()
            lines = [sheet.rows[k] for k in at]
            cells.findings.append(Finding(message, remedy, column.name, lines, column.at(at)))
    return cells


Faults = dict[tuple[str, str], list[int]]  # message and remedy to the codes of the texts


@dataclass
class _Parsed:
    """The different texts of a column as numbers."""

    numbers: Floats
    side: npt.NDArray[np.int8]
    blank: Mask
    faults: Faults


def _parse(texts: list[str], ours: str) -> _Parsed:
    """Read texts as numbers: NaN where empty or refused; limits only in the value column."""
    numbers = np.fromiter(map(_float, texts), np.float64, len(texts))
    parsed = _Parsed(numbers, np.zeros(len(texts), np.int8), np.zeros(len(texts), np.bool_), {})
    for k in _doubtful(numbers, texts):
        mark = LIMIT.fullmatch(texts[k]) if ours == "value" else None
        plain = mark[2] if mark else texts[k]
        numbers[k] = float(plain) if re.fullmatch(NUMBER, plain) else np.nan
        if np.isfinite(numbers[k]):
            parsed.side[k] = 0 if mark is None else -1 if mark[1] in ("<", "<=", "≤") else 1
        elif texts[k].casefold() in MISSING and ours != "time":
            parsed.blank[k] = True
        else:
            numbers[k] = np.nan
            kind = next((m, r) for m, looks, r in TEXTS if looks.fullmatch(texts[k]))
            parsed.faults.setdefault(kind, []).append(k)
    return parsed


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _doubtful(numbers: Floats, texts: list[str]) -> list[int]:
    """Texts that Python does not read as finite, or reads more freely than the rule."""
    odd = {k for k, text in enumerate(texts) if "_" in text or not text.isascii()}  # "1_000"
    return sorted(odd.union(np.flatnonzero(~np.isfinite(numbers)).tolist()))


def _label_faults(texts: list[str], *, required: bool) -> Faults:
    """Refuse blanks where a name is required, and characters that cannot be printed."""
    faults: Faults = {}
    for k, text in enumerate(texts):
        if required and not text:
            faults.setdefault(("is empty.", "Write a name in every row."), []).append(k)
        elif not text.isprintable():
            message = "has a character that cannot be printed."
            faults.setdefault((message, "Type it again on one line."), []).append(k)
    return faults
