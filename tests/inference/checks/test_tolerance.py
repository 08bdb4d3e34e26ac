"""A solver that is exact enough passes; one that shapes the posterior is caught."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.checks.tolerance import tolerance
from cytobayes.models.ode import OdeModel
from cytobayes.models.solver import SolverOptions


def draws(sigma: float) -> xr.DataTree:
    rng = np.random.default_rng(4)
    values = {
        name: (("chain", "draw"), middle * np.exp(0.02 * rng.standard_normal((2, 100))))
        for name, middle in (("ka", 1.0), ("k", 0.2), ("C_sigma", sigma))
    }
    return xr.DataTree.from_dict({"posterior": xr.Dataset(values)})


@pytest.mark.parametrize(("rtol", "sigma", "good"), [(1e-6, 0.1, True), (0.3, 2e-4, False)])
def test_a_coarse_solver_is_noticed_where_the_data_are_precise(
    oral: OdeModel, study: Study, rtol: float, sigma: float, good: bool
) -> None:
    problem = Problem(oral, study, solver=SolverOptions(rtol=rtol, method="explicit"))
    check = tolerance(problem, draws(sigma))
    assert check.good is good, check.sentence
    difference = check.table["exact"] - check.table["used"]
    np.testing.assert_array_equal(check.table["difference"], difference)
    assert ("fit again" in check.sentence) is not good
    assert check.plot().axes
