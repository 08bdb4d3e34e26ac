"""Severe cytokine release syndrome by marrow blasts and dose (model `severe-crs-logistic`).

``logit p = b0 + b1 (blasts - 50) / 25 + b2 log10(dose / 2e6)``: odds ratios are ``exp(b1)`` per 25
points of blasts and ``exp(b2)`` per tenfold dose. At the reference dose the risk is one half at
``50 - 25 b0 / b1`` percent (`even_odds`). The size of ``b1`` is assumed, its sign published; a
series found the dose not significant once burden was known, another found it a predictor, so that
``b2`` is centered on 0.
"""

from __future__ import annotations

import math as numbers
from collections.abc import Mapping
from typing import Any

from ..distributions import Normal
from ..math import expit, log
from ..ode import Invariance, Namespace, OdeModel
from .citations import AWASTHI
from .evidence import assumed, derived, given

__all__ = ["MODELS", "even_odds", "severe_crs_logistic"]

HAY = (
    "Hay KA, Hanafi LA, Li D, et al. Kinetics and biomarkers of severe cytokine release syndrome "
    "after CD19 chimeric antigen receptor-modified T-cell therapy. Blood 2017. "
    "doi:10.1182/blood-2017-06-793141"
)
MARGINAL = (
    "logit of 0.12, the share of grade 3 to 5 among 133 patients (Hay 2017, "
    "doi:10.1182/blood-2017-06-793141); exact at 50 % blasts only if these were typical"
)


def even_odds(theta: Mapping[str, Any]) -> Any:
    """Percentage of blasts at which the risk is one half, at the reference dose."""
    return theta["blasts_ref"] - theta["blasts_unit"] * theta["b0"] / theta["b1"]


def log_odds(t: Any, y: Namespace, p: Namespace) -> Any:
    """Logit of the risk."""
    burden = (p.blasts - p.blasts_ref) / p.blasts_unit
    return p.b0 + p.b1 * burden + p.b2 * log(p.dose / p.dose_ref) / numbers.log(10)


def _risk(t: Any, y: Namespace, p: Namespace) -> Any:
    return expit(log_odds(t, y, p))


severe_crs_logistic = OdeModel(
    name="severe-crs-logistic",
    title="Severe CRS by marrow blasts and dose",
    description=(
        "Probability of cytokine release syndrome of grade 3 or higher after CD19 CAR-T cells, by "
        "marrow blasts and cells infused; a closed form without time."
    ),
    states=(),
    parameters=(
        given("blasts", 50.0, "percent", "blasts in marrow", upper=100.0),
        given("dose", 2e6, "cell/kg", "cells infused"),
        given("blasts_ref", 50.0, "percent", "blasts to which the intercept refers"),
        given("blasts_unit", 25.0, "percent", "blasts to which b1 refers"),
        given("dose_ref", 2e6, "cell/kg", "dose to which the intercept refers"),
        derived("b0", numbers.log(0.12 / 0.88), "", "log-odds at the reference", MARGINAL,
                lower=-numbers.inf, prior=Normal(numbers.log(0.12 / 0.88), 1.0)),
        assumed("b1", numbers.log(1.9), "", "log-odds ratio of 25 points of blasts",
                lower=-numbers.inf, prior=Normal(0.5, 0.5)),
        assumed("b2", numbers.log(2.5), "", "log-odds ratio of a tenfold dose",
                lower=-numbers.inf, prior=Normal(0.0, 0.5)),
    ),
    outputs={"risk": _risk, "log_odds": log_odds},
    time_unit="d",
    invariances=(
        Invariance({"blasts": 1, "blasts_ref": 1, "blasts_unit": 1}),
        Invariance({"dose": 1, "dose_ref": 1}),
    ),
    identifiable=(
        "All three with some 30 events; with fewer, or if all events lie above one cut of the "
        "blasts, the priors keep the estimates finite."
    ),
    fits="severe or not, with marrow blasts and dose, per patient",
    references=(HAY, AWASTHI),
)  # fmt: skip

MODELS = (severe_crs_logistic,)
