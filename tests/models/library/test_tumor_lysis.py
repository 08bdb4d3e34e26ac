"""Tumor lysis against the closed form of two first-order steps, and after CAR-T cells."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, check_units, couple, get, simulate
from cytobayes.models.library.crs_full import crs
from cytobayes.models.library.tumor_lysis import lysis_of_cart, lysis_products

MODEL = get("tumor-lysis")
GRID = np.linspace(0, 60, 6001)
KILL = np.array([0.2, 0.5, 2.0])


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(MODEL, {"kill": KILL}, GRID, options=SolverOptions(rtol=1e-10))


def test_urate_is_the_closed_form_of_two_steps(run: xr.Dataset) -> None:
    scale = 0.10 * 95.0 * KILL / (1.0 - KILL)
    steps = np.exp(-KILL[:, None] * GRID) - np.exp(-1.0 * GRID)
    np.testing.assert_allclose(run["urate"] - 5.0, scale[:, None] * steps, rtol=1e-6, atol=1e-7)


def test_the_area_depends_on_the_kill_and_the_peak_on_its_rate(run: xr.Dataset) -> None:
    for name, per_cell, clearance in (("urate", 0.10, 1.0), ("potassium", 0.03, 3.0)):
        above = run[name] - MODEL.theta[f"{name}_0"]
        killed = 95.0 - run["B"].isel(time=-1).values
        area = above.integrate("time").values
        # The trapezoids on 0.01 d are off by 1e-4 / 12 of the slopes; the tail is exp(-0.2 * 60).
        np.testing.assert_allclose(area, per_cell * killed / clearance, rtol=2e-4)
        assert (np.diff(above.max("time").values) > 0).all()


def test_calcium_falls_while_phosphate_is_high_and_stays_positive(run: xr.Dataset) -> None:
    assert (run["calcium"].min("time") > 0).all()
    assert (run["calcium"].min("time") < 2.3).all()
    np.testing.assert_allclose(run["calcium"].values[1:, -1], 2.3, rtol=1e-6)


def test_nothing_happens_without_lysis() -> None:
    still = simulate(lysis_products, {"lysis": 0.0}, [0.0, 10.0])
    for name in lysis_products.state_names:
        np.testing.assert_allclose(still[name], MODEL.theta[f"{name}_0"], rtol=1e-10)


def test_constant_lysis_has_its_steady_state() -> None:
    rest = simulate(lysis_products, None, [60.0], options=SolverOptions(rtol=1e-9))
    assert float(rest["urate"][0]) == pytest.approx(5.0 + 0.10 * 20.0 / 1.0, rel=1e-7)
    # Phosphate rises by 0.6 mmol/L, a fifth of the level above baseline that halves calcium.
    assert float(rest["calcium"][0]) == pytest.approx(2.3 / 1.2, rel=1e-7)


@pytest.mark.slow
def test_killing_by_car_t_cells_releases_the_same_area_at_any_speed() -> None:
    joint = couple(lysis_products, crs, {"lysis": lysis_of_cart})
    check_units(joint)
    run = simulate(joint, {"rB": 0.0, "E_0": [0.05, 0.5]}, GRID, options=SolverOptions(rtol=1e-8))
    area = (run["urate"] - 5.0).integrate("time").values
    killed = 95.0 - run["B"].isel(time=-1).values
    np.testing.assert_allclose(area, 0.10 * killed, rtol=2e-4)
