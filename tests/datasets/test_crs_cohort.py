"""The embedded cohort is what its script makes, and its truth is kept beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, load, load_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("made", ROOT / "scripts" / "make_crs_cohort.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_makes_the_file_again(script: Any, tmp_path: Path) -> None:
    """To the tolerance of the solver: values have four digits, so that one may turn the last."""
    script.main(tmp_path)
    shipped = {p.name for p in (ROOT / "datasets" / "data").glob("crs_cohort_*.csv")}
    assert {p.name for p in tmp_path.iterdir()} == shipped and len(shipped) == 5
    for made in sorted(tmp_path.glob("*.csv")):
        again, kept = pd.read_csv(made), pd.read_csv(ROOT / "datasets" / "data" / made.name)
        assert list(again) == list(kept) and len(again) == len(kept)
        for column in kept:
            if kept[column].dtype.kind == "f":
                np.testing.assert_allclose(again[column], kept[column], rtol=2e-3, err_msg=column)
            else:
                assert again[column].equals(kept[column]), f"{made.name}: {column}"


def test_the_cohort_has_what_a_trial_has() -> None:
    study = load("crs-cohort")
    assert len(study.subjects) == 40
    assert set(study.observables) == {"CAR", "IFNg", "IL6", "CRP", "ferritin"}
    assert set(study.doses["target"].values) == {"tocilizumab", "steroid"}
    assert set(study.covariates) == {"burden", "cells_infused", "costimulation"}
    assert set(study.outcomes["scale"].values) == {"ASTCT"}
    censored = study.observations["censoring"].to_numpy()
    assert {"left", "right", "none"} == set(censored)


def test_the_truth_is_that_of_the_patients() -> None:
    truth = load_table("crs-cohort-truth").set_index("subject")
    assert tuple(truth.index) == load("crs-cohort").subjects
    risks = truth[[f"risk_at_least_{k}" for k in (1, 2, 3, 4)]].to_numpy()
    assert (np.diff(risks, axis=1) < 0).all()


def test_a_path_has_no_meaning() -> None:
    with pytest.raises(InputError, match="comes with the package"):
        load("crs-cohort", path="x")
