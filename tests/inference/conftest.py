"""A model with a closed form, data from it, and the problem that joins the two."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.models.distributions import LogNormal
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State
from cytobayes.models.solver import SolverOptions

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])
DOSE, VOLUME = 100.0, 10.0


def one_compartment_oral() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"A": -p.ka * y.A, "C": p.ka * y.A / p.V - p.k * y.C}

    return OdeModel(
        "oral",
        (State("A", "mg", scale=100.0), State("C", "mg/L", scale=10.0)),
        (
            Parameter("ka", 1.0, "1/h", prior=LogNormal(1.0, 0.5), source="textbook"),
            Parameter("k", 0.2, "1/h", prior=LogNormal(0.2, 0.5)),
            Parameter("V", VOLUME, "L"),
        ),
        rhs,
        outputs={"amount": lambda t, y, p: y.C * p.V},
        output_units={"amount": "mg"},
        time_unit="h",
    )


def closed_form(ka: Any, k: Any, t: Any) -> Any:
    """Concentration after a bolus of `DOSE` into A at time 0."""
    return DOSE / VOLUME * ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))


def doses(*subjects: str) -> pd.DataFrame:
    return pd.DataFrame({"subject": subjects, "time": 0.0, "amount": DOSE, "target": "A"})


def measured(
    values: npt.ArrayLike, *, subject: str = "1", observable: str = "C", **columns: Any
) -> pd.DataFrame:
    return pd.DataFrame(
        {"subject": subject, "time": TIMES, "observable": observable, "value": values, **columns}
    )


def noisy(seed: int, sigma: float = 0.1) -> npt.NDArray[np.float64]:
    scatter = np.exp(sigma * np.random.default_rng(seed).standard_normal(TIMES.size))
    return np.asarray(closed_form(1.0, 0.2, TIMES) * scatter)


@pytest.fixture(scope="session")
def oral() -> OdeModel:
    return one_compartment_oral()


@pytest.fixture(scope="session")
def study() -> Study:
    return Study(
        measured(noisy(1)), name="one subject", units={"C": "mg/L"}, time_unit="h", doses=doses("1")
    )


@pytest.fixture(scope="session")
def two_subjects() -> Study:
    return Study(
        pd.concat([measured(noisy(2), subject="a"), measured(noisy(3), subject="b")]),
        name="two subjects",
        units={"C": "mg/L"},
        time_unit="h",
        doses=doses("a", "b"),
    )


@pytest.fixture(scope="session")
def problem(oral: OdeModel, study: Study) -> Problem:
    return Problem(oral, study)


@pytest.fixture(scope="session")
def precise() -> SolverOptions:
    return SolverOptions(rtol=1e-10)
