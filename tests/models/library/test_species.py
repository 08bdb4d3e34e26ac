"""The cascade in a mouse: toxicity goes, tumor control stays."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate
from cytobayes.models.library.crs_plans import assumed_grade

MOUSE = get("species")
GRID = np.linspace(0, 30, 601)
EQUAL = {"ratio_IFNg": 1.0, "ratio_TNF": 1.0, "ratio_IL6": 1.0}
CASES = {
    "human": {**EQUAL, "phiM": 1.0},
    "NSG": {**EQUAL, "phiM": 0.0},
    "NSG, tocilizumab": {**EQUAL, "phiM": 0.0},
    "foreign receptors": {"phiM": 1.0, "ratio_IFNg": 500.0, "ratio_TNF": 500.0, "ratio_IL6": 1.0},
}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    regimens = dict.fromkeys(CASES, Regimen())
    regimens["NSG, tocilizumab"] = Regimen([Dose(5.0, 560.0, "tocilizumab")])
    theta = {
        k: xr.DataArray([c[k] for c in CASES.values()], {"subject": list(CASES)}, "subject")
        for k in CASES["human"]
    }
    return simulate(MOUSE, theta, GRID, regimens, options=SolverOptions(rtol=1e-8))


def test_with_human_receptors_and_macrophages_it_is_the_cascade(run: xr.Dataset) -> None:
    human = simulate(get("crs-full"), None, GRID, options=SolverOptions(rtol=1e-8))
    for name in ("E", "IL6", "temperature"):
        np.testing.assert_allclose(run[name].sel(subject="human"), human[name], rtol=1e-5)


@pytest.mark.reference
def test_without_human_macrophages_there_is_killing_and_no_toxicity(run: xr.Dataset) -> None:
    nsg = run.sel(subject="NSG")
    for name in ("E", "B", "IFNg"):
        np.testing.assert_allclose(nsg[name], run[name].sel(subject="human"), rtol=1e-5)
    assert float(nsg["IL6"].max()) == pytest.approx(5.0, rel=1e-6)
    assert float(nsg["temperature"].max()) == pytest.approx(37.11, abs=0.005)
    assert int(assumed_grade(nsg).max()) == 0


@pytest.mark.reference
def test_foreign_receptors_quench_the_macrophages(run: xr.Dataset) -> None:
    one = run.sel(subject="foreign receptors")
    assert float(one["IL6"].max()) == pytest.approx(5, abs=0.5)
    assert float(one["ferritin"].max()) == pytest.approx(514, abs=0.5)
    np.testing.assert_allclose(one["E"], run["E"].sel(subject="human"), rtol=1e-5)


def test_tocilizumab_does_nothing_to_a_mouse_without_human_macrophages(run: xr.Dataset) -> None:
    with_drug, without = (run.sel(subject=s) for s in ("NSG, tocilizumab", "NSG"))
    for name in ("temperature", "leak", "ferritin", "E"):
        # Below baseline the smooth maximum gives -5e-5 instead of 0.
        np.testing.assert_allclose(with_drug[name], without[name], rtol=1e-5, atol=1e-3)
