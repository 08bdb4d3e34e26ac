"""Draws from prior hints have the distribution that the hint states, cut at the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cytobayes.models import ModelError, Namespace, OdeModel, Parameter, State, draw_parameters
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
from cytobayes.models.prior_draws import quantiles

DRAWS = 4000


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"x": -y.x * p.k}


def model(prior: Distribution | None, **facts: Any) -> OdeModel:
    parameter = Parameter("k", facts.pop("value", 0.5), prior=prior, **facts)
    return OdeModel("m", (State("x"),), (parameter,), rhs)


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (LogNormal(2.0, 0.7), stats.lognorm(0.7, scale=2.0)),
        (Normal(1.0, 3.0), stats.norm(1.0, 3.0)),
        (TruncatedNormal(1.0, 3.0, 0.0, 2.0), stats.truncnorm(-1 / 3, 1 / 3, 1.0, 3.0)),
        (HalfNormal(3.0), stats.halfnorm(scale=3.0)),
        (HalfCauchy(2.0), stats.halfcauchy(scale=2.0)),
        (Beta(2.0, 5.0), stats.beta(2.0, 5.0)),
        (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    ],
)
def test_draws_follow_their_prior(prior: Distribution, expected: Any) -> None:
    drawn = draw_parameters(model(prior, lower=-np.inf), DRAWS, seed=1)["k"].to_numpy()
    assert stats.kstest(drawn, expected.cdf).pvalue > 1e-3


def test_a_logit_normal_prior_is_normal_on_the_logit_scale() -> None:
    drawn = draw_parameters(model(LogitNormal(0.2, 0.7), upper=1.0), DRAWS, seed=1)["k"].to_numpy()
    logit = np.log(drawn / (1 - drawn))
    assert stats.kstest(logit, stats.norm(np.log(0.25), 0.7).cdf).pvalue > 1e-3
    assert quantiles(LogitNormal(0.2, 0.7), 0.5) == pytest.approx(0.2)


def test_a_prior_is_cut_at_the_bounds_of_its_parameter() -> None:
    drawn = draw_parameters(model(Normal(0.0, 1.0), upper=1.0), DRAWS, seed=1)["k"].to_numpy()
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert stats.kstest(drawn, stats.truncnorm(0.0, 1.0).cdf).pvalue > 1e-3


def test_a_parameter_held_by_default_is_drawn_only_on_request() -> None:
    held = model(LogNormal(0.5, 0.1), fixed=True)
    assert "k" in draw_parameters(held, 2, seed=1)
    assert "k" not in draw_parameters(held, 2, seed=1, all_hints=False)
    assert "k" in draw_parameters(held, 2, priors={"k": Normal(1, 0.1)}, all_hints=False, seed=1)
    assert draw_parameters(held, 2, fixed={"k": 0.7})["k"].values.tolist() == [0.7, 0.7]
    assert held.fixed_by_default == ("k",)


def test_a_prior_outside_the_bounds_is_refused() -> None:
    with pytest.raises(ModelError, match="no mass in"):
        draw_parameters(model(Uniform(2.0, 3.0), upper=1.0), 2, seed=1)
