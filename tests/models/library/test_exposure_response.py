"""Exposure-response models: constructs, grades, and the published regression of elranatamab."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from cytobayes.models import draw_parameters, get, simulate
from cytobayes.models.library.exposure_response import half_effect, probability_higher

RISK = get("exposure-response")
ELRANATAMAB = get("elranatamab-crs")


@pytest.mark.reference
def test_a_higher_median_has_the_higher_risk_yet_29_percent_of_pairs_are_reversed() -> None:
    run = simulate(RISK, {"x": [1e5, 5e4]}, [0.0]).isel(time=0)
    np.testing.assert_allclose(run["risk"], [0.3505, 0.2500], atol=5.1e-5)
    np.testing.assert_allclose(run["marginal_risk"], [0.3602, 0.2645], atol=5.1e-5)
    assert float(run["higher"][0]) == pytest.approx(0.707, abs=5.1e-4)
    assert float(run["higher"][0]) == pytest.approx(probability_higher(RISK.theta), rel=1e-12)
    assert float(run["higher"][1]) == pytest.approx(0.5, rel=1e-14)


def test_the_part_of_ordered_pairs_agrees_with_draws() -> None:
    x = np.exp(np.log([1e5, 5e4]) + 0.9 * np.random.default_rng(4).standard_normal((40_000, 2)))
    share = (x[:, 0] > x[:, 1]).mean()
    error = np.sqrt(0.707 * 0.293 / 40_000)
    assert abs(share - probability_higher(RISK.theta)) < 5 * error


def test_two_doses_differ_by_the_slope_times_their_log_ratio() -> None:
    risk = simulate(RISK, {"x": [2e3, 3e4]}, [0.0])["risk"].to_numpy()
    assert np.diff(logit(risk.ravel())) == pytest.approx(1.6 * np.log10(15), rel=1e-9)


@pytest.mark.reference
def test_elranatamab_has_the_published_risks() -> None:
    theta = {"C": [100.0, 212.0, 500.0] * 2, "burden": [0.0] * 3 + [1.0] * 3}
    risk = simulate(ELRANATAMAB, theta, [0.0])["risk"].to_numpy().ravel()
    expected = [0.193, 0.397, 0.677, 0.427, 0.673, 0.868]
    np.testing.assert_allclose(risk, expected, atol=5.1e-4)
    assert round(float(half_effect(ELRANATAMAB.theta))) == 289
    assert round(float(half_effect(ELRANATAMAB.theta, burden=1.0))) == 124


@pytest.mark.reference
def test_published_odds_ratios_are_exponentials_of_the_coefficients() -> None:
    for name, printed in (("b_C", 3.86), ("b_burden", 3.11)):
        b = ELRANATAMAB.theta[name]  # printed with two decimals, as is its odds ratio
        assert np.exp(b - 0.005) - 0.005 <= printed <= np.exp(b + 0.005) + 0.005, name


def test_prior_intervals_of_elranatamab_are_the_published_ones() -> None:
    draws = draw_parameters(ELRANATAMAB, 20_000, seed=2)
    for name, low, high in (("b0", -10.5, -5.03), ("b_burden", 0.335, 1.97), ("b_C", 0.869, 1.88)):
        found = np.quantile(draws[name], [0.025, 0.975])
        sd = (high - low) / 3.92
        centre = ELRANATAMAB.theta[name]
        # Monte-Carlo error of a 2.5 % quantile: 2.7 sd / sqrt(20000); five of them.
        np.testing.assert_allclose(found, [centre - 1.96 * sd, centre + 1.96 * sd], atol=0.1 * sd)


def test_grades_start_at_the_published_rates() -> None:
    run = simulate(get("exposure-grades"), {"x": 5e4}, [0.0]).isel(time=0)
    P = [float(run[f"P{k}"]) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(P[:3], [0.32, 0.13, 0.05], atol=0.0051)
    assert P[2] > P[3] > 0
    more = simulate(get("exposure-grades"), {"x": 5e4, "burden": 1.0}, [0.0]).isel(time=0)
    assert float(more["P1"]) == pytest.approx(expit(logit(P[0]) + 0.5), rel=1e-12)


def test_the_emax_curve_is_midway_at_its_ec50() -> None:
    run = simulate(get("exposure-response-emax"), {"x": [5e4, 0.0, 1e12]}, [0.0])["risk"]
    np.testing.assert_allclose(run.to_numpy().ravel(), [0.5, 0.1, 0.9], rtol=1e-9)
