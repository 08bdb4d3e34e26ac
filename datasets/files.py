"""From a path to text, or a sentence about why there is none."""

from __future__ import annotations

import codecs
from itertools import islice
from pathlib import Path

from .findings import Finding, TableError
from .wording import closest, shown

__all__ = ["HEADER", "decode", "nearby", "read_bytes"]

HEADER = "Write a header line, and one line per measurement."
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


def _refused(path: str | Path, message: str, remedy: str, row: int | None = None) -> TableError:
    """Error about the file as a whole."""
    return TableError(str(path), [Finding(message, remedy, rows=() if row is None else [row])])


def nearby(path: Path) -> str:
    """Remedy for a file that is not there: a file of a similar name beside it.

    Parameters
    ----------
    path : Path
        Of the file that is not there.

    Returns
    -------
    str
    """
    try:
        if not path.parent.is_dir():
            return f"There is no folder {shown(str(path.parent), 200)} either: check the path."
        names = [p.name for p in islice(path.parent.iterdir(), 1000)]
    except OSError:
        names = []
    guess = closest(path.name, names, 0.75)
    return f"Did you mean the file {shown(guess)}?" if guess else "Check the path."


def decode(raw: bytes, file: str) -> str:
    """Decode UTF-8, with or without BOM.

    Parameters
    ----------
    raw : bytes
        Contents of a file.
    file : str
        Name for messages.

    Returns
    -------
    str

    Raises
    ------
    TableError
        If it is empty or no UTF-8 text; the message says what it looks like.
    """
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise _refused(file, "it is empty.", HEADER)
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
