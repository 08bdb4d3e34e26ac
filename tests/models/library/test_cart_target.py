"""CAR-T cells and target: the threshold, the first integral, the limit of the larger model."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, eigenvalues, get, simulate, threshold

MODEL = get("cart-target")
GRID = np.linspace(0, 60, 1201)
CRITICAL = 20 * (0.16 + 0.02) / (1.26 - 0.16)
CONSERVED = {"dE": 0.0, "kEM": 0.0, "rB": 0.0}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    cases = [
        {"B_0": 0.99 * CRITICAL, "E_0": 1e-6},
        {"B_0": 1.01 * CRITICAL, "E_0": 1e-6},
        CONSERVED,
        {**CONSERVED, "E_0": 1.0},
        {},
    ]
    names = sorted({k for c in cases for k in c})
    theta = {k: np.array([c.get(k, MODEL.theta[k]) for c in cases]) for k in names}
    return simulate(MODEL, theta, GRID, options=SolverOptions(rtol=1e-10))


@pytest.mark.reference
def test_cells_expand_exactly_above_the_threshold(run: xr.Dataset) -> None:
    assert threshold(MODEL)["B*"] == pytest.approx(CRITICAL, rel=1e-12)
    assert pytest.approx(3.27, abs=0.005) == CRITICAL
    first = np.diff(run["E"].values[:2, :2], axis=1)[:, 0]
    assert first[0] < 0 < first[1]


@pytest.mark.parametrize(("factor", "sign"), [(0.99, -1), (1.01, 1)])
def test_the_growth_rate_of_few_cells_changes_sign_there(factor: float, sign: int) -> None:
    """Eigenvalues without regrowth: that of E, that of M (-dM), and 0 for the target."""
    values = eigenvalues(MODEL, {"rB": 0.0}, {"E": 0.0, "B": factor * CRITICAL})
    expected = 1.26 * factor * CRITICAL / (20 + factor * CRITICAL) - 0.16
    expected -= 0.02 * 20 / (20 + factor * CRITICAL)
    assert np.sign(expected) == sign
    assert min(abs(values.real - expected)) < 1e-12
    assert sorted(values.real) == pytest.approx(sorted([expected, -0.004, 0.0]), abs=1e-12)


def test_cells_are_bought_with_target_and_the_dose_adds_itself(run: xr.Dataset) -> None:
    total = (run["E"] + 1.26 / 2.0 * run["B"]).isel(draw=[2, 3])
    np.testing.assert_allclose(total[0], 0.1 + 0.63 * 95, rtol=1e-8)
    np.testing.assert_allclose(total[1], 1.0 + 0.63 * 95, rtol=1e-8)
    np.testing.assert_allclose(run["E"].values[2:4, -1], [59.95, 60.85], rtol=1e-6)


def test_contraction_begins_when_the_target_falls_through_the_threshold(run: xr.Dataset) -> None:
    one = run.isel(draw=4)
    peak = int(one["E"].values.argmax())
    assert one["B"].values[peak - 1] > CRITICAL > one["B"].values[peak + 1]
