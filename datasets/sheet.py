"""From the bytes of a file to columns of text, with the line of every row.

The csv module of Python reads the fields: unlike the readers of pandas it tells the line of each
row, so that every ragged row can be reported with the number that an editor shows.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import Finding, TableError
from .wording import closest, shown

__all__ = ["Column", "Sheet", "nearby", "read_bytes", "split"]

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CHUNK = 20_000  # rows turned into columns at a time
SAVE = "Save it as CSV (comma separated, UTF-8) and read that file."
MAGIC = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 or netCDF file",
    b"CDF\x01": "a netCDF file",
    b"%PDF": "a PDF document",
}


class Column:
    """One column of text: each different text once, and a code per row.

    Attributes
    ----------
    name : str
        As written in the header, without surrounding blanks.
    texts : list of str
        The different texts, without surrounding blanks, in order of appearance.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts: list[npt.NDArray[np.int32]] = []
        self._memo: defaultdict[str, int] = defaultdict()
        self._memo.default_factory = self._memo.__len__
        self.texts: list[str] = []

    def extend(self, cells: Iterable[str]) -> None:
        """Append the cells of further rows."""
        code = self._memo.__getitem__
        self._parts.append(np.fromiter(map(code, cells), np.int32))

    def close(self) -> None:
        """Put the parts together; texts that differ in surrounding blanks become one."""
        raw = np.concatenate([np.zeros(0, np.int32), *self._parts])
        plain: defaultdict[str, int] = defaultdict()
        plain.default_factory = plain.__len__
        merged = np.fromiter((plain[text.strip()] for text in self._memo), np.int32)
        self.codes = merged[raw] if len(raw) else raw
        self.texts = list(plain)
        self._parts.clear()
        self._memo.clear()

    def at(self, rows: Iterable[int]) -> list[str]:
        """Texts of some rows."""
        return [self.texts[self.codes[k]] for k in rows]


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
    rows : list of int
        Line of each of these rows.
    blank : int
        Blank lines, left out.
    findings : list of Finding
        Rows that cannot be split into the columns of the header.
    """

    file: str
    sha256: str
    delimiter: str = ","
    header: list[str] = field(default_factory=list)
    header_line: int = 1
    columns: list[Column] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    blank: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Rows of data in the file, also those that could not be split."""
        return len(self.rows) + sum(len(f.rows) for f in self.findings)


def read_bytes(path: str | Path) -> bytes:
    """Read a file, or say in terms of files and folders why it cannot be read.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bytes

    Raises
    ------
    TableError
        If there is no such file, or it is a folder, no regular file, or not readable.
    """
    where = Path(path)
    try:
        if where.is_dir():
            raise _refused(path, "it is a folder, not a file.", "Give the path of a csv file.")
        if not where.exists():
            raise _refused(path, "there is no such file.", nearby(where))
        if not where.is_file():
            raise _refused(path, "it is not a regular file.", "Give the path of a csv file.")
        return where.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(
            path, f"it cannot be opened ({reason}).", "Check the path and who may read the file."
        ) from error


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
    text = _decode(raw, file)
    sheet = Sheet(file, hashlib.sha256(raw).hexdigest())
    sheet.delimiter = _delimiter(text, known)
    try:
        _fill(sheet, text)
    except csv.Error as error:
        sheet.findings.append(Finding(*_csv_error(error), rows=[_line(sheet)]))
    if not sheet.header and not sheet.findings:
        raise _refused(file, "it is empty.", "Write a header line and one line per measurement.")
    return sheet


def _refused(path: str | Path, message: str, remedy: str, row: int | None = None) -> TableError:
    """Error about the file as a whole."""
    return TableError(str(path), [Finding(message, remedy, rows=() if row is None else [row])])


def nearby(path: Path) -> str:
    """Remedy for a file that is not there: a file of a similar name beside it."""
    try:
        if not path.parent.is_dir():
            return f"There is no folder {shown(str(path.parent), 200)} either: check the path."
        names = [p.name for p in islice(path.parent.iterdir(), 1000)]
    except OSError:
        names = []
    guess = closest(path.name, names, 0.75)
    return f"Did you mean the file {shown(guess)}?" if guess else "Check the path."


def _decode(raw: bytes, file: str) -> str:
    """Text of the file; anything but UTF-8 text is refused with what it looks like."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(file, "it is text in UTF-16, not in UTF-8.", SAVE)
    body = raw.removeprefix(codecs.BOM_UTF8)
    if (at := body.find(b"\0")) < 0:
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            at = error.start
    if kind := next((k for m, k in MAGIC.items() if raw.startswith(m)), None):
        raise _refused(file, f"it is {kind}, not a text file.", SAVE)
    if b"\0" in body:
        line = body.count(b"\n", 0, at) + 1
        raise _refused(file, "it holds zero bytes: it is not a text file.", SAVE, line)
    lines = enumerate(body.split(b"\n"), 1)
    bad = [(n, line.decode("cp1252", "replace").strip()) for n, line in lines if _broken(line)]
    message = "is not UTF-8 (shown as Windows-1252, the usual encoding of older programs)."
    finding = Finding(message, SAVE, rows=[n for n, _ in bad], values=[v for _, v in bad])
    raise TableError(file, [finding])


def _broken(line: bytes) -> bool:
    """Whether a line is not UTF-8."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def _delimiter(text: str, known: Sequence[str]) -> str:
    """Find the separator that gives the most known columns in the header, else the most fields."""
    start = len(text) - len(text.lstrip())
    header = text[start : start + 10_000].splitlines()[:1]
    names = {k.casefold() for k in known}

    def score(delimiter: str) -> tuple[int, int]:
        fields = [f.strip(' "').casefold() for line in header for f in line.split(delimiter)]
        return len(names.intersection(fields)), len(fields)

    return max(DELIMITERS, key=score)


def _fill(sheet: Sheet, text: str) -> None:
    """Put header, columns, lines and ragged rows into the sheet."""
    ragged: list[tuple[int, list[str]]] = []
    chunk: list[list[str]] = []
    try:
        for line, fields in _records(sheet, text):
            if not sheet.header:
                sheet.header, sheet.header_line = [f.strip() for f in fields], line
                sheet.columns = [Column(name) for name in sheet.header]
            elif len(fields) != len(sheet.header):
                ragged.append((line, fields))
            else:
                sheet.rows.append(line)
                chunk.append(fields)
                if len(chunk) == CHUNK:
                    _flush(chunk, sheet)
    finally:
        _flush(chunk, sheet)
        for column in sheet.columns:
            column.close()
        sheet.findings += _ragged(ragged, len(sheet.header), sheet.delimiter)


def _records(sheet: Sheet, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line and fields of each row; count blank lines."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=sheet.delimiter,
        skipinitialspace=True,
        strict=True,
    )
    line = 1
    for fields in reader:
        if fields and (fields[0].strip() or "".join(fields).strip()):
            yield line, fields
        else:
            sheet.blank += 1
        line = reader.line_num + 1


def _flush(chunk: list[list[str]], sheet: Sheet) -> None:
    """Append rows to the columns."""
    for column, cells in zip(sheet.columns, zip(*chunk, strict=True), strict=False):
        column.extend(cells)
    chunk.clear()


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


def _line(sheet: Sheet) -> int:
    """Line behind the last row that was read."""
    rows = [sheet.header_line, *sheet.rows[-1:], *(f.rows[-1] for f in sheet.findings)]
    return max(rows) + 1 if sheet.header else 1


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
