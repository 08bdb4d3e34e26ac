"""Calibrate the fit of a hierarchical ODE model with censored data: 400 replications or more.

Usage: python scripts/run_sbc.py [REPLICATIONS] [CORES]
       python scripts/run_sbc.py summary        (of the file as it is; nothing is run)

Ten subjects get 100 mg by mouth; the concentration in plasma is measured six times, and values
below 0.5 mg/L are reported as such (about one in five). Clearance and volume differ between
subjects. What is finished stands in benchmarks/results/sbc_hierarchical.csv and is not repeated;
the picture is docs/images/sbc_hierarchical.png.

The committed file is of this problem, at the tolerance that was the default then. Its id is of the
time before populations could vary between occasions, of which `Problem.id` says today that there
are none: a test computes it without them. Anything else would be another calibration, and
`calibrate` refuses to add to the file under the id of today: to run it anew, delete it first.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cytobayes.datasets import Study
from cytobayes.inference import Problem
from cytobayes.inference.calibration import calibrate, read_calibration
from cytobayes.inference.checks.sbc import sbc
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models import Namespace, OdeModel, Parameter, SolverOptions, State
from cytobayes.models.distributions import HalfNormal, LogNormal

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks" / "results" / "sbc_hierarchical.csv"
PICTURE = ROOT / "docs" / "images" / "sbc_hierarchical.png"
SUBJECTS = tuple(f"S{k:02d}" for k in range(1, 11))
TIMES = np.array([0.5, 1.5, 4.0, 8.0, 12.0, 24.0])  # hours
LLOQ, DOSE, SEED = 0.5, 100.0, 20261
OPTIONS = SolverOptions(rtol=1e-6)  # the default of all populations when it was run


def absorbed(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """First-order absorption and elimination."""
    return {"A": -p.ka * y.A, "C": (p.ka * y.A - p.CL * y.C) / p.V}


MODEL = OdeModel(
    "oral one-compartment",
    (State("A", "mg", scale=100.0), State("C", "mg/L", scale=1.0)),
    (
        Parameter("ka", 1.0, "1/h", prior=LogNormal(1.0, 0.4)),
        Parameter("CL", 3.0, "L/h", prior=LogNormal(3.0, 0.4), iiv=0.3),
        Parameter("V", 25.0, "L", prior=LogNormal(25.0, 0.3), iiv=0.3),
    ),
    absorbed,
    time_unit="h",
)


def problem() -> Problem:
    """Design and priors; the values in the table only hold its rows open."""
    rows = pd.MultiIndex.from_product([SUBJECTS, TIMES], names=["subject", "time"]).to_frame(False)
    rows = rows.assign(observable="C", value=1.0, lower=LLOQ)
    doses = pd.DataFrame({"subject": SUBJECTS, "time": 0.0, "amount": DOSE, "target": "A"})
    study = Study(rows, name="design", units={"C": "mg/L"}, time_unit="h", doses=doses)
    spread = HalfNormal(0.4)
    return Problem(
        MODEL,
        study,
        population=Hierarchical(varying=("CL", "V"), omega={"CL": spread, "V": spread}),
        priors={"C_sigma": LogNormal(0.2, 0.4)},
        solver=OPTIONS,
    )


def main(arguments: list[str]) -> None:
    """Run what is missing, and draw the picture."""
    if arguments == ["summary"]:
        table = read_calibration(TABLE)
    else:
        numbers = [int(a) for a in arguments] + [400, 1][len(arguments) :]
        table = calibrate(
            problem(), replications=numbers[0], seed=SEED, out=TABLE, cores=numbers[1]
        )
    check = sbc(table)
    check.plot().savefig(PICTURE, dpi=80)
    print(check.table.to_string(index=False))
    print(check.sentence)
    print(
        f"divergences in {divergent(table):.0%} of the fits; {longer(table)} fits were drawn longer"
    )


def divergent(table: pd.DataFrame) -> float:
    """Share of the fits with a divergence."""
    return float((table.groupby("replication")["divergences"].max() > 0).mean())


def longer(table: pd.DataFrame) -> int:
    """Fits that were done a second time, with more draws."""
    draws = table.groupby("replication")["draws"].max()
    return int((draws > draws.min()).sum())


if __name__ == "__main__":
    main(sys.argv[1:])
