"""Grades of virtual patients follow those of the fitted ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.trials.design import Arm, Design, Endpoint
from cytobayes.inference.trials.fitted import fitted_grades
from cytobayes.inference.trials.virtual import virtual_trial
from cytobayes.models.ode import OdeModel

N = 60


@pytest.fixture(scope="module")
def graded(bump: OdeModel) -> tuple[Problem, xr.Dataset]:
    """Sixty patients whose grade follows their peak, and draws of their peaks."""
    rng = np.random.default_rng(5)
    a = np.exp(0.8 * rng.standard_normal(N))
    subjects = [f"P{k:02d}" for k in range(N)]
    risk = 1 / (1 + np.exp(-(3.0 * np.log10(a)[:, None] - np.array([0.0, 1.0, 2.0, 3.0]))))
    grade = (rng.uniform(size=(N, 1)) < risk).sum(axis=1)
    rows = pd.DataFrame(
        {"subject": subjects, "time": 1.0, "observable": "signal", "value": a * np.exp(-1)}
    )
    outcomes = pd.DataFrame(
        {"subject": subjects, "outcome": "crs", "value": grade.astype(float), "scale": "ASTCT"}
    )
    wide = pd.DataFrame({"subject": subjects, "name": "level", "value": a.astype(str), "unit": ""})
    study = Study(rows, name="graded", units={"signal": ""}, time_unit="d", outcomes=outcomes,
                  covariates=wide)  # fmt: skip
    problem = Problem(bump, study, inputs={"a": "level"})
    size = (2, 60)
    posterior = xr.Dataset(
        {"m": (("chain", "draw"), np.exp(0.02 * rng.standard_normal(size))),
         "signal_sigma": (("chain", "draw"), np.full(size, 0.1))}
    )  # fmt: skip
    return problem, posterior


def test_a_trial_of_the_fit_gives_the_grades_that_were_seen(graded: Any) -> None:
    problem, posterior = graded
    grades = fitted_grades(problem, posterior, draws=60, seed=2)
    assert grades is not None
    assert grades.slope.shape == (60,)
    assert "fitted to 60 grades (ASTCT) of graded" in grades.label
    ends = tuple(Endpoint(f"CRS >= {k}", "grade", at_least=k) for k in (1, 2))
    trial = virtual_trial(
        Design((Arm("as treated"),), ends, n=300), problem, posterior, draws=60, grades=grades
    )
    seen = problem.data.outcome("crs", None)["value"].to_numpy()
    table = trial.characteristics()
    for k, row in table.iterrows():
        share = (seen >= int(str(k)) + 1).mean()
        # the fit of an intercept and a slope reproduces the observed share up to the prior
        assert row["probability"] == pytest.approx(share, abs=0.05)
        assert row["lower"] < share < row["upper"]
    assert "tied to it by association" in " ".join(trial.notes)


def test_data_without_grades_have_no_grade_model(graded: Any, bump: OdeModel) -> None:
    problem, posterior = graded
    rows = pd.DataFrame({"subject": "1", "time": [1.0], "observable": "signal", "value": [1.0]})
    bare = Study(rows, name="bare", units={"signal": ""}, time_unit="d")
    assert fitted_grades(Problem(bump, bare), posterior, draws=5) is None
