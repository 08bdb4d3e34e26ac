"""`calibrate`: hundreds of fits of simulated data, on all cores, resumed where they were left."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..datasets.errors import InputError
from ..datasets.writing import whole_file
from .fit import checked
from .ranking import Plan, replicate
from .sampling.samplers import Settings

if TYPE_CHECKING:
    from .problem import Problem

__all__ = ["calibrate", "read_calibration"]

COLUMNS = (
    "replication", "quantity", "truth", "rank", "of", "mean", "sd", "ess", "r_hat",
    "divergences", "failed_solves", "gradients", "draws", "redraws", "seconds", "failure",
)  # fmt: skip
DIGITS = "%.6g"


def calibrate(
    problem: Problem,
    *,
    replications: int,
    seed: int,
    out: str | Path | None = None,
    ranks: int = 99,
    draws: int = 300,
    tune: int = 300,
    chains: int = 2,
    target_accept: float = 0.9,
    cores: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Fit data simulated from the prior, and rank each truth among the draws of its posterior.

    Parameters
    ----------
    problem : Problem
        Subjects, times, doses and limits of quantification of its data are the design; priors and
        error models are what is calibrated. The measured values do not matter, except where a
        default prior of a residual spread takes its unit from them.
    replications : int
        At least 100 tell something, see `sbc`.
    seed : int
        With the number of a replication it decides all of its random numbers, so that results do
        not depend on where or in which order replications ran.
    out : path, optional
        A csv file that is written whenever a replication ends. Called again with the same
        problem, seed and settings, only what is missing is run.
    ranks : int
        Draws, evenly spaced, among which a truth is ranked.
    draws, tune, chains : int
        Of each fit. Where fewer effective draws than half of ``ranks`` come out, the fit is done
        again with four times the draws.
    target_accept : float
    cores : int, optional
        Processes; default: all processors. Each compiles the model once. With
        ``joblib.parallel_config`` they may be those of a cluster.
    progress : bool
        Show a bar on the terminal's error stream.

    Returns
    -------
    DataFrame
        One row per replication and test quantity, see `ranking.replicate`; for `sbc`.

    Raises
    ------
    InputError
        If a setting has no meaning, data cannot be simulated (rows censored to an interval, or
        values below a limit treated by M1, M5, M6 or M7), or the file holds another calibration.

    Notes
    -----
    Ctrl-C ends the run and loses only the fits that were going on.
    """
    given = Settings(draws, tune, chains, 1, seed, target_accept, "low_rank")
    settings = checked(given, "nutpie")
    if replications < 1 or not 1 <= ranks <= draws * chains:
        raise InputError(
            f"replications ({replications}) and ranks ({ranks}) must be at least 1, and ranks not "
            f"more than all draws of a fit ({draws * chains})."
        )
    plan = Plan(replace(problem), settings, ranks)
    file = None if out is None else Path(out)
    table = begun(file, facts_of(plan))
    done = set(table["replication"])
    waiting = [r for r in range(replications) if r not in done]
    return run(plan, waiting, table, file, cores or -1, progress)


def run(
    plan: Plan, waiting: list[int], table: pd.DataFrame, file: Path | None, cores: int, shown: bool
) -> pd.DataFrame:
    """Run what is waiting; write what ends."""
    workers = joblib.Parallel(n_jobs=cores, return_as="generator_unordered", batch_size=1)
    jobs = (joblib.delayed(replicate)(plan, number) for number in waiting)
    console = Console(stderr=True)
    columns = (TextColumn("calibration"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task("", total=len(waiting) + table["replication"].nunique())
        bar.update(task, completed=table["replication"].nunique())
        for found in workers(jobs):
            table = pd.concat([table, found.reindex(columns=COLUMNS).astype(object)])
            table = table.sort_values("replication", kind="stable", ignore_index=True)
            if file is not None:
                write(table, file, facts_of(plan))
            bar.advance(task)
    table = typed(table)
    table.attrs.update(facts_of(plan))
    return table


def facts_of(plan: Plan) -> dict[str, Any]:
    """Collect what has to agree before a calibration is continued."""
    settings = plan.settings
    return {
        "problem_id": plan.problem.id,
        "seed": settings.seed,
        "ranks": plan.ranks,
        "draws": settings.draws,
        "tune": settings.tune,
        "chains": settings.chains,
        "target_accept": settings.target_accept,
    }


def begun(file: Path | None, facts: dict[str, Any]) -> pd.DataFrame:
    """Replications that are in the file already."""
    if file is None or not file.exists():
        return pd.DataFrame(columns=list(COLUMNS), dtype=object)
    table = read_calibration(file)
    for name, value in facts.items():
        if table.attrs.get(name) != value:
            raise InputError(
                f"{file}: this file holds another calibration: {name} is "
                f"{table.attrs.get(name)!r} there and {value!r} here. Give another file, or the "
                "settings of the first run."
            )
    return table.astype(object)


def write(table: pd.DataFrame, file: Path, facts: dict[str, Any]) -> None:
    """Write all rows, with the facts in the first line; the file is always whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    text.write(f"# {json.dumps(facts)}\n")
    typed(table).to_csv(text, index=False, float_format=DIGITS, lineterminator="\n")
    with whole_file(file) as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns in their types: whole numbers may be missing, in fits that failed."""
    whole = ("rank", "of", "divergences", "failed_solves", "gradients", "draws", "redraws")
    real = ("truth", "mean", "sd", "ess", "r_hat", "seconds")
    types: dict[str, Any] = dict.fromkeys(whole, "Int64") | dict.fromkeys(real, "float64")
    types["replication"] = "int64"
    text = {}
    for name in ("quantity", "failure"):
        column = table[name].astype(object)
        text[name] = column.where(column.notna(), "").astype(str)
    return table.astype(types).assign(**text)


def read_calibration(path: str | Path) -> pd.DataFrame:
    """Read the file of a calibration, finished or not.

    Parameters
    ----------
    path : path
        Written by `calibrate`.

    Returns
    -------
    DataFrame
        As from `calibrate`; ``attrs`` hold problem_id, seed and settings.

    Raises
    ------
    InputError
        If the file is none of a calibration.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    head = ",".join(COLUMNS)
    if len(lines) < 2 or not lines[0].startswith("# {") or lines[1] != head:
        raise InputError(
            f"{path}: this is no file of a calibration: its first line must hold the settings and "
            f"its second the columns {head}."
        )
    table = typed(pd.read_csv(path, skiprows=1))
    table.attrs.update(json.loads(lines[0].removeprefix("# ")))
    return table
