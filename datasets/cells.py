"""From cells of text to numbers and labels, every cell accounted for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .column import Column
from .findings import Finding
from .sheet import Sheet
from .vocabulary import ABOVE, BELOW, LABELS, LIMIT, LOST, MISSING, NUMBER, REQUIRED, TEXTS

__all__ = ["Cells", "Floats", "Mask", "read_cells", "read_numbers"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]


@dataclass
class Cells:
    """Interpreted columns.

    Parameters
    ----------
    numbers : dict
        Such as ``time``, ``value``, ``lower``: NaN where empty or refused.
    labels : dict
        Such as ``subject``, ``observable``: code of each row and the texts; ``value`` as written.
    side : int array
        -1 where the value was written "<LIMIT", +1 where it was written ">LIMIT", else 0.
    word : int array
        -1 where the value is a word for "below the limit", +1 for "above", else 0.
    lost : bool array
        Where the value is a word for "not measured".
    blank : dict
        For each column of numbers the rows in which it is empty; a lost value counts as empty.
    findings : list of Finding
    """

    numbers: dict[str, Floats] = field(default_factory=dict)
    labels: dict[str, tuple[Codes, list[str]]] = field(default_factory=dict)
    side: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    word: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    lost: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    blank: dict[str, Mask] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def missing(self) -> Mask:
        """Rows without a value."""
        return self.blank.get("value", np.zeros(len(self.side), np.bool_))

    def take(self, at: npt.NDArray[np.intp], names: Collection[str] | None = None) -> Cells:
        """Take some of the rows, and of the columns of numbers, without the findings."""
        kept = [name for name in self.numbers if names is None or name in names]
        return Cells(
            {name: self.numbers[name][at] for name in kept},
            {name: (codes[at], texts) for name, (codes, texts) in self.labels.items()},
            self.side[at],
            self.word[at],
            self.lost[at],
            {name: self.blank[name][at] for name in kept},
        )


def read_cells(
    sheet: Sheet,
    places: Mapping[str, int],
    *,
    required: Collection[str] = REQUIRED,
    lost: Collection[str] = (),
) -> Cells:
    """Interpret the placed columns of a sheet.

    Parameters
    ----------
    sheet : Sheet
    places : mapping of our name to the position of the column
    required : collection of str
        Columns of labels that must not be blank.
    lost : collection of str
        Words for "not measured", in lower case, besides the usual ones.

    Returns
    -------
    Cells
        A cell that cannot be interpreted is NaN or "" and has an entry in ``findings``.
    """
    n = len(sheet.rows)
    cells = Cells(side=np.zeros(n, np.int8), word=np.zeros(n, np.int8), lost=np.zeros(n, np.bool_))
    for ours, place in places.items():
        column = sheet.columns[place]
        if ours in LABELS:
            cells.labels[ours] = (column.codes.astype(np.intp), column.texts)
            faults = _label_faults(column.texts, required=ours in required)
        else:
            faults = _numbers(cells, column, ours, lost)
        cells.findings += _located(sheet, column, faults)
    return cells


def _numbers(cells: Cells, column: Column, ours: str, lost: Collection[str]) -> Faults:
    """Put a column of numbers into the cells."""
    parsed = _parse(column.texts, ours, lost)
    cells.numbers[ours] = parsed.numbers[column.codes]
    cells.blank[ours] = parsed.blank[column.codes]
    if ours == "value":
        cells.side, cells.word = parsed.side[column.codes], parsed.word[column.codes]
        cells.lost = parsed.lost[column.codes]
        cells.labels["value"] = (column.codes.astype(np.intp), column.texts)
    return parsed.faults


def _located(sheet: Sheet, column: Column, faults: Faults) -> list[Finding]:
    """Turn faults of texts into findings with the rows that hold them."""
    found = []
    for (message, remedy), codes in faults.items():
        at = np.flatnonzero(np.isin(column.codes, codes)).tolist()
        lines = [sheet.rows[k] for k in at]
        if lines:
            found.append(Finding(message, remedy, column.name, lines, column.at(at)))
    return found


Faults = dict[tuple[str, str], list[int]]  # message and remedy to the codes of the texts


@dataclass
class _Parsed:
    """The different texts of a column as numbers."""

    numbers: Floats
    side: npt.NDArray[np.int8]
    word: npt.NDArray[np.int8]
    lost: Mask
    blank: Mask
    faults: Faults


def read_numbers(texts: list[str]) -> tuple[Floats, bool]:
    """Read texts as numbers, and say whether each is a number or empty.

    Parameters
    ----------
    texts : list of str

    Returns
    -------
    numbers, all_read
    """
    parsed = _parse(texts, "")
    return parsed.numbers, not parsed.faults


def _parse(texts: list[str], ours: str, lost: Collection[str] = ()) -> _Parsed:
    """Read texts as numbers: NaN where empty or refused; limits and words only among values."""
    n = len(texts)
    numbers = np.fromiter(map(_float, texts), np.float64, n)
    side, word = np.zeros(n, np.int8), np.zeros(n, np.int8)
    parsed = _Parsed(numbers, side, word, np.zeros(n, np.bool_), np.zeros(n, np.bool_), {})
    for k in _doubtful(numbers, texts):
        text = texts[k]
        mark = LIMIT.fullmatch(text) if ours == "value" else None
        plain = mark[2] if mark else text
        numbers[k] = float(plain) if re.fullmatch(NUMBER, plain) else np.nan
        if np.isfinite(numbers[k]):
            side[k] = 0 if mark is None else -1 if mark[1] in ("<", "<=", "≤") else 1
            continue
        numbers[k] = np.nan
        if text.casefold() in MISSING and ours != "time":
            parsed.blank[k] = True
        elif ours == "value" and (text.casefold() in lost or LOST.fullmatch(text)):
            parsed.blank[k] = parsed.lost[k] = True
        elif ours == "value" and (BELOW.fullmatch(text) or ABOVE.fullmatch(text)):
            word[k] = -1 if BELOW.fullmatch(text) else 1
        else:
            kind = next((m, r) for m, looks, r in TEXTS if looks.fullmatch(text))
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
