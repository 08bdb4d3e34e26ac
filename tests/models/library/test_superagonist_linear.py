"""The linear model against a matrix exponential and the critically damped impulse."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import xarray as xr
from scipy.linalg import expm

from cytobayes.models import SolverOptions, draw_parameters, get, simulate, trace
from cytobayes.models.library.superagonist_linear import CYTOKINES

MODEL = get("superagonist-linear")
HOURS = np.linspace(0.0, 10.0, 10001)
COUPLED = draw_parameters(MODEL, 1, seed=3).isel(draw=0, drop=True)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    """Draw 0: w = 1.2/h and v = 100 without couplings; draw 1: everything drawn."""
    first = dict(MODEL.theta) | {"w_TNF": 1.2, "v_TNF": 100.0}
    theta = {str(k): [first[str(k)], float(COUPLED[k])] for k in COUPLED}
    solved = simulate(MODEL, theta, HOURS, options=SolverOptions(rtol=1e-10))
    assert solved.attrs["failed_solves"] == 0
    return solved


@pytest.mark.reference
def test_a_critically_damped_impulse_has_its_closed_form(run: xr.Dataset) -> None:
    TNF = run["TNF"].isel(draw=0)
    np.testing.assert_allclose(TNF, 100 * HOURS * np.exp(-1.2 * HOURS), rtol=1e-8, atol=1e-7)
    assert float(TNF.idxmax("time")) == pytest.approx(0.833, abs=0.0011)
    assert float(TNF.max()) == pytest.approx(30.66, abs=0.005)


def test_coupled_cytokines_are_a_matrix_exponential(run: xr.Dataset) -> None:
    traced = trace(MODEL)
    values = [float(COUPLED[p]) for p in MODEL.parameter_names]
    matrix = sympy.lambdify([traced.p], sympy.Matrix(traced.jacobian), "numpy")(values)
    start = np.array(sympy.lambdify([traced.p], traced.initial, "math")(values), dtype=float)
    for time in (1.0, 4.0, 10.0):
        expected = dict(zip(MODEL.state_names, expm(matrix * time) @ start, strict=True))
        found = run.isel(draw=1).sel(time=time)
        size = max(abs(expected[x]) for x in CYTOKINES)
        for x in CYTOKINES:
            # Some hundred steps at rtol 1e-10.
            assert float(found[x]) == pytest.approx(expected[x], rel=1e-7, abs=1e-7 * size)


def test_five_cytokines_act_on_all_others() -> None:
    couplings = [p for p in MODEL.parameter_names if p.startswith("a_")]
    assert len(couplings) == 5 * 8
    assert len(MODEL.states) == 18
