"""`counterfactual`: the fitted patients as they were, and as they would have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...models.dosing import Regimen
from ...models.library.interventions import with_treatments
from ...models.ode import OdeModel
from ..predict import draws_of, parameters_of, thinned
from .chance import limits
from .design import Arm, Design, Endpoint
from .endpoints import answers, check_endpoints, default_endpoints
from .evidence import evidence_of
from .fitted import fitted_grades
from .grading import Grades, default_grades
from .plan import Plan, extended
from .virtual import (
    Done,
    check_arm,
    drug_targets,
    grid,
    infused_states,
    receptor_blocked,
    run_draws,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["Counterfactual", "counterfactual"]

Array = npt.NDArray[Any]


@final
@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Two courses of the same patients.

    Parameters
    ----------
    name : str
        Of the change.
    before, after : Dataset, dims (sample, subject, time)
        The kept observables.
    table : DataFrame
        A row per patient and endpoint, and per patient and observable (its peak): the value as
        treated, the value with the change, and their difference (ratio of peaks), with 90 %
        intervals over draws. Endpoints have ``p_better``, the share of draws in which the change
        is for the better; peaks have ``p_lower``, because a lower peak of CAR-T cells is no
        gain as such (a tie counts half).
    population : DataFrame
        The same, averaged over the patients.
    failed : int
        Pairs that could not be solved.
    evidence : mapping of topic to str
    notes : tuple of str
        What the numbers rest on; part of the sentence.
    """

    name: str
    before: xr.Dataset = field(repr=False)
    after: xr.Dataset = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    population: pd.DataFrame = field(repr=False)
    failed: int = 0
    evidence: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def times(self) -> Array:
        """Times of the courses."""
        return np.asarray(self.before["time"].to_numpy())

    @property
    def time_unit(self) -> str:
        """Unit of the times."""
        return str(self.before["time"].attrs.get("units", ""))

    @property
    def sentence(self) -> str:
        """What the change does, averaged over the patients."""
        parts = [
            f"{r['what']}: {r['before']:.3g} as treated and {r['after']:.3g} with {self.name}, "
            f"change {r['change']:.3g} ({r['lower']:.3g} to {r['upper']:.3g})."
            for _, r in self.population.iterrows()
        ]
        parts += [f"{note[:1].upper()}{note[1:]}." for note in self.notes]
        if self.failed:
            parts.append(f"{self.failed} pairs could not be solved and are left out.")
        contested = [k for k, text in self.evidence.items() if text.startswith("contested")]
        if contested:
            parts.append(f"Contested: {', '.join(contested)}.")
        return " ".join(parts)

    def plot(self, observable: str | None = None, subjects: int = 6) -> Figure:
        """Draw courses of the patients in whom an observable changes most."""
        from .plots import plot_counterfactual

        return plot_counterfactual(self, observable or str(next(iter(self.before))), subjects)


def counterfactual(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    change: Arm,
    add: bool = True,
    endpoints: Sequence[Endpoint] = (),
    grades: Grades | None = None,
    scale: str | None = None,
    observables: Sequence[str] | None = None,
    until: float | None = None,
    every: float | None = None,
    draws: int | None = 200,
    seed: int = 1,
    workers: int | None = None,
    done: Done | None = None,
) -> Counterfactual:
    """Give the fitted patients something else, with the same individual parameters.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    change : Arm
        Regimen, parameters, factors and triggers. Covariates are those of the patients.
    add : bool
        Give the regimen on top of what each patient got; False: in its place. A change without a
        regimen leaves the patients what they got.
    endpoints : sequence of Endpoint
        Default: those of the model.
    grades : Grades, optional
        Default: learned from the grades of the study, see `fitted_grades`; the assumed grade
        model of the library where it has none, which the sentence then says.
    scale : str, optional
        Of the grades, where the study has several.
    observables : sequence of str
        Whose courses are kept; default: what the data observe, with ``signal`` in place of serum
        ``IL6`` where its receptor is blocked.
    until, every : float, optional
        As in `Design`.
    draws : int, optional
        About this many; None: all.
    seed : int
        Of the fitted grade model.
    workers : int, optional
    done : callable ``(finished, total)``, optional

    Returns
    -------
    Counterfactual

    Raises
    ------
    InputError

    Notes
    -----
    The individual parameters are learned from the course under the treatment that was given.
    """
    if change.covariates:
        raise InputError("a counterfactual keeps the covariates of the patients; change parameters "
                         "or factors.")  # fmt: skip
    if problem.arrangement.occasions is not None:
        raise InputError("a counterfactual of a fit with variation between occasions is not "
                         "implemented; fit without it.")  # fmt: skip
    data = thinned(draws_of(problem, posterior, "individual"), draws)
    subjects = problem.arrangement.subjects
    theta = parameters_of(problem, data, len(subjects))
    base = with_treatments(problem.model, drug_targets([change]))
    check_arm(change, base, ())
    model = extended(base, [change])
    design = Design((change,), tuple(endpoints), until=until, every=every)
    plans = _plans(problem, model, change, add, grid(design, model))
    if grades is None and (not endpoints or any(e.kind == "grade" for e in endpoints)):
        grades = fitted_grades(problem, posterior, draws=draws, seed=seed, scale=scale)
    chosen = grades or default_grades(base)
    asked = design.endpoints or default_endpoints(model, chosen)
    check_endpoints(asked, model, chosen, (change,), float(plans[0].times[-1]))
    kept, told = _kept(problem, model, change, observables)
    if chosen is not None and any(e.kind == "grade" for e in asked):
        told = (chosen.label, *told)

    def one(draw: int) -> tuple[Any, Any]:
        full = np.tile(np.array(list(model.theta.values())), (len(subjects), 1))
        full[:, : theta.shape[-1]] = _placed(problem.model, model, theta[draw])
        pair = plans[0].run(full), plans[1].run(_changed(model, full, change))
        return tuple(
            (
                answers(asked, c, chosen, draw),
                {k: c.values(k) for k in kept},
                c.failed,
            )
            for c in pair
        )  # type: ignore[return-value]

    pairs = run_draws(one, len(theta), workers, done)
    alone = replace(change, regimen=change.regimen or Regimen())
    found = evidence_of([Plan(model, alone, plans[0].times, problem.solver)], model)
    return _result(problem, change, asked, kept, plans, pairs, found, told)


def _kept(
    problem: Problem, model: OdeModel, change: Arm, observables: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Observables whose courses are kept, and what has to be said of serum IL-6."""
    names = tuple(dict.fromkeys(observables or problem.targets.values()))
    treated = Arm("as treated", sum(problem.arrangement.regimens, Regimen()))
    if "IL6" not in names or not receptor_blocked((treated, change)):
        return names, ()
    why = "serum IL-6 rises under receptor blockade for lack of clearance, whatever the severity"
    if observables:
        return names, (why,)
    signal = ("signal",) if "signal" in model.observables else ()
    names = tuple(dict.fromkeys((*(n for n in names if n != "IL6"), *signal)))
    return names, (f"{why}: {'its signal is compared' if signal else 'it is left out'}",)


def _placed(old: OdeModel, new: OdeModel, theta: Array) -> Array:
    """Check that the extended model begins with the parameters of the fit."""
    assert new.parameter_names[: len(old.parameter_names)] == old.parameter_names
    return theta


def _plans(
    problem: Problem, model: OdeModel, change: Arm, add: bool, times: Array
) -> tuple[Plan, Plan]:
    """As it was, and with the change."""
    own = problem.arrangement.regimens
    if change.regimen is None:
        other = own
    else:
        other = tuple(r + change.regimen if add else change.regimen for r in own)
    infused = infused_states(model, [replace(change, regimen=r) for r in {*own, *other}])
    nothing = Arm("as fitted", Regimen())
    options = problem.solver
    return (
        Plan(model, nothing, times, options, own, infused).prepare(),
        Plan(model, replace(change, regimen=Regimen()), times, options, other, infused).prepare(),
    )


def _changed(model: OdeModel, theta: Array, change: Arm) -> Array:
    theta = theta.copy()
    for name, value in change.parameters.items():
        theta[:, model.parameter_names.index(name)] = value
    for name, factor in change.factors.items():
        theta[:, model.parameter_names.index(name)] *= factor
    return theta


def _result(
    problem: Problem,
    change: Arm,
    asked: Sequence[Endpoint],
    kept: Sequence[str],
    plans: Sequence[Plan],
    pairs: Sequence[Any],
    evidence: Mapping[str, str],
    notes: tuple[str, ...],
) -> Counterfactual:
    subjects, model = problem.arrangement.subjects, plans[0].model
    time = ("time", plans[0].times, {"units": model.time_unit})
    courses = [
        xr.Dataset(
            {k: (("sample", "subject", "time"), np.stack([p[side][1][k] for p in pairs]),
                 {"units": model.unit(k)}) for k in kept},
            {"subject": list(subjects), "time": time},
        )
        for side in (0, 1)
    ]  # fmt: skip
    bad = np.stack([p[0][2] | p[1][2] for p in pairs])
    measures: list[Measure] = []
    for k, e in enumerate(asked):
        one, two = (np.stack([p[side][0][:, k] for p in pairs]) for side in (0, 1))
        measures.append((e.name, "probability", bool(e.harm), one, two))
    for name in kept:
        one, two = (c[name].max("time").to_numpy() for c in courses)
        measures.append((f"peak of {name}", "ratio", None, one, two))
    measures = [
        (what, kind, harm, np.where(bad, np.nan, one), np.where(bad, np.nan, two))
        for what, kind, harm, one, two in measures
    ]
    return Counterfactual(
        change.name,
        courses[0],
        courses[1],
        pd.concat([_rows(m, subjects) for m in measures], ignore_index=True),
        pd.DataFrame([_average(m) for m in measures]),
        int(bad.sum()),
        evidence,
        notes,
    )


Measure = tuple[str, str, bool | None, Array, Array]  # name, kind, harm, before, after


def _compare(kind: str, first: Array, second: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        change: Array = second - first if kind == "probability" else second / first
    return change


def _shares(kind: str, harm: bool | None, change: Array) -> dict[str, Any]:
    """Shares of draws in which the change is for the better, or lowers a peak; a tie counts half.

    What is neither a harm nor a benefit has no better.
    """
    still = 0.0 if kind == "probability" else 1.0
    there = np.isfinite(change)
    count = np.maximum(there.sum(axis=0), 1)
    lower = (((change < still) + 0.5 * (change == still)) * there).sum(axis=0) / count
    unknown = np.full_like(lower, np.nan)
    if harm is None:
        return {"p_better": unknown, "p_lower": lower}
    higher = (((change > still) + 0.5 * (change == still)) * there).sum(axis=0) / count
    return {"p_better": lower if harm else higher, "p_lower": unknown}


def _rows(measure: Measure, subjects: Sequence[str]) -> pd.DataFrame:
    what, kind, harm, first, second = measure
    change = _compare(kind, first, second)
    solved = np.isfinite(change).any(axis=0)
    change = np.where(solved, change, 0.0)
    low, high = limits(change)
    table = pd.DataFrame(
        {
            "subject": list(subjects),
            "what": what,
            "change_is": "difference" if kind == "probability" else "ratio",
            "before": _mean(kind, first),
            "after": _mean(kind, second),
            "change": _mean(kind, change),
            "lower": low,
            "upper": high,
            **_shares(kind, harm, change),
        }
    )
    return table.where(solved[:, None] | table.columns.isin(["subject", "what", "change_is"]))


def _mean(kind: str, values: Array) -> Array:
    """Mean of probabilities, median of peaks and their ratios; over draws."""
    solved = np.where(np.isfinite(values).any(axis=0), values, 0.0)
    middle: Array = (np.nanmean if kind == "probability" else np.nanmedian)(solved, axis=0)
    return middle


def _average(measure: Measure) -> dict[str, object]:
    """Average over the patients of each draw, then over draws."""
    what, kind, harm, first, second = measure
    if kind == "probability":
        pair = [np.nanmean(v, axis=1) for v in (first, second)]
        change = pair[1] - pair[0]
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            pair = [np.exp(np.nanmean(np.log(v), axis=1)) for v in (first, second)]
        change = pair[1] / pair[0]
    low, high = limits(change)
    return {
        "what": what if kind == "probability" else f"geometric mean of the {what}",
        "change_is": "difference" if kind == "probability" else "ratio",
        "before": float(_mean(kind, pair[0])),
        "after": float(_mean(kind, pair[1])),
        "change": float(_mean(kind, change)),
        "lower": float(low),
        "upper": float(high),
        **{k: float(v) for k, v in _shares(kind, harm, change).items()},
    }
