"""From the posterior to what the fit was made for: risk by grade, and exposure-response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ..checks.check import Check
from ..percent import percent
from .assessment import RESPONSE, Absent, Entry, Planned, Told, made

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ...datasets.study import Study
    from ..problem import Problem
    from ..risk.assessment import Risk
    from ..risk.grades import Grades
    from ..risk.validation import Validation

__all__ = ["course_of_onset", "judged_grade", "outcome_checks"]

Array = npt.NDArray[np.float64]
USUAL = "crs"
STANDARD = "ASTCT"  # the scale of today, where there are several
SEVERE = 3  # grade that tables are about, where it occurs
DRAWS, FOLDS, DAYS = 200, 5, 57
# The peak of each patient is uncertain, which the joint fit takes into account.
SAMPLING = {"draws": 500, "tune": 500, "chains": 4, "uncertainty": "joint"}
PRODUCT = ("product", "construct", "costim", "arm", "dose")  # parts of names of what was given
MOST = 6  # rows of exposures under a curve
RISK = "risk"


def outcome_checks(
    problem: Problem, tree: xr.DataTree, *, seed: int, told: Told
) -> dict[str, tuple[Entry, ...]]:
    """Compute risk and exposure-response where the data hold grades and the model a signal.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
    seed : int
    told : callable

    Returns
    -------
    dict of section to tuple of Check or Absent
        Empty where the data hold no outcome, or the model no signal that could drive it.
    """
    from ..risk.assessment import risk
    from ..risk.courses import SIGNAL, signal_of
    from ..risk.grades import grades_of

    name = graded(problem)
    try:
        signal_of(problem, SIGNAL)
    except InputError:
        return {}
    if not name:
        return {}
    held: dict[str, Any] = {}
    scale, others = chosen_scale(problem, name)

    def by_grade() -> Check:
        k = judged_grade(grades_of(problem.data, name, scale))
        held["risk"] = risk(
            problem, tree, at_least=k, seed=seed, outcome=name, scale=scale, draws=DRAWS
        )
        return of_population(held["risk"], others)

    first = Planned(RISK, "risk_by_grade", f"Risk of {name.upper()} by grade", by_grade)
    found = made([first], told)
    if isinstance(found[RISK][0], Absent):
        return found
    rest = made(following(problem, tree, held["risk"], seed), told)
    return {RISK: (*found[RISK], *rest[RISK]), RESPONSE: rest[RESPONSE]}


def graded(problem: Problem) -> str:
    """Outcome of the data that is taken as a grade; CRS before others, "" where there is none."""
    names = list(dict.fromkeys(map(str, problem.data.outcomes["outcome"].to_numpy())))
    return USUAL if USUAL in names else (names[0] if names else "")


def chosen_scale(problem: Problem, name: str) -> tuple[str | None, list[str]]:
    """Scale on which an outcome is reported, if there are several, and the others."""
    table = problem.data.outcomes
    here = table["outcome"].to_numpy() == name
    scales = list(dict.fromkeys(map(str, table["scale"].to_numpy()[here])))
    if len(scales) < 2:
        return None, []
    first = STANDARD if STANDARD in scales else scales[0]
    return first, [s for s in scales if s != first]


def judged_grade(grades: Grades) -> int:
    """Highest grade up to 3 that some patients reach and others do not; else 1."""
    share = grades.reached.mean(axis=0)
    apart = [int(k) for k, s in zip(grades.levels, share, strict=True) if 0 < s < 1]
    return max((k for k in apart if k <= SEVERE), default=1)


def following(problem: Problem, tree: xr.DataTree, risk: Risk, seed: int) -> list[Planned]:
    """List what follows from a risk."""
    from ..risk.validation import cross_validate

    held: dict[str, Validation] = {}

    def scored() -> Check:
        held["scores"] = cross_validate(
            problem, tree, seed=seed, at_least=risk.at_least, folds=FOLDS, draws=DRAWS,
            outcome=risk.grades.outcome, scale=risk.grades.scale or None,
        )  # fmt: skip
        return of_scores(held["scores"])

    def calibrated() -> Check:
        check = held["scores"].calibration()
        return replace(check, name="risk_calibration")

    def answered() -> Check:
        return of_response(problem, risk, seed)

    plans = [
        (RISK, "risk_patients", "Risk of each patient", lambda: of_patients(risk)),
        (RISK, "risk_by_day", "Onset by day", lambda: course_of_onset(risk)),
        (RISK, "risk_scores", "Simple models beside it", scored),
        (RISK, "risk_calibration", "Calibration", calibrated),
        (RESPONSE, "exposure_response", "Exposure-response", answered),
    ]  # fmt: skip
    return [Planned(*plan) for plan in plans]


def of_population(risk: Risk, others: Sequence[str] = ()) -> Check:
    """Risk of new patients by grade, beside the observed shares; ``others`` are further scales."""
    from ..risk.assessment import CAVEAT

    table = risk.by_grade
    further = "".join(
        f" Graded on the scale {s} as well, which is another quantity: cytobayes risk RUN "
        f"--scale {s}."
        for s in others
    )
    return Check(
        name="risk_by_grade",
        title=f"Risk of {risk.grades.outcome.upper()} by grade",
        sentence=f"{risk.sentence}{further} {CAVEAT}",
        good=None,
        table=table,
        plot=lambda: draw_grades(table),
        caption=(
            "Bars: probability that a new patient like those of the data, with their common "
            "schedule, has a grade of at least so much, with 90 % credible interval. Rings: share "
            "of the patients that had it, whatever they were given."
        ),
    )


def draw_grades(table: pd.DataFrame) -> Figure:
    """Bars with intervals, and what was observed."""
    from ..drawing import CURVE, INK, Panels, style

    with style():
        panels = Panels(1, columns=1, size=(4.6, 3.0))
        axes, at = panels.axes[0], np.arange(len(table))
        axes.bar(at, table["risk"], width=0.55, color=CURVE, alpha=0.35, label="new patient")
        axes.vlines(at, table["low"], table["high"], color=CURVE, lw=2)
        axes.plot(at, table["observed"], "o", mfc="white", mec=INK, label="observed share")
        axes.set_xticks(at, [f"{g} or more" for g in table["grade"]])
        axes.set_ylim(0, 1)
        axes.set_xlabel("grade")
        axes.set_ylabel("probability")
        axes.legend(loc="upper right")
    return panels.figure


def of_patients(risk: Risk) -> Check:
    """Risk of each patient of the data."""
    from ..risk.page import plot_patients

    k, table = risk.at_least, risk.table
    chance = table[f"risk_{k}"].to_numpy()
    least, most = table.loc[chance.argmin()], table.loc[chance.argmax()]
    return Check(
        name="risk_patients",
        title="Risk of each patient",
        sentence=(
            f"Given their courses, P(grade at least {k}) runs from {percent(chance.min())} "
            f"({least['subject']}) to {percent(chance.max())} ({most['subject']}). Their own "
            "grades were used to learn how grades follow from the signal."
        ),
        good=None,
        table=table,
        plot=lambda: plot_patients(risk),
        caption=(
            f"P(grade at least {k}) of each patient given the whole time course, with 90 % "
            "credible interval. Filled: the patient had it."
        ),
    )


def course_of_onset(risk: Risk) -> Check:
    """Probability that the first grade has come by each day.

    Parameters
    ----------
    risk : Risk

    Returns
    -------
    Check
        Table: ``day``, ``risk`` (share of the patients, mean over draws), ``low``, ``high`` (90 %),
        ``observed`` share.
    """
    onset = risk.patients["onset"]
    unit = str(onset.attrs.get("units", "d"))
    draws = onset.stack(sample=("chain", "draw")).transpose("sample", "subject").to_numpy()
    seen = risk.grades.onset
    ends = [v[np.isfinite(v)].max() if np.isfinite(v).any() else 1.0 for v in (draws, seen)]
    day = np.linspace(0.0, float(np.ceil(max(ends))), DAYS)
    share = np.stack([(draws <= d).mean(axis=1) for d in day], axis=1)  # NaN: never
    low, high = np.quantile(share, [0.05, 0.95], axis=0)
    timed = np.isfinite(seen) | (risk.grades.value == 0)
    observed = np.array([(seen <= d).sum() for d in day]) / max(int(timed.sum()), 1)
    table = pd.DataFrame(
        {"day": day, "risk": share.mean(axis=0), "low": low, "high": high, "observed": observed}
    )
    half = table[table["risk"] >= table["risk"].iloc[-1] / 2].iloc[0]
    return Check(
        name="risk_by_day",
        title="Onset by day",
        sentence=(
            f"{percent(table['risk'].iloc[-1])} of the patients are expected to have "
            f"{risk.grades.outcome.upper()} of any grade, half of them by {half['day']:.3g} "
            f"{unit}; observed in {percent(observed[-1])}."
        ),
        good=None,
        table=table,
        plot=lambda: draw_onset(table, unit),
        caption=(
            "Line and band: expected share of these patients in whom the first sign of any grade "
            "has come by a day, with the 90 % interval for a cohort of the same size. Steps: what "
            "was observed. Steps that leave the band mean that the time of onset is not described."
        ),
    )  # fmt: skip


def draw_onset(table: pd.DataFrame, unit: str) -> Figure:
    """Draw expected and observed share over time."""
    from ..drawing import CURVE, INK, Panels, style

    with style():
        panels = Panels(1, columns=1, size=(5.4, 3.0))
        axes = panels.axes[0]
        day = table["day"]
        axes.fill_between(day, table["low"], table["high"], color=CURVE, alpha=0.2, lw=0)
        axes.plot(day, table["risk"], color=CURVE, label="expected")
        axes.step(
            table["day"], table["observed"], color=INK, lw=1.1, where="post", label="observed"
        )
        axes.set_ylim(0, 1)
        axes.set_xlabel(f"time [{unit}]")
        axes.set_ylabel("share with any grade")
        axes.legend(loc="lower right")
    return panels.figure  # fmt: skip


def of_scores(validation: Validation) -> Check:
    """Scores in held-out grades; a simple model that wins is named first."""
    table = validation.scores
    return Check(
        name="risk_scores",
        title="Simple models beside it",
        sentence=validation.verdict,
        good=None,
        table=table,
        plot=lambda: draw_scores(table),
        caption=(
            "Scores of predictions of held-out grades, with 90 % intervals over patients. A higher "
            "AUC is better; of the other scores a lower one is. " + " ".join(validation.notes)
        ),
    )


def draw_scores(table: pd.DataFrame) -> Figure:
    """One panel per score, one row per model."""
    from ..drawing import CURVE, INK, Panels, style

    names = list(dict.fromkeys(table["score"]))
    with style():
        panels = Panels(len(names), columns=2, size=(4.2, 1.9))
        for name, axes in zip(names, panels.axes, strict=True):
            part = table[table["score"] == name].iloc[::-1]
            at = np.arange(len(part))
            axes.hlines(at, part["low"], part["high"], color=CURVE, lw=1.4)
            axes.plot(part["value"], at, "o", color=INK, ms=4.5)
            axes.set_yticks(at, list(part["model"]))
            axes.set_ylim(-0.6, len(part) - 0.4)
            axes.set_title(name)
    return panels.figure


def of_response(problem: Problem, risk: Risk, seed: int) -> Check:
    """Grade by the peak of the signal, with and without tumor burden."""
    from ..response.fit_response import ASSOCIATION, fit_response
    from ..response.plot_response import curve_table, plot_response, response_caption
    from ..response.side_by_side import adjusted
    from ..risk.courses import SIGNAL

    k = risk.at_least
    signal = str(risk.patients.attrs["signal"])
    peak = risk.patients["peak"].rename(f"peak_of_{signal}")
    driver = "the signal" if signal == SIGNAL else signal
    grades = problem.data.outcome(risk.grades.outcome, risk.grades.scale or None)
    options: dict[str, Any] = {"kind": "ordinal", "seed": seed, **SAMPLING}
    if risk.grades.top == 1:
        options["kind"] = "binary"
    burden = burden_of(problem)
    if burden is None:
        tree = fit_response(peak, grades, **options)
        said = f"The data hold no tumor burden to adjust for. {ASSOCIATION}"
    else:
        table, both = adjusted(peak, grades, burden, **options)
        tree, said = both["without"], str(table.attrs["sentence"])
    said += (
        f" The draws of the peaks agree on {percent(float(tree.attrs['reliability']))} of their "
        "variance; the fit is joint with what is not known about them."
    )
    given, groups = products_of(problem.data, tree)
    done = str(tree.attrs["what_was_done"])
    return Check(
        name="exposure_response",
        title=f"{risk.grades.outcome.upper()} of grade {k} or more by the peak of {driver}",
        sentence=said,
        good=None,
        table=curve_table(tree, at_least=k),
        plot=lambda: plot_response(tree, at_least=k, groups=groups),
        caption=f"{done[:1].upper()}{done[1:]} {response_caption(tree)}"
        f"{f' Exposures are shown by {given}.' if given else ''}",
    )


def products_of(study: Study, tree: xr.DataTree) -> tuple[str, list[str] | None]:
    """Find the covariate that tells what the patients of a curve got, and its values."""
    from ..risk.newcomers import covariates_of

    table = covariates_of(study).loc[list(tree["observed_data"]["subject"].to_numpy())]
    for name in map(str, table):
        levels = table[name].dropna().nunique()
        if any(word in name.lower() for word in PRODUCT) and 2 <= levels <= MOST:
            return name, [shown_level(v) for v in table[name]]
    return "", None


def shown_level(value: Any) -> str:
    """Write the level of a covariate."""
    if pd.isna(value):
        return "not stated"
    return f"{value:g}" if isinstance(value, float) else str(value)


def burden_of(problem: Problem) -> dict[str, pd.Series[Any]] | None:
    """Tumor burden of the patients, in tenfolds unless it is a percentage; None without one."""
    from ..risk.baselines import burden_and_dose

    found = burden_and_dose(problem.data, problem.data.subjects)
    for name, column in zip(found.columns, found.x.T, strict=True):
        if any(word in name for word in ("burden", "blast")):
            known = np.isfinite(column)
            if known.sum() < 2 or not np.ptp(column[known]) > 0:
                return None
            label = name.replace(" ", "_")
            return {label: pd.Series(column, list(problem.data.subjects), name=label)}
    return None
