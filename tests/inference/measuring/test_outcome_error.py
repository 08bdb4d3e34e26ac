"""Yes or no, and grades: against formulas of their own, in the whole of a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor as untyped_pytensor
import pytensor.tensor as untyped_tensor
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from cytobayes.datasets import InputError, Study, read_table
from cytobayes.inference import Problem
from cytobayes.inference.measuring.error import Bernoulli, Ordinal, error_model
from cytobayes.inference.measuring.measurement import Rows
from cytobayes.inference.predict import predict
from cytobayes.models.distributions import Normal

from ..decay import MODEL, at, curve, gradient, scores, study_of

pytensor: Any = untyped_pytensor
pt: Any = untyped_tensor
TIMES = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
GRADES = np.array([3.0, 2.0, 2.0, 0.0, 1.0, 0.0])
K = 0.4


def rows(value: Any) -> Rows:
    value = np.asarray(value, dtype=float)
    nothing = np.full(value.size, np.nan)
    return Rows(value, np.zeros(value.size, int), nothing, nothing, np.zeros(value.size))


@pytest.fixture(scope="module")
def outcome() -> Study:
    """Concentrations, and the grade of an event at the same times."""
    columns = {
        "time": np.tile(TIMES, 2),
        "observable": ["C"] * 6 + ["crs"] * 6,
        "value": np.concatenate([curve(K, TIMES), GRADES]),
    }
    return study_of(**columns)


def problem(study: Study, error: Any, **more: Any) -> Problem:
    return Problem(MODEL, study, error={"crs": error}, observables={"crs": "C"}, **more)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3),
    st.floats(-5, 5),
    st.floats(-3, 3),
)
def test_bernoulli_is_a_logistic_regression(f: list[float], intercept: float, slope: float) -> None:
    y = np.array([0.0, 1.0, 1.0])
    for transform, g in (("log", np.log(f)), ("identity", np.array(f))):
        model = Bernoulli(transform=transform)
        given_ = (pt.constant(intercept), pt.constant(slope))
        value, center = pt.constant(y), pt.constant(np.array(f))
        found = model.log_density(value, center, given_, rows(y)).eval()
        odds = intercept + slope * g
        expected = -np.logaddexp(0, np.where(y == 1, -odds, odds))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_grades_have_the_probabilities_between_their_cut_points(outcome: Study) -> None:
    this = problem(outcome, "ordinal")
    slope, cut, steps = 1.4, 0.3, (0.8, 1.1)
    values = dict(zip(this.errors["crs"].parameters("crs"), (slope, cut, *steps), strict=True))
    found = scores(this, "crs", k=K, C_sigma=0.2, **values)
    cuts = np.array([-np.inf, cut, cut + steps[0], cut + sum(steps), np.inf])
    risk = slope * np.log(curve(K, TIMES))
    k = GRADES.astype(int)
    expected = np.log(expit(risk - cuts[k]) - expit(risk - cuts[k + 1]))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_probabilities_of_all_grades_sum_to_one() -> None:
    model = Ordinal(highest=4)
    f = np.array([1e-6, 0.5, 3.0, 1e4])
    sigma = tuple(map(pt.constant, (1.2, -0.5, 0.7, 1e-3, 2.0)))
    total = sum(
        np.exp(model.log_density(pt.constant(np.full(4, float(k))), pt.constant(f), sigma,
                                 rows(np.zeros(4))).eval())
        for k in range(5)
    )  # fmt: skip
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_two_grades_are_yes_and_no() -> None:
    """With one cut-point, P(1) is that of a Bernoulli whose intercept is minus the cut."""
    y, f = np.array([0.0, 1.0]), pt.constant(np.array([0.4, 5.0]))
    slope, cut = pt.constant(1.1), pt.constant(0.6)
    two = Ordinal(highest=1).log_density(pt.constant(y), f, (slope, cut), rows(y))
    one = Bernoulli().log_density(pt.constant(y), f, (-cut, slope), rows(y))
    np.testing.assert_allclose(two.eval(), one.eval(), rtol=1e-12)


@pytest.mark.parametrize("error", ["ordinal", "ordinal(transform=identity)"])
def test_gradient_is_that_of_central_differences(outcome: Study, error: str) -> None:
    this = problem(outcome, error, fixed={"C_sigma": 0.2})
    names = this.errors["crs"].parameters("crs")
    point = {"k": K, **dict(zip(names, (0.9, 0.2, 0.8, 1.1), strict=True))}
    total, slopes = gradient(this, **point)

    def log_likelihood(**values: float) -> float:
        return float(sum(scores(this, o, **values).sum() for o in ("C", "crs")))

    assert total == pytest.approx(log_likelihood(**point), rel=1e-10)
    h = 1e-5
    for name in point:
        up, down = (log_likelihood(**{**point, name: point[name] + s}) for s in (h, -h))
        assert slopes[name] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


def test_far_odds_are_finite_with_finite_slopes() -> None:
    f, y = pt.dvector("f"), np.array([0.0, 1.0, 2.0] * 3)
    sigma = tuple(pt.constant(v) for v in (50.0, 3.0, 1.0))
    density = Ordinal(highest=2).log_density(pt.constant(y), f, sigma, rows(y))
    function = pytensor.function([f], [density, pt.grad(density.sum(), f)], mode="FAST_COMPILE")
    for values in function(np.repeat([1e-12, 1.0, 1e12], 3)):
        assert np.isfinite(values).all()


def test_parameters_say_what_they_are(outcome: Study) -> None:
    this = problem(outcome, "ordinal(transform=identity)")
    names = ("crs_slope", "crs_cut_1", "crs_step_2", "crs_step_3")
    assert this.error_parameters == ("C_sigma", *names)
    assert [this.unit(n) for n in names] == ["1/(pg/mL)", "", "", ""]
    assert this.bounds("crs_cut_1") == (-np.inf, np.inf)
    assert this.bounds("crs_step_2") == (0.0, np.inf)
    facts = this.describe()
    assert facts["observables"][1]["error"] == "ordinal(transform=identity, highest=3)"
    assert facts["observables"][1]["unit"] == ""
    assert "crs as C []: 6 rows, logit P(grade >= k)" in str(this)
    chosen = problem(outcome, "ordinal", priors={"crs_cut_1": Normal(-5.0, 1.0)},
                     fixed={"crs_slope": 1.0})  # fmt: skip
    assert chosen.all_priors["crs_cut_1"] == Normal(-5.0, 1.0)
    assert "crs_slope" not in chosen.all_priors


def test_a_scale_may_be_longer_than_the_data(outcome: Study) -> None:
    long = problem(outcome, Ordinal(highest=4))
    assert long.error_parameters[-1] == "crs_step_4"
    assert long.id != problem(outcome, "ordinal").id
    assert error_model(long.errors["crs"].spec) == long.errors["crs"]


def test_simulated_grades_have_the_probabilities_that_are_scored() -> None:
    model, n = Ordinal(highest=2), 20_000
    sigma = (1.5, 0.4, 1.2)
    made = model.random(np.random.default_rng(2), np.full(n, 2.0), sigma)
    for k in range(3):
        scored = model.log_density(
            pt.constant(np.array([float(k)])), pt.constant(np.array([2.0])),
            tuple(map(pt.constant, sigma)), rows([k]),
        ).eval()[0]  # fmt: skip
        p = np.exp(scored)
        assert abs((made == k).mean() - p) < 5 * np.sqrt(p * (1 - p) / n)
    mean = model.typical(np.array([2.0]), sigma)[0]
    assert abs(made.mean() - mean) < 5 * made.std() / np.sqrt(n)


def test_predicted_observations_are_grades(outcome: Study) -> None:
    this = problem(outcome, "ordinal")
    values = dict(zip(this.errors["crs"].parameters("crs"), (1.4, 0.3, 0.8, 1.1), strict=True))
    made = predict(this, at(k=K, C_sigma=0.2, **values), kind="observed", seed=3)
    assert set(np.unique(made["crs"])) <= {0.0, 1.0, 2.0, 3.0}
    assert made["crs"].attrs["units"] == ""


def test_a_file_of_nonmem_records_may_hold_a_yes_or_no(tmp_path: Any) -> None:
    lines = ["ID,TIME,DV,DVID"]
    for t, c in zip(TIMES, curve(K, TIMES), strict=True):
        lines += [f"1,{t:g},{c:.6g},C", f"1,{t:g},{int(t < 4)},fever"]
    path = tmp_path / "two.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    study = read_table(path, time_unit="h", units={"C": "pg/mL", "fever": "1"})
    this = Problem(MODEL, study, error={"fever": "bernoulli"}, observables={"fever": "C"})
    found = scores(this, "fever", k=K, C_sigma=0.1, fever_intercept=-2.0, fever_slope=1.5)
    odds = -2.0 + 1.5 * np.log(curve(K, TIMES))
    y = TIMES < 4
    np.testing.assert_allclose(found, np.log(np.where(y, expit(odds), expit(-odds))), rtol=1e-9)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"value": [0.0, 2.0]}, "whole number from 0 to 1"),
        ({"value": [0.0, 0.5]}, "whole number from 0 to 1"),
        ({"value": [0.0, 1.0], "censoring": ["none", "left"]}, "censored or published means"),
    ],
)
def test_what_is_no_outcome_is_refused(columns: Any, message: str) -> None:
    study = study_of(time=[1.0, 2.0], **columns)
    with pytest.raises(InputError, match=message):
        Problem(MODEL, study, error="bernoulli")
    with pytest.raises(InputError, match="must be log or identity"):
        error_model("bernoulli(transform=sqrt)")
