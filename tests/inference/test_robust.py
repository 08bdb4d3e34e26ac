"""What goes wrong in use ends in a clear message, and nothing that was there is lost.

See also `test_run` (folders), `sampling/test_resume` (killed processes), `datasets/test_writing`
(a disk that is full), `datasets/test_fuzz_table` (files), `sampling/test_starts` (solvers that
always fail), `test_cli` (commands, exit codes, the time that --help takes).
"""

from __future__ import annotations

import errno
import importlib
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import FitError, Problem, fit
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.run import is_resumable, new_run, open_run, resumed_run
from cytobayes.inference.sampling import with_nutpie
from cytobayes.inference.sampling.checkpoint import Checkpoint
from cytobayes.inference.sampling.samplers import Settings
from cytobayes.models.distributions import LogNormal
from cytobayes.models.ode import OdeModel, Parameter

from .small_run import MODEL, write_csv, write_run
from .test_cli import run

RELEASES = Path(__file__).parent / "releases"
HEADER = "subject,time,observable,value\n"
SETTINGS = Settings(10, 10, 1, 1, 1, 0.9, "diag")


def levels(count: int = 1) -> OdeModel:
    """A closed form: each observable is a constant of its own."""
    parameters = tuple(Parameter(f"a{k}", 2.0, prior=LogNormal(2.0, 0.5)) for k in range(count))
    outputs: dict[str, Callable[..., Any]] = {
        f"y{k}": lambda t, y, p, k=k: getattr(p, f"a{k}") + 0 * t for k in range(count)
    }
    return OdeModel("levels", (), parameters, outputs=outputs)


def measured(subjects: int, observables: int = 1, times: int = 3, value: float = 2.0) -> Study:
    rng = np.random.default_rng(1)
    rows = [
        {"subject": f"S{s}", "time": float(t), "observable": f"y{k}",
         "value": value * np.exp(0.1 * rng.standard_normal())}
        for s in range(subjects) for k in range(observables) for t in range(times)
    ]  # fmt: skip
    return Study(pd.DataFrame(rows), name="levels")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Fills the disk: half of what is written next arrives, and then nothing."""
    write = Path.write_bytes

    def half(self: Path, data: Any) -> int:
        write(self, bytes(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    return lambda: monkeypatch.setattr(Path, "write_bytes", half)


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "cells.csv", subjects=2)


# ------------------------------------------------------------------------------------ disk full
def test_a_full_disk_leaves_the_run_that_was_there(
    csv: Path, tmp_path: Path, full: Callable[[], None]
) -> None:
    write_run(tmp_path / "one", csv, shape=(2, 5))
    before = (tmp_path / "one" / "posterior.nc").read_bytes()
    full()
    with pytest.raises(InputError, match=r"posterior\.nc: No space left on device; free some"):
        write_run(tmp_path / "one", csv, shape=(2, 5))
    assert (tmp_path / "one" / "posterior.nc").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_a_disk_that_is_full_when_the_draws_are_done_keeps_the_chains(
    csv: Path,
    tmp_path: Path,
    full: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_run(tmp_path / "model", csv, shape=(2, 5))
    tree = open_run(tmp_path / "model").tree

    def drawn(problem: Problem, *, checkpoint: Path, **settings: object) -> xr.DataTree:
        checkpoint.mkdir()
        (checkpoint / "starts.npz").write_bytes(b"chains")
        full()
        return tree

    monkeypatch.setattr(importlib.import_module("cytobayes.inference.fit"), "fit", drawn)
    out = tmp_path / "out"
    assert run("fit", MODEL, "--data", str(csv), "--population", "pooled", "--out", str(out)) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said and "Traceback" not in said
    assert f"go on with: cytobayes resume {out}" in said
    assert not out.exists()
    with pytest.raises(RuntimeError), resumed_run(out) as partial:
        assert is_resumable(partial) and open_run(partial).study.subjects == ("P0", "P1")
        raise RuntimeError


def test_a_report_that_cannot_be_written_says_that_the_run_is_complete(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "model", csv, shape=(2, 5))
    tree = open_run(tmp_path / "model").tree

    def refuse(*given: object, **more: object) -> None:
        raise InputError("cannot write report.html: No space left on device")

    monkeypatch.setattr(
        importlib.import_module("cytobayes.inference.report"), "write_report", refuse
    )
    monkeypatch.setattr(
        importlib.import_module("cytobayes.inference.fit"), "fit", lambda problem, **given: tree
    )
    out = tmp_path / "out"
    assert run("fit", MODEL, "--data", str(csv), "--population", "pooled", "--out", str(out)) == 2
    said = capsys.readouterr().err
    assert f"the run is complete, its report is not; write it again: cytobayes report {out}" in said
    assert open_run(out).tree["posterior"].sizes["draw"] == 5


@pytest.mark.mcmc
def test_chains_go_on_when_the_disk_is_full_and_the_result_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(tree: object, path: Path) -> None:
        raise InputError(f"cannot write {path.name}: No space left on device")

    monkeypatch.setattr(with_nutpie, "EVERY", 0.0)
    for module in ("fit", "sampling.checkpoint"):
        loaded = importlib.import_module(f"cytobayes.inference.{module}")
        monkeypatch.setattr(loaded, "write_netcdf", refuse)
    few: dict[str, Any] = {"draws": 40, "tune": 60, "chains": 2, "cores": 1, "progress": False}
    problem = Problem(levels(), measured(1))
    with pytest.warns(UserWarning, match="result is returned all the same"):
        tree = fit(problem, seed=1, out=tmp_path / "a.nc", checkpoint=tmp_path / "state", **few)
    assert tree["posterior"].sizes["draw"] == 40 and tree["posterior"].sizes["chain"] == 2
    assert "chain-0-0.nc: No space left on device. The chains go on" in capsys.readouterr().err


# ------------------------------------------------------------------------------ no such place
def test_a_place_that_cannot_be_written_is_refused_before_the_first_draw(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    problem = Problem(levels(), measured(1))
    for place in ("file/a.nc", "file/deeper/a.nc"):
        with pytest.raises(InputError, match=f"cannot write .*{place}: "):
            fit(problem, seed=1, out=tmp_path / place)
    with pytest.raises(InputError, match="it is a folder"):
        fit(problem, seed=1, out=tmp_path)
    with pytest.raises(InputError, match="cannot write to"), new_run(tmp_path / "file" / "run"):
        pytest.fail("must not begin")


def test_a_read_only_folder_is_refused_before_the_first_draw(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Path, *given: object, **more: object) -> None:  # root may write anywhere
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert run("fit", MODEL, "--data", str(csv), "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "Read-only file system; choose another folder with --out" in said


# --------------------------------------------------------------------- processes that are killed
HOLD = """
import sys
from cytobayes.inference.run import new_run
with new_run(sys.argv[1], force=True) as partial:
    (partial / "posterior.nc").write_bytes(b"half")
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_the_old_run_and_lets_others_in(csv: Path, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    write_run(folder, csv, shape=(2, 5))
    before = (folder / "posterior.nc").read_bytes()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with other:
        assert other.stdout is not None and other.stdout.readline() == "holds\n"
        with pytest.raises(InputError, match="another process is writing a run"):
            write_run(folder, csv, shape=(2, 6))
        other.send_signal(signal.SIGKILL)
    assert other.returncode == -signal.SIGKILL
    assert (folder / "posterior.nc").read_bytes() == before
    write_run(folder, csv, shape=(2, 6))
    assert open_run(folder).tree["posterior"].sizes["draw"] == 6
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


# -------------------------------------------------------------------------- nothing, one, many
NOTHING = {
    "no subject": (HEADER, "there is no row below the header"),
    "nothing measured": (HEADER + "a,0,CAR,\na,1,CAR,NA\n", "no row has a value"),
    "NaN everywhere": (HEADER + "a,0,CAR,NaN\na,1,CAR,NaN\n", "is not finite"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_a_table_without_a_measurement_is_refused(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = NOTHING[case]
    (tmp_path / "bad.csv").write_text(text)
    out = str(tmp_path / "out")
    assert run("fit", MODEL, "--data", str(tmp_path / "bad.csv"), "--out", out) == 2
    said = capsys.readouterr().err
    assert words in said and "bad.csv" in said and "Traceback" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


def density(problem: Problem) -> tuple[float, int]:
    """Log density and the length of its gradient at typical values; time and memory printed."""
    begun = time.perf_counter()
    model = problem.joint().model
    outputs = [model.logp(), model.dlogp()]
    compiled = model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE")
    value, gradient = compiled(model.initial_point())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{problem}\n{time.perf_counter() - begun:.1f} s, at most {peak:.0f} MiB")
    assert np.isfinite(value) and np.isfinite(gradient).all()
    return float(value), gradient.size


def test_one_observation_of_one_subject_is_a_problem_and_no_population() -> None:
    study = measured(1, times=1)
    assert density(Problem(levels(), study))[1] == 2
    with pytest.raises(InputError, match="at least two subjects"):
        Problem(levels(), study, population="hierarchical")


def test_500_subjects_are_a_problem() -> None:
    problem = Problem(levels(), measured(500), population="hierarchical")
    assert density(problem)[1] == 3 + 500  # typical value, omega, sigma; effects


def test_50_observables_are_a_problem() -> None:
    """What a sampler compiles is built; each row has its density. (Compiling takes minutes.)"""
    begun = time.perf_counter()
    problem = Problem(levels(50), measured(2, observables=50))
    model = problem.joint().model
    assert len(model.observed_RVs) == 50 and len(model.free_RVs) == 100
    values = {f"a{k}": 2.0 for k in range(50)} | {f"y{k}_sigma": 0.1 for k in range(50)}
    draws = xr.Dataset({n: (("chain", "draw"), np.full((1, 1), v)) for n, v in values.items()})
    found = pointwise(problem, draws)
    print(f"{time.perf_counter() - begun:.1f} s")
    for name, rows in problem.data.to_frame().groupby("observable"):
        expected = stats.lognorm(0.1, scale=2.0).logpdf(rows["value"])
        np.testing.assert_allclose(found[name].to_numpy().ravel(), expected, rtol=1e-6)


def test_a_solver_that_always_fails_leaves_nothing_and_says_why(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(problem: Problem, **settings: object) -> None:
        raise FitError("No chain can start: the solver failed")  # the words: sampling/test_starts

    monkeypatch.setattr(importlib.import_module("cytobayes.inference.fit"), "fit", fails)
    assert run("fit", MODEL, "--data", str(csv), "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "No chain can start" in said and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------- files that are not ours
def test_a_state_with_a_pickle_in_it_is_refused_and_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    state = tmp_path / "state"
    problem = Problem(levels(), measured(1))
    Checkpoint(state, problem, SETTINGS).close()
    objects = np.array([Evil()], dtype=object)
    np.savez(state / "starts.npz", points=objects, optima=objects, kept=objects)
    again = Checkpoint(state, problem, SETTINGS)
    with pytest.raises(InputError, match=r"starts\.npz cannot be read .*allow_pickle=False"):
        again.begun()
    again.close()
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"processes": "many"}'])
def test_a_damaged_state_is_named(text: str, tmp_path: Path) -> None:
    problem = Problem(levels(), measured(1))
    Checkpoint(tmp_path / "state", problem, SETTINGS).close()
    (tmp_path / "state" / "checkpoint.json").write_text(text)
    with pytest.raises(InputError, match=r"checkpoint\.json cannot be read"):
        Checkpoint(tmp_path / "state", problem, SETTINGS)


# ----------------------------------------------------------------------------- other releases
@pytest.mark.parametrize("folder", sorted(RELEASES.iterdir()), ids=lambda p: p.name)
def test_a_run_of_an_earlier_release_is_opened_and_means_the_same(folder: Path) -> None:
    """Folders written by ``write_run`` at each release; they are never written again."""
    run = open_run(folder)
    problem = run.analysis.to_problem(run.study)
    draws = run.tree["posterior"].to_dataset()
    assert set(problem.estimated) <= set(draws.data_vars)
    kept, now = run.tree["log_likelihood"].to_dataset(), pointwise(problem, draws)
    for name in kept.data_vars:
        np.testing.assert_allclose(now[name], kept[name], rtol=1e-6)


def test_a_run_of_a_later_release_says_why_it_is_not_opened(csv: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "one", csv, shape=(2, 5))
    path = tmp_path / "one" / "analysis.toml"
    path.write_text(path.read_text().replace("format = 1", "format = 99"))
    with pytest.raises(InputError, match=r"(?s)layout 99.*release"):
        open_run(tmp_path / "one")


def test_a_run_says_which_releases_made_it(csv: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "one", csv, shape=(2, 5))
    made = json.loads(open_run(tmp_path / "one").tree.attrs["versions"])
    assert {"cytobayes", "pymc", "numpy", "xarray"} <= set(made)
