"""One table per fit in the order of the ICH M15 assessment: what is asked, risked, shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import lowered
from ..fit import read_facts
from ..percent import percent
from ..statements import Assessment
from .check import Check
from .convergence import E_BFMI, ESS, FEW_FAILURES, R_HAT, Convergence, convergence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["Assessment", "credibility"]

NOT_STATED, NOT_DONE = "not stated", "not done"
PASS, ATTENTION, OPEN, STATED = "pass", "attention", "not judged", "stated"
COLORS = {PASS: "#c7e9c0", ATTENTION: "#fdae6b", OPEN: "#deebf7", STATED: "white",
          NOT_STATED: "#eeeeee", NOT_DONE: "#eeeeee"}  # fmt: skip
# What an evaluation consists of, and the checks, by name, that can stand for each part.
EVALUATION = {
    "Gradient": ("gradient",),
    "Prior predictive check": ("prior_predictive",),
    "Predictive checks": ("vpc", "npde", "fit_quality", "posterior_predictive"),
    "Calibration": ("sbc",),
    "Sensitivity to priors": ("sensitivity",),
    "Identifiability": ("identifiability",),
    "Prediction of left-out data": ("loo", "compare"),
}
CAPTION = (
    "Credibility assessment in the order of ICH M15. Statements about question, use and risk are "
    "those of the authors of the analysis; the evaluation is computed from this fit."
)


def credibility(
    problem: Problem,
    tree: xr.DataTree,
    checks: Iterable[Check] = (),
    assessment: Assessment | None = None,
) -> Check:
    """Assemble the credibility table of a fit.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`; convergence and failed solves are computed from it.
    checks : iterable of Check
        Those at hand: gradient, vpc, npde, sbc, sensitivity, identifiability, loo, and others,
        which follow under their own titles.
    assessment : Assessment, optional
        What the authors say; of a run, what ``[credibility]`` of its analysis file says.

    Returns
    -------
    Check
        Table in the order of the assessment: element, status ("stated", "not stated"; of the
        evaluation "pass", "attention", "not judged", "not done"), text.

    Raises
    ------
    InputError
        If the tree belongs to another problem.

    Notes
    -----
    Elements after ICH M15, General Principles for Model-Informed Drug Development. The table
    orders what is known; it does not decide whether a model is credible enough for its use.
    """
    found = read_facts(tree).get("problem_id")
    if found is not None and found != problem.id:
        raise InputError(
            f"the fit is one of the problem {found}, not of {problem.id}: its checks would be "
            "reported for another analysis."
        )
    rows = [*stated(assessment or Assessment()), *evaluated(problem, tree, list(checks))]
    table = pd.DataFrame(rows, columns=["element", "status", "text"])
    statuses = set(table["status"])
    return Check(
        name="credibility",
        title="Credibility assessment",
        sentence=sentence(table),
        good=False if ATTENTION in statuses else None if statuses - {PASS, STATED} else True,
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def stated(assessment: Assessment) -> list[tuple[str, str, str]]:
    """Rows that the authors fill."""
    rows = []
    for field in fields(Assessment):
        text = getattr(assessment, field.name).strip()
        silent = criteria() if field.name == "technical_criteria" else NOT_STATED
        element = field.name.replace("_", " ").capitalize()
        rows.append((element, STATED if text else NOT_STATED, text or silent))
    return rows


def criteria() -> str:
    """Limits of the checks, where the authors set none."""
    return (
        f"No criteria were set beforehand; the checks judge by theirs: R-hat below {R_HAT:g}, bulk "
        f"and tail ESS above {ESS:.0f}, E-BFMI above {E_BFMI:g}, a failed solve in at most "
        f"{percent(FEW_FAILURES)} of the draws, and the limits named in each sentence below."
    )


def evaluated(
    problem: Problem, tree: xr.DataTree, checks: list[Check]
) -> list[tuple[str, str, str]]:
    """Rows of the model evaluation."""
    chains = convergence(tree)
    rows = [
        ("Model evaluation: convergence", PASS if chains.ok else ATTENTION, chains.sentence),
        ("Model evaluation: failed solves", *solves(chains)),
    ]
    left = list(checks)
    for part, names in EVALUATION.items():
        of_part = [c for c in left if c.name in names]
        left = [c for c in left if c.name not in names]
        rows += [row(part, c, problem.id) for c in of_part] or [
            (f"Model evaluation: {lowered(part)}", NOT_DONE, NOT_DONE)
        ]
    rows += [row(c.title, c, problem.id) for c in left]
    blind = problem.blind_directions
    if blind:
        rows.append(("Model evaluation: structure", ATTENTION, " ".join(blind)))
    return rows


def row(part: str, check: Check, problem_id: str) -> tuple[str, str, str]:
    """Row of a check; one that knows itself to be of another problem passes no judgment."""
    status, text = OPEN if check.good is None else PASS if check.good else ATTENTION, check.sentence
    of = check.table.attrs.get("problem_id", problem_id)
    if of != problem_id:
        status, text = OPEN, f"{text} This is a check of another problem ({of})."
    return f"Model evaluation: {lowered(part)}", status, text


def solves(chains: Convergence) -> tuple[str, str]:
    """Judge the failed solves after warm-up."""
    total = chains.chains * chains.draws
    if not chains.failed_draws:
        return PASS, f"No solve failed in {total} draws after warm-up."
    causes = ", ".join(f"{count} times {cause}" for cause, count in chains.failed_solves.items())
    good = chains.failed_draws <= FEW_FAILURES * total
    text = f"A solve failed in {chains.failed_draws} of {total} draws after warm-up ({causes})."
    return (PASS if good else ATTENTION), text


def sentence(table: pd.DataFrame) -> str:
    """Count what passes, and name the rest."""
    judged = table[table["element"].str.startswith("Model evaluation: ")]
    names = judged["element"].str.removeprefix("Model evaluation: ")

    def having(status: str) -> list[str]:
        return list(dict.fromkeys(names[judged["status"] == status]))

    parts = [f"{int((judged['status'] == PASS).sum())} of {len(judged)} evaluations pass"]
    words = {
        ATTENTION: ("needs attention", "need attention"),
        OPEN: ("is told without a verdict", "are told without a verdict"),
        NOT_DONE: ("was not done", "were not done"),
    }
    for status, (one, several) in words.items():
        if found := having(status):
            parts.append(f"{', '.join(found)} {one if len(found) == 1 else several}")
    silent = [str(e).lower() for e in table.loc[table["status"] == NOT_STATED, "element"]]
    if silent:
        parts.append(f"the authors did not state: {', '.join(silent)}")
    return f"{'; '.join(parts)}."


def figure(table: pd.DataFrame) -> Figure:
    """Table as a picture, colored by status."""
    import textwrap

    from matplotlib.figure import Figure

    cells: list[list[Any]] = [
        [textwrap.fill(str(e), 26), s, textwrap.fill(str(t), 88)]
        for e, s, t in table.itertuples(index=False)
    ]
    lines = np.array([max(c.count("\n") + 1 for c in line) for line in cells])
    made = Figure(figsize=(10, 0.4 + 0.2 * float((lines + 0.6).sum())), layout="constrained")
    axis = made.subplots()
    axis.axis("off")
    drawn = axis.table(
        cells, colLabels=["Element", "Status", "Text"], colWidths=[0.22, 0.1, 0.68],
        cellLoc="left", loc="center",
    )  # fmt: skip
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    heights = np.concatenate([[1.6], lines + 0.6])
    for (line, column), cell in drawn.get_celld().items():
        cell.set_height(float(heights[line] / heights.sum()))
        if line and column == 1:
            cell.set_facecolor(COLORS[str(cells[line - 1][1])])
    return made
