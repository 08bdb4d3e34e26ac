"""Copies of public data that the user has, or that are downloaded: found, read, digested."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .errors import DataFileError, InputError
from .provenance import Provenance
from .registry import entry
from .wording import counted, shown

__all__ = ["Source", "clipped", "download", "present", "read_source"]

Downloader = Callable[[str, str, object], None]


@dataclass(frozen=True)
class Source:
    """One file of a copy, as read.

    Parameters
    ----------
    rows : DataFrame
        All of its rows, text as text.
    file, sha256 : str
        Name without folder, and digest.
    """

    rows: pd.DataFrame
    file: str
    sha256: str

    def provenance(self, name: str, kept: int, steps: Iterable[str]) -> Provenance:
        """Record what was done with this file.

        Parameters
        ----------
        name : str
            Data set.
        kept : int
            Rows that became observations.
        steps : iterable of str
        """
        known = entry(name)
        return Provenance(
            file=self.file,
            sha256=self.sha256,
            source=known.source,
            licence=known.licence,
            doi=known.doi,
            rows_read=len(self.rows),
            rows_kept=kept,
            steps=tuple(steps),
        )


def present(path: str | Path, layouts: Mapping[str, Sequence[str]], name: str) -> str:
    """Recognize the layout of a folder by its files.

    Parameters
    ----------
    path : str or Path
    layouts : dict of str to sequence of str
        Layout to the files it needs, as patterns relative to the folder.
    name : str
        Data set, for the message.

    Returns
    -------
    str
        The first layout of which all files are there.

    Raises
    ------
    InputError
        If there is none.
    """
    folder = Path(path)
    for layout, patterns in layouts.items():
        if folder.is_dir() and all(any(folder.glob(p)) for p in patterns):
            return layout
    state = "is no folder" if not folder.is_dir() else "does not hold them"
    wanted = "; or ".join(f"{', '.join(map(repr, p))} ({k})" for k, p in layouts.items())
    raise InputError(f"{name} needs a folder with {wanted}. {shown(str(folder), 200)} {state}.")


def read_source(
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = (), private: bool = False
) -> Source:
    """Read some columns of a csv file as text.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        All are required.
    optional : sequence of str
        Further columns, read if they are there.
    private : bool
        Whether the name of the file is not to be recorded.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If the file cannot be read, or a column is missing.
    """
    raw = path.read_bytes()
    try:
        head = pd.read_csv(io.BytesIO(raw), nrows=0).columns
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path.name} is not a csv file: {error}.") from error
    if missing := [c for c in columns if c not in head]:
        raise InputError(
            f"{path.name} has no column {missing[0]!r}. It has {', '.join(map(repr, head[:12]))}."
        )
    wanted = [*columns, *(c for c in optional if c in head)]
    rows = pd.read_csv(io.BytesIO(raw), usecols=wanted, dtype=str)[wanted]
    return Source(rows, "" if private else path.name, hashlib.sha256(raw).hexdigest())


def clipped(
    rows: pd.DataFrame, observable: str, limits: dict[str, object]
) -> tuple[pd.DataFrame, list[str]]:
    """Censor the values of one observable at its stated limits.

    Parameters
    ----------
    rows : DataFrame
        With ``value``; all of this observable.
    observable : str
    limits : dict
        ``lower``: at or below it, left-censored at it. ``upper``: list of values that mean "above",
        or ``upper_range``: from, to; right-censored at the value itself. ``source``: who says so.

    Returns
    -------
    DataFrame
        With the column ``censoring``, and ``value`` at the limit where censored.
    list of str
        What was done, with counts.
    """
    rows, steps = rows.assign(censoring="none"), []
    value, why = rows["value"], limits.get("source", "")
    above = value.isin(_numbers(limits.get("upper")))
    if span := _numbers(limits.get("upper_range")):
        above |= value.between(span[0], span[1])
    if above.any():
        rows.loc[above, "censoring"] = "right"
        steps.append(f"{observable}: {counted(int(above.sum()), 'row')} right-censored ({why})")
    for lower in _numbers(limits.get("lower")):
        below = value <= lower
        if below.any():
            rows = rows.assign(value=value.where(~below, lower))
            rows.loc[below, "censoring"] = "left"
            count = counted(int(below.sum()), "row")
            steps.append(f"{observable}: {count} left-censored at {lower:g} ({why})")
    return rows, steps


def _numbers(given: object) -> list[float]:
    """Numbers of an entry: none, one or several."""
    if given is None:
        return []
    return [float(x) for x in given] if isinstance(given, list | tuple) else [float(str(given))]


def download(name: str, downloader: Downloader | None = None) -> Path:
    """Fetch the files of a data set into the cache of the user, pinned and checked.

    Parameters
    ----------
    name : str
        Data set.
    downloader : callable, optional
        As in ``pooch.retrieve``; for tests.

    Returns
    -------
    Path
        Folder with the files in the layout of their repository.

    Raises
    ------
    InputError
        If this set cannot be downloaded.
    DataFileError
        If a file is not the one that is registered.
    """
    import pooch

    known = entry(name)
    if not known.download:
        raise InputError(f"{name!r} cannot be downloaded: give path=, your copy of it.")
    folder = Path(pooch.os_cache("cytobayes")) / name
    for file in known.download:
        place = folder / file["name"]
        digest = file.get("sha256")
        pooch.retrieve(
            file["url"],
            known_hash=f"sha256:{digest}" if digest else None,
            fname=place.name,
            path=place.parent,
            downloader=downloader,
        )
        if (blob := file.get("blob")) and not git_blob(place.read_bytes()).startswith(blob):
            place.unlink()
            raise DataFileError(
                f"{place.name} of {name!r} is not the registered file (git object {blob}...). It "
                "was removed; try again, or give path=, your copy."
            )
    return folder


def git_blob(raw: bytes) -> str:
    """Digest that git gives the contents of a file."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()
