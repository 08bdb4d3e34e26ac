"""A NONMEM-style file with concentrations and a yes or no per patient is one joint problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

from cytobayes.datasets import InputError, read_table
from cytobayes.inference import Bernoulli, Ordinal, Problem, convergence, fit, joint_response
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.report.assessment import findings, planned
from cytobayes.inference.response.jointly import Joint, curves, drawn, said
from cytobayes.models.distributions import LogNormal
from cytobayes.models.exposure_state import with_auc
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State
from cytobayes.models.solver import SolverOptions

TIMES, DAY, VOLUME = (1.0, 4.0, 12.0, 24.0), 28.0, 10.0
RECORDS = "ID,TIME,AMT,DV,EVID,CMT,DVID\n"


def bolus() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"A": -p.CL / p.V * y.A}

    return OdeModel(
        "bolus",
        (State("A", "mg", scale=100.0),),
        (
            Parameter("CL", 1.0, "L/h", prior=LogNormal(1.0, 0.5)),
            Parameter("V", VOLUME, "L"),
        ),
        rhs,
        outputs={"C": lambda t, y, p: y.A / p.V},
        output_units={"C": "mg/L"},
    )


def records(path: Path, doses: Any, clearance: Any, outcomes: Any) -> Path:
    """Concentrations (DVID 1) and the outcome on the last day (DVID 2) of each patient."""
    lines = []
    for k, (dose, cl, yes) in enumerate(zip(doses, clearance, outcomes, strict=True), 1):
        lines.append(f"{k},0,{dose},.,1,1,.\n")
        for t in TIMES:
            lines.append(f"{k},{t},.,{dose / VOLUME * np.exp(-cl / VOLUME * t):.6g},0,1,1\n")
        lines.append(f"{k},{DAY},.,{yes:g},0,1,2\n")
    path.write_text(RECORDS + "".join(lines))
    return path


@pytest.fixture
def joint(tmp_path: Path) -> tuple[Problem, Any, Any, Any]:
    doses, clearance = np.array([50.0, 100.0, 200.0]), np.array([0.8, 1.0, 1.4])
    outcomes = np.array([0.0, 1.0, 1.0])
    path = records(tmp_path / "trial.csv", doses, clearance, outcomes)
    names: dict[int | str, str] = {1: "C", 2: "CRS"}
    study = read_table(path, observables=names, compartments={"1": "A"})
    problem = Problem(
        with_auc(bolus(), "C"),
        study,
        error={"C": "lognormal", "CRS": Bernoulli()},
        population="hierarchical",
        observables={"CRS": "AUC"},
        solver=SolverOptions(rtol=1e-9),
    )
    return problem, doses, clearance, outcomes


ONE = {"CL": 1.0, "CL_omega": 0.3, "C_sigma": 0.2, "CRS_intercept": -6.0, "CRS_slope": 1.5}


def known(problem: Problem, clearance: Any) -> xr.Dataset:
    """One draw, with the clearances of the patients."""
    dims = ("chain", "draw")
    return xr.Dataset(
        {n: (dims, [[v]]) for n, v in ONE.items()}
        | {"CL_individual": ((*dims, "subject"), clearance[None, None])},
        {"chain": [0], "draw": [0], "subject": list(problem.arrangement.subjects)},
    )


def areas(doses: Any, clearance: Any) -> Any:
    """Area under the concentration until the last day."""
    return doses / clearance * (1 - np.exp(-clearance / VOLUME * DAY))


def test_the_outcome_is_scored_at_the_area_of_each_patient(joint: tuple[Any, ...]) -> None:
    problem, doses, clearance, outcomes = joint
    assert {"CL_omega", "CRS_intercept", "CRS_slope", "C_sigma"} <= set(problem.all_priors)
    risk = expit(-6.0 + 1.5 * np.log(areas(doses, clearance)))
    found = pointwise(problem, known(problem, clearance))
    np.testing.assert_allclose(
        found["CRS"].to_numpy().ravel(), stats.bernoulli.logpmf(outcomes, risk), rtol=1e-6
    )
    assert found["C"].sizes["C_observation"] == len(TIMES) * len(problem.arrangement.subjects)


def test_the_curve_of_the_outcome_is_that_of_its_parameters(joint: tuple[Any, ...]) -> None:
    problem, doses, clearance, _ = joint
    check = joint_response(problem, known(problem, clearance), "CRS")
    x = check.table["exposure"].to_numpy()
    area = areas(doses, clearance)
    np.testing.assert_allclose([x.min(), x.max()], [area.min(), area.max()], rtol=1e-6)
    for column in ("q025", "median", "q975"):
        expected = expit(-6.0 + 1.5 * np.log(x))
        np.testing.assert_allclose(check.table[column], expected, rtol=1e-9)
    assert check.sentence.startswith("P(CRS) by AUC: ") and "An association" in check.sentence
    curve, exposures = check.plot().axes
    assert curve.get_ylabel() == "P(CRS)" and exposures.get_xscale() == "log"
    with pytest.raises(InputError, match="C is no yes or no and no grade; there are: CRS"):
        joint_response(problem, known(problem, clearance), "C")


def test_the_report_plans_the_curve_and_says_it(joint: tuple[Any, ...]) -> None:
    problem, _, clearance, _ = joint
    plan = planned(problem, xr.DataTree(), seed=1)
    assert [(p.section, p.title) for p in plan if p.name == "joint_CRS"] == [
        ("response", "CRS by AUC")
    ]
    check = joint_response(problem, known(problem, clearance), "CRS")
    assert findings({"response": (check,)}) == (check.sentence,)


@pytest.mark.mcmc
@pytest.mark.slow
def test_a_joint_fit_recovers_kinetics_and_risk(tmp_path: Path) -> None:
    """Sixty patients at three doses, with a yes or no that follows the logarithm of the area."""
    rng = np.random.default_rng(8)
    doses = np.repeat([30.0, 100.0, 300.0], 20)
    clearance = np.exp(0.4 * rng.standard_normal(doses.size))
    area = areas(doses, clearance)
    truth = {"CL": 1.0, "CL_omega": 0.4, "CRS_intercept": -9.0, "CRS_slope": 2.0}
    chance = expit(truth["CRS_intercept"] + truth["CRS_slope"] * np.log(area))
    outcomes = (rng.uniform(size=doses.size) < chance).astype(float)
    path = noisy(records(tmp_path / "trial.csv", doses, clearance, outcomes), rng)
    names: dict[int | str, str] = {1: "C", 2: "CRS"}
    problem = Problem(
        with_auc(bolus(), "C"),
        read_table(path, observables=names, compartments={"1": "A"}),
        error={"C": "lognormal", "CRS": Bernoulli()},
        population="hierarchical",
        observables={"CRS": "AUC"},
    )
    tree = fit(problem, seed=3, progress=False, log_likelihood=False)
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    for name, value in truth.items():
        low, high = np.quantile(tree["posterior"][name], [0.005, 0.995])
        assert low < value < high, name
    assert float((tree["posterior"]["CRS_slope"] > 0).mean()) > 0.99


def noisy(path: Path, rng: np.random.Generator) -> Path:
    """Multiply the concentrations of a file by errors of 20 %."""
    rows = pd.read_csv(path, dtype=str)
    measured = (rows["DVID"] == "1").to_numpy()
    values: pd.Series[float] = rows.loc[measured, "DV"].astype(float) * np.exp(
        0.2 * rng.standard_normal(measured.sum())
    )
    rows.loc[measured, "DV"] = values.map("{:.6g}".format)
    rows.to_csv(path, index=False)
    return path


def test_grades_have_a_curve_each_and_higher_ones_lie_below() -> None:
    rng = np.random.default_rng(2)
    exposure = np.exp(rng.normal(3.0, 1.0, (50, 80)))
    draws = tuple(np.full(50, v) for v in (1.5, 2.0, 1.0))
    error = Ordinal(highest=2)
    grade = (rng.uniform(size=80) < 0.5).astype(float) + 1
    found = Joint("CRS", "AUC", "mg/L*h", error, exposure, grade, draws)
    table = curves(found).pivot(index="exposure", columns="at_least", values="median")
    for k, cut in ((1, 2.0), (2, 3.0)):
        np.testing.assert_allclose(table[k], expit(1.5 * np.log(table.index) - cut), rtol=1e-9)
    assert said(found).startswith("P(CRS >= 2) by AUC: ")
    assert drawn(found, curves(found)).axes[0].get_legend() is not None
