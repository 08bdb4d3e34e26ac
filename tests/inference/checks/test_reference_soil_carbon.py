"""Carbon of a soil in two pools with feedback: what its fit says of a weakly identified problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from scipy import optimize, stats
from scipy.linalg import expm

from cytobayes.datasets import Study
from cytobayes.inference import Additive, Problem, convergence, fit
from cytobayes.inference.checks.identifiability import identifiability
from cytobayes.inference.checks.information import information
from cytobayes.models import Namespace, OdeModel, Parameter, State
from cytobayes.models.distributions import Beta, HalfCauchy, HalfNormal

pytestmark = [pytest.mark.slow, pytest.mark.reference]
Array = npt.NDArray[np.float64]


def soil() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {
            "C1": -p.k1 * y.C1 + p.alpha12 * p.k2 * y.C2,
            "C2": p.alpha21 * p.k1 * y.C1 - p.k2 * y.C2,
        }

    half = HalfNormal(1.0)
    rates = ("k1", "k2", "alpha21", "alpha12")
    return OdeModel(
        "soil",
        (State("C1", "mg/g", scale=7.7), State("C2", "mg/g", scale=7.7)),
        (
            *(Parameter(n, 0.5, "1/d" if n[0] == "k" else "", prior=half) for n in rates),
            Parameter("gamma", 0.9, "", upper=1.0, prior=Beta(10.0, 1.0)),
        ),
        rhs,
        initial=lambda p: {"C1": 7.7 * p.gamma, "C2": 7.7 * (1 - p.gamma)},
        outputs={"e": lambda t, y, p: 7.7 - y.C1 - y.C2},
        output_units={"e": "mg/g"},
        time_unit="d",
    )


@pytest.fixture(scope="module")
def folder(reference_dir: Path) -> Path:
    return reference_dir / "stan_soil_carbon"


@pytest.fixture(scope="module")
def problem(folder: Path) -> Problem:
    data = pd.read_csv(folder / "data.csv")
    rows = {"subject": "1", "time": data["time"], "observable": "e", "value": data["eCO2mean"]}
    study = Study(pd.DataFrame(rows), name="soil", units={"e": "mg/g"}, time_unit="d")
    return Problem(soil(), study, error=Additive(), priors={"e_sigma": HalfCauchy(1.0)})


@pytest.fixture(scope="module")
def computed(folder: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]]
    found = json.loads((folder / "reference.json").read_text())["parameters"]
    return found


def soil_mode(time: Array, value: Array) -> dict[str, float]:
    """Mode of the posterior, by its own equations (matrix exponential), in log and logit."""
    names = ("k1", "k2", "alpha21", "alpha12")

    def parts(x: Array) -> tuple[dict[str, float], Array]:
        p = dict(zip(names, np.exp(x[:4]), strict=True))
        p |= {"gamma": float(1 / (1 + np.exp(-x[4]))), "sigma": float(np.exp(x[5]))}
        a = np.array([[-p["k1"], p["alpha12"] * p["k2"]], [p["alpha21"] * p["k1"], -p["k2"]]])
        start = 7.7 * np.array([p["gamma"], 1 - p["gamma"]])
        return p, np.array([7.7 - (expm(a * t) @ start).sum() for t in time])

    def downhill(x: Array) -> float:
        p, e = parts(x)
        score = np.asarray(stats.norm.logpdf(value, e, p["sigma"])).sum()
        score += sum(float(stats.norm.logpdf(p[n])) + np.log(p[n]) for n in names)
        score += float(stats.beta.logpdf(p["gamma"], 10, 1)) + np.log(p["gamma"] * (1 - p["gamma"]))
        return float(-score - stats.cauchy.logpdf(p["sigma"]) - np.log(p["sigma"]))

    begin = np.array([np.log(0.2), np.log(0.5), 0.0, np.log(0.5), 2.5, np.log(0.3)])
    return parts(optimize.minimize(downhill, begin, method="L-BFGS-B").x)[0]


def test_soil_carbon_is_weakly_identified(
    problem: Problem, computed: dict[str, dict[str, float]]
) -> None:
    rows = problem.data.to_frame()
    mode = soil_mode(rows["time"].to_numpy(), rows["value"].to_numpy())
    medians = {n: p["q50"] for n, p in computed.items()}
    for place in (mode, medians):
        values = {**place, "e_sigma": place["sigma"]}
        point = xr.Dataset({n: (("chain", "draw"), [[v]]) for n, v in values.items()})
        found = information(problem, point)
        assert found.rank < 5 and len(found.weak) == 5 - found.rank
        # two exponentials from 0 to 7.7 have three numbers, the model five: two are never seen
        assert (found.directions[0][:2] < 1e-6).all() and found.directions[0][2] > 0.01


@pytest.mark.mcmc
def test_a_fit_of_soil_carbon_agrees_with_the_computed_posterior_and_is_flagged(
    problem: Problem, computed: dict[str, dict[str, float]]
) -> None:
    """Means within 0.15 sd, sds within 10 %, each plus 3 standard errors of both sides.

    The posterior is bent: a metric learned from its covariances gains nothing over a diagonal one.
    """
    tree = fit(problem, seed=51, draws=5000, tune=1000, target_accept=0.98,
               adaptation="diag", progress=False)  # fmt: skip
    names = {n: "e_sigma" if n == "sigma" else n for n in computed}
    for key, expected in computed.items():
        draws = tree["posterior"][names[key]].to_numpy()
        mcse = np.hypot(float(az.mcse(draws)), expected["mcse_mean"])
        assert abs(draws.mean() - expected["mean"]) < 0.15 * expected["sd"] + 3 * mcse, key
        mcse = np.hypot(float(az.mcse(draws, method="sd")), expected["mcse_sd"])
        assert abs(draws.std() - expected["sd"]) < 0.1 * expected["sd"] + 3 * mcse, key
        assert mcse < 0.1 * expected["sd"], key  # or this would say nothing

    verdict = convergence(tree)
    assert not verdict.ok
    assert f"{verdict.divergences} of 20000 draws diverged" in verdict.sentence
    said = identifiability(problem, tree)
    assert said.good is False and said.sentence.startswith("Weakly identified: ")
    weak = said.table.set_index("name")["weak"]
    assert weak[["k1", "k2", "alpha12", "gamma"]].all() and not weak["e_sigma"]
    assert " of 5 beside the priors" in said.sentence
    directions = said.table[said.table["kind"] == "direction"]
    for name in directions["name"][directions["weak"]]:
        assert f"about {name} (the data take" in said.sentence
