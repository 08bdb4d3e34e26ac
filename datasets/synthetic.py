"""Virtual cohorts with known truth: patients, treatments, assays and grades as a trial sees them.

A cohort is made in the order in which a trial happens. Covariates are drawn, then the parameters
of each patient around the typical values (log-normal, `Parameter.iiv`), shifted by the covariates.
The model is solved; drugs are given by rule to those who need them, and it is solved again. Assays
measure at visits, some of which are missed and more of which are kept for the sick; what lies
beyond a limit of quantification is reported as censored. At last each patient gets a grade whose
probabilities depend on the course. Everything that was not seen stays beside it as the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ..models import Dose, OdeModel, Regimen, simulate
from .errors import InputError
from .provenance import Provenance
from .study import Study
from .virtual import (
    Assay,
    Covariate,
    GradeModel,
    assay_rows,
    covariate_rows,
    draw_covariates,
    draw_grades,
    outcome_rows,
)

__all__ = ["Assay", "Cohort", "Covariate", "Design", "GradeModel", "Rule", "simulate_cohort"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """A treatment given once, when an observable first exceeds a level at a visit.

    Parameters
    ----------
    dose : Dose
        Its ``time`` is added to that of the visit.
    observable : str
    above : float
        Level, in the unit of the observable.
    probability : float
        Share of the patients that are treated when they fulfil the rule.
    """

    dose: Dose
    observable: str
    above: float
    probability: float = 1.0


@dataclass(frozen=True)
class Design:
    """What a trial measures and does.

    Parameters
    ----------
    visits : sequence of float
        Times of visits, in the time unit of the model.
    assays : sequence of Assay
    missed : float
        Probability that a visit after the first is missed.
    extra_visits : sequence of float
        Further visits of patients with a grade of at least ``sick``.
    sick : int
    covariates : sequence of Covariate
    rules : sequence of Rule
        Applied one after another, each on the course under those before it.
    grading : GradeModel, optional
    """

    visits: tuple[float, ...]
    assays: tuple[Assay, ...]
    missed: float = 0.0
    extra_visits: tuple[float, ...] = ()
    sick: int = 2
    covariates: tuple[Covariate, ...] = ()
    rules: tuple[Rule, ...] = ()
    grading: GradeModel | None = None


@dataclass(frozen=True, eq=False)
class Cohort:
    """A study and the truth behind it.

    Parameters
    ----------
    study : Study
    truth : Dataset, dims (subject,) and (subject, time)
        Parameters of each patient; the course of every observable on a fine grid; with a grading,
        ``P(grade >= k)`` as ``risk`` (subject, grade).
    """

    study: Study
    truth: xr.Dataset


def simulate_cohort(
    model: OdeModel,
    n: int,
    design: Design,
    regimen: Regimen | None = None,
    *,
    seed: int,
    iiv: Mapping[str, float] | None = None,
    name: str = "virtual cohort",
) -> Cohort:
    """Make a virtual cohort.

    Parameters
    ----------
    model : OdeModel
        With the drugs that the rules give, such as ``with_tocilizumab(get("crs-cascade"))``.
    n : int
        Patients.
    design : Design
    regimen : Regimen, optional
        Given to everybody; default: none.
    seed : int
        Same seed, same cohort.
    iiv : mapping of parameter to float, optional
        Standard deviations between patients; default: those of the model.
    name : str
        Name of the study.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        If a name is unknown, or a patient's equations cannot be solved.

    Notes
    -----
    Each part of the design has a stream of random numbers of its own: a longer list of visits does
    not change the patients.
    """
    if n < 1:
        raise InputError(f"a cohort needs at least one patient, got {n}")
    streams = iter(np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6))
    subjects = [f"P{k + 1:0{len(str(n))}d}" for k in range(n)]
    covariates = draw_covariates(design.covariates, n, next(streams))
    theta = _parameters(model, design, covariates, subjects, iiv, next(streams))
    fine = _grid(model, design)
    regimens = {s: regimen or Regimen() for s in subjects}
    course = _course(model, theta, fine, regimens)
    rng = next(streams)
    for rule in design.rules:
        regimens = _treated(rule, design, course, regimens, rng.uniform(size=n))
        course = _course(model, theta, fine, regimens)
    grades = draw_grades(design.grading, course, next(streams))
    rows = _measured(design, course, grades["grade"], next(streams), next(streams))
    study = Study(
        rows,
        name=name,
        units={a.observable: model.unit(a.observable) for a in design.assays},
        time_unit=model.time_unit,
        doses=_dose_rows(model, regimens),
        covariates=covariate_rows(design.covariates, covariates, subjects),
        outcomes=outcome_rows(design.grading, grades, subjects),
        provenance=[Provenance(source=f"simulate_cohort, model {model.name}, seed {seed}")],
    )
    truth = course.assign({p: v for p, v in theta.items()})
    if design.grading is not None:
        truth["risk"] = (("subject", "grade"), grades["risk"])
        truth = truth.assign_coords(grade=np.arange(1, len(design.grading.cuts) + 1))
    return Cohort(study, truth)


def _parameters(
    model: OdeModel,
    design: Design,
    covariates: Mapping[str, npt.NDArray[Any]],
    subjects: Sequence[str],
    iiv: Mapping[str, float] | None,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Parameters that differ between patients, within their bounds."""
    spread = {p.name: p.iiv for p in model.parameters if p.iiv > 0} if iiv is None else dict(iiv)
    effects = [n for c in design.covariates for n in (*c.powers, *c.factors)]
    for name in (*spread, *effects):
        if name not in model.parameter_names:
            raise InputError(f"model {model.name} has no parameter {name!r}")
    result = {}
    for p in model.parameters:
        noise = rng.standard_normal(len(subjects))
        if p.name not in spread and p.name not in effects:
            continue
        value = p.value * np.exp(spread.get(p.name, 0.0) * noise)
        for c in design.covariates:
            if p.name in c.powers:
                value = value * (covariates[c.name] / c.median) ** c.powers[p.name]
            if p.name in c.factors:
                value = value * np.array([c.factors[p.name][label] for label in covariates[c.name]])
        result[p.name] = ("subject", np.clip(value, p.lower, p.upper), {"units": p.unit})
    return xr.Dataset(result, coords={"subject": list(subjects)})


def _grid(model: OdeModel, design: Design) -> Array:
    """Fine grid that holds every visit."""
    asked = [
        *design.visits,
        *design.extra_visits,
        *(d for a in design.assays for d in a.days or ()),
    ]
    even = np.linspace(0.0, max([model.horizon, *asked]), 225)
    return np.unique(np.round([*even, *asked], 10))


def _course(
    model: OdeModel, theta: xr.Dataset, times: Array, regimens: Mapping[str, Regimen]
) -> xr.Dataset:
    run = simulate(model, theta, times, None if model.is_closed_form else dict(regimens))
    if run.attrs["failed_solves"]:
        raise InputError(f"model {model.name} cannot be solved: {run.attrs['failures']}")
    return run.transpose("subject", "time")


def _treated(
    rule: Rule,
    design: Design,
    course: xr.Dataset,
    regimens: Mapping[str, Regimen],
    chance: Array,
) -> dict[str, Regimen]:
    """Give a dose to those who fulfil a rule at a visit."""
    if isinstance(rule.dose.time, str):
        raise InputError("the time of a dose given by a rule must be a number")
    visits = np.unique([*design.visits, *design.extra_visits])
    seen = course[rule.observable].sel(time=visits).to_numpy() > rule.above
    result = {}
    for k, (subject, given) in enumerate(regimens.items()):
        if seen[k].any() and chance[k] < rule.probability:
            begin = float(visits[seen[k].argmax()]) + rule.dose.time
            given = given + Regimen([replace(rule.dose, time=begin)])
        result[subject] = given
    return result


def _measured(
    design: Design,
    course: xr.Dataset,
    grade: npt.NDArray[Any],
    missing: np.random.Generator,
    noise: np.random.Generator,
) -> pd.DataFrame:
    """Rows of all assays, with what lies beyond a limit scored as censored there."""
    visits = np.array(sorted({*design.visits, *design.extra_visits}))
    planned = np.isin(visits, design.visits)
    kept = missing.uniform(size=(grade.size, visits.size)) >= design.missed
    kept[:, 0] = True
    kept &= planned | (grade[:, None] >= design.sick)
    tables = []
    for assay in design.assays:
        days = visits if assay.days is None else np.array(assay.days)
        there = kept if assay.days is None else np.ones((grade.size, days.size), dtype=bool)
        true = course[assay.observable].sel(time=days).to_numpy()
        tables.append(assay_rows(assay, course["subject"].to_numpy(), days, true, there, noise))
    rows = pd.concat(tables).sort_values(["subject", "time"], kind="stable")
    return rows.reset_index(drop=True)


def _dose_rows(model: OdeModel, regimens: Mapping[str, Regimen]) -> pd.DataFrame | None:
    rows = [
        {
            "subject": subject,
            "time": e.time,
            "amount": e.amount,
            "target": e.state,
            "duration": e.duration,
            "interval": e.interval,
            "count": e.count,
            "unit": model.unit(e.state),
        }
        for subject, regimen in regimens.items()
        for e in regimen.events
        if isinstance(e, Dose)
    ]
    return pd.DataFrame(rows) if rows else None
