"""What the command ``predict`` does: a run to quantiles of courses or measurements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from ..checks.convergence import convergence
from ..console import say, show
from ..notation import read_number
from ..predict import predict
from ..run import Run, open_run
from .prediction import (
    Prediction,
    notes_of,
    rows_of,
    sentence_of,
    table_of,
    write_prediction,
)
from .request import read_schedule

if TYPE_CHECKING:
    from ...models.dosing import Regimen
    from ..problem import Problem

__all__ = ["predict_run", "read_times", "run_prediction"]

POINTS = 101
MOST = 10_000  # times that one option may ask for


def run_prediction(
    folder: Path, *, out: Path | None = None, as_json: bool = False, **settings: Any
) -> None:
    """Predict from a run, print, and write the table with its figure.

    Parameters
    ----------
    folder : Path
        Of the run.
    out : Path, optional
        Table to write, csv; the figure has its name and the ending png.
    as_json : bool
        Print the table as JSON.
    **settings
        As in `predict_run`.

    Raises
    ------
    InputError
        If an option has no meaning for this run.
    """
    if out is None and not as_json:
        raise InputError("say where to write: --out FILE.csv, or --json to print")
    if out is not None and out.suffix.lower() != ".csv":
        raise InputError(f"--out {out}: the name must end in .csv; the figure goes beside it")
    if out is not None and not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    found = predict_run(open_run(folder), **settings)
    say(found.sentence, style="bold")
    for note in found.notes:
        say(note, style="yellow")
    figure = None if out is None else write_prediction(found, out)
    if as_json:
        print(json.dumps(found.facts, indent=1))
    elif out is not None:
        show(f"{out}\n{figure}")


def predict_run(
    run: Run,
    *,
    subjects: Sequence[str] = (),
    population: bool = False,
    measured: bool = False,
    times: str | None = None,
    doses: Sequence[str] = (),
    regimen: Path | None = None,
    draws: int = 400,
    seed: int = 1,
) -> Prediction:
    """Predict the observables of the data, see the command.

    Parameters
    ----------
    run : Run
    subjects : sequence of str
        Of the data; default: all.
    population : bool
        A subject who is not in the data.
    measured : bool
        Measurements in place of the model's values.
    times : str, optional
        As `read_times` reads it; default: 101 times over the data, for measurements those of them.
    doses, regimen
        As `read_schedule` reads them; default: the doses of the fit.
    draws, seed
        As in `predict`.
    """
    refuse(run, subjects, population, measured)
    problem = run.analysis.to_problem(run.study)
    schedule = schedule_of(problem, doses, regimen, population)
    chosen = known(problem, subjects)
    kind = "population" if population else "observed" if measured else "individual"
    made = predict(
        problem, run.tree, times=grid(problem, times, measured), regimen=schedule, kind=kind,
        draws=draws, seed=seed,
    )  # fmt: skip
    if not population:
        made = made.sel(subject=chosen)
    judged = convergence(run.tree)
    doubt = () if judged.ok else (judged.sentence,)
    notes = (*doubt, *notes_of(problem, made, population, schedule))
    return Prediction(
        table_of(problem, made, measured),
        sentence_of(problem, made, kind, schedule),
        notes,
        problem.model.time_unit,
        rows_of(problem, chosen if not population and schedule is None else []),
    )


def refuse(run: Run, subjects: Sequence[str], population: bool, measured: bool) -> None:
    """Refuse options that contradict one another, and a run without draws."""
    if population and subjects:
        raise InputError("give --subject or --population, not both")
    if population and measured:
        raise InputError(
            "measurements are predicted for subjects of the data only: leave out --population or "
            "--measured"
        )
    if not run.tree["posterior"].sizes.get("draw", 0):
        raise InputError(f"{run.folder} holds no draws after warm-up: there is nothing to predict")


def schedule_of(
    problem: Problem, doses: Sequence[str], regimen: Path | None, population: bool
) -> Regimen | dict[str, Regimen] | None:
    """Read the doses that are given in place of those of the fit; None for those."""
    schedule = read_schedule(doses, regimen)
    if population and schedule is None and len(set(problem.arrangement.regimens)) > 1:
        raise InputError(
            "the subjects of the data have different doses, so there is no schedule for another "
            "one: give --dose, or --regimen FILE.toml (with the line `regimen = []` for none)"
        )
    if population and isinstance(schedule, dict):
        raise InputError(f"{regimen}: a new subject has no name; leave `subject` out")
    if schedule is not None and problem.model.is_closed_form:
        raise InputError(f"{problem.model.name} is a closed form: doses have no meaning for it")
    return schedule


def known(problem: Problem, subjects: Sequence[str]) -> list[str]:
    """Check the names of subjects; all of the data if none is given."""
    there = [str(s) for s in problem.arrangement.subjects]
    for name in subjects:
        if name not in there:
            guess = closest(name, there)
            hint = f" Did you mean {guess!r}?" if guess else ""
            few = ", ".join(there[:8]) + (" ..." if len(there) > 8 else "")
            raise InputError(f"--subject {shown(name)}: no such subject.{hint} There are {few}.")
    return list(dict.fromkeys(subjects)) or there


def read_times(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read ``0,1,7,28`` or ``START:END:STEP``, both ends included.

    Examples
    --------
    >>> read_times("0:1:0.5").tolist(), read_times("0, 7").tolist()
    ([0.0, 0.5, 1.0], [0.0, 7.0])
    """
    where = f"--times {shown(text)} (0,1,7,28 or START:END:STEP)"
    if ":" not in text:
        found = np.array([read_number(part, where) for part in text.split(",")])
    else:
        parts = [read_number(part, where) for part in text.split(":")]
        if len(parts) != 3 or not parts[2] > 0 or not parts[1] >= parts[0]:
            raise InputError(f"{where}: END must follow START, and STEP be positive")
        steps = (parts[1] - parts[0]) / parts[2]
        if not steps < MOST:
            raise InputError(f"{where}: these are more than {MOST} times")
        found = parts[0] + parts[2] * np.arange(int(steps + 1e-9) + 1)
    if (np.diff(found) <= 0).any():
        raise InputError(f"{where}: times must ascend, without repeats")
    return found


def grid(problem: Problem, times: str | None, measured: bool) -> Any:
    """Give the times to predict at; None for those of the data."""
    if times is not None:
        return read_times(times)
    if measured:
        return None
    seen = np.concatenate(problem.arrangement.times)
    return np.linspace(min(0.0, float(seen.min())), max(float(seen.max()), 1e-9), POINTS)
