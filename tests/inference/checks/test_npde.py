"""NPDE are standard normal for data of the very model, censored or not, and not for others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from cytobayes.datasets import InputError
from cytobayes.inference.checks.check import Check
from cytobayes.inference.checks.npde import normal_rank, npde, npde_tests

from . import gaussian_population as gp


def check(values: Any, lloq: float | None = None, **settings: Any) -> Check:
    problem = gp.problem(gp.study(values, lloq=lloq))
    return npde(problem, gp.posterior(values), **{"draws": 1000, **settings})


@pytest.fixture(scope="module")
def censored() -> Check:
    return check(gp.logarithms(60, 1), 20.0, seed=1)


def test_they_are_the_residuals_of_the_exact_gaussian() -> None:
    values = gp.logarithms(30, 2)
    found = check(values, draws=4000).table
    factor = np.linalg.cholesky(gp.covariance())
    exact = np.linalg.solve(factor, (values - gp.mean()).T).T
    plain = (values - gp.mean()) / np.sqrt(np.diag(gp.covariance()))
    for name, z in (("npde", exact), ("npd", plain)):
        p = stats.norm.cdf(z)
        gap = np.abs(stats.norm.cdf(found[name]).reshape(z.shape) - p)
        # Standard error of a rank, and what errors of mean and covariance do to z.
        moved = stats.norm.pdf(z) * (1 + np.abs(z).sum(axis=1, keepdims=True))
        assert (gap < 5 * (np.sqrt(p * (1 - p)) + moved) / np.sqrt(4000) + 1 / 4000).all()


def test_p_is_uniform_over_data_sets_of_the_model_itself() -> None:
    p: dict[str, list[float]] = {"p_mean": [], "p_variance": [], "p_normal": []}
    for seed in range(40):
        tests = npde_tests(check(gp.logarithms(20, 100 + seed), 20.0, draws=300, seed=seed).table)
        for name, values in p.items():
            values.append(float(tests[name].iloc[0]))
    for values in p.values():
        assert stats.kstest(values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("fault", [{"shift": 0.3}, {"spread": 1.5}])
@pytest.mark.parametrize("lloq", [None, 20.0])
def test_a_planted_misfit_is_found(fault: dict[str, float], lloq: float | None) -> None:
    found = check(gp.logarithms(60, 3, **fault), lloq)
    assert found.good is False and "speaks against the model" in found.sentence
    assert "not" not in found.sentence


def test_correlations_that_the_model_lacks_are_found_by_npde_alone() -> None:
    rng = np.random.default_rng(4)
    sd = np.sqrt(np.diag(gp.covariance()))
    shuffled = gp.mean() + sd * rng.standard_normal((60, gp.TIMES.size))  # right margins
    table = check(shuffled).table
    variance = {n: float(table[n].var()) for n in ("npd", "npde")}
    error = np.sqrt(2 / len(table))
    assert abs(variance["npd"] - 1) < 4 * error < 10 * error < variance["npde"] - 1


def test_censored_values_are_drawn_below_their_limit(censored: Check) -> None:
    table = censored.table
    low = table[~table["exact"]]
    assert 20 < len(low) < 100
    at = np.searchsorted(gp.TIMES, low["time"])
    sd = np.sqrt(np.diag(gp.covariance()))
    limit = (np.log(20.0) - gp.mean()[at]) / sd[at]
    # The simulated P(below) is off by at most 5 standard errors of a share of 1000.
    p = stats.norm.cdf(limit)
    assert (stats.norm.cdf(low["npd"]) < p + 5 * np.sqrt(p * (1 - p) / 1000) + 1e-3).all()
    assert censored.good and "does not speak against the model" in censored.sentence


def test_one_row_is_left_out_where_nothing_scatters_and_series_need_enough_draws() -> None:
    values = gp.logarithms(4, 5)
    with pytest.raises(InputError, match="at least 15 simulated data sets, got draws=10"):
        check(values, draws=10)
    silent = gp.problem(gp.study(values), fixed={"C_sigma": 0.0}, population="pooled")
    data = gp.posterior(values)[["A", "k"]]
    with pytest.raises(InputError, match="no measured quantity"):
        npde(silent, data, draws=100)


def test_ties_are_broken_at_random() -> None:
    pooled = np.array([[0.0], [0.0], [0.0], [0.0]])
    rng = np.random.default_rng(1)
    p = [float(stats.norm.cdf(normal_rank(pooled, rng)[0])) for _ in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_few_values_are_not_tested() -> None:
    table = pd.DataFrame({"observable": "C", "npde": [0.1, 0.2]})
    assert npde_tests(table)["p"].isna().all()


def test_the_picture_has_four_panels(censored: Check) -> None:
    figure = censored.plot()
    assert isinstance(figure, Figure) and len(figure.axes) == 4
