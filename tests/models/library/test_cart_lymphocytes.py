"""CAR-T cells and normal lymphocytes: the late slope, the peak, the need for lymphodepletion."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, get, simulate, threshold

MODEL = get("cart-lymphocytes")
GRID = np.linspace(0.0, 400.0, 8001)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    """With and without lymphodepletion; 0.4 years are long for the slow competition."""
    return simulate(MODEL, {"N_0": [3e9, 2.4e11]}, GRID, options=SolverOptions(rtol=1e-10))


@pytest.mark.reference
def test_cells_decline_at_last_with_the_slope_of_competition(run: xr.Dataset) -> None:
    late = run["CAR"].isel(draw=0).sel(time=[350.0, 400.0], method="nearest").values
    slope = float(np.log(late[1] / late[0])) / 50
    exact = -0.0251 * np.log(2.5e11 / 6.96e10)
    assert round(float(exact), 4) == -0.0321
    # The total is below KN by the share of CAR-T cells, 1e-5 at day 350 (peak times exp(-11)).
    assert slope == pytest.approx(exact, rel=1e-3)


@pytest.mark.reference
def test_the_peak_and_the_nadir_are_those_of_the_catalog(run: xr.Dataset) -> None:
    one = run.isel(draw=0)
    assert float(one["CAR"].max()) == pytest.approx(1.511e10, rel=5e-4)
    assert GRID[int(one["CAR"].values.argmax())] == pytest.approx(7.0, abs=0.051)
    assert float(one["CAR"].interp(time=28.0)) == pytest.approx(1.25e9, abs=0.005e9)
    assert float(one["B"].min()) == pytest.approx(1.31, abs=0.006)
    assert GRID[int(one["B"].values.argmin())] == pytest.approx(86, abs=0.5)


@pytest.mark.reference
def test_without_lymphodepletion_cells_never_expand(run: xr.Dataset) -> None:
    assert float(run["CAR"].isel(draw=1).max()) == pytest.approx(1.8e8, rel=1e-12)


def test_killing_at_capacity_exceeds_growth_of_the_target() -> None:
    value = threshold(MODEL)["kill/growth"]
    assert value == pytest.approx(1.15 * 6.96e10 / (2.024e9 + 6.96e10) / 0.1, rel=1e-12)
