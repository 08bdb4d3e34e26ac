"""Coordinates from second derivatives at a mode: exact for a normal density, refused elsewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from cytobayes.inference import Problem
from cytobayes.inference.sampling.curvature import affine_at_mode
from cytobayes.inference.sampling.layout import Layout

from ..straight_line import population_of_lines

Array = npt.NDArray[np.float64]
SUBJECTS, EFFECTS, POPULATION = 4, 2, 5
SIZE = POPULATION + SUBJECTS * EFFECTS
MODE = np.linspace(-1, 1, SIZE)
DEGREES = np.zeros((EFFECTS, SUBJECTS))


@pytest.fixture(scope="module")
def problem() -> Problem:
    return population_of_lines(SUBJECTS, 3)


@pytest.fixture(scope="module")
def layout(problem: Problem) -> Layout:
    made = Layout.of(problem.joint())
    assert made.size == SIZE
    return made


def precision(layout: Layout) -> Array:
    """Precision of a normal density in which subjects do not interact."""
    rng = np.random.default_rng(2)
    effects = np.stack([np.arange(*layout.places[f"{n}_z"]) for n in "ab"], axis=1)
    population = np.setdiff1d(np.arange(SIZE), effects)
    q = np.zeros((SIZE, SIZE))
    for places in effects:
        root = rng.normal(size=(EFFECTS + POPULATION, 9))
        both = np.concatenate([places, population])
        q[np.ix_(both, both)] += root @ root.T
        q[places, places] += 1.0
    q[population, population] += np.geomspace(0.1, 1e4, POPULATION)
    return q


def test_a_normal_density_is_round_in_its_coordinates(problem: Problem, layout: Layout) -> None:
    q = precision(layout)

    def evaluate(x: Array) -> tuple[float, Array]:
        return -0.5 * float((x - MODE) @ q @ (x - MODE)), -q @ (x - MODE)

    found = affine_at_mode(problem, layout, evaluate, MODE, DEGREES)
    assert found is not None
    factor = found.factor.toarray()
    # Differences of a linear gradient: rounding only, relative to the largest entry.
    np.testing.assert_allclose(factor.T @ q @ factor, np.eye(SIZE), atol=1e-7)
    np.testing.assert_array_equal(found.center, MODE)


def test_a_saddle_gives_coordinates_no_wider_than_the_prior_allows(
    problem: Problem, layout: Layout
) -> None:
    bent = precision(layout)
    place = layout.places["a_z"][0]
    bent[place, place] = -3.0
    bent[place, layout.places["b_z"][0]] = bent[layout.places["b_z"][0], place] = 0.0

    def evaluate(x: Array) -> tuple[float, Array]:
        return -0.5 * float((x - MODE) @ bent @ (x - MODE)), -bent @ (x - MODE)

    found = affine_at_mode(problem, layout, evaluate, MODE, DEGREES)
    assert found is not None
    factor = found.factor.toarray()
    assert np.isfinite(factor).all()
    own = factor[place, np.arange(*layout.places["a_z"])[:1]]
    assert abs(own).max() == pytest.approx(np.sqrt(2))  # half the precision of a prior of sd 1


def test_a_density_that_ends_near_the_mode_gives_none(problem: Problem, layout: Layout) -> None:
    place = layout.places["a_z"][0]

    def evaluate(x: Array) -> tuple[float, Array]:
        if x[place] > MODE[place]:
            return -np.inf, np.zeros(SIZE)
        return -0.5 * float((x - MODE) @ (x - MODE)), -(x - MODE)

    assert affine_at_mode(problem, layout, evaluate, MODE, DEGREES) is None
