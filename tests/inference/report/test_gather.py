"""What the report says of the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cytobayes.inference.report import assessment
from cytobayes.inference.report.gather import began, gather
from cytobayes.inference.run import open_run

from ..small_run import write_csv, write_run


def test_starts_and_degrees_of_centering_are_told() -> None:
    facts = {
        "starts": {"optima": [-10.0, -10.2, -55.0], "kept": 2},
        "centering": {"KA": 0.1514, "CL": 0.9312},
    }
    assert began(facts) == {
        "Starts": (
            "3 paths of an optimizer; 2 led near the best log density, and the chains began there"
        ),
        "Centering": "KA 0.15, CL 0.93 (mean over subjects; 0: non-centered, 1: centered)",
    }


def test_a_run_without_a_population_or_a_search_says_nothing_of_them() -> None:
    assert began({"starts": {"optima": [], "kept": 0}, "centering": {}}) == {}
    assert began({}) == {}


def test_what_the_authors_state_after_the_fit_stands_in_the_credibility_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = write_run(tmp_path / "run", write_csv(tmp_path / "my.csv"))
    with (tmp_path / "run" / "analysis.toml").open("a", encoding="utf-8") as file:
        file.write('\n[credibility]\nquestion_of_interest = "Who needs a <bed>?"\n')
    monkeypatch.setattr(assessment, "planned", lambda *_: [])
    found: Any = gather(open_run(tmp_path / "run"), problem).checks["credibility"][0]
    rows = found.table.set_index("element")
    assert rows.loc["Question of interest"].tolist() == ["stated", "Who needs a <bed>?"]
    assert rows.loc["Context of use"].tolist() == ["not stated", "not stated"]
