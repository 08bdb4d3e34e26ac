"""Chains in different modes are named; chains of one mode raise no alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, convergence, fit, modes
from cytobayes.models.distributions import Normal
from cytobayes.models.ode import OdeModel, Parameter

Array = npt.NDArray[np.float64]


def tree_of(lp: Array | None = None, **draws: Array) -> xr.DataTree:
    posterior = xr.Dataset(
        {n: (("chain", "draw"), v) for n, v in draws.items()},
        coords={"chain": np.arange(len(next(iter(draws.values()))))},
    )
    lp = -0.5 * np.sum([v**2 for v in draws.values()], axis=0) if lp is None else lp
    stats = xr.Dataset(
        {"lp": (("chain", "draw"), lp), "diverging": (("chain", "draw"), lp > np.inf)}
    )
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})


def noise(seed: int, chains: int = 4, draws: int = 500) -> Array:
    return np.random.default_rng(seed).normal(size=(chains, draws))


def test_chains_in_two_modes_are_named_with_place_and_log_density() -> None:
    k, other = noise(1), noise(2)
    k[[1, 3]] += 20.0
    lp = -0.5 * noise(3) ** 2 - 120.0
    lp[[1, 3]] += 2.5
    found = modes(tree_of(lp, other=other, k=k))
    assert found.good is False
    assert list(found.table["chains"]) == ["1, 3", "0, 2"]
    low, high = lp[[0, 2]].mean(), lp[[1, 3]].mean()
    assert f"chains 1, 3 near k = {k[[1, 3]].mean():.3g} (mean log density {high:.1f})" in (
        found.sentence
    )
    assert f"chains 0, 2 near k = {k[[0, 2]].mean():.3g} (mean log density {low:.1f})" in (
        found.sentence
    )
    assert "two modes" in found.sentence and "other" not in found.sentence
    assert found.plot().axes


def test_chains_apart_in_a_correlation_alone_are_named() -> None:
    r = 0.02 * noise(1)
    r[[1, 3]] += 0.9
    matrix = np.tile(np.eye(2), (*r.shape, 1, 1))
    matrix[..., 0, 1] = matrix[..., 1, 0] = r
    tree = tree_of(lp=noise(3), k=noise(2))
    dims = ("chain", "draw", "a", "b")
    tree["posterior"] = tree["posterior"].to_dataset().assign(omega_correlation=(dims, matrix))
    found = modes(tree)
    assert found.good is False
    assert "near omega_correlation[1,0]" in found.sentence


@pytest.mark.parametrize("seed", range(20))
def test_chains_of_one_mode_raise_no_alarm(seed: int) -> None:
    draws = {f"p{n}": noise(100 * seed + n, draws=100) for n in range(20)}
    assert modes(tree_of(**draws)).good is True


def test_slow_chains_of_one_mode_that_overlap_raise_no_alarm() -> None:
    steps = noise(5, draws=2000)
    x = np.empty_like(steps)
    x[:, 0] = steps[:, 0]
    for i in range(1, 2000):  # about 20 effective draws per chain
        x[:, i] = 0.98 * x[:, i - 1] + np.sqrt(1 - 0.98**2) * steps[:, i]
    assert modes(tree_of(x=x)).good is True


def test_chains_on_their_way_are_not_called_modes() -> None:
    x = noise(6) + np.linspace(0, 30, 500) + np.array([[0.0], [100.0], [200.0], [300.0]])
    found = modes(tree_of(x=x))
    assert found.good is False
    assert "may still be moving" in found.sentence and "modes" not in found.sentence


def test_a_chain_that_moves_between_modes_joins_them() -> None:
    x = noise(7)
    x[0] += 20.0
    x[1, ::2] += 20.0
    assert modes(tree_of(x=x)).good is True  # R-hat judges how well; nothing is hidden apart


def test_one_chain_says_nothing() -> None:
    assert modes(tree_of(x=noise(8, chains=1))).good is None
    with pytest.raises(InputError, match="sample_stats"):
        modes(xr.DataTree.from_dict({"posterior": xr.Dataset()}))


@pytest.mark.mcmc
def test_a_model_of_which_the_sign_is_not_seen_has_two_modes() -> None:
    """``y = a**2`` with a prior around zero: the modes are at plus and minus the root of y."""
    model = OdeModel(
        "square",
        (),
        (Parameter("a", 1.0, prior=Normal(0.0, 3.0), lower=-np.inf),),
        outputs={"y": lambda t, y, p: p.a**2},
    )
    rows = pd.DataFrame({"subject": "1", "time": np.arange(8.0), "observable": "y", "value": 4.0})
    problem = Problem(model, Study(rows, name="x"), error="additive", fixed={"y_sigma": 0.5})
    tree = fit(problem, seed=1, draws=300, tune=200, chains=4, progress=False)
    found = modes(tree)
    signs: Any = np.sign(tree["posterior"]["a"].mean("draw").to_numpy())
    assert set(signs) == {-1.0, 1.0}, "all chains began in one mode: take another seed"
    assert found.good is False and "two modes" in found.sentence
    for _, row in found.table.iterrows():
        members = [int(c) for c in row["chains"].split(",")]
        assert len(set(signs[members])) == 1
        # The posterior of a**2 is narrow around 4, so that a is near 2 but for its own skewness.
        assert abs(abs(row["a"]) - 2.0) < 0.1
    assert not convergence(tree).ok
