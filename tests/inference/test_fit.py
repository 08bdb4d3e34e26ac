"""Draws: reproducible, the same on any number of cores, counted, saved, interruptible."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, convergence, fit, read_facts
from cytobayes.inference.sampling.progress import Progress
from cytobayes.models.distributions import LogNormal
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State
from cytobayes.models.solver import FAILURES, SolverOptions

from .conftest import measured

pytestmark = pytest.mark.mcmc
SHORT: dict[str, Any] = {"draws": 150, "tune": 150, "chains": 4, "progress": False}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fit") / "posterior.nc"


@pytest.fixture(scope="module")
def tree(problem: Problem, saved: Path) -> Any:
    return fit(problem, seed=7, cores=1, out=saved, **SHORT)


def equal(a: xr.DataTree, b: xr.DataTree) -> bool:
    groups = ("posterior", "warmup_posterior", "sample_stats")
    return all(a[g].to_dataset().identical(b[g].to_dataset()) for g in groups)


def test_four_chains_in_parallel_draw_the_same_bits_as_in_sequence(
    problem: Problem, tree: xr.DataTree
) -> None:
    for _ in range(3):
        assert equal(fit(problem, seed=7, cores=4, log_likelihood=False, **SHORT), tree)


def test_same_seed_same_draws_other_seed_other_draws(problem: Problem, tree: xr.DataTree) -> None:
    assert equal(fit(problem, seed=7, cores=2, log_likelihood=False, **SHORT), tree)
    other = fit(problem, seed=8, cores=2, log_likelihood=False, **SHORT)
    assert not (other["posterior"]["ka"] == tree["posterior"]["ka"]).any()


def test_chains_that_nearly_agree_go_on_until_they_do_or_the_end(problem: Problem) -> None:
    short: dict[str, Any] = {"draws": 60, "tune": 300, "log_likelihood": False, "progress": False}
    tree = fit(problem, seed=7, max_draws=2000, **short)
    drawn = tree["posterior"].sizes["draw"]
    assert convergence(tree).ok, convergence(tree).sentence
    assert 60 < drawn < 2000 and drawn % 30 == 0
    before: Any = tree.isel(draw=slice(0, drawn - 30))
    assert convergence(before).wants_draws  # not one look too many
    stopped = fit(problem, seed=7, max_draws=70, **short)
    assert stopped["posterior"].sizes["draw"] == 70
    assert not convergence(stopped).ok
    for name in ("ka", "k"):  # the same chains, continued
        first, second = (t["posterior"][name].to_numpy()[:, :60] for t in (stopped, tree))
        np.testing.assert_array_equal(first, second)
    steps = int(tree["sample_stats"]["n_steps"].sum())
    assert read_facts(tree)["gradient_evaluations"]["sampling"] == steps
    assert read_facts(tree)["resumed"] == 0


def test_draws_that_are_asked_for_are_drawn_exactly(problem: Problem) -> None:
    tree = fit(problem, seed=7, log_likelihood=False, **(SHORT | {"draws": 5}))
    assert tree["posterior"].sizes["draw"] == 5
    with pytest.raises(InputError, match="max_draws = 4: must be at least the 5 draws"):
        fit(problem, seed=7, max_draws=4, **(SHORT | {"draws": 5}))


def test_chains_differ(tree: xr.DataTree) -> None:
    assert len(np.unique(tree["posterior"]["ka"].isel(draw=-1))) == 4


def test_tree_carries_what_made_it(problem: Problem, tree: xr.DataTree) -> None:
    facts = read_facts(tree)
    assert facts["problem_id"] == problem.id == facts["problem"]["id"]
    settings = {"seed": 7, "draws": 150, "tune": 150, "chains": 4, "cores": 1, "interrupted": 0}
    assert settings.items() <= facts.items()
    assert {"cytobayes", "nutpie", "numba", "python"} <= set(facts["versions"])
    assert facts["engine"] == problem.compiled.source_hash
    assert facts["failed_solves"] == {"warmup": {}, "sampling": {}}
    assert 0 < facts["sampling_time"] < facts["wall_time"]
    json.dumps(dict(tree.attrs))


def test_gradient_evaluations_are_those_of_the_trajectories(tree: xr.DataTree) -> None:
    counted = read_facts(tree)["gradient_evaluations"]
    assert counted["sampling"] == int(tree["sample_stats"]["n_steps"].sum())
    extra = counted["warmup"] - int(tree["warmup_sample_stats"]["n_steps"].sum())
    assert 0 < extra < 4 * 50  # first point and first step size of each chain


def test_groups_hold_draws_statistics_and_data(problem: Problem, tree: Any) -> None:
    assert set(tree["posterior"].data_vars) == {"ka", "k", "C_sigma"}
    assert tree["posterior"]["ka"].dims == ("chain", "draw")
    assert set(tree["posterior"].dims) == {"chain", "draw"}
    assert {"diverging", "energy", "lp", "n_steps", "step_size", "tree_depth"} <= set(
        tree["sample_stats"].data_vars
    )
    assert tree["log_likelihood"]["C"].shape == (4, 150, 6)
    observed = problem.arrangement.observed[0]
    np.testing.assert_array_equal(tree["observed_data"]["C"], observed.rows.value)
    np.testing.assert_array_equal(tree["constant_data"]["C_time"], observed.time)
    assert Study.from_tree(tree["study"]).subjects == ("1",)


def test_saved_file_is_opened_by_arviz_with_everything_in_it(
    tree: xr.DataTree, saved: Path
) -> None:
    again = az.from_netcdf(saved)
    assert equal(again, tree)
    assert read_facts(again) == read_facts(tree)
    assert list(az.summary(again).index) == ["ka", "k", "C_sigma"]
    assert [p.name for p in saved.parent.iterdir()] == ["posterior.nc"]


def test_log_likelihood_is_the_density_of_each_row(problem: Problem, tree: xr.DataTree) -> None:
    from scipy import stats

    from .conftest import TIMES, closed_form, noisy

    draw = tree["posterior"].to_dataset().isel(chain=2, draw=10)
    f = closed_form(float(draw["ka"]), float(draw["k"]), TIMES)
    expected = stats.lognorm(float(draw["C_sigma"]), scale=f).logpdf(noisy(1))
    found = tree["log_likelihood"]["C"].isel(chain=2, draw=10)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_pymc_samples_the_same_posterior(problem: Problem) -> None:
    ours = fit(
        problem, seed=1, draws=1000, tune=500, chains=2, log_likelihood=False, progress=False
    )
    pymc = fit(
        problem, seed=1, draws=700, tune=500, chains=2, sampler="pymc", log_likelihood=False,
        progress=False,
    )  # fmt: skip
    for name in ("ka", "k", "C_sigma"):
        a, b = (np.log(t["posterior"][name].to_numpy()) for t in (ours, pymc))
        error = np.hypot(float(az.mcse(a)), float(az.mcse(b)))
        assert abs(a.mean() - b.mean()) < 5 * error, name
    facts = read_facts(pymc)
    steps = int(pymc["sample_stats"]["n_steps"].sum())
    assert steps <= facts["gradient_evaluations"]["sampling"] <= 1.5 * steps
    assert set(pymc["sample_stats"].data_vars) == set(ours["sample_stats"].data_vars)
    assert facts["cores"] == 1


# --------------------------------------------------------------------------------- failed solves
@pytest.fixture(scope="module")
def explosive() -> Problem:
    """``y' = k y^2`` from 1 reaches infinity before the last time (12) if k > 1/12."""

    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"y": p.k * y.y**2}

    parameter = Parameter("k", 0.05, prior=LogNormal(0.06, 0.5))
    model = OdeModel("explosive", (State("y"),), (parameter,), rhs, {"y": 1.0})
    study = Study(measured(np.full(6, 1.5), observable="y"), name="x")
    return Problem(model, study, fixed={"y_sigma": 2.0}, solver=SolverOptions(max_steps=500))


@pytest.mark.parametrize("sampler", ["nutpie", "pymc", "blackjax", "numpyro"])
def test_failed_solves_are_rejected_and_counted_by_cause_and_phase(
    explosive: Problem, sampler: str
) -> None:
    tree = fit(explosive, seed=3, draws=300, tune=300, chains=2, sampler=sampler, progress=False)
    assert float(tree["posterior"]["k"].max()) < 1 / 12
    facts = read_facts(tree)["failed_solves"]
    for phase, prefix in (("warmup", "warmup_"), ("sampling", "")):
        stats = tree[f"{prefix}sample_stats"]
        per_draw = stats["failed_solves"]
        sums = per_draw.sum(("chain", "draw"))
        by_cause = dict(zip(sums["cause"].to_numpy(), sums.to_numpy().tolist(), strict=True))
        assert {c: n for c, n in by_cause.items() if n} == facts[phase]
        rejected = per_draw.sum("cause") > 0
        if phase == "sampling":
            assert bool((rejected <= stats["diverging"]).all())
    assert sum(facts["sampling"].values()) > 10
    assert set(facts["sampling"]) <= set(FAILURES.values())
    verdict = convergence(tree)
    assert verdict.failed_solves == facts["sampling"]
    assert verdict.divergences < verdict.failed_draws
    assert "a solve failed in" in verdict.sentence


# ------------------------------------------------------------------------------------- Ctrl-C
@pytest.mark.parametrize(
    ("sampler", "cores"),
    [("nutpie", 2), ("nutpie", 1), ("pymc", 1), ("blackjax", 1)],
    ids=str,
)
def test_ctrl_c_leaves_a_loadable_tree_of_what_was_drawn(
    problem: Problem, sampler: str, cores: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(self: Progress, states: Any) -> None:
        if any(not s.tuning and s.finished > 150 for s in states.values()):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "update", interrupt)
    tree = fit(
        problem, seed=2, draws=10**6, tune=100, chains=3, cores=cores, sampler=sampler,
        log_likelihood=False, out=tmp_path / "part.nc", progress=False,
    )  # fmt: skip
    assert read_facts(tree)["interrupted"] == 1
    assert 10 < tree["posterior"].sizes["draw"] < 10**6
    assert np.isfinite(tree["posterior"]["ka"]).all()
    assert equal(az.from_netcdf(tmp_path / "part.nc"), tree)
    assert "interrupted" in convergence(tree).sentence


@pytest.mark.parametrize(("sampler", "tune"), [("nutpie", 10**6), ("blackjax", 10**4)])
def test_ctrl_c_during_warm_up_leaves_the_warm_up(
    problem: Problem, sampler: str, tune: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(self: Progress, states: Any) -> None:
        if any(s.finished > 20 for s in states.values()):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "update", interrupt)
    out = tmp_path / "part.nc"
    tree = fit(
        problem, seed=2, draws=10, tune=tune, chains=2, out=out, sampler=sampler, progress=False
    )
    assert tree["posterior"].sizes["draw"] == 0
    assert tree["warmup_posterior"].sizes["draw"] > 20
    assert read_facts(az.from_netcdf(out))["interrupted"] == 1
    assert not convergence(tree).ok


# ------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"draws": 0}, "draws must be at least 1"),
        ({"chains": -1}, "chains must be at least 1"),
        ({"seed": -1}, "seed must be 0"),
        ({"cores": -2}, "cores must be at least 1"),
        ({"target_accept": 1.0}, "target_accept must lie between 0 and 1"),
        ({"sampler": "stan"}, "nutpie, pymc, blackjax, numpyro"),
        ({"adaptation": "flow"}, "low_rank, diag, draw_diag"),
    ],
)
def test_settings_without_meaning_are_refused(
    problem: Problem, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        fit(problem, **{"seed": 1, **settings})
