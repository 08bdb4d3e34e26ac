"""nutpie moves with the metric of our choice, in coordinates of our choice."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import nutpie
import pytest
from scipy import sparse

from cytobayes.inference.populations.hierarchy import CENTERING
from cytobayes.inference.sampling.coordinates import (
    Affine,
    affine_between,
    covariance_map,
    gradient_of,
    in_coordinates,
    scaled_to_gradient,
)
from cytobayes.inference.sampling.with_nutpie import prepared

from ..straight_line import population_of_lines

RNG = np.random.default_rng(4)


def affine(n: int) -> Affine:
    return Affine(RNG.normal(size=n), sparse.csr_array(RNG.normal(size=(n, n)) + 2 * np.eye(n)))


def test_an_affine_map_is_found_from_pairs_of_points() -> None:
    true, v = affine(5), RNG.normal(size=(9, 5))
    found = affine_between(v, true.forward(v))
    assert found is not None
    np.testing.assert_allclose(found.factor.toarray(), true.factor.toarray(), rtol=1e-9)
    np.testing.assert_allclose(found.back(true.forward(v)), v, rtol=1e-9)


@pytest.mark.parametrize("fault", ["few", "flat", "bent"])
def test_pairs_that_do_not_determine_an_affine_map_give_none(fault: str) -> None:
    true, v = affine(5), RNG.normal(size=(40, 5))
    x = true.forward(v)
    if fault == "few":
        v, x = v[:6], x[:6]
    elif fault == "flat":
        v[:, 2] = v[:, 1]
    else:
        x = x + 1e-5 * v**2
    assert affine_between(v, x) is None


def test_draws_have_unit_covariance_in_their_own_coordinates() -> None:
    spread = np.array([[1.0, 0.0, 0.0], [0.9, 0.8, 0.0], [0.0, 0.0, 50.0]])
    x = RNG.normal(size=(4000, 3)) @ spread.T + 7
    found = covariance_map(x)
    assert found is not None
    # Shrinkage and chance move entries by at most a few times 1 / sqrt(draws / 4).
    np.testing.assert_allclose(np.cov(found.back(x).T), np.eye(3), atol=4 / np.sqrt(1000))
    assert covariance_map(x[:10]) is None


@pytest.fixture(scope="module")
def compiled() -> Any:
    """Six subjects around typical values of a straight line, with degrees of centering."""
    _, made = prepared(population_of_lines(6, 4), replaceable=False)
    degrees = np.linspace(0, 1, 12).reshape(2, 6)
    return made.with_data(**{CENTERING: degrees})


def test_the_gradient_is_that_of_the_sampler_with_its_degrees_of_centering(compiled: Any) -> None:
    x = compiled.initial_point_func(1)
    assert not np.allclose(gradient_of(compiled, x), compiled.logp_func(x)[1])  # other degrees
    plain = compiled.with_data(**{CENTERING: np.zeros((2, 6))})
    np.testing.assert_allclose(gradient_of(plain, x), compiled.logp_func(x)[1], rtol=1e-12)


def sampled(compiled: Any, start: npt.NDArray[np.float64], **options: Any) -> Any:
    made = dataclasses.replace(compiled, initial_point_func=lambda seed: start.copy())
    settings = {"chains": 1, "cores": 1, "seed": 3, "adaptation": "low_rank", "tune": 1}
    return nutpie.sample(
        made, draws=40, progress_bar=False, step_size_adapt_method="0.2",
        store_unconstrained=True, store_mass_matrix=True, store_transformed=True,
        **settings, **options,
    )  # fmt: skip


@pytest.mark.mcmc
def test_the_first_metric_is_that_of_the_coordinates(compiled: Any) -> None:
    x = compiled.initial_point_func(1)
    wanted = Affine(np.zeros(x.size), 0.03 * affine(x.size).factor)
    moved = scaled_to_gradient(wanted, gradient_of(compiled, x))
    made, alive = in_coordinates(compiled, moved)
    tree = sampled(made, moved.back(x))
    stats = tree["sample_stats"]
    points = moved.forward(stats["unconstrained_draw"].to_numpy()[0])
    z = stats["transformed_position"].to_numpy()[0]
    shift = wanted.back(points) - z  # the same space, but for its origin
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-8)
    assert len(np.unique(points, axis=0)) > 30
    a = tree["posterior"]["a"].to_numpy()[0]
    assert np.isclose(np.exp(points), a[:, None], rtol=1e-12).all(axis=0).sum() == 1
    assert alive
