"""The engagement model against published numbers of a second implementation."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate

MODEL = get("cart-engagement")
# The grid and the typical-value results of the nlmixr2lib article on this model.
GRID = np.r_[np.arange(0, 2, 0.02), np.arange(2, 365.25, 0.5)]
PEAKS = {50: 37411.0, 150: 36479.0, 450: 35743.0, 800: 35484.0}
NADIRS = {50: -92.5, 150: -92.4, 450: -92.3, 800: -92.3}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    doses = {d: Regimen([Dose(0.0, d * 1e6, "E_blood")]) for d in PEAKS}
    return simulate(MODEL, None, GRID, doses, options=SolverOptions(rtol=1e-8))


@pytest.mark.reference
@pytest.mark.parametrize("dose", PEAKS)
def test_peak_and_response_are_the_published_ones(run: xr.Dataset, dose: int) -> None:
    one = run.sel(subject=dose)
    late = one["transgene"].values[GRID > 1]
    # Printed with five digits by a solver at its default relative tolerance of 1e-6.
    assert late.max() == pytest.approx(PEAKS[dose], rel=5e-5)
    change = 100 * (one["Mprotein"] / one["Mprotein"].values[0] - 1)
    assert float(change.min()) == pytest.approx(NADIRS[dose], abs=0.0501)


def test_a_sixteenfold_dose_hardly_moves_the_peak(run: xr.Dataset) -> None:
    peaks = run["transgene"].sel(time=slice(1, None)).max("time")
    assert 0.5 < float(peaks.sel(subject=800) / peaks.sel(subject=50)) < 2


def test_complexes_follow_the_binding_equilibrium(run: xr.Dataset) -> None:
    """``free CAR * free BCMA / complexes = koff / kon``, 33.6 nM, once binding is fast."""
    p = MODEL.theta
    one = run.sel(subject=450).sel(time=slice(5, 60))
    cars = (one["E_marrow"] + one["M_marrow"]) / p["V_marrow"] * p["CAR_density"]
    free = (cars - one["complexes"]) * (one["tumor"] * p["BCMA_density"] - one["complexes"])
    affinity = (free / one["complexes"]).values
    # Binding relaxes at koff and faster, 200 1/d; the cells change at 2 1/d at most.
    np.testing.assert_allclose(affinity, p["koff"] / p["kon"], rtol=0.02)
    nanomolar = p["koff"] / p["kon"] / 6.023e23 * 1e9
    assert nanomolar == pytest.approx(33.6, abs=0.05)


def test_without_cells_biomarkers_follow_the_growing_tumor(run: xr.Dataset) -> None:
    quiet = simulate(MODEL, {"trace": 1e-30, "kg": 0.0}, [0.0, 100.0])
    for name in ("tumor", "Mprotein", "sBCMA"):
        assert float(quiet[name][1]) == pytest.approx(float(quiet[name][0]), rel=1e-6)
