"""The Jarisch-Herxheimer reaction against Bateman's function and the checked course."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, get, simulate

MODEL, LINEAR = get("herxheimer"), get("lysis-flux")
TIMES = np.linspace(0.0, 48.0, 2401)
KILLING = [0.02, 0.1, 1.0]
TIGHT = SolverOptions(rtol=1e-9)


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    return simulate(MODEL, {"kab": KILLING}, TIMES, options=TIGHT)


@pytest.mark.reference
def test_the_course_is_that_of_the_catalog(runs: xr.Dataset) -> None:
    fast = runs.isel(draw=2)
    assert TIMES[(fast["P"].values < 0.01).argmax()] == pytest.approx(4.9, abs=0.05)
    for state, rest, fold, time in (("TNF", 10.0, 6.8, 2.8), ("IL6", 50.0, 4.6, 4.0)):
        peak = fast[state].max() / rest
        assert float(peak) == pytest.approx(fold, abs=0.05)
        assert TIMES[fast[state].values.argmax()] == pytest.approx(time, abs=0.05)
    assert float(fast["Tb"].max()) - 37.5 == pytest.approx(0.87, abs=0.005)
    assert TIMES[fast["Tb"].values.argmax()] == pytest.approx(3.5, abs=0.05)


@pytest.mark.reference
def test_slower_killing_makes_a_smaller_reaction(runs: xr.Dataset) -> None:
    folds = runs["TNF"].max("time").values / 10
    assert folds[:2] == pytest.approx([2.4, 4.7], abs=0.05)
    assert float(runs["IL6"][1].max()) / 50 == pytest.approx(3.5, abs=0.05)
    rise = runs["Tb"].max("time").values - 37.5
    assert rise[:2] == pytest.approx([0.34, 0.68], abs=0.005)


def test_anti_tnf_lowers_temperature_and_not_clearance(runs: xr.Dataset) -> None:
    run = simulate(MODEL, {"kab": KILLING, "pT": 160.0 * 0.2}, TIMES, options=TIGHT)
    np.testing.assert_allclose(run["P"], runs["P"], rtol=1e-7)
    assert np.all(run["Tb"].max("time") < runs["Tb"].max("time") - 0.1)


def test_receptor_blockade_raises_serum_il6_up_to_the_receptor_share() -> None:
    """At rest IL-6 rises by 1 / (1 - fR RO): threefold if everything is blocked."""
    rest = {"P_0": 1e-12, "RO": [0.5, 0.9, 1.0]}
    run = simulate(MODEL, rest, [0.0, 200.0], options=TIGHT)
    assert run["IL6"][:, -1].values / 50 == pytest.approx([1.5, 2.5, 3.0], rel=1e-6)


# Catalog: c = 0.7 1/h, peaks printed with three digits.
PEAKS = {0.05: 0.058, 0.2: 0.173, 1.0: 0.435, 5.0: 0.726}


@pytest.mark.reference
@pytest.mark.parametrize(("k", "printed"), PEAKS.items())
def test_the_peak_of_pyrogen_is_batemans(k: float, printed: float) -> None:
    c = 0.7
    peak, time = (k / c) ** (c / (c - k)), np.log(c / k) / (c - k)
    theta = {"k": k, "c": c}
    around = simulate(LINEAR, theta, [time - 0.01, time, time + 0.01])["Lp"].values
    assert around[1] == pytest.approx(peak, rel=1e-9)
    assert around[1] > max(around[0], around[2])
    assert peak == pytest.approx(printed, abs=5e-4)


def test_the_exposure_does_not_depend_on_the_killing_rate() -> None:
    theta = {"k": [0.05, 0.7, 5.0], "c": 0.7, "y": 2.0, "P_0": 3.0}
    run = simulate(LINEAR, theta, [1e4])
    assert run["AUC"].values[:, 0] == pytest.approx(2.0 * 3.0 / 0.7, rel=1e-9)


def test_the_peak_tends_to_the_load_or_to_the_ratio_of_rates() -> None:
    times = np.concatenate([np.linspace(0, 0.1, 2001), np.linspace(0.1, 20, 2001)])
    peak = simulate(LINEAR, {"k": [1e5, 1e-4]}, times)["Lp"].max("time").values
    assert peak[0] == pytest.approx(1.0, rel=2e-3)  # next term (c/k) ln(k/c) and the grid
    assert peak[1] == pytest.approx(1e-4, rel=2e-3)  # next term (k/c) ln(c/k)


def test_equal_rates_are_no_singularity() -> None:
    times = np.linspace(0.0, 12.0, 25)
    run = simulate(LINEAR, {"k": 1.0, "c": 1.0}, times)
    np.testing.assert_allclose(run["Lp"], times * np.exp(-times), rtol=1e-9)
    near = simulate(LINEAR, {"k": 1.0, "c": 1.0 + 1e-7}, times)
    np.testing.assert_allclose(near["Lp"], run["Lp"], rtol=1e-6)


def test_the_full_model_has_the_linear_flux_once_the_antibiotic_acts() -> None:
    """With an immediate onset the first two equations are those of the closed form."""
    times = np.linspace(0.0, 10.0, 21)
    full = simulate(MODEL, {"kant": 1e6, "kab": 0.4, "c": 0.7}, times, options=TIGHT)
    linear = simulate(LINEAR, {"k": 0.4, "c": 0.7}, times)
    np.testing.assert_allclose(full["Lp"], linear["Lp"], atol=2e-6)  # delay 1e-6 h, rates below 1


def test_the_response_of_pyrogen_is_linear_in_the_load() -> None:
    times = [0.5, 2.0, 6.0]
    one, ten = (simulate(LINEAR, {"P_0": x, "c": 0.7}, times)["Lp"] for x in (1.0, 10.0))
    np.testing.assert_allclose(ten, 10 * one, rtol=1e-14)
