from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, nih_cd22
from cytobayes.datasets.study import Study
from cytobayes.inference.risk.baselines import (
    burden_and_dose,
    marker_panel,
    nothing,
    predict_held_out,
)
from cytobayes.inference.risk.folds import folds_of
from cytobayes.inference.risk.grades import grades_of

from .fakes import cohort

FOLDS = 4


def test_a_held_out_grade_changes_no_prediction_of_its_patient() -> None:
    """Plant another grade in one patient: only the predictions of other folds may change."""
    study, _, _ = cohort()
    grades = grades_of(study)
    panel = marker_panel(study, grades.subjects, observables=["signal"])
    fold = folds_of(grades.value, FOLDS, np.random.default_rng(1))
    before = predict_held_out(panel, grades, fold, np.random.default_rng(2))
    table = study.to_frame("outcomes")
    other = table.assign(value=np.where(table.index == 5, 4 - table["value"], table["value"]))
    planted = grades_of(study.with_outcomes(other))
    after = predict_held_out(panel, planted, fold, np.random.default_rng(2))
    same = fold == fold[5]
    np.testing.assert_array_equal(before[same], after[same])
    assert (before[~same] != after[~same]).any()


def test_rows_after_the_landmark_change_no_panel() -> None:
    study, _, _ = cohort()
    rows = study.to_frame().drop(columns="unit")
    rows.loc[rows["time"] > 3, "value"] *= 100
    changed = type(study)(rows, name="x", units={"signal": "pg/mL"}, time_unit="d")
    one, two = (
        marker_panel(s, study.subjects, until=3, observables=["signal"]) for s in (study, changed)
    )
    np.testing.assert_array_equal(one.x, two.x)


def test_missing_values_are_imputed_from_the_other_folds() -> None:
    study, _, _ = cohort()
    grades = grades_of(study)
    panel = marker_panel(study, grades.subjects, observables=["signal"])
    x = panel.x.copy()
    x[3] = np.nan
    panel = replace(panel, x=x)
    fold = folds_of(grades.value, FOLDS, np.random.default_rng(1))
    chance = predict_held_out(panel, grades, fold, np.random.default_rng(2))
    assert panel.missing == 1 and np.isfinite(chance).all()


def test_a_strong_marker_beats_no_predictor() -> None:
    study, _, _ = cohort(60)
    grades = grades_of(study)
    fold = folds_of(grades.value, FOLDS, np.random.default_rng(1))
    panel = marker_panel(study, grades.subjects, observables=["signal"])
    from cytobayes.inference.risk.scores import ranked_probability

    ours, none = (
        ranked_probability(
            predict_held_out(p, grades, fold, np.random.default_rng(2)), grades.reached
        )
        for p in (panel, nothing(grades.subjects))
    )
    assert ours < none


def test_burden_and_dose_are_found_by_their_usual_names() -> None:
    study, _, _ = cohort()
    found = burden_and_dose(study, study.subjects)
    assert found.columns == ("log10 burden", "log10 cells_infused")
    with pytest.raises(InputError, match="no covariate"):
        burden_and_dose(study, study.subjects, burden="age")


def test_both_scales_of_the_nih_series_load_and_are_never_pooled(data_dir: Path) -> None:
    study = nih_cd22.read(data_dir / "nih_cd22")
    with pytest.raises(InputError, match="scale"):
        grades_of(study)
    astct, lee = (grades_of(study, scale=s) for s in ("ASTCT", "Lee"))
    assert astct.subjects == lee.subjects
    assert (astct.value >= 3).sum() > (lee.value >= 3).sum()
    assert burden_and_dose(study, astct.subjects).columns == ("blast", "log10 dose_level")


@pytest.mark.parametrize("drug", ["tocilizumab", "Tocilizumab 8 mg/kg"])
def test_markers_are_known_by_any_writing_and_blocked_ones_too(drug: str) -> None:
    days = [0.0, 3.0, 6.0]
    rows = pd.DataFrame(
        {"subject": "a", "time": days * 2, "observable": ["IL-6"] * 3 + ["Ferritin"] * 3,
         "value": [1.0, 10.0, 1000.0, 500.0, 600.0, 700.0]}
    )  # fmt: skip
    units = {"IL-6": "pg/mL", "Ferritin": "ng/mL"}
    doses = pd.DataFrame({"subject": ["a"], "time": [4.0], "amount": [560.0], "target": [drug]})
    study = Study(rows, name="x", units=units, time_unit="d", doses=doses)
    panel = marker_panel(study, ["a"])
    assert panel.columns == ("IL-6", "Ferritin")
    np.testing.assert_allclose(panel.x, [[1.0, np.log10(700.0)]])  # IL-6 of day 6 is left out
