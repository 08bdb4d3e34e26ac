"""The run folder: what one fit leaves on disk, whole or not at all.

``posterior.nc`` (posterior, statistics, the data themselves; ArviZ opens it), ``analysis.toml``
(reproduces the run), ``report.html`` and ``tables/*.csv``. A run is written into a folder beside
its destination, ``.NAME.partial``, and renamed when it is complete; while the chains run it holds
their checkpoint, so that a run which was killed can be found and resumed. A run that was
interrupted keeps its checkpoint too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ..datasets.errors import InputError
from ..datasets.writing import whole_file, write_netcdf
from .analysis_file import is_analysis, read_analysis, write_text

if TYPE_CHECKING:
    import xarray as xr

    from ..datasets.study import Study
    from .analysis import Analysis
    from .problem import Problem

__all__ = [
    "CHECKPOINT",
    "PDF",
    "REPORT",
    "Run",
    "is_resumable",
    "is_run",
    "new_run",
    "open_run",
    "resumed_run",
    "save_begun",
    "save_run",
    "unfinished",
]

POSTERIOR = "posterior.nc"
ANALYSIS = "analysis.toml"
REPORT = "report.html"
PDF = "report.pdf"
TABLES = "tables"
CHECKPOINT = "checkpoint"
LOCK = ".lock"
OWN = (POSTERIOR, ANALYSIS, REPORT, PDF, TABLES, CHECKPOINT)


@dataclass(frozen=True)
class Run:
    """A finished run, read back.

    Parameters
    ----------
    folder : Path
    tree : DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data`` ... and ``study``.
    analysis : Analysis
    study : Study
        The data that were fitted, as kept in the run.
    """

    folder: Path
    tree: xr.DataTree
    analysis: Analysis
    study: Study


def is_run(folder: Path) -> bool:
    """Whether ``folder`` was written by this program (and may be replaced by it)."""
    return is_analysis(folder / ANALYSIS)


@contextmanager
def new_run(folder: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes ``folder`` when the block ends without an error.

    Parameters
    ----------
    folder : path
        Destination. Must not exist, unless it is empty.
    force : bool
        Replace an existing *run*; files in it that this program did not write are carried over.

    Yields
    ------
    Path
        The folder to write into, beside the destination.

    Raises
    ------
    InputError
        If the destination exists and may not be replaced, or cannot be written. Raised before the
        block runs, so that no fit is lost to a misspelled option.
    """
    target = Path(folder).absolute()
    _refuse(target, force)
    partial = unfinished(target)
    with _owned(partial):
        if is_resumable(partial) and not force:
            raise InputError(
                f"a run to {target} was not finished. Go on with it: cytobayes resume {folder}; "
                "or begin anew with --force"
            )
        _clear(partial)
        with _finished(partial, target, force):
            yield partial


@contextmanager
def resumed_run(folder: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Give the folder of a run that was killed or interrupted, as `new_run` does.

    Parameters
    ----------
    folder : path
        Destination of the run, as it was given to `new_run`.
    force : bool
        Replace a complete run that stands there.

    Yields
    ------
    Path
        The folder to write into; holds the analysis file and the checkpoint.

    Raises
    ------
    InputError
        If there is nothing to resume, or another process works on it.
    """
    target = Path(folder).absolute()
    partial = unfinished(target)
    interrupted = is_resumable(target)
    if not is_resumable(partial):
        if not interrupted:
            why = "is complete" if is_run(target) else "does not exist, nor an unfinished run to it"
            raise InputError(f"{target} {why}: there is nothing to resume")
        copy = partial.with_name(f"{partial.name}-{uuid4().hex[:8]}")
        shutil.copytree(target, copy)
        copy.rename(partial)
    elif not interrupted:
        _refuse(target, force)
    with _owned(partial):
        for half in partial.glob(".*-*"):  # left by a process that was killed as it wrote
            half.unlink()
        with _finished(partial, target, force or interrupted):
            yield partial


def unfinished(target: Path) -> Path:
    """Where a run is written before it is complete."""
    return target.absolute().with_name(f".{target.name}.partial")


def is_resumable(folder: Path) -> bool:
    """Whether a folder of a run, complete or not, holds the state of its chains."""
    from .sampling.checkpoint import has_checkpoint

    return has_checkpoint(folder / CHECKPOINT) and is_run(folder)


@contextmanager
def _owned(partial: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if it is not there."""
    from filelock import FileLock, Timeout

    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write to {partial.parent}: {error.strerror}; choose another folder with --out"
        ) from None
    lock = FileLock(partial / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another process is writing a run in {partial}; choose another folder with --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _clear(partial: Path) -> None:
    """Remove what a process left that was killed before it had something to resume."""
    for entry in partial.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


@contextmanager
def _finished(partial: Path, target: Path, force: bool) -> Iterator[None]:
    """Move the folder to its destination; after an error, remove it if nothing can be resumed."""
    try:
        yield
    except BaseException:
        if not is_resumable(partial):
            shutil.rmtree(partial, ignore_errors=True)
        raise
    (partial / LOCK).unlink(missing_ok=True)
    _move_in(partial, target, force)


def _refuse(target: Path, force: bool) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; choose a folder with --out")
    if not any(target.iterdir()):
        return
    if not is_run(target):
        raise InputError(
            f"{target} exists and is not a run of cytobayes, so it is never replaced; "
            "choose another folder with --out"
        )
    if not force:
        raise InputError(
            f"{target} already holds a run; choose another folder with --out, "
            "or replace it with --force"
        )


def _move_in(partial: Path, target: Path, force: bool) -> None:
    """Put the finished folder in its place; if someone else took the place, lose nothing."""
    try:
        _refuse(target, force)
        if not target.exists():
            partial.rename(target)
            return
        old = target.with_name(f".{target.name}.old-{uuid4().hex[:8]}")
        target.rename(old)
        try:
            partial.rename(target)
        except OSError:
            old.rename(target)
            raise
    except (InputError, OSError) as error:
        raise InputError(
            f"the run is complete but could not be moved to {target} ({error}); "
            f"it is kept in {partial}"
        ) from None
    for entry in [e for e in old.iterdir() if e.name not in OWN]:
        entry.rename(target / entry.name)
    shutil.rmtree(old)


def save_run(folder: Path, tree: xr.DataTree, problem: Problem, analysis: Analysis) -> None:
    """Write the posterior with its data, and the analysis file, into an existing folder.

    Parameters
    ----------
    folder : Path
        As given by `new_run`.
    tree : DataTree
        As returned by `fit`.
    problem : Problem
        What was fitted; its data are kept inside the file.
    analysis : Analysis
    """
    whole = tree.copy()
    whole["study"] = problem.data.tree
    write_netcdf(whole, folder / POSTERIOR)
    written = replace(analysis.moved(folder), problem=problem.id)
    units = {name: problem.unit(name) for name in problem.all_priors}
    with whole_file(folder / ANALYSIS) as part:
        part.write_text(write_text(written, units), encoding="utf-8")


def save_begun(folder: Path, problem: Problem, analysis: Analysis) -> None:
    """Write what a resumed run has to know: the analysis, and a copy of the data.

    Parameters
    ----------
    folder : Path
        As given by `new_run`.
    problem : Problem
    analysis : Analysis
    """
    import xarray as xr

    data = xr.DataTree.from_dict({"study": problem.data.tree})
    write_netcdf(data, folder / POSTERIOR)
    written = replace(analysis.moved(folder), problem=problem.id)
    with whole_file(folder / ANALYSIS) as part:
        part.write_text(write_text(written), encoding="utf-8")


def open_run(folder: str | Path) -> Run:
    """Read a run folder back.

    Raises
    ------
    InputError
        If the folder does not exist, is not a run, or was written by a release that used another
        layout.
    """
    import arviz as az

    from ..datasets.study import Study

    path = Path(folder)
    if not path.is_dir():
        raise InputError(
            f"there is no folder {path}; runs are made by: cytobayes fit ... --out {path}"
        )
    if not is_run(path):
        raise InputError(
            f"{path} is not a run of cytobayes: it has no readable {ANALYSIS}; "
            "give the folder that was named with --out"
        )
    analysis = read_analysis(path / ANALYSIS)
    try:
        tree = az.from_netcdf(path / POSTERIOR)
        study = Study.from_tree(tree["study"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path / POSTERIOR} cannot be read ({error}); repeat the run: "
            f"cytobayes fit {path / ANALYSIS} --out NEW_FOLDER"
        ) from None
    return Run(path, tree, analysis, study)
