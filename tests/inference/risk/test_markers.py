"""Sets of markers: the one that carries what there is to know wins; what is left out is unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.risk.landmarks import validate_landmarks
from cytobayes.inference.risk.markers import MarkerSets, compare_markers, marker_sets
from cytobayes.inference.risk.validation import MECHANISTIC, cross_validate

from .fakes import REFERENCE, SIGMA, bump, cohort, model, posterior

PATIENTS = 14
SETTINGS: Any = {"seed": 1, "at_least": 2, "folds": 3}
SETS = {"fast": ("IL6",), "slow": ("CRP",)}
DAYS = (1.0, 4.0)
UNITS = {"IL6": "pg/mL", "CRP": "pg/mL"}
BARE, HEIGHTS, _ = cohort(PATIENTS)


def with_markers(crp_seed: int = 3, scale: float = 1.0) -> Study:
    """IL6 is the signal, which decides the grade; CRP is noise around 5, alike for everybody."""
    rows = BARE.to_frame().drop(columns="unit").assign(observable="IL6")
    rows["value"] *= scale
    noise = np.exp(SIGMA * np.random.default_rng(crp_seed).standard_normal(len(rows)))
    both = pd.concat([rows, rows.assign(observable="CRP", value=5.0 * noise)])
    grade = np.digitize(HEIGHTS, np.quantile(HEIGHTS, [0.3, 0.5, 0.7, 0.9]))
    return Study(
        both, name="planted", units=UNITS, time_unit="d", covariates=BARE.to_frame("covariates"),
        outcomes=BARE.to_frame("outcomes").assign(value=grade, time=np.where(grade > 0, 3, np.nan)),
    )  # fmt: skip


def problem(study: Study, **options: Any) -> Problem:
    outputs = {"signal": bump, "IL6": bump, "CRP": lambda t, y, p: 5.0 + 0.0 * t * p.height}
    units = {name: "pg/mL" for name in outputs}
    markers = replace(model(), outputs=outputs, output_units=units)
    return Problem(markers, study, population=Hierarchical(), **options)


def tree() -> xr.Dataset:
    """Posterior of a known population, so that nobody's rows move it."""
    found = posterior(HEIGHTS, draws=20).assign_coords(subject=list(BARE.subjects))
    found = found.rename(signal_sigma="IL6_sigma").assign(CRP_sigma=found["signal_sigma"])
    eta = np.log(HEIGHTS / REFERENCE) + 0.1 * np.random.default_rng(1).standard_normal((2, 10, 1))
    return found.assign(height_eta=(("chain", "draw", "subject"), eta))


@pytest.fixture(scope="module")
def found() -> MarkerSets:
    return compare_markers(problem(with_markers()), tree(), SETS, days=DAYS, **SETTINGS)


def risks(of: MarkerSets, label: str, name: str) -> np.ndarray:
    return np.stack([p.predictions[name] for p in of.parts[label].parts])


def test_the_marker_that_carries_the_signal_scores_better_and_the_sentence_says_so(
    found: MarkerSets,
) -> None:
    table = found.differences
    rows = table[(table["markers"] == "fast") & (table["versus"] == "slow")]
    for _, row in rows[rows["day"].isna()].iterrows():
        assert row["difference"] < -2 * row["standard_error"], row["model"]
    assert f"By the {MECHANISTIC}, days 1 to 4: fast tells the grade better than slow" in (
        found.sentence
    )
    # noise that everybody has alike moves no patient, but for the error of two times 400 particles
    slow, fast = (np.diff(risks(found, label, MECHANISTIC), axis=0) for label in ("slow", "fast"))
    assert np.abs(slow).max() < 4 * np.sqrt(2) * 0.5 / np.sqrt(400) < np.abs(fast).max()


def test_the_difference_is_that_of_the_scores_of_the_table(found: MarkerSets) -> None:
    scores = found.table.query("score == 'ranked probability' and model == @MECHANISTIC")
    value = scores.set_index(["markers", "day"])["value"]
    for _, row in found.differences.query("model == @MECHANISTIC and day.notna()").iterrows():
        expected = value[row["markers"], row["day"]] - value[row["versus"], row["day"]]
        assert row["difference"] == pytest.approx(expected, abs=1e-12)
    assert list(found.table["markers"].unique()) == ["all", "fast", "slow"]
    labels = [h.get_text() for h in found.plot().legends[0].get_texts()]
    assert labels == ["all", "fast", "slow", "no predictor"]


@pytest.mark.parametrize(
    ("label", "other"), [("fast", with_markers(crp_seed=9)), ("slow", with_markers(scale=3.0))]
)
def test_rows_of_markers_that_are_left_out_change_nothing(
    found: MarkerSets, label: str, other: Study
) -> None:
    again = validate_landmarks(
        problem(other), tree(), days=DAYS, observables=SETS[label], **SETTINGS
    )
    for before, after in zip(found.parts[label].parts, again.parts, strict=True):
        for name, chance in before.predictions.items():
            np.testing.assert_array_equal(after.predictions[name], chance, err_msg=name)


def test_a_choice_of_markers_holds_for_a_whole_course_as_well(found: MarkerSets) -> None:
    ask: Any = {"given": "course", "observables": ("CRP",), **SETTINGS}
    noise = cross_validate(problem(with_markers()), tree(), **ask)
    assert "of CRP alone" in noise.given
    # the posterior of each patient, which its IL6 has taught, is not used
    apart, told = noise.predictions[MECHANISTIC][:, 1], risks(found, "fast", MECHANISTIC)[1, :, 1]
    # what is left are the folds, and 20 draws of the link
    assert apart.std() < told.std() / 3


def test_a_marker_without_a_place_in_the_fit_is_named() -> None:
    bare = problem(with_markers(), observables={"CRP": None})
    ask: Any = {"days": (1.0,), **SETTINGS}
    notes = compare_markers(bare, tree().drop_vars("CRP_sigma"), {"slow": ("CRP",)}, **ask).notes
    assert notes[-1] == (
        f"Markers slow: {MECHANISTIC}: the fit has no rows of CRP, so nothing is learned from them."
    )
    assert "left the population by weights" in notes[0]


def test_unknown_markers_and_labels_that_say_nothing_are_refused() -> None:
    p = problem(with_markers())
    with pytest.raises(InputError, match="no observable 'ferritin'; it has IL6, CRP"):
        compare_markers(p, tree(), {"slow": ("ferritin",)}, **SETTINGS)
    with pytest.raises(InputError, match="at least one"):
        cross_validate(p, tree(), observables=(), **SETTINGS)
    with pytest.raises(InputError, match="'all'"):
        compare_markers(p, tree(), {"all": ("IL6",)}, **SETTINGS)
    assert marker_sets(["slow = CRP , ferritin"]) == {"slow": ("CRP", "ferritin")}
    for text in ("IL6", "=IL6", "fast=", "fast=IL6,"):
        with pytest.raises(InputError, match="written as"):
            marker_sets([text])
    with pytest.raises(InputError, match="twice"):
        marker_sets(["a=IL6", "a=CRP"])
    with pytest.raises(InputError, match="all markers"):
        marker_sets(["all=IL6"])
