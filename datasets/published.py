"""Data sets that come with the package: by name, with source, licence and citation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from .errors import InputError, UnknownDataError
from .files import nearby
from .provenance import Provenance
from .registry import entry, names
from .study import Study
from .table import parse_table, read_table
from .wording import closest, shown

__all__ = ["cite", "load", "open_study"]


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
    known = entry(name)
    origin = Provenance(
        source=known.source, licence=known.licence, doi=known.doi, steps=tuple(known.obtained)
    )
    study = parse_table(
        known.read(), known.file, name=name, time_unit=known.time_unit, origin=origin
    )
    return study.with_doses(pd.DataFrame(known.doses)) if known.doses else study


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
    return entry(name).bibtex()


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
    if isinstance(name_or_path, str) and name_or_path in names():
        if columns or time_unit:
            raise InputError(
                f"{name_or_path!r} is a published data set: its columns and units are known. "
                "Leave out columns and time_unit; they are for files."
            )
        return load(name_or_path)
    text = os.fspath(name_or_path)
    if not os.path.lexists(text):
        detail = f"{shown(text, 200)} is neither the name of a data set nor a file that exists."
        hint = "" if closest(text, names()) else f" {nearby(Path(text))}"
        raise UnknownDataError(text, names(), detail + hint)
    return read_table(name_or_path, columns, time_unit=time_unit)
