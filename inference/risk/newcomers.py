"""Patients who are not in the data: parameters from the population, by covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import counted
from ...models.dosing import Dose, Regimen
from ..populations.covariates import new_shift
from ..populations.hierarchy import Hierarchical
from ..populations.new_subjects import vary
from ..populations.population import Independent
from ..populations.scales import scale_of
from ..predict import parameters_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ...datasets.study import Study
    from ..problem import Problem

__all__ = [
    "common_schedule",
    "covariate_column",
    "covariates_of",
    "in_words",
    "newcomers",
    "shifts_of",
    "treated_otherwise",
    "typical",
]

Array = npt.NDArray[np.float64]


def covariates_of(study: Study) -> pd.DataFrame:
    """Table of the fixed covariates of the patients of a study, one row each."""
    table = study.covariates.to_dataframe().reindex(list(study.subjects))
    return table.rename_axis("subject")


def common_schedule(problem: Problem) -> Regimen:
    """Doses that every patient of the data got; those of some only were an answer to something."""
    first, *rest = problem.arrangement.regimens
    return Regimen([e for e in first.events if all(e in r.events for r in rest)])


def in_words(schedule: Regimen, problem: Problem) -> str:
    """Say what a new patient gets, to follow "A new patient"."""
    doses = sum(e.count for e in schedule.events if isinstance(e, Dose))
    common = schedule == common_schedule(problem)
    if not doses:
        none = " (no dose is common to all patients of the data)" if common else ""
        return f"who gets no dose in the model{none}"
    whose = "that all patients of the data got" if common else "asked for"
    return f"who gets the {counted(doses, 'dose')} {whose}"


def treated_otherwise(schedule: Regimen, problem: Problem, among: Sequence[str]) -> str:
    """Say how many of some patients of the data got something else, to follow their number."""
    got = dict(zip(problem.data.subjects, problem.arrangement.regimens, strict=True))
    others = sum(set(got[subject].events) != set(schedule.events) for subject in among)
    return f", {others} of them treated otherwise" if others else ""


def newcomers(
    problem: Problem, data: xr.Dataset, covariates: pd.DataFrame, rng: np.random.Generator
) -> Array:
    """Draw parameters of new patients.

    Parameters
    ----------
    problem : Problem
        Fitted, pooled or hierarchical.
    data : Dataset, dims chain, draw
        Draws of the posterior.
    covariates : DataFrame
        One row per new patient, with a column for each covariate that the fit uses.
    rng : Generator

    Returns
    -------
    float64[draw, patient, parameter]
        Each draw is another patient with these covariates.

    Raises
    ------
    InputError
        If a covariate is missing, or the fit says nothing about other patients.
    """
    theta = np.repeat(typical(problem, data), len(covariates), axis=1)
    names = problem.model.parameter_names
    for parameter, covariate in problem.inputs.items():
        theta[:, :, names.index(parameter)] = covariate_column(covariates, covariate).astype(
            np.float64
        )
    family = problem.family
    if not isinstance(family, Hierarchical):
        return theta
    shifts = shifts_of(problem, data, covariates)
    for name, shift in shifts.items():
        scale, k = scale_of(*problem.bounds(name)), names.index(name)
        theta[:, :, k] = scale.back(scale.forward(theta[:, :, k], np.log) + shift, np.exp)
    for k in range(len(covariates)):
        vary(problem, theta[:, k], data, rng)
    return theta


def shifts_of(problem: Problem, data: xr.Dataset, rows: pd.DataFrame) -> dict[str, Any]:
    """Shifts of parameters by covariates, each on its scale; float64[draw, patient]."""
    family = problem.family
    shifts: dict[str, Any] = {}
    for effect in family.effects if isinstance(family, Hierarchical) else ():
        betas = {n: _flat(data[n]) for n in effect.coefficients(problem.data)}
        column = covariate_column(rows, effect.covariate)
        moved = new_shift(effect, problem.data, betas, column)
        shifts[effect.parameter] = shifts.get(effect.parameter, 0.0) + moved
    return shifts


def typical(problem: Problem, data: xr.Dataset) -> Array:
    """Typical values at the reference of all covariates; float64[draw, 1, parameter]."""
    if isinstance(problem.family, Independent):
        raise InputError(
            "subjects with independent parameters say nothing about another subject: the risk of "
            "new patients, and forecasts, need a pooled or hierarchical fit."
        )
    bare = data.drop_vars([v for v in data.data_vars if "subject" in data[v].dims])
    values = {n: problem.model.parameter(n).value for n in problem.inputs}
    plain = replace(problem, inputs={}, fixed={**problem.fixed, **values})
    return parameters_of(plain, bare, 1)


def _flat(values: xr.DataArray) -> Array:
    """Draws, chains one after another; float64[draw]."""
    return np.asarray(values.transpose("chain", "draw").to_numpy().ravel(), dtype=np.float64)


def covariate_column(rows: pd.DataFrame, name: str) -> npt.NDArray[Any]:
    """Values of a covariate of new patients; refused where one is missing."""
    if name not in rows or rows[name].isna().any():
        raise InputError(f"every new patient needs the covariate {name}, which the fit uses.")
    return rows[name].to_numpy()
