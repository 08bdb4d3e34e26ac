"""Likelihoods of outcomes agree with SciPy's, in the tails with many digits, and sum to one."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

from cytobayes.inference.measuring.logits import log_between, log_expit
from cytobayes.inference.response.curves import Saturating, Straight, curve_of
from cytobayes.inference.response.form import Form
from cytobayes.inference.response.kinds import Binary, Continuous, Ordinal
from cytobayes.models.distributions import Normal
from cytobayes.models.response import CumulativeLogit, SigmoidEmax

CUTS = {"c1": 0.4, "gap2": 1.1, "gap3": 0.7}
ETA = np.array([-2.0, 0.3, 4.0])


@pytest.mark.parametrize(
    ("high", "low"), [(40.0, 39.0), (-39.0, -41.0), (1e-8, 0.0), (30.0, -30.0)]
)
def test_the_tails_keep_their_digits(high: float, low: float) -> None:
    with mpmath.workdps(60):
        expit = [1 / (1 + mpmath.exp(-mpmath.mpf(v))) for v in (high, low)]
        exact = float(mpmath.log(expit[0] - expit[1]))
        single = float(mpmath.log(expit[1]))
    assert log_between(high, low) == pytest.approx(exact, rel=1e-12)
    assert log_expit(low) == pytest.approx(single, rel=1e-12, abs=1e-300)


def test_grades_are_scored_as_cuts_through_a_logistic_variable() -> None:
    cuts = np.cumsum([0.4, 1.1, 0.7])
    for grade in range(4):
        above, below = (
            np.inf if grade == 3 else cuts[grade],
            -np.inf if grade == 0 else cuts[grade - 1],
        )
        latent = stats.logistic(loc=ETA)
        expected = np.log(latent.cdf(above) - latent.cdf(below))
        found = Ordinal(3).log_density(np.full(3, grade), ETA, {}, CUTS)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_grades_agree_with_the_cumulative_logit_of_the_models() -> None:
    exposures = np.array([1e3, 5e4, 1e6])
    theta = {"b": 1.6, "g": 0.0, **CUTS}
    shares = CumulativeLogit(reference=5e4, grades=3).probabilities(exposures, theta)
    g = Straight("log10", 5e4).forward(exposures)
    for grade, share in enumerate(shares):
        found = Ordinal(3).log_density(np.full(3, grade), 1.6 * g, {}, CUTS)
        np.testing.assert_allclose(np.exp(found), share, rtol=1e-12)


def test_one_grade_is_a_yes_or_no() -> None:
    y = np.array([0.0, 1.0, 1.0])
    found = Ordinal(1).log_density(y, ETA, {}, {"c1": 0.4})
    np.testing.assert_allclose(found, Binary().log_density(y, ETA - 0.4, {}, {}), rtol=1e-14)
    np.testing.assert_allclose(
        Binary().log_density(y, ETA, {}, {}), stats.bernoulli.logpmf(y, 1 / (1 + np.exp(-ETA)))
    )


def test_odds_that_are_not_proportional_still_sum_to_one_and_may_not_cross() -> None:
    kind = Ordinal(3)
    changes = {2: 0.1 * ETA, 3: -0.05 * ETA}
    total = sum(np.exp(kind.log_density(np.full(3, k), ETA, changes, CUTS)) for k in range(4))
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    crossing = kind.log_density(np.array([1.0]), np.array([1.0]), {2: np.array([5.0])}, CUTS)
    assert crossing[0] == -np.inf


def test_a_number_is_normal_around_the_curve() -> None:
    y = np.array([0.0, 1.0, 5.0])
    found = Continuous().log_density(y, ETA, {}, {"sigma": 1.7})
    np.testing.assert_allclose(found, stats.norm(ETA, 1.7).logpdf(y), rtol=1e-13)


def test_the_saturating_curve_is_that_of_the_models() -> None:
    x = np.array([1.0, 30.0, 4000.0])
    theta = {"E0": 0.1, "Emax": 0.8, "EC50": 30.0, "h": 1.7, "span": 0.7}
    expected = SigmoidEmax().value(x, theta)
    curve = Saturating()
    location = curve.location("binary", curve.forward(x), theta)
    np.testing.assert_allclose(1 / (1 + np.exp(-location)), expected, rtol=1e-12)
    np.testing.assert_allclose(curve.location("continuous", np.log(x), theta), expected, rtol=1e-12)
    assert location[1] == pytest.approx(np.log(0.45 / 0.55))  # midway at EC50


def test_a_free_intercept_means_the_same_curve() -> None:
    x, z = np.array([1.0, 10.0, 1000.0]), np.array([[0.0], [1.0], [1.0]])
    curve, mean = Straight("log", 1.0, 3.0), 2 / 3
    theta = {"intercept": -7.65, "slope": 1.35, "b_burden": 1.14}
    free = Form(Binary(), curve, ("burden",), (mean,), (), {"intercept": Normal(0, 1)})
    found, _ = free.predictor(curve.forward(x), z - mean, theta)
    np.testing.assert_allclose(found, -7.65 + 1.35 * np.log(x) + 1.14 * z[:, 0], rtol=1e-12)


def test_a_form_survives_its_text() -> None:
    priors = {"slope": Normal(0, 1), "c1": Normal(0, 2.5)}
    form = Form(Ordinal(3), Straight("log10", 5e4, 0.2), ("burden",), (0.3,), ("exposure",), priors)
    assert Form.from_json(form.to_json()) == form


def test_default_priors_scale_with_the_exposure() -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    curve = curve_of("linear", "binary", None, None, x)
    one, ten = (curve.priors("binary", v, 1.0, 0.0)["slope"] for v in (x, 10 * x))
    assert one == Normal(0.0, 2.5 / np.std(x, ddof=1))
    assert ten.sd == pytest.approx(one.sd / 10)  # type: ignore[attr-defined]
