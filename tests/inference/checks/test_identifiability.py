"""Information against closed forms, and directions that nobody can see, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import InputError, Study
from cytobayes.inference import LogNormalError, Problem
from cytobayes.inference.checks.identifiability import identifiability
from cytobayes.inference.checks.information import Information, information, prior_width
from cytobayes.models import Namespace, OdeModel, Parameter
from cytobayes.models.distributions import LogNormal
from cytobayes.models.math import exp

Array = npt.NDArray[np.float64]
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
WIDTH, SIGMA = 0.8, 0.2
TRUTH = {"C0": 10.0, "k1": 0.2, "k2": 0.1}


def model(sum_only: bool) -> OdeModel:
    """Decay with two rates that only their sum tells apart, or with one."""

    def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
        return p.C0 * exp(-(p.k1 + p.k2) * t) if sum_only else p.C0 * exp(-p.k1 * t)

    names = ("C0", "k1", "k2") if sum_only else ("C0", "k1")
    priors = {n: LogNormal(TRUTH[n], WIDTH) for n in names}
    return OdeModel(
        name="decay",
        states=(),
        parameters=tuple(Parameter(n, TRUTH[n], "", prior=priors[n]) for n in names),
        outputs={"C": concentration},
    )


def problem(sum_only: bool, **settings: Any) -> Problem:
    values = 10.0 * np.exp(-0.3 * TIMES)
    rows = {"subject": "1", "time": TIMES, "observable": "C", "value": values}
    study = Study(pd.DataFrame({**rows, **settings}), name="decay")
    return Problem(model(sum_only), study, error=LogNormalError(), fixed={"C_sigma": SIGMA})


def draws(values: dict[str, Any], n: int = 500, width: float = 0.0) -> xr.Dataset:
    rng = np.random.default_rng(1)
    dims = ("chain", "draw")
    return xr.Dataset(
        {k: (dims, v * np.exp(width * rng.standard_normal((2, n)))) for k, v in values.items()},
        {"chain": [0, 1], "draw": range(n)},
    )


def point(values: dict[str, float]) -> xr.Dataset:
    return draws(values, 1).isel(chain=[0])


def test_information_is_that_of_the_linear_model() -> None:
    found = information(problem(False), point({"C0": 10.0, "k1": 0.3}))
    x = np.column_stack([np.ones(5), -0.3 * TIMES])  # of log C by log C0 and log k
    np.testing.assert_allclose(found.matrix, x.T @ x / SIGMA**2, rtol=1e-5)
    # 400 quantiles in the middle of equal shares leave out a little of the tails
    np.testing.assert_allclose(found.widths, WIDTH, rtol=0.01)
    assert found.rank == 2 and found.weak == ()


def test_a_sum_is_named_as_all_that_is_seen() -> None:
    found = information(problem(True), point(TRUTH))
    assert found.rank == 2
    values, ways = found.directions
    # d log C = -(k1 dlog k1 + k2 dlog k2) t: k1, k2 = 0.2, 0.1 leave (1, -2) unseen
    assert values[0] == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(np.abs(ways[0]), [0, 1 / np.sqrt(5), 2 / np.sqrt(5)], atol=1e-4)
    assert found.weak == (
        "0.89 log k2 - 0.45 log k1 (the data take 0 % off its variance): they see k1 and k2 only "
        "through 0.89 log k1 + 0.45 log k2",
    )


def test_two_parameters_are_seen_through_nothing_where_their_whole_plane_is_unseen() -> None:
    """Weak along (0.8, -0.6) and along what lies across; c is known, but bent into the latter."""
    across = np.array([0.6, 0.8, 0.1]) / np.sqrt(1.01)
    known = np.cross([0.8, -0.6, 0.0], across)
    matrix = 0.1 * np.outer(across, across) + 1e4 * np.outer(known, known)
    found = Information(("a", "b", "c"), ("log",) * 3, matrix, np.ones(3))
    # conditional on c, the data say much about 0.60 a + 0.80 b: 1e4 (0.1)^2; overall they do not
    assert found.weak == (
        "0.80 log a - 0.60 log b (the data take 0 % off its variance)",
        "0.80 log b + 0.60 log a (the data take 9 % off its variance)",
    )
    seen = Information(("a", "b", "c"), ("log",) * 3, matrix + 9 * np.outer(across, across),
                       np.ones(3))  # fmt: skip
    assert seen.weak[0].endswith("they see a and b only through 0.80 log b + 0.60 log a")


def test_what_is_said_of_a_direction_holds_whatever_the_widths_of_the_priors() -> None:
    """Only a + b is seen, well; b has the wider prior, and so is known, and a stays unknown."""
    found = Information(("a", "b"), ("natural",) * 2, np.full((2, 2), 1e4), np.array([0.1, 10.0]))
    assert found.weak == ("a (the data take 0 % off its variance)",)
    covariance = np.linalg.inv(found.matrix + np.diag(found.widths**-2.0))
    for value, way in zip(*found.directions, strict=True):
        share = 1 - way @ covariance @ way / (way @ np.diag(found.widths**2) @ way)
        assert share == pytest.approx(value / (1 + value), abs=1e-9)
    near = Information(("a", "b"), ("natural",) * 2, np.full((2, 2), 1e4), np.array([1.0, 2.0]))
    # unseen: a - b; of combinations with it free, 0.97 a - 0.24 b has learned nothing
    assert near.weak == (
        "0.97 a - 0.24 b (the data take 0 % off its variance): they see a and b only through "
        "0.71 b + 0.71 a",
    )


def test_a_direction_of_one_parameter_is_its_name() -> None:
    matrix = np.diag([0.0, 9.0])
    found = Information(("a", "b"), ("logit", "natural"), matrix, np.ones(2))
    assert found.weak == ("logit a (the data take 0 % off its variance)",)


def test_a_row_beyond_its_limit_says_less_and_at_the_limit_a_known_share() -> None:
    exact = information(problem(False), point({"C0": 10.0, "k1": 0.3})).matrix
    below = problem(False, censoring=["none"] * 4 + ["left"])
    found = information(below, point({"C0": 10.0, "k1": 0.3})).matrix
    # limit at the model's value: information 2 / pi of that of a number
    assert (exact - found)[0, 0] * SIGMA**2 == pytest.approx(1 - 2 / np.pi, abs=1e-5)


def test_contraction_is_that_of_the_draws() -> None:
    tree = xr.DataTree.from_dict({"posterior": draws({"C0": 10.0, "k1": 0.3}, width=0.08)})
    check = identifiability(problem(False), tree)
    table = check.table.set_index("name")
    expected = 1 - (0.08 / WIDTH) ** 2
    assert table.loc["k1", "contraction"] == pytest.approx(expected, abs=0.002)
    assert check.good and check.sentence.startswith("The data decide all 2 parameters")
    assert len(check.plot().axes[0].patches) == 4


def test_what_the_prior_decides_is_flagged() -> None:
    posterior = draws({"C0": 10.0}, width=0.08)
    posterior["k1"], posterior["k2"] = draws({"k1": 0.2, "k2": 0.1}, width=0.7).values()
    check = identifiability(problem(True), xr.DataTree.from_dict({"posterior": posterior}))
    assert check.good is False
    assert "less than half of the prior variance off k" in check.sentence
    assert "rank 2 of 3 beside the priors" in check.sentence
    posterior["k2"] = draws({"k2": 0.1}, width=1.2)["k2"]
    wider = identifiability(problem(True), xr.DataTree.from_dict({"posterior": posterior}))
    assert "prior variance off k2 (none), k1 (2" in wider.sentence
    with pytest.raises(InputError, match="no draws of k2"):
        identifiability(
            problem(True), xr.DataTree.from_dict({"posterior": posterior.drop_vars("k2")})
        )


def test_prior_widths_are_on_the_scale_of_the_parameter() -> None:
    assert prior_width(problem(False), "k1") == pytest.approx(WIDTH, rel=0.01)
