"""Wounds: thresholds in closed form, checked courses, and the published bifurcation."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from cytobayes.models import (
    Regimen,
    SolverOptions,
    Switch,
    eigenvalues,
    get,
    simulate,
    steady_states,
    threshold,
)
from cytobayes.models.library.wound import discriminant

MODEL, DIABETIC = get("wound"), get("wound-diabetic")
TIGHT = SolverOptions(rtol=1e-9)
TIMES = np.linspace(0.0, 150.0, 1501)
CLEARANCE = np.array([4.0, 2.0, 1.2, 0.8, 0.5, 0.2])


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    return simulate(MODEL, {"kcl": CLEARANCE}, TIMES, options=TIGHT)


@pytest.mark.reference
def test_the_cytokine_that_stays_is_that_of_the_threshold(runs: xr.Dataset) -> None:
    Rw = threshold(MODEL, {"kcl": CLEARANCE})["Rw"]
    assert Rw[1:] == pytest.approx([0.5, 0.83, 1.25, 2, 5], abs=0.005)
    expected = 200.0 * np.maximum(Rw - 1, 0)
    assert expected[1:] == pytest.approx([0, 0, 50, 200, 800])
    late = simulate(MODEL, {"kcl": CLEARANCE}, [2000.0], options=TIGHT)["C"].values[:, 0]
    np.testing.assert_allclose(late, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.reference
def test_closure_is_that_of_the_catalog(runs: xr.Dataset) -> None:
    closed = runs["W"].values
    days = [TIMES[(w >= 0.95).argmax()] for w in closed[:3]]
    assert days == pytest.approx([35, 36, 46], abs=0.5)
    assert closed[3:, -1] == pytest.approx([0.84, 0.62, 0.26], abs=0.005)
    assert np.all(closed[3:].max(axis=1) < 0.95)


def test_the_rest_of_the_wound_has_its_closed_form() -> None:
    late = simulate(MODEL, {"kcl": [0.8, 0.5, 0.2]}, [2000.0], options=TIGHT).isel(time=0)
    p, C, F = MODEL.theta, late["C"].values, late["F"].values
    closing, opening = p["kW"] * F, p["kpro"] * C / (p["Kpro"] + C)
    np.testing.assert_allclose(late["W"], closing / (closing + opening), rtol=1e-6)


def test_inflammation_ends_exactly_below_the_threshold() -> None:
    for kcl in (1.0 - 1e-6, 1.0 + 1e-6):
        Rw = threshold(MODEL, {"kcl": kcl})["Rw"]
        # Rows and columns of N and C; fibroblasts and closure do not act on them.
        product = np.prod(np.linalg.eigvals([[-0.3, 0.3 / 50], [50.0, -kcl]]).real)
        assert np.sign(product) == np.sign(1 - Rw)
        rates = eigenvalues(MODEL, {"kcl": kcl}, {"F": 1.0, "W": 1.0})
        assert np.sign(rates.real.max()) == np.sign(Rw - 1)


@pytest.mark.reference
def test_fibroblasts_stop_invading_at_their_threshold() -> None:
    values = threshold(MODEL)
    assert values["Rw"] / values["Rw_fibroblast"] == pytest.approx(2.68, abs=0.005)
    critical = 1.0 / (1 + 0.75 * np.sqrt(5.0))  # kcl at which Rw is that
    C = [200 * (1 / k - 1) for k in (critical * 1.001, critical * 0.999)]
    growth = [0.6 / (1 + (c / 150) ** 2) - 0.1 for c in C]
    assert growth[0] > 0 > growth[1]
    above, below = (
        threshold(MODEL, {"kcl": k})["Rw_fibroblast"] for k in (critical * 0.999, critical * 1.001)
    )
    assert above > 1 > below


@pytest.mark.reference
def test_the_diabetic_bifurcation_is_the_published_one() -> None:
    """Three steady states from alpha = 0.54 on.

    The source also prints TGF-beta = 3.55 pg/mm^3 there; its own equation (10) gives 3.61 with the
    printed values of the parameters, and so does this model.
    """
    theta = DIABETIC.theta
    at = brentq(lambda a: discriminant({**theta, "alpha": a}), 0.5, 0.6)
    assert at == pytest.approx(0.54, abs=0.005)
    r = theta["k1"] * theta["k2"] * theta["k3"] * (theta["d2"] / theta["k4"] / at) ** 2
    q = (theta["d1"] - theta["k1"] * theta["k2"]) * theta["d2"] / theta["k4"] / at
    tau1, tau2, tau3, tau4 = (theta[f"tau{k}"] for k in (1, 2, 3, 4))
    # Equation (10): r and q at a double root; the first gives the root, the second is the check.
    double = brentq(lambda b: tau2 + 2 * tau1 * b - tau4 / b**2 - r, 2.0, 5.0)
    assert double == pytest.approx(3.61, abs=0.005)
    assert tau3 + 2 * tau4 / double - tau1 * double**2 == pytest.approx(q, rel=1e-9)
    assert (
        threshold(DIABETIC)["discriminant"]
        > 0
        > threshold(DIABETIC, {"alpha": 0.5})["discriminant"]
    )


def test_the_steady_states_are_the_roots_of_the_published_cubic() -> None:
    positive = steady_states(DIABETIC)
    arriving = [s for s in positive if abs(s.values["phiR"] / s.values["phiI"] - 0.25) < 1e-6]
    assert [s.stable for s in arriving] == [True, False, True]
    normal = [
        s
        for s in steady_states(DIABETIC, {"alpha": 0.5})
        if abs(s.values["phiR"] / s.values["phiI"] - 1) < 1e-6
    ]
    assert [s.stable for s in normal] == [True]


@pytest.mark.reference
def test_a_diabetic_wound_stays_inflamed_unless_treated() -> None:
    """Figures 2 and 4: about 1200 macrophages per mm^3 stay; alpha = 0.2 from day 10 heals."""
    times = np.linspace(0.0, 40.0, 81)
    run = simulate(DIABETIC, {"alpha": [0.5, 0.8]}, times, options=TIGHT)
    total = (run["phiI"] + run["phiR"]).values
    assert total[0, -1] < 0.05 * 400
    assert total[1, 40:] == pytest.approx(1200, rel=0.1)
    therapy = Regimen([Switch(10.0, "alpha", 0.2)])
    treated = simulate(DIABETIC, {}, times, therapy, options=TIGHT)
    assert float((treated["phiI"] + treated["phiR"])[-1]) < 0.05 * 1200
