"""What a file says of its subjects beside measurements and doses: covariates and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from .covariates import Who, read_covariates
from .findings import Finding
from .outcomes import read_outcomes
from .request import Request
from .sheet import Sheet

__all__ = ["Known", "read_subjects"]


@dataclass(frozen=True)
class Known:
    """What is known of the subjects.

    Parameters
    ----------
    covariates, outcomes : DataFrame or None
        As in a study.
    steps : tuple of str
        What was taken for what.
    findings : tuple of Finding
    """

    covariates: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    steps: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_subjects(
    sheet: Sheet,
    places: Sequence[int],
    request: Request,
    who: Who,
    time_unit: str,
    units: Mapping[str, str] | None = None,
) -> Known:
    """Read the columns that are neither measurements nor doses: outcomes, the rest covariates.

    Parameters
    ----------
    sheet : Sheet
    places : sequence of int
        Positions of the columns.
    request : Request
    who : Who
        Rows that may carry them.
    time_unit : str
        Of the study.
    units : mapping of covariate to unit, optional
        In place of a unit in the header.

    Returns
    -------
    Known
        Without covariates where outcomes are refused.
    """
    graded = read_outcomes(sheet, request, who, time_unit)
    if graded.findings:
        return Known(None, None, (), tuple(graded.findings))
    rest = [k for k in places if k not in graded.places]
    covariates, told = read_covariates(sheet, rest, who, units or {})
    return Known(covariates, graded.table, (*told, *graded.steps), ())
