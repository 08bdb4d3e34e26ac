"""`Grades`: the grade of each patient on one scale, and when it began."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...datasets.study import Study

__all__ = ["Grades", "grades_of"]

Array = npt.NDArray[np.float64]
LIVING = 4  # grades that a patient can survive, on every scale of CRS


@dataclass(frozen=True, eq=False)
class Grades:
    """Grades of one outcome on one scale.

    Parameters
    ----------
    outcome, scale : str
        Such as "crs" and "ASTCT".
    subjects : tuple of str
        Those that have a grade.
    value : int64[subject]
    onset : float64[subject]
        Time of the first grade of 1 or more, in the time unit of the study; NaN: none, or unknown.
    top : int
        Highest grade that the scale can give here.
    """

    outcome: str
    scale: str
    subjects: tuple[str, ...]
    value: npt.NDArray[np.int64] = field(repr=False)
    onset: Array = field(repr=False)
    top: int = LIVING

    @property
    def levels(self) -> npt.NDArray[np.int64]:
        """Grades 1, 2, ... that are not reached by everybody."""
        return np.arange(1, self.top + 1)

    @property
    def reached(self) -> npt.NDArray[np.int64]:
        """Whether a patient has at least each grade, 0 or 1; int64[subject, grade]."""
        return (self.value[:, None] >= self.levels).astype(np.int64)

    def take(self, subjects: Sequence[str]) -> Grades:
        """Grades of some subjects, in this order."""
        place = {s: k for k, s in enumerate(self.subjects)}
        if missing := [s for s in subjects if s not in place]:
            raise InputError(f"subject {shown(missing[0])} has no grade of {self.outcome}.")
        at = np.array([place[s] for s in subjects], dtype=np.int64)
        return Grades(
            self.outcome, self.scale, tuple(subjects), self.value[at], self.onset[at], self.top
        )

    def __str__(self) -> str:
        """Count the grades."""
        values, counts = np.unique(self.value, return_counts=True)
        parts = ", ".join(f"{n} x grade {v}" for v, n in zip(values, counts, strict=True))
        return f"{self.outcome} ({self.scale or 'no scale'}): {parts}"


def grades_of(study: Study, outcome: str = "crs", scale: str | None = None) -> Grades:
    """Read the grades of a study.

    Parameters
    ----------
    study : Study
    outcome : str
    scale : str, optional
        Needed where the study has the outcome on several scales, which are never pooled.

    Returns
    -------
    Grades

    Raises
    ------
    InputError
        If there is no such outcome, several scales and none is named, or a value is no grade.
    """
    table = study.outcome(outcome, scale)
    value = table["value"].to_numpy().astype(np.float64)
    subjects = tuple(map(str, table["subject"].to_numpy()))
    bad = np.flatnonzero(~(np.isfinite(value) & (value >= 0) & (value == np.round(value))))
    if bad.size:
        raise InputError(
            f"{study.name}: {outcome} of subject {shown(subjects[bad[0]])} is "
            f"{value[bad[0]]:g}, which is no grade: give 0, 1, 2, ..., or leave the subject out."
        )
    if len(subjects) < 2:
        raise InputError(f"{study.name}: {outcome} of at least two subjects is needed.")
    grade = value.astype(np.int64)
    return Grades(
        outcome=outcome,
        scale=str(table.attrs.get("scale", "")),
        subjects=subjects,
        value=grade,
        onset=_onset(table["time"].to_numpy(), grade),
        top=max(LIVING, int(grade.max())) if grade.max() > 1 else 1,
    )


def _onset(time: npt.NDArray[Any], grade: npt.NDArray[np.int64]) -> Array:
    return np.where(grade > 0, time.astype(np.float64), np.nan)
