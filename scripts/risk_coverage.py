"""Do the stated intervals of a risk hold the truth? Over repeated cohorts of `crs-cohort`'s design.

    python scripts/risk_coverage.py [--cohorts 20] [--fit] [--out coverage.csv]

Each cohort is simulated anew (other patients, other grades) and its risks are computed. Without
``--fit`` the posterior is the truth itself, repeated: what is tested is the ordinal model and all
that follows from it. With ``--fit`` each cohort is fitted, which takes minutes each; cohorts that
are in the file already are not computed again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from make_crs_cohort import DESIGN, PATIENTS, SPREAD

from cytobayes.datasets.synthetic import Cohort, simulate_cohort
from cytobayes.inference import Problem, convergence, fit, risk
from cytobayes.models import get
from cytobayes.models.library.interventions import with_corticosteroid, with_tocilizumab

DRAWS = 100
SIGMAS = {a.observable: a.sigma for a in DESIGN.assays}


def problem_of(cohort: Cohort) -> Problem:
    """Hierarchical fit of the cascade, with the burden as an input."""
    return Problem(
        get("crs-cascade"), cohort.study, population="hierarchical", inputs={"B0rel": "burden"}
    )


def truth_as_posterior(problem: Problem, cohort: Cohort) -> xr.Dataset:
    """Repeat the true parameters as if they were draws."""
    shape, dims = (2, DRAWS // 2), ("chain", "draw")
    values = {n: problem.model.parameter(n).value for n in problem.estimated}
    values |= {f"{n}_omega": SPREAD.get(n, 1e-6) for n in problem.family.of(problem)}  # type: ignore[attr-defined]
    values |= {f"{o}_sigma": SIGMAS[o] for o in problem.targets}
    found = {n: (dims, np.full(shape, v)) for n, v in values.items()}
    for n in problem.family.of(problem):  # type: ignore[attr-defined]
        own = cohort.truth[n].to_numpy()
        found[f"{n}_individual"] = ((*dims, "subject"), np.broadcast_to(own, (*shape, own.size)))
    return xr.Dataset(found, {"subject": list(cohort.study.subjects)})


def fitted_to(problem: Problem, seed: int) -> xr.DataTree:
    """Fit with two chains: enough for intervals, and the verdict is printed."""
    tree = fit(problem, seed=seed, draws=400, chains=2, log_likelihood=False)
    print(convergence(tree).sentence, flush=True)
    return tree


def rows_of(seed: int, fitted: bool) -> pd.DataFrame:
    """Truth and interval of the risk of each patient and grade of one cohort."""
    model = with_corticosteroid(with_tocilizumab(get("crs-cascade")))
    cohort = simulate_cohort(model, PATIENTS, DESIGN, seed=seed, iiv=SPREAD)
    problem = problem_of(cohort)
    tree = fitted_to(problem, seed) if fitted else truth_as_posterior(problem, cohort)
    found = risk(problem, tree, seed=seed, draws=DRAWS)
    flat = found.patients["risk"].stack(sample=("chain", "draw"))
    low, high = (flat.quantile(q, "sample").to_numpy().ravel() for q in (0.05, 0.95))
    truth = cohort.truth["risk"].sel(subject=flat["subject"]).to_numpy()
    return pd.DataFrame(
        {
            "cohort": seed,
            "subject": np.repeat(flat["subject"].to_numpy(), truth.shape[1]),
            "grade": np.tile(np.arange(1, truth.shape[1] + 1), truth.shape[0]),
            "truth": truth.ravel(),
            "mean": flat.mean("sample").to_numpy().ravel(),
            "low": low,
            "high": high,
        }
    )


def main() -> None:
    """Compute the cohorts that are missing and state the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("risk_coverage.csv"))
    options = parser.parse_args()
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame({"cohort": []})
    for seed in range(1, options.cohorts + 1):
        if seed in set(done["cohort"]):
            continue
        done = pd.concat([done, rows_of(seed, options.fit)], ignore_index=True)
        done.to_csv(options.out, index=False, float_format="%.5g")
        print(f"cohort {seed} of {options.cohorts}", flush=True)
    done["inside"] = (done["low"] <= done["truth"]) & (done["truth"] <= done["high"])
    shares = done.groupby(["grade", "cohort"])["inside"].mean().groupby("grade")
    error = shares.std() / np.sqrt(shares.size())
    print(pd.DataFrame({"coverage of 90 %": shares.mean(), "standard error": error}).round(3))
    bias = (done["mean"] - done["truth"]).groupby(done["grade"]).mean().round(3)
    print("mean error of the risk by grade:", bias.to_dict())


if __name__ == "__main__":
    main()
