"""The numbers of a report as tables: what figures draw and what the csv files hold."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import arviz as az
import numpy as np
import numpy.typing as npt
import pandas as pd

from ..drawing import log_wanted
from .verdict import Tie

if TYPE_CHECKING:
    from .prior import Prior

__all__ = ["base", "densities", "learned", "ranks", "summary", "ties"]

Array = npt.NDArray[np.float64]
Draws = Mapping[str, Array]  # name -> float64[chain, draw]
Priors = Mapping[str, "Prior"]
BINS = 20
GRID = 200


def base(name: str) -> str:
    """Name of the parameter without its index: ``ka[007]`` -> ``ka``."""
    return name.partition("[")[0]


def summary(draws: Draws, priors: Priors, units: Mapping[str, str]) -> pd.DataFrame:
    """Posterior of each parameter beside its prior.

    Parameters
    ----------
    draws : mapping of name to float64[chain, draw]
    priors : mapping of parameter to Prior
    units : mapping of parameter to unit

    Returns
    -------
    DataFrame
        Columns parameter, unit, median, q5, q95, mean, sd, prior, narrowed (see `learned`).
    """
    shares = learned(draws, priors)
    rows = []
    for name, values in draws.items():
        q5, median, q95 = np.quantile(values, (0.05, 0.5, 0.95))
        rows.append(
            {
                "parameter": name,
                "unit": units.get(base(name), ""),
                "median": median,
                "q5": q5,
                "q95": q95,
                "mean": values.mean(),
                "sd": values.std(ddof=1) if values.size > 1 else np.nan,
                "prior": str(priors.get(base(name), "")),
                "narrowed": shares.get(name, np.nan),
            }
        )
    return pd.DataFrame(rows)


def ranks(draws: Draws) -> pd.DataFrame:
    """Rank histograms: the share of each chain's draws among every twentieth of all draws.

    Returns
    -------
    DataFrame
        Columns parameter, chain, bin, share (1 when exactly even).
    """
    frames = []
    for name, values in draws.items():
        order = values.ravel().argsort().argsort().reshape(values.shape)
        bins = min(BINS, max(1, values.shape[1] // 10))
        for chain, one in enumerate(order):
            count, _ = np.histogram(one, bins=bins, range=(0, values.size))
            share = count * bins / one.size
            frames.append(
                pd.DataFrame(
                    {"parameter": name, "chain": chain, "bin": np.arange(bins), "share": share}
                )
            )
    return pd.concat(frames, ignore_index=True)


def densities(draws: Draws, priors: Priors) -> pd.DataFrame:
    """Posterior and prior density of each parameter that has a prior.

    Returns
    -------
    DataFrame
        Columns parameter, value, prior, posterior. Where the values span more than two decades
        both are densities per unit of the natural logarithm.
    """
    frames = []
    for name, values in draws.items():
        prior = priors.get(base(name))
        if prior is None or np.ptp(values) == 0:
            continue
        low, high = _window(values, prior)
        if log_wanted([low, high]):
            x = np.geomspace(low, high, GRID)
            before, after = prior.density(x) * x, _kernel(np.log(values), np.log(x))
        else:
            x = np.linspace(low, high, GRID)
            before, after = prior.density(x), _kernel(values, x)
        frames.append(
            pd.DataFrame({"parameter": name, "value": x, "prior": before, "posterior": after})
        )
    columns = ["parameter", "value", "prior", "posterior"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _window(values: Array, prior: Prior) -> tuple[float, float]:
    """Range that shows the posterior whole and the prior's middle 98 %."""
    before = prior.quantile(np.array([0.01, 0.99]))
    after = np.quantile(values, (0, 1))
    return float(min(before[0], after[0])), float(max(before[1], after[1]))


def _kernel(values: Array, x: Array) -> Array:
    """Kernel density of draws at ``x``; 0 beyond the draws."""
    grid, heights, _ = az.kde(values.ravel())
    return np.asarray(np.interp(x, grid, heights, left=0.0, right=0.0))


def learned(draws: Draws, priors: Priors) -> dict[str, float]:
    """Share of the width of each prior that the data removed.

    Returns
    -------
    dict of name to float
        ``1 - width(posterior) / width(prior)``, the widths being those of the 90 % intervals,
        of logarithms where the prior is positive; 1: known exactly, 0 or less: nothing learned.
    """
    shares = {}
    for name, values in draws.items():
        prior = priors.get(base(name))
        if prior is None:
            continue
        before = prior.quantile(np.array([0.05, 0.95]))
        after = np.quantile(values, (0.05, 0.95))
        if before[0] > 0 and after[0] > 0:
            before, after = np.log(before), np.log(after)
        shares[name] = float(1 - (after[1] - after[0]) / (before[1] - before[0]))
    return shares


def ties(draws: Draws) -> tuple[Tie, ...]:
    """Correlations of pairs of parameters of one subject, strongest first.

    Logarithms are correlated when both parameters are positive.
    """
    found = []
    for first, second in combinations(draws, 2):
        if first.partition("[")[2] != second.partition("[")[2]:
            continue
        a, b = draws[first].ravel(), draws[second].ravel()
        positive = bool(a.min() > 0 and b.min() > 0)
        if positive:
            a, b = np.log(a), np.log(b)
        if np.ptp(a) > 0 and np.ptp(b) > 0:
            found.append(Tie(first, second, float(np.corrcoef(a, b)[0, 1]), positive))
    return tuple(sorted(found, key=lambda t: -abs(t.correlation)))
