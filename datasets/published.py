"""Data sets that come with the package: by name, with source, licence and citation."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import DataFileError, InputError, UnknownDataError
from .files import nearby
from .provenance import Provenance
from .study import Study
from .table import parse_table, read_table
from .wording import shown

__all__ = ["cite", "load", "names", "open_study"]

FOLDER = files(__package__) / "data"


def names() -> tuple[str, ...]:
    """Names that `load` knows.

    Examples
    --------
    >>> "lps-2ng-kg" in names()
    True
    """
    return tuple(_registry())


def load(name: str) -> Study:
    """Read a data set that comes with the package.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Study
        With doses, units, source, DOI and licence.

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    DataFileError
        If its file is missing or was changed.

    Examples
    --------
    >>> load("lps-2ng-kg").observables
    ('TNF', 'IL6', 'IL8', 'IL10')
    """
    entry = _entry(name)
    file = str(entry["file"])
    raw = _checked(file, str(entry["sha256"]))
    origin = Provenance(
        source=str(entry["source"]),
        licence=str(entry["licence"]),
        doi=str(entry["doi"]),
        steps=tuple(entry["obtained"]),
    )
    study = parse_table(raw, file, name=name, time_unit=entry["time_unit"], origin=origin)
    return study.with_doses(pd.DataFrame(entry["doses"])) if entry["doses"] else study


def cite(name: str) -> str:
    """BibTeX entries of the sources of a data set.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    str
        One or more entries; texts are printed as LaTeX reads them.

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    """
    return "\n\n".join(map(_bibtex, _entry(name)["cite"]))


def open_study(
    name_or_path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    time_unit: str | None = None,
) -> Study:
    """Return a published data set by its name, or read a file.

    Parameters
    ----------
    name_or_path : str or Path
        One of `names`, else the path of a file. A file that has the name of a data set is read
        when it is given as a ``Path`` or as ``./NAME``.
    columns, time_unit
        As in `read_table`; only for a file.

    Returns
    -------
    Study

    Raises
    ------
    UnknownDataError
        If it is neither a name nor a file.
    TableError
        If the file cannot be read.
    InputError
        If ``columns`` or ``time_unit`` are given with a name.
    """
    if isinstance(name_or_path, str) and name_or_path in _registry():
        if columns or time_unit:
            raise InputError(
                f"{name_or_path!r} is a published data set: its columns and units are known. "
                "Leave out columns and time_unit; they are for files."
            )
        return load(name_or_path)
    text = os.fspath(name_or_path)
    if not os.path.lexists(text):
        detail = f"{shown(text, 200)} is neither the name of a data set nor a file that exists."
        raise UnknownDataError(text, names(), f"{detail} {nearby(Path(text))}")
    return read_table(name_or_path, columns, time_unit=time_unit)


@cache
def _registry() -> dict[str, dict[str, Any]]:
    """Entries of data/registry.json by name."""
    entries: dict[str, dict[str, Any]] = json.loads(
        (FOLDER / "registry.json").read_text(encoding="utf-8")
    )
    return entries


def _entry(name: str) -> dict[str, Any]:
    """Entry of one data set."""
    if name not in _registry():
        raise UnknownDataError(name, names())
    return _registry()[name]


def _checked(file: str, sha256: str) -> bytes:
    """Bytes of a shipped file, if they are the registered ones."""
    try:
        raw = (FOLDER / file).read_bytes()
    except OSError as error:
        raise DataFileError(
            f"the data file {file!r} of the package is missing. Install cytobayes again."
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise DataFileError(
            f"the data file {file!r} of the package was changed: its sha256 is {found[:12]}..., "
            f"registered is {sha256[:12]}.... Install cytobayes again. To use your own version, "
            "copy the file and read the copy."
        )
    return raw


def _bibtex(fields: Mapping[str, str]) -> str:
    """One BibTeX entry; ``type`` and ``key`` head it, the other fields follow in order."""
    body = [f"  {k} = {{{v}}}," for k, v in fields.items() if k not in ("type", "key")]
    return "\n".join([f"@{fields['type']}{{{fields['key']},", *body, "}"])
