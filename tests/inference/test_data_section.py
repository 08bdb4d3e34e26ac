"""``[data]``: how a file is read stands in the analysis, and is the same when it is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytobayes.datasets import InputError
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_analysis, read_text, write_text
from cytobayes.inference.cli import main
from cytobayes.inference.commands.request import compose

CELLS = """\
UPN;Visit day;transgene (copies/ug)
a;7;2000
a;14;BLQ
b;7;9000
b;14;800
"""
PATIENTS = "UPN;age;worst\na;50;1\nb;61;3\n"
WORDS = [
    "--columns",
    "subject=UPN,time=Visit day",
    "--limits",
    "transgene=50:1e6",
    "--outcomes",
    "crs=worst (ASTCT)",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cells.csv").write_text(CELLS)
    (tmp_path / "patients.csv").write_text(PATIENTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun(*more: str) -> Analysis:
    with pytest.raises(SystemExit) as leaving:
        main(["init", "cells.csv", "--patients", "patients.csv", "--model", "cart-lag", *more])
    assert not leaving.value.code
    return read_analysis(more[-1] if more[-1].endswith(".toml") else "analysis.toml")


def test_init_writes_how_the_file_was_read(folder: Path) -> None:
    study = begun(*WORDS).open_data()
    assert study.subjects == ("a", "b") and study.time_unit == "d"
    assert study.to_frame()["censoring"].tolist() == ["none", "left", "none", "none"]
    assert study.to_frame()["upper"].unique().tolist() == [1e6]
    assert study.outcome("crs", "ASTCT")["value"].to_numpy().tolist() == [1.0, 3.0]
    text = (folder / "analysis.toml").read_text()
    assert (
        'patients = "patients.csv"' in text and "limits = { transgene = [50.0, 1000000.0] }" in text
    )


def test_an_analysis_in_another_folder_finds_both_files(folder: Path) -> None:
    (folder / "deep").mkdir()
    analysis = begun(*WORDS, "--out", "deep/a.toml")
    assert analysis.data.patients == "../patients.csv"
    assert analysis.open_data().covariates["age"].to_numpy().tolist() == [50.0, 61.0]


def test_written_and_read_again_it_is_the_same() -> None:
    options = {"limits": {"IL6": (1.2, None), "CRP": (None, 300.0)}, "columns": {"time": "day"}}
    source = DataSource(file="x.csv", sha256="00", options=options, patients="p.csv")
    analysis = Analysis(model="endotoxin", data=source)
    assert read_text(write_text(analysis)).data == source


def test_fit_takes_the_options_of_check(folder: Path) -> None:
    from cytobayes.datasets.options import options_of_words

    reading = options_of_words(columns="subject=UPN,time=Visit day", limits="transgene=50")
    analysis = compose("cart-lag", data="cells.csv", patients="patients.csv", reading=reading)
    assert analysis.open_data().subjects == ("a", "b")
    assert analysis.data.patients == "patients.csv"


def test_options_beside_an_analysis_file_are_refused(folder: Path) -> None:
    begun(*WORDS)
    with pytest.raises(InputError, match=r"stands in \[data\] of analysis.toml"):
        compose("analysis.toml", reading={"sheet": "2"})


def test_another_file_is_read_as_the_analysis_says(folder: Path) -> None:
    begun(*WORDS)
    (folder / "new.csv").write_text(CELLS.replace("9000", "7000"))
    analysis = compose("analysis.toml", data="new.csv")
    assert analysis.open_data().to_frame()["value"].max() == 7000


def test_a_published_set_is_not_read_in_another_way() -> None:
    with pytest.raises(InputError, match="published data set"):
        compose("endotoxin", data="lps-2ng-kg", reading={"sheet": "2"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('name = "lps-2ng-kg"\ncolumns = { time = "t" }', "there is none"),
        ('file = "x.csv"\ncolumns = "t"', r"\[data\]: columns"),
        ('file = "x.csv"\ncolum = { time = "t" }', "did you mean 'columns'"),
    ],
)
def test_what_has_no_meaning_is_refused(line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(f'format = 1\n[model]\nname = "endotoxin"\n[data]\n{line}\n')


def test_a_refused_file_says_how_the_program_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["fit", "cart-lag", "--data", "cells.csv", "--out", "run"])
    assert leaving.value.code == 2
    told = capsys.readouterr().err
    assert '--columns "subject=UPN,time=Visit day"' in told and "--limits" in told
    assert not (folder / "run").exists()


def test_other_draws_than_those_of_a_run_are_not_bound_by_it(folder: Path) -> None:
    begun(*WORDS)
    text = (folder / "analysis.toml").read_text().replace("seed = 1", "seed = 1\nmax_draws = 1400")
    (folder / "analysis.toml").write_text(text)
    analysis = compose("analysis.toml", sampling={"draws": 4000, "max_draws": None})
    settled = analysis.sampling.settled(analysis.to_problem())
    assert (settled.draws, settled.max_draws) == (4000, 4000)
    assert compose("analysis.toml").sampling.max_draws == 1400
