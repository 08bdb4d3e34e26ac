"""From the text of a file to columns, with the line of every row.

The csv module of Python reads the fields: unlike the readers of pandas it allows to tell the line
of each row, so that every ragged row can be reported with the number that an editor shows.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from .column import Column
from .files import decode
from .findings import Finding
from .vocabulary import COMMENT

__all__ = ["Sheet", "split"]

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
CHUNK = 20_000  # rows that are held as lists at a time


@dataclass
class Sheet:
    """A delimited file as text, nothing interpreted yet.

    Parameters
    ----------
    file, sha256 : str
        Name as given by the user; digest of the bytes.
    delimiter : str
        One of `DELIMITERS`.
    header : list of str
        Names of the columns as written, without surrounding blanks.
    header_line : int
        Line of the header.
    columns : list of Column
        Cells of the rows that have as many fields as the header.
    rows : array of int
        Line of each of these rows.
    ragged : list of (int, list of str)
        Line and fields of the rows with another number of fields than the header.
    blank : int
        Blank lines, left out.
    comments : list of str
        Lines that begin with ``#`` or ``@``, left out; those above the header in full.
    kind : str
        What was read, for the account: "" for text.
    findings : list of Finding
        One for the rows with too many fields, one for too few, one for a quote at fault.
    """

    file: str
    sha256: str
    delimiter: str = ","
    header: list[str] = field(default_factory=list)
    header_line: int = 1
    columns: list[Column] = field(default_factory=list)
    rows: array[int] = field(default_factory=lambda: array("q"))
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)
    blank: int = 0
    comments: list[str] = field(default_factory=list)
    kind: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Rows of data in the file, also those that could not be split."""
        return len(self.rows) + sum(len(f.rows) for f in self.findings)

    def release(self, places: Iterable[int]) -> None:
        """Forget the texts of columns that have been interpreted, to save memory."""
        for place in places:
            self.columns[place] = Column(self.columns[place].name)


def split(raw: bytes, file: str, known: Sequence[str]) -> Sheet:
    """Decode a file and split it into columns.

    Parameters
    ----------
    raw : bytes
        Contents of the file: UTF-8 with or without BOM, any line ends.
    file : str
        Name for messages.
    known : sequence of str
        Names of columns that help to find out what separates the fields.

    Returns
    -------
    Sheet
        Rows with another number of fields than the header are in ``findings``.

    Raises
    ------
    TableError
        If the file is empty, is no text, or is not UTF-8.
    """
    text = decode(raw, file)
    sheet = Sheet(file, hashlib.sha256(raw).hexdigest())
    start, above = _preface(sheet, text, known)
    head = text[start : start + 10_000].lstrip().splitlines()[:1]
    sheet.delimiter = _delimiter(head, known)
    skipped = len(text[:start].encode())
    del text  # large: the lines are decoded one by one
    body = io.BytesIO(raw.removeprefix(codecs.BOM_UTF8))
    body.seek(skipped)
    bare = raw.count(b"\r") > raw.count(b"\r\n")  # old line ends, which bytes do not split at
    lines = io.TextIOWrapper(body, "utf-8", newline="") if bare else map(bytes.decode, body)
    _fill(sheet, lines, above)
    for column in sheet.columns:
        column.close()
    sheet.findings += _ragged(sheet.ragged, len(sheet.header), sheet.delimiter)
    return sheet


def _preface(sheet: Sheet, text: str, known: Sequence[str]) -> tuple[int, int]:
    """Take the comments above the header; tell where the rest begins, and how many lines it skips.

    A line such as ``#ID,TIME,DV`` is a header.
    """
    start = above = 0
    if text.lstrip()[:1] not in COMMENT:
        return start, above
    for line in filter(lambda found: found[0], LINE.finditer(text)):
        content = line[0].strip()
        if content[:1] not in COMMENT or (content and _matches([content], known) > 1):
            break
        start, above = line.end(), above + 1
        sheet.blank += not content
        if content:
            sheet.comments.append(content)
    return start, above


def _matches(header: list[str], known: Sequence[str]) -> int:
    """Count the known names in a line, with the separator that gives the most."""
    return _score(header, known, _delimiter(header, known))[0]


def _delimiter(header: list[str], known: Sequence[str]) -> str:
    """Find the separator that gives the most known columns in the header, else the most fields."""
    return max(DELIMITERS, key=lambda d: _score(header, known, d))


def _score(header: list[str], known: Sequence[str], delimiter: str) -> tuple[int, int]:
    names = {k.casefold() for k in known}
    fields = [f.strip(' "#').casefold() for line in header for f in line.split(delimiter)]
    return len(names.intersection(fields)), len(fields)


def _fill(sheet: Sheet, lines: Iterable[str], above: int) -> None:
    """Put header, columns, lines and ragged rows into the sheet."""
    reader = csv.reader(lines, delimiter=sheet.delimiter, skipinitialspace=True, strict=True)
    read, more = 0, True
    while more:
        chunk: list[list[str]] = []
        try:
            chunk.extend(islice(reader, CHUNK))
            more = len(chunk) == CHUNK
            steps = _steps(chunk, reader.line_num - read)
        except csv.Error as error:  # the rows before it are in the chunk
            more, steps = False, _steps(chunk, None)
            line = above + read + sum(steps) + 1
            sheet.findings.append(Finding(*_csv_error(error), rows=[line]))
        ends = above + read + np.cumsum(steps, dtype=np.int64)
        starts = (ends - steps + 1).tolist()
        read = reader.line_num
        _take(sheet, chunk, starts)


def _steps(chunk: list[list[str]], total: int | None) -> list[int]:
    """Count the lines of each row: one, unless a quoted field holds line breaks."""
    if total == len(chunk):
        return [1] * len(chunk)
    breaks = re.compile(r"\r\n|\r|\n")
    return [1 + sum(len(breaks.findall(cell)) for cell in fields) for fields in chunk]


def _take(sheet: Sheet, chunk: list[list[str]], lines: list[int]) -> None:
    """Sort the rows of a chunk into header, columns, ragged and blank."""
    width = len(sheet.header)
    whole = width > 0 and set(map(len, chunk)) == {width}
    first = {row[0].lstrip()[:1] for row in chunk} if whole else {""}
    if first & {"", *COMMENT}:  # else: nothing to sort out
        rows = [(k, row) for k, row in zip(lines, chunk, strict=True) if "".join(row).strip()]
        sheet.blank += len(chunk) - len(rows)
        if sheet.header:  # a name of a header may begin with a #
            notes = [row[0] for _, row in rows if row[0].lstrip()[:1] in set(COMMENT)]
            sheet.comments += notes
            if notes:
                rows = [(k, r) for k, r in rows if r[0].lstrip()[:1] not in set(COMMENT)]
        if not sheet.header and rows:
            _head(sheet, *rows.pop(0))
            _take(sheet, [row for _, row in rows], [k for k, _ in rows])
            return
        sheet.ragged += [(k, row) for k, row in rows if len(row) != width]
        lines = [k for k, row in rows if len(row) == width]
        chunk = [row for _, row in rows if len(row) == width]
    sheet.rows.extend(lines)
    for column, texts in zip(sheet.columns, zip(*chunk, strict=True), strict=False):
        column.extend(texts)  # a chunk without rows has no columns


def _head(sheet: Sheet, line: int, names: list[str]) -> None:
    """Make the columns."""
    names = [names[0].lstrip(" #"), *names[1:]]
    sheet.header_line, sheet.header = line, [name.strip() for name in names]
    sheet.columns = [Column(name) for name in sheet.header]


def _ragged(rows: list[tuple[int, list[str]]], width: int, delimiter: str) -> list[Finding]:
    """Rows with too many or too few fields."""
    cases = {
        "more": (
            [r for r in rows if len(r[1]) > width],
            "Put a text that holds the separator in "
            "double quotes; write decimals with a point; delete fields without a header.",
        ),
        "fewer": (
            [r for r in rows if len(r[1]) < width],
            "Write every field; leave an optional one empty, but keep its separator.",
        ),
    }
    return [
        Finding(
            f"has {word} fields than the header ({width}).",
            remedy,
            rows=[line for line, _ in found],
            values=[delimiter.join(fields) for _, fields in found],
        )
        for word, (found, remedy) in cases.items()
        if found
    ]


def _csv_error(error: csv.Error) -> tuple[str, str]:
    """Message and remedy for what the csv module says."""
    text = str(error)
    if "unexpected end" in text or "field limit" in text:
        return "a double quote that opens here or below is never closed.", "Close or delete it."
    if "expected after" in text:
        return "text follows a closing double quote.", (
            'Quote the whole field, and write a double quote inside it twice ("").'
        )
    return f"the fields cannot be told apart ({text}).", "Check quotes and line ends of this row."
