"""Residuals of the very model are standard normal; planted trends are found and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytobayes.inference.checks.check import Check
from cytobayes.inference.checks.fit_quality import (
    EXPECTED,
    TESTS,
    bins_differ,
    fit_quality,
    residual_trends,
)
from cytobayes.inference.checks.residuals import individual_fits
from cytobayes.inference.problem import Problem

from . import gaussian_population as gp

N = 60


def pooled(values: Any, **settings: Any) -> tuple[Problem, Any]:
    """All subjects typical: the residuals are those that were drawn."""
    problem = gp.problem(gp.study(values), **{"population": "pooled", **settings})
    return problem, gp.posterior(values)[["A", "k", "C_sigma"]]


def drawn(seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((N, gp.TIMES.size))


@pytest.fixture(scope="module")
def censored() -> Check:
    values = gp.logarithms(N, 1)
    return fit_quality(gp.problem(gp.study(values, lloq=20.0)), gp.posterior(values))


def test_residuals_are_what_was_added_to_the_curve() -> None:
    z = drawn(1)
    problem, data = pooled(gp.mean() + gp.SIGMA * z)
    fit = individual_fits(problem, data)[0]
    np.testing.assert_allclose(fit.iwres, z.ravel(), atol=1e-9)
    np.testing.assert_allclose(fit.ipred, np.tile(np.exp(gp.mean()), N), rtol=1e-12)


def test_heavy_tailed_residuals_are_normal_scores() -> None:
    z = drawn(2)
    t = stats.t(4).ppf(stats.norm.cdf(z))
    problem, data = pooled(gp.mean() + gp.SIGMA * t, error="lognormal-t")
    error: Any = problem.errors["C"]
    expected = stats.norm.ppf(stats.t(error.tails).cdf(t.ravel()))
    np.testing.assert_allclose(individual_fits(problem, data)[0].iwres, expected, atol=1e-8)


def test_residuals_of_the_model_itself_pass_as_often_as_they_should() -> None:
    bad = []
    for seed in range(60):
        z = drawn(100 + seed).ravel()
        frame = {"observable": "C", "iwres": z, "time": np.tile(gp.TIMES, N)}
        table = pd.DataFrame({**frame, "ipred": np.tile(np.exp(gp.mean()), N)})
        bad.append(float(residual_trends(table)[list(TESTS)].min(axis=1).iloc[0]))
    assert len(TESTS) == 5
    assert sum(5 * p < 0.05 for p in bad) <= stats.binom.ppf(0.9999, 60, 0.05)


@pytest.mark.parametrize("size", [12, 40, 300])
def test_bins_raise_no_more_false_alarms_than_stated(size: int) -> None:
    """Scattered times; the distribution of the statistic is asymptotic, and on the safe side."""
    rng, sets = np.random.default_rng(size), 1000
    p = []
    for _ in range(sets):
        x, z = rng.uniform(0.0, 24.0, size), rng.standard_normal(size)
        p.append(bins_differ(x, z))
    for level in (0.002, 0.01, 0.05):
        assert sum(one < level for one in p) <= stats.binom.ppf(0.9999, sets, level)
    assert sum(one < 0.2 for one in p) > 0.1 * sets


def test_a_trend_that_falls_and_rises_is_found() -> None:
    """Rank correlation does not see it."""
    z = drawn(6) + np.array([0.5, 0.0, -0.75, 0.0, 0.5])
    found = fit_quality(*pooled(gp.mean() + gp.SIGMA * z))
    trends = residual_trends(found.table).iloc[0]
    assert trends["p_time"] > 0.01 > 100 * trends["p_time_bins"]
    assert found.good is False and "speak against the model" in found.sentence
    assert f"of bins {trends['p_time_bins']:.2g}" in found.sentence


def test_an_error_that_is_least_at_middle_values_is_found() -> None:
    z = drawn(7) * np.array([1.6, 0.8, 0.3, 0.8, 1.6])
    trends = residual_trends(fit_quality(*pooled(gp.mean() + gp.SIGMA * z)).table).iloc[0]
    assert trends["p_size"] > 0.01 > 100 * trends["p_size_bins"]


def test_a_trend_in_time_is_found() -> None:
    z = drawn(3) + np.linspace(-0.6, 0.6, gp.TIMES.size)
    found = fit_quality(*pooled(gp.mean() + gp.SIGMA * z))
    assert found.good is False and "speak against the model. IWRES of C" in found.sentence
    trends = residual_trends(found.table).iloc[0]
    assert trends["p_time"] < 1e-3 < trends["p_size"] and trends["time"] > 0


def test_an_error_that_grows_with_the_value_is_found() -> None:
    z = drawn(4) * np.linspace(1.5, 0.5, gp.TIMES.size)
    trends = residual_trends(fit_quality(*pooled(gp.mean() + gp.SIGMA * z)).table).iloc[0]
    assert trends["p_size"] < 1e-3 < trends["p_time"] and trends["size"] > 0


def test_outliers_are_counted() -> None:
    z = drawn(5)
    z[:5] *= 4
    found = fit_quality(*pooled(gp.mean() + gp.SIGMA * z))
    trends = residual_trends(found.table).iloc[0]
    assert trends["far"] == np.mean(np.abs(z) > 2) > EXPECTED and trends["p_far"] < 0.01
    assert f"{trends['far']:.1%}".replace("%", " %") in found.sentence


def test_censored_rows_stand_at_their_limit_without_a_residual(censored: Check) -> None:
    low = censored.table[~censored.table["exact"]]
    assert len(low) > 20 and (low["dv"] == 20.0).all() and low["iwres"].isna().all()


def test_individual_predictions_are_nearer_than_typical_ones(censored: Check) -> None:
    one = censored.table[censored.table["exact"]]
    gap = {c: np.log(one["dv"] / one[c]).std() for c in ("pred", "ipred")}
    assert gap["ipred"] < gap["pred"] / 2
    assert censored.good and censored.sentence.startswith("The residuals show no trend")


def test_the_picture_has_six_panels(censored: Check) -> None:
    labels = [a.get_ylabel() for a in censored.plot().axes]
    assert labels == ["DV", "DV", "IWRES", "IWRES", "IWRES", "|IWRES|"]


def test_a_handful_of_residuals_is_not_tested() -> None:
    values = gp.logarithms(1, 1)[:, :]
    problem, data = pooled(values)
    table = fit_quality(problem, data).table.head(3)
    trends = residual_trends(table)
    assert trends[[t for t in TESTS if t != "p_far"]].isna().all(axis=None)
