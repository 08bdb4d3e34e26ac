"""Tocilizumab against the published profile; receptor blockade against its algebra."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, get, simulate

TIGHT = SolverOptions(rtol=1e-10)


@pytest.fixture(scope="module")
def profile() -> xr.Dataset:
    """560 mg in an hour, 8 mg/kg for 70 kg."""
    model = get("tocilizumab")
    times = np.union1d([1 / 24], np.arange(1, 4201) / 100)
    return simulate(model, None, times, model.schedule, options=TIGHT)


@pytest.mark.reference
def test_the_profile_is_that_of_the_catalog(profile: xr.Dataset) -> None:
    expected = {1 / 24: 159.4, 1: 137.4, 7: 56.5, 14: 21.4, 21: 7.9, 28: 2.7}
    level = profile["tocilizumab_concentration"]
    for day, value in expected.items():
        assert round(float(level.sel(time=day, method="nearest")), 1) == value
    low = profile["time"][((level < 1) & (level["time"] > 1)).values]
    assert float(low[0]) == pytest.approx(36.39, abs=0.011)


def test_receptors_are_full_while_the_drug_is_there(profile: xr.Dataset) -> None:
    level, occupied = profile["tocilizumab_concentration"], profile["RO"]
    np.testing.assert_allclose(occupied, level / (1 + level), rtol=1e-12)
    assert float(occupied.sel(time=14.0)) > 0.95


@pytest.fixture(scope="module")
def blocked() -> xr.Dataset:
    """After 400 days the slowest rate, 0.1 1/d, has decayed by exp(-40)."""
    RO = {"RO": [0.0, 0.5, 0.9, 0.99, 1.0]}
    return simulate(get("il6-receptor"), RO, [0.0, 400.0], options=TIGHT)


@pytest.mark.reference
def test_blockade_raises_serum_and_lowers_signal(blocked: xr.Dataset) -> None:
    rise = (blocked["IL6"] / 5.0).isel(time=1).values
    RO = np.array([0.0, 0.5, 0.9, 0.99, 1.0])
    np.testing.assert_allclose(rise, 1 / (1 - 2 / 3 * RO), rtol=1e-8)
    assert rise.round(2).tolist() == [1.0, 1.5, 2.5, 2.94, 3.0]
    signal = (blocked["signal"] / 5.0).isel(time=1).values
    assert signal.round(3).tolist() == [1.0, 0.75, 0.25, 0.029, 0.0]
    assert (np.diff(signal) < 0).all()


def test_the_soluble_receptor_rises_by_the_ratio_of_its_clearances(blocked: xr.Dataset) -> None:
    theta = get("il6-receptor").theta
    full = float(blocked["sIL6R"].isel(draw=4, time=1))
    assert full / theta["sIL6R_0"] == pytest.approx(theta["kdegF"] / theta["kdegC"], rel=1e-8)
    assert float(blocked["sIL6R"].isel(draw=0, time=1)) == pytest.approx(theta["sIL6R_0"])
