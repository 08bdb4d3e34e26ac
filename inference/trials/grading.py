"""Grades of cytokine release in a virtual trial: fitted, assumed, or read off signs.

The consensus grade is defined by what was done to the patient, so that every grade of a virtual
patient rests on a link. The best one is fitted to grades; an assumed one says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import expit

from ...datasets.errors import InputError
from ...datasets.virtual import GradeModel
from ...models.library.crs_plans import assumed_grade
from ...models.ode import OdeModel
from .design import Arm
from .families import REDUCED
from .plan import Course

__all__ = ["AssumedGrades", "FittedGrades", "Grades", "SignGrades", "default_grades"]

Array = npt.NDArray[Any]
SIGNS = ("temperature", "MAP", "SpO2")
COHORT = GradeModel("signal", reference=60.0, slope=2.5, cuts=(-1.2, 0.6, 2.4, 4.2))


class Grades(ABC):
    """Probability of at least each grade (abstract)."""

    label: str

    @abstractmethod
    def at_least(self, grade: int, course: Course, draw: int) -> Array:
        """Probability of this grade or a higher one; float64[patient]."""

    @abstractmethod
    def check(self, model: OdeModel, arms: tuple[Arm, ...]) -> None:
        """Refuse a model that does not have what the grade depends on."""


@final
@dataclass(frozen=True, eq=False)
class FittedGrades(Grades):
    """Ordinal model fitted to grades: ``logit P(grade >= k) = slope * log10(peak / ref) - cut_k``.

    Parameters
    ----------
    observable : str
        Its peak counts.
    reference : float
    slope : float64[draw]
    cuts : float64[draw, grade]
        As many as the trial uses, in their order (chains one after another).
    label : str
    """

    observable: str
    reference: float
    slope: Array
    cuts: Array
    label: str = "grade model: fitted"

    def at_least(self, grade: int, course: Course, draw: int) -> Array:
        """Probability of this grade or a higher one; float64[patient]."""
        return _probability(
            course, self.observable, self.reference, self.slope[draw], self.cuts[draw], grade
        )

    def check(self, model: OdeModel, arms: tuple[Arm, ...]) -> None:
        """Refuse a model without the observable."""
        _check(self.observable, model, arms)


@final
@dataclass(frozen=True)
class AssumedGrades(Grades):
    """Ordinal model with assumed numbers.

    Parameters
    ----------
    model : GradeModel
    why : str
        Where the numbers come from.
    """

    model: GradeModel
    why: str = "given by the design"

    @property
    def label(self) -> str:  # type: ignore[override]
        """Say that nothing was fitted."""
        return f"grade model: assumed, not fitted ({self.why})"

    def at_least(self, grade: int, course: Course, draw: int) -> Array:
        """Probability of this grade or a higher one; float64[patient]."""
        m = self.model
        return _probability(course, m.observable, m.reference, m.slope, np.array(m.cuts), grade)

    def check(self, model: OdeModel, arms: tuple[Arm, ...]) -> None:
        """Refuse a model without the observable."""
        _check(self.model.observable, model, arms)


@final
@dataclass(frozen=True)
class SignGrades(Grades):
    """Worst grade read off temperature, pressure and saturation with assumed limits."""

    label: str = "grades: read off temperature, MAP and SpO2 with assumed limits, not fitted"

    def at_least(self, grade: int, course: Course, draw: int) -> Array:
        """Compute 1 where the worst grade is at least this, else 0; float64[patient]."""
        signs = xr.Dataset({s: (("patient", "time"), course.values(s)) for s in SIGNS})
        worst = assumed_grade(signs).max("time").to_numpy()
        return np.where(course.failed, np.nan, (worst >= grade).astype(float))

    def check(self, model: OdeModel, arms: tuple[Arm, ...]) -> None:
        """Refuse a model without the signs."""
        for sign in SIGNS:
            if sign not in model.observables:
                raise InputError(f"model {model.name} has no {sign}, which grades depend on.")


def default_grades(model: OdeModel) -> Grades | None:
    """Choose the assumed grade model of a library model; None where there is none."""
    if all(sign in model.observables for sign in SIGNS):
        return SignGrades()
    if model.name in REDUCED:  # of the same signal, on the same scale
        return AssumedGrades(COHORT, "the numbers behind the virtual cohort crs-cohort")
    return None


def peak(course: Course, observable: str) -> Array:
    """Highest value on the grid; float64[patient]."""
    highest: Array = course.values(observable).max(axis=1)
    return highest


def _probability(
    course: Course, observable: str, reference: float, slope: float, cuts: Array, grade: int
) -> Array:
    if grade > cuts.size:
        raise InputError(f"the grade model ends at grade {cuts.size}; {grade} was asked for.")
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = slope * np.log10(peak(course, observable) / reference)
    risk: Array = expit(eta - cuts[grade - 1])
    return risk


def _check(observable: str, model: OdeModel, arms: tuple[Arm, ...]) -> None:
    if observable not in model.observables:
        raise InputError(
            f"the grade model reads {observable!r}, and model {model.name} has "
            f"{', '.join(model.observables)}."
        )
    blocked = "tocilizumab" in model.state_names or any("RO" in a.parameters for a in arms)
    if observable == "IL6" and blocked:
        raise InputError(
            "serum IL-6 rises under tocilizumab for lack of clearance, so a grade must not be read "
            "off it: use the observable 'signal'."
        )
