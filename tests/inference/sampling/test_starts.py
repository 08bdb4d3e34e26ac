"""Chains start near modes that have mass, and a fit that cannot start says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cytobayes.datasets.study import Study
from cytobayes.inference import FitError, Problem, fit
from cytobayes.inference.sampling.starts import find_starts
from cytobayes.models.distributions import LogNormal, Uniform
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State
from cytobayes.models.solver import SolverOptions

from ..conftest import measured

Array = npt.NDArray[np.float64]


def prior(seed: int) -> Array:
    return np.random.default_rng(seed).normal(0.0, 4.0, 2)


def two_hills(gap: float) -> Any:
    """Log density with tops at (3, 3) and (-3, -3), the second lower by ``gap``."""

    def evaluate(x: Array) -> tuple[float, Array]:
        main, other = (-2 * ((x - c) ** 2).sum() for c in (3.0, -3.0))
        if main > other - gap:
            return main, -4 * (x - 3.0)
        return other - gap, -4 * (x + 3.0)

    return evaluate


def explain(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} failed"


def test_a_mode_without_mass_is_left_out() -> None:
    found = find_starts(prior, two_hills(40.0), 4, np.random.SeedSequence(1), explain)
    assert all(point.sum() > 0 for point in found.points)
    assert found.optima[0] - found.optima[-1] == pytest.approx(40.0, abs=1e-3)
    assert found.kept < len(found.optima)


def test_modes_of_comparable_density_keep_their_chains() -> None:
    found = find_starts(prior, two_hills(2.0), 8, np.random.SeedSequence(1), explain)
    assert len({bool(point.sum() > 0) for point in found.points}) == 2


def test_starts_lie_outside_of_the_mass_and_differ() -> None:
    found = find_starts(prior, two_hills(40.0), 4, np.random.SeedSequence(2), explain)
    distances = [np.linalg.norm(point - 3.0) for point in found.points]
    assert min(distances) > 0.5  # one standard deviation
    assert len({tuple(point) for point in found.points}) == 4


def test_same_seed_same_starts() -> None:
    first, again, other = (
        find_starts(prior, two_hills(40.0), 2, np.random.SeedSequence(s), explain)
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)


def test_points_without_a_finite_density_or_gradient_are_passed_over() -> None:
    hills = two_hills(40.0)

    def evaluate(x: Array) -> tuple[float, Array]:
        density, gradient = hills(x)
        if x[0] < 0:
            return (-np.inf, gradient) if x[1] < 0 else (density, gradient * np.nan)
        return density, gradient

    found = find_starts(prior, evaluate, 4, np.random.SeedSequence(3), explain)
    assert all(point[0] >= 0 for point in found.points)


def test_without_any_finite_point_the_explanation_is_raised() -> None:
    def evaluate(x: Array) -> tuple[float, Array]:
        return -np.inf, np.zeros(2)

    with pytest.raises(FitError, match="50 failed"):
        find_starts(prior, evaluate, 1, np.random.SeedSequence(1), explain)


def explosive() -> OdeModel:
    """``y' = k y^2`` reaches infinity at ``t = 1 / k``."""

    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"y": p.k * y.y**2}

    return OdeModel(
        "explosive",
        (State("y"),),
        (Parameter("k", 1.0, prior=LogNormal(1.0, 0.1)),),
        rhs,
        {"y": 1.0},
    )


def test_a_fit_that_cannot_start_names_the_failure_of_the_solver() -> None:
    study = Study(measured(np.ones(6), observable="y"), name="x")
    problem = Problem(explosive(), study, solver=SolverOptions(max_steps=200))
    with pytest.raises(FitError, match=r"(?s)No chain can start.*solver failed.*subject 1") as info:
        fit(problem, seed=1, draws=5, tune=5, chains=1, progress=False)
    assert "Narrow the priors" in str(info.value)


def test_a_fit_that_cannot_start_names_the_observable() -> None:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"y": -p.k * y.y}

    # The reciprocal is infinite throughout, because the state is and stays zero.
    model = OdeModel(
        "reciprocal",
        (State("y"),),
        (Parameter("k", 1.0, prior=Uniform(0.5, 2.0)),),
        rhs,
        outputs={"inverse": lambda t, y, p: 1 / y.y},
    )
    study = Study(measured(np.ones(6), observable="inverse"), name="x")
    problem = Problem(model, study, "additive")
    with pytest.raises(FitError, match=r"log likelihood of inverse is not finite in 6 of 6 rows"):
        fit(problem, seed=1, draws=5, tune=5, chains=1, progress=False)
