"""The simple models that a mechanistic one must beat: burden and dose, a panel of markers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import letters
from ..response.nca import BLOCKED, blockade
from .grades import Grades
from .ordinal import LinkPrior, fit_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...datasets.study import Study

__all__ = ["Predictors", "burden_and_dose", "marker_panel", "nothing", "predict_held_out"]

Array = npt.NDArray[np.float64]
BURDEN = ("burden", "blast", "blasts", "tumor_burden", "marrow_blasts")
DOSE = ("cells_infused", "dose_level", "dose", "cells")
PANEL = ("IFNg", "IL6", "IL8", "IL10", "IL15", "TNF", "IL18", "CRP", "ferritin", "LDH", "CAR")
MOST_MISSING = 0.4  # share of patients, beyond which a marker is left out


@dataclass(frozen=True, eq=False)
class Predictors:
    """Numbers that a simple model predicts grades from.

    Parameters
    ----------
    name : str
        Of the model.
    columns : tuple of str
    x : float64[subject, column]
        NaN where a patient has none.
    note : str
        What was done to get them.
    """

    name: str
    columns: tuple[str, ...]
    x: Array = field(repr=False)
    note: str = ""

    @property
    def missing(self) -> int:
        """Values that have to be imputed."""
        return int(np.isnan(self.x).sum())


def nothing(subjects: Sequence[str]) -> Predictors:
    """No predictor: the share of each grade in the other patients."""
    return Predictors("no predictor", (), np.empty((len(subjects), 0)))


def burden_and_dose(
    study: Study,
    subjects: Sequence[str],
    *,
    burden: str | None = None,
    dose: str | None = None,
) -> Predictors:
    """Take tumor burden and dose (model `severe-crs-logistic`): dose in tenfolds.

    Parameters
    ----------
    study : Study
    subjects : sequence of str
    burden, dose : str, optional
        Covariates; default: the first with a usual name. A burden in percent is taken as it is,
        any other in tenfolds.

    Returns
    -------
    Predictors

    Raises
    ------
    InputError
        If a named covariate is not there.
    """
    chosen = [c for c in (_pick(study, burden, BURDEN), _pick(study, dose, DOSE)) if c]
    columns = [_numbers(study, c, subjects) for c in chosen]
    units = dict(study.to_frame("covariates").drop_duplicates("name")[["name", "unit"]].to_numpy())
    x = np.empty((len(subjects), len(chosen)))
    labels = []
    for k, (name, values) in enumerate(zip(chosen, columns, strict=True)):
        relative = name in BURDEN and (units.get(name) == "%" or np.nanmin(values) <= 0)
        x[:, k] = values if relative else np.log10(np.maximum(values, 1e-12))
        labels.append(name if relative else f"log10 {name}")
    note = "" if chosen else "the data hold neither burden nor dose"
    return Predictors("burden and dose", tuple(labels), x, note)


def _pick(study: Study, given: str | None, usual: Sequence[str]) -> str | None:
    there = list(map(str, study.covariates.data_vars))
    if given is not None and given not in there:
        raise InputError(f"{study.name} has no covariate {given!r}; it has {', '.join(there)}.")
    return given or next((c for c in usual if c in there), None)


def _numbers(study: Study, name: str, subjects: Sequence[str]) -> Array:
    values = study.covariates[name].sel(subject=list(subjects)).to_numpy()
    try:
        return np.asarray(values, dtype=np.float64)
    except ValueError:
        raise InputError(f"covariate {name} is text, and no number to predict from.") from None


def marker_panel(
    study: Study,
    subjects: Sequence[str],
    *,
    until: float = np.inf,
    observables: Sequence[str] | None = None,
) -> Predictors:
    """Take the highest value of each marker so far, in tenfolds (model `biomarker-panel`).

    Parameters
    ----------
    study : Study
    subjects : sequence of str
    until : float
        Last time that is looked at, in the time unit of the study; 0: before the infusion only.
    observables : sequence of str, optional
        Default: the usual ones, by name without regard to case and signs, that at most 40 % of the
        patients lack.

    Returns
    -------
    Predictors
        A value beyond a limit of quantification counts as the limit. IL-6 measured after
        tocilizumab is left out.
    """
    rows = study.to_frame()
    rows = rows[(rows["time"] <= until) & (rows["value"] > 0)]
    late = rows["time"] > rows["subject"].map(blockade(study)).fillna(np.inf).to_numpy()
    blocked = rows["observable"].map(letters).isin(BLOCKED)
    rows = rows[~(blocked & late)]
    rows = rows.assign(value=np.log10(rows["value"]))
    wide = rows.pivot_table(index="subject", columns="observable", values="value", aggfunc="max")
    wide = wide.reindex(list(subjects))
    known = [str(o) for o in wide]
    usual = [letters(o) for o in PANEL]
    here = [o for o in known if letters(o) in usual]
    here.sort(key=lambda o: usual.index(letters(o)))
    wanted = [o for o in observables if o in known] if observables else here
    kept = [o for o in wanted if wide[o].isna().mean() <= MOST_MISSING]
    left = [o for o in wanted if o not in kept]
    note = f"left out, too often missing: {', '.join(left)}" if left else ""
    return Predictors("marker panel", tuple(kept), wide[kept].to_numpy(dtype=np.float64), note)


def predict_held_out(
    predictors: Predictors, grades: Grades, fold: npt.NDArray[np.int64], rng: np.random.Generator
) -> Array:
    """P(grade >= k) of each patient, from the patients of the other folds only.

    Parameters
    ----------
    predictors : Predictors
        Of the subjects of the grades, in this order.
    grades : Grades
    fold : int64[subject]
        Which fold holds each patient out.
    rng : Generator

    Returns
    -------
    float64[subject, grade]
        Means and spreads for standardizing, and the means that stand in for missing values, are
        those of the other folds too.
    """
    chance = np.empty((len(grades.subjects), grades.top))
    prior = LinkPrior.standardized(len(predictors.columns))
    for k in np.unique(fold):
        out = fold == k
        x = _standardized(predictors.x, ~out)[None]
        link = fit_link(x[:, ~out], grades.value[~out], grades.top, rng=rng, prior=prior)
        chance[out] = link.probability(x[:, out]).mean(axis=0)
    return chance


def _standardized(x: Array, train: npt.NDArray[np.bool_]) -> Array:
    """Standardize by the training patients; missing values are at their mean."""
    if not x.shape[1]:
        return x
    known = np.isfinite(x[train])
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x[train], 0.0).sum(axis=0) / count
    square = np.where(known, (x[train] - mean) ** 2, 0.0).sum(axis=0) / count
    spread = np.sqrt(square)
    z = (x - mean) / np.where(spread > 0, spread, 1.0)
    return np.where(np.isfinite(z), z, 0.0)
