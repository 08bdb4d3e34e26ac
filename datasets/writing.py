"""Files and folders that are there whole or not at all, also when the disk is full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from .errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["whole_file", "whole_folder", "write_netcdf"]


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; it takes its place when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        What is to be written or replaced. A file that is there stays as it was until then.

    Yields
    ------
    Path
        In the same folder, hidden, with the same ending.

    Raises
    ------
    InputError
        If it cannot be written: the disk is full, or the folder is read-only or not there.
    """
    target = Path(path)
    part = target.with_name(f".{uuid4().hex[:8]}-{target.name}")
    try:
        with _told(target):
            yield part
            part.replace(target)
    finally:
        _drop(part)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to fill; it takes the place of ``path`` when the block ends.

    Parameters
    ----------
    path : Path
        Folder to make or to replace. One that is there stays as it was until then.

    Yields
    ------
    Path
        Beside it, hidden.

    Raises
    ------
    InputError
        As in `whole_file`.
    """
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with _told(path):
            part.mkdir()
            yield part
            shutil.rmtree(path, ignore_errors=True)
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_netcdf(tree: xr.DataTree | xr.Dataset, path: str | Path) -> None:
    """Write labelled arrays to a netCDF file.

    The file is made in memory first: when the HDF5 library itself runs into a full disk it cannot
    close its file and ends the process, and draws that were in memory are lost with it.

    Raises
    ------
    InputError
        As in `whole_file`.
    """
    with tree.to_netcdf(engine="h5netcdf") as view:
        content = bytes(view)  # a view that an error keeps alive would outlive what it shows
    with whole_file(path) as part:
        part.write_bytes(content)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in one sentence that a file cannot be written, and why."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(
            f"cannot write {path}: {why}; free some space there, or choose another place"
        ) from error


def _drop(part: Path) -> None:
    """Remove what is half written; a folder that has become read-only is no second error."""
    with suppress(OSError):
        part.unlink(missing_ok=True)
