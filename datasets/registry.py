"""The published data sets that come with the package, as data/registry.json states them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .errors import DataFileError, UnknownDataError

__all__ = ["Entry", "entry", "names"]

FOLDER = files(__package__) / "data"


@dataclass(frozen=True)
class Entry:
    """What is known about one data set.

    Parameters
    ----------
    title, kind : str
        What it is; whether it holds means or individual values.
    source, doi, licence : str
        Where it was published, and under which licence.
    obtained : list of str
        How the file was made from the source, one sentence per step.
    file, sha256 : str
        Name in the folder ``data``, and digest of its bytes.
    time_unit, units
        Unit of the times, and of each observable.
    doses : list of mapping
        Rows for `Study.with_doses`; every subject gets them.
    cite : list of mapping
        BibTeX entries: ``type``, ``key`` and fields, as LaTeX reads them.
    """

    title: str
    kind: str
    source: str
    doi: str
    licence: str
    obtained: list[str]
    file: str
    sha256: str
    time_unit: str
    units: Mapping[str, str]
    doses: list[Mapping[str, Any]]
    cite: list[Mapping[str, str]]

    def read(self) -> bytes:
        """Contents of the file.

        Raises
        ------
        DataFileError
            If it is missing or is not the registered one.
        """
        what = f"the data file {self.file!r} of the package"
        try:
            raw = (FOLDER / self.file).read_bytes()
        except OSError as error:
            raise DataFileError(f"{what} is missing. Install cytobayes again.") from error
        found = hashlib.sha256(raw).hexdigest()
        if found != self.sha256:
            raise DataFileError(
                f"{what} was changed: its sha256 is {found[:12]}..., registered is "
                f"{self.sha256[:12]}.... Install cytobayes again. To use a version of your own, "
                "copy the file and read the copy."
            )
        return raw

    def bibtex(self) -> str:
        """BibTeX entries of the sources."""
        return "\n\n".join(map(_bibtex, self.cite))


def names() -> tuple[str, ...]:
    """Names of the published data sets.

    Examples
    --------
    >>> "lps-2ng-kg" in names()
    True
    """
    return tuple(_entries())


def entry(name: str) -> Entry:
    """Look up a data set.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Entry

    Raises
    ------
    UnknownDataError
        If there is no such data set.
    """
    if name not in _entries():
        raise UnknownDataError(name, names())
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
