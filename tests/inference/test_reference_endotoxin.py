"""The mean response to endotoxin, one curve: its posterior, by the criteria of its description.

All four cytokines, each over its largest mean, share one residual error. An error belongs to one
observable, so they are one: ``relative``, seen in four "subjects" that are the same volunteer, of
whom a covariate of each subject picks a cytokine.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import Study
from cytobayes.inference import Problem, convergence, fit
from cytobayes.models import Namespace, OdeModel, Parameter, get
from cytobayes.models.distributions import HalfNormal, LogNormal

CYTOKINES = ("TNF", "IL6", "IL8", "IL10")


def relative_endotoxin() -> OdeModel:
    """`endotoxin-monocyte` with one observable, a weighted sum of the cytokines."""
    model = get("endotoxin-monocyte")
    weights = tuple(Parameter(f"{c}_weight", 0.0, "mL/pg") for c in CYTOKINES)

    def relative(t: Any, y: Namespace, p: Namespace) -> Any:
        return (
            p.TNF_weight * y.TNF
            + p.IL6_weight * y.IL6
            + p.IL8_weight * y.IL8
            + p.IL10_weight * y.IL10
        )

    return replace(
        model,
        name="endotoxin-relative",
        parameters=(*model.parameters, *weights),
        outputs={"relative": relative},
        output_units={"relative": ""},
    )


def mean_curve(folder: Path) -> Study:
    """Means over twenty volunteers, over the largest; the weights do the same to the model."""
    means = pd.read_csv(folder / "data_means.csv").query("arm == 'bolus'")
    largest = means.groupby("cytokine")["mean_pg_per_ml"].max()
    rows = pd.DataFrame(
        {
            "subject": means["cytokine"],
            "time": means["time_h"],
            "observable": "relative",
            "value": means["mean_pg_per_ml"] / means["cytokine"].map(largest),
        }
    )
    picks = [
        {"subject": s, "name": f"{c}_weight", "value": 1 / largest[c] if c == s else 0.0}
        for s in CYTOKINES
        for c in CYTOKINES
    ]
    return Study(
        rows,
        name="endotoxin-means",
        units={"relative": ""},
        time_unit="h",
        covariates=pd.DataFrame(picks).assign(unit="mL/pg"),
    ).with_doses(pd.DataFrame([{"time": 0.0, "target": "E", "amount": 2.0}]))


def single_curve(folder: Path, nominal: dict[str, float]) -> Problem:
    """Six rates around their nominal values; all else stands at the published values."""
    model = relative_endotoxin()
    hinted = {p.name: p.value for p in model.parameters if p.prior and p.name not in nominal}
    return Problem(
        model,
        mean_curve(folder),
        "additive",
        priors={n: LogNormal(v, 0.5) for n, v in nominal.items()}
        | {"relative_sigma": HalfNormal(0.2)},
        fixed=hinted,
        inputs={f"{c}_weight": f"{c}_weight" for c in CYTOKINES},
    )


@pytest.mark.slow
@pytest.mark.mcmc
@pytest.mark.reference
def test_the_mean_curve_agrees_with_the_computed_posterior(reference_dir: Path) -> None:
    """Means within 0.1 sd, sds within 7 %, of six logarithms and the shared residual error."""
    folder = reference_dir / "cytokine_lps_bolus_endotoxin"
    given = json.loads((folder / "reference.json").read_text())
    nominal = {n.lower(): float(np.exp(v)) for n, v in given["nominal_log"].items()}
    problem = single_curve(folder, nominal)
    assert set(problem.estimated) == set(nominal)
    tree = fit(problem, seed=41, draws=1500, tune=500, progress=False)
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    for key, expected in given["posterior_single_mean_curve"].items():
        name = key.removeprefix("log_").lower()
        posterior: Any = tree["posterior"]
        draws = posterior["relative_sigma"] if key == "sigma" else np.log(posterior[name])
        gap = (float(draws.mean()) - expected["mean"]) / expected["sd"]
        assert abs(gap) < 0.1, (key, gap)
        ratio = float(draws.std()) / expected["sd"]
        assert 0.93 < ratio < 1.07, (key, ratio)
