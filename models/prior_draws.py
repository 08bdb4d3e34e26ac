"""Draws from the prior hints of a model, for simulation and for checks before any fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats
from scipy.special import expit, logit

from .distributions import (
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
from .errors import ModelError
from .ode import OdeModel, Parameter

__all__ = ["draw_parameters", "quantiles"]


def draw_parameters(
    model: OdeModel,
    draws: int,
    *,
    seed: int | None = None,
    priors: Mapping[str, Distribution] | None = None,
    fixed: Mapping[str, float] | None = None,
    all_hints: bool = True,
) -> xr.Dataset:
    """Draw parameters from their prior hints.

    Parameters
    ----------
    model : OdeModel
    draws : int
    seed : int, optional
        Same seed, same draws.
    priors : mapping of name to Distribution
        In place of hints, or for parameters without one.
    fixed : mapping of name to float
        Parameters held at a value.
    all_hints : bool
        Whether parameters that a fit holds fixed by default are drawn too, where they have a hint.

    Returns
    -------
    Dataset, dims (draw,)
        The drawn parameters, ready for `simulate`; a prior is cut at the bounds of its parameter.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> sorted(draw_parameters(get("feedback"), 3, seed=1))
    ['R0', 'ka', 'kc', 'kcl']
    """
    rng = np.random.default_rng(seed)
    given, held = dict(priors or {}), dict(fixed or {})
    for name in (*given, *held):
        model.parameter(name)
    result: dict[str, Any] = {}
    for p in model.parameters:
        prior = given.get(p.name, p.prior if all_hints or not p.fixed else None)
        uniform = rng.uniform(size=draws)  # one per parameter, whether drawn or not
        if p.name in held:
            result[p.name] = ("draw", np.full(draws, held[p.name]))
        elif prior is not None:
            result[p.name] = ("draw", _between_bounds(prior, p, uniform), {"units": p.unit})
    return xr.Dataset(result, coords={"draw": np.arange(draws)})


def _between_bounds(prior: Distribution, p: Parameter, uniform: Any) -> Any:
    """Turn uniform numbers into draws of a prior cut at the bounds of its parameter."""
    below, above = (float(probability(prior, x)) for x in (p.lower, p.upper))
    if not above > below:
        raise ModelError(
            f"parameter {p.name}: the prior {prior} has no mass in [{p.lower:g}, {p.upper:g}]"
        )
    return quantiles(prior, below + uniform * (above - below))


def _scipy(prior: Distribution) -> Any:
    match prior:
        case LogNormal(median, sd):
            return stats.lognorm(sd, scale=median)
        case Normal(mean, sd):
            return stats.norm(mean, sd)
        case TruncatedNormal(mean, sd, lower, upper):
            return stats.truncnorm((lower - mean) / sd, (upper - mean) / sd, mean, sd)
        case HalfNormal(sd):
            return stats.halfnorm(scale=sd)
        case HalfCauchy(scale):
            return stats.halfcauchy(scale=scale)
        case Beta(alpha, beta):
            return stats.beta(alpha, beta)
        case Uniform(lower, upper):
            return stats.uniform(lower, upper - lower)
        case _:
            raise ModelError(f"there is no way to draw from {prior}")


def probability(prior: Distribution, x: float) -> float:
    """Distribution function of a prior, in the unit of the parameter."""
    if isinstance(prior, LogitNormal):
        if not 0 < x < 1:
            return 0.0 if x <= 0 else 1.0
        return float(stats.norm.cdf((logit(x) - logit(prior.median)) / prior.sd))
    if not math.isfinite(x):
        return 0.0 if x < 0 else 1.0
    return float(_scipy(prior).cdf(x))


def quantiles(prior: Distribution, q: Any) -> Any:
    """Quantiles of a prior, in the unit of the parameter; same shape as ``q``."""
    if isinstance(prior, LogitNormal):
        return expit(logit(prior.median) + prior.sd * stats.norm.ppf(q))
    return _scipy(prior).ppf(q)
