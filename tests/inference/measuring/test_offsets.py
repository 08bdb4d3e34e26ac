"""Several assays: never pooled in silence, offsets as written, from the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.predict import predict
from cytobayes.inference.replicates import predictions
from cytobayes.models.distributions import Normal

from ..decay import MODEL, at, curve, gradient, scores, study_of

K, SIGMA = 0.4, 0.25
TIMES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
VALUE = np.array([7.0, 9.0, 3.0, 2.5, 2.6])
ASSAY = ["Luminex", "MSD", "Luminex", "Luminex", "MSD"]
SECOND = np.array([a == "MSD" for a in ASSAY])


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(time=TIMES, value=VALUE, assay=ASSAY)


def test_silent_pooling_is_refused_with_both_remedies(study: Study) -> None:
    message = r"2 assays \(Luminex, MSD\).*offsets=\{'C': 'assay'\}.*offsets=\{'C': None\}"
    with pytest.raises(InputError, match=message):
        Problem(MODEL, study)


@pytest.mark.parametrize("error", ["lognormal", "proportional", "additive"])
def test_an_offset_moves_the_model_for_its_assay_only(study: Study, error: str) -> None:
    this = Problem(MODEL, study, error=error, offsets={"C": "assay"})
    f = curve(K, TIMES)
    offset = 0.4
    moved = np.where(SECOND, f + offset if error == "additive" else f * np.exp(offset), f)
    law: Any = {
        "lognormal": stats.lognorm(SIGMA, scale=moved),
        "proportional": stats.norm(moved, SIGMA * moved),
        "additive": stats.norm(moved, SIGMA),
    }[error]
    point = {"k": K, "C_sigma": SIGMA, "C_offset_MSD": offset}
    np.testing.assert_allclose(scores(this, **point), law.logpdf(VALUE), rtol=1e-9)
    total, slopes = gradient(this, **point)
    assert total == pytest.approx(law.logpdf(VALUE).sum(), rel=1e-9)
    h = 1e-5
    up, down = (scores(this, **{**point, "C_offset_MSD": offset + s}).sum() for s in (h, -h))
    assert slopes["C_offset_MSD"] == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_an_offset_has_a_prior_a_unit_and_a_reference(study: Study) -> None:
    relative = Problem(MODEL, study, offsets={"C": "assay"})
    assert relative.all_priors["C_offset_MSD"] == Normal(0.0, 0.5)
    assert relative.unit("C_offset_MSD") == ""
    assert "offsets of assay MSD (2 rows) from the reference Luminex (3 rows)" in str(relative)
    additive = Problem(MODEL, study, error="additive", offsets={"C": "assay"})
    assert additive.unit("C_offset_MSD") == "pg/mL"
    assert relative.bounds("C_offset_MSD") == (-np.inf, np.inf)


def test_pooling_knowingly_is_said(study: Study) -> None:
    pooled = Problem(MODEL, study, offsets={"C": None})
    assert "C: assays Luminex, MSD pooled" in str(pooled)
    assert pooled.error_parameters == ("C_sigma",)
    assert pooled.id != Problem(MODEL, study, offsets={"C": "assay"}).id


def test_sources_are_refused_like_assays() -> None:
    two = study_of(time=TIMES, value=VALUE, source=["A", "A", "B", "B", ""])
    with pytest.raises(InputError, match="3 sources"):
        Problem(MODEL, two)
    named = Problem(MODEL, two, offsets={"C": "source"}).error_parameters
    assert named == ("C_sigma", "C_offset_B", "C_offset_unstated")


def test_predictions_are_of_the_reference_except_where_another_assay_measured(
    study: Study,
) -> None:
    this = Problem(MODEL, study, offsets={"C": "assay"}, fixed={"C_sigma": 1e-9})
    made = predict(
        this, at(k=K, C_offset_MSD=1.0), kind="observed", times=[*TIMES, 9.0], seed=1
    )["C"].to_numpy()[0, 0, 0]  # fmt: skip
    expected = curve(K, [*TIMES, 9.0]) * np.exp(np.append(SECOND, False).astype(float))
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_goodness_of_fit_compares_with_the_own_assay(study: Study) -> None:
    this = Problem(MODEL, study, offsets={"C": "assay"})
    found: Any = predictions(this, at(k=K, C_sigma=SIGMA, C_offset_MSD=1.0))["C_ipred"]
    np.testing.assert_allclose(found, curve(K, TIMES) * np.exp(SECOND.astype(float)), rtol=1e-9)


def test_offsets_without_meaning_are_refused(study: Study) -> None:
    with pytest.raises(InputError, match="one source only"):
        Problem(MODEL, study, offsets={"C": "source"})
    with pytest.raises(InputError, match="not a column"):
        Problem(MODEL, study, offsets={"C": "batch"})
    with pytest.raises(InputError, match="no such observable"):
        Problem(MODEL, study, offsets={"D": "assay"})
    grades = study_of(time=[1.0, 2.0], value=[0.0, 1.0], assay=["ASTCT", "Lee"])
    with pytest.raises(InputError, match="name of its own"):
        Problem(MODEL, grades, error="bernoulli")
