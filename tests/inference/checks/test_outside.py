"""The number of statistics outside is judged by what the model's own data give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cytobayes.inference.checks.outside import outside, quantiles


def correlated(rng: np.random.Generator, sets: int) -> np.ndarray:
    """20 strongly correlated statistics of each set."""
    common = rng.standard_normal((sets, 1))
    return np.asarray(0.9 * common + np.sqrt(1 - 0.81) * rng.standard_normal((sets, 20)))


def test_correlated_statistics_of_the_model_itself_pass_as_often_as_they_should() -> None:
    rng = np.random.default_rng(1)
    repeats, p = 400, []
    for _ in range(repeats):
        sets = correlated(rng, 100)
        p.append(outside(sets[0], sets[1:]).p)
    for alpha in (0.05, 0.2):
        caught = sum(v <= alpha for v in p)
        assert caught <= stats.binom.ppf(0.9999, repeats, alpha)
    assert sum(v <= 0.2 for v in p) >= stats.binom.ppf(0.0001, repeats, 0.1)  # counts have ties
    # A binomial that takes the statistics for independent would sound the alarm far too often.
    naive = stats.binom.ppf(0.95, 20, 0.1)
    often = sum(outside(s, correlated(rng, 100)).count > naive for s in correlated(rng, 400))
    assert often > stats.binom.ppf(0.9999, 400, 0.05)


def test_a_shifted_data_set_is_found() -> None:
    rng = np.random.default_rng(2)
    sets = correlated(rng, 500)
    result = outside(sets[0] + 6, sets[1:])
    assert not result.good and (result.side[result.side != 0] == 1).all()
    assert result.count == 20 and result.p == (1 + (result.counts == 20).sum()) / 500


def test_the_interval_holds_its_share_of_simulated_statistics() -> None:
    sets = correlated(np.random.default_rng(3), 2000)
    result = outside(sets[0], sets, level=0.8)
    assert result.expected == pytest.approx(20 * 0.2, rel=0.01)


def test_statistics_beyond_a_limit_compare_as_beyond_a_limit() -> None:
    sets = np.array([[-np.inf], [-np.inf], [1.0], [2.0]] * 25)
    assert outside(np.array([-np.inf]), sets).side[0] == 0
    assert outside(np.array([3.0]), sets).side[0] == 1
    assert outside(np.array([-np.inf]), np.full((100, 1), 5.0)).side[0] == -1


def test_quantiles_of_numbers_are_those_of_numpy() -> None:
    x = np.random.default_rng(4).normal(size=(31, 3))
    q = [0.0, 0.05, 0.5, 0.77, 1.0]
    np.testing.assert_allclose(quantiles(x, q), np.quantile(x, q, axis=0), rtol=1e-13)


def test_quantiles_next_to_a_censored_value_are_censored() -> None:
    x = np.array([-np.inf, 1.0, 2.0, np.inf])
    assert quantiles(x, [0.1, 0.4, 0.9]).tolist() == [-np.inf, 1.2000000000000002, np.inf]
