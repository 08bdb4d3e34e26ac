"""Make the embedded cohort ``crs-cohort``: 40 virtual CAR-T patients, and the truth behind them.

    python scripts/make_crs_cohort.py [FOLDER]

Writes crs_cohort_*.csv into datasets/data (or FOLDER). A test makes them again and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from cytobayes.datasets.synthetic import (
    Assay,
    Cohort,
    Covariate,
    Design,
    GradeModel,
    Rule,
    simulate_cohort,
)
from cytobayes.models import Dose, get
from cytobayes.models.library.interventions import with_corticosteroid, with_tocilizumab

SEED = 20261121
PATIENTS = 40

DESIGN = Design(
    visits=(0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 21.0, 28.0),
    extra_visits=(9.0, 11.0, 13.0),
    missed=0.08,
    assays=(
        Assay("CAR", 0.5, lower=0.5, days=(4.0, 7.0, 10.0, 14.0, 21.0, 28.0)),
        Assay("IFNg", 0.4, lower=4.0, upper=3000.0),
        Assay("IL6", 0.5, lower=1.2, upper=1500.0),
        Assay("CRP", 0.3, lower=3.0, upper=301.0),
        Assay("ferritin", 0.3),
    ),
    covariates=(
        Covariate("burden", 1.0, 0.7, powers={"B0rel": 1.0}, unit=""),
        Covariate("cells_infused", 2.0, 0.5, powers={"Tmax": -0.08}, unit="1e6/kg"),
        Covariate(
            "costimulation",
            categories={"4-1BB": 0.6, "CD28": 0.4},
            factors={"rho": {"4-1BB": 1.0, "CD28": 1.2}, "alpha": {"4-1BB": 1.0, "CD28": 1.4}},
        ),
    ),
    rules=(
        Rule(Dose(0.5, 560.0, "tocilizumab", duration=1 / 24), "IL6", 150.0, 0.7),
        Rule(Dose(1.0, 4.0, "steroid"), "IL6", 500.0, 0.6),
    ),
    grading=GradeModel("signal", reference=60.0, slope=2.5, cuts=(-1.2, 0.6, 2.4, 4.2)),
)
# Between-patient spread: smaller than the library's defaults, so that 40 patients can show it.
SPREAD = {
    "Cmax": 0.8, "Tmax": 0.15, "rho": 0.2, "alpha": 0.4, "kb": 0.4, "pG": 0.6, "pI": 0.6,
    "IFNg_0": 0.4, "IL6_0": 0.4, "CRP_0": 0.5, "ferritin_0": 0.5,
}  # fmt: skip


def make() -> Cohort:
    """Simulate the cohort."""
    model = with_corticosteroid(with_tocilizumab(get("crs-cascade")))
    return simulate_cohort(model, PATIENTS, DESIGN, seed=SEED, iiv=SPREAD, name="crs-cohort")


def tables(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Everything as tables with six significant digits."""
    study, truth = cohort.study, cohort.truth
    patients = truth[[v for v in truth.data_vars if truth[v].dims == ("subject",)]].to_dataframe()
    risk = truth["risk"].to_pandas().rename(columns=lambda k: f"risk_at_least_{k}")
    nodes = {"observations": study.observations, "doses": study.doses, "outcomes": study.outcomes}
    frames = {k: pd.DataFrame({str(c): v[c].to_numpy() for c in v}) for k, v in nodes.items()}
    frames["covariates"] = study.covariates.to_dataframe().reset_index()
    frames["truth"] = patients.join(risk).reset_index()
    return frames


def main(folder: Path) -> None:
    """Write the tables."""
    for name, frame in tables(make()).items():
        frame = frame.dropna(axis=1, how="all")
        frame.to_csv(
            folder / f"crs_cohort_{name}.csv", index=False, float_format="%.6g", lineterminator="\n"
        )


if __name__ == "__main__":
    default = Path(__file__).parents[1] / "datasets" / "data"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
