"""What the commands ``fit``, ``resume`` and ``report`` do, from the data to the last message."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...datasets.errors import InputError
from ..analysis import Analysis
from ..analysis_file import read_analysis
from ..console import say, show
from ..data_source import KEPT
from ..run import (
    CHECKPOINT,
    PDF,
    REPORT,
    is_resumable,
    new_run,
    open_run,
    resumed_run,
    save_begun,
    save_run,
)

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["run_fit", "run_report", "run_resume"]

RESUMABLE = "nutpie"
REPORTED = "[report] stratify"


def run_fit(analysis: Analysis, out: Path, *, force: bool = False, quick: str = "") -> bool:
    """Fit, save the run, write its report.

    Parameters
    ----------
    analysis : Analysis
    out : Path
        Folder to make.
    force : bool
        Replace a run that is there.
    quick : str
        Method of a quick look in place of the fit.

    Returns
    -------
    bool
        False when the run was interrupted; what was drawn is saved then.
    """
    with new_run(out, force=force) as folder:
        problem = _read(analysis)
        analysis = analysis.settled(problem)
        if quick:
            tree = _looked(problem, analysis, folder, quick)
        else:
            if analysis.sampling.sampler == RESUMABLE:
                save_begun(folder, problem, analysis)
            tree = _draw(problem, analysis, folder, out)
    return _told(tree, problem, out)


def run_resume(out: Path, *, force: bool = False) -> bool:
    """Go on with a run that was killed or interrupted.

    Parameters
    ----------
    out : Path
        Folder that it was to make, or made before its end.
    force : bool
        Replace a complete run that is there.

    Returns
    -------
    bool
        False when it was interrupted again.
    """
    with resumed_run(out, force=force) as folder:
        analysis = read_analysis(folder / "analysis.toml")
        problem = _read(analysis)
        if problem.id != analysis.problem:
            raise InputError(
                f"{out} cannot be resumed: the data, the model or this program have changed, and "
                "draws of two problems cannot be joined. Begin anew with cytobayes fit --force."
            )
        tree = _draw(problem, analysis, folder, out)
    return _told(tree, problem, out)


def _draw(problem: Problem, analysis: Analysis, folder: Path, out: Path) -> xr.DataTree:
    """Fit and save; the checkpoint stays until the draws are safe."""
    from ..fit import fit

    state = folder / CHECKPOINT if analysis.sampling.sampler == RESUMABLE else None
    try:
        tree = fit(problem, checkpoint=state, **asdict(analysis.sampling))
        save_run(folder, tree, problem, analysis)
    except BaseException:
        if is_resumable(folder):
            say(f"what was written is kept; go on with: cytobayes resume {out}")
        raise
    if state and not tree.attrs.get("interrupted", 0):
        shutil.rmtree(state, ignore_errors=True)
    return tree


def _looked(problem: Problem, analysis: Analysis, folder: Path, method: str) -> xr.DataTree:
    """Approximate and save."""
    from ..quick import quick

    tree = quick(problem, method, seed=analysis.sampling.seed)
    save_run(folder, tree, problem, analysis)
    return tree


def _told(tree: xr.DataTree, problem: Problem, out: Path) -> bool:
    """Say what came of it and write the report; False when the run was interrupted."""
    interrupted = bool(tree.attrs.get("interrupted", 0))
    if interrupted:
        say(f"interrupted: what was drawn so far is in {out / KEPT}", style="yellow")
        if is_resumable(out):
            say(f"go on with: cytobayes resume {out}")
    if interrupted and not tree["posterior"].sizes.get("draw", 0):
        say("no draw after warm-up was kept, so there is no report")
        return False
    try:
        run_report(out, problem)
    except KeyboardInterrupt:
        say(f"interrupted; the run is complete, its report is not: cytobayes report {out}")
        return False
    except InputError:
        say(f"the run is complete, its report is not; write it again: cytobayes report {out}")
        raise
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
    _refuse_stratum(problem, analysis.report.stratify, REPORTED)
    if analysis.problem and analysis.problem != problem.id:
        say(
            f"note: this is not what was fitted before (problem {analysis.problem}): the file, "
            "the options, the data or the model differ",
            style="yellow",
        )
    return problem


def _refuse_stratum(problem: Problem, by: str, where: str) -> None:
    """Refuse strata that the data do not have, before anything is drawn or written."""
    from ..checks.bins import refuse_unknown_stratum

    if not by:
        return
    if problem.data.is_aggregated:
        raise InputError(f"{where}: published means have no visual predictive check to stratify")
    refuse_unknown_stratum(problem, by, where)


def _option(message: str) -> str:
    """Name the option that does what a message of the Python interface advises."""
    if "observables={" in message:
        return (
            "\nOn the command line: --observable DATA=MODEL, or --observable DATA= to leave it out."
        )
    if "offsets={" in message:
        return "\nOn the command line: --offset NAME=assay (or source), or --offset NAME= to pool."
    return ""


def run_report(
    folder: Path,
    problem: Problem | None = None,
    *,
    stratify: str | None = None,
    pdf: bool = False,
) -> None:
    """Write the report of a run and say what it says.

    Parameters
    ----------
    folder : Path
    problem : Problem, optional
        What was fitted, when it is at hand.
    stratify : str, optional
        Covariate for panels of the visual predictive check, in place of that of the analysis;
        empty: none.
    pdf : bool
        Print it to ``report.pdf`` as well.
    """
    from ..report import write_report

    run = open_run(folder)
    if not run.tree["posterior"].sizes.get("draw", 0):
        raise InputError(f"{folder} holds no draws after warm-up, so there is nothing to report")
    fitted = problem or run.analysis.to_problem(run.study)
    if stratify is None:
        _refuse_stratum(fitted, run.analysis.report.stratify, REPORTED)
    else:
        _refuse_stratum(fitted, stratify, "--stratify")
    say("writing the report")
    verdict = write_report(run, fitted, told=say, stratify=stratify)
    say(verdict.headline, style=STYLES[verdict.level.name])
    for sentence in (*verdict.reasons, *verdict.findings, *verdict.limits):
        say(f"  {sentence}")
    show(str(folder / REPORT))
    if pdf:
        from ..report.pdf import print_pdf

        show(str(print_pdf(folder / REPORT, folder / PDF)))


STYLES = {"TRUSTED": "bold green", "CAUTION": "bold yellow", "REFUSED": "bold red"}
