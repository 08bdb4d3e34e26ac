"""Data sets by name: Studies and tables that come with the package, and loaders for copies."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import InputError, UnknownDataError
from .files import nearby
from .provenance import Provenance
from .registry import EMBEDDED, Entry, entry, names
from .study import Study
from .table import parse_table, read_table
from .wording import closest, shown

__all__ = ["cite", "load", "load_table", "open_study"]


def load(name: str, path: str | Path | None = None, **options: Any) -> Study:
    """Return a data set as a Study: one that comes with the package, or a copy of the user.

    Parameters
    ----------
    name : str
        One of ``names()``, or of ``names("individual (loader)")``.
    path : str or Path, optional
        Only for a loader: the file or folder that the user has. Without it the files are
        downloaded (pinned and checked) into the cache of the user, where the source allows it.
    **options
        Only for a loader: see its module, such as ``datasets/nih_cd22.py``.

    Returns
    -------
    Study
        With doses, units, source, DOI, licence, and every step of the cleaning with its counts.

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    DataFileError
        If its file is missing or was changed.
    InputError
        If the set is a table, or the copy is not as expected.

    Examples
    --------
    >>> load("lps-2ng-kg").observables
    ('TNF', 'IL6', 'IL8', 'IL10')
    """
    known = entry(name)
    if known.kind in EMBEDDED and (path is not None or options):
        raise InputError(f"{name!r} comes with the package: leave out path and options.")
    if known.loader:
        module = import_module(f".{known.loader}", __package__)
        study: Study = module.read(path, **options)
        return study
    if known.kind != "time course":
        raise InputError(f"{name!r} is a table of {known.kind}: use load_table({name!r}).")
    study = parse_table(
        known.read(), known.file, name=name, time_unit=known.time_unit, origin=_origin(known)
    )
    return study.with_doses(pd.DataFrame(known.doses)) if known.doses else study


def load_table(name: str) -> pd.DataFrame:
    """Return a published table: rates, parameters or a dose response.

    Parameters
    ----------
    name : str
        One of ``names("rates")``, ``names("parameters")`` or ``names("dose response")``.

    Returns
    -------
    DataFrame
        As published. ``attrs`` holds ``name``, ``title``, ``kind``, ``source``, ``doi``,
        ``licence``, ``obtained`` (how the table was made) and ``units`` (of columns).

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    InputError
        If it is not a table.

    Examples
    --------
    >>> table = load_table("hibma-2026").set_index("parameter")
    >>> float(table.loc["ln_ctrough", "value"]), table.attrs["doi"]
    (1.35, '10.1007/s40262-026-01663-z')
    """
    known = entry(name)
    if not known.file or known.kind in EMBEDDED:
        raise InputError(f"{name!r} is no table but individual or mean values: use load({name!r}).")
    table = pd.read_csv(io.BytesIO(known.read()), keep_default_na=False, na_values=[""])
    table.attrs = {
        "name": name,
        **{k: getattr(known, k) for k in ("title", "kind", "source", "doi", "licence")},
        "obtained": list(known.obtained),
        "units": dict(known.units),
    }
    return table


def cite(name: str) -> str:
    """BibTeX entries of the sources of a data set.

    Parameters
    ----------
    name : str
        One of ``names("all")``.

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
    **options: Any,
) -> Study:
    """Return a published data set by its name, or read a file.

    Parameters
    ----------
    name_or_path : str or Path
        One of `names`, else the path of a file. A file that has the name of a data set is read
        when it is given as a ``Path`` or as ``./NAME``.
    columns, **options
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
        If options are given with a name, or the name is not of a set that
        comes with the package as a Study.
    """
    if isinstance(name_or_path, str) and name_or_path in names():
        if columns or any(options.values()):
            given = ", ".join(["columns"] * bool(columns) + [k for k, v in options.items() if v])
            raise InputError(
                f"{name_or_path!r} is a published data set: its columns and units are known. "
                f"Leave out {given}; they are for files."
            )
        return load(name_or_path)
    text = os.fspath(name_or_path)
    if not os.path.lexists(text):
        _refuse_other_kind(text)
        detail = f"{shown(text, 200)} is neither the name of a data set nor a file that exists."
        hint = "" if closest(text, names()) else f" {nearby(Path(text))}"
        raise UnknownDataError(text, names(), detail + hint)
    return read_table(name_or_path, columns, **options)


def _refuse_other_kind(name: str) -> None:
    """Say how to get at a set that is known but is no Study of the package."""
    if name in names("individual (loader)"):
        raise InputError(
            f"{name!r} does not come with the package. {name}=COPY as --data of cytobayes fit, or "
            f"load({name!r}, path=COPY) in Python, reads your copy of it."
        )
    if name in names("all"):
        raise InputError(f"{name!r} is a table of {entry(name).kind}, not data to fit.")


def _origin(known: Entry) -> Provenance:
    """Source of a set that comes with the package."""
    return Provenance(
        source=known.source, licence=known.licence, doi=known.doi, steps=tuple(known.obtained)
    )
