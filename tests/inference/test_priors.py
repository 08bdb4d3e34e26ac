"""Priors mean in PyMC what their records say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.special import logit

from cytobayes.inference.priors import PriorError, is_cut, random_variable
from cytobayes.models.distributions import (
    Beta,
    Distribution,
    HalfCauchy,
    HalfNormal,
    LogitNormal,
    LogNormal,
    Normal,
    TruncatedNormal,
    Uniform,
)

# Constants such as log(2) and sqrt(2) are single precision inside some densities of PyMC.
CLOSE: Any = {"rtol": 1e-10, "atol": 2e-8}
INSIDE = np.array([0.05, 0.3, 0.7, 0.95])
EQUAL = [
    (Normal(0.4, 0.3), stats.norm(0.4, 0.3)),
    (LogNormal(0.35, 0.5), stats.lognorm(0.5, scale=0.35)),
    (HalfNormal(0.8), stats.halfnorm(scale=0.8)),
    (HalfCauchy(2.0), stats.halfcauchy(scale=2.0)),
    (Beta(2.0, 5.0), stats.beta(2.0, 5.0)),
    (Uniform(0.0, 4.0), stats.uniform(0.0, 4.0)),
    (TruncatedNormal(0.1, 0.4), stats.truncnorm(-0.1 / 0.4, np.inf, 0.1, 0.4)),
    (TruncatedNormal(0.1, 0.4, 0.0, 1.0), stats.truncnorm(-0.25, 2.25, 0.1, 0.4)),
]


def log_density(prior: Distribution, x: Any, **bounds: Any) -> Any:
    with pm.Model():
        variable = random_variable("x", prior, **bounds)
        return pm.logp(variable, np.asarray(x, dtype=float)).eval()


@pytest.mark.parametrize(("prior", "same"), EQUAL, ids=lambda x: type(x).__name__)
def test_density_is_that_of_scipy(prior: Distribution, same: Any) -> None:
    np.testing.assert_allclose(log_density(prior, INSIDE), same.logpdf(INSIDE), **CLOSE)


def test_logit_normal_is_normal_on_the_logit() -> None:
    expected = stats.norm(logit(0.2), 0.7).logpdf(logit(INSIDE)) - np.log(INSIDE * (1 - INSIDE))
    np.testing.assert_allclose(log_density(LogitNormal(0.2, 0.7), INSIDE), expected, **CLOSE)


@pytest.mark.parametrize(
    "prior", [p for p, _ in EQUAL[1:]] + [LogitNormal(0.2, 0.7)], ids=lambda x: type(x).__name__
)
def test_a_sampler_meets_no_wall(prior: Distribution) -> None:
    with pm.Model() as model:
        x = random_variable("x", prior)
    transform = model.rvs_to_transforms[x]
    assert transform is not None
    far = transform.backward(np.array([-9.0, 9.0]), *x.owner.inputs)
    assert np.isfinite(pm.logp(x, far).eval()).all()


def test_median_of_a_log_normal_prior_is_its_median() -> None:
    with pm.Model():
        draws = pm.draw(random_variable("x", LogNormal(3.0, 0.5)), 4000, random_seed=1)
    # Standard error of a median: 1.2533 sd / sqrt(n), on the log scale.
    assert abs(math.log(np.median(draws) / 3.0)) < 5 * 1.2533 * 0.5 / math.sqrt(4000)


@pytest.mark.parametrize(("prior", "same"), EQUAL[:5], ids=lambda x: type(x).__name__)
def test_bounds_cut_a_prior_and_renormalize_it(prior: Distribution, same: Any) -> None:
    mass = same.cdf(0.8) - same.cdf(0.2)
    found = log_density(prior, [0.3, 0.7], lower=0.2, upper=0.8)
    np.testing.assert_allclose(found, same.logpdf([0.3, 0.7]) - np.log(mass), **CLOSE)
    assert log_density(prior, 0.9, lower=0.2, upper=0.8) == -np.inf
    assert is_cut(prior, 0.2, 0.8)


def test_bounds_outside_the_support_change_nothing() -> None:
    with pm.Model() as model:
        random_variable("x", LogNormal(1.0, 0.5), lower=0.0)
    assert type(model["x"].owner.op).__name__ == "LogNormalRV"
    assert not is_cut(LogNormal(1.0, 0.5), 0.0, math.inf)


def test_uniform_prior_is_narrowed_to_the_bounds() -> None:
    assert log_density(Uniform(-1.0, 5.0), 0.5, lower=0.0, upper=2.0) == pytest.approx(-math.log(2))


@pytest.mark.parametrize("prior", [p for p, _ in EQUAL], ids=lambda x: type(x).__name__)
def test_samplers_see_an_unconstrained_variable_with_finite_gradient(prior: Distribution) -> None:
    with pm.Model() as model:
        random_variable("x", prior, lower=0.0)
    function = model.compile_dlogp()
    for z in (-8.0, 0.0, 8.0):
        point = {model.value_vars[0].name: np.array(z)}
        if model.rvs_to_transforms[model.free_RVs[0]] is not None:
            assert np.isfinite(function(point)).all()


def test_dims_make_independent_elements() -> None:
    with pm.Model(coords={"subject": ["a", "b", "c"]}) as model:
        random_variable("x", LogNormal(1.0, 0.5), dims="subject")
    assert pm.draw(model["x"], random_seed=1).shape == (3,)
    assert len(set(pm.draw(model["x"], random_seed=1))) == 3


@pytest.mark.parametrize(
    ("prior", "word"),
    [
        (Normal(0.0, -1.0), "sd"),
        (LogNormal(-1.0, 1.0), "median"),
        (LogitNormal(1.5, 1.0), "median"),
        (HalfCauchy(0.0), "scale"),
        (Beta(0.0, 1.0), "alpha"),
        (Normal(math.nan, 1.0), "mean"),
        (Uniform(2.0, 1.0), "no mass"),
    ],
)
def test_numbers_that_make_no_distribution_are_refused(prior: Distribution, word: str) -> None:
    with pm.Model(), pytest.raises(PriorError, match=rf"prior of x.*{word}"):
        random_variable("x", prior)


def test_bounds_that_leave_nothing_are_refused() -> None:
    with pm.Model(), pytest.raises(PriorError, match="no mass between the bounds"):
        random_variable("x", HalfNormal(1.0), lower=-2.0, upper=0.0)


def test_a_cut_logit_normal_is_refused_with_a_remedy() -> None:
    with pm.Model(), pytest.raises(PriorError, match="Beta or TruncatedNormal"):
        random_variable("x", LogitNormal(0.5, 1.0), lower=0.2, upper=1.0)
