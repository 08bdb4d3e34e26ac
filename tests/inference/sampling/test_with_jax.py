"""NUTS of blackjax and numpyro on the compiled density: the same posterior, the same words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import arviz as az
import jax
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.inference import Problem, fit, read_facts
from cytobayes.inference.sampling import with_jax
from cytobayes.inference.sampling.jax_density import Calls, double_precision, jax_density
from cytobayes.inference.sampling.with_nutpie import prepared

from ..checks import gaussian_population as gauss
from ..straight_line import normal_line, posterior_of_line

Array = npt.NDArray[np.float64]
SAMPLERS = ("blackjax", "numpyro")
SHORT: dict[str, Any] = {"log_likelihood": False, "progress": False}


@pytest.fixture(scope="module")
def line() -> Problem:
    return normal_line()


@pytest.fixture(scope="module", params=SAMPLERS)
def tree(request: pytest.FixtureRequest, line: Problem) -> xr.DataTree:
    return fit(line, seed=1, draws=1000, tune=300, chains=2, sampler=request.param, **SHORT)


# ------------------------------------------------------------------------------- the density
def evaluated(density: Callable[[Any], Any], points: Array) -> tuple[Array, Array]:
    """Values and gradients, in a loop that JAX runs on threads of its own."""
    with double_precision():
        both = jax.jit(lambda xs: jax.lax.map(jax.value_and_grad(density), xs))
        value, gradient = both(points)
        return np.asarray(value), np.asarray(gradient)


def test_value_and_gradient_are_those_of_the_compiled_density_to_the_last_bit(
    problem: Problem,
) -> None:
    _, compiled = prepared(problem, replaceable=False)
    points = 0.3 * np.random.default_rng(1).standard_normal((20, compiled.n_dim))
    value, gradient = evaluated(jax_density(Calls(compiled), compiled.n_dim), points)
    expected = [compiled.logp_func(x) for x in points]
    np.testing.assert_array_equal(value, [float(v) for v, _ in expected])
    np.testing.assert_array_equal(gradient, [g for _, g in expected])


def test_one_call_gives_value_and_gradient(problem: Problem) -> None:
    _, compiled = prepared(problem, replaceable=False)
    calls, called = Calls(compiled), []

    def counted(words: Any) -> Any:
        called.append(threading.get_ident())
        return calls(words)

    evaluated(jax_density(counted, compiled.n_dim), np.zeros((7, compiled.n_dim)))
    assert len(called) == calls.block[0] == 7


def test_the_precision_that_others_use_stays_as_it_is() -> None:
    before = jax.numpy.ones(1).dtype
    with double_precision():
        assert jax.numpy.ones(1).dtype == np.float64
    assert jax.numpy.ones(1).dtype == before == np.float32


def test_a_density_that_is_not_finite_is_minus_infinity_with_a_flat_gradient(line: Problem) -> None:
    _, compiled = prepared(line, replaceable=False)
    calls = Calls(compiled)
    found = calls.value_and_gradient(np.array([np.inf, 0.0]))
    np.testing.assert_array_equal(found, [-np.inf, 0.0, 0.0])
    assert np.isfinite(calls.value_and_gradient(np.zeros(2))).all()
    calls.stopped = True
    np.testing.assert_array_equal(calls.value_and_gradient(np.zeros(2)), [-np.inf, 0.0, 0.0])


# ----------------------------------------------------------------------------------- the draws
@pytest.mark.mcmc
def test_a_normal_posterior_has_its_exact_mean_and_width(tree: xr.DataTree) -> None:
    mean, covariance = posterior_of_line()
    width = np.sqrt(np.diag(covariance))
    for k, name in enumerate("ab"):
        draws = tree["posterior"][name].to_numpy()
        for kind, answer in (("mean", mean[k]), ("sd", width[k])):
            found = draws.mean() if kind == "mean" else draws.std()
            assert abs(found - answer) < 5 * float(az.mcse(draws, method=kind)), (name, kind)
    assert not tree["sample_stats"]["diverging"].any()


@pytest.mark.mcmc
def test_statistics_have_the_names_of_the_other_samplers(tree: xr.DataTree) -> None:
    stats = tree["sample_stats"]
    assert set(stats.data_vars) == {
        "acceptance_rate",
        "diverging",
        "energy",
        "failed_solves",
        "lp",
        "n_steps",
        "reached_max_treedepth",
        "step_size",
        "tree_depth",
    }
    steps, depth = stats["n_steps"], stats["tree_depth"]
    assert bool(((steps >= 2 ** (depth - 1)) & (steps < 2**depth)).all())
    assert set(tree["posterior"].data_vars) == {"a", "b"}
    facts = read_facts(tree)
    assert facts["cores"] == 1 and facts["adaptation"] == "draw_diag"
    assert {"jax", facts["sampler"]} <= set(facts["versions"])


@pytest.mark.mcmc
def test_lp_is_the_density_of_the_draw(line: Problem, tree: xr.DataTree) -> None:
    evaluate = prepared(line, replaceable=False)[1].logp_func
    for k in (0, 500, 999):
        draw = tree["posterior"].to_dataset().isel(chain=1, draw=k)
        found = float(tree["sample_stats"]["lp"].isel(chain=1, draw=k))
        expected = float(evaluate(np.array([draw["a"], draw["b"]]))[0])
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.mcmc
def test_same_seed_same_draws_and_chains_differ(line: Problem, tree: xr.DataTree) -> None:
    sampler, draws = tree.attrs["sampler"], tree["posterior"]["a"].to_numpy()
    again = fit(line, seed=1, draws=20, tune=300, chains=2, sampler=sampler, **SHORT)
    np.testing.assert_array_equal(again["posterior"]["a"], draws[:, :20])
    assert not (draws[0] == draws[1]).any()


@pytest.mark.mcmc
def test_centered_effects_are_those_of_nutpie() -> None:
    problem = gauss.problem(gauss.study(gauss.logarithms(6, 1)))
    other = fit(problem, seed=2, draws=500, tune=300, chains=2, **SHORT)
    tree = fit(problem, seed=2, draws=150, tune=150, chains=2, sampler="numpyro", **SHORT)
    degrees = read_facts(tree)["centering"]
    assert degrees == read_facts(other)["centering"] and degrees["A"] > 0.5
    assert list(tree["posterior"].data_vars) == list(other["posterior"].data_vars)
    for subject in range(6):
        ours, theirs = (
            np.log(t["posterior"]["A_individual"].isel(subject=subject).to_numpy())
            for t in (tree, other)
        )
        error = np.hypot(float(az.mcse(ours)), float(az.mcse(theirs)))
        assert abs(ours.mean() - theirs.mean()) < 5 * error, subject


# ----------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_without_its_package_a_sampler_says_what_to_install(
    line: Problem, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(with_jax, "find_spec", lambda name: None if name != "jax" else object())
    with pytest.raises(InputError, match=rf"{sampler} needs {sampler}.*cytobayes\[jax\]"):
        fit(line, seed=1, sampler=sampler)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_only_nutpie_can_be_resumed(line: Problem, sampler: str, tmp_path: Any) -> None:
    with pytest.raises(InputError, match=f"only nutpie can be resumed, not {sampler}"):
        fit(line, seed=1, sampler=sampler, checkpoint=tmp_path)
