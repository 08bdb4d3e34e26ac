"""The visual predictive check against exact distributions of order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from cytobayes.datasets import InputError
from cytobayes.inference.checks.correction import corrected_rows
from cytobayes.inference.checks.vpc import vpc
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.replicates import replicated

from . import gaussian_population as gp

N, SETS = 41, 1000  # the 5, 50 and 95 % of 41 values are their 3rd, 21st and 39th
RANKS = {"5 %": 3, "50 %": 21, "95 %": 39}
LLOQ = 20.0


def check(values: Any, lloq: float | None = None, **settings: Any) -> Any:
    problem = gp.problem(gp.study(values, lloq=lloq))
    return vpc(problem, gp.posterior(values), **{"draws": SETS, **settings})


@pytest.fixture(scope="module")
def censored() -> Any:
    return check(gp.logarithms(N, 3), LLOQ, seed=1)


def band(p: float) -> Any:
    """Ranks that the quantile p of the simulated sets can have by chance (5 sd)."""
    error = 5 * np.sqrt(p * (1 - p) / SETS)
    return np.array([max(p - error, 0), min(p + error, 1)])


def test_intervals_of_percentiles_are_those_of_order_statistics(censored: Any) -> None:
    sd = np.sqrt(np.diag(gp.covariance()))
    for row in censored.table[censored.table["statistic"].isin(RANKS)].itertuples():
        k, b = RANKS[row.statistic], row.bin
        order = stats.beta(k, N + 1 - k)
        for p, found in ((0.05, row.low), (0.5, row.median), (0.95, row.high)):
            ends = np.exp(gp.mean()[b] + sd[b] * stats.norm.ppf(order.ppf(band(p))))
            low, high = np.where(ends < LLOQ, -np.inf, ends)
            assert low <= found <= high


def test_shares_below_the_limit_are_binomial(censored: Any) -> None:
    sd = np.sqrt(np.diag(gp.covariance()))
    below = stats.norm.cdf((np.log(LLOQ) - gp.mean()) / sd)
    rows = censored.table[censored.table["statistic"] == "below"]
    assert len(rows) == gp.TIMES.size
    for row in rows.itertuples():
        for p, found in ((0.05, row.low), (0.5, row.median), (0.95, row.high)):
            low, high = stats.binom.ppf(band(p), N, below[row.bin]) / N
            assert low <= found <= high


def test_observed_percentiles_count_censored_rows_as_below(censored: Any) -> None:
    values = np.exp(gp.logarithms(N, 3))
    for row in censored.table.itertuples():
        column = np.sort(values[:, row.bin])
        if row.statistic == "below":
            assert row.observed == np.mean(column < LLOQ)
        else:
            exact = column[RANKS[row.statistic] - 1]
            assert row.observed == pytest.approx(exact if exact >= LLOQ else -np.inf)
            assert row.drawn == (exact >= LLOQ)
    assert not censored.table["drawn"].all()


def test_the_model_that_made_the_data_passes_and_the_sentence_counts(censored: Any) -> None:
    count = int((censored.table["outside"] != 0).sum())
    assert censored.good
    assert "The model reproduces the data: of 15 percentiles and 5 shares" in censored.sentence
    assert f" {count} lie" in censored.sentence and "170 measured" not in censored.sentence


@pytest.mark.parametrize(
    ("fault", "words"), [({"shift": 0.3}, "lie above"), ({"spread": 2.0}, "does not reproduce")]
)
def test_a_planted_fault_is_found(fault: dict[str, float], words: str) -> None:
    found = check(gp.logarithms(N, 4, **fault), seed=2)
    assert not found.good and words in found.sentence


def test_alarms_are_rare_when_nothing_is_wrong() -> None:
    alarms = sum(not check(gp.logarithms(20, 50 + k), LLOQ, draws=100).good for k in range(20))
    assert alarms <= stats.binom.ppf(0.9999, 20, 0.01)


def test_correction_takes_out_what_covariates_explain() -> None:
    values = gp.logarithms(20, 5)
    male = np.array([s == "m" for s in gp.sexes(20)])
    effects = (Effect("A", "sex", form="category", reference="f", value=None),)
    moved = values + np.log(10.0) * male[:, None]
    problem = gp.problem(gp.study(moved, lloq=LLOQ), population=Hierarchical(effects=effects))
    data = gp.posterior(values)
    factor = np.where(male, 10.0, 1.0)
    data = data.assign(
        A_individual=data["A_individual"] * factor, A_sex_m=np.log(10.0) + 0 * data["A"]
    )
    # PRED is P or 10 P: its median is 5.5 P, and corrected values are 5.5 times those of before.
    plain = check(values, draws=300, seed=6).table
    uncensored = gp.problem(gp.study(moved), population=Hierarchical(effects=effects))
    fixed = vpc(uncensored, data, draws=300, seed=6, corrected=True)
    columns = ["observed", "low", "median", "high"]
    np.testing.assert_allclose(fixed.table[columns], 5.5 * plain[columns], rtol=1e-9)
    wide = vpc(uncensored, data, draws=300, seed=6).table
    spans = []
    for table in (wide, fixed.table):
        rows = {s: table.loc[table["statistic"] == s, "median"].to_numpy() for s in RANKS}
        spans.append(np.log(rows["95 %"] / rows["5 %"]))
    # Two groups log(10) apart, sd at most 0.72: from 2 x 1.64 sd to log(10) + 2 x 1.28 sd.
    assert (spans[0] - spans[1] > np.log(10) - 2 * (1.65 - 1.28) * 0.72 - 0.2).all()
    late = vpc(problem, data, draws=300, seed=6, corrected=True).table
    share = late[late["statistic"] == "below"]["observed"].to_numpy()
    np.testing.assert_array_equal(share, (np.exp(moved) < LLOQ).mean(axis=0))


def test_correction_of_the_spread_gives_all_rows_of_a_bin_the_same() -> None:
    values = gp.logarithms(10, 7)
    problem = gp.problem(gp.study(values))
    one = replicated(problem, gp.posterior(values), draws=200, seed=1)[0]
    at = np.arange(values.size)
    rows = corrected_rows(
        problem, one, at, np.zeros(at.size, dtype=int), wanted=True, variance=True
    )
    spread = np.log(rows.simulated).std(axis=0)
    np.testing.assert_allclose(spread, spread[0], rtol=1e-9)
    plain = corrected_rows(
        problem, one, at, np.zeros(at.size, dtype=int), wanted=True, variance=False
    )
    assert np.ptp(np.log(plain.simulated).std(axis=0)) > 0.1


def test_rows_without_a_prediction_are_left_out_of_a_correction() -> None:
    values = gp.logarithms(10, 7)
    problem = gp.problem(gp.study(values))
    one = replicated(problem, gp.posterior(values), draws=50, seed=1)[0]
    one.pred[3] = 0.0
    group = np.tile(np.arange(gp.TIMES.size), 10)
    rows = corrected_rows(problem, one, np.arange(values.size), group, True, False)
    assert np.flatnonzero(~rows.kept).tolist() == [3]
    one.pred[group == 3] = 0.0  # before the dose all are zero: nothing to correct
    rows = corrected_rows(problem, one, np.arange(values.size), group, True, False)
    assert rows.kept.all()


def test_strata_and_strips_each_have_their_panel() -> None:
    stratified = check(gp.logarithms(20, 8), LLOQ, by="sex", draws=100, log=True)
    assert stratified.title == "Visual predictive check by sex"
    assert "Panels are strata: sex." in stratified.caption
    assert set(stratified.table["stratum"]) == {"sex f", "sex m"}
    figure = stratified.plot()
    assert isinstance(figure, Figure)
    titles = [a.get_title(loc="left") for a in figure.axes]
    assert titles == ["C, sex f", "", "C, sex m", ""]
    assert [a.get_yscale() for a in figure.axes] == ["log", "linear"] * 2
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim(), "strata can be compared"


def test_one_subject_is_enough_for_a_picture() -> None:
    values = gp.logarithms(1, 9)
    problem = gp.problem(gp.study(values), population="pooled")
    data = gp.posterior(values)[["A", "k", "C_sigma"]]
    found = vpc(problem, data, draws=100, percentiles=(0.5,))
    assert found.table["n"].tolist() == [1] * gp.TIMES.size
    assert found.plot().axes


def test_settings_without_meaning_are_refused() -> None:
    for settings in ({"percentiles": (5, 50, 95)}, {"percentiles": ()}, {"level": 1.0}):
        with pytest.raises(InputError, match="must lie between 0 and 1"):
            check(gp.logarithms(2, 1), **settings)


def test_outcomes_are_compared_by_their_shares() -> None:
    rng = np.random.default_rng(3)
    chance = 1 / (1 + np.exp(-(gp.mean() - 3)))  # log odds: log C - 3
    hit = rng.uniform(size=(40, gp.TIMES.size)) < chance
    study = gp.study(np.where(hit, 0.0, -np.inf))  # logarithms of 1 and 0
    problem = gp.problem(study, population="pooled", error="bernoulli")
    data = gp.posterior(gp.logarithms(2, 1))[["A", "k"]]
    names = problem.errors["C"].parameters("C")
    known = dict(zip(names, (-3.0, 1.0), strict=True))
    data = data.assign({n: v + 0 * data["A"] for n, v in known.items()})
    found = vpc(problem, data, draws=SETS, corrected=True)
    assert found.table["statistic"].unique().tolist() == ["at least 1"]
    rows: Any = found.table.itertuples()
    for row in rows:
        for p, share in ((0.05, row.low), (0.5, row.median), (0.95, row.high)):
            low, high = stats.binom.ppf(band(p), 40, chance[row.bin]) / 40
            assert low <= share <= high
    assert found.good and "of 5 shares of outcomes" in found.sentence and found.plot().axes
