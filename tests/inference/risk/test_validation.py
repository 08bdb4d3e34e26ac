from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import multivariate_normal

from cytobayes.datasets import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.risk.grades import grades_of
from cytobayes.inference.risk.held_out import HeldOut
from cytobayes.inference.risk.leave_out import marginal
from cytobayes.inference.risk.validation import (
    MECHANISTIC,
    Validation,
    cross_validate,
    landmark,
)
from cytobayes.models.dosing import Regimen

from .fakes import DAYS, OMEGA, REFERENCE, SIGMA, cohort, posterior, problem

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
STUDY, HEIGHTS, CHANCE = cohort(10)
PROBLEM = problem(STUDY)


def known(study: object = STUDY, seed: int = 1) -> xr.Dataset:
    """Posterior of the heights in closed form, for a known population."""
    rng = np.random.default_rng(seed)
    tree = posterior(HEIGHTS, draws=40)
    precision = 1 / OMEGA**2 + DAYS.size / SIGMA**2
    u = (DAYS + 0.1) / 10
    rows = STUDY.to_frame().pivot(index="subject", columns="time", values="value").to_numpy()
    y = np.log(rows) - np.log(2 * u / (1 + u**2)) - np.log(REFERENCE)
    mean = y.sum(axis=1) / SIGMA**2 / precision
    eta = mean + rng.standard_normal((2, 20, HEIGHTS.size)) * precision**-0.5
    tree["height_eta"] = (("chain", "draw", "subject"), eta)
    tree["height_individual"] = (("chain", "draw", "subject"), REFERENCE * np.exp(eta))
    return tree.assign_coords(subject=list(STUDY.subjects))


@pytest.fixture(scope="module")
def by_course() -> Validation:
    return cross_validate(PROBLEM, known(), seed=1, at_least=2, folds=4)


def test_the_marginal_density_of_a_patient_is_that_of_the_closed_form() -> None:
    score = marginal(PROBLEM, known(), STUDY.subjects[0], np.random.default_rng(1))
    u = (DAYS + 0.1) / 10
    values = STUDY.to_frame().query("subject == 'P00'")["value"].to_numpy()
    y = np.log(values) - np.log(2 * u / (1 + u**2)) - np.log(REFERENCE)
    cov = SIGMA**2 * np.eye(y.size) + OMEGA**2
    expected = multivariate_normal.logpdf(y, np.zeros(y.size), cov) - np.log(values).sum()
    assert score.shape == (40,)
    # 32 proposals by a t law near the posterior: relative error of the mean below 0.1 each
    assert score.mean() == pytest.approx(expected, abs=0.3)


def test_every_model_predicts_every_patient_and_probabilities_fall(by_course: Validation) -> None:
    names = [MECHANISTIC, "burden and dose", "marker panel", "no predictor"]
    assert list(by_course.predictions) == names
    for chance in by_course.predictions.values():
        assert chance.shape == (10, 4) and (np.diff(chance, axis=1) <= 0).all()
    assert set(by_course.scores["model"]) == set(names)
    assert (
        "diagnosis" in by_course.verdict and by_course.calibration().table["patients"].sum() == 10
    )


def by_fold(outcomes: pd.DataFrame, fold: Whole, way: str) -> Array:
    grades = grades_of(STUDY.with_outcomes(outcomes))
    until = np.inf if way == "course" else 0.0
    job = HeldOut(PROBLEM, known(), grades, fold, (until,), "signal", None, 1, print)
    if way == "course":
        return job.by_course()
    found: Array = job.by_importance(np.random.default_rng(1))[0][0, 0]
    return found


@pytest.mark.parametrize("way", ["course", "importance"])
def test_a_planted_grade_changes_no_prediction_of_its_own_fold(way: str) -> None:
    """What holds for the simple models, see there: the same patients teach the grades."""
    fold = np.arange(HEIGHTS.size) % 3
    table = STUDY.to_frame("outcomes")
    other = table.assign(value=np.where(table.index == 4, 4 - table["value"], table["value"]))
    first, second = by_fold(table, fold, way), by_fold(other, fold, way)
    np.testing.assert_array_equal(first[fold == 1], second[fold == 1])
    assert (first[fold != 1] != second[fold != 1]).all()


def test_a_refit_forecasts_its_held_out_patients_with_their_own_schedules() -> None:
    given = replace(PROBLEM, regimen={s: Regimen() for s in STUDY.subjects})

    def refit(train: Problem) -> xr.DataTree:
        assert isinstance(train.regimen, dict) and set(train.regimen) == set(train.data.subjects)
        inside = known().sel(subject=list(train.data.subjects))
        return xr.DataTree.from_dict({"posterior": inside})

    options: Any = {"seed": 1, "given": "baseline", "method": "refit", "folds": 2, "at_least": 2}
    found = cross_validate(given, known(), refit=refit, **options)
    assert np.isfinite(found.predictions[MECHANISTIC]).all()


def test_refits_are_kept_and_an_interrupted_validation_goes_on(tmp_path: Path) -> None:
    fitted: list[str] = []

    def refit(train: Problem) -> xr.DataTree:
        fitted.append(train.id)
        if len(fitted) == 2 and not (tmp_path / "second").exists():
            raise KeyboardInterrupt
        inside = known().sel(subject=list(train.data.subjects))
        return xr.DataTree.from_dict({"posterior": inside})

    options = {"seed": 1, "given": "until day 3", "method": "refit", "folds": 2, "at_least": 2}
    with pytest.raises(KeyboardInterrupt):
        cross_validate(PROBLEM, known(), refit=refit, cache=tmp_path / "c", **options)  # type: ignore[arg-type]
    (tmp_path / "second").touch()
    found = cross_validate(PROBLEM, known(), refit=refit, cache=tmp_path / "c", **options)  # type: ignore[arg-type]
    assert len(fitted) == 3 and len(set(fitted)) == 2
    assert np.isfinite(found.predictions[MECHANISTIC]).all() and "until day 3" in found.given


def test_importance_and_refit_agree_for_a_known_population() -> None:
    """A known population does not depend on who is in the fit: equal up to Monte-Carlo error."""

    def refit(train: Problem) -> xr.DataTree:
        inside = known().sel(subject=list(train.data.subjects))
        return xr.DataTree.from_dict({"posterior": inside})

    one = cross_validate(
        PROBLEM,
        known(),
        seed=1,
        given="baseline",
        method="refit",
        folds=10,
        at_least=2,
        refit=refit,
    )
    two = cross_validate(PROBLEM, known(), seed=1, given="baseline", folds=10, at_least=2)
    difference = one.predictions[MECHANISTIC] - two.predictions[MECHANISTIC]
    # 40 draws of the ordinal model and 400 particles: a few hundredths each
    assert np.abs(difference).max() < 0.2 and abs(difference.mean()) < 0.02
    assert len(two.pareto_k) == 10


def test_draws_that_chains_do_not_share_evenly_are_taken_as_they_come() -> None:
    found = cross_validate(
        PROBLEM, known(), seed=1, given="baseline", at_least=2, folds=4, draws=31
    )  # of two chains: 32
    assert np.isfinite(found.predictions[MECHANISTIC]).all()


def test_patients_measured_by_two_assays_are_held_out_by_both() -> None:
    """What MSD reads is three times as much: with its offset the forecasts are as without it."""
    rows = STUDY.to_frame().drop(columns="unit")
    second = np.arange(len(rows)) % 3 == 0
    rows["assay"] = np.where(second, "MSD", "Luminex")
    rows["value"] = np.where(second, 3 * rows["value"], rows["value"])
    parts: Any = {k: STUDY.to_frame(k) for k in ("outcomes", "covariates")}
    both = Study(rows, name="two assays", units=STUDY.units, time_unit="d", **parts)
    split = replace(PROBLEM, data=both, offsets={"signal": "assay"})
    tree = known().assign(signal_offset_MSD=0.0 * known()["height"] + np.log(3.0))
    ask: Any = {"seed": 1, "given": "until day 3", "at_least": 2, "folds": 4}
    found, plain = cross_validate(split, tree, **ask), cross_validate(PROBLEM, known(), **ask)
    # the same particles: three times a value less log 3 differs by rounding
    ours, theirs = (v.predictions[MECHANISTIC] for v in (found, plain))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_weights_of_few_draws_are_refused() -> None:
    few = posterior(HEIGHTS, draws=20, spread=0.1)
    few["height_eta"] = np.log(few["height_individual"] / few["height"])
    few = few.assign_coords(subject=list(STUDY.subjects))
    with pytest.raises(InputError, match="30 draws or more, not on 20"):
        cross_validate(PROBLEM, few, seed=1, given="baseline", at_least=2, folds=4)


def test_what_is_known_is_named_and_nonsense_is_refused() -> None:
    assert landmark("until day 3") == 3.0
    assert landmark("until day 3", "h") == 72.0 and landmark("course", "h") == np.inf
    with pytest.raises(InputError, match="until day D"):
        landmark("soon")
    with pytest.raises(InputError, match="method"):
        cross_validate(PROBLEM, known(), seed=1, method="magic")
