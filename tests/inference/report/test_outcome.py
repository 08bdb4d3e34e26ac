"""Risk and exposure-response in a report: only where there is an outcome, and by its numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import load
from cytobayes.datasets.errors import InputError
from cytobayes.inference.problem import Problem
from cytobayes.inference.report import write_report
from cytobayes.inference.report.outcome import (
    burden_of,
    chosen_scale,
    course_of_onset,
    judged_grade,
    of_patients,
    of_population,
    of_response,
    outcome_checks,
    products_of,
)
from cytobayes.inference.risk.assessment import Risk, risk
from cytobayes.inference.risk.grades import Grades
from cytobayes.inference.run import open_run
from cytobayes.models.library import get

from ..cohort_run import write_run
from ..risk.fakes import cohort, posterior, problem


@pytest.fixture(scope="module")
def found() -> Risk:
    study, heights, _ = cohort(16)
    return risk(problem(study), posterior(heights, draws=40, spread=0.1), seed=1, at_least=2)


def graded(*values: int) -> Grades:
    names = tuple(f"P{k}" for k in range(len(values)))
    return Grades("crs", "ASTCT", names, np.array(values), np.full(len(values), np.nan))


@pytest.mark.parametrize(
    ("values", "grade"),
    [((0, 1, 2, 4), 3), ((0, 1, 2), 2), ((0, 1), 1), ((3, 4), 1), ((4, 3, 0), 3)],
)
def test_tables_are_about_the_highest_grade_that_tells_patients_apart(
    values: tuple[int, ...], grade: int
) -> None:
    assert judged_grade(graded(*values)) == grade


def test_onset_accumulates_and_ends_at_the_risk_of_any_grade(found: Risk) -> None:
    check = course_of_onset(found)
    table = check.table
    for column in ("risk", "low", "high", "observed"):
        assert (np.diff(table[column]) >= 0).all()
    assert ((table["low"] <= table["risk"]) & (table["risk"] <= table["high"])).all()
    expected = float((found.patients["predicted_grade"] > 0).mean())
    assert table["risk"].iloc[-1] == pytest.approx(expected, abs=1e-12)
    assert table["observed"].iloc[-1] == pytest.approx(float((found.grades.value > 0).mean()))
    assert f"{expected:.0%}".replace("%", " %") in check.sentence


def test_sentences_about_risk_hold_the_numbers_of_their_tables(found: Risk) -> None:
    patients = of_patients(found)
    chance = patients.table["risk_2"]
    assert f"from {chance.min():.0%}".replace("%", " %") in patients.sentence
    assert str(patients.table["subject"][chance.argmax()]) in patients.sentence
    population = of_population(found)
    assert "by association" in population.sentence and population.good is None
    for word in ("causes", "because of", "leads to", "reduces the risk"):
        assert word not in f"{population.sentence} {patients.sentence}"


def test_without_outcomes_there_is_no_risk() -> None:
    endotoxin = Problem(get("endotoxin"), load("lps-2ng-kg"))
    assert outcome_checks(endotoxin, xr.DataTree(), seed=1, told=print) == {}


def test_without_a_signal_there_is_no_risk() -> None:
    study, _, _ = cohort(6)
    made = problem(study)
    seen = made.model.outputs["signal"]
    deaf = replace(made.model, outputs={"height_seen": seen, "again": seen},
                   output_units={"height_seen": "pg/mL", "again": "pg/mL"})  # fmt: skip
    other = Problem(deaf, study, observables={"signal": "height_seen"})
    assert outcome_checks(other, xr.DataTree(), seed=1, told=print) == {}


def test_burden_is_found_by_its_usual_names() -> None:
    study, _, _ = cohort(6)
    burden = burden_of(problem(study))
    assert burden is not None and list(burden) == ["log10_burden"]
    assert list(burden["log10_burden"].index) == list(study.subjects)


@pytest.mark.slow
def test_the_report_of_the_cohort_ends_in_risk_and_curve(tmp_path: Path) -> None:
    made = write_run(tmp_path / "run", (2, 60))
    verdict = write_report(open_run(tmp_path / "run"), made)
    page = (tmp_path / "run" / "report.html").read_text()
    ids = re.findall(r'<section id="([^"]+)"', page)
    assert {"predictive", "risk", "response", "sensitivity", "credibility"} <= set(ids)
    assert len(page) < 5e6 and page.count("Not computed") == 1  # the gradient
    assert "log10_burden" in page and "CRS of grade 3 or more" in page
    assert verdict.findings == () or "grade 3 or more" in verdict.findings[0]
    for name in ("risk_by_grade", "risk_patients", "risk_by_day", "exposure_response", "vpc"):
        assert (tmp_path / "run" / "tables" / f"{name}.csv").stat().st_size > 0


def test_of_several_scales_one_is_reported_and_the_others_are_named(found: Risk) -> None:
    study, _, _ = cohort(6)
    rows = study.to_frame("outcomes")
    both = study.with_outcomes(pd.concat([rows.assign(scale="Lee"), rows], ignore_index=True))
    assert chosen_scale(problem(both), "crs") == ("ASTCT", ["Lee"])
    assert chosen_scale(problem(study), "crs") == (None, [])
    assert "cytobayes risk RUN --scale Lee." in of_population(found, ["Lee"]).sentence
    assert "--scale" not in of_population(found).sentence


def test_exposures_are_shown_by_what_was_given() -> None:
    study = load("crs-cohort")
    some = list(study.subjects[4:9])
    tree = xr.DataTree.from_dict(
        {"observed_data": xr.Dataset({"outcome": ("subject", np.zeros(5))}, {"subject": some})}
    )
    assert products_of(study, tree) == ("costimulation", ["4-1BB", "CD28", "CD28", "CD28", "4-1BB"])
    bare = cohort(16)[0]
    tree["observed_data"] = xr.Dataset(
        {"outcome": ("subject", np.zeros(2))}, {"subject": list(bare.subjects[:2])}
    )
    assert products_of(bare, tree) == ("", None)


def test_the_curve_of_several_scales_is_of_the_one_that_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study, heights, _ = cohort(16)
    rows = study.to_frame("outcomes")
    lower = rows.assign(scale="Lee", value=(rows["value"] - 1).clip(lower=0))
    both = problem(study.with_outcomes(pd.concat([lower, rows], ignore_index=True)))
    tree = posterior(heights, draws=40, spread=0.1)
    asked: list[xr.Dataset] = []

    def keep(peak: xr.DataArray, grades: xr.Dataset, burden: object, **options: object) -> None:
        asked.append(grades)
        raise InputError("enough is known")

    monkeypatch.setattr("cytobayes.inference.response.side_by_side.adjusted", keep)
    found = risk(both, tree, seed=1, at_least=2, scale="ASTCT")
    with pytest.raises(InputError, match="enough"):
        of_response(both, found, 1)
    assert asked[0].attrs["scale"] == "ASTCT"
    assert list(asked[0]["value"].to_numpy()) == list(rows["value"])
