"""All data sets that are known by name, as data/registry.json states them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from .errors import DataFileError, UnknownDataError

__all__ = ["KINDS", "Entry", "catalog", "entry", "names"]

FOLDER = files(__package__) / "data"
KINDS = (
    "time course",
    "virtual cohort",
    "dose response",
    "rates",
    "parameters",
    "truth",
    "individual (loader)",
)
EMBEDDED = ("time course", "virtual cohort")  # studies that need no copy


@dataclass(frozen=True)
class Entry:
    """What is known about one data set.

    Parameters
    ----------
    title, kind, size : str
        What it is, one of `KINDS`, and how much of it there is.
    source, doi, licence : str
        Where it was published, and under which licence.
    obtained : list of str
        How the file was made from the source, or what a loader does: one sentence per step.
    cite : list of mapping
        BibTeX entries: ``type``, ``key`` and fields, as LaTeX reads them.
    file, sha256 : str
        Name in the folder ``data``, and digest of its bytes. Loaders have none.
    units
        Unit of each observable, or of each column of a table that has one.
    time_unit : str
        Unit of the times.
    doses : list of mapping
        Rows for `Study.with_doses`; every subject gets them.
    loader : str
        Module of this package that reads a copy of the user.
    download : list of mapping
        Files that the loader may fetch: ``url`` (pinned), ``sha256`` or ``blob`` (the beginning
        of git's own digest) where known, and ``name``, their place in the folder.
    parts : mapping of file to sha256
        Further files in the folder ``data``.
    inputs : mapping of parameter to covariate
        Parameters of models that the set states for each subject: ``{"B0rel": "burden"}``.
    """

    title: str
    kind: str
    size: str
    source: str
    doi: str
    licence: str
    obtained: list[str]
    cite: list[Mapping[str, str]]
    file: str = ""
    sha256: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = ""
    doses: list[Mapping[str, Any]] = field(default_factory=list)
    loader: str = ""
    download: list[Mapping[str, str]] = field(default_factory=list)
    parts: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)

    def read(self, part: str = "") -> bytes:
        """Contents of the file, or of one of the parts.

        Raises
        ------
        DataFileError
            If it is missing or is not the registered one.
        """
        file, registered = (part, self.parts[part]) if part else (self.file, self.sha256)
        what = f"the data file {file!r} of the package"
        try:
            raw = (FOLDER / file).read_bytes()
        except OSError as error:
            raise DataFileError(f"{what} is missing. Install cytobayes again.") from error
        found = hashlib.sha256(raw).hexdigest()
        if found != registered:
            raise DataFileError(
                f"{what} was changed: its sha256 is {found[:12]}..., registered is "
                f"{registered[:12]}.... Install cytobayes again. To use a version of your own, "
                "copy the file and read the copy."
            )
        return raw

    def bibtex(self) -> str:
        """BibTeX entries of the sources."""
        return "\n\n".join(map(_bibtex, self.cite))


def names(kind: str | None = None) -> tuple[str, ...]:
    """Names of the data sets of one kind.

    Parameters
    ----------
    kind : str, optional
        One of `KINDS`; "all" for all of them. The default is what `load` gives without a copy.

    Examples
    --------
    >>> "lps-2ng-kg" in names(), "nih-cd22" in names(), "nih-cd22" in names("all")
    (True, False, True)
    """
    if kind is None:
        return tuple(n for n, e in _entries().items() if e.kind in EMBEDDED)
    return tuple(n for n, e in _entries().items() if kind in ("all", e.kind))


def catalog() -> Mapping[str, Entry]:
    """All entries by name."""
    return dict(_entries())


def entry(name: str) -> Entry:
    """Look up a data set.

    Parameters
    ----------
    name : str
        One of ``names("all")``.

    Returns
    -------
    Entry

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    """
    if name not in _entries():
        raise UnknownDataError(name, names("all"))
    return _entries()[name]


@cache
def _entries() -> dict[str, Entry]:
    """Read the registry once."""
    stored = json.loads((FOLDER / "registry.json").read_text(encoding="utf-8"))
    return {name: Entry(**fields) for name, fields in stored.items()}


def _bibtex(fields: Mapping[str, str]) -> str:
    """One entry; ``type`` and ``key`` head it, the other fields follow in order."""
    body = [f"  {k} = {{{v}}}," for k, v in fields.items() if k not in ("type", "key")]
    return "\n".join([f"@{fields['type']}{{{fields['key']},", *body, "}"])
