"""What the command ``compare`` does: runs opened, left-out rows and subjects scored, told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ...datasets.errors import InputError
from ...datasets.writing import whole_file
from ..checks.check import Check
from ..checks.comparison import compared, records_of, refuse_different_rows
from ..checks.convergence import convergence
from ..checks.loo import label, units_of
from ..console import say, show
from ..run import Run, open_run
from .averaging import average_runs
from .prediction import Prediction, write_prediction

__all__ = ["Comparison", "compare_runs", "run_comparison"]

BY = ("observation", "subject")
AVERAGED = "averaged.csv"
COLUMNS = {
    "elpd": "elpd", "elpd_diff": "difference", "dse": "its se", "weight": "weight",
    "high_k": "high k",
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Fits compared by what was left out.

    Parameters
    ----------
    checks : dict of "observation" or "subject" to Check
    left_out : DataFrame
        One row per run and unit: by, run, subject, time, observable, elpd, pareto_k, good.
    notes : tuple of str
        What makes the numbers doubtful.
    """

    checks: dict[str, Check]
    left_out: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row per run and ``by``, best first."""
        return pd.concat(
            [check.table.assign(by=by) for by, check in self.checks.items()], ignore_index=True
        )[["by", "model", *COLUMNS]].rename(columns={"model": "run"})

    @property
    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        found = [
            {"by": by, "sentence": check.sentence, "runs": rows_of(self.table.query("by == @by"))}
            for by, check in self.checks.items()
        ]
        return {"comparisons": found, "notes": list(self.notes)}

    @property
    def weighing(self) -> str:
        """What was left out for the weights of an average: rows, where they were."""
        return next(by for by in BY if by in self.checks)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each run in an average."""
        table = self.checks[self.weighing].table
        return dict(zip(table["model"], map(float, table["weight"]), strict=True))


def run_comparison(
    folders: Sequence[Path],
    *,
    by: str | None = None,
    draws: int = 400,
    seed: int = 1,
    average: bool = False,
    measured: bool = False,
    times: str | None = None,
    out: Path | None = None,
    as_json: bool = False,
) -> None:
    """Compare runs, print, and write the folder.

    Parameters
    ----------
    folders : sequence of Path
        Of the runs, two or more.
    by : {"observation", "subject"}, optional
        Default: both, or a note why subjects cannot be left out.
    draws, seed
        As in `compare`.
    average : bool
        Predict the subjects of the data as well, averaged over the runs.
    measured, times
        Of that prediction, as in `average_runs`.
    out : Path, optional
        Folder of ``comparison.csv``, ``left_out.csv`` and a figure of each comparison; of
        ``averaged.csv`` and its figure.
    as_json : bool
        Print JSON in place of tables.

    Raises
    ------
    InputError
        If a run cannot be read, is an approximation, or was fitted to other rows.
    """
    refuse_options(average, measured, times, written=out is not None or as_json)
    runs = opened(folders)
    found = compare_runs(runs, by=by, draws=draws, seed=seed)
    mean = None
    if average:
        settings: dict[str, Any] = {"measured": measured, "times": times}
        mean = average_runs(
            runs, found.weights, by=found.weighing, draws=draws, seed=seed, **settings
        )
    if out is not None:
        write(found, out)
        if mean is not None:
            write_prediction(mean, out / AVERAGED)
    tell(found, mean)
    if as_json:
        more = {} if mean is None else {"averaged": mean.facts | {"weights": found.weights}}
        print(json.dumps(found.facts | more, indent=1))
        return
    for left_out, check in found.checks.items():
        table = check.table[["model", *COLUMNS]].rename(columns=COLUMNS | {"model": "run"})
        show(f"left out by {left_out}")
        show(table.to_string(index=False, float_format="%.2f"))
    if out is not None:
        show(str(out))


def refuse_options(average: bool, measured: bool, times: str | None, *, written: bool) -> None:
    """Refuse options of an average that is not made, and one that is written nowhere."""
    if not average and (measured or times is not None):
        raise InputError("--measured and --times are of the average: add --averaged")
    if average and not written:
        raise InputError("say where to write the average: --out FOLDER, or --json to print")


def tell(found: Comparison, mean: Prediction | None) -> None:
    """Say what came of it, and what makes it doubtful."""
    for check in found.checks.values():
        say(check.sentence, style="bold")
    if mean is not None:
        say(mean.sentence, style="bold")
    for note in (*found.notes, *(() if mean is None else mean.notes)):
        say(note, style="yellow")


def opened(folders: Sequence[Path]) -> dict[str, Run]:
    """Open runs; each goes by the name of its folder, or its path where two have one name."""
    if len(folders) < 2:
        raise InputError("a comparison needs two runs or more: cytobayes compare runs/a runs/b")
    if len({f.resolve() for f in folders}) < len(folders):
        raise InputError("the same run is named twice")
    names = [folder.resolve().name for folder in folders]
    unique = len(set(names)) == len(names)
    labels = names if unique else [str(folder) for folder in folders]
    return {label: open_run(folder) for label, folder in zip(labels, folders, strict=True)}


def compare_runs(
    runs: Mapping[str, Run], *, by: str | None = None, draws: int = 400, seed: int = 1
) -> Comparison:
    """Compare runs by observation and by subject; arguments as in `run_comparison`."""
    if by is not None and by not in BY:
        raise InputError(f"--by {by}: what is left out is an {' or a '.join(BY)}")
    trees = {name: run.tree for name, run in runs.items()}
    notes = doubts(runs)
    refuse_different_rows(trees)
    problems = {name: run.analysis.to_problem(run.study) for name, run in runs.items()}
    checks: dict[str, Check] = {}
    parts: list[pd.DataFrame] = []
    for unit in BY if by is None else (by,):
        try:
            records = records_of(trees, problems, by=unit, draws=draws, seed=seed)
        except InputError as error:
            if by is not None or not checks:
                raise
            notes.append(f"Not compared by {unit}: {error}")
            continue
        checks[unit] = compared(records, unit)
        tables = {name: left_out(name, record, unit) for name, record in records.items()}
        notes += [n for name, table in tables.items() for n in high_k(name, table, unit)]
        parts += list(tables.values())
    return Comparison(checks, pd.concat(parts, ignore_index=True), tuple(notes))


def doubts(runs: Mapping[str, Run]) -> list[str]:
    """Say which fits did not converge; refuse what is no fit."""
    notes = []
    for name, run in runs.items():
        if not run.tree["posterior"].sizes.get("draw", 0):
            raise InputError(f"{name} holds no draws after warm-up: there is nothing to compare")
        judged = convergence(run.tree)
        if judged.approximation:
            raise InputError(
                f"{name} is a quick look, not a fit, and leave-one-out needs draws of the "
                "posterior: fit it without --quick"
            )
        if judged.few_draws:
            notes.append(f"{name}: {judged.sentence}")
        elif not judged.ok:
            notes.append(f"The chains of {name} have not converged: its row cannot be trusted.")
    return notes


def left_out(name: str, record: Any, by: str) -> pd.DataFrame:
    """Rows of ``left_out.csv`` of one run."""
    table = units_of(record)
    table["good"] = table["pareto_k"] < float(record.good_k)
    table.insert(0, "run", name)
    table.insert(0, "by", by)
    return table


def high_k(name: str, table: pd.DataFrame, by: str) -> list[str]:
    """Warn of the units whose left-out density cannot be trusted, naming the worst."""
    bad = table[~table["good"]].sort_values("pareto_k", ascending=False)
    if bad.empty:
        return []
    worst = bad.to_dict("records")[0]
    what = "left-out " + ("rows" if by == "observation" else "subjects")
    return [
        f"{name}: Pareto k is too high in {len(bad)} of {len(table)} {what}, at worst "
        f"{worst['pareto_k']:.2f} for {label(worst)}; their densities cannot be trusted."
    ]


def write(found: Comparison, folder: Path) -> None:
    """Write tables and figures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {"comparison": found.table, "left_out": found.left_out}.items():
        with whole_file(folder / f"{name}.csv") as part:
            table.to_csv(part, index=False, lineterminator="\n")
    for by, check in found.checks.items():
        with whole_file(folder / f"comparison_{by}.png") as part:
            check.plot().savefig(part, dpi=150)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows in types of JSON."""
    rows: list[dict[str, Any]] = json.loads(table.drop(columns="by").to_json(orient="records"))
    return rows
