"""Population problems with published answers, straight from their NONMEM-style files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cytobayes.datasets import Study, read_table
from cytobayes.inference import Problem
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models.distributions import Distribution, HalfNormal, LogNormal
from cytobayes.models.library import get

__all__ = [
    "endotoxin",
    "theophylline",
    "two_compartments",
    "two_compartments_population",
    "warfarin",
]

TWO = {
    "CL": LogNormal(10.0, 0.25),
    "Q": LogNormal(15.0, 0.5),
    "VC": LogNormal(35.0, 0.25),
    "VP": LogNormal(105.0, 0.5),
    "KA": LogNormal(2.5, 1.0),
}


def theophylline(reference_dir: Path) -> Problem:
    """Twelve subjects, one dose by mouth; no covariate, additive error."""
    study = read_table(reference_dir / "nlme_theo_sd" / "data.csv")
    model = get("pk-1-oral")
    return Problem(model, study, "additive", "hierarchical", observables={"DV": "C"})


def warfarin(reference_dir: Path) -> Problem:
    """Concentrations and a response that turns over.

    KTR and KA could change places, and so could KA and elimination ("flip-flop"): a chain that met
    the second mode, with a volume of 0.14 L, stayed there.
    """
    study = read_table(reference_dir / "nlme_warfarin_pkpd" / "data.csv")
    return Problem(
        get("pk-turnover"),
        study,
        {"cp": "combined", "pca": "additive"},
        "hierarchical",
        observables={"cp": "C", "pca": "effect"},
        order={"KTR": "KA", "KA": "CL / V"},
    )


def two_compartments(reference_dir: Path) -> Problem:
    """One subject, fifteen doses."""
    path = reference_dir / "torsten_twocpt_single" / "data.csv"
    study = read_table(path, columns={"value": "conc"})
    return Problem(
        get("pk-2-oral"),
        study,
        priors=TWO | {"conc_sigma": HalfNormal(1.0)},
        observables={"conc": "C"},
    )


def two_compartments_population(reference_dir: Path) -> Problem:
    """Twenty subjects, fifteen doses, allometry by weight."""
    path = reference_dir / "torsten_twocpt_pop" / "data.csv"
    study = read_table(path, columns={"value": "cObs"})
    spreads = {f"{name}_omega": HalfNormal(0.5) for name in TWO}
    exponents = {"CL": 0.75, "Q": 0.75, "VC": 1.0, "VP": 1.0}
    effects = tuple(
        Effect(name, "weight", reference=70.0, value=exponent)
        for name, exponent in exponents.items()
    )
    both = "CL / VC + Q / VC + Q / VP"
    fastest = f"({both} + sqrt(({both})**2 - 4 * CL / VC * Q / VP)) / 2"
    return Problem(
        get("pk-2-oral"),
        study,
        population=Hierarchical(effects=effects),
        priors=TWO | spreads | {"cObs_sigma": HalfNormal(0.5)},
        observables={"cObs": "C"},
        order={"KA": fastest},
    )


def endotoxin(reference_dir: Path) -> Problem:
    """Four cytokines of twenty volunteers after 2 ng/kg; six rates vary, two are common."""
    rows = pd.read_csv(reference_dir / "cytokine_lps_bolus_endotoxin" / "data.csv")
    rows.columns = ["subject", "time", "observable", "value"]
    study = Study(
        rows[rows["time"] > 0],
        units=dict.fromkeys(("TNF", "IL6", "IL8", "IL10"), "pg/mL"),
        time_unit="h",
        name="endotoxin",
    ).with_doses(pd.DataFrame([{"time": 0.0, "target": "E", "amount": 2.0}]))
    model = get("endotoxin-monocyte")
    varying = ("ktnf", "k6", "k6m", "k8", "k8m", "k10m")
    priors: dict[str, Distribution] = {
        **{n: LogNormal(model.parameter(n).value, 0.5) for n in (*varying, "kma", "ktnfm")},
        **{f"{n}_omega": HalfNormal(0.5) for n in varying},
        **{f"{c}_sigma": HalfNormal(0.5) for c in ("TNF", "IL6", "IL8", "IL10")},
    }
    published = ("k10", "TNF_0", "IL6_0", "IL8_0", "IL10_0")
    return Problem(
        model,
        study,
        "lognormal",
        Hierarchical(varying=varying),
        priors=priors,
        fixed={n: model.parameter(n).value for n in published},
    )
