"""`cytobayes check FILE` tells what is in a file, or everything that is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cytobayes.datasets import InputError
from cytobayes.datasets.check import check_file
from cytobayes.inference.cli import main

GOOD = "ID,TIME,conc,AMT,EVID,DVID,WT\n1,0,.,5,1,.,70\n1,1,<2,.,0,1,70\n"
GOOD += "1,2,3,.,0,2,70\n1,3,.,.,0,1,70\n"


@pytest.fixture
def good(tmp_path: Path) -> str:
    (tmp_path / "pk.csv").write_text(GOOD)
    return str(tmp_path / "pk.csv")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["check", *arguments])
    return int(caught.value.code or 0)


def test_a_good_file_shows_summary_account_and_censoring(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--columns", "value=conc", "--observables", "1=CP,2=PD", "--units", "CP=mg/L")
    assert run(good, *options, "--time-unit", "h") == 0
    out = capsys.readouterr().out
    for words in (
        "Study 'pk': 2 measurements",
        "1 to 2 h",
        "5 into 1 at 0 h (1 subject)",
        "fixed: WT",
        "4 rows read = 2 kept + 1 dose + 1 without a value",
        "CP: 1 row written '<LIMIT' (2 mg/L) scored as left-censored",
    ):
        assert words in out


def test_the_machine_form_of_a_good_file(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(good, "--columns", "value=conc", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["ok"] and record["problems"] == []
    assert (record["rows_read"], record["rows_kept"], record["doses"]) == (4, 2, 1)
    assert record["observables"][0] == {
        "name": "conc_1", "unit": "", "rows": 1, "subjects": 1, "min": 2.0, "max": 2.0,
        "censored": {"left": 1, "right": 0, "interval": 0},
    }  # fmt: skip
    assert record["covariates"] == {"fixed": ["WT"], "varying": []}


def bad_file(folder: Path) -> str:
    kinds = ["BLQ", ">ULOQ", '"1,5"', "5 pg", "inf", "x", "1e999", "<1e999", "2020-01-01", "nd"]
    rows = "".join(f"1,{k},,{v}\n" for k, v in enumerate(kinds))
    (folder / "bad.csv").write_text("subject,time,observable,value\n" + rows)
    return str(folder / "bad.csv")


def test_a_bad_file_shows_every_finding_and_leaves_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bad_file(tmp_path)) == 2
    shown = capsys.readouterr()
    text = " ".join(shown.err.split())
    assert shown.out == "" and "... and" not in text
    for value in ("BLQ", ">ULOQ", "1,5", "5 pg", "inf", "'x'", "<1e999", "2020-01-01", "nd"):
        assert value in text
    assert "10 rows read = 0 kept + 10 refused" in text


def test_the_machine_form_of_a_bad_file_holds_every_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bad_file(tmp_path), "--json") == 2
    record = json.loads(capsys.readouterr().out)
    assert not record["ok"] and len(record["problems"]) == 20
    assert set(record["problems"][0]) == {"row", "column", "value", "message", "remedy"}


def test_options_that_cannot_be_meant_are_refused(
    good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(good, "--columns", "conc") == 2
    assert "not of the form NAME=" in capsys.readouterr().err
    assert run(good, "--format", "nonmen") == 2
    assert "Did you mean 'nonmem'?" in capsys.readouterr().err
    with pytest.raises(InputError):
        check_file(good, units="CP=")


def test_columns_of_a_wide_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("subject,time,IL6,CRP\n1,0,2,3\n")
    report = check_file(str(tmp_path / "wide.csv"), format="wide", observables="IL6, CRP")
    assert report.good and [o["name"] for o in report.record["observables"]] == ["IL6", "CRP"]
