"""The command `report`: strata that are asked for are shown, and refused where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.cli import main
from cytobayes.inference.commands import session
from cytobayes.inference.commands.request import compose
from cytobayes.inference.report import assessment
from cytobayes.inference.statements import Reporting

from ..small_run import MODEL, write_csv, write_run

STRATIFIED = "Visual predictive check by sex"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose report has no check but the visual one."""
    write_run(tmp_path / "run", write_csv(tmp_path / "my.csv"))
    every = assessment.planned

    def few(*words: Any) -> list[assessment.Planned]:
        return [check for check in every(*words) if check.name == "vpc"]

    monkeypatch.setattr(assessment, "planned", few)
    return tmp_path / "run"


def strata(run: Path) -> set[str]:
    """Panels of the check that the report shows."""
    return set(pd.read_csv(run / "tables" / "vpc.csv", keep_default_na=False)["stratum"])


def test_the_command_stratifies_by_what_it_is_told(run: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", str(run), "--stratify", "sex"])
    assert not left.value.code
    assert strata(run) == {"sex f", "sex m"}
    assert STRATIFIED in (run / "report.html").read_text()


def test_the_analysis_file_may_ask_and_the_command_decides(run: Path) -> None:
    with (run / "analysis.toml").open("a", encoding="utf-8") as file:
        file.write('\n[report]\nstratify = "sex"\n')
    session.run_report(run)
    assert strata(run) == {"sex f", "sex m"}
    session.run_report(run, stratify="")
    assert strata(run) == {""}
    assert STRATIFIED not in (run / "report.html").read_text()


def test_an_unknown_covariate_is_refused_and_nothing_is_written(run: Path) -> None:
    with pytest.raises(InputError, match=r"--stratify='sxe'.*Did you mean 'sex'.*sex, dose\."):
        session.run_report(run, stratify="sxe")
    with (run / "analysis.toml").open("a", encoding="utf-8") as file:
        file.write('\n[report]\nstratify = "weight"\n')
    with pytest.raises(InputError, match=r"\[report\] stratify='weight'.*There are sex, dose\."):
        session.run_report(run)
    assert not (run / "report.html").exists()


def test_a_fit_that_asks_for_unknown_strata_is_refused_before_it_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = compose(MODEL, data=str(write_csv(tmp_path / "my.csv")), population="pooled")
    monkeypatch.setattr(session, "_draw", lambda *_: pytest.fail("it drew"))
    with pytest.raises(InputError, match="There are sex, dose"):
        session.run_fit(replace(stated, report=Reporting("weight")), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_published_means_have_no_strata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_draw", lambda *_: pytest.fail("it drew"))
    stated = replace(compose("endotoxin", data="lps-2ng-kg"), report=Reporting("dose"))
    with pytest.raises(InputError, match="published means have no visual predictive check"):
        session.run_fit(stated, tmp_path / "new")
