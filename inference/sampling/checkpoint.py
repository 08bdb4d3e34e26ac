"""What a fit leaves on disk while it runs, so that a killed process costs a minute and not a night.

A folder holds ``checkpoint.json`` (what is fitted, and how), ``starts.npz`` (start points and
degrees of centering, which a pilot may have taken minutes to find) and the files of each chain,
``chain-2-0.nc`` and on: one for each process that worked on it, and one more each time that draws
are added in the end. Files are replaced as a whole, at most `EVERY` seconds apart. No file holds
code: all are read as plain numbers and text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import xarray as xr
from filelock import FileLock, Timeout
from scipy import sparse

from ..._version import __version__
from ...datasets.errors import InputError
from ...datasets.writing import whole_file, write_netcdf
from .coordinates import Affine
from .starts import Starts

if TYPE_CHECKING:
    from ..problem import Problem
    from .samplers import Settings

__all__ = ["EVERY", "Begun", "Checkpoint", "has_checkpoint"]

EVERY = 30.0  # seconds between two times that a running chain is written
ABOUT, STARTS = "checkpoint.json", "starts.npz"


@dataclass(frozen=True, eq=False)
class Begun:
    """What has to be known before the first draw.

    Parameters
    ----------
    starts : Starts
    degrees : float64[parameter, subject]
        Degrees of centering; empty where there are none.
    coordinates : Affine, optional
        In which the chains move; default: those of the unconstrained space.
    """

    starts: Starts
    degrees: npt.NDArray[np.float64]
    coordinates: Affine | None = None


def has_checkpoint(folder: Path) -> bool:
    """Whether ``folder`` holds something to resume."""
    return (folder / STARTS).is_file()


class Checkpoint:
    """State of a fit on disk; a second process is kept out while one works on it.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    problem : Problem
    settings : Settings
        The number of cores may differ between processes, nothing else.

    Raises
    ------
    InputError
        If the folder belongs to another fit, cannot be read, or is in use.
    """

    def __init__(self, folder: Path, problem: Problem, settings: Settings) -> None:
        self.folder = folder
        self.processes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"{folder} is in use by another process") from None
        try:
            self._open(identity(problem, settings))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let other processes in."""
        self._lock.release()

    def _open(self, wanted: dict[str, Any]) -> None:
        for half in self.folder.glob(".*-*.*"):  # left by a process that was killed as it wrote
            half.unlink()
        path = self.folder / ABOUT
        with _readable(path):
            found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            self.processes = int(found.pop("processes", 0))
        differing = [n for n in wanted if found and found.get(n) != wanted[n]]
        if differing:
            name = differing[0]
            raise InputError(
                f"{self.folder} holds another fit: its {name} is {found.get(name)}, now it is "
                f"{wanted[name]}. Give another folder, or delete this one to begin anew."
            )
        with whole_file(path) as part:
            text = json.dumps({**wanted, "processes": self.processes + 1}, indent=1)
            part.write_text(text, encoding="utf-8")

    @property
    def resumed(self) -> bool:
        """Whether an earlier process left something here."""
        return has_checkpoint(self.folder)

    def begun(self) -> Begun | None:
        """Start points that an earlier process found."""
        if not self.resumed:
            return None
        path = self.folder / STARTS
        with _readable(path), np.load(path, allow_pickle=False) as kept:
            starts = Starts(list(kept["points"]), kept["optima"].tolist(), int(kept["kept"]))
            return Begun(starts, kept["degrees"], affine_of(kept))

    def save_begun(self, begun: Begun) -> None:
        """Keep start points."""
        starts = begun.starts
        with whole_file(self.folder / STARTS) as part, part.open("wb") as stream:
            arrays = {
                "points": np.array(starts.points),
                "optima": np.array(starts.optima),
                "kept": np.array(starts.kept),
                "degrees": begun.degrees,
                **arrays_of(begun.coordinates),
            }
            np.savez(stream, allow_pickle=False, **arrays)

    def save(self, chain: int, segment: int, tree: xr.DataTree) -> None:
        """Keep the newest part of a chain."""
        write_netcdf(tree, self._path(chain, segment))

    def segments(self, chain: int) -> list[xr.DataTree]:
        """All parts of a chain, oldest first."""
        found: list[xr.DataTree] = []
        while (path := self._path(chain, len(found))).is_file():
            found.append(read(path))
        return found

    def _path(self, chain: int, segment: int) -> Path:
        return self.folder / f"chain-{chain}-{segment}.nc"


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name a file that is damaged, or is not what this program wrote."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read ({error}), and without it the run cannot go on. Begin anew "
            "with cytobayes fit --force, or in Python with another folder."
        ) from None


def arrays_of(affine: Affine | None) -> dict[str, npt.NDArray[Any]]:
    """Plain arrays that hold a map."""
    if affine is None:
        return {}
    f = affine.factor
    return {"center": affine.center, "entries": f.data, "columns": f.indices, "begins": f.indptr}


def affine_of(kept: Mapping[str, npt.NDArray[Any]]) -> Affine | None:
    """Map that `arrays_of` took apart."""
    if "center" not in kept:
        return None
    n = kept["center"].size
    parts = (kept["entries"], kept["columns"], kept["begins"])
    return Affine(kept["center"], sparse.csr_array(parts, shape=(n, n)))


def read(path: Path) -> xr.DataTree:
    """Read one file into memory."""
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} cannot be read ({error}). Delete this file to draw what it held again, and "
            "the newer files of the same chain with it."
        ) from None


def identity(problem: Problem, settings: Settings) -> dict[str, Any]:
    """All on which the draws depend, under the names that a message may use."""
    chosen = {n: v for n, v in asdict(settings).items() if n != "cores"}
    engine = "" if problem.model.is_closed_form else problem.compiled.source_hash
    return {
        "problem": problem.id,
        **chosen,
        "engine": engine,
        "cytobayes": __version__,
    }
