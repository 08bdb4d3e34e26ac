"""Reference posteriors of posteriordb, judged by the criteria of their README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, convergence, fit
from cytobayes.models.distributions import HalfCauchy, LogNormal, TruncatedNormal
from cytobayes.models.math import exp
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State

pytestmark = [pytest.mark.mcmc, pytest.mark.reference]


def reference(folder: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((folder / "reference.json").read_text())[
        "parameters"
    ]
    return found


def long_table(folder: Path, columns: list[str]) -> pd.DataFrame:
    wide = pd.read_csv(folder / "data.csv")
    return wide.melt("time", columns, "observable", "value").assign(subject="1")


def z_of_mean(draws: Any, expected: dict[str, float]) -> float:
    error = np.hypot(float(az.mcse(draws.to_numpy())), expected["mcse_mean"])
    return float((draws.mean() - expected["mean"]) / error)


def z_of_quantile(draws: Any, q: float, expected: dict[str, float]) -> float:
    name = f"q{round(100 * q):02d}"
    own = float(az.mcse(draws.to_numpy(), method="quantile", prob=q))
    return float((draws.quantile(q) - expected[name]) / np.hypot(own, expected[f"mcse_{name}"]))


def lotka_volterra() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {
            "hare": (p.alpha - p.beta * y.lynx) * y.hare,
            "lynx": (-p.gamma + p.delta * y.hare) * y.lynx,
        }

    rate, contact = TruncatedNormal(1.0, 0.5), TruncatedNormal(0.05, 0.05)
    first = LogNormal(10.0, 1.0)
    return OdeModel(
        "lotka-volterra",
        (State("hare", scale=30.0), State("lynx", scale=10.0)),
        (
            Parameter("alpha", 0.55, "1/year", prior=rate),
            Parameter("beta", 0.028, "1/year", prior=contact),
            Parameter("gamma", 0.8, "1/year", prior=rate),
            Parameter("delta", 0.024, "1/year", prior=contact),
            Parameter("hare0", 33.0, prior=first),
            Parameter("lynx0", 6.0, prior=first),
        ),
        rhs,
        lambda p: {"hare": p.hare0, "lynx": p.lynx0},
        time_unit="year",
    )


def one_compartment() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        absorbed = p.k_a * p.D * exp(-p.k_a * t) / p.V
        return {"C": absorbed - p.V_m / p.V * y.C / (p.K_m + y.C)}

    wide = HalfCauchy(1.0)
    return OdeModel(
        "one-compartment-michaelis-menten",
        (State("C", "mg/L"),),
        (
            Parameter("k_a", 0.75, "1/d", prior=wide),
            Parameter("K_m", 1.0, "mg/L", prior=wide),
            Parameter("V_m", 0.9, "mg/d", prior=wide),
            Parameter("D", 30.0, "mg"),
            Parameter("V", 2.0, "L"),
        ),
        rhs,
        time_unit="d",
    )


def test_lotka_volterra_agrees_with_posteriordb(reference_dir: Path) -> None:
    folder = reference_dir / "pdb_lotka_volterra"
    study = Study(long_table(folder, ["hare", "lynx"]), name="hudson-lynx-hare")
    sigma = LogNormal(float(np.exp(-1)), 1.0)
    problem = Problem(lotka_volterra(), study, priors={"hare_sigma": sigma, "lynx_sigma": sigma})
    tree = fit(problem, seed=20, draws=1000, tune=1000, chains=4, progress=False)
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    assert verdict.divergences == 0
    for name, expected in reference(folder).items():
        stem, _, observable = name.partition("_")
        draws = tree["posterior"][f"{observable}_sigma" if stem == "sigma" else name]
        assert abs(z_of_mean(draws, expected)) < 4, name
        assert abs(float(draws.mean()) - expected["mean"]) < 0.1 * expected["sd"], name
        assert 0.9 < float(draws.std()) / expected["sd"] < 1.1, name


def test_one_compartment_agrees_with_posteriordb(reference_dir: Path) -> None:
    folder = reference_dir / "pdb_one_comp_mm"
    study = Study(long_table(folder, ["C"]), name="one-comp-mm", units={"C": "mg/L"}, time_unit="d")
    problem = Problem(one_compartment(), study, priors={"C_sigma": HalfCauchy(1.0)})
    tree = fit(
        problem, seed=21, draws=2000, tune=1000, chains=4, target_accept=0.99, progress=False
    )
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    posterior, expected = tree["posterior"], reference(folder)
    for name, variable in (("k_a", "k_a"), ("sigma", "C_sigma")):
        draws = posterior[variable]
        assert abs(z_of_mean(draws, expected[name])) < 4, name
        assert abs(float(draws.mean()) - expected[name]["mean"]) < 0.1 * expected[name]["sd"], name
        assert 0.9 < float(draws.std()) / expected[name]["sd"] < 1.1, name
    for name in ("K_m", "V_m"):  # means and sds of these are noise of the tail
        for q in (0.05, 0.5, 0.95):
            assert abs(z_of_quantile(posterior[name], q, expected[name])) < 4, (name, q)
