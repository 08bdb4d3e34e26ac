"""Peaks, times of peak, last values and censored shares of simulated courses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cytobayes.inference.checks.check import Check
from cytobayes.inference.checks.predictive import course_statistics, posterior_predictive
from cytobayes.inference.checks.prior_predictive import prior_predictive, short
from cytobayes.inference.replicates import replicated
from cytobayes.models.distributions import LogNormal

from . import gaussian_population as gp

N, LLOQ = 20, 20.0


@pytest.fixture(scope="module")
def found() -> Check:
    values = gp.logarithms(N, 1)
    return posterior_predictive(gp.problem(gp.study(values, lloq=LLOQ)), gp.posterior(values))


def test_what_is_read_off_the_data_is_what_a_reader_would_read(found: Check) -> None:
    values = np.exp(gp.logarithms(N, 1))
    table = found.table
    one = {
        s: table.loc[table["statistic"] == s, "observed"].to_numpy()
        for s in set(table["statistic"])
    }
    np.testing.assert_allclose(one["peak"], values.max(axis=1))
    np.testing.assert_array_equal(one["time of peak"], gp.TIMES[values.argmax(axis=1)])
    np.testing.assert_array_equal(one["below"], (values < LLOQ).mean(axis=1))
    last = np.where(values[:, -1] < LLOQ, -np.inf, values[:, -1])
    np.testing.assert_allclose(one["last"], last)


def test_p_values_of_the_model_itself_lie_between(found: Check) -> None:
    p = found.table["p"]
    assert ((p > 0) & (p < 1)).all() and abs(p.mean() - 0.5) < 0.1
    assert found.good and "of 80 peaks, times of peak, last values" in found.sentence


def test_new_subjects_give_p_values_that_are_uniform_on_average() -> None:
    values = gp.logarithms(100, 2)
    problem = gp.problem(gp.study(values))
    made = posterior_predictive(problem, gp.posterior(values), kind="population")
    p = made.table.loc[made.table["statistic"].isin(["peak", "last"]), "p"]
    assert made.table["statistic"].nunique() == 3  # nothing is censored
    # Two statistics of 100 subjects each, perhaps one and the same.
    assert abs(p.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 100)


def test_courses_that_the_model_cannot_give_are_found() -> None:
    values = gp.logarithms(N, 3)
    data = gp.posterior(values)
    moved = values.copy()
    moved[:, -1] += 2.0  # a late rise
    check = posterior_predictive(gp.problem(gp.study(moved)), data)
    assert not check.good and "Most often C, last: the data lie above the model." in check.sentence


def test_one_visit_has_no_course() -> None:
    values = gp.logarithms(3, 4)
    problem = gp.problem(gp.study(values))
    one = replicated(problem, gp.posterior(values), draws=4, seed=1)[0]
    still = replace(one, observed=replace(one.observed, time=0 * one.observed.time))
    table, sets = course_statistics(still, problem.arrangement.subjects)
    assert table["statistic"].tolist() == ["last"] * 3 and sets.shape == (4, 3)


def test_each_statistic_has_its_panel(found: Check) -> None:
    titles = [a.get_title(loc="left") for a in found.plot().axes]
    assert titles == ["C, peak", "C, time of peak", "C, last", "C, below"]


def prior_check(**priors: Any) -> Check:
    problem = gp.problem(gp.study(gp.logarithms(N, 1), lloq=LLOQ), priors=priors)
    return prior_predictive(problem, draws=300, seed=1)


def test_priors_that_allow_the_data_say_where_both_lie() -> None:
    check = prior_check(A=LogNormal(100.0, 0.5))
    row = check.table.iloc[0]
    values = np.exp(gp.logarithms(N, 1))
    assert row["least"] == pytest.approx(values.max(axis=1).min())
    assert row["most"] == pytest.approx(values.max(axis=1).max())
    assert row["low"] < row["least"] < row["most"] < row["high"] and row["near"] > 0.9
    words = f"C peaks lie between {short(row['low'])} and {short(row['high'])} ng/mL in 90 %"
    assert check.good and words in check.sentence and check.plot().axes


def test_priors_decades_away_contradict_the_data() -> None:
    check = prior_check(A=LogNormal(1e5, 0.2))
    assert check.good is False and check.sentence.startswith("The priors contradict the data: C")
    assert check.table["near"].iloc[0] < 0.01
