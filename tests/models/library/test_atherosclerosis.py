"""The plaque model against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.models import SolverOptions, get, simulate, threshold

MODEL = get("atherosclerosis")
TIGHT = SolverOptions(rtol=1e-9)
TR = np.array([0.0, 25.0, 50.0, 100.0])


@pytest.mark.reference
def test_cytokine_and_plaque_at_rest_are_those_of_the_catalog() -> None:
    run = simulate(MODEL, {"Tr": TR}, [0.0, 60_000.0], options=TIGHT)
    assert run["C"].values[:, 1] == pytest.approx([500, 333, 250, 167], abs=0.5)
    assert run["Pl"].values[:, 1] == pytest.approx([14.3, 12.5, 11.1, 9.1], abs=0.05)
    np.testing.assert_allclose(run["C"][:, 0], run["C"][:, 1], rtol=1e-9)


def test_the_plaque_grows_in_its_closed_form() -> None:
    """With the cytokine at rest the plaque is a first-order approach, 5.5 years long."""
    theta, times = MODEL.theta, np.array([365.0, 1825.0, 3650.0])
    run = simulate(MODEL, {}, times, options=TIGHT)
    C = theta["pE"] * theta["Te"] / (theta["kcl"] + theta["kR"] * theta["Tr"])
    end = theta["kP"] / theta["kreg"] * C / (theta["KP"] + C)
    np.testing.assert_allclose(run["Pl"], end * (1 - np.exp(-theta["kreg"] * times)), rtol=1e-7)


def test_the_cytokine_is_quasi_steady_after_a_switch_of_regulatory_cells() -> None:
    """It relaxes in a day, the plaque in years: after a month the error is below 1e-3."""
    times = np.array([3700.0, 5000.0, 7300.0])
    run = simulate(MODEL, {}, times, MODEL.schedule, options=TIGHT)
    assert run["C"].values == pytest.approx(500 / 3, rel=1e-3)
    assert np.all(np.diff(run["Pl"]) < 0)


def test_the_cytokine_is_halved_at_the_threshold() -> None:
    assert threshold(MODEL)["Tr_half"] == pytest.approx(50.0)
    run = simulate(MODEL, {"Tr": [0.0, 50.0]}, [0.0], options=TIGHT)
    assert float(run["C"][1, 0]) == pytest.approx(float(run["C"][0, 0]) / 2, rel=1e-12)


def test_the_sensitivity_to_regulatory_cells_has_its_closed_form() -> None:
    h = 1e-4
    run = simulate(MODEL, {"Tr": 25.0 * np.exp([-h, h])}, [0.0], options=TIGHT)
    slope = np.diff(np.log(run["C"].values[:, 0]))[0] / (2 * h)
    assert slope == pytest.approx(-0.02 * 25 / (1 + 0.02 * 25), rel=1e-7)
