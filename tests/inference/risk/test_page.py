from __future__ import annotations

from html import unescape
from pathlib import Path

import pandas as pd

from cytobayes.inference.risk.assessment import risk
from cytobayes.inference.risk.page import write_page
from cytobayes.inference.risk.validation import cross_validate

from .fakes import cohort, posterior, problem


def test_the_page_names_the_winner_first_and_its_tables_hold_every_patient(tmp_path: Path) -> None:
    study, heights, _ = cohort(12)
    p, tree = problem(study), posterior(heights, draws=20)
    found = risk(p, tree, seed=1, at_least=2)
    scored = cross_validate(p, tree, seed=1, at_least=2, folds=3)
    page = write_page(found, scored, tmp_path / "risk").read_text()
    first = page.index("<strong>") + len("<strong>")
    assert unescape(page[first:]).startswith(scored.verdict)
    assert "Content-Security-Policy" in page and "Written by cytobayes" in page
    assert "Not for deciding the care of a patient" in page and page.count("<svg") == 2
    for name in ("patients", "held_out"):
        table = pd.read_csv(tmp_path / "risk" / f"{name}.csv")
        assert list(table["subject"]) == list(study.subjects)
    scores = pd.read_csv(tmp_path / "risk" / "scores.csv")
    assert {"burden and dose", "mechanistic model"} < set(scores["model"])
