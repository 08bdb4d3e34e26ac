"""Drugs coupled to a model change what they should and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import ModelError, Regimen, SolverOptions, check_units, get, simulate
from cytobayes.models.library.interventions import (
    dexamethasone_dose,
    dimerizer_dose,
    tocilizumab_dose,
    with_corticosteroid,
    with_dimerizer,
    with_tocilizumab,
)

BASE = get("crs-cascade")
TREATED = with_corticosteroid(with_tocilizumab(BASE))
TIMES = np.linspace(0, 28, 281)
PLANS = {
    "untreated": Regimen(),
    "tocilizumab": Regimen([tocilizumab_dose(70.0, 10.0)]),
    "steroid": Regimen([dexamethasone_dose(10.0, 9.0, interval=0.5, count=6)]),
}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(TREATED, None, TIMES, PLANS, options=SolverOptions(rtol=1e-9))


def test_units_agree_in_the_coupled_model() -> None:
    check_units(TREATED)


def test_without_a_dose_the_coupled_model_is_the_model(run: xr.Dataset) -> None:
    alone = simulate(BASE, None, TIMES, options=SolverOptions(rtol=1e-9))
    for name in BASE.observables:
        np.testing.assert_allclose(run[name].sel(subject="untreated"), alone[name], rtol=1e-7)


def test_tocilizumab_raises_il6_and_lowers_crp_and_leaves_interferon(run: xr.Dataset) -> None:
    before, after = (run.sel(subject=s) for s in ("untreated", "tocilizumab"))
    np.testing.assert_allclose(after["IFNg"], before["IFNg"], rtol=1e-7)
    np.testing.assert_allclose(after["CAR"], before["CAR"], rtol=1e-12)
    late = TIMES > 10.2
    assert (after["IL6"].values > before["IL6"].values)[late].all()
    assert float(after["CRP"].max()) < 0.8 * float(before["CRP"].max())
    assert (after["CRP"].values > 0).all()


def test_a_second_day_of_blockade_raises_il6_by_the_quasi_steady_factor(run: xr.Dataset) -> None:
    """Serum IL-6 follows its production within 1/(dI (1 - fR)) = 0.75 d: threefold at most."""
    ratio = (run["IL6"].sel(subject="tocilizumab") / run["IL6"].sel(subject="untreated")).values
    assert ratio[TIMES <= 10].max() == pytest.approx(1.0, rel=1e-7)
    RO = float(run["RO"].sel(subject="tocilizumab")[-1])
    assert ratio[-1] == pytest.approx(1 / (1 - 2 / 3 * RO), rel=0.02)


def test_a_corticosteroid_lowers_production_only(run: xr.Dataset) -> None:
    before, after = (run.sel(subject=s) for s in ("untreated", "steroid"))
    np.testing.assert_allclose(after["b"], before["b"], rtol=1e-12)
    assert float(after["IFNg"].max()) < 0.6 * float(before["IFNg"].max())
    # 4 units at day 9, halved every 1.5 d: production keeps 1 - 0.8 * 4/5 at first.
    assert float(after["steroid"].sel(time=9.1, method="nearest")) == pytest.approx(
        4 * 2 ** (-0.1 / 1.5), rel=1e-8
    )


def test_a_model_without_the_hook_is_refused() -> None:
    with pytest.raises(ModelError, match="no parameter 'dimerizer'"):
        with_dimerizer(BASE)
    with pytest.raises(ModelError, match="no parameter 'RO'"):
        with_tocilizumab(get("feedback"))


@pytest.mark.parametrize(
    ("weight", "mg"), [(10.0, 120.0), (29.9, 358.8), (30.0, 240.0), (70.0, 560.0), (120.0, 800.0)]
)
def test_the_dose_of_tocilizumab_is_the_labelled_one(weight: float, mg: float) -> None:
    dose = tocilizumab_dose(weight, 3.0)
    assert dose.amount == pytest.approx(mg)
    assert dose.duration == pytest.approx(1 / 24)
    assert tocilizumab_dose(weight, 72.0, time_unit="h").duration == 1.0


@pytest.mark.parametrize("weight", [0.0, -70.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight_kg must be a positive number"):
        tocilizumab_dose(weight, 3.0)


def test_dose_builders_name_the_states_of_the_drugs() -> None:
    full = get("crs-full").state_names
    doses = (tocilizumab_dose(70, 1), dexamethasone_dose(10, 1), dimerizer_dose(1))
    assert all(d.state in full for d in doses)
    assert dexamethasone_dose(10, 1).amount == pytest.approx(4.0)
