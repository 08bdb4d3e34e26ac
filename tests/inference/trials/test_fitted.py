"""Grades of virtual patients follow those of the fitted ones."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.trials.design import Arm, Design, Endpoint
from cytobayes.inference.trials.fitted import fitted_grades
from cytobayes.inference.trials.virtual import virtual_trial
from cytobayes.models.ode import OdeModel


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
