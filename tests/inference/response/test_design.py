"""Subjects are joined by name; what does not fit together is refused with a remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import load
from cytobayes.datasets.errors import InputError
from cytobayes.inference.response.design import align, kind_of, one_scale
from cytobayes.inference.response.fit_response import fit_response
from cytobayes.inference.response.nca import nca

NAMES = ["a", "b", "c", "d"]
X = pd.Series([1.0, 2.0, 3.0, 4.0], NAMES, name="cmax")
Y = pd.Series([0.0, 1.0, 0.0, 1.0], NAMES, name="crs")


def test_subjects_are_joined_by_name_in_any_order() -> None:
    design = align(X, Y[::-1], {"burden": X[["d", "a", "c", "b"]] * 10})
    assert design.subjects == tuple(NAMES)
    np.testing.assert_array_equal(design.y, Y)
    np.testing.assert_allclose(design.z[:, 0] + design.means[0], X * 10)


def test_subjects_with_gaps_are_left_out_and_counted() -> None:
    design = align(X, Y.drop("b"), {"burden": pd.Series([1, np.nan, 2.0, 3.0], NAMES)})
    assert design.subjects == ("a", "c", "d") and design.left_out == 1


def test_an_outcome_of_a_study_brings_its_scale() -> None:
    cohort = load("crs-cohort")
    peaks = nca(cohort, ["IFNg"]).set_index("subject")["cmax"]
    outcome = cohort.outcome("crs")
    design = align(peaks, outcome, cohort.covariates[["burden", "costimulation"]])
    assert design.outcome_name == "grade" and one_scale("", outcome) == "ASTCT"
    assert design.terms[0] == "burden" and len(design.subjects) == len(cohort.subjects)
    found = dict(zip(design.subjects, design.y, strict=True))
    grades = dict(zip(outcome["subject"].to_numpy(), outcome["value"].to_numpy(), strict=True))
    assert found == grades


def test_texts_become_one_column_per_level_but_the_first() -> None:
    design = align(X, Y, {"race": pd.Series(["White", "Asian", "Black", "White"], NAMES)})
    assert design.terms == ("race_Black", "race_White")
    np.testing.assert_array_equal(design.z + design.means, [[0, 1], [0, 0], [1, 0], [0, 1]])


def test_draws_follow_the_subjects() -> None:
    values = np.arange(24.0).reshape(2, 3, 4) + 1
    draws = xr.DataArray(values, {"subject": NAMES[::-1]}, ("chain", "draw", "subject"))
    design = align(draws, Y, None)
    assert design.draws is not None
    np.testing.assert_array_equal(design.draws[0], values[0, 0, ::-1][: len(NAMES)])
    assert design.subjects == tuple(NAMES)


@pytest.mark.parametrize(
    ("y", "kind"), [([0, 1, 1], "binary"), ([0, 2, 4], "ordinal"), ([0.5, 2, 4], "continuous")]
)
def test_the_kind_follows_the_values(y: Any, kind: str) -> None:
    assert kind_of(np.array(y, dtype=float), None) == kind


def test_grades_of_two_scales_are_never_pooled() -> None:
    outcome = xr.DataArray([0, 1.0], {"subject": ["a", "b"]}, ("subject",), attrs={"scale": "Lee"})
    assert one_scale("", outcome) == "Lee"
    with pytest.raises(InputError, match="2 scales"):
        one_scale("ASTCT", outcome)
    with pytest.raises(InputError, match="ASTCT, Penn"):
        fit_response(X, Y, scale=["ASTCT", "ASTCT", "Penn", "Penn"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"curve": "sigmoid"}, "Did you mean 'sigmoid_emax'"),
        ({"kind": "yesno"}, "no outcome is of kind"),
        ({"priors": {"slop": None}}, "Did you mean 'slope'"),
        ({"partial": ("exposure",)}, "of an ordinal outcome"),
        ({"uncertainty": "joint"}, "needs posterior draws"),
        ({"uncertainty": "exact"}, "there are plug-in, cut, joint"),
        ({"covariates": {"sex": ["m"] * 4}}, "the same in all subjects"),
        ({"covariates": {"age": [1.0, 2.0]}}, "numbers of subjects differ"),
        ({"kind": "continuous"}, "curve='linear', transform='log10'"),
        ({"curve": "emax", "transform": "log"}, "takes no transform"),
    ],
)
def test_what_has_no_meaning_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_response(X.to_numpy(), Y.to_numpy(), **options)


def test_exposures_without_a_logarithm_are_refused() -> None:
    with pytest.raises(InputError, match="1 of 4 exposures are not positive"):
        fit_response(X - 1, Y)
    with pytest.raises(InputError, match="the same"):
        fit_response(X * 0 + 1, Y)
    with pytest.raises(InputError, match="all 4 outcomes are 1"):
        fit_response(X, Y * 0 + 1)
    with pytest.raises(InputError, match="grade 4 occurs"):
        fit_response(X, [0, 2, 4, 1], levels=3)
