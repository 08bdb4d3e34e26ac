"""Sampled fits find the truth that made the outcomes, and agree with a likelihood of SciPy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.optimize import minimize

from cytobayes.inference.response.fit_response import fit_response

Array = npt.NDArray[Any]
FEW: dict[str, Any] = {"draws": 300, "tune": 300, "chains": 2, "cores": 1, "seed": 6}
SUBJECTS = 600


def expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def exposures(rng: np.random.Generator) -> Array:
    return np.exp(rng.uniform(np.log(0.02), np.log(50.0), SUBJECTS))


def graded(rng: np.random.Generator, *at_least: Array) -> Array:
    """Grades with these probabilities of grade 1 or higher, 2 or higher, ..."""
    chance = rng.random(SUBJECTS)
    return np.sum([chance < p for p in at_least], axis=0).astype(float)


def log_likelihood(y: Array, *at_least: Array) -> float:
    """Of grades, by differences of the probabilities to reach them."""
    ladder = np.stack([np.ones_like(y), *at_least, np.zeros_like(y)])
    share = -np.diff(ladder, axis=0)[y.astype(int), np.arange(y.size)]
    return float(np.log(np.maximum(share, 1e-300)).sum())


def judge(
    tree: xr.DataTree, truth: Mapping[str, float], score: Callable[[Array], float], wide: float
) -> None:
    """Each parameter within four standard deviations of the truth; likely as the best fit is.

    Parameters
    ----------
    tree : DataTree
    truth : mapping of parameter to value
    score : callable
        Log likelihood by parameters in the order of the truth.
    wide : float
        Largest posterior standard deviation, in that of the prior or so: the data must tell.
    """
    posterior = tree["posterior"]
    for name, value in truth.items():
        draws = posterior[name]
        assert abs(float(draws.mean()) - value) < 4 * float(draws.std()), name
        assert float(draws.std()) < wide, name
    start = np.array(list(truth.values()))

    def loss(v: Array) -> float:
        return -score(v)

    best = -float(minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000}).fun)
    rows = np.stack([posterior[n].to_numpy().ravel() for n in truth], axis=1)[::10]
    below = np.array([best - score(row) for row in rows])
    # In large samples twice this gap is chi-squared with as many degrees as parameters.
    degrees = len(truth)
    assert abs(2 * below.mean() - degrees) < degrees


@pytest.mark.mcmc
def test_slopes_that_differ_between_grades_are_found() -> None:
    rng = np.random.default_rng(21)
    x = exposures(rng)
    center = float(np.log10(x).mean())
    truth = {"slope": 1.0, "slope_change2": 0.9, "c1": 0.2, "gap2": 1.6}

    def at_least(v: Any) -> tuple[Array, Array]:
        g = np.log10(x) - center
        return expit(v[0] * g - v[2]), expit((v[0] + v[1]) * g - v[2] - v[3])

    chances = at_least(list(truth.values()))
    y = graded(rng, *chances)
    tree = fit_response(x, y, kind="ordinal", reference=1.0, partial=("exposure",), **FEW)
    judge(tree, truth, lambda v: log_likelihood(y, *at_least(v)), 0.6)
    assert float((tree["posterior"]["slope_change2"] > 0).mean()) > 0.99


@pytest.mark.mcmc
def test_a_saturating_risk_is_found() -> None:
    rng = np.random.default_rng(22)
    x = exposures(rng)
    truth = {"E0": 0.12, "Emax": 0.85, "EC50": 1.0, "h": 2.0}

    def risk(v: Any) -> Array:
        return np.asarray(v[0] + (v[1] - v[0]) / (1 + (v[2] / x) ** v[3]))

    y = graded(rng, risk(list(truth.values())))
    tree = fit_response(x, y, curve="sigmoid_emax", kind="binary", **FEW)
    judge(tree, truth, lambda v: log_likelihood(y, risk(v)), 1.0)


@pytest.mark.mcmc
def test_grades_by_a_saturating_curve_are_found() -> None:
    rng = np.random.default_rng(23)
    x = exposures(rng)
    truth = {"span": 4.0, "EC50": 1.0, "c1": 1.0, "gap2": 1.5}

    def at_least(v: Any) -> tuple[Array, Array]:
        rise = v[0] * x / (v[1] + x)
        return expit(rise - v[2]), expit(rise - v[2] - v[3])

    y = graded(rng, *at_least(list(truth.values())))
    tree = fit_response(x, y, curve="emax", kind="ordinal", **FEW)
    judge(tree, truth, lambda v: log_likelihood(y, *at_least(v)), 1.5)
