"""A quick look is what its method says, is labelled, and is never trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, convergence, quick, read_facts
from cytobayes.inference.report.verdict import Evidence, Level, judge
from cytobayes.inference.sampling.approximate import Approximation, pareto_k
from cytobayes.models.ode import OdeModel

from .straight_line import normal_line, posterior_of_line

Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def line() -> Problem:
    return normal_line()


def drawn(tree: Any) -> Array:
    return np.stack([tree["posterior"][n].to_numpy()[0] for n in "ab"])


def test_laplace_is_exact_for_a_normal_posterior(line: Problem) -> None:
    tree = quick(line, "laplace", seed=1, draws=4000)
    mean, covariance = posterior_of_line()
    draws = drawn(tree)
    error = np.sqrt(np.diag(covariance) / 4000)
    assert (np.abs(draws.mean(axis=1) - mean) < 5 * error).all()
    # Relative standard error of a variance is sqrt(2 / draws); of a covariance at most that.
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert (np.abs(np.cov(draws) - covariance) < 5 * np.sqrt(2 / 4000) * size).all()
    assert tree.attrs["pareto_k"] < 0.2


def test_the_mode_is_the_mode(line: Problem) -> None:
    tree = quick(line, "map", seed=1)
    np.testing.assert_allclose(drawn(tree)[:, 0], posterior_of_line()[0], rtol=1e-4)
    assert tree["posterior"].sizes["draw"] == 1
    assert "without any uncertainty" in convergence(tree).sentence


def test_pathfinder_finds_a_normal_posterior(line: Problem) -> None:
    tree = quick(line, "pathfinder", seed=1, draws=4000)
    mean, covariance = posterior_of_line()
    width = np.sqrt(np.diag(covariance))
    # The estimate of the curvature is exact for as many steps as dimensions with exact line
    # searches; those of L-BFGS are not, so that widths are right to a few tens of per cent.
    assert (np.abs(drawn(tree).mean(axis=1) - mean) < 0.3 * width).all()
    assert tree.attrs["pareto_k"] < 0.7


def test_advi_knows_the_mean_and_too_small_widths(line: Problem) -> None:
    tree = quick(line, "advi", seed=1, draws=4000)
    mean, covariance = posterior_of_line()
    width = np.sqrt(np.diag(covariance))
    draws = drawn(tree)
    assert (np.abs(draws.mean(axis=1) - mean) < 0.3 * width).all()
    # Independent normals nearest to a normal have the conditional variances: 1 / precision.
    np.testing.assert_allclose(
        draws.std(axis=1), 1 / np.sqrt(np.diag(np.linalg.inv(covariance))), rtol=0.15
    )
    correlation: Any = np.corrcoef(draws)
    assert correlation[0, 1] == pytest.approx(0, abs=5 / np.sqrt(4000))


@pytest.mark.parametrize("method", ["laplace", "map"])
def test_it_says_first_that_it_is_no_fit(line: Problem, method: str) -> None:
    tree = quick(line, method, seed=2, draws=500)
    found = convergence(tree)
    assert found.sentence.startswith(f"This is a quick look by {method}, not a fit")
    assert not found.ok
    facts = read_facts(tree)
    assert facts["approximation"] == method
    assert facts["problem_id"] == line.id
    verdict = judge(Evidence(False, found.sentence, 500, approximation=method))
    assert verdict.level is Level.REFUSED
    assert verdict.headline == f"A quick look by {method}: do not use these numbers."
    assert "without --quick" in verdict.text and "converge" not in verdict.headline


def test_same_seed_same_draws(line: Problem) -> None:
    first, second, other = (drawn(quick(line, "pathfinder", seed=s, draws=20)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert not (first == other).any()


def test_too_narrow_an_approximation_is_seen() -> None:
    rng = np.random.default_rng(1)
    narrow = Approximation(np.zeros(3), 0.3 * np.eye(3))
    good = Approximation(np.zeros(3), np.eye(3))

    def density(x: Array) -> float:
        return float(-0.5 * x @ x)

    # For a normal of width s the ratios have the tail index 1 - s**2: 0.91 here.
    assert pareto_k(*narrow.draw(rng, 4000), density) > 0.7
    assert pareto_k(*good.draw(rng, 4000), density) < 0.2
    assert np.isnan(pareto_k(*good.draw(rng, 20), density))
    assert pareto_k(*good.draw(rng, 50), lambda x: -1e10) == np.inf


def test_what_makes_no_sense_is_refused(line: Problem, two_subjects: Study, oral: OdeModel) -> None:
    with pytest.raises(InputError, match="map, laplace, advi, pathfinder"):
        quick(line, "guess", seed=1)
    with pytest.raises(InputError, match="at least 1"):
        quick(line, "laplace", seed=1, draws=0)
    with pytest.raises(InputError, match="hierarchical population"):
        quick(Problem(oral, two_subjects, population="hierarchical"), "laplace", seed=1)
