"""Baseline biomarkers: folds of R0, risk and its slope."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from cytobayes.models import get, simulate, threshold

MODEL = get("biomarker-panel")


def one(name: str, **theta: float) -> float:
    return float(simulate(MODEL, theta, [0.0])[name].squeeze())


def test_markers_at_their_mean_are_the_population() -> None:
    assert one("R0") == pytest.approx(0.6, rel=1e-14)
    assert one("risk") == pytest.approx(norm.cdf(np.log(0.6) / 0.5), rel=1e-12)
    assert one("release") == pytest.approx(225.0, rel=1e-14)


@pytest.mark.parametrize(
    ("marker", "sign"), [("EM", 1), ("density", 1), ("Treg", -1), ("exvivo", 1)]
)
def test_a_marker_multiplies_the_reproduction_number(marker: str, sign: int) -> None:
    fold = one("R0", **{f"z_{marker}": 2.0}) / one("R0", **{f"z_{marker}": 0.5})
    assert fold == pytest.approx(np.exp(sign * 0.3 * 1.5), rel=1e-12)


def test_the_risk_is_the_share_of_draws_above_one() -> None:
    theta = {"z_EM": 1.0, "z_Treg": -0.5, "b_EM": 0.4}
    mu = np.log(0.6) + 0.4 + 0.15
    draws = np.exp(mu + 0.5 * np.random.default_rng(1).standard_normal(100_000))
    risk = one("risk", **theta)
    assert risk == pytest.approx(norm.cdf(mu / 0.5), rel=1e-12)
    error = np.sqrt(risk * (1 - risk) / 100_000)
    assert abs((draws > 1).mean() - risk) < 5 * error


def test_regulatory_cells_lower_the_risk_at_every_level() -> None:
    risk = simulate(MODEL, {"z_Treg": np.linspace(-4, 4, 41)}, [0.0])["risk"].squeeze()
    assert (np.diff(risk) < 0).all()


def test_the_slope_is_the_derivative_of_the_risk() -> None:
    h = 1e-5
    up, down = (one("risk", z_EM=1.0 + x / 0.3) for x in (h, -h))
    # Central differences: rounding 1e-16 / h, truncation of order h^2.
    assert one("slope", z_EM=1.0) == pytest.approx((up - down) / (2 * h), abs=1e-9)


def test_the_risk_is_one_half_at_the_threshold() -> None:
    z = -np.log(0.6) / 0.3
    assert threshold(MODEL, {"z_density": z})["R0"] == pytest.approx(1.0, rel=1e-14)
    assert one("risk", z_density=z) == pytest.approx(0.5, rel=1e-12)


def test_the_ex_vivo_assay_sees_the_release() -> None:
    assert one("exvivo", z_exvivo=1.0, assay=2.0) == pytest.approx(450 * np.exp(0.3), rel=1e-12)
