"""A made-up fit with the layout of a real one: no sampler, no solver, known numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cytobayes.datasets import Study, load
from cytobayes.inference.checks.convergence import table_of
from cytobayes.inference.report.material import Material
from cytobayes.inference.report.prior import Prior
from cytobayes.models.distributions import HalfNormal
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.library import get

Array = npt.NDArray[np.float64]
HOSTILE = "<script>alert('x')</script> & \"$\\frac{1}{2}$"


def draws_of(medians: dict[str, float], shape: tuple[int, int], seed: int = 1) -> dict[str, Array]:
    """Independent log-normal draws, 10 % wide."""
    rng = np.random.default_rng(seed)
    return {name: m * np.exp(0.1 * rng.normal(size=shape)) for name, m in medians.items()}


def hostile_study() -> Study:
    """Two subjects, censored on both sides and in an interval; names that would break a page."""
    time = np.array([0.0, 1, 2, 4, 8])
    rows = pd.DataFrame(
        {
            "subject": np.repeat([HOSTILE, "$b_{2}$"], 5),
            "time": np.tile(time, 2),
            "observable": "IL6",
            "value": [1, 20, 1500, 80, 2, 1, 9, 300, 15, 1.0],
            "lower": [1, 1, 1, 1, 1, 1, 1, 200, 1, 1.0],
            "upper": [1500.0] * 7 + [400.0] + [1500.0] * 2,
            "censoring": ["left", "none", "right", "none", "none"]
            + ["left", "none", "interval", "none", "left"],
        }
    )
    return Study(rows, name=HOSTILE, units={"IL6": "pg/mL"}, time_unit="h")


def material(study: Study | None = None, **changes: Any) -> Material:
    """Numbers of a fit of the endotoxin model; by default one that can be trusted."""
    study = load("lps-2ng-kg") if study is None else study
    model = get("endotoxin")
    hints = {p.name: p for p in model.parameters if p.prior is not None}
    medians = {name: p.value for name, p in hints.items()}
    medians |= {f"{o}_sigma": 0.3 for o in study.observables}
    draws = draws_of(medians, (4, 500))
    priors = {n: Prior(p.prior, p.lower, p.upper) for n, p in hints.items() if p.prior}
    priors |= {f"{o}_sigma": Prior(HalfNormal(1.0), 0.0) for o in study.observables}
    units = {name: p.unit for name, p in hints.items()}
    dataset = xr.Dataset({k: (("chain", "draw"), v) for k, v in draws.items()})
    parts: dict[str, Any] = {
        "model": model,
        "study": study,
        "targets": {o: o for o in study.observables},
        "draws": draws,
        "priors": priors,
        "units": units,
        "fixed": {p.name: p.value for p in model.parameters if p.name not in hints},
        "errors": {o: "log(value) ~ Normal(log(f), sigma)" for o in study.observables},
        "population": "one parameter vector for all subjects",
        "regimens": {s: Regimen([Dose(0, 2, "E")]) for s in study.subjects},
        "bands": bands(study),
        "rows": rows(study),
        "converged": True,
        "convergence": "The chains agree.",
        "diagnostics": table_of(dataset),
        "sampler": pd.DataFrame({"chain": range(4), "divergences": 0, "step size": 0.21}),
        "failures": failures(),
        "settings": {"Seed": "1", "Sampler": "nutpie"},
        "analysis": "format = 1\n",
    }
    return Material(**{**parts, **changes})


def failures(after: int = 0, before: int = 3) -> pd.DataFrame:
    """Failed solves of one cause."""
    cause = "the number of steps exceeded max_steps"
    return pd.DataFrame(
        {"cause": cause, "phase": ["warm-up", "sampling"], "count": [before, after]}
    )


def grouped(study: Study) -> pd.DataFrame:
    """Rows with the group whose curve they belong to."""
    frame = study.to_frame()
    return frame.assign(group=frame["subject"])


def bands(study: Study) -> pd.DataFrame:
    """Bands around a line through the data."""
    frames = []
    for (group, name), part in grouped(study).groupby(["group", "observable"], sort=False):
        time = np.linspace(part["time"].min(), part["time"].max(), 60)
        median = np.exp(np.interp(time, part["time"], np.log(part["value"])))
        frames.append(
            pd.DataFrame(
                {
                    "group": group, "observable": name, "time": time, "median": median,
                    "q5": median / 1.4, "q25": median / 1.15, "q75": median * 1.15,
                    "q95": median * 1.4, "p5": median / 2, "p95": median * 2,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def rows(study: Study) -> pd.DataFrame:
    """Rows with predictive intervals that hold all of them."""
    frame = grouped(study)
    value = frame["value"]
    return frame.assign(median=value, p5=value / 2, p95=value * 2, inside=True)
