"""The engager under the skin against Bateman's function."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate
from cytobayes.models.library.subcutaneous import peak_ratio

MODEL = get("subcutaneous")
KABS, K = 0.2 / 24, 0.449 / 3.0 / 24
PEAK = np.log(KABS / K) / (KABS - K)
HOURS = np.unique(np.append(np.linspace(0.0, 960.0, 1921), PEAK))


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    """60 mg under the skin and into the vein, without and with losses."""
    arms = {
        "skin": Regimen([Dose(0.0, 60.0, "depot")]),
        "vein": Regimen([Dose(0.0, 60.0, "drug")]),
    }
    theta = {"CL": 0.449 / 24, "V": 3.0, "kabs": KABS, "F": [1.0, 0.5]}
    return simulate(MODEL, theta, HOURS, arms, options=SolverOptions(rtol=1e-9))


@pytest.mark.reference
def test_the_peak_relative_to_a_bolus_is_that_of_the_catalog(run: xr.Dataset) -> None:
    ratio = float(peak_ratio(0.2, 0.449 / 3.0))
    assert ratio == pytest.approx(0.4223, abs=5e-5)
    peak = run["concentration"].isel(draw=0).sel(subject="skin", time=PEAK)
    assert float(peak) / 20.0 == pytest.approx(ratio, rel=1e-6)
    assert float(run["concentration"].isel(draw=0).sel(subject="skin").max()) == float(peak)


def test_concentrations_are_those_of_bateman(run: xr.Dataset) -> None:
    difference = np.exp(-K * HOURS) - np.exp(-KABS * HOURS)
    expected = 20.0 * KABS / (KABS - K) * difference
    for draw, part in enumerate((1.0, 0.5)):
        found = run["concentration"].isel(draw=draw).sel(subject="skin")
        np.testing.assert_allclose(found[1:], part * expected[1:], rtol=1e-5, atol=1e-7)


def test_a_bolus_passes_the_depot_by(run: xr.Dataset) -> None:
    vein = run.sel(subject="vein").isel(draw=1)
    np.testing.assert_allclose(vein["concentration"][1:], 20 * np.exp(-K * HOURS[1:]), rtol=1e-6)
    np.testing.assert_array_equal(vein["depot"], 0.0)


def test_the_same_dose_under_the_skin_releases_less_il6(run: xr.Dataset) -> None:
    peaks = run["IL6"].isel(draw=0).max("time")
    assert float(peaks.sel(subject="skin")) < float(peaks.sel(subject="vein"))
