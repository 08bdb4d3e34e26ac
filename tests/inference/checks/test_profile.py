"""Profiles of a Gaussian density are parabolas; a flat side is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import InputError
from cytobayes.inference.checks.points import Density
from cytobayes.inference.checks.profile import profile, sides

from . import gaussian_population as gp
from .test_identifiability import SIGMA, TIMES, WIDTH, draws, problem


@pytest.fixture(scope="module")
def made() -> Any:
    return problem(False)


def tree(k1: float = 0.3, width: float = 0.05) -> xr.DataTree:
    return xr.DataTree.from_dict({"posterior": draws({"C0": 10.0, "k1": k1}, 200, width)})


def test_the_profile_of_a_log_linear_parameter_is_a_parabola(made: Any) -> None:
    check = profile(made, tree(width=0.2), ["C0"])
    part = check.table
    # log C0 - k t: quadratic in (log C0, k); the prior of log k bends it a little
    x = np.column_stack([np.ones(5), -0.3 * TIMES])
    precision = x.T @ x / SIGMA**2 + np.eye(2) / WIDTH**2
    curvature = precision[0, 0] - precision[0, 1] ** 2 / precision[1, 1]
    near = part[(part["coordinate"] - np.log(10.0)).abs() < 0.2]
    top = part["coordinate"].to_numpy()[part["fall"].argmin()]
    assert top == pytest.approx(np.log(10), abs=0.01)  # data are the curve of the prior's centers
    expected = 0.5 * curvature * (near["coordinate"] - top) ** 2
    np.testing.assert_allclose(near["fall"], expected, rtol=0.1, atol=0.01)
    assert check.good and check.sentence.startswith("The log density has one closed peak")


def test_a_density_that_does_not_fall_is_open(made: Any) -> None:
    check = profile(made, tree(width=0.001), ["C0"])  # not far enough to see an end
    assert check.good is False and "C0 (below), C0 (above)" in check.sentence
    rising = pd.DataFrame({"parameter": "k", "coordinate": range(5), "fall": [0.0, 0.1, 1, 2, 3]})
    assert sides(rising) == ["k (below)"]


def test_figure_has_a_panel_per_parameter(made: Any) -> None:
    assert [a.get_title() for a in profile(made, tree(), points=5).plot().axes] == ["C0", "k1"]


def test_draws_go_to_the_scale_of_the_sampler(made: Any) -> None:
    found = Density(made).coordinates(tree()["posterior"].to_dataset())
    kept = tree()["posterior"]["k1"].to_numpy()
    np.testing.assert_allclose(found["k1"].ravel(), np.log(kept).ravel())


def test_what_has_no_profile_is_refused(made: Any) -> None:
    with pytest.raises(InputError, match="no single parameter; there are C0, k1"):
        profile(made, tree(), ["k9"])
    with pytest.raises(InputError, match="at least 5"):
        profile(made, tree(), points=3)
    values = gp.logarithms(3, 1)
    several = xr.DataTree.from_dict({"posterior": gp.posterior(values, draws=5)})
    with pytest.raises(InputError, match="top where spreads vanish"):
        profile(gp.problem(gp.study(values)), several)
