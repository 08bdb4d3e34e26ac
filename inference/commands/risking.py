"""What the command ``risk`` does: from a run to tables, a page, and the verdict first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...datasets.errors import InputError
from ..checks.convergence import convergence
from ..console import say, show
from ..risk.assessment import fit_grades, risk
from ..risk.courses import course_of
from ..risk.forecast import forecast
from ..risk.landmarks import validate_landmarks
from ..risk.markers import compare_markers, marker_sets
from ..risk.page import write_page
from ..risk.validation import cross_validate, known_observables
from ..run import open_run

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem
    from ..risk.forecast import Forecast
    from ..risk.grades import Grades
    from ..risk.landmarks import Landmarks
    from ..risk.markers import MarkerSets

__all__ = ["run_risk"]

FOLDS = 10


def run_risk(
    folder: Path,
    out: Path,
    *,
    at_least: int,
    outcome: str,
    scale: str | None,
    signal: str,
    given: str,
    foreseen: bool,
    by_day: bool,
    markers: Sequence[str],
    folds: int | None,
    method: str,
    draws: int,
    seed: int,
) -> None:
    """Compute the risks of a run, score them in held-out patients, write both.

    Parameters
    ----------
    folder : Path
        Of the run.
    out : Path
        Folder of the tables and of ``risk.html``.
    at_least, outcome, scale, signal, draws, seed
        As in `risk`.
    given, folds, method
        As in `cross_validate`; refits are kept in ``out``.
    foreseen : bool
        Also `forecast` the grades of all patients at the usual landmarks.
    by_day : bool
        Also score held-out patients at these landmarks.
    markers : sequence of str
        From which sets of markers as well, see `marker_sets`.
    """
    sets = marker_sets(markers)
    if sets and not by_day:
        raise InputError("--markers compares scores by day: add --landmarks.")
    run = open_run(folder)
    if not run.tree["posterior"].sizes.get("draw", 0):
        raise InputError(f"{folder} holds no draws after warm-up, so there is no risk to compute")
    problem = run.analysis.to_problem(run.study)
    for names in sets.values():
        known_observables(problem, names)
    found = risk(
        problem, run.tree, at_least=at_least, seed=seed, outcome=outcome, scale=scale,
        signal=signal, draws=draws,
    )  # fmt: skip
    say("scoring held-out patients")
    settings: dict[str, Any] = {
        "at_least": at_least, "seed": seed, "outcome": outcome, "scale": scale, "signal": signal,
        "draws": draws, "method": method, "cache": out / "folds", "report": say,
        "folds": min(FOLDS, len(found.grades.subjects)) if folds is None else folds,
    }  # fmt: skip
    scored = cross_validate(problem, run.tree, given=given, **settings)
    if doubt := convergence(run.tree).doubt("risks"):
        scored = replace(scored, notes=(doubt, *scored.notes))
        say(doubt, style="bold red")
    ahead = None
    if foreseen:
        ahead = _ahead(problem, run.tree, found.grades, signal=signal, draws=draws, seed=seed)
    early: Landmarks | MarkerSets | None = None
    if by_day:
        say("scoring held-out patients at each landmark")
        early = _by_day(problem, run.tree, sets, settings)
    page = write_page(found, scored, out, ahead, early)
    say(scored.verdict, style="bold")
    if early is not None:
        say(early.sentence)
    say(found.sentence)
    say(scored.calibration().sentence)
    for note in (*scored.notes[bool(doubt) :], *(early.notes if early is not None else ())):
        say(f"  {note}")
    columns = ["subject", *(f"risk_{k}" for k in found.grades.levels), "low", "high"]
    show(found.table[[*columns, "observed"]].to_string(index=False, float_format="%.2f"))
    show(str(page))


def _by_day(
    problem: Problem,
    tree: xr.DataTree,
    sets: Mapping[str, Sequence[str]],
    settings: Mapping[str, Any],
) -> Landmarks | MarkerSets:
    """Score held-out patients at each landmark, from each set of markers where there are some."""
    if not sets:
        return validate_landmarks(problem, tree, **settings)
    return compare_markers(problem, tree, sets, **settings)


def _ahead(
    problem: Problem, tree: xr.DataTree, grades: Grades, *, signal: str, draws: int, seed: int
) -> Forecast:
    """Forecast all patients with grades, and say how far it is."""
    course = course_of(problem, tree, signal=signal, draws=draws)
    grading = fit_grades(course, grades, np.random.default_rng(seed), onset=False)
    return forecast(
        problem, tree, grading, seed=seed, signal=signal, draws=draws,
        subjects=list(grades.subjects), report=say,
    )  # fmt: skip
