"""Where the data of an analysis are, and how they are found again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.errors import InputError

if TYPE_CHECKING:
    from ..datasets.study import Study

__all__ = ["KEPT", "DataSource", "digest", "kept_study"]

KEPT = "posterior.nc"  # of a run: holds a copy of the data
COPIED = "individual (loader)"  # kind of the sets that do not come with the package


@dataclass(frozen=True)
class DataSource:
    """Where the data of an analysis are: a published set by name, a file, or a copy of a set.

    Parameters
    ----------
    name : str
        Name of a set that comes with the package, or of one of which the user has a copy; empty
        for a file.
    file : str
        Path of a table, of a ``posterior.nc`` that keeps the data of a run, or of the copy of the
        set; relative to the folder of the analysis file.
    sha256 : str
        Digest of a table; one that has changed since is refused.
    options : mapping
        Of the loader of a set that does not come with the package: ``observables`` and the like.
        Of a table: how it is read, arguments of `read_table`.
    patients : str
        Path of another table, with a row per patient; relative as ``file``.
    """

    name: str = ""
    file: str = ""
    sha256: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    patients: str = ""

    @classmethod
    def of(
        cls, name_or_path: str, patients: str = "", reading: Mapping[str, Any] | None = None
    ) -> DataSource:
        """Describe what ``--data`` named, ``SET=COPY`` for a copy; a file is digested.

        Parameters
        ----------
        name_or_path : str
        patients : str
            Path of a table with a row per patient.
        reading : mapping, optional
            How a table is read.

        Raises
        ------
        InputError
            If a published set is to be read in some way, or an option cannot be meant.
        """
        from ..datasets import names
        from ..datasets.options import checked_options

        options = checked_options(reading or {}, "options")
        name, equals, copy = name_or_path.partition("=")
        if equals and name in names(COPIED):
            return cls(name=name, file=copy)
        path = Path(name_or_path)
        if name_or_path in names() or not path.is_file():
            if (options or patients) and name_or_path in names():
                raise InputError(
                    f"{name_or_path!r} is a published data set, whose columns, units and patients "
                    "are known: leave out the options for files"
                )
            return cls(name=name_or_path)
        return cls(file=name_or_path, sha256=digest(path), options=options, patients=patients)

    @property
    def is_copy(self) -> bool:
        """Whether it is the user's copy of a set that does not come with the package."""
        from ..datasets import names

        return self.name in names(COPIED)

    def open(self, folder: Path) -> Study:
        """Read the data.

        Parameters
        ----------
        folder : Path
            What a relative path is relative to.

        Raises
        ------
        InputError
            If there are none, they cannot be read, or the file has changed.
        """
        from ..datasets import load, open_study

        path = folder / self.file
        if self.name and not self.is_copy:
            return open_study(self.name)
        there = bool(self.file) and path.exists()
        if self.name and (there or not (folder / KEPT).exists()):
            return load(self.name, path if self.file else None, **self.options)
        if not there and (folder / KEPT).exists():
            path = folder / KEPT  # the table is gone, the run kept its content
        if path.suffix == ".nc":
            return kept_study(path)
        if self.sha256 and path.is_file() and digest(path) != self.sha256:
            raise InputError(
                f"{path} has changed since the analysis was written. Restore it, or delete the "
                "line sha256 from the analysis file to fit it as it is now."
            )
        patients = folder / self.patients if self.patients else None
        return open_study(path, patients=patients, **self.options)


def digest(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def kept_study(path: Path) -> Study:
    """Read the data that a run kept."""
    import xarray as xr

    from ..datasets import Study

    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return Study.from_tree(tree.children["study"].load())
    except (OSError, KeyError) as error:
        raise InputError(f"{path} holds no data that can be read ({error})") from None
