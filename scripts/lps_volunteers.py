"""Four cytokines of twenty volunteers after endotoxin, by both versions of the model.

    python scripts/lps_volunteers.py COPY [--out docs/analyses/lps_volunteers]

``COPY`` holds bolus_2ngkg_individual.csv (`datasets.load("lps-individual", COPY)`). The six rates
of which a posterior is known vary between volunteers; two are common; baselines and all else stand
at their published values. `endotoxin-monocyte` has the values that its authors fitted to means of
these volunteers, `endotoxin` those of Dobreva et al. 2021 from other data. Writes
``population.csv`` (posterior, R-hat, ESS), ``checks.csv`` (one sentence each) and
``comparison.csv`` (leave-one-out).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import xarray as xr

from cytobayes.datasets import Study, load
from cytobayes.inference import Problem, convergence, fit
from cytobayes.inference.checks.comparison import compare
from cytobayes.inference.checks.tolerance import tolerance
from cytobayes.inference.fit import read_facts
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models.distributions import HalfNormal, LogNormal
from cytobayes.models.library import get

MODELS = ("endotoxin-monocyte", "endotoxin")
CYTOKINES = ("TNF", "IL6", "IL8", "IL10")
VARYING = ("ktnf", "k6", "k6m", "k8", "k8m", "k10m")
COMMON = ("kma", "ktnfm")
# The spread of k8 may be near zero, which the defaults are too quick for.
SAMPLING = {"seed": 35, "draws": 2000, "tune": 800, "target_accept": 0.95}


def problem_of(name: str, study: Study) -> Problem:
    """Hierarchical problem of one version of the model."""
    model = get(name)
    standing = ["k10", *(f"{c}_0" for c in CYTOKINES)]
    return Problem(
        model,
        study,
        "lognormal",
        Hierarchical(varying=VARYING),
        priors={
            **{n: LogNormal(model.parameter(n).value, 0.5) for n in (*VARYING, *COMMON)},
            **{f"{n}_omega": HalfNormal(0.5) for n in VARYING},
            **{f"{c}_sigma": HalfNormal(0.5) for c in CYTOKINES},
        },
        fixed={n: model.parameter(n).value for n in standing},
    )


def population_of(name: str, tree: xr.DataTree) -> pd.DataFrame:
    """Collect the posterior of what is common to all volunteers."""
    table = convergence(tree).table
    return table[table["subject"] == ""].drop(columns="subject").assign(model=name)


def checks_of(name: str, problem: Problem, tree: xr.DataTree) -> pd.DataFrame:
    """Collect what the checks say, and what the fit cost."""
    facts = read_facts(tree)
    cost = (
        f"{facts['gradient_evaluations']} gradients, {facts['sampling_time']:.0f} s of sampling; "
        f"mean degrees of centering {facts['centering']}"
    )
    rows = [
        ("convergence", convergence(tree).sentence),
        ("tolerance", tolerance(problem, tree).sentence),
        ("cost", cost),
    ]
    return pd.DataFrame(rows, columns=["check", "sentence"]).assign(model=name)


def main() -> None:
    """Fit both, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("copy", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/analyses/lps_volunteers"))
    options = parser.parse_args()
    whole = load("lps-individual", options.copy)
    rows = whole.to_frame()
    study = Study(
        rows[rows["time"] > 0][["subject", "time", "observable", "value"]],
        doses=whole.to_frame("doses"),
        units=whole.units,
        time_unit=whole.time_unit,
        name="lps-individual after 0 h",
    )
    problems = {name: problem_of(name, study) for name in MODELS}
    fits = {n: fit(p, progress=False, **SAMPLING) for n, p in problems.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    tables = {
        "population": pd.concat([population_of(n, t) for n, t in fits.items()]),
        "checks": pd.concat([checks_of(n, problems[n], t) for n, t in fits.items()]),
        "comparison": pd.concat(
            compare(fits, problems, by=by).table.assign(by=by) for by in ("observation", "subject")
        ),
    }
    for name, table in tables.items():
        table.to_csv(options.out / f"{name}.csv", index=False, float_format="%.5g")
        print(table.to_string())


if __name__ == "__main__":
    main()
