"""Chronic endotoxemia against its steady state and the checked values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate, threshold

MODEL = get("leaky-gut")
LEAKS = [0.001, 0.003, 0.01, 0.02]
TIGHT = SolverOptions(rtol=1e-9)


@pytest.fixture(scope="module")
def rest() -> xr.Dataset:
    return simulate(MODEL, {"kleak": LEAKS}, [720.0], options=TIGHT).isel(time=0)


@pytest.mark.reference
def test_a_leak_gives_the_low_grade_levels_of_the_catalog(rest: xr.Dataset) -> None:
    assert rest["TNF"].values == pytest.approx([1.38, 2.12, 4.68, 8.20], abs=0.005)
    assert np.all(rest["IL10"] < 1)
    assert float(rest["Lp"][-1]) == pytest.approx(0.0185, abs=5e-5)
    np.testing.assert_allclose(rest["Lp"], np.array(LEAKS) / 1.08, rtol=1e-7)


def test_tnf_at_rest_has_its_closed_form_without_il10() -> None:
    theta = {"kleak": LEAKS, "K10": 1e12}
    run = simulate(MODEL, theta, [720.0], options=TIGHT).isel(time=0)
    p = MODEL.theta
    L = np.array(LEAKS) / p["kL"]
    R = p["kM"] * L / (p["KL"] + L)
    expected = p["TNF_0"] + p["pC"] / p["kC"] * R / (R + p["dM"])
    np.testing.assert_allclose(run["TNF"], expected, rtol=1e-7)
    assert np.all(np.diff(expected) > 0) and expected[0] > p["TNF_0"]


@pytest.mark.reference
def test_the_same_endotoxin_as_a_bolus_peaks_high_and_is_over_in_a_day() -> None:
    times = np.linspace(0.0, 24.0, 1201)
    bolus = Regimen([Dose(0.0, 2.0, "Lp")])
    run = simulate(MODEL, {"kleak": 0.0}, times, bolus, options=TIGHT)
    assert round(float(run["TNF"].max())) == 150
    assert times[run["TNF"].values.argmax()] == pytest.approx(1.2, abs=0.05)
    assert float(run["TNF"][-1]) == pytest.approx(1.0, abs=0.01)
    # The leak that gives 2 ng/kg in 30 d raises TNF by about 1 pg/mL: some hundred times less.
    month = simulate(MODEL, {"kleak": 2.0 / 720}, [720.0], options=TIGHT)
    ratio = (float(run["TNF"].max()) - 1) / (float(month["TNF"][0]) - 1)
    assert 100 < ratio < 200


def test_barrier_damage_has_one_stable_state_even_beyond_a_gain_of_one() -> None:
    """The response saturates: growth is bounded, the level follows the loop and not the start."""
    theta = {"kleak": 0.003, "bw": 2.0}
    assert threshold(MODEL, theta)["loop_gain"] > 1
    start = Regimen([Dose(0.0, 10.0, "Lp")])
    low = simulate(MODEL, theta, [4000.0], options=TIGHT)
    high = simulate(MODEL, theta, [4000.0], start, options=TIGHT)
    np.testing.assert_allclose(low["TNF"], high["TNF"], rtol=1e-6)
    assert float(low["TNF"][0]) > 2.12 * 1.5


def test_the_loop_gain_is_the_slope_of_the_loop_near_rest() -> None:
    """With a small gain g the excess of TNF is 1 / (1 - g) times that without the loop."""
    theta = {"kleak": 1e-6, "K10": 1e12}
    g = threshold(MODEL, {**theta, "bw": 1e3})["loop_gain"]
    assert 0.2 < g < 0.8
    run = simulate(MODEL, {**theta, "bw": [0.0, 1e3]}, [2000.0], options=SolverOptions(rtol=1e-11))
    excess = run["TNF"].values[:, 0] - 1.0
    # The response is concave: its curvature changes the ratio by about L / KL = 1e-6.
    assert excess[1] / excess[0] == pytest.approx(1 / (1 - g), rel=1e-3)


def test_damage_ends_at_its_balance() -> None:
    run = simulate(MODEL, {"kR": 0.01}, [4000.0], options=TIGHT).isel(time=0)
    excess = float(run["TNF"]) - 1.5
    # The smooth max(x, 0) of width w is too large by w**2 / (4 x).
    assert float(run["Dm"]) == pytest.approx(1e-4 / 0.01 * excess, rel=1e-3)


@pytest.mark.reference
def test_the_published_bolus_model_also_stays_raised_under_a_leak() -> None:
    """`endotoxin` with 0.005 ng/kg/h for 60 d: sustained, low-grade elevation."""
    leak = Regimen([Dose(0.0, 0.005 * 1440, "E", duration=1440.0)])
    run = simulate(get("endotoxin"), {}, [1440.0], leak).isel(time=0)
    assert float(run["TNF"]) == pytest.approx(1.23, abs=0.005)
    assert float(run["IL6"]) == pytest.approx(2.13, abs=0.005)
