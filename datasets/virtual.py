"""What chance does in a virtual cohort: covariates, assay noise, grades, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import expit

from .errors import InputError

__all__ = [
    "Assay",
    "Covariate",
    "GradeModel",
    "assay_rows",
    "covariate_rows",
    "draw_covariates",
    "draw_grades",
    "outcome_rows",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Covariate:
    """A fixed property of a patient, and what it does to the parameters.

    Parameters
    ----------
    name : str
    median, sd : float
        A log-normal covariate; ``sd`` of its logarithm.
    categories : mapping of label to probability
        Instead: a category.
    powers : mapping of parameter to float
        The parameter is multiplied by ``(value / median) ** power``.
    factors : mapping of parameter to mapping of label to float
        The parameter is multiplied by the factor of the patient's category.
    unit : str
    """

    name: str
    median: float = 1.0
    sd: float = 0.0
    categories: Mapping[str, float] = field(default_factory=dict)
    powers: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True)
class Assay:
    """How an observable is measured.

    Parameters
    ----------
    observable : str
        State or output of the model.
    sigma : float
        Standard deviation of the logarithm of a measurement.
    lower, upper : float
        Limits of quantification, in the unit of the model.
    days : sequence of float, optional
        Times of its own; default: the visits of the design.
    """

    observable: str
    sigma: float = 0.3
    lower: float = 0.0
    upper: float = np.inf
    days: tuple[float, ...] | None = None


@dataclass(frozen=True)
class GradeModel:
    """Probability of a grade: ``logit P(grade >= k) = slope * log10(peak / reference) - cut_k``.

    Parameters
    ----------
    observable : str
        Its peak over the horizon counts; after receptor blockade use the signal, not serum IL-6.
    reference : float
    slope : float
    cuts : sequence of float
        Ascending; grade k is at least ``k`` beyond ``cuts[k - 1]``.
    scale : str
        "ASTCT", "Lee", "Penn" or "CTCAE".
    onset : float
        Onset is the first time at which the observable reaches this share of its peak.
    """

    observable: str
    reference: float
    slope: float = 2.0
    cuts: tuple[float, ...] = (-1.0, 1.0, 3.0, 5.0)
    scale: str = "ASTCT"
    onset: float = 0.2

    def __post_init__(self) -> None:
        """Refuse cuts that do not ascend."""
        if list(self.cuts) != sorted(set(self.cuts)):
            raise InputError(f"grading: the cuts must ascend, got {self.cuts}")


def draw_covariates(
    covariates: Sequence[Covariate], n: int, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Draw the covariates of ``n`` patients."""
    drawn: dict[str, npt.NDArray[Any]] = {}
    for c in covariates:
        if c.categories:
            share = np.array(list(c.categories.values()), dtype=float)
            drawn[c.name] = rng.choice(list(c.categories), n, p=share / share.sum())
        else:
            drawn[c.name] = c.median * np.exp(c.sd * rng.standard_normal(n))
    return drawn


def draw_grades(
    grading: GradeModel | None, course: xr.Dataset, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Draw grades from the course: ``grade``, ``risk`` (patient, grade) and ``onset``."""
    n = course.sizes["subject"]
    if grading is None:
        return {"grade": np.zeros(n, dtype=int)}
    values = course[grading.observable].to_numpy()
    peak = values.max(axis=1)
    eta = grading.slope * np.log10(peak / grading.reference)
    risk = expit(eta[:, None] - np.array(grading.cuts))
    grade = (rng.uniform(size=n)[:, None] < risk).sum(axis=1)
    first = (values >= grading.onset * peak[:, None]).argmax(axis=1)
    return {"grade": grade, "risk": risk, "onset": course["time"].to_numpy()[first]}


def assay_rows(
    assay: Assay,
    subjects: npt.NDArray[Any],
    days: Array,
    true: Array,
    there: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Measure true values (patient, day) where ``there``; what lies beyond a limit is censored."""
    value = true * np.exp(assay.sigma * rng.standard_normal(true.shape))
    low, high = value < assay.lower, value > assay.upper
    value = np.where(low, assay.lower, np.where(high, assay.upper, value))
    censoring = np.where(low, "left", np.where(high, "right", "none"))
    who, when = np.nonzero(there)
    return pd.DataFrame(
        {
            "subject": subjects[who],
            "time": days[when],
            "observable": assay.observable,
            "value": np.array([float(f"{v:.4g}") for v in value[there]]),
            "lower": assay.lower if assay.lower > 0 else np.nan,
            "upper": assay.upper if np.isfinite(assay.upper) else np.nan,
            "censoring": censoring[there],
        }
    )


def covariate_rows(
    covariates: Sequence[Covariate],
    drawn: Mapping[str, npt.NDArray[Any]],
    subjects: Sequence[str],
) -> pd.DataFrame | None:
    """Write covariates as rows of a study."""
    rows = [
        {
            "subject": s,
            "name": c.name,
            "value": str(v) if c.categories else float(f"{v:.4g}"),
            "unit": c.unit,
        }
        for c in covariates
        for s, v in zip(subjects, drawn[c.name], strict=True)
    ]
    return pd.DataFrame(rows) if rows else None


def outcome_rows(
    grading: GradeModel | None, grades: Mapping[str, npt.NDArray[Any]], subjects: Sequence[str]
) -> pd.DataFrame | None:
    """Write grades as rows of a study, with their scale and onset."""
    if grading is None:
        return None
    return pd.DataFrame(
        {
            "subject": subjects,
            "outcome": "crs",
            "value": grades["grade"].astype(float),
            "scale": grading.scale,
            "time": np.where(grades["grade"] > 0, np.round(grades["onset"], 2), np.nan),
        }
    )
