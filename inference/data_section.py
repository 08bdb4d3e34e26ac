"""The section ``[data]`` of an analysis file: where the data are, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..datasets.errors import InputError
from ..datasets.options import PLAIN, checked_options
from ..datasets.wording import closest
from .data_source import DataSource
from .toml import read_section

__all__ = ["read_source", "write_source"]


def write_source(source: DataSource) -> dict[str, Any]:
    """Lines of the section.

    Parameters
    ----------
    source : DataSource

    Returns
    -------
    dict
        For a table, the options that say how it is read stand beside its name.
    """
    lines: dict[str, Any] = {k: v for k, v in asdict(source).items() if v}
    if source.name or "options" not in lines:
        return lines
    options: dict[str, Any] = lines.pop("options")
    for name, both in options.get("limits", {}).items():
        options["limits"][name] = ["" if limit is None else limit for limit in both]
    return lines | options


def read_source(table: Mapping[str, Any], where: str) -> DataSource:
    """Read the section.

    Parameters
    ----------
    table : mapping
        As it was read from TOML.
    where : str
        Begins every message.

    Returns
    -------
    DataSource

    Raises
    ------
    InputError
        If it names no data, two of them, or states what has no meaning.
    """
    known = (*(f.name for f in fields(DataSource)), *PLAIN)
    for key in table:
        if key not in known:
            guess = closest(key, known)
            hint = f"did you mean {guess!r}?" if guess else f"there are {', '.join(known)}"
            raise InputError(f"{where}: there is no setting {key!r}; {hint}")
    reading = {key: value for key, value in table.items() if key in PLAIN}
    source = read_section(DataSource, {k: v for k, v in table.items() if k not in reading}, where)
    if bool(source.name) == bool(source.file) and not source.is_copy:
        raise InputError(f"{where}: give name (a published set) or file, one of the two")
    if not isinstance(source.options, Mapping) or (source.options and not source.is_copy):
        raise InputError(f"{where}: options belong to a set of which you have a copy")
    if source.name and (reading or source.patients):
        first = min([*reading, *(["patients"] if source.patients else [])])
        raise InputError(f"{where}: {first} says how a file is read, and there is none")
    if not reading:
        return source
    options = checked_options(reading, where)
    return DataSource(
        file=source.file, sha256=source.sha256, options=options, patients=source.patients
    )
