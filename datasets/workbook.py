"""Excel workbooks and Parquet files as a `Sheet`: the same text that a csv file would hold."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from array import array
from typing import Any

import numpy as np

from .column import Column
from .files import HEADER
from .findings import Finding, TableError
from .sheet import Sheet
from .wording import closest, shown

__all__ = ["is_binary", "open_binary"]

ZIP, PARQUET = b"PK\x03\x04", b"PAR1"
BROKEN = "Open and save it again with the program that made it, or save it as CSV (UTF-8)."


def is_binary(raw: bytes) -> bool:
    """Whether a file is a workbook or Parquet by its first bytes; any other zip archive is not."""
    if raw.startswith(ZIP):
        try:
            return "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(raw)).namelist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
            return False
    return raw.startswith(PARQUET)


def open_binary(raw: bytes, file: str, name: str = "") -> Sheet:
    """Read a workbook or a Parquet file.

    Parameters
    ----------
    raw : bytes
        Contents of the file.
    file : str
        Name for messages.
    name : str
        Sheet of a workbook; needed if several hold something.

    Returns
    -------
    Sheet
        Rows are those of the workbook, or the records of a Parquet file from 1.

    Raises
    ------
    TableError
        If the file is broken, or it is not clear which sheet is meant.
    """
    sheet = Sheet(file, hashlib.sha256(raw).hexdigest())
    fill = _fill_workbook if raw.startswith(ZIP) else _fill_parquet
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl: formats and rules that it does not read
            fill(sheet, raw, name)
    except TableError:
        raise
    except Exception as error:  # a damaged file can make the libraries raise anything
        what = "an Excel workbook" if raw.startswith(ZIP) else "a Parquet file"
        reason = f"it is {what} that cannot be read ({type(error).__name__})."
        raise TableError(file, [Finding(reason, BROKEN)]) from error
    return sheet


def _fill_workbook(sheet: Sheet, raw: bytes, name: str) -> None:
    """Put one sheet of a workbook into columns."""
    import openpyxl  # late: only for workbooks

    book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    page = _page(sheet.file, book, name)
    sheet.kind = f"sheet {page.title!r} of an Excel workbook"
    lines: list[int] = []
    columns: list[list[str]] = []
    for line, cells in enumerate(page.iter_rows(values_only=True), 1):
        texts = [_text(cell) for cell in cells]
        if not any(text.strip() for text in texts):
            sheet.blank += bool(sheet.header)
        elif not sheet.header:
            sheet.header_line, sheet.header = line, _without_end([t.strip() for t in texts])
            columns = [[] for _ in sheet.header]
        else:
            texts += [""] * (len(columns) - len(texts))
            if any(text.strip() for text in texts[len(columns) :]):
                sheet.ragged.append((line, texts))
                continue
            lines.append(line)
            for column, text in zip(columns, texts, strict=False):
                column.append(text)
    sheet.rows = array("q", lines)
    sheet.columns = [_column(h, c) for h, c in zip(sheet.header, columns, strict=True)]
    if sheet.ragged:
        at, values = zip(
            *((k, ",".join(filter(None, row))) for k, row in sheet.ragged), strict=True
        )
        message = f"has cells beyond the last column of the header ({len(columns)})."
        sheet.findings.append(Finding(message, "Name the column or delete.", None, at, values))
    _formulas(sheet, raw, page.title)


def _page(file: str, book: Any, name: str) -> Any:
    """Choose the sheet that is named, or the only one with cells."""
    pages = {page.title: page for page in book.worksheets}
    if name:
        if name not in pages:
            guess = closest(name, pages)
            hint = f"Did you mean {guess!r}? " if guess else ""
            finding = Finding(
                f"there is no sheet {shown(name)}.", f"{hint}There are {', '.join(pages)}."
            )
            raise TableError(file, [finding])
        return pages[name]
    full = [p for p in pages.values() if any(any(r) for r in p.iter_rows(values_only=True))]
    if not full:
        raise TableError(file, [Finding("it is an empty workbook.", HEADER)])
    if len(full) > 1:
        listed = ", ".join(p.title for p in full)
        finding = Finding(
            f"{len(full)} of its sheets hold something: {listed}.",
            f"Name one: sheet={full[0].title!r}.",
        )
        raise TableError(file, [finding])
    return full[0]


def _formulas(sheet: Sheet, raw: bytes, title: str) -> None:
    """Refuse formulas without a stored result: their cells look empty."""
    archive = zipfile.ZipFile(io.BytesIO(raw))
    pages = [n for n in archive.namelist() if n.startswith("xl/worksheets/")]
    if not any(b"<f>" in (xml := archive.read(n)) or b"<f " in xml for n in pages):
        return
    import openpyxl

    page = openpyxl.load_workbook(io.BytesIO(raw), read_only=True)[title]
    place = {line: k for k, line in enumerate(sheet.rows)}
    found: dict[int, list[tuple[int, str]]] = {}
    for line, cells in enumerate(page.iter_rows(values_only=True), 1):
        for k, cell in enumerate(cells[: len(sheet.columns)]):
            if not (isinstance(cell, str) and cell.startswith("=")) or line not in place:
                continue
            if not sheet.columns[k].at([place[line]])[0]:
                found.setdefault(k, []).append((line, cell))
    for k, cells in found.items():
        sheet.findings.append(
            Finding(
                "is a formula without a stored result.",
                "Open the workbook in a spreadsheet program and save it, or write the values.",
                sheet.header[k],
                [line for line, _ in cells],
                [text for _, text in cells],
            )
        )


def _fill_parquet(sheet: Sheet, raw: bytes, name: str) -> None:
    """Put the columns of a Parquet file into a sheet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(raw))
    sheet.kind = "a Parquet file"
    sheet.header, sheet.header_line = [str(n).strip() for n in table.column_names], 0
    sheet.rows = array("q", range(1, table.num_rows + 1))
    for header, chunks in zip(sheet.header, table.columns, strict=True):
        if pa.types.is_nested(chunks.type):
            chunks = pa.chunked_array(
                [pa.array([None if v is None else str(v) for v in chunks.to_pylist()], pa.string())]
            )
        whole = chunks.unify_dictionaries().combine_chunks()
        if isinstance(whole, pa.ChunkedArray):
            whole = (
                pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], pa.string())
            )
        coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
        texts = [_text(value) for value in coded.dictionary.to_pylist()]
        codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
        sheet.columns.append(Column.of(header, codes.astype(np.int64), [*texts, ""]))


def _text(cell: object) -> str:
    """Text of a cell as a csv file would hold it."""
    if cell is None or cell != cell:  # NaN: a missing value of pandas
        return ""
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


def _column(header: str, texts: list[str]) -> Column:
    column = Column(header)
    column.extend(texts)
    column.close()
    return column


def _without_end(names: list[str]) -> list[str]:
    """Header without the empty cells behind its last name."""
    last = max((k for k, name in enumerate(names) if name), default=-1)
    return names[: last + 1]
