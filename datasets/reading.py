"""`Reading`: what a format makes of a file, before it becomes a study."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from .findings import Finding

__all__ = ["Reading"]


@dataclass
class Reading:
    """Tables read from a file, with everything that is wrong with it.

    Parameters
    ----------
    rows : DataFrame
        Observations as in a study, with the column ``unit``.
    doses, covariates, outcomes : DataFrame, optional
    time_unit : str
    read : int
        Rows of data in the file.
    steps : list of str
        The account: the balance of the rows first.
    findings : list of Finding
    """

    rows: pd.DataFrame
    doses: pd.DataFrame | None = None
    covariates: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    time_unit: str = ""
    read: int = 0
    steps: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
