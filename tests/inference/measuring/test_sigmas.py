"""Residual errors that differ between assays: as written, from draws to predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_text, write_text
from cytobayes.inference.checks.residuals import individual_fits
from cytobayes.inference.predict import predict
from cytobayes.inference.replicates import replicates
from cytobayes.inference.report.gather import meanings

from ..at_the_mode import z_scores
from ..decay import MODEL, at, curve, gradient, scores, study_of

K, SIGMA, OTHER = 0.4, 0.25, 0.6
TIMES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
VALUE = np.array([7.0, 9.0, 3.0, 2.5, 2.6])
ASSAY = ["Luminex", "MSD", "Luminex", "Luminex", "MSD"]
SECOND = np.array([a == "MSD" for a in ASSAY])
OWN = np.where(SECOND, OTHER, SIGMA)
POOLED: dict[str, Any] = {"offsets": {"C": None}, "sigmas": {"C": "assay"}}
POINT = {"k": K, "C_sigma": SIGMA, "C_sigma_MSD": OTHER}
NU, POWER = 4.0, 0.7


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(time=TIMES, value=VALUE, assay=ASSAY)


def law(error: str) -> Any:
    f = curve(K, TIMES)
    return {
        "lognormal": stats.lognorm(OWN, scale=f),
        "proportional": stats.norm(f, OWN * f),
        "additive": stats.norm(f, OWN),
        "additive-t": stats.t(NU, f, OWN),
        "power": stats.norm(f, OWN * f**POWER),
    }[error]


@pytest.mark.parametrize("error", ["lognormal", "proportional", "additive", "additive-t", "power"])
def test_every_assay_scatters_by_its_own_sigma(study: Study, error: str) -> None:
    this = Problem(MODEL, study, error=error, **POOLED)
    point = POINT | ({"C_power": POWER} if error == "power" else {})
    assert set(this.error_parameters) == set(point) - {"k"}  # the power is shared
    expected = law(error).logpdf(VALUE)
    np.testing.assert_allclose(scores(this, **point), expected, rtol=1e-9)
    total, slopes = gradient(this, **point)
    assert total == pytest.approx(expected.sum(), rel=1e-9)
    h = 1e-5
    for name in ("C_sigma", "C_sigma_MSD"):
        up, down = (scores(this, **{**point, name: point[name] + s}).sum() for s in (h, -h))
        assert slopes[name] == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_both_parts_of_a_combined_error_differ(study: Study) -> None:
    this = Problem(MODEL, study, error="combined", **POOLED)
    point = {"C_sigma_add": 0.2, "C_sigma_prop": 0.1, "C_sigma_add_MSD": 0.5,
             "C_sigma_prop_MSD": 0.3}  # fmt: skip
    assert this.error_parameters == tuple(point)
    f = curve(K, TIMES)
    add, prop = np.where(SECOND, 0.5, 0.2), np.where(SECOND, 0.3, 0.1)
    expected = stats.norm(f, np.hypot(add, prop * f)).logpdf(VALUE)
    np.testing.assert_allclose(scores(this, k=K, **point), expected, rtol=1e-9)


def test_a_censored_row_has_the_probability_of_its_own_assay() -> None:
    below = ["left", "left", "none", "none", "none"]
    study = study_of(time=TIMES, value=VALUE, assay=ASSAY, censoring=below)
    found = scores(Problem(MODEL, study, error="additive", **POOLED), **POINT)
    expected = np.where(np.array(below) == "left", law("additive").logcdf(VALUE),
                        law("additive").logpdf(VALUE))  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_offset_and_sigma_of_an_assay_go_together(study: Study) -> None:
    this = Problem(MODEL, study, offsets={"C": "assay"}, sigmas={"C": "assay"})
    assert this.error_parameters == ("C_sigma", "C_sigma_MSD", "C_offset_MSD")
    moved = curve(K, TIMES) * np.exp(0.4 * SECOND)
    expected = stats.lognorm(OWN, scale=moved).logpdf(VALUE)
    np.testing.assert_allclose(scores(this, **POINT, C_offset_MSD=0.4), expected, rtol=1e-9)


def test_a_sigma_has_prior_unit_and_bounds_of_the_reference_and_can_be_fixed(study: Study) -> None:
    this = Problem(MODEL, study, error="additive", **POOLED)
    assert this.all_priors["C_sigma_MSD"] == this.all_priors["C_sigma"]
    assert this.unit("C_sigma_MSD") == "pg/mL"
    assert this.bounds("C_sigma_MSD") == (0.0, np.inf)
    fixed = Problem(MODEL, study, fixed={"C_sigma_MSD": OTHER}, **POOLED)
    assert "C_sigma_MSD" not in fixed.all_priors
    one = {name: value for name, value in POINT.items() if name != "C_sigma_MSD"}
    np.testing.assert_allclose(scores(fixed, **one), law("lognormal").logpdf(VALUE), rtol=1e-9)


def test_it_is_said_and_changes_the_id(study: Study) -> None:
    this = Problem(MODEL, study, **POOLED)
    said = "residual errors of assay MSD (2 rows) beside that of Luminex (3 rows)"
    assert said in str(this)
    assert meanings(this)["C_sigma_MSD"] == "residual error of assay MSD"
    assert this.id != Problem(MODEL, study, offsets={"C": None}).id


def test_replicates_and_residuals_have_the_scatter_of_their_assay(study: Study) -> None:
    this = Problem(MODEL, study, **POOLED)
    made = replicates(this, at(**POINT), draws=4000, seed=1)["C"].to_numpy()
    # Relative standard error of a standard deviation: 1 / sqrt(2 draws).
    np.testing.assert_allclose(np.log(made).std(axis=0), OWN, rtol=5 / np.sqrt(8000))
    residual = individual_fits(this, at(**POINT))[0].iwres
    np.testing.assert_allclose(residual, np.log(VALUE / curve(K, TIMES)) / OWN, rtol=1e-9)


def test_predictions_are_of_the_reference_except_where_another_assay_measured(
    study: Study,
) -> None:
    this = Problem(MODEL, study, **POOLED)
    draws = at(**(POINT | {"C_sigma": 1e-12})).isel(draw=np.zeros(50, dtype=int))
    draws = draws.assign_coords(draw=np.arange(50))
    made = predict(this, draws, kind="observed", times=[*TIMES, 9.0], seed=1)["C"].to_numpy()
    scatter = np.log(made[0, :, 0] / curve(K, [*TIMES, 9.0])).std(axis=0)
    assert (scatter[~np.append(SECOND, False)] < 1e-9).all()
    assert (scatter[:-1][SECOND] > OTHER / 2).all()


def test_an_analysis_file_keeps_it(tmp_path: Any) -> None:
    study_of(time=TIMES, value=VALUE, assay=ASSAY).to_frame().to_csv(tmp_path / "c.csv")
    analysis = Analysis(
        model="pk-1-iv", data=DataSource.of(str(tmp_path / "c.csv")), error="additive", **POOLED
    )
    again = read_text(write_text(analysis))
    assert again.sigmas == {"C": "assay"} and again.offsets == {"C": None}


def test_what_has_no_meaning_is_refused(study: Study) -> None:
    with pytest.raises(InputError, match="one source only"):
        Problem(MODEL, study, offsets={"C": None}, sigmas={"C": "source"})
    with pytest.raises(InputError, match="'batch' is not a column that can have them"):
        Problem(MODEL, study, offsets={"C": None}, sigmas={"C": "batch"})
    with pytest.raises(InputError, match="sigmas of 'D'.*no such observable"):
        Problem(MODEL, study, offsets={"C": None}, sigmas={"D": "assay"})
    with pytest.raises(InputError, match="not pooled in silence"):
        Problem(MODEL, study, sigmas={"C": "assay"})
    grades = study_of(time=[1.0, 2.0], value=[0.0, 1.0], assay=["ASTCT", "Lee"])
    with pytest.raises(InputError, match="bernoulli has no residual spread"):
        Problem(MODEL, grades, error="bernoulli", **POOLED)


@pytest.mark.parametrize(("error", "offset"), [("lognormal", 0.3), ("additive-t", 0.0)])
def test_the_mode_of_many_rows_is_the_truth(error: str, offset: float) -> None:
    rng = np.random.default_rng(4)
    times = rng.uniform(0.0, 4.0, 2000)
    second = rng.random(times.size) < 0.4
    own, f = np.where(second, OTHER, SIGMA), curve(K, times) * np.exp(offset * second)
    noise = rng.standard_normal(times.size) if error == "lognormal" else rng.standard_t(NU, 2000)
    value = f * np.exp(own * noise) if error == "lognormal" else f + own * noise
    study = study_of(time=times, value=value, assay=np.where(second, "MSD", "Luminex"))
    settings = POOLED | ({"offsets": {"C": "assay"}} if offset else {})
    truth = POINT | ({"C_offset_MSD": offset} if offset else {})
    found = z_scores(Problem(MODEL, study, error=error, **settings), truth)
    assert max(map(abs, found.values())) < 4.5, found
