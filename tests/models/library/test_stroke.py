"""The stroke model against its final-size law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from cytobayes.models import SolverOptions, get, simulate, threshold
from cytobayes.models.library.stroke import final_penumbra

MODEL = get("stroke")
TIGHT = SolverOptions(rtol=1e-11)
LATE = [3000.0]


@pytest.mark.reference
def test_the_final_penumbra_is_that_of_the_catalog() -> None:
    theta = {"kdeath": np.array([2e-4, 1e-3, 3e-3])}
    np.testing.assert_allclose(threshold(MODEL, theta)["Rs"], [0.6, 3.0, 9.0], rtol=1e-12)
    law = final_penumbra({**MODEL.theta, **theta})
    assert law == pytest.approx([34.4151, 0.6899, 1e-4], abs=5e-5)
    run = simulate(MODEL, theta, LATE, options=TIGHT).isel(time=0)
    # At 3000 h the slowest signal (0.05 1/h) has decayed by exp(-150) or, near Rs u = 1, less.
    np.testing.assert_allclose(run["P"], law, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(run["P"] + run["Ic"], 90.0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("Rs", [0.1, 0.99, 1.0, 1.01, 4.0])
@pytest.mark.parametrize("core", [1e-6, 1.0, 30.0])
def test_the_law_is_solved_by_lamberts_function(Rs: float, core: float) -> None:
    theta = {**MODEL.theta, "kdeath": Rs / 3000, "I_0": core}
    P = float(final_penumbra(theta))

    def law(x: float) -> float:
        return x - 60.0 * float(np.exp(-Rs * (core + 60.0 - x) / 60.0))

    assert pytest.approx(brentq(law, 0.0, 60.0, xtol=1e-13), rel=1e-6) == P


def test_a_vanishing_core_spares_the_penumbra_below_the_threshold() -> None:
    at = {**MODEL.theta, "I_0": 1e-12, "kdeath": np.array([0.9, 1.5]) / 3000}
    spared, lost = final_penumbra(at)
    assert spared == pytest.approx(60.0, rel=1e-9)
    # 1 - u = 0.5828 solves u = exp(-1.5 (1 - u)).
    assert lost / 60 == pytest.approx(brentq(lambda u: u - np.exp(-1.5 * (1 - u)), 0, 0.9))


def test_treatment_acts_on_the_threshold_alone() -> None:
    treated = {**MODEL.theta, "kdeath": 1e-3, "efficacy": 0.6}
    untreated = {**MODEL.theta, "kdeath": 0.4e-3}
    assert final_penumbra(treated) == pytest.approx(float(final_penumbra(untreated)), rel=1e-12)
    critical = {"kdeath": 1e-3, "efficacy": 1 - 1 / 3}
    assert threshold(MODEL, critical)["Rs"] == pytest.approx(1.0, rel=1e-12)


def test_equal_thresholds_end_alike_whatever_the_rates() -> None:
    theta = {
        "kdeath": [5e-4, 2e-3, 5e-4],
        "beta": [0.5, 0.125, 1.0],
        "kD": [0.05, 0.05, 0.2],
        "kC": [0.2, 0.2, 0.1],
    }
    run = simulate(MODEL, theta, LATE, options=TIGHT).isel(time=0)
    np.testing.assert_allclose(run["P"], float(run["P"][0]), rtol=1e-6)
