"""Severe CRS by blasts and dose: odds ratios and checked risks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logit

from cytobayes.models import get, simulate
from cytobayes.models.library.severe_crs import even_odds

MODEL = get("severe-crs-logistic")
Array = npt.NDArray[np.float64]


def risk(**theta: Any) -> Array:
    return np.ravel(simulate(MODEL, theta, [0.0])["risk"])


@pytest.mark.reference
def test_risks_are_those_of_the_catalog() -> None:
    """With a risk of 0.06 at 5 % blasts and 2e6 cells per kg."""
    b0 = float(logit(0.06)) + np.log(1.9) * 45 / 25
    found = risk(b0=b0, blasts=[5.0, 5.0, 50.0, 90.0, 90.0], dose=[2e5, 2e6, 2e6, 2e6, 2e7])
    np.testing.assert_allclose(found, [0.025, 0.060, 0.169, 0.361, 0.586], atol=5.1e-4)


def test_odds_ratios_are_exponentials_of_the_coefficients() -> None:
    odds = logit(risk(blasts=[20.0, 45.0, 45.0], dose=[2e6, 2e6, 2e7]))
    assert np.exp(odds[1] - odds[0]) == pytest.approx(1.9, rel=1e-12)
    assert np.exp(odds[2] - odds[1]) == pytest.approx(2.5, rel=1e-12)


def test_even_odds_are_where_the_formula_says() -> None:
    theta = {"b0": -0.5, "b1": 0.8}
    blasts = float(even_odds({**MODEL.theta, **theta}))
    assert blasts == pytest.approx(50 + 25 * 0.5 / 0.8, rel=1e-14)
    assert risk(**theta, blasts=blasts)[0] == pytest.approx(0.5, rel=1e-14)


def test_the_best_intercept_without_covariates_is_the_logit_of_the_rate() -> None:
    events, n = 16, 133

    def loss(b0: float) -> float:
        p = risk(b0=b0)[0]
        return float(-events * np.log(p) - (n - events) * np.log1p(-p))

    best = minimize_scalar(loss, bracket=(-3.0, -1.0), tol=1e-12)
    # A minimum found by values is exact to the root of machine precision.
    assert best.x == pytest.approx(float(logit(events / n)), abs=1e-6)
