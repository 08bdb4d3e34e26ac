"""Prior draws have the distributions that a fit uses, and the layout of a posterior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.prior_sample import sample_prior
from cytobayes.inference.replicates import replicates

from .checks import gaussian_population as gp

DRAWS = 1000


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return sample_prior(gp.problem(gp.study(gp.logarithms(3, 1))), draws=DRAWS, seed=1)


def test_population_parameters_follow_their_priors(data: xr.Dataset) -> None:
    laws = {
        "A": stats.lognorm(0.5, scale=gp.A),
        "k": stats.norm(gp.K, 0.2),
        "A_omega": stats.halfnorm(scale=0.5),
        "C_sigma": stats.lognorm(0.7, scale=0.3),
    }
    for name, law in laws.items():
        assert data[name].dims == ("chain", "draw")
        assert stats.kstest(data[name].to_numpy().ravel(), law.cdf).pvalue > 1e-3


def test_individual_values_follow_the_population(data: xr.Dataset) -> None:
    assert data["A_individual"].sizes == {"chain": 1, "draw": DRAWS, "subject": 3}
    logs: Any = xr.apply_ufunc(np.log, data["A_individual"] / data["A"])
    z = logs / data["A_omega"]
    np.testing.assert_allclose(z * data["A_omega"], data["A_eta"], atol=1e-9)
    for subject in range(3):
        assert stats.kstest(z.isel(chain=0, subject=subject).to_numpy(), "norm").pvalue > 1e-3


def test_draws_can_be_used_like_a_posterior_and_depend_on_the_seed_alone(data: xr.Dataset) -> None:
    problem = gp.problem(gp.study(gp.logarithms(3, 1)))
    assert replicates(problem, data, draws=5)["C"].shape == (5, 15)
    one, two, other = (sample_prior(problem, draws=4, seed=s) for s in (3, 3, 4))
    xr.testing.assert_identical(one, two)
    assert not one["A"].equals(other["A"])


def test_one_draw_and_correlated_effects_keep_their_dims() -> None:
    family = Hierarchical(correlated=("A", "k"))
    problem = gp.problem(gp.study(gp.logarithms(3, 1)), population=family)
    one = sample_prior(problem, draws=1, seed=1)
    assert one["omega_correlation"].shape == (1, 1, 2, 2)
    assert one["k_individual"].dims == ("chain", "draw", "subject")
    assert replicates(problem, one, draws=3)["C"].shape == (3, 15)
    with pytest.raises(InputError, match="at least 1"):
        sample_prior(problem, draws=0)
