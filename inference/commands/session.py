"""What the commands ``fit`` and ``report`` do, from reading the data to the last message."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...datasets.errors import InputError
from ..analysis import KEPT, Analysis
from ..console import say, show
from ..run import new_run, open_run, save_run

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["run_fit", "run_report"]


def run_fit(analysis: Analysis, out: Path, *, force: bool = False) -> bool:
    """Fit, save the run, write its report.

    Parameters
    ----------
    analysis : Analysis
    out : Path
        Folder to make.
    force : bool
        Replace a run that is there.

    Returns
    -------
    bool
        False when the run was interrupted; what was drawn is saved then.
    """
    with new_run(out, force=force) as folder:
        problem = _read(analysis)
        from ..fit import fit

        tree = fit(problem, **asdict(analysis.sampling))
        save_run(folder, tree, problem, analysis)
    interrupted = bool(tree.attrs.get("interrupted", 0))
    if interrupted:
        say(f"interrupted: what was drawn so far is in {out / KEPT}", style="yellow")
    if interrupted and not tree["posterior"].sizes.get("draw", 0):
        say("no draw after warm-up was kept, so there is no report")
        return False
    try:
        run_report(out, problem)
    except KeyboardInterrupt:
        say(f"interrupted; the run is complete, its report is not: cytobayes report {out}")
        return False
    return not interrupted


def _read(analysis: Analysis) -> Problem:
    """Read and check everything before the first draw."""
    from ...models.library import get

    get(analysis.model)  # a misspelled name is found before PyMC is loaded
    study = analysis.open_data()
    try:
        problem = analysis.to_problem(study)
    except InputError as error:
        raise InputError(f"{error}{_option(str(error))}") from None
    say(str(problem))
    if analysis.regimen is None and not any(r.events for r in problem.arrangement.regimens):
        say("note: nobody gets a dose; if somebody did, add --dose STATE=AMOUNT@TIME")
    if analysis.problem and analysis.problem != problem.id:
        say(
            f"note: this is not what was fitted before (problem {analysis.problem}): the file, "
            "the options, the data or the model differ",
            style="yellow",
        )
    return problem


def _option(message: str) -> str:
    """Name the option that does what a message of the Python interface advises."""
    if "observables={" in message:
        return (
            "\nOn the command line: --observable DATA=MODEL, or --observable DATA= to leave it out."
        )
    if "offsets={" in message:
        return "\nOn the command line: --offset NAME=assay (or source), or --offset NAME= to pool."
    return ""


def run_report(folder: Path, problem: Problem | None = None) -> None:
    """Write the report of a run and say what it says.

    Parameters
    ----------
    folder : Path
    problem : Problem, optional
        What was fitted, when it is at hand.
    """
    from ..report import write_report

    run = open_run(folder)
    if not run.tree["posterior"].sizes.get("draw", 0):
        raise InputError(f"{folder} holds no draws after warm-up, so there is nothing to report")
    say("writing the report")
    verdict = write_report(run, problem or run.analysis.to_problem(run.study))
    say(verdict.headline, style=STYLES[verdict.level.name])
    for sentence in (*verdict.reasons, *verdict.limits):
        say(f"  {sentence}")
    show(str(folder / "report.html"))


STYLES = {"TRUSTED": "bold green", "CAUTION": "bold yellow", "REFUSED": "bold red"}
