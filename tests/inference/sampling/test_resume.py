"""A killed process costs what it drew since the last writing; the joined chains are valid."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, convergence, fit, read_facts
from cytobayes.inference.sampling import chains
from cytobayes.inference.sampling.checkpoint import Begun, Checkpoint, read
from cytobayes.inference.sampling.continuation import next_plan
from cytobayes.inference.sampling.progress import Progress
from cytobayes.inference.sampling.samplers import Settings
from cytobayes.inference.sampling.starts import Starts
from cytobayes.models.distributions import LogNormal
from cytobayes.models.ode import OdeModel, Parameter

pytestmark = pytest.mark.mcmc
ASKED: dict[str, Any] = {
    "seed": 5, "draws": 1000, "tune": 300, "chains": 4, "cores": 2,
    "progress": False, "log_likelihood": False,
}  # fmt: skip
SETTINGS = Settings(1000, 300, 4, 2, 5, 0.95, "low_rank", 1000)
BEGUN = Begun(Starts([np.zeros(3)] * 4, [0.0], 1), np.zeros((0, 0)))
SAME = ("posterior", "warmup_posterior", "sample_stats", "warmup_sample_stats")


@pytest.fixture(scope="module")
def whole(problem: Problem) -> xr.DataTree:
    return fit(problem, **ASKED)


@pytest.fixture(scope="module")
def finished(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of a run that came to its end."""
    folder = tmp_path_factory.mktemp("checkpoint") / "state"
    fit(problem, checkpoint=folder, **ASKED)
    return folder


@pytest.fixture
def state(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "state"))


def cut(folder: Path, chain: int, warm: int, kept: int, segment: int = 0) -> xr.DataTree:
    """Make the file what it was when the chain had so many draws."""
    path = folder / f"chain-{chain}-{segment}.nc"
    tree = read(path)
    for prefix, draws in (("warmup_", warm), ("", kept)):
        for group in (f"{prefix}posterior", f"{prefix}sample_stats"):
            if draws:
                tree[group] = tree[group].to_dataset().isel(draw=slice(0, draws))
            elif group in tree.children:
                del tree[group]
    tree.to_netcdf(path, engine="h5netcdf")
    return tree


def equal(a: xr.DataTree, b: xr.DataTree) -> bool:
    return all(a[g].to_dataset().identical(b[g].to_dataset()) for g in SAME)


def agree(a: Any, b: Any) -> None:
    """Means of logarithms within five standard errors, where the errors are known."""
    for name in ("ka", "k", "C_sigma"):
        x, y = (np.log(t["posterior"][name].to_numpy()) for t in (a, b))
        assert min(float(az.ess(x)), float(az.ess(y))) > 400
        error = np.hypot(float(az.mcse(x)), float(az.mcse(y)))
        assert abs(x.mean() - y.mean()) < 5 * error, name
        spread = np.hypot(float(az.mcse(x, method="sd")), float(az.mcse(y, method="sd")))
        assert abs(x.std() - y.std()) < 5 * spread, name


def test_a_checkpoint_does_not_change_a_draw(problem: Problem, finished: Path, whole: Any) -> None:
    again = fit(problem, checkpoint=finished, **ASKED)  # all chains are done: nothing is drawn
    assert equal(again, whole)
    assert read_facts(again)["failed_solves"] == read_facts(whole)["failed_solves"]
    assert read_facts(again)["gradient_evaluations"] == read_facts(whole)["gradient_evaluations"]
    assert read_facts(again)["resumed"] == 1
    assert read_facts(whole)["resumed"] == 0


def test_chains_killed_in_every_phase_go_on_to_the_same_posterior(
    problem: Problem, state: Path, whole: Any
) -> None:
    cut(state, 0, 60, 0)
    cut(state, 1, 290, 0)
    cut(state, 2, 300, 400)
    (state / "chain-3-0.nc").unlink()
    tree: Any = fit(problem, checkpoint=state, **ASKED)
    assert tree["posterior"].sizes["draw"] == 1000
    assert convergence(tree).ok, convergence(tree).sentence
    agree(tree, whole)
    same = tree["posterior"]["ka"].to_numpy() == whole["posterior"]["ka"].to_numpy()
    assert same[2, :400].all() and not same[2, 400:].any()
    assert same[3].all()  # had not begun: as if nothing had happened
    assert not same[:2].any()
    facts = read_facts(tree)
    assert facts["gradient_evaluations"]["sampling"] == int(tree["sample_stats"]["n_steps"].sum())
    warm = tree["warmup_posterior"]["ka"].to_numpy()
    np.testing.assert_array_equal(warm[0, :60], whole["warmup_posterior"]["ka"][0, :60])


def test_a_chain_that_was_sampling_keeps_its_metric_and_step_size(
    problem: Problem, state: Path
) -> None:
    steps = cut(state, 2, 300, 400)["sample_stats"]["step_size_bar"].to_numpy()
    for other in (0, 1, 3):
        (state / f"chain-{other}-0.nc").unlink()
    tree: Any = fit(problem, checkpoint=state, **ASKED)
    stats = tree["sample_stats"].sel(chain=2)
    np.testing.assert_allclose(stats["step_size_bar"], steps[0, 0])
    # Momenta are standard normal in nutpie's coordinates, so that they show its metric: the mean
    # number of steps and the acceptance of both parts of the chain are those of one kernel.
    # Energies count from the same level, or the chain would seem to miss energies.
    for name in ("n_steps", "acceptance_rate", "energy"):
        before, after = stats[name].to_numpy()[:400], stats[name].to_numpy()[400:]
        error = np.hypot(float(az.mcse(before[None])), float(az.mcse(after[None])))
        assert abs(before.mean() - after.mean()) < 5 * error, name


def test_the_metric_of_a_resumed_chain_is_exact(problem: Problem, state: Path) -> None:
    segment: Any = cut(state, 2, 300, 400)
    plan = next_plan([segment], SETTINGS, BEGUN, 1, 2)
    assert plan is not None and plan.coordinates is not None
    stats = segment["sample_stats"]
    x, z = (stats[n].to_numpy()[0] for n in ("position", "transformed_position"))
    shift = z - plan.coordinates.back(x)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-9)
    assert (plan.tune, plan.draws, plan.finished(1), plan.total) == (1, 600, 700, 1300)


def test_a_chain_too_short_to_know_its_metric_tunes_again(problem: Problem, state: Path) -> None:
    segment: Any = cut(state, 2, 300, 3)
    segment["warmup_sample_stats"]["transformation_index"][:] = 0
    plan = next_plan([segment], SETTINGS, BEGUN, 1, 2)
    assert plan is not None and plan.step is None
    assert (plan.tune, plan.draws, plan.counts_tuning) == (200, 997, False)
    assert (plan.finished(150), plan.finished(210), plan.total) == (303, 313, 1300)


def test_draws_that_were_added_are_resumed_too(problem: Problem, tmp_path: Path) -> None:
    asked = {**ASKED, "draws": 100, "max_draws": 2000}
    state = tmp_path / "state"
    before: Any = fit(problem, checkpoint=state, **asked)
    total = before["posterior"].sizes["draw"]
    assert total > 150
    for chain in (1, 3):  # as if the process had been killed when these had added 50 draws
        later = sorted(state.glob(f"chain-{chain}-*.nc"), key=lambda p: len(p.name))[2:]
        for path in later:
            path.unlink()
    tree: Any = fit(problem, checkpoint=state, **asked)
    assert convergence(tree).ok, convergence(tree).sentence
    assert tree["posterior"].sizes["draw"] == total
    same = tree["posterior"]["ka"].to_numpy() == before["posterior"]["ka"].to_numpy()
    assert same[[0, 2]].all() and same[:, :150].all()


# ---------------------------------------------------------------------------------- kill, Ctrl-C
PROGRAM = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from conftest import doses, measured, noisy, one_compartment_oral
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, fit
from cytobayes.inference.sampling import with_nutpie
from cytobayes.inference.sampling.checkpoint import Checkpoint

save = Checkpoint.save

def save_and_die(self, chain, segment, tree):
    save(self, chain, segment, tree)
    if {group!r} in tree.children and 20 < tree[{group!r}].sizes["draw"] < 6000:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.save = save_and_die
with_nutpie.EVERY = 0.0
data = Study(
    measured(noisy(1)), name="one subject", units={{"C": "mg/L"}}, time_unit="h", doses=doses("1")
)
fit(Problem(one_compartment_oral(), data), checkpoint={folder!r}, **{asked!r})
"""


def test_kill_9_in_warm_up_and_in_sampling_loses_no_draw_that_was_written(
    problem: Problem, whole: Any, tmp_path: Path
) -> None:
    folder, asked = tmp_path / "state", {**ASKED, "draws": 6000}
    for group in ("warmup_posterior", "posterior"):
        earlier = set(folder.glob("chain-*.nc"))
        tests = str(Path(__file__).parents[1])
        program = PROGRAM.format(tests=tests, group=group, folder=str(folder), asked=asked)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        written = [read(p) for p in folder.glob("chain-*.nc") if p not in earlier]
        assert any(group in tree.children for tree in written)
    kept: dict[int, list[Any]] = {}  # a chain may have been sampling before the first kill
    for path in sorted(folder.glob("chain-*.nc")):
        segment_read = read(path)
        if "posterior" in segment_read.children:
            found = segment_read["posterior"]["ka"].to_numpy()[0]
            kept.setdefault(int(path.name[6]), []).extend(found)
    tree: Any = fit(problem, checkpoint=folder, **asked)
    assert read_facts(tree)["resumed"] == 2
    assert tree["posterior"].sizes["draw"] == 6000
    assert kept
    for chain, draws in kept.items():
        np.testing.assert_array_equal(tree["posterior"]["ka"][chain, : len(draws)], draws)
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    agree(tree, whole)


def test_ctrl_c_leaves_a_state_that_goes_on(
    problem: Problem, whole: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(self: Progress, states: Any) -> None:
        if any(not s.tuning and s.finished > 400 for s in states.values()):
            signal.raise_signal(signal.SIGINT)

    more = {**ASKED, "draws": 4000}
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "update", interrupt)
        patch.setattr(chains, "REFRESH", 0.0)
        stopped: Any = fit(problem, checkpoint=tmp_path / "state", **more)
    assert read_facts(stopped)["interrupted"] == 1
    kept = stopped["posterior"]
    assert 0 < kept.sizes["draw"] * kept.sizes["chain"] < 4 * 4000
    tree: Any = fit(problem, checkpoint=tmp_path / "state", **more)
    assert read_facts(tree)["interrupted"] == 0
    assert tree["posterior"].sizes["draw"] == 4000
    for chain in kept["chain"].to_numpy():
        first = tree["posterior"]["ka"].sel(chain=chain)[: kept.sizes["draw"]]
        np.testing.assert_array_equal(first, kept["ka"].sel(chain=chain))
    agree(tree, whole)


# ------------------------------------------------------------------------------------ refusals
def test_another_fit_is_refused(problem: Problem, state: Path) -> None:
    with pytest.raises(InputError, match="seed is 5, now it is 6"):
        fit(problem, checkpoint=state, **{**ASKED, "seed": 6})
    with pytest.raises(InputError, match="draws is 1000, now it is 2000"):
        fit(problem, checkpoint=state, **{**ASKED, "draws": 2000})


def test_two_processes_do_not_share_a_state(problem: Problem, state: Path) -> None:
    first = Checkpoint(state, problem, SETTINGS)
    with pytest.raises(InputError, match="in use"):
        fit(problem, checkpoint=state, **ASKED)
    first.close()


def test_a_damaged_file_is_named(problem: Problem, state: Path) -> None:
    (state / "chain-1-0.nc").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"chain-1-0\.nc cannot be read"):
        fit(problem, checkpoint=state, **ASKED)


def test_half_a_file_is_swept_away(problem: Problem, state: Path) -> None:
    (state / ".0a1b2c3d-chain-1-0.nc").write_bytes(b"half")
    Checkpoint(state, problem, SETTINGS).close()
    assert not list(state.glob(".*-chain*"))


def test_only_nutpie_has_a_state(problem: Problem, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only nutpie"):
        fit(problem, checkpoint=tmp_path / "state", sampler="pymc", **ASKED)


# ------------------------------------------------------------------------------ a hierarchy
def test_a_hierarchy_keeps_its_degrees_of_centering_and_goes_on(tmp_path: Path) -> None:
    """Log values of 8 subjects around a typical one: the spread decides about centering."""
    model = OdeModel(
        "level",
        (),
        (Parameter("a", 2.0, prior=LogNormal(2.0, 0.5)),),
        outputs={"y": lambda t, y, p: p.a + 0 * t},
    )
    rng = np.random.default_rng(2)
    levels = 2 * np.exp(0.4 * rng.standard_normal(8))
    rows = [
        {"subject": str(s), "time": float(t), "observable": "y", "value": v * np.exp(0.1 * e)}
        for s, v in enumerate(levels)
        for t, e in enumerate(rng.standard_normal(4))
    ]
    problem = Problem(model, Study(pd.DataFrame(rows), name="x"), population="hierarchical")
    state = tmp_path / "state"
    before: Any = fit(problem, checkpoint=state, **ASKED)
    assert read_facts(before)["centering"]["a"] > 0.5
    cut(state, 0, 100, 0)
    cut(state, 1, 300, 300)
    tree: Any = fit(problem, checkpoint=state, **ASKED)
    assert read_facts(tree)["centering"] == read_facts(before)["centering"]
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    for name in ("a", "a_omega", "y_sigma"):
        x, y = (np.log(t["posterior"][name].to_numpy()[[0, 1]]) for t in (tree, before))
        assert min(float(az.ess(x)), float(az.ess(y))) > 400
        error = np.hypot(float(az.mcse(x)), float(az.mcse(y)))
        assert abs(x.mean() - y.mean()) < 5 * error, name
    resumed = tree["sample_stats"].sel(chain=1)["n_steps"].to_numpy()
    steps = resumed[:300], resumed[300:]
    error = np.hypot(float(az.mcse(steps[0][None])), float(az.mcse(steps[1][None])))
    assert abs(steps[0].mean() - steps[1].mean()) < 5 * error  # one metric, one step size
