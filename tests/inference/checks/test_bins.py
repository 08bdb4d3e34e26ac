"""Bins of time follow the design; strata follow doses, covariates and columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError
from cytobayes.inference.checks.bins import cuts, in_order, strata, strata_text
from cytobayes.models.dosing import Regimen

from . import gaussian_population as gp


def sizes(time: Any, found: Any) -> list[int]:
    return np.bincount(np.searchsorted(found, time, side="right")).tolist()


def test_each_nominal_time_is_a_bin() -> None:
    time = np.repeat([0.5, 1.0, 2.0, 24.0], 10)
    np.testing.assert_array_equal(cuts(time, least=8), [0.75, 1.5, 13.0])


def test_scattered_times_are_cut_in_the_gaps_between_visits() -> None:
    rng = np.random.default_rng(1)
    visits = np.array([1.0, 4.0, 10.0, 30.0])
    time = np.sort(np.concatenate([v * rng.uniform(0.9, 1.1, 25) for v in visits]))
    found = cuts(time, least=8, bins=4)
    assert sizes(time, found) == [25, 25, 25, 25]
    many = cuts(time, least=8)
    assert min(sizes(time, many)) >= 8 and len(many) > 4


def test_a_bin_with_too_few_rows_joins_the_nearer_one() -> None:
    time = np.concatenate([np.repeat(1.0, 9), [2.0], np.repeat(5.0, 9)])
    np.testing.assert_array_equal(cuts(time, least=5), [3.5])
    assert cuts(time, least=100).size == 0


def test_given_times_are_where_bins_begin() -> None:
    time = np.array([0.0, 1.0, 2.0, 3.0])
    found = cuts(time, least=8, bins=[1.0, 3.0])
    assert sizes(time, found) == [1, 2, 1]
    for wrong in ([3.0, 1.0], [1.0, np.inf], 0):
        with pytest.raises(InputError, match="bins must be"):
            cuts(time, least=1, bins=wrong)


def labels(by: str | None, **columns: Any) -> list[str]:
    study = gp.study(gp.logarithms(6, 1), **columns)
    weight = pd.DataFrame({"subject": study.subjects, "name": "weight", "value": range(50, 56)})
    more = pd.concat([study.to_frame("covariates"), weight])
    problem = gp.problem(study.with_covariates(more), offsets={"C": None} if columns else {})
    found = strata(problem, problem.arrangement.observed[0], by)
    return [str(label) for label in found[:: gp.TIMES.size]]


def test_covariates_make_strata() -> None:
    assert labels(None) == [""] * 6
    assert labels("sex") == ["sex f", "sex m"] * 3
    assert labels("weight") == ["weight up to 52.5"] * 3 + ["weight above 52.5"] * 3


def test_columns_of_the_rows_make_strata() -> None:
    source = np.repeat(["A", "B"], 3 * gp.TIMES.size)
    assert labels("source", source=source) == ["source A"] * 3 + ["source B"] * 3


def test_a_name_that_the_data_do_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="no such covariate. Did you mean 'weight'"):
        labels("wieght")
    with pytest.raises(InputError, match=r"There are sex, weight, dose\."):
        labels("occasion")


def test_strata_stand_in_the_order_of_their_numbers() -> None:
    doses = ["no dose", "dose 10 mg", "dose 2.5 mg", "dose 2.5 mg"]
    assert in_order(doses) == ["dose 2.5 mg", "dose 10 mg", "no dose"]
    assert in_order(["age above 50", "age up to 50"]) == ["age up to 50", "age above 50"]


def test_a_caption_names_the_median_at_which_a_covariate_is_cut() -> None:
    study = gp.study(gp.logarithms(6, 1))
    weight = pd.DataFrame({"subject": study.subjects, "name": "weight", "value": range(50, 56)})
    more = pd.concat([study.to_frame("covariates"), weight])
    problem = gp.problem(study.with_covariates(more))
    assert strata_text(problem, "weight") == "weight, cut at its median 52.5"
    assert [strata_text(problem, by) for by in ("sex", "dose")] == ["sex", "dose"]


def test_amounts_of_the_first_dose_make_strata() -> None:
    study = gp.study(gp.logarithms(3, 1))
    doses = pd.DataFrame(
        {
            "subject": ["S000", "S000", "S001"],
            "time": [0.0, 24.0, 0.0],
            "amount": [10.0, 20.0, 30.0],
            "unit": "mg",
            "target": "A",
        }
    )
    problem = gp.problem(study.with_doses(doses), regimen=Regimen())
    found = strata(problem, problem.arrangement.observed[0], "dose")
    assert found[:: gp.TIMES.size].tolist() == ["dose 10 mg", "dose 30 mg", "no dose"]
