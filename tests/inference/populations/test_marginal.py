"""Marginal likelihood: exact where it can be, and the numbers of NONMEM and of quadrature."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.populations.marginal import marginal_likelihood
from cytobayes.models import OdeModel, Parameter
from cytobayes.models.distributions import LogNormal, Normal
from cytobayes.models.math import exp

from ..oral import oral
from .reference_populations import warfarin

WANG = {
    "prop: sd=f*sqrt(.1)": ("proportional", {"Y_sigma": 0.1**0.5}),
    "add: sd=sqrt(.1)": ("additive", {"Y_sigma": 0.1**0.5}),
    "lnorm: sd(log)=sqrt(.1)": ("lognormal", {"Y_sigma": 0.1**0.5}),
    "add+prop combined2: var=.1+.1 f^2": (
        "combined", {"Y_sigma_add": 0.1**0.5, "Y_sigma_prop": 0.1**0.5},
    ),
}  # fmt: skip
DECAY = OdeModel(
    name="wang",
    states=(),
    parameters=(Parameter("ke", 0.5, "1/h", prior=LogNormal(0.5, 0.5)),),
    outputs={"Y": lambda t, y, p: 10.0 * exp(-p.ke * t)},
    output_units={"Y": "mg/L"},
)


@pytest.mark.reference
@pytest.mark.parametrize("row", list(WANG))
def test_wang_2007_is_met_by_quadrature_and_by_importance_sampling(
    reference_dir: Path, row: str
) -> None:
    folder = reference_dir / "nlme_wang2007_likelihood"
    known = json.loads((folder / "reference.json").read_text())["rows"][row]
    table = pd.read_csv(folder / "data.csv").rename(
        columns={"ID": "subject", "Time": "time", "Y": "value"}
    )
    table["subject"] = table["subject"].astype(str)
    data = Study(table.assign(observable="Y"), name="wang", units={"Y": "mg/L"}, time_unit="h")
    error, sigma = WANG[row]
    problem = Problem(DECAY, data, error=error, population=Hierarchical(varying=("ke",)))
    at = {"ke": 0.5, "ke_omega": 0.2, **sigma}
    exact = marginal_likelihood(problem, at)
    assert exact.method == "quadrature"
    assert exact.m2ll == pytest.approx(known["exact_m2ll"], abs=1e-3)
    assert exact.ofv == pytest.approx(known["exact_OFV"], abs=1e-3)
    assert exact.error < 1e-3
    focei = exact.focei - exact.m2ll + exact.ofv
    assert focei == pytest.approx(known["OFV_FOCEI"], abs=2e-3)  # of NONMEM
    if error == "proportional":
        sampled = marginal_likelihood(problem, at, method="importance", draws=1000)
        assert abs(sampled.m2ll - known["exact_m2ll"]) < 5 * sampled.error < 0.5


THEO = oral("cp", 320.0, ka=(1.5, 0.5), CL=(2.7, 0.5), V=(31.0, 0.5))
WARFARIN = {
    "ktr": "KTR", "ka": "KA", "cl": "CL", "v": "V", "emax": "Imax", "ec50": "IC50",
    "kout": "kout", "e0": "E0",
}  # fmt: skip
RESIDUALS = {"pkadd__err": "cp_sigma_add", "prop__err": "cp_sigma_prop", "pdadd__err": "pca_sigma"}
NAMES = {"ka": "ka", "CL": "cl", "V": "v"}  # ours and those of the reference


@pytest.mark.reference
def test_theophylline_at_its_maximum_has_the_exact_likelihood(reference_dir: Path) -> None:
    folder = reference_dir / "nlme_theo_sd"
    known = json.loads((folder / "reference.json").read_text())
    table = pd.read_csv(folder / "data.csv").rename(columns={"TIME": "time", "DV": "value"})
    table["subject"] = "S" + table["ID"].astype(str)
    doses = table[table["EVID"] == 101][["subject", "AMT"]].rename(columns={"AMT": "value"})
    rows = table[table["EVID"] == 0][["subject", "time", "value"]].assign(observable="cp")
    data = Study(rows, name="theo", units={"cp": "mg/L"}, time_unit="h",
                 covariates=doses.assign(name="dose"))  # fmt: skip
    problem = Problem(
        THEO, data, error="additive", population="hierarchical", inputs={"dose": "dose"}
    )
    best = known["exact_ml_natural"]
    at = {n: best[theirs] for n, theirs in NAMES.items()}
    at |= {f"{n}_omega": best[f"omega_{theirs}"] for n, theirs in NAMES.items()}
    found = marginal_likelihood(problem, at | {"cp_sigma": best["add_sd"]})
    assert found.m2ll == pytest.approx(trapezoid(rows, doses, best), abs=1e-3)
    assert found.error < 1e-3
    # The trapezoidal rule, which errs by less than 1e-5 here, is 0.0023 below the reference, as
    # far as quadrature with 7 nodes in each direction.
    assert found.m2ll == pytest.approx(known["exact_m2ll"]["at_exact_ml"], abs=3e-3)
    assert found.rows == known["exact_m2ll"]["N"]


def trapezoid(rows: pd.DataFrame, doses: pd.DataFrame, best: dict[str, float]) -> float:
    """-2 log L on a grid over all effects: for a smooth integrand as good as any rule."""
    z, h = np.linspace(-5.0, 5.0, 81, retstep=True)
    effects = np.meshgrid(z, z, z, indexing="ij")
    ka, cl, v = (
        best[n] * np.exp(best[f"omega_{n}"] * x)
        for n, x in zip(("ka", "cl", "v"), effects, strict=True)
    )
    k, total = cl / v, 0.0
    for subject, mine in rows.groupby("subject"):
        dose = float(doses.loc[doses["subject"] == subject, "value"].iloc[0])
        density = np.asarray(stats.norm.logpdf(np.array(effects))).sum(axis=0)
        for t, value in zip(mine["time"], mine["value"], strict=True):
            f = dose * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))
            density += stats.norm.logpdf(value, f, best["add_sd"])
        total += float(logsumexp(density)) + 3 * np.log(h)
    return -2 * total


LINEAR = OdeModel(
    name="line",
    states=(),
    parameters=(
        Parameter("a", 1.0, "mg/L", lower=-np.inf, prior=Normal(1.0, 1.0)),
        Parameter("b", 0.5, "mg/L/h", lower=-np.inf, prior=Normal(0.0, 1.0)),
    ),
    outputs={"C": lambda t, y, p: p.a + p.b * t},
    output_units={"C": "mg/L"},
)
TIMES = np.array([0.0, 1.0, 2.0, 5.0])


def line(occasions: bool = False) -> Study:
    rng = np.random.default_rng(4)
    rows = [
        {"subject": f"S{i}", "time": t, "observable": "C", "value": 1 + 0.5 * t + rng.normal()}
        for i in range(3)
        for t in TIMES
    ]
    table = pd.DataFrame(rows)
    if occasions:
        table["occasion"] = np.where(table["time"] < 1.5, "1", "2")
    return Study(table, name="line", units={"C": "mg/L"}, time_unit="h")


def normal_m2ll(data: Study, covariance: Any) -> float:
    frame = data.to_frame().sort_values(["subject", "time"])
    values = frame["value"].to_numpy().reshape(3, len(TIMES))
    center = 0.8 + 0.4 * TIMES
    return float(-2 * stats.multivariate_normal(center, covariance).logpdf(values).sum())


@pytest.mark.parametrize("correlated", [False, True])
def test_a_linear_model_has_its_normal_likelihood_by_every_method(correlated: bool) -> None:
    """Then Laplace's approximation is exact."""
    r = 0.6 if correlated else 0.0
    family = Hierarchical(correlated=("a", "b") if correlated else ())
    problem = Problem(LINEAR, line(), error="additive", population=family)
    at: dict[str, Any] = {"a": 0.8, "b": 0.4, "a_omega": 0.7, "b_omega": 0.3, "C_sigma": 0.5}
    if correlated:
        at["omega_correlation"] = [[1.0, r], [r, 1.0]]
    X = np.stack([np.ones(4), TIMES], axis=1)
    omega = np.array([[0.49, r * 0.21], [r * 0.21, 0.09]])
    expected = normal_m2ll(problem.data, X @ omega @ X.T + 0.25 * np.eye(4))
    found = marginal_likelihood(problem, at)
    assert found.laplace == pytest.approx(expected, abs=1e-6)
    assert found.m2ll == pytest.approx(expected, abs=1e-8)
    sampled = marginal_likelihood(problem, at, method="importance", draws=500, seed=2)
    assert abs(sampled.m2ll - expected) < 5 * sampled.error


def test_effects_between_occasions_are_integrated_out_too() -> None:
    family = Hierarchical(varying=("b",), occasions=("a",))
    problem = Problem(LINEAR, line(occasions=True), error="additive", population=family)
    at = {"a": 0.8, "b": 0.4, "b_omega": 0.3, "a_iov": 0.6, "C_sigma": 0.5}
    same = np.kron(np.eye(2), np.ones((2, 2)))  # TIMES: two in each occasion
    covariance = 0.09 * np.outer(TIMES, TIMES) + 0.36 * same + 0.25 * np.eye(4)
    found = marginal_likelihood(problem, at, method="laplace")
    assert found.m2ll == pytest.approx(normal_m2ll(problem.data, covariance), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": None}, "no value of a"),
        ({"q": 1.0}, "q is nothing"),
        ({"a_omega": -1.0}, "a_omega = -1.0 is not a number within its bounds"),
    ],
)
def test_values_that_do_not_fit_the_problem_are_refused(change: Any, message: str) -> None:
    problem = Problem(LINEAR, line(), error="additive", population="hierarchical")
    at = {"a": 0.8, "b": 0.4, "a_omega": 0.7, "b_omega": 0.3, "C_sigma": 0.5} | change
    with pytest.raises(InputError, match=message):
        marginal_likelihood(problem, {n: v for n, v in at.items() if v is not None})


@pytest.mark.slow
@pytest.mark.reference
def test_warfarin_at_the_estimates_of_monolix_has_the_exact_likelihood(reference_dir: Path) -> None:
    """Eight effects of a subject, a system solved; the reference is importance sampling too."""
    folder = reference_dir / "nlme_warfarin_pkpd"
    known = json.loads((folder / "reference.json").read_text())
    at = {}
    for key, found in known["monolix"].items():
        kind, _, rest = key.partition("_")
        name = WARFARIN.get(rest if kind == "omega" else kind, "")
        at[RESIDUALS.get(key, f"{name}_omega" if kind == "omega" else name)] = found["estimate"]
    problem = replace(warfarin(reference_dir), order={})
    result = marginal_likelihood(problem, at, method="importance", draws=4000, seed=1)
    exact = known["exact_m2ll"]
    assert result.rows == exact["N"] and result.error < 0.2
    assert abs(result.m2ll - exact["at_monolix"]) < 3 * np.hypot(result.error, exact["mc_error"])
