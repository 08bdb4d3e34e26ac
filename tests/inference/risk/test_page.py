from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cytobayes.inference.risk.assessment import fit_grades, risk
from cytobayes.inference.risk.courses import course_of
from cytobayes.inference.risk.forecast import forecast
from cytobayes.inference.risk.markers import compare_markers
from cytobayes.inference.risk.page import write_page
from cytobayes.inference.risk.validation import cross_validate

from .fakes import REFERENCE, cohort, posterior, problem


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
    assert not (tmp_path / "risk" / "forecasts.csv").exists()
    scores = pd.read_csv(tmp_path / "risk" / "scores.csv")
    assert {"burden and dose", "mechanistic model"} < set(scores["model"])


def test_forecasts_are_drawn_and_written_where_they_were_made(tmp_path: Path) -> None:
    study, heights, _ = cohort(12)
    p, tree = problem(study), posterior(heights, draws=20)
    found = risk(p, tree, seed=1, at_least=2)
    scored = cross_validate(p, tree, seed=1, at_least=2, folds=3)
    course = course_of(p, tree)
    grading = fit_grades(course, found.grades, np.random.default_rng(1), onset=False)
    told: list[str] = []
    ahead = forecast(
        p, tree, grading, seed=1, draws=None, landmarks=(1.0, 5.0), particles=50, report=told.append
    )
    page = write_page(found, scored, tmp_path / "risk", ahead).read_text()
    assert page.count("<svg") == 3 and ahead.sentence in unescape(page)
    table = pd.read_csv(tmp_path / "risk" / "forecasts.csv")
    assert list(table.columns) == ["subject", "landmark", "risk", "low", "high", "begun"]
    assert len(table) == 24 and table["risk"].between(0, 1).all()
    assert told[-1] == "forecast of 12 of 12 patients"


def test_sets_of_markers_are_compared_on_the_page_and_in_tables(tmp_path: Path) -> None:
    study, heights, _ = cohort(8)
    heights_of = np.log(heights / REFERENCE) + np.zeros((2, 10, 1))
    p, tree = (
        problem(study),
        posterior(heights, draws=20).assign_coords(subject=list(study.subjects)),
    )
    tree = tree.assign(height_eta=(("chain", "draw", "subject"), heights_of))
    ask: Any = {"seed": 1, "at_least": 2, "folds": 2}
    found, scored = risk(p, tree, seed=1, at_least=2), cross_validate(p, tree, **ask)
    early = compare_markers(p, tree, {"ours": ("signal",)}, days=(1.0,), **ask)
    page = unescape(write_page(found, scored, tmp_path, None, early).read_text())
    assert early.sentence in page and "all, ours (signal); only the rows of a set are known" in page
    assert all(note in page for note in early.notes)
    table = pd.read_csv(tmp_path / "landmarks.csv")
    assert list(table["markers"].unique()) == ["all", "ours"]
    apart = pd.read_csv(tmp_path / "markers.csv").query("model == 'mechanistic model'")
    # the data have no other marker: nothing is left out
    assert (apart["difference"] == 0).all() and "cannot tell all and ours apart" in early.sentence
