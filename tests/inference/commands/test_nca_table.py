"""The command `nca`: the table of PKNCA, printed and written; doubtful peaks named in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cytobayes.datasets import load, read_table
from cytobayes.datasets.errors import InputError
from cytobayes.inference.cli import main
from cytobayes.inference.commands.nca_table import run_nca
from cytobayes.inference.response.nca import nca

# P1 was seen on the way up and down; the neighbors of the peak of P2 are less than half of it.
COURSES = {"P1": [6.0, 10.0, 6.0, 3.0], "P2": [1.0, 10.0, 4.0, 2.0]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.csv"
    rows = [(s, t, v) for s, values in COURSES.items() for t, v in enumerate(values)]
    table = pd.DataFrame(rows, columns=["subject", "time (d)", "IL-6 (pg/mL)"])
    table.to_csv(path, index=False)
    return path


def call(*words: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["nca", *words])
    assert left.value.code == 0


def test_a_file_becomes_the_table_and_its_doubtful_peaks_are_named(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = file.parent / "nca.csv"
    call(str(file), "--out", str(out))
    printed = capsys.readouterr()
    lines = {line.split()[0]: line for line in printed.out.splitlines() if line.strip()}
    assert "peak may lie between visits" in lines["P2"] and "peak may" not in lines["P1"]
    assert "1 peak of 2 may lie between visits" in printed.err
    assert "lin up/log down" in printed.err
    written = pd.read_csv(out, keep_default_na=True).set_index("subject")
    found = nca(read_table(file)).set_index("subject")
    assert set(found) | {"note"} == set(written)
    numbers = [c for c in found if found[c].dtype.kind == "f"]
    pd.testing.assert_frame_equal(
        written[numbers], found[numbers], check_names=False, check_index_type=False
    )
    assert written.loc["P1", "cmax"] == 10.0
    assert written["peak_between_visits"].tolist() == [False, True]


def test_a_published_set_in_a_window_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    call("crs-cohort", "--observable", "IFNg", "--window", "0:7", "--level", "50", "--json")
    record = json.loads(capsys.readouterr().out)
    expected = nca(load("crs-cohort"), ["IFNg"], window=(0, 7), level=50.0)
    assert [r["cmax"] for r in record["curves"]] == pytest.approx(expected["cmax"].tolist())
    above = [r["time_above"] for r in record["curves"]]
    assert above == pytest.approx(expected["time_above"].tolist())
    assert record["time_unit"] == "d" and {r["observable"] for r in record["curves"]} == {"IFNg"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": "7"}, "write first and last time, as 0:28"),
        ({"window": "28:0"}, "the first time comes first"),
        ({"only": ["IL8"]}, "no observable 'IL8'"),
        ({"method": "log"}, "no rule of areas"),
        ({"out": Path("/nowhere/there/n.csv")}, "there is no folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(file: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run_nca(str(file), **options)


def test_a_table_that_is_there_stays(file: Path) -> None:
    out = file.parent / "nca.csv"
    out.write_text("mine\n")
    with pytest.raises(InputError, match="--force"):
        run_nca(str(file), out=out)
    assert out.read_text() == "mine\n"
    run_nca(str(file), out=out, force=True)
    assert out.read_text().startswith("subject,observable,unit,")
