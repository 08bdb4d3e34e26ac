"""Methods M1 to M7 against the densities that Beal (2001) writes down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.predict import predict

from ..decay import MODEL, at, curve, gradient, scores, study_of

K, SIGMA, LIMIT = 0.4, 1.3, 2.0
TIMES = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
VALUE = [7.0, 4.0, LIMIT, 2.5, LIMIT, LIMIT]
CENSORING = ["none", "none", "left", "none", "left", "left"]
F = curve(K, TIMES)
LAW = stats.norm(F, SIGMA)
BELOW = np.array([c == "left" for c in CENSORING])


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(time=TIMES, value=VALUE, censoring=CENSORING, lower=LIMIT)


def problem(study: Study, method: Any, error: str = "additive") -> Problem:
    return Problem(MODEL, study, error=error, censoring=method)


def found(study: Study, method: str, error: str = "additive") -> Any:
    return scores(problem(study, method, error), k=K, C_sigma=SIGMA)


def test_m3_is_the_default_and_a_probability(study: Study) -> None:
    expected = np.where(BELOW, LAW.logcdf(LIMIT), LAW.logpdf(VALUE))
    np.testing.assert_allclose(found(study, "M3"), expected, rtol=1e-10)
    assert Problem(MODEL, study, error="additive").id == problem(study, "M3").id


def test_m1_leaves_rows_out(study: Study) -> None:
    np.testing.assert_allclose(found(study, "M1"), LAW.logpdf(VALUE)[~BELOW], rtol=1e-10)


def test_m2_divides_by_the_probability_above_the_limit(study: Study) -> None:
    expected = (LAW.logpdf(VALUE) - LAW.logsf(LIMIT))[~BELOW]
    np.testing.assert_allclose(found(study, "M2"), expected, rtol=1e-10)


def test_m2_takes_an_unstated_limit_from_the_rows_below_it() -> None:
    bare = study_of(time=TIMES, value=VALUE, censoring=CENSORING)
    expected = (LAW.logpdf(VALUE) - LAW.logsf(LIMIT))[~BELOW]
    np.testing.assert_allclose(found(bare, "M2"), expected, rtol=1e-10)
    with pytest.raises(InputError, match="M2 needs the lower limit"):
        problem(study_of(time=[1.0, 2.0], value=[5.0, 3.0]), "M2")


def test_m4_is_between_zero_and_the_limit_given_a_positive_value(study: Study) -> None:
    inside = np.log(LAW.cdf(LIMIT) - LAW.cdf(0))
    expected = np.where(BELOW, inside, LAW.logpdf(VALUE)) - LAW.logsf(0)
    np.testing.assert_allclose(found(study, "M4"), expected, rtol=1e-10)


def test_m4_on_the_log_scale_is_m3_and_says_so(study: Study) -> None:
    np.testing.assert_array_equal(found(study, "M4", "lognormal"), found(study, "M3", "lognormal"))
    assert "which for a log-normal error is M3" in str(problem(study, "M4", "lognormal"))


@pytest.mark.parametrize(("method", "share"), [("M5", 0.5), ("M7", 0.0)])
def test_substitution_scores_half_of_the_limit_or_zero(
    study: Study, method: str, share: float
) -> None:
    value = np.where(BELOW, share * LIMIT, VALUE)
    np.testing.assert_allclose(found(study, method), LAW.logpdf(value), rtol=1e-10)


def test_m6_keeps_the_first_of_every_run_in_the_order_of_time(study: Study) -> None:
    value = np.where(BELOW, LIMIT / 2, VALUE)
    expected = LAW.logpdf(value)[:5]  # the run at 5 and 6 h loses its second row
    np.testing.assert_allclose(found(study, "M6"), expected, rtol=1e-10)
    order = [5, 0, 4, 3, 2, 1]
    mixed = study_of(
        time=np.array(TIMES)[order], value=np.array(VALUE)[order],
        censoring=np.array(CENSORING)[order],
    )  # fmt: skip
    assert problem(mixed, "M6").arrangement.observed[0].row.tolist() == [1, 2, 3, 4, 5]


def test_m6_counts_the_runs_of_each_subject() -> None:
    two = study_of(
        subject=["a", "a", "b", "b"], time=[1.0, 2.0, 1.0, 2.0], value=[5.0, 2.0, 2.0, 2.0],
        censoring=["none", "left", "left", "left"],
    )  # fmt: skip
    assert problem(two, "M6").arrangement.observed[0].row.tolist() == [0, 1, 2]


def test_m7_is_refused_on_the_log_scale(study: Study) -> None:
    with pytest.raises(InputError, match="C: M7 puts 0 .* log-normal error cannot score"):
        problem(study, "M7", "lognormal-t")


def test_rows_above_a_limit_keep_their_tail_in_every_method() -> None:
    both = study_of(time=[1.0, 2.0, 3.0], value=[6.0, 2.0, 3.0],
                    censoring=["right", "left", "none"], lower=2.0)  # fmt: skip
    law = stats.norm(curve(K, 1.0), SIGMA)
    for method in ("M1", "M3", "M5", "M6", "M7"):
        assert found(both, method)[0] == pytest.approx(law.logsf(6.0), rel=1e-10)
    assert found(both, "M2")[0] == pytest.approx(law.logsf(6.0) - law.logsf(2.0), rel=1e-10)
    assert found(both, "M4")[0] == pytest.approx(law.logsf(6.0) - law.logsf(0.0), rel=1e-10)


@pytest.mark.parametrize("method", ["M2", "M4"])
@pytest.mark.parametrize("error", ["additive", "additive-t", "proportional"])
def test_truncated_rows_have_the_right_gradient(study: Study, method: str, error: str) -> None:
    this = problem(study, method, error)
    total, slopes = gradient(this, k=K, C_sigma=0.4)
    assert total == pytest.approx(scores(this, k=K, C_sigma=0.4).sum(), rel=1e-10)
    h = 1e-5
    for name in ("k", "C_sigma"):
        up, down = (
            scores(this, **{"k": K, "C_sigma": 0.4, name: {"k": K, "C_sigma": 0.4}[name] + s})
            for s in (h, -h)
        )
        assert slopes[name] == pytest.approx((up - down).sum() / (2 * h), rel=1e-6)


def test_truncated_density_is_a_density() -> None:
    """It integrates to one over what can be seen."""
    grid = np.linspace(LIMIT, 30, 20_001)
    one = study_of(time=np.full(grid.size, 2.0), value=grid, lower=np.nextafter(LIMIT, 0))
    density = np.exp(found(one, "M2", "additive-t"))
    assert np.trapezoid(density, grid) == pytest.approx(
        1 - stats.t(4, curve(K, 2.0), SIGMA).sf(30) / stats.t(4, curve(K, 2.0), SIGMA).sf(LIMIT),
        abs=1e-6,
    )


def test_replicates_of_truncated_rows_stay_above_their_limit(study: Study) -> None:
    this = problem(study, "M2")
    observed = this.arrangement.observed[0]
    f = np.broadcast_to(curve(K, observed.time), (4000, observed.time.size))
    made = this.errors["C"].replicate(np.random.default_rng(1), f, (SIGMA,), observed.rows)
    assert made.min() > LIMIT
    a = (LIMIT - f[0]) / SIGMA
    law = stats.truncnorm(a, np.inf, f[0], SIGMA)
    standard_error = law.std() / np.sqrt(len(made))
    assert (np.abs(made.mean(axis=0) - law.mean()) < 5 * standard_error).all()


def test_summary_counts_rows_by_treatment(study: Study) -> None:
    said = {m: problem(study, m).describe()["observables"][0]["treated"] for m in
            ("M1", "M2", "M3", "M4", "M5", "M6", "M7")}  # fmt: skip
    assert said["M3"] == ["3 rows below 2 pg/mL scored as left-censored (M3)"]
    assert said["M1"] == ["3 rows below 2 pg/mL left out (M1)"]
    assert said["M2"][1] == "3 rows conditional on lying above their limit (M2)"
    assert said["M4"][1] == "6 rows conditional on a positive value (M4)"
    assert said["M6"] == [
        "2 rows below 2 pg/mL set to half of it (M6), and 1 more that follow one of them left out"
    ]
    assert "C: 3 rows below 2 pg/mL set to half of it (M5)" in str(problem(study, "M5"))
    assert said["M7"] == ["3 rows below 2 pg/mL set to 0 (M7)"]


def test_method_counts_in_the_id(study: Study) -> None:
    ids = {problem(study, m).id for m in ("M1", "M2", "M3", "M4", "M5", "M6", "M7")}
    assert len(ids) == 7
    assert problem(study, {"C": "M5"}).id == problem(study, "M5").id


def test_unknown_methods_and_observables_are_refused(study: Study) -> None:
    with pytest.raises(InputError, match="There are M1, M2"):
        problem(study, "M8")
    with pytest.raises(InputError, match="no such observable"):
        problem(study, {"IL6": "M5"})
    low = study_of(time=[1.0], value=[2.0], censoring="left")
    with pytest.raises(InputError, match="M1 leaves no row"):
        problem(low, "M1")


def test_predictions_work_after_rows_were_left_out(study: Study) -> None:
    made = predict(problem(study, "M1"), at(k=K, C_sigma=SIGMA), kind="observed", seed=1)
    assert made["C"].shape == (1, 1, 1, 6)
    assert np.isfinite(made["C"]).all()
