"""Every check reads the tree of a real fit, and passes when the model made the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure

from cytobayes.inference import (
    Check,
    fit,
    fit_quality,
    npde,
    posterior_predictive,
    predictions,
    shrinkage,
    vpc,
)
from cytobayes.inference.checks.gradient import gradient
from cytobayes.inference.problem import Problem
from cytobayes.inference.sampling.with_nutpie import prepared

from . import gaussian_population as gp

CHECKS = (vpc, npde, fit_quality, shrinkage, posterior_predictive)


@pytest.fixture(scope="module")
def fitted() -> tuple[Problem, Any]:
    problem = gp.problem(gp.study(gp.logarithms(16, 21), lloq=20.0))
    return problem, fit(problem, seed=1, draws=150, tune=200, chains=2, progress=False)


@pytest.mark.mcmc
@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_a_fit_of_the_right_model_passes(
    fitted: tuple[Problem, Any], check: Callable[..., Check]
) -> None:
    found = check(*fitted)
    assert found.good is not False and found.sentence.endswith(".") and found.caption
    assert found.name == check.__name__ and len(found.table)
    assert isinstance(found.plot(), Figure)


@pytest.mark.mcmc
def test_every_row_has_its_predictions(fitted: tuple[Problem, Any]) -> None:
    made = predictions(*fitted)
    assert made["C_pred"].size == made["C_ipred"].size == 16 * gp.TIMES.size


@pytest.mark.mcmc
def test_the_gradient_is_checked_in_the_density_that_was_sampled(
    fitted: tuple[Problem, Any],
) -> None:
    compiled = prepared.cache_info().misses
    assert gradient(*fitted, draws=1, directions=1).good
    assert prepared.cache_info().misses == compiled  # compiling takes longer than most fits
