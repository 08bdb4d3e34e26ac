from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

from cytobayes.datasets import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.risk.assessment import GradeFit, fit_grades
from cytobayes.inference.risk.courses import course_of
from cytobayes.inference.risk.forecast import Forecast, forecast
from cytobayes.inference.risk.grades import grades_of
from cytobayes.inference.risk.individual import (
    Evidence,
    cut_regimen,
    cut_study,
    individual_of,
)
from cytobayes.inference.risk.particles import start, update
from cytobayes.models.dosing import Dose, Regimen, Reset, Switch

from .fakes import OMEGA, REFERENCE, SIGMA, bump, cohort, dosed_model, posterior, problem

STUDY, HEIGHTS, _ = cohort()
PROBLEM = problem(STUDY)
TREE = posterior(HEIGHTS, draws=40)
CHOSEN = STUDY.subjects[:3]
LANDMARKS = (0.0, 1.0, 3.0, 7.0, np.inf)


@pytest.fixture(scope="module")
def grading() -> GradeFit:
    course = course_of(PROBLEM, TREE)
    return fit_grades(course, grades_of(STUDY), np.random.default_rng(1), onset=False)


def made(grading: GradeFit, study: Study = STUDY, seed: int = 1) -> Forecast:
    return forecast(
        PROBLEM, TREE, grading, seed=seed, study=study, subjects=CHOSEN, landmarks=LANDMARKS
    )


@pytest.fixture(scope="module")
def whole(grading: GradeFit) -> Forecast:
    return made(grading)


@pytest.mark.parametrize("day", [1.0, 3.0])
def test_a_forecast_is_the_same_to_the_last_bit_whatever_comes_later(
    grading: GradeFit, whole: Forecast, day: float
) -> None:
    """Plant other values, rows below a limit, missing rows and other grades after the landmark."""
    rows = STUDY.to_frame().drop(columns="unit")
    later = rows["time"] > day
    rows.loc[later, "value"] *= 50
    rows.loc[later & (rows["time"] > 9), "censoring"] = "left"  # the value is the limit
    rows = rows[~(later & (rows["time"] < 8))]
    outcomes = STUDY.to_frame("outcomes").assign(value=4.0, time=day + 1)
    planted = Study(
        rows, name="planted", units=STUDY.units, time_unit="d",
        covariates=STUDY.to_frame("covariates"), outcomes=outcomes,
    )  # fmt: skip
    other = made(grading, planted)
    before = whole.risk["landmark"] <= day
    assert other.risk[:, before].identical(whole.risk[:, before])
    assert other.high[:, before].identical(whole.high[:, before])
    assert not other.risk[:, ~before].equals(whole.risk[:, ~before])


def test_the_planted_change_would_have_been_seen(grading: GradeFit, whole: Forecast) -> None:
    """The guard above can fail: a change before the landmark changes the forecast."""
    rows = STUDY.to_frame().drop(columns="unit")
    rows.loc[rows["time"] == 1, "value"] *= 50
    early = Study(
        rows, name="x", units=STUDY.units, time_unit="d", covariates=STUDY.to_frame("covariates")
    )
    assert not made(grading, early).risk.sel(landmark=3).equals(whole.risk.sel(landmark=3))


FIRST, LATER = Dose(0.0, 1.0, "D"), Dose(5.0, 20.0, "D")
SERIES = Dose(0.0, 1.0, "D", interval=2.5, count=3)
FEW = STUDY.select(subjects=CHOSEN)
DOSED = Problem(dosed_model(), FEW, population=Hierarchical(), regimen=Regimen([FIRST]))


def by_data(events: list[Dose]) -> Problem:
    fields = [
        {"time": e.time, "amount": e.amount, "interval": e.interval, "count": e.count}
        for e in events
    ]
    table = pd.DataFrame([{"subject": s, "target": "D", **f} for s in CHOSEN for f in fields])
    return replace(DOSED, data=FEW.with_doses(table), regimen=None)


def by_schedule(events: list[Dose]) -> Problem:
    return replace(DOSED, regimen=Regimen(events))


def by_subject(events: list[Dose]) -> Problem:
    return replace(DOSED, regimen={s: Regimen(events) for s in CHOSEN})


@pytest.mark.parametrize(
    ("way", "events"),
    [
        (by_data, [FIRST, LATER]),
        (by_data, [SERIES]),
        (by_schedule, [SERIES]),
        (by_subject, [FIRST, LATER]),
    ],
)
def test_doses_after_the_landmark_count_only_where_they_were_planned(
    grading: GradeFit, way: Callable[[list[Dose]], Problem], events: list[Dose]
) -> None:
    def at(problem: Problem, planned: bool = False) -> xr.DataArray:
        rows = problem.data.to_frame().drop(columns="unit").query("time in (0, 1)")
        few = Study(
            rows, name="few", units=FEW.units, time_unit="d", doses=problem.data.to_frame("doses")
        )
        return forecast(
            problem, TREE, grading, seed=1, study=few, subjects=CHOSEN[:1], landmarks=(2.0, 7.0),
            particles=40, planned=planned,
        ).risk  # fmt: skip

    one, several, foreseen = at(way([FIRST])), at(way(events)), at(way(events), planned=True)
    assert several.sel(landmark=2).identical(one.sel(landmark=2))
    risen = (foreseen - several).sel(grade=1)
    assert (risen.sel(landmark=2) > 0.01).all()
    assert (risen.sel(landmark=7) == 0).all()  # by then all was given
    assert not several.sel(landmark=7).identical(one.sel(landmark=7))


def test_a_schedule_is_cut_at_a_time_dose_by_dose() -> None:
    rest: list[Dose | Switch | Reset] = [Switch(4.0, "k", 0.2), Reset(6.0)]
    whole = Regimen([SERIES, LATER, *rest])
    cut = [cut_regimen(whole, day).events for day in (-1.0, 0.0, 2.5, 4.9, 5.0, np.inf)]
    assert cut[0] == ()
    assert cut[1] == (replace(SERIES, count=1),)
    assert cut[2] == (replace(SERIES, count=2),)
    assert cut[3] == (replace(SERIES, count=2), rest[0])
    assert cut[4] == (SERIES, LATER, rest[0])
    assert cut[5] == whole.events
    with pytest.raises(InputError, match=r"comes at tau.*planned=True"):
        cut_regimen(Regimen([Dose("tau", 1.0, "D")]), 3.0)


def test_a_patient_without_a_schedule_is_refused_where_others_have_one(
    grading: GradeFit,
) -> None:
    known = FEW.select(subjects=CHOSEN[1:])
    fitted = replace(DOSED, data=known, regimen={s: Regimen([FIRST]) for s in known.subjects})
    ask: Any = {"seed": 1, "study": FEW, "subjects": CHOSEN[:1], "landmarks": (0.0,)}
    with pytest.raises(InputError, match="'P00' has no schedule"):
        forecast(fitted, TREE, grading, **ask)
    found = forecast(fitted, TREE, grading, regimen={"P00": Regimen([FIRST])}, **ask)
    assert np.isfinite(found.risk).all()


def conjugate(values: np.ndarray, times: np.ndarray) -> tuple[float, float, float]:
    """Posterior of log height, normal in closed form; log marginal density of the values."""
    u = (times + 0.1) / 10
    y = np.log(values) - np.log(2 * u / (1 + u**2)) - np.log(REFERENCE)
    precision = 1 / OMEGA**2 + y.size / SIGMA**2
    mean = y.sum() / SIGMA**2 / precision
    cov = SIGMA**2 * np.eye(y.size) + OMEGA**2
    from scipy.stats import multivariate_normal

    density = float(multivariate_normal.logpdf(y, np.zeros(y.size), cov)) - np.log(values).sum()
    return mean, precision**-0.5, density


def test_particles_have_the_moments_and_the_evidence_of_the_conjugate_posterior() -> None:
    """Equal population draws make height log-normal a priori and a posteriori."""
    subject, count = CHOSEN[0], 4000
    rng = np.random.default_rng(2)
    prior = individual_of(PROBLEM, TREE, STUDY, subject)
    particles = start(prior, count, rng)
    since = -np.inf
    for day in (1.0, 3.0, 21.0):
        known = cut_study(STUDY, subject, day)
        assert known is not None
        particles = update(particles, prior, Evidence(PROBLEM, known, since), rng)
        since = day
        rows = known.to_frame()
        mean, sd, density = conjugate(rows["value"].to_numpy(), rows["time"].to_numpy())
        z = np.log(prior.theta(particles.who, particles.z)[:, 0] / REFERENCE)
        assert z.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(count / 4))
        assert z.std() == pytest.approx(sd, rel=5 / np.sqrt(count / 2))
        assert particles.log_evidence == pytest.approx(density, abs=0.25)
    assert particles.distinct == 40


def after_day_5() -> Study:
    """The study without the rows of the first five days."""
    rows = STUDY.to_frame().drop(columns="unit")
    return Study(
        rows[rows["time"] > 5], name="x", units=STUDY.units, time_unit="d",
        covariates=STUDY.to_frame("covariates"),
    )  # fmt: skip


def test_before_any_row_the_forecast_is_that_of_the_population(grading: GradeFit) -> None:
    found = forecast(
        PROBLEM, TREE, grading, seed=1, study=after_day_5(), subjects=CHOSEN, landmarks=(1.0,),
        particles=4000,
    )  # fmt: skip
    q = norm.ppf((np.arange(4000) + 0.5) / 4000)
    x = (np.log10(REFERENCE * np.exp(OMEGA * q)) - np.log10(grading.reference))[None, :, None]
    expected = grading.link.probability(x).mean(axis=(0, 1))
    assert np.abs(found.risk.sel(landmark=1) - expected).max() < 5 * 0.5 / np.sqrt(4000)


def test_the_grade_by_an_earlier_day_follows_the_peak_until_then(grading: GradeFit) -> None:
    """Before any row, and with 5 days ahead, the signal gets to 0.81 of its height at most."""
    ask: Any = {"seed": 1, "study": after_day_5(), "subjects": CHOSEN, "particles": 4000}
    found = forecast(PROBLEM, TREE, grading, landmarks=(1.0,), by=5.0, **ask)
    q, u = norm.ppf((np.arange(4000) + 0.5) / 4000), 5.1 / 10
    peak = REFERENCE * np.exp(OMEGA * q) * 2 * u / (1 + u**2)
    x = (np.log10(peak) - np.log10(grading.reference))[None, :, None]
    expected = grading.link.probability(x).mean(axis=(0, 1))
    assert np.abs(found.risk.sel(landmark=1) - expected).max() < 5 * 0.5 / np.sqrt(4000)
    assert "of the grade by day 5 of" in found.sentence
    assert found.quality["begun"].isna().all()  # no outcome is known of these patients
    with pytest.raises(InputError, match="by must be positive"):
        forecast(PROBLEM, TREE, grading, by=0.0, **ask)


def test_hours_and_days_give_the_same_forecasts_at_the_same_days(grading: GradeFit) -> None:
    rows = STUDY.to_frame().drop(columns="unit")
    rows["time"] *= 24
    outcomes = STUDY.to_frame("outcomes")
    outcomes["time"] *= 24
    hours = Study(rows, name="x", units=STUDY.units, time_unit="h", outcomes=outcomes)
    ask: Any = {"seed": 1, "subjects": CHOSEN[:2], "particles": 100}
    daily, hourly = (forecast(PROBLEM, TREE, grading, study=s, **ask) for s in (STUDY, hours))
    assert list(hourly.risk["landmark"]) == [24.0 * d for d in range(1, 8)]
    # times differ by rounding, and no particle is decided on by that much
    np.testing.assert_allclose(hourly.risk, daily.risk, atol=1e-9)
    assert "by day 28 of" in daily.sentence and "by 672 h of" in hourly.sentence
    assert list(hourly.quality["begun"]) == list(daily.quality["begun"])


def test_a_forecast_from_one_observable_is_that_of_a_patient_who_has_no_other(
    grading: GradeFit,
) -> None:
    two = replace(PROBLEM.model, outputs={**PROBLEM.model.outputs, "fast": bump})
    rows = FEW.to_frame().drop(columns="unit")
    fast = rows.assign(observable="fast", value=rows["value"] * 3)
    units = {"signal": "pg/mL", "fast": "pg/mL"}
    both = Study(pd.concat([rows, fast]), name="both", units=units, time_unit="d")
    bare = Study(rows, name="bare", units=FEW.units, time_unit="d")
    fitted = Problem(replace(two, output_units=units), both, population=Hierarchical())
    tree = TREE.assign(fast_sigma=TREE["signal_sigma"])
    ask: Any = {"seed": 1, "subjects": CHOSEN[:1], "landmarks": (1.0, 4.0), "particles": 100}
    chosen = forecast(fitted, tree, grading, observables=("signal",), **ask).risk
    assert chosen.identical(forecast(fitted, tree, grading, study=bare, **ask).risk)
    assert not chosen.identical(forecast(fitted, tree, grading, **ask).risk)
    with pytest.raises(InputError, match="no observable 'CRP'"):
        forecast(fitted, tree, grading, observables=("CRP",), **ask)


def test_who_has_the_toxicity_already_is_marked_and_counted(whole: Forecast) -> None:
    table = whole.table(3)
    grades = grades_of(STUDY).take(CHOSEN)
    onset = np.where(grades.value > 0, grades.onset, np.inf)[
        [CHOSEN.index(s) for s in table["subject"]]
    ]
    assert list(table["begun"]) == list(onset <= table["landmark"].to_numpy())
    count = int(table["begun"].sum())
    assert 0 < count < len(table)
    assert f"in {count} of {len(table)} the toxicity had begun by the landmark" in whole.sentence


def test_the_sentence_says_whose_courses_and_grades_the_fits_knew(grading: GradeFit) -> None:
    learned = (
        "learned from the whole course of 2 of them and the link to the grade from the grade of"
    )
    fitted = replace(PROBLEM, data=STUDY.select(subjects=STUDY.subjects[1:]))
    ask: Any = {"seed": 1, "study": STUDY, "subjects": CHOSEN, "landmarks": (0.0,), "particles": 40}
    assert f"{learned} 3" in forecast(fitted, TREE, grading, **ask).sentence
    apart = replace(PROBLEM, data=STUDY.select(subjects=STUDY.subjects[5:]))
    grades = grades_of(STUDY).take(STUDY.subjects[5:])
    said = forecast(apart, TREE, replace(grading, grades=grades), **ask).sentence
    assert "learned from" not in said and "nothing later" in said


def test_risk_falls_with_the_grade_and_rows_sharpen_it(whole: Forecast) -> None:
    assert (whole.risk.diff("grade") <= 0).all()
    assert (whole.low <= whole.risk).all() and (whole.risk <= whole.high).all()
    assert list(whole.quality["rows"][:5]) == [1, 2, 4, 6, 10]
    assert "nothing later" in whole.sentence


def test_draws_that_do_not_match_the_grades_are_refused(grading: GradeFit) -> None:
    with pytest.raises(InputError, match="same number of draws"):
        forecast(PROBLEM, TREE, grading, seed=1, draws=10)
    with pytest.raises(InputError, match="ascend"):
        forecast(PROBLEM, TREE, grading, seed=1, landmarks=(3.0, 1.0))


def test_rows_of_a_forecast_are_censored_as_in_the_fit() -> None:
    known = cut_study(STUDY, CHOSEN[0], 7.0)
    assert known is not None
    observable = STUDY.observables[0]
    fitted = replace(PROBLEM, censoring="M4")
    assert Evidence(fitted, known, -np.inf).problem.methods == {observable: "M4"}
    assert Evidence(PROBLEM, known, -np.inf).problem.methods == {observable: "M3"}
