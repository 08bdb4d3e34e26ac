"""What the report says of the run itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cytobayes.datasets import Study
from cytobayes.inference import Effect, Hierarchical, Problem
from cytobayes.inference.report import assessment
from cytobayes.inference.report.gather import began, gather, meanings
from cytobayes.inference.run import open_run
from cytobayes.models.library import get

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


def test_each_parameter_of_a_population_says_what_it_is() -> None:
    rows = pd.DataFrame(
        {
            "subject": ["A", "A", "B", "B"],
            "time": [1.0, 8.0, 1.0, 8.0],
            "observable": "C",
            "value": [4.5, 1.0, 5.5, 1.5],
        }
    )
    people = pd.DataFrame(
        {
            "subject": ["A", "B", "A", "B"],
            "name": ["weight", "weight", "sex", "sex"],
            "value": [58.0, 70.0, None, None],
            "text": ["", "", "f", "m"],
        }
    )
    study = Study(rows, name="drug", units={"C": "mg/L"}, time_unit="h", covariates=people)
    effects = (Effect("CL", "weight"), Effect("V", "sex", form="category"))
    family = Hierarchical(varying=("CL", "V"), effects=effects, shapes={"V": "student"})
    problem = Problem(get("pk-1-oral"), study, population=family, observables={"C": "C"})
    said = meanings(problem)
    assert said["CL_omega"] == "sd of log CL between subjects"
    assert said["V_omega"] == "scale (t) of log V between subjects"
    assert said["CL_weight"] == "effect of weight on CL"
    assert said["V_sex_m"] == "effect of sex m on V"
    own = {p.name for p in problem.model.parameters}
    assert set(problem.all_priors) - own <= set(said)
