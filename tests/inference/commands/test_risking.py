"""The command `risk`: from grades in a file to tables, and its doubts first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.inference.checks.convergence import convergence
from cytobayes.inference.cli import main
from cytobayes.inference.run import open_run

from ..small_run import write_csv, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("risk")
    data = write_csv(folder / "cells.csv", subjects=8)
    table = pd.read_csv(data)
    grades = {f"P{k}": grade for k, grade in enumerate((0, 1, 2, 3, 1, 0, 2, 1))}
    table["CRS grade (ASTCT)"] = table["subject"].map(grades)
    table.to_csv(data, index=False)
    write_run(folder / "run", data, population="hierarchical", shape=(2, 60))
    return folder / "run"


def test_grades_of_a_file_become_a_table_of_risks(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["risk", str(run), "--at-least", "2", "--draws", "40", "--out", str(tmp_path / "r")])
    assert not leaving.value.code
    shown, told = capsys.readouterr()
    assert [line.split()[0] for line in shown.splitlines()[1:9]] == [f"P{k}" for k in range(8)]
    assert "have not converged: do not use these risks" in told, "120 draws are not enough"
    assert "have not converged" in (tmp_path / "r" / "risk.html").read_text(encoding="utf-8")


def test_chains_that_agree_leave_no_doubt(run: Path) -> None:
    rng = np.random.default_rng(1)
    draws = xr.Dataset({"a": (("chain", "draw"), rng.standard_normal((4, 1000)))})
    tree = open_run(run).tree
    dims = ("chain", "draw")
    energy = rng.standard_normal((4, 1000))
    stats = xr.Dataset({"energy": (dims, energy), "diverging": (dims, energy > np.inf)})
    fine = xr.DataTree.from_dict({"posterior": draws, "sample_stats": stats})
    fine.attrs.update(tree.attrs)
    assert convergence(fine).doubt("risks") == ""


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--landmarks", "--markers", "fast=IL9"], "no observable 'IL9'; it has"),
        (["--markers", "fast=IL9"], "add --landmarks"),
        (["--landmarks", "--markers", "fast"], "written as 'fast=IL6,IFNg'"),
    ],
)
def test_sets_of_markers_are_checked_before_anything_is_computed(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["risk", str(run), *asked, "--out", str(tmp_path / "r")])
    assert leaving.value.code
    told = " ".join(capsys.readouterr().err.split())
    assert words in told and "scoring" not in told
