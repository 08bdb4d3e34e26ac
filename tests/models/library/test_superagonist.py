"""CD28 superagonist: occupancy, order of the cytokines, dose, species."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate
from cytobayes.models.library.superagonist import starting_dose

MODEL = get("superagonist")
HOURS = np.linspace(0.0, 120.0, 6001)
DOSES = {0.1: 7.0, 0.01: 0.7, 0.001: 0.07}  # mg/kg to mg


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    theta = {"f28": xr.DataArray([1.0, 0.0], {"species": ["human", "macaque"]})}
    arms = {k: Regimen([Dose(0.0, mg, "drug")]) for k, mg in DOSES.items()}
    solved = simulate(MODEL, theta, HOURS, arms, options=SolverOptions(rtol=1e-9))
    assert solved.attrs["failed_solves"] == 0
    return solved


@pytest.fixture
def human(run: xr.Dataset) -> xr.Dataset:
    return run.sel(species="human")


@pytest.mark.reference
@pytest.mark.parametrize(("dose", "occupancy"), [(0.1, 0.893), (0.01, 0.46), (0.001, 0.08)])
def test_occupancy_is_that_of_the_first_concentration(
    human: xr.Dataset, dose: float, occupancy: float
) -> None:
    nM = DOSES[dose] / 3.0 / 0.147
    found = float(human["occupancy"].sel(subject=dose, time=0.02))
    assert nM / (nM + 1.9) == pytest.approx(occupancy, abs=0.005)
    # 0.02 h after the dose 7e-5 of the drug is gone.
    assert found == pytest.approx(nM / (nM + 1.9), rel=8e-5)


# Checked values of the catalog at 0.1 mg/kg: peak (pg/mL) and its time (h).
PEAKS = [("TNF", 4141, 1.3), ("IFNg", 8135, 8.4), ("IL6", 8319, 9.7), ("IL10", 533, 6.9)]


@pytest.mark.reference
@pytest.mark.parametrize(("name", "peak", "time"), PEAKS)
def test_peaks_are_those_of_the_catalog(
    human: xr.Dataset, name: str, peak: int, time: float
) -> None:
    course = human[name].sel(subject=0.1)
    assert round(float(course.max())) == peak
    assert float(course.idxmax("time")) == pytest.approx(time, abs=0.051)


def test_tnf_peaks_before_interferon_and_interferon_before_il6(human: xr.Dataset) -> None:
    for dose in DOSES:
        times = [float(human[n].sel(subject=dose).idxmax("time")) for n in ("TNF", "IFNg", "IL6")]
        assert times[0] < times[1] < times[2]


@pytest.mark.reference
def test_lymphocytes_leave_the_blood_within_a_day(human: xr.Dataset) -> None:
    L = human["L"].sel(subject=0.1)
    assert float(L.min()) == pytest.approx(0.10, abs=0.005)
    assert float(L.idxmin("time")) == pytest.approx(15.0, abs=0.51)


@pytest.mark.reference
def test_a_tenfold_lower_dose_hardly_helps(human: xr.Dataset) -> None:
    peak = human["IFNg"].max("time")
    assert round(float(peak.sel(subject=0.01))) == 6582
    assert round(float(peak.sel(subject=0.001))) == 2393
    assert float(peak.sel(subject=0.1) / peak.sel(subject=0.01)) == pytest.approx(1.2, abs=0.05)


def test_the_pool_empties_as_its_closed_form_says(human: xr.Dataset) -> None:
    """N = 100 exp(-ks * integral of occupancy), with the integral in closed form."""
    p, start = MODEL.theta, DOSES[0.1] / 3.0 / 0.147
    D = start * np.exp(-p["kel"] * HOURS[1:])
    area = np.log((p["KD"] + start) / (p["KD"] + D)) / p["kel"]
    N = human["N"].sel(subject=0.1)[1:]
    np.testing.assert_allclose(N, 100 * np.exp(-p["ks"] * area), rtol=1e-5, atol=1e-5)


def test_without_cd28_on_memory_cells_nothing_happens(run: xr.Dataset) -> None:
    macaque = run.sel(species="macaque")
    for name in ("TNF", "IFNg", "IL6", "IL10"):
        np.testing.assert_allclose(macaque[name], MODEL.theta[f"{name}_0"], rtol=1e-12)


@pytest.mark.reference
def test_a_dose_for_a_tenth_of_the_receptors_is_75_times_lower() -> None:
    dose = float(starting_dose(MODEL.theta, 0.1))
    assert dose / (3.0 * 0.147) == pytest.approx(1.9 / 9, rel=1e-12)
    assert 1000 * dose == pytest.approx(93, abs=0.5)  # ug
    assert 7.0 / dose == pytest.approx(75, abs=0.5)
