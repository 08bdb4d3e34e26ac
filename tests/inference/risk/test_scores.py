from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from cytobayes.datasets import InputError
from cytobayes.inference.risk.calibration import binned, calibration, isotonic, recalibration
from cytobayes.inference.risk.folds import folds_of
from cytobayes.inference.risk.scores import auc, brier, log_score, ranked_probability, score_table
from cytobayes.inference.risk.verdict import verdict

chances = st.lists(st.floats(0, 1), min_size=2, max_size=20)


@given(chances, st.floats(0.01, 0.99))
def test_proper_scores_expect_the_truth_to_score_best(others: list[float], truth: float) -> None:
    """E[score(q)] under P(event) = truth is least at q = truth."""
    for score in (brier, log_score):

        def expected(q: float) -> float:
            one = [score(np.array([q]), np.array([event])) for event in (0, 1)]  # noqa: B023
            return (1 - truth) * one[0] + truth * one[1]

        assert all(expected(truth) <= expected(q) + 1e-12 for q in others)


def test_a_perfect_forecast_scores_zero_and_discriminates_fully() -> None:
    reached = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1]])
    sure = reached.astype(float)
    assert ranked_probability(sure, reached) == 0
    assert brier(sure[:, 1], reached[:, 1]) == 0 and log_score(sure[:, 1], reached[:, 1]) == 0
    assert auc(sure[:, 1], reached[:, 1]) == 1


def test_the_climatology_scores_its_own_variance_and_does_not_discriminate() -> None:
    event = np.array([1, 0, 0, 0])
    constant = np.full(4, 0.25)
    assert brier(constant, event) == pytest.approx(0.25 * 0.75)
    assert auc(constant, event) == 0.5
    assert np.isnan(auc(constant, np.zeros(4, dtype=int)))


@given(chances)
def test_discrimination_is_that_of_all_pairs(values: list[float]) -> None:
    chance, event = np.array(values), np.arange(len(values)) % 2
    case, other = chance[event == 1][:, None], chance[event == 0][None]
    pairs = (case > other).mean() + 0.5 * (case == other).mean()
    assert auc(chance, event) == pytest.approx(pairs, abs=1e-12)


def graded(n: int = 200, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """True P(grade >= k), k = 1, 2, and whether it came."""
    rng = np.random.default_rng(seed)
    chance = expit(2 * rng.normal(size=(n, 1)) - np.array([-1.0, 1.0]))
    return chance, (rng.uniform(size=(n, 1)) < chance).astype(int)


def test_the_table_prefers_the_truth_to_its_distortion() -> None:
    chance, reached = graded()
    table = score_table({"truth": chance, "flat": 0 * chance + 0.5}, reached, 2, seed=1)
    flat = table[table["model"] == "flat"].set_index("score")
    assert (flat["difference_high"].drop("auc") < 0).all()
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_true_risks_are_called_calibrated_and_exaggerated_ones_are_not() -> None:
    """At 5 % of false alarms, 8 cohorts have 0.4 on average; 4 standard errors above it fails."""
    alarms = 0
    for seed in range(8):
        chance, reached = graded(150, seed)
        alarms += not calibration(chance[:, 0], reached[:, 0], at_least=1, seed=1).good
        too_sure = expit(3 * np.log(chance / (1 - chance)))
        assert not calibration(too_sure[:, 0], reached[:, 0], at_least=1, seed=1).good
    assert alarms <= 8 * 0.05 + 4 * np.sqrt(8 * 0.05 * 0.95)


def test_the_calibration_is_drawn_and_told() -> None:
    chance, reached = graded(60)
    check = calibration(chance[:, 0], reached[:, 0], at_least=1, seed=1)
    assert check.plot().axes and "slope" in check.sentence


def test_recalibration_undoes_a_known_distortion() -> None:
    chance, reached = graded(20_000)
    distorted = expit(2 * np.log(chance[:, 0] / (1 - chance[:, 0])) + 1)
    intercept, slope = recalibration(distorted, reached[:, 0])
    assert slope == pytest.approx(0.5, abs=0.02) and intercept == pytest.approx(-0.5, abs=0.08)


def test_bins_hold_every_patient_once_and_the_curve_never_falls() -> None:
    chance, reached = graded()
    table = binned(chance[:, 0], reached[:, 0])
    assert table["patients"].sum() == 200 and table["events"].sum() == reached[:, 0].sum()
    curve = isotonic(chance[:, 0], reached[:, 0], np.linspace(0, 1, 50))
    assert (np.diff(curve) >= 0).all()


@given(st.lists(st.integers(0, 4), min_size=6, max_size=40), st.integers(2, 6))
def test_folds_are_even_and_spread_the_grades(grade: list[int], folds: int) -> None:
    dealt = folds_of(np.array(grade), folds, np.random.default_rng(1))
    sizes = np.bincount(dealt, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    counts = np.bincount(dealt[np.array(grade) == grade[0]], minlength=folds)
    assert counts.max() - counts.min() <= 2


def test_more_folds_than_patients_are_refused() -> None:
    with pytest.raises(InputError, match="from 2 to 3"):
        folds_of(np.zeros(3, dtype=int), 4, np.random.default_rng(1))


def told(difference: float, low: float, high: float) -> str:
    rows = [
        ("mechanistic", 0.4, 0.0, 0.0, 0.0),
        ("simple", 0.4 - difference, difference, low, high),
    ]
    names = ["model", "value", "difference", "difference_low", "difference_high"]
    table = pd.DataFrame(rows, columns=names).assign(score="ranked probability")
    return verdict(table, "mechanistic", "the course")


def test_a_simple_model_that_wins_is_named_first() -> None:
    assert "the simple model (simple) predicts better" in told(0.1, 0.05, 0.2)
    assert "simple model (simple) predicts at least as well" in told(0.01, -0.1, 0.1)
    assert "the mechanistic predicts better" in told(-0.1, -0.2, -0.05)
    assert "within chance" in told(-0.01, -0.1, 0.1)
