"""`Grading`: toxicity grades day by day, with their scale and with what is not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .signs import GradingError, Mask, Signs, Truth

__all__ = ["SCALES", "Bounds", "Grading", "graded"]

SCALES = ("ASTCT", "Lee", "Penn", "CTCAE", "MSKCC", "CARTOX")
Grades = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest grade that agrees with what is known, row by row.

    Parameters
    ----------
    low, high : ndarray of int, shape (row,)
    """

    low: Grades
    high: Grades

    def worst(self, *others: Bounds) -> Bounds:
        """Return the more severe of several: a rule of the consensus tables."""
        low = np.maximum.reduce([self.low, *(o.low for o in others)])
        high = np.maximum.reduce([self.high, *(o.high for o in others)])
        return Bounds(low, high)

    def where(self, condition: Truth) -> Bounds:
        """Grade 0 where the condition does not hold; where it is unknown, 0 up to ``high``."""
        low = np.where(condition.yes, self.low, 0)
        return Bounds(low, np.where(condition.no, 0, self.high))

    def replaced(self, at: Mask, low: int, high: int) -> Bounds:
        """Return these bounds with other ones in some rows."""
        return Bounds(np.where(at, low, self.low), np.where(at, high, self.high))

    @classmethod
    def constant(cls, rows: int, low: int, high: int) -> Bounds:
        """Give every row the same bounds."""
        return cls(np.full(rows, low), np.full(rows, high))


@dataclass(frozen=True)
class Grading:
    """Grades of one toxicity on one scale.

    Grades of different scales are not comparable: older scales grade organ toxicity and the dose
    of vasopressors as well. So the scale travels with the grades.

    Parameters
    ----------
    toxicity : str
        "CRS" or "ICANS".
    scale : str
        One of `SCALES`.
    daily : DataFrame
        ``subject``, ``day`` [d], ``grade``, ``at_least`` and one column per part of the grade.
        ``at_least`` is True where a sign that was not recorded may make the grade higher; then
        ``grade`` is the lowest that agrees with what is known and ``highest`` the highest.
    """

    toxicity: str
    scale: str
    daily: pd.DataFrame

    def __post_init__(self) -> None:
        """Refuse a scale that is not known."""
        if self.scale not in SCALES:
            raise GradingError(f"scale {self.scale!r} is not one of {', '.join(SCALES)}.")

    @property
    def summary(self) -> pd.DataFrame:
        """One row per subject.

        Returns
        -------
        DataFrame
            ``subject``; ``scale``; ``maximum`` grade; ``at_least``: some day may have been worse;
            ``onset`` [d], first day of grade 1 or more (NaN: none); ``onset_at_latest``: an earlier
            day may have been one; ``duration`` [d], from the first to the last such day, both
            counted; ``days_missing``, days between the first and last row that have no row.
        """
        parts = self.daily.groupby("subject", sort=False)
        rows = [{"subject": name, **_episode(part)} for name, part in parts]
        frame = pd.DataFrame(rows)
        frame.insert(1, "scale", self.scale)
        return frame

    def outcomes(self) -> pd.DataFrame:
        """Maximum grades as outcomes of a `Study`, with the day of their onset as ``time``."""
        each = self.summary
        return pd.DataFrame(
            {
                "subject": each["subject"],
                "outcome": self.toxicity.lower(),
                "value": each["maximum"].astype(float),
                "scale": each["scale"],
                "time": each["onset"],
            }
        )

    def __str__(self) -> str:
        """Count the maximum grades."""
        each = self.summary
        counts = each["maximum"].value_counts().sort_index()
        grades = ", ".join(f"{n} x grade {grade}" for grade, n in counts.items())
        open_ = int(each["at_least"].sum())
        return f"{self.toxicity} ({self.scale}): {grades}; {open_} of {len(each)} 'at least'"


def _episode(part: pd.DataFrame) -> dict[str, object]:
    """Maximum, onset and duration of one subject."""
    grade, highest, day = (part[c].to_numpy() for c in ("grade", "highest", "day"))
    worst = int(grade.max())
    ill = day[grade >= 1]
    onset = float(ill[0]) if len(ill) else np.nan
    may = day[highest >= 1]
    return {
        "maximum": worst,
        "at_least": bool(highest.max() > worst),
        "onset": onset,
        "onset_at_latest": bool(len(ill) and may[0] < onset),
        "duration": float(ill[-1] - ill[0] + 1) if len(ill) else 0.0,
        "days_missing": int(np.ptp(np.floor(day)) + 1 - len(np.unique(np.floor(day)))),
    }


def graded(
    signs: Signs, toxicity: str, scale: str, whole: Bounds, parts: dict[str, Bounds]
) -> Grading:
    """Put grades and their parts into a table.

    Parameters
    ----------
    signs : Signs
    toxicity, scale : str
    whole : Bounds
        The grade.
    parts : dict of str to Bounds
        What it was made from; the lowest value of each becomes a column.

    Returns
    -------
    Grading
    """
    daily = pd.DataFrame(
        {
            "subject": signs.names,
            "day": signs.day,
            "grade": whole.low,
            "at_least": whole.high > whole.low,
            "highest": whole.high,
            **{name: part.low for name, part in parts.items()},
        }
    )
    return Grading(toxicity, scale, daily)
