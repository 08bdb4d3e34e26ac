"""Baseline biomarkers and the risk that activation sustains itself (model `biomarker-panel`).

The reproduction number of activation (see `feedback`) of a patient is log-linear in standardized
markers, with what they leave unexplained as a normal deviation of standard deviation ``w``::

    log R0_i = log R0 + b_EM z_EM + b_density z_density - b_Treg z_Treg + b_exvivo z_exvivo + eta_i

The risk is the probability that ``R0_i`` exceeds 1: ``Phi(mu / w)`` with ``mu`` the same sum
without ``eta_i``; its slope in ``mu`` is ``phi(mu / w) / w``. Coefficients are of either sign; the
sign in front of regulatory T cells is a convention that makes a positive coefficient protective.
The ex vivo release of cytokine is also an observation of release in the patient.

More than ten markers need a sparse prior, such as a horseshoe, which is a matter of the fit.
"""

from __future__ import annotations

import math as numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import HalfNormal, Normal
from ..math import exp, log, normal_cdf
from ..ode import Invariance, Namespace, OdeModel, Parameter, Threshold
from .evidence import assumed, calibrated, given

__all__ = ["MODELS", "biomarker_panel", "reproduction"]

MARKERS = {
    "EM": "effector-memory T cells of the product",
    "density": "target density, logarithm",
    "Treg": "regulatory T cells",
    "exvivo": "ex vivo release of cytokine, logarithm",
}
SIGN = {"EM": 1, "density": 1, "Treg": -1, "exvivo": 1}


def _shift(p: Any) -> Any:
    """Sum over the markers."""
    return sum(SIGN[m] * p[f"b_{m}"] * p[f"z_{m}"] for m in MARKERS)


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Median reproduction number of patients with these markers."""
    return theta["R0_ref"] * np.exp(_shift(theta))


def _reproduction(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.R0_ref * exp(_shift(p))


def _mean(p: Namespace) -> Any:
    return log(p.R0_ref) + _shift(p)


def _risk(t: Any, y: Namespace, p: Namespace) -> Any:
    return normal_cdf(_mean(p) / p.w)


def _slope(t: Any, y: Namespace, p: Namespace) -> Any:
    z = _mean(p) / p.w
    return exp(-z * z / 2) / (numbers.sqrt(2 * numbers.pi) * p.w)


def _release(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.pG_ref * exp(p.c_exvivo * p.z_exvivo)


def _assay(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.assay * _release(t, y, p)


def _coefficients(marker: str) -> tuple[Parameter, Parameter]:
    return (
        given(f"z_{marker}", 0.0, "", f"{MARKERS[marker]}, standardized", lower=-numbers.inf),
        calibrated(
            f"b_{marker}", 0.3, "", f"effect of {MARKERS[marker]} on log R0",
            lower=-numbers.inf, prior=Normal(0.0, 0.3),
        ),
    )  # fmt: skip


biomarker_panel = OdeModel(
    name="biomarker-panel",
    title="Baseline biomarkers and risk",
    description=(
        "Reproduction number of a patient and probability that it exceeds 1, from four "
        "standardized markers; a closed form without time."
    ),
    states=(),
    parameters=(
        *(p for m in MARKERS for p in _coefficients(m)),
        calibrated("R0_ref", 0.6, "", "reproduction number with all markers at their mean", 0.6),
        assumed("w", 0.5, "", "unexplained standard deviation of log R0", prior=HalfNormal(0.5)),
        calibrated("pG_ref", 225.0, "pg/mL/d/(cell/uL)", "release with all markers at their mean",
                   1.0),
        calibrated("c_exvivo", 0.3, "", "effect of ex vivo release on the log of release",
                   lower=-numbers.inf, prior=Normal(0.0, 0.3)),
        given("assay", 1.0, "(cell/uL)*d", "ex vivo concentration per release; a property of the "
              "assay"),
    ),
    outputs={
        "R0": _reproduction,
        "risk": _risk,
        "slope": _slope,
        "release": _release,
        "exvivo": _assay,
    },
    output_units={"release": "pg/mL/d/(cell/uL)", "exvivo": "pg/mL"},
    time_unit="d",
    invariances=(
        *(Invariance({f"b_{m}": 1, f"z_{m}": -1}) for m in ("EM", "density", "Treg")),
        Invariance({"b_exvivo": 1, "c_exvivo": 1, "z_exvivo": -1}),
        Invariance({"pG_ref": 1, "assay": -1}, {"release": 1}),
    ),
    identifiable=(
        "From outcomes of patients: the coefficients relative to w, and log R0_ref / w; w itself "
        "only if R0 is observed."
    ),
    thresholds=(
        Threshold("R0", reproduction, "activation of the median patient sustains itself"),
    ),
    fits="a severe outcome per patient, with baseline markers",
)  # fmt: skip

MODELS = (biomarker_panel,)
