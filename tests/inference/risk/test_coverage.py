"""Over repeated cohorts, the stated intervals of risk, curve and arms hold the known truth."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytobayes.datasets.synthetic import simulate_cohort

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "scripts"))  # no part of the distribution
SCRIPT: Any = importlib.import_module("risk_coverage")
MADE: Any = importlib.import_module("make_crs_cohort")

QUANTITIES = ["curve", "difference", "risk"]
STATED = 0.9
CHANCE = 0.001  # of a false alarm, per quantity


@pytest.fixture(scope="module")
def fitted() -> pd.DataFrame:
    return pd.read_csv(SCRIPT.OUT)


def off(table: pd.DataFrame) -> list[str]:
    """Quantities whose intervals hold the truth more or less often than chance explains."""
    found = SCRIPT.coverage(table)
    width = stats.t.ppf(1 - CHANCE / 2, found["cohorts"] - 1) * found["standard_error"]
    return list(found.index[(found["coverage"] - STATED).abs() > width])


def test_intervals_of_repeated_cohorts_hold_the_truth(fitted: pd.DataFrame) -> None:
    assert fitted["cohort"].nunique() >= 20
    assert sorted(fitted["quantity"].unique()) == QUANTITIES
    assert fitted[["truth", "mean", "low", "high"]].notna().all().all()
    assert off(fitted) == []


def test_intervals_of_half_the_width_are_caught(fitted: pd.DataFrame) -> None:
    """Of two thirds they would pass: twenty cohorts do not show more."""
    low, high = (fitted["mean"] + (fitted[n] - fitted["mean"]) / 2 for n in ("low", "high"))
    assert off(fitted.assign(low=low, high=high)) == QUANTITIES


def test_the_committed_truth_is_that_of_this_model_and_design(fitted: pd.DataFrame) -> None:
    cohort = simulate_cohort(
        SCRIPT.true_model(), MADE.PATIENTS, MADE.DESIGN, seed=1, iiv=MADE.SPREAD
    )
    first = fitted[fitted["cohort"] == 1].set_index("quantity")["truth"]
    printed = 6e-4  # relative: four digits
    risks = cohort.truth["risk"].transpose("subject", "grade").to_numpy().ravel()
    np.testing.assert_allclose(first["risk"], risks, rtol=printed)
    true = SCRIPT.true_probabilities(cohort, seed=1)
    np.testing.assert_allclose(first["difference"], (true - true[0])[1:].ravel(), rtol=printed)
