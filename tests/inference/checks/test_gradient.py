"""A right gradient passes, also of a noisy density; one that is off by a percent does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from cytobayes.datasets import InputError
from cytobayes.inference.checks.gradient import gradient, slopes
from cytobayes.inference.checks.points import Density

from . import gaussian_population as gp

Array = npt.NDArray[np.float64]
POINTS = [np.array([0.3, -1.0, 2.0]), np.array([1.0, 0.5, -0.5])]


def curved(x: Array) -> tuple[float, Array]:
    """A density that is no parabola."""
    return float(-np.cosh(x).sum() - x[0] * x[1] ** 2), -np.sinh(x) - np.array(
        [x[1] ** 2, 2 * x[0] * x[1], 0.0]
    )


def table(evaluate: Any, tolerance: float = 1e-9) -> Any:
    return slopes(evaluate, POINTS, np.ones(3), 10, tolerance, np.random.default_rng(1))


def test_an_exact_gradient_passes() -> None:
    found = table(curved)
    assert found["ok"].all() and len(found) == 20
    assert (found["difference"].abs() < 1e-7 * found["by_differences"].abs().max()).all()


def test_one_percent_is_caught() -> None:
    assert not table(lambda x: (curved(x)[0], 1.01 * curved(x)[1]))["ok"].any()


def test_one_wrong_coordinate_is_caught() -> None:
    found = table(lambda x: (curved(x)[0], curved(x)[1] + np.array([0.0, 0.05, 0.0])))
    assert not found["ok"].any()


def test_noise_of_a_solver_is_part_of_the_budget() -> None:
    rng = np.random.default_rng(2)
    found = table(lambda x: (curved(x)[0] + 1e-5 * rng.standard_normal(), curved(x)[1]), 1e-4)
    assert found["ok"].mean() > 0.9  # six standard errors, estimated from five residuals
    assert (found["budget"] > 1e-4).all()


def test_a_density_that_is_not_finite_gives_no_verdict() -> None:
    def cliff(x: Array) -> tuple[float, Array]:
        return (-np.inf if x[0] > 0.3 else 0.0), np.zeros(3)

    assert not table(cliff)["ok"].all()


def test_the_density_of_a_hierarchical_problem_passes() -> None:
    made = gp.logarithms(4, 3)
    problem, posterior = gp.problem(gp.study(made)), gp.posterior(made, draws=30)
    noise = np.random.default_rng(4).normal(1.0, 0.1, (5, 2, 30))
    names = ("A", "k", "A_omega", "k_omega", "C_sigma")
    posterior = posterior.assign({n: posterior[n] * noise[i] for i, n in enumerate(names)})
    tree = xr.DataTree.from_dict({"posterior": posterior})
    check = gradient(problem, tree, draws=2, directions=3)
    assert check.good and check.sentence.startswith("The gradient is the slope")
    density = Density(problem)
    point = density.points(posterior, np.array([7]), 0)[0]
    assert density.layout.part(point, "A_omega")[0] == pytest.approx(
        np.log(posterior["A_omega"].to_numpy().ravel()[7])
    )
    assert len(check.plot().axes) == 2
    with pytest.raises(InputError, match="at least 1"):
        gradient(problem, tree, draws=0)
