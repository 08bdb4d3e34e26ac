"""The grade model that a fit supports: learned from the grades of its own patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..risk.assessment import fit_grades
from ..risk.courses import course_of
from ..risk.grades import grades_of
from .grading import FittedGrades

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["fitted_grades"]

OUTCOME = "crs"


def fitted_grades(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    draws: int | None = 200,
    seed: int = 1,
    signal: str = "signal",
    scale: str | None = None,
) -> FittedGrades | None:
    """Learn how grades follow from the peak of the signal, a draw for each draw of the trial.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    draws : int, optional
        As many as the trial uses.
    seed : int
    signal : str
        State or output whose peak drives the grade.
    scale : str, optional
        Of the grades, where the data hold several.

    Returns
    -------
    FittedGrades or None
        None where the data hold no grades, or the model no such signal.
    """
    table = problem.data.outcomes
    if "outcome" not in table or OUTCOME not in table["outcome"].to_numpy().tolist():
        return None
    if signal not in problem.model.observables:
        return None
    grades = grades_of(problem.data, OUTCOME, scale)
    course = course_of(problem, posterior, signal=signal, draws=draws)
    fit = fit_grades(course, grades, np.random.default_rng(seed), onset=False)
    # a draw whose course could not be solved borrows the link of the next one that could
    solved = np.flatnonzero(course.kept)
    place = np.minimum(np.searchsorted(solved, np.arange(course.kept.size)), solved.size - 1)
    return FittedGrades(
        signal,
        fit.reference,
        fit.link.slope[place, 0],
        fit.link.cuts[place],
        f"grade model: fitted to {len(grades.subjects)} grades ({grades.scale or 'no scale'}) of "
        f"{problem.data.name}, by the peak of {signal}; tied to it by association",
    )
