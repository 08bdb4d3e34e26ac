from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import kstest

from cytobayes.datasets import InputError
from cytobayes.inference.risk.ordinal import (
    Link,
    LinkPrior,
    blurred,
    fit_link,
    log_probability,
)

numbers = st.floats(-30, 30)


@given(
    eta=st.lists(numbers, min_size=1, max_size=5),
    first=numbers,
    gaps=st.lists(st.floats(1e-6, 20), min_size=1, max_size=4),
)
def test_probabilities_of_the_grades_sum_to_one_and_tails_fall(
    eta: list[float], first: float, gaps: list[float]
) -> None:
    cuts = np.cumsum([first, *gaps])[None]
    each = [
        np.exp(log_probability(np.array([eta]), cuts, np.full(len(eta), g)))
        for g in range(cuts.shape[1] + 1)
    ]
    np.testing.assert_allclose(np.sum(each, axis=0), 1, rtol=1e-9)
    tails = Link(np.ones((1, 1)), cuts).probability(np.array(eta)[None, :, None])
    assert (np.diff(tails, axis=-1) <= 0).all()
    np.testing.assert_allclose(np.sum(each[1:], axis=0)[0], tails[0, :, 0], rtol=1e-9, atol=1e-12)


def test_tails_keep_their_logarithm_where_probabilities_round_to_zero() -> None:
    far = log_probability(np.array([[-800.0]]), np.array([[0.0, 1.0]]), np.array([2]))
    assert far[0, 0] == pytest.approx(-801.0, rel=1e-12)


def simulate(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters from the prior, predictors, grades."""
    prior = LinkPrior()
    slope = rng.normal(prior.mean[0], prior.sd[0])
    gaps = np.abs(rng.normal(0, prior.gap, 2))
    cuts = np.cumsum([rng.normal(0, prior.cut), *gaps])
    x = rng.normal(size=(1, n, 1))
    chance = expit(slope * x[0] - cuts)
    grade = (rng.uniform(size=(n, 1)) < chance).sum(1)
    return x, grade, np.array([slope, *cuts])


def test_ranks_of_true_parameters_are_uniform() -> None:
    """Simulation-based calibration: exact for a right sampler, at any number of patients."""
    rng = np.random.default_rng(7)
    ranks = []
    for _ in range(100):
        x, grade, truth = simulate(rng, 20)
        link = fit_link(x, grade, 3, rng=rng, draws=40)
        found = np.column_stack([link.slope, link.cuts])
        ranks.append(((found < truth).sum(0) + rng.uniform(size=4)) / 41)
    for column in np.array(ranks).T:
        assert kstest(column, "uniform").pvalue > 1e-3


def uncertain(rng: np.random.Generator, n: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws of predictors, and the truth as one more of them: own noise, and noise of all."""
    middle = rng.normal(size=(1, n, 1))
    own, common = rng.normal(0, 0.6, (draws + 1, n, 1)), rng.normal(0, 0.6, (draws + 1, 1, 1))
    every = middle + own + common
    return every[1:], every[:1]


def test_ranks_are_uniform_where_predictors_are_uncertain() -> None:
    """Noise as large as half of what differs between subjects, of each alone and of all."""
    rng = np.random.default_rng(11)
    ranks = []
    for _ in range(60):
        draws, truth = uncertain(rng, 30, 40)
        slope = rng.normal(1.0, 2.0)
        cuts = np.cumsum([rng.normal(0, 3.0), *np.abs(rng.normal(0, 2.0, 2))])
        grade = (rng.uniform(size=(30, 1)) < expit(slope * truth[0] - cuts)).sum(1)
        found = fit_link(draws, grade, 3, rng=rng)
        every = np.column_stack([found.slope, found.cuts])
        ranks.append(((every < [slope, *cuts]).sum(0) + rng.uniform(size=4)) / 41)
    for column in np.array(ranks).T:
        assert kstest(column, "uniform").pvalue > 1e-3


def test_slopes_are_not_diluted_by_the_noise_of_each_subject() -> None:
    """Over cohorts the slope is as steep as with known predictors; of single draws it is flatter.

    With a noise of 0.6 beside 1 the slope of a single draw is about 1.36 / (1.36 + 0.36) of it.
    """
    rng = np.random.default_rng(3)
    ours: list[float] = []
    known: list[float] = []
    single: list[float] = []
    for _ in range(12):
        middle = rng.normal(size=(1, 150, 1))
        draws = middle + 0.6 * rng.normal(size=(40, 150, 1))
        truth = middle + 0.6 * rng.normal(size=(1, 150, 1))
        grade = (rng.uniform(size=(150, 1)) < expit(2.5 * truth[0] - np.array([-1.0, 1.0]))).sum(1)
        for x, into in ((draws, ours), (truth, known), (draws[:1], single)):
            into.append(fit_link(x, grade, 2, rng=rng, draws=40).slope.mean())
    error = np.std(np.subtract(ours, known), ddof=1) / np.sqrt(12)
    assert np.mean(ours) == pytest.approx(np.mean(known), abs=4 * error)
    assert np.mean(single) < 0.85 * np.mean(known)


def test_values_of_a_subject_have_the_mean_and_spread_of_its_draws() -> None:
    rng = np.random.default_rng(5)
    draws, _ = uncertain(rng, 6, 200)
    nodes = blurred(draws)
    common = draws.mean(axis=1)
    np.testing.assert_allclose(nodes.mean(axis=(0, 2)), common, atol=1e-12)
    own = draws - common[:, None]
    np.testing.assert_allclose((nodes - common[:, None])[:, 0].std(axis=0), own.std(axis=0))
    np.testing.assert_allclose(blurred(draws[:1])[0], draws[:1])


def test_draws_of_several_predictors_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="draws of several predictors"):
        fit_link(
            rng.normal(size=(5, 10, 2)), np.zeros(10, dtype=int), 4, rng=rng,
            prior=LinkPrior.standardized(2),
        )  # fmt: skip


def test_grades_that_no_one_has_keep_their_prior_and_no_probability_is_lost() -> None:
    rng = np.random.default_rng(4)
    link = fit_link(rng.normal(size=(1, 10, 1)), np.zeros(10, dtype=int), 4, rng=rng, draws=100)
    assert np.isfinite(link.cuts).all() and (np.diff(link.cuts, axis=1) > 0).all()
