"""The command ``grade`` grades what a file holds and says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from cytobayes.datasets import InputError
from cytobayes.inference.cli import app
from cytobayes.inference.commands.grade_file import grade_file

ROWS = pd.DataFrame(
    {
        "subject": ["A", "A", "A", "B"],
        "day": [1, 2, 3, 1],
        "temperature": [37.0, 38.5, 39.0, 37.1],
        "hypotension": ["no", "no", "yes", "no"],
        "vasopressors": [0, 0, 1, 0],
        "oxygen": ["none", "nasal cannula", "none", "none"],
        "oxygen_flow": [None, 2, None, None],
    }
)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_a_file_of_signs_is_graded(tmp_path: Path, ending: str) -> None:
    """Fever and 2 L/min is grade 2; fever and one vasopressor is grade 3."""
    file = tmp_path / f"signs.{ending}"
    writers: dict[str, Any] = {
        "csv": ROWS.to_csv, "xlsx": ROWS.to_excel, "parquet": ROWS.to_parquet,
    }  # fmt: skip
    writers[ending](file, index=False)
    daily = grade_file(file).daily
    assert daily["grade"].tolist() == [0, 2, 3, 0]


def test_the_command_prints_a_summary_and_writes_each_day(tmp_path: Path) -> None:
    file, out = tmp_path / "signs.csv", tmp_path / "grades.csv"
    ROWS.to_csv(file, index=False)
    answer = CliRunner().invoke(app, ["grade", str(file), "--out", str(out), "--json"])
    assert answer.exit_code == 0
    record = json.loads(answer.stdout)
    assert record["scale"] == "ASTCT"
    assert [r["maximum"] for r in record["subjects"]] == [3, 0]
    assert pd.read_csv(out)["grade"].tolist() == [0, 2, 3, 0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.csv", None, "cannot read"),
        ("signs.txt", "subject,day", "must end in"),
        ("bad.csv", "subject,day,temperature\nA,1,hot\n", "bad.csv.*hot"),
        ("bad.csv", "day,temperature\n1,38\n", "subject"),
    ],
)
def test_files_that_cannot_be_graded_are_refused(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        grade_file(tmp_path / name)


def test_an_unknown_toxicity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'icans'"):
        grade_file(tmp_path / "x.csv", "ican")
