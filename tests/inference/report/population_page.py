"""The material of a report of a population, every check in it, every name hostile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cytobayes.datasets import Study
from cytobayes.inference.checks.check import Check
from cytobayes.inference.report.assessment import Absent

from ..synthetic_run import HOSTILE

SUBJECTS = (HOSTILE, "$b_{2}$", *(f"P{k:02d}" for k in range(10)))


def study() -> Study:
    time = np.array([0.0, 1, 2, 4, 8])
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "subject": np.repeat(SUBJECTS, 5),
            "time": np.tile(time, len(SUBJECTS)),
            "observable": "IL6",
            "value": np.exp(rng.normal(3, 1.5, 5 * len(SUBJECTS))),
        }
    )
    return Study(rows, name=HOSTILE, units={"IL6": "pg/mL"}, time_unit="h")


def picture() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title(HOSTILE)
    return figure


def check(name: str, good: bool | None = True, rows: int = 3) -> Check:
    table = pd.DataFrame({"subject": HOSTILE, "x": np.arange(rows) / 3, "ok": True})
    return Check(name, f"{name} {HOSTILE}", f"{HOSTILE} it is.", good, table, picture, HOSTILE)


CHECKS: Any = {
    "prior": (check("prior_predictive", good=False),),
    "predictive": (check("vpc", good=False), Absent("npde", "NPDE", f"Not computed: {HOSTILE}")),
    "risk": (check("risk_by_grade", good=None, rows=90),),
    "response": (check("exposure_response", good=None),),
    "sensitivity": (check("loo"),),
    "credibility": (check("credibility"),),
}
