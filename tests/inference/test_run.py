"""A run folder appears whole, is never lost and never overwrites what is not ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets import InputError, load
from cytobayes.inference.analysis import Analysis
from cytobayes.inference.analysis_file import read_analysis
from cytobayes.inference.problem import Problem
from cytobayes.inference.run import (
    CHECKPOINT,
    is_resumable,
    is_run,
    new_run,
    open_run,
    resumed_run,
    save_begun,
    save_run,
)
from cytobayes.models.library import get


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(get("endotoxin"), load("lps-2ng-kg"))


def tree() -> xr.DataTree:
    draws = np.random.default_rng(1).normal(size=(2, 5))
    posterior = xr.Dataset({"k6": (("chain", "draw"), draws)})
    return xr.DataTree.from_dict({"posterior": posterior})


def write(folder: Path, problem: Problem, *, force: bool = False) -> None:
    with new_run(folder, force=force) as partial:
        save_run(partial, tree(), problem, Analysis.of(problem))


def test_a_run_is_read_back(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "runs" / "one", problem)
    run = open_run(tmp_path / "runs" / "one")
    assert run.analysis == Analysis.of(problem)
    assert run.analysis.to_problem(run.study).id == problem.id
    np.testing.assert_array_equal(run.tree["posterior"]["k6"], tree()["posterior"]["k6"])


def test_arviz_opens_it(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "one", problem)
    opened = az.from_netcdf(tmp_path / "one" / "posterior.nc")
    assert opened["posterior"]["k6"].shape == (2, 5)
    assert {"study"} <= set(opened.children)


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_run(tmp_path / "one") as partial:
        (partial / "half").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_seen_before_it_is_complete(tmp_path: Path) -> None:
    with new_run(tmp_path / "one") as partial:
        assert partial.parent == tmp_path
        assert not (tmp_path / "one").exists()


def test_an_empty_folder_may_be_filled(tmp_path: Path, problem: Problem) -> None:
    (tmp_path / "one").mkdir()
    write(tmp_path / "one", problem)
    assert is_run(tmp_path / "one")


def test_a_run_is_kept_without_force(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "one", problem)
    before = (tmp_path / "one" / "posterior.nc").stat().st_mtime_ns
    with pytest.raises(InputError, match="--force"):
        write(tmp_path / "one", problem)
    assert (tmp_path / "one" / "posterior.nc").stat().st_mtime_ns == before


def test_force_replaces_a_run_and_keeps_foreign_files(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "one", problem)
    (tmp_path / "one" / "notes.md").write_text("mine")
    (tmp_path / "one" / "report.html").write_text("old")
    write(tmp_path / "one", problem, force=True)
    names = {p.name for p in (tmp_path / "one").iterdir()}
    assert names == {"posterior.nc", "analysis.toml", "notes.md"}
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_a_failed_replacement_leaves_the_old_run(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "one", problem)
    with pytest.raises(KeyboardInterrupt), new_run(tmp_path / "one", force=True):
        raise KeyboardInterrupt
    assert open_run(tmp_path / "one").analysis.model == "endotoxin"
    assert [p.name for p in tmp_path.iterdir()] == ["one"]


def test_force_never_replaces_another_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    with pytest.raises(InputError, match="not a run"), new_run(tmp_path / "thesis", force=True):
        pytest.fail("must not begin")
    assert (tmp_path / "thesis" / "chapter.tex").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    with pytest.raises(InputError, match="is a file"), new_run(tmp_path / "one", force=True):
        pytest.fail("must not begin")


def test_a_run_that_another_process_put_there_is_not_lost(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "other", problem)
    with pytest.raises(InputError, match="it is kept in"), new_run(tmp_path / "one") as partial:
        save_run(partial, tree(), problem, Analysis.of(problem))
        (tmp_path / "other").rename(tmp_path / "one")
    kept = [p for p in tmp_path.iterdir() if p.name != "one"]
    assert len(kept) == 1 and is_run(kept[0])


def test_two_processes_do_not_write_the_same_run(tmp_path: Path) -> None:
    with new_run(tmp_path / "one"):
        with pytest.raises(InputError, match="another process"), new_run(tmp_path / "one"):
            pytest.fail("must not begin")
        with (
            pytest.raises(InputError, match="another process"),
            new_run(tmp_path / "one", force=True),
        ):
            pytest.fail("must not begin")


# ------------------------------------------------------------------------------- killed and resumed
def begun(partial: Path, problem: Problem) -> None:
    """What a process leaves once its chains have begun."""
    save_begun(partial, problem, Analysis.of(problem))
    (partial / CHECKPOINT).mkdir()
    (partial / CHECKPOINT / "starts.npz").write_bytes(b"points")


@pytest.fixture
def killed(tmp_path: Path, problem: Problem) -> Path:
    """Destination of a run whose process was killed."""
    with pytest.raises(RuntimeError), new_run(tmp_path / "one") as partial:
        begun(partial, problem)
        raise RuntimeError  # a dead process leaves the same files
    return tmp_path / "one"


def test_a_killed_run_is_found_by_the_name_it_was_to_have(killed: Path, problem: Problem) -> None:
    assert [p.name for p in killed.parent.iterdir()] == [".one.partial"]
    with resumed_run(killed) as partial:
        analysis = read_analysis(partial / "analysis.toml")
        assert analysis.to_problem().id == analysis.problem == problem.id
        save_run(partial, tree(), problem, analysis)
        shutil.rmtree(partial / CHECKPOINT)
    assert [p.name for p in killed.parent.iterdir()] == ["one"]
    assert open_run(killed).analysis == Analysis.of(problem)
    assert not (killed / ".lock").exists()


def test_a_killed_run_is_not_begun_anew_by_mistake(killed: Path, problem: Problem) -> None:
    with pytest.raises(InputError, match=r"cytobayes resume .*one; or begin anew with --force"):
        write(killed, problem)
    write(killed, problem, force=True)
    assert [p.name for p in killed.parent.iterdir()] == ["one"]


def test_what_was_killed_before_the_first_draw_is_begun_anew(
    tmp_path: Path, problem: Problem
) -> None:
    (tmp_path / ".one.partial" / CHECKPOINT).mkdir(parents=True)
    (tmp_path / ".one.partial" / "half").touch()
    write(tmp_path / "one", problem)
    assert {p.name for p in (tmp_path / "one").iterdir()} == {"posterior.nc", "analysis.toml"}


def test_a_resumed_run_that_is_killed_again_is_found_again(killed: Path) -> None:
    with pytest.raises(RuntimeError), resumed_run(killed):
        raise RuntimeError
    with resumed_run(killed) as partial:
        assert (partial / CHECKPOINT / "starts.npz").exists()


def test_an_interrupted_run_is_resumed_and_then_replaced(tmp_path: Path, problem: Problem) -> None:
    with new_run(tmp_path / "one") as partial:
        begun(partial, problem)
        save_run(partial, tree(), problem, Analysis.of(problem))
    (tmp_path / "one" / "notes.md").write_text("mine")
    with pytest.raises(RuntimeError), resumed_run(tmp_path / "one"):
        raise RuntimeError
    assert is_resumable(tmp_path / "one")
    with resumed_run(tmp_path / "one") as partial:
        shutil.rmtree(partial / CHECKPOINT)
    assert [p.name for p in tmp_path.iterdir()] == ["one"]
    assert not is_resumable(tmp_path / "one")
    assert (tmp_path / "one" / "notes.md").read_text() == "mine"


def test_there_is_nothing_to_resume_of_a_complete_run(tmp_path: Path, problem: Problem) -> None:
    with pytest.raises(InputError, match="does not exist"), resumed_run(tmp_path / "one"):
        pytest.fail("must not begin")
    write(tmp_path / "one", problem)
    with pytest.raises(InputError, match="is complete"), resumed_run(tmp_path / "one"):
        pytest.fail("must not begin")


@pytest.mark.parametrize("name", ["absent", "empty", "other"])
def test_what_is_no_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "analysis.toml").write_text("[tool]\n")
    with pytest.raises(InputError, match=name):
        open_run(tmp_path / name)


def test_a_damaged_posterior_is_named(tmp_path: Path, problem: Problem) -> None:
    write(tmp_path / "one", problem)
    (tmp_path / "one" / "posterior.nc").write_bytes(b"not a netCDF file")
    with pytest.raises(InputError, match=r"posterior\.nc cannot be read"):
        open_run(tmp_path / "one")
