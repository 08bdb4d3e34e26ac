from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from cytobayes.datasets import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference.risk.assessment import GradeFit, fit_grades
from cytobayes.inference.risk.courses import course_of
from cytobayes.inference.risk.forecast import Forecast, forecast
from cytobayes.inference.risk.grades import grades_of
from cytobayes.inference.risk.individual import Evidence, cut_study, individual_of
from cytobayes.inference.risk.particles import start, update

from .fakes import OMEGA, REFERENCE, SIGMA, cohort, posterior, problem

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
    """Plant other values, limits, rows and doses after the landmark."""
    rows = STUDY.to_frame().drop(columns="unit")
    later = rows["time"] > day
    rows.loc[later, "value"] *= 50
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


def test_before_any_row_the_forecast_is_that_of_the_population(grading: GradeFit) -> None:
    rows = STUDY.to_frame().drop(columns="unit")
    empty = Study(
        rows[rows["time"] > 5], name="x", units=STUDY.units, time_unit="d",
        covariates=STUDY.to_frame("covariates"),
    )  # fmt: skip
    found = forecast(
        PROBLEM, TREE, grading, seed=1, study=empty, subjects=CHOSEN, landmarks=(1.0,),
        particles=4000,
    )  # fmt: skip
    q = norm.ppf((np.arange(4000) + 0.5) / 4000)
    x = (np.log10(REFERENCE * np.exp(OMEGA * q)) - np.log10(grading.reference))[None, :, None]
    expected = grading.link.probability(x).mean(axis=(0, 1))
    assert np.abs(found.risk.sel(landmark=1) - expected).max() < 5 * 0.5 / np.sqrt(4000)


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
