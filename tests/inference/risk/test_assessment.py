from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from cytobayes.datasets import InputError
from cytobayes.inference.risk.assessment import Risk, fit_grades, mean_of_alike, risk
from cytobayes.inference.risk.courses import course_of
from cytobayes.inference.risk.grades import grades_of
from cytobayes.inference.risk.newcomers import common_schedule, in_words, treated_otherwise
from cytobayes.inference.risk.ordinal import fit_link
from cytobayes.models.dosing import Dose, Regimen

from .fakes import CUTS, OMEGA, REFERENCE, SLOPE, cohort, posterior, problem
from .fakes import grades as draw_grades


@pytest.fixture(scope="module")
def found() -> Risk:
    study, heights, _ = cohort()
    return risk(problem(study), posterior(heights, draws=100), seed=1)


def test_the_peak_of_the_signal_is_that_of_the_closed_form() -> None:
    study, heights, _ = cohort()
    course = course_of(problem(study), posterior(heights))
    error = np.abs(course.peak / heights - 1).max()
    step = (course.time[1] - course.time[0]) / 10
    assert error < step**2 / 4  # the curvature of 2 u / (1 + u^2) at its peak is 1


def test_risk_has_a_value_for_each_draw_patient_and_grade(found: Risk) -> None:
    assert found.patients["risk"].dims == ("chain", "draw", "subject", "grade")
    assert found.patients["risk"].shape == (2, 50, 40, 4)
    assert found.population["risk"].shape == (2, 50, 4)
    assert found.patients.attrs["scale"] == "ASTCT"


def test_risk_falls_with_the_grade_in_every_draw(found: Risk) -> None:
    for data in (found.patients, found.population):
        assert (data["risk"].diff("grade") <= 0).all()


def test_true_parameters_give_the_true_risk_of_new_patients() -> None:
    """With true heights only the ordinal model is uncertain: 90 % intervals hold the truth.

    Over 20 cohorts the number that hold it is binomial; 4 standard errors below 18 fails.
    """
    rng = np.random.default_rng(5)
    crowd = REFERENCE * np.exp(OMEGA * rng.standard_normal((1, 2000)))
    truth = expit(SLOPE * np.log10(crowd / REFERENCE) - CUTS[2]).mean()
    held = []
    for seed in range(20):
        _, heights, _ = cohort(seed=seed)
        grade, _ = draw_grades(heights, rng)
        link = fit_link(np.log10(heights / REFERENCE)[None, :, None], grade, 4, rng=rng, draws=80)
        chance = link.probability(np.log10(crowd / REFERENCE)[..., None])[..., 2].mean(axis=1)
        low, high = np.quantile(chance, [0.05, 0.95])
        held.append(low <= truth <= high)
    assert sum(held) >= 18 - 4 * np.sqrt(20 * 0.9 * 0.1)


def population_risk(**options: Any) -> tuple[Any, Any]:
    """P(grade >= 2) of a new patient in each draw; its exact integral over random effects."""
    study, heights, _ = cohort()
    p, tree = problem(study), posterior(heights, draws=600, spread=0.1)
    found = risk(p, tree, seed=4, draws=None, **options).population["risk"].sel(grade=2)
    stream = np.random.default_rng(np.random.SeedSequence(4).spawn(4)[0])
    link = fit_grades(course := course_of(p, tree, draws=None), grades_of(study), stream).link
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    median, omega = (tree[n].to_numpy().reshape(-1, 1) for n in ("height", "height_omega"))
    x = np.log10(median * np.exp(omega * nodes) / course.reference)[..., None]
    return found.to_numpy().ravel(), link.probability(x)[..., 1] @ (weights / weights.sum())


@pytest.mark.parametrize("rows", [None, 1])
def test_the_spread_of_the_risk_of_a_new_patient_is_without_the_noise_of_few(
    rows: int | None,
) -> None:
    """A mean over patients has a noise that is no uncertainty of the population.

    The risk differs between patients by less than 0.28 (sd), so the noise of 40 of them is 0.044
    beside a true spread near 0.066, which it would widen by a sixth. The sampling error of the
    variance over 600 draws is then 0.058 of it, that of the spread half as much.
    """
    given = None if rows is None else pd.DataFrame({"burden": [1.0] * rows})
    found, exact = population_risk(covariates=given)
    assert found.mean() == pytest.approx(exact.mean(), abs=4 * 0.28 / np.sqrt(600 * 40))
    assert found.std() == pytest.approx(exact.std(), rel=4 * 0.058 / 2)
    width = np.ptp(np.quantile(exact, [0.05, 0.95]))
    assert np.ptp(np.quantile(found, [0.05, 0.95])) == pytest.approx(width, rel=4 * 0.04)


def test_patients_with_equal_covariates_show_the_noise_and_falling_grades_stay_so() -> None:
    """Equal true risks: what differs between draws is noise, and all of it is taken out."""
    rng = np.random.default_rng(1)
    mean = np.array([0.6, 0.3])
    patients = mean + np.linspace(-0.2, 0.2, 20)[:, None]  # covariates matter, and are no noise
    chance = patients + 0.1 * rng.standard_normal((4000, 2, 20, 1))
    part = mean_of_alike(chance)
    noisy = chance.mean(axis=(1, 2)).std(axis=0)
    assert (noisy > 0.014).all() and (part.std(axis=0) < 0.3 * noisy).all()
    assert (np.diff(part, axis=1) <= 0).all() and part.mean(axis=0) == pytest.approx(mean, abs=1e-3)
    chance[0, 0, 0] = np.nan  # a solve that failed
    assert np.isfinite(mean_of_alike(chance)).all()


def test_a_sentence_says_what_new_patients_get_and_what_the_others_got(found: Risk) -> None:
    assert found.sentence.startswith("A new patient who gets no dose in the model (no dose is ")
    assert found.sentence.endswith(f"of {len(found.grades.subjects)} patients.")
    assert re.search(r"probability \d+ % \(90 % interval \d+ to \d+ %\)", found.sentence)


def test_the_words_of_a_schedule_tell_common_doses_from_others() -> None:
    first, second = Dose(0.0, 1.0, "drug", interval=1.0, count=2), Dose(5.0, 1.0, "drug")
    treated: Any = SimpleNamespace(
        data=SimpleNamespace(subjects=("A", "B", "C")),
        arrangement=SimpleNamespace(
            regimens=(Regimen([first]), Regimen([first, second]), Regimen([first]))
        ),
    )
    common = common_schedule(treated)
    assert in_words(common, treated) == "who gets the 2 doses that all patients of the data got"
    assert treated_otherwise(common, treated, ("A", "B", "C")) == ", 1 of them treated otherwise"
    assert treated_otherwise(common, treated, ("A", "C")) == ""
    assert in_words(Regimen([second]), treated) == "who gets the 1 dose asked for"
    assert in_words(Regimen(), treated) == "who gets no dose in the model"


def test_an_onset_comes_with_every_drawn_grade_and_with_no_other(found: Risk) -> None:
    onset, grade = found.patients["onset"], found.patients["predicted_grade"]
    assert (onset.notnull() == (grade > 0)).all()
    assert float(onset.min()) >= 0 and float(onset.max()) <= 28


def test_the_table_has_a_row_for_each_patient_with_risk_inside_its_interval(found: Risk) -> None:
    table = found.table
    assert len(table) == 40
    assert ((table["low"] <= table["high"]) & (table["risk_3"] <= table["risk_2"])).all()
    assert list(table["observed"]) == list(found.grades.value)


def test_same_seed_same_risk() -> None:
    study, heights, _ = cohort()
    one, two = (risk(problem(study), posterior(heights), seed=3) for _ in range(2))
    assert one.patients.identical(two.patients) and one.population.identical(two.population)


def test_new_patients_need_the_covariates_that_the_fit_uses() -> None:
    from cytobayes.inference.populations.covariates import Effect

    study, heights, _ = cohort()
    p = problem(study, (Effect("height", "burden"),))
    tree = posterior(heights)
    tree["height_burden"] = tree["height"] * 0 + 1.0
    low, high = (
        risk(p, tree, seed=1, covariates=pd.DataFrame({"burden": [b] * 20}), regimen=Regimen())
        for b in (0.1, 10.0)
    )
    assert float(low.population["risk"].mean()) < float(high.population["risk"].mean()) - 0.2
    with pytest.raises(InputError, match="covariate burden"):
        risk(p, tree, seed=1, covariates=pd.DataFrame({"age": [1.0]}))


def test_two_scales_are_refused_until_one_is_named() -> None:
    study, heights, _ = cohort()
    table = study.to_frame("outcomes")
    both = study.with_outcomes(pd.concat([table, table.assign(scale="Lee")]))
    with pytest.raises(InputError, match="scale"):
        risk(problem(both), posterior(heights), seed=1)
    assert risk(problem(both), posterior(heights), seed=1, scale="Lee").grades.scale == "Lee"


def test_a_grade_that_does_not_exist_is_refused() -> None:
    study, heights, _ = cohort()
    with pytest.raises(InputError, match="from 1 to 4"):
        risk(problem(study), posterior(heights), seed=1, at_least=6)
    with pytest.raises(InputError, match="signal"):
        risk(problem(study), posterior(heights), seed=1, signal="IL6")
