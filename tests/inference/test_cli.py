"""The command line teaches, refuses bad input on one screen, and loses nothing."""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from cytobayes import __version__
from cytobayes.inference.cli import app, main
from cytobayes.inference.run import open_run
from cytobayes.inference.sampling import chains
from cytobayes.inference.sampling.progress import ChainState, Progress

LPS = ["fit", "endotoxin", "--data", "lps-2ng-kg"]
HEADER = "subject,time,observable,value\n"


def run(*arguments: str) -> int:
    """Exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    return 0 if left.value.code is None else int(left.value.code)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    program = "from cytobayes.inference.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_teaches_the_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    for command in ("check", "init", "datasets", "models", "fit", "report", "predict", "compare"):
        assert command in text
    assert "cytobayes fit endotoxin --data lps-2ng-kg --out runs/lps" in text
    assert "Exit codes" in text


def test_no_word_of_a_help_is_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        assert run(name, "--help") == 0
        shown = "".join(re.findall(r"\w+", capsys.readouterr().out))
        for parameter in command.params:
            said = "".join(re.findall(r"\w+", getattr(parameter, "help", None) or ""))
            assert said[:30] in shown, (name, parameter.name)


def test_help_loads_nothing_heavy_and_is_quick() -> None:
    program = (
        "import sys\nfrom cytobayes.inference.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'numpy', 'pandas', 'pymc', 'sympy', 'xarray'} & set(sys.modules)))"
    )
    best, text = 9.0, ""
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best, text = min(best, spent), done.stdout
    assert text.endswith("[]\n")
    assert best < 0.5  # of a processor: what it takes on an idle machine, also on a busy one


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"cytobayes {__version__}\n"


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    assert "endotoxin" in capsys.readouterr().out


def test_a_model_is_shown_with_equations_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "show", "endotoxin") == 0
    text = capsys.readouterr().out
    assert "TNF' = " in text and "IL6(0)" not in text
    assert "LogNormal(1.4873, 0.5)" in text
    assert "10.1113/JP280883" in text


def test_data_sets_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("datasets") == 0
    assert "lps-2ng-kg" in capsys.readouterr().out
    assert run("datasets", "show", "lps-2ng-kg") == 0
    text = capsys.readouterr().out
    assert "32 published means" in text and "@misc" in text


def test_data_sets_of_every_kind_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("datasets", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert run("datasets") == 0
    text = capsys.readouterr().out
    assert all(name in text for name in listed)
    for heading in ("data set", "kind", "size", "licence", "citation"):
        assert heading in text
    for name, known in listed.items():
        assert all(known[k] for k in ("title", "kind", "size", "licence", "citation", "cite"))
        assert run("datasets", "show", name) == 0
        shown = capsys.readouterr().out
        assert known["cite"] in shown and known["doi"] in shown
    assert run("datasets", "show", "crs-rates", "--json") == 0
    assert list(json.loads(capsys.readouterr().out)) == ["crs-rates"]


def test_a_table_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.csv").write_text(HEADER + "a,0,IL6,1.5\na,1,IL6,<2\n")
    assert run("check", str(tmp_path / "good.csv")) == 0
    assert "1 left" in capsys.readouterr().out


BAD_TABLES = {
    "text in a number column": (
        HEADER + "a,0,IL6,1.5\na,1,IL6,lots\n",
        ["row 3", "'value'", "lots"],
    ),
    "negative time": (HEADER + "a,-1,IL6,1.5\n", ["row 2", "'time'"]),
    "duplicate rows": (HEADER + "a,1,IL6,1.5\na,1,IL6,1.5\n", ["row 3"]),
    "a missing column": ("subject,time,value\na,1,2\n", ["observable"]),
    "an empty file": ("", ["empty"]),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = BAD_TABLES[case]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert run("fit", "endotoxin", "--data", str(path), "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for words in ["bad.csv", *expected]:
        assert words in said.err
    assert len(said.err.splitlines()) <= 24 and "Traceback" not in said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.csv"]


BAD_COMMANDS = {
    "unknown model": (["fit", "endotoxn", "--data", "lps-2ng-kg"], "Did you mean 'endotoxin'"),
    "unknown data": (["fit", "endotoxin", "--data", "lps-2ngkg"], "Did you mean 'lps-2ng-kg'"),
    "missing file": (["fit", "endotoxin", "--data", "no/such.csv"], "no/such.csv"),
    "no data": (["fit", "endotoxin"], "--data"),
    "missing analysis": (["fit", "no/analysis.toml"], "no/analysis.toml"),
    "unknown parameter": ([*LPS, "--fix", "kxyz=1"], "kxyz"),
    "unknown error model": ([*LPS, "--error", "lognorm"], "lognormal"),
    "error of no observable": ([*LPS, "--error", "IL7=additive"], "IL7"),
    "unreadable prior": ([*LPS, "--prior", "k6=exec('x')"], "no distribution is called 'exec'"),
    "impossible prior": ([*LPS, "--prior", "k6=LogNormal(-1, 1)"], "median"),
    "value out of bounds": ([*LPS, "--fix", "k6=-1"], "bounds"),
    "unknown state": ([*LPS, "--dose", "LPS=2@0"], "LPS"),
    "no draws": ([*LPS, "--draws", "0"], "at least 1"),
    "not a number": ([*LPS, "--draws", "many"], "'--draws'"),
    "unknown option": ([*LPS, "--drawz", "1"], "--drawz"),
    "unknown sampler": ([*LPS, "--sampler", "gibbs"], "nutpie"),
    "unknown method": ([*LPS, "--method", "euler"], "explicit"),
    "unknown population": ([*LPS, "--population", "mixed"], "pooled"),
    "negative seed": ([*LPS, "--seed", "-1"], "seed"),
}


@pytest.mark.parametrize("case", BAD_COMMANDS)
def test_a_bad_command_is_refused(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, expected = BAD_COMMANDS[case]
    assert run(*arguments, "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr()
    assert expected in said.err and said.out == ""
    assert "Traceback" not in said.err and len(said.err.splitlines()) <= 30
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["models", "show", "x"], ["datasets", "show", "x"], ["check", "x"]]
)
def test_an_unknown_name_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command) == 2
    assert "x" in capsys.readouterr().err


def test_an_existing_folder_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").touch()
    assert run(*LPS, "--out", str(tmp_path), "--force") == 2
    assert "not a run" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_that_is_no_run_has_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("report", str(tmp_path)) == 2
    assert run("report", str(tmp_path / "absent")) == 2
    assert "not a run" in capsys.readouterr().err


def test_names_are_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "[bold]x[/nonsense].csv") == 2
    assert "[bold]x[/nonsense].csv" in capsys.readouterr().err


def test_messages_go_to_stderr_without_color_in_a_pipe() -> None:
    done = process("models", "show", "endotoxn", FORCE_COLOR="", NO_COLOR="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no model is called 'endotoxn'")
    assert "\x1b" not in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    program = f"{sys.executable} -c 'from cytobayes.inference.cli import main; main()'"
    done = subprocess.run(
        f"{program} models show endotoxin | head -n 1", shell=True, capture_output=True, text=True
    )
    assert done.stderr == "" and done.stdout.startswith("endotoxin")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few draws."""
    folder = tmp_path_factory.mktemp("runs") / "lps"
    assert run(*LPS, *FEW, "--out", str(folder)) == 0
    return folder


FEW = ["--draws", "20", "--tune", "60", "--chains", "2", "--seed", "3", "--rtol", "1e-4"]


@pytest.mark.mcmc
def test_a_fit_leaves_everything(finished: Path) -> None:
    names = {p.name for p in finished.iterdir()}
    assert names == {"posterior.nc", "analysis.toml", "report.html", "tables"}
    assert "Do not use these numbers yet" in (finished / "report.html").read_text()
    assert [p.name for p in finished.parent.iterdir()] == ["lps"]


@pytest.mark.mcmc
def test_the_analysis_file_reproduces_the_draws(finished: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert run("fit", str(finished / "analysis.toml"), "--out", str(again)) == 0
    first, second = (open_run(f) for f in (finished, again))
    assert first.analysis == second.analysis
    for name, draws in first.tree["posterior"].to_dataset().items():
        np.testing.assert_array_equal(draws, second.tree["posterior"][str(name)])


@pytest.mark.mcmc
def test_an_interrupted_fit_is_resumed_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Progress, states: Mapping[int, ChainState]) -> None:
        if any(s.finished > 5 for s in states.values()):
            signal.raise_signal(signal.SIGINT)

    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "update", interrupt)
        patch.setattr(chains, "REFRESH", 0.0)
        assert run(*LPS, *FEW, "--draws", "100", "--out", str(folder)) == 130
    assert f"go on with: cytobayes resume {folder}" in capsys.readouterr().err.replace("\n", "")
    assert run("resume", str(folder)) == 0
    tree = open_run(folder).tree
    assert tree["posterior"].sizes["draw"] == 100
    assert (tree.attrs["interrupted"], tree.attrs["resumed"]) == (0, 1)
    assert "resumed once" in (folder / "report.html").read_text()
    assert {p.name for p in folder.iterdir()} == {
        "posterior.nc", "analysis.toml", "report.html", "tables",
    }  # fmt: skip
    assert run("resume", str(folder)) == 2
    assert "is complete" in capsys.readouterr().err


@pytest.mark.mcmc
def test_results_go_to_stdout_and_the_verdict_to_stderr(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / "report.html").unlink()
    assert run("report", str(finished)) == 0
    said = capsys.readouterr()
    assert said.out.replace("\n", "") == str(finished / "report.html")
    assert "Do not use these numbers yet" in said.err
    assert (finished / "report.html").exists()


@pytest.mark.mcmc
def test_a_run_is_only_replaced_by_force(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*LPS, *FEW, "--out", str(finished)) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.mcmc
def test_an_interrupted_fit_is_kept_and_says_so(
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = open_run(finished).tree
    tree.attrs["interrupted"] = 1
    module = importlib.import_module("cytobayes.inference.fit")
    monkeypatch.setattr(module, "fit", lambda problem, **settings: tree)
    assert run(*LPS, *FEW, "--out", str(tmp_path / "cut")) == 130
    assert "interrupted: what was drawn so far is in" in capsys.readouterr().err
    assert open_run(tmp_path / "cut").tree["posterior"].sizes["draw"] == 20
    assert "was stopped early" in (tmp_path / "cut" / "report.html").read_text()


@pytest.mark.mcmc
def test_a_fit_interrupted_in_warm_up_is_kept_without_a_report(
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = open_run(finished).tree
    for group in ("posterior", "sample_stats", "log_likelihood"):
        tree[group] = tree[group].to_dataset().isel(draw=slice(0, 0))
    tree.attrs["interrupted"] = 1
    module = importlib.import_module("cytobayes.inference.fit")
    monkeypatch.setattr(module, "fit", lambda problem, **settings: tree)
    assert run(*LPS, "--out", str(tmp_path / "cut")) == 130
    assert "there is no report" in capsys.readouterr().err
    assert run("report", str(tmp_path / "cut")) == 2
    assert "nothing to report" in capsys.readouterr().err


def test_an_interruption_before_the_first_draw_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(problem: object, **settings: object) -> None:
        raise KeyboardInterrupt

    module = importlib.import_module("cytobayes.inference.fit")
    monkeypatch.setattr(module, "fit", stop)
    assert run(*LPS, "--out", str(tmp_path / "cut")) == 130
    assert list(tmp_path.iterdir()) == []
