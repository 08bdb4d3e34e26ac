"""Small models with known answers: a closed form, and a drug that is given when a sign shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.models.distributions import LogNormal
from cytobayes.models.math import exp
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State

GRADED = 60  # patients with a grade


@pytest.fixture(scope="session")
def bump() -> OdeModel:
    """A closed form: the signal decays from ``a`` at rate 1, the target from 1 at rate ``k``."""
    return OdeModel(
        "bump",
        (),
        (
            Parameter("a", 1.0, iiv=0.8),
            Parameter("m", 1.0, prior=LogNormal(1.0, 0.5)),
            Parameter("k", 0.2, "1/d"),
        ),
        outputs={
            "signal": lambda t, y, p: p.a * p.m * exp(-t),
            "B": lambda t, y, p: exp(-p.k * t),
        },
        time_unit="d",
        horizon=10.0,
    )


@pytest.fixture(scope="session")
def growth() -> OdeModel:
    """A sign that grows at rate ``g``; a drug slows it by ``s D``; cells that only add up.

    ``S' = (g - s D) S``, ``D' = -D``, ``C' = 0``: with ``s`` 0 nothing that is given acts on S.
    """

    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"S": (p.g - p.s * y.D) * y.S, "D": -y.D, "C": 0 * y.C}

    return OdeModel(
        "growth",
        (State("S", "pg/mL"), State("D", "mg"), State("C", "cell")),
        (
            Parameter("g", 0.5, "1/d", lower=-10.0, iiv=0.0),
            Parameter("s", 0.0, "1/d/mg"),
            Parameter("S0", 1.0, "pg/mL", iiv=0.3, prior=LogNormal(1.0, 0.2)),
        ),
        rhs,
        initial=lambda p: {"S": p.S0},
        time_unit="d",
        horizon=8.0,
    )


@pytest.fixture(scope="session")
def graded(bump: OdeModel) -> tuple[Problem, xr.Dataset]:
    """Sixty patients whose grade follows their peak, and draws of their peaks."""
    rng = np.random.default_rng(5)
    a = np.exp(0.8 * rng.standard_normal(GRADED))
    subjects = [f"P{k:02d}" for k in range(GRADED)]
    risk = 1 / (1 + np.exp(-(3.0 * np.log10(a)[:, None] - np.array([0.0, 1.0, 2.0, 3.0]))))
    grade = (rng.uniform(size=(GRADED, 1)) < risk).sum(axis=1)
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
