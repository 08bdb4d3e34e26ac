"""Wounds that heal and wounds that do not (models `wound`, `wound-diabetic`).

`wound`: inflammatory cells ``N`` come with the injury and are recruited by their own cytokine
``C``; fibroblasts ``F`` invade unless the cytokine is too high; they close the wound ``W``, which
proteases open again. Inflammation ends if ``Rw = kr kc / (Cref dN kcl) <= 1`` and stays at
``C = KC (Rw - 1)`` above. Beyond ``Rw = 1 + (Ki / KC) sqrt(kF / dF - 1)`` fibroblasts no longer
invade: the wound becomes an ulcer. Its values are calibrated.

`wound-diabetic`: Waugh and Sherratt 2006 with their published values. Monocytes that TGF-beta
attracts become inflammatory macrophages with probability ``alpha``, repair macrophages otherwise;
only the former make TGF-beta. Healing is the only steady state below ``alpha = 0.54``; above it,
persistent inflammation is another. Normal wounds are ``alpha = 0.5``, diabetic ones 0.8 in the
source, which has no data for that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import LogNormal
from ..math import exp, hill, inhibition
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .evidence import calibrated, given, published

__all__ = ["MODELS", "wound", "wound_diabetic"]

WAUGH = (
    "Waugh HV, Sherratt JA. Macrophage dynamics in diabetic wound healing. Bull Math Biol 2006. "
    "doi:10.1007/s11538-005-9022-3 (BIOMD0000000680)"
)
PAPER = "Waugh and Sherratt 2006, doi:10.1007/s11538-005-9022-3"
CLOSURE = "calibrated to closure in about five weeks, or never; not a published value"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Inflammation, cytokine, fibroblasts and closure."""
    recruited = p.kr * (y.C / p.Cref) / (1 + y.C / p.KC)
    return {
        "N": p.sw * exp(-p.kw * t) + recruited - p.dN * y.N,
        "C": p.kc * y.N - p.kcl * y.C,
        "F": p.f0 + p.kF * y.F * (1 - y.F) * inhibition(y.C, p.Ki, 2) - p.dF * y.F,
        "W": p.kW * y.F * (1 - y.W) - p.kpro * hill(y.C, p.Kpro) * y.W,
    }


def persistence(theta: Mapping[str, Any]) -> Any:
    """Compute ``Rw``: inflammatory cells that one of them recruits while it lasts."""
    lost = theta["Cref"] * theta["dN"] * theta["kcl"]
    return theta["kr"] * theta["kc"] / lost


def invasion(theta: Mapping[str, Any]) -> Any:
    """Compute ``Rw`` over the value at which fibroblasts stop invading."""
    ratio = theta["Ki"] / theta["KC"]
    fails = 1 + ratio * np.sqrt(np.maximum(theta["kF"] / theta["dF"] - 1, 0.0))
    return persistence(theta) / fails


wound = OdeModel(
    name="wound",
    title="Wound healing, or a chronic wound",
    description="Inflammatory cells, cytokine, fibroblasts and wound closure.",
    states=(
        State("N", "", "inflammatory cells, in relative units", scale=1.0),
        State("C", "pg/mL", "cytokine in wound fluid", scale=50.0),
        State("F", "", "fibroblasts, as a fraction of their capacity", scale=0.1),
        State("W", "", "closed fraction of the wound", scale=0.1),
    ),
    parameters=(
        calibrated("kr", 0.3, "1/d", "recruitment by cytokine at Cref", 0.6, source=CLOSURE),
        given("Cref", 50.0, "pg/mL", "cytokine to which kr refers"),
        calibrated("KC", 200.0, "pg/mL", "cytokine at half saturated recruitment", 0.6,
                   source=CLOSURE),
        calibrated("kc", 50.0, "pg/mL/d", "release of cytokine", 0.6, source=CLOSURE),
        calibrated("dN", 0.3, "1/d", "loss of inflammatory cells", 0.6, source=CLOSURE),
        calibrated("kcl", 2.0, "1/d", "clearance of cytokine (chronic wounds 0.2 to 0.8)",
                   prior=LogNormal(1.5, 0.8), source=CLOSURE),
        calibrated("sw", 1.0, "1/d", "recruitment by the injury", 0.5, source=CLOSURE),
        calibrated("kw", 0.5, "1/d", "decay of the recruitment by the injury", 0.5, source=CLOSURE),
        calibrated("f0", 0.02, "1/d", "arrival of fibroblasts", 0.5, source=CLOSURE),
        calibrated("kF", 0.6, "1/d", "proliferation of fibroblasts", 0.5, source=CLOSURE),
        calibrated("dF", 0.1, "1/d", "loss of fibroblasts", 0.5, source=CLOSURE),
        calibrated("Ki", 150.0, "pg/mL", "cytokine at half proliferation", 0.5, source=CLOSURE),
        calibrated("kW", 0.12, "1/d", "closure by fibroblasts", 0.5, source=CLOSURE),
        calibrated("kpro", 0.10, "1/d", "largest proteolysis", 0.5, source=CLOSURE),
        calibrated("Kpro", 200.0, "pg/mL", "cytokine at half proteolysis", 0.5, source=CLOSURE),
    ),
    rhs=rhs,
    time_unit="d",
    horizon=120.0,
    invariances=(
        Invariance({"Cref": 1, "KC": 1, "kc": 1, "Ki": 1, "Kpro": 1}, {"C": 1}),
        Invariance({"kr": 1, "Cref": 1}),
        Invariance({"sw": 1, "kr": 1, "kc": -1}, {"N": 1}),
    ),
    identifiable=(
        "From closure alone: kW at full fibroblasts. A cytokine series gives kcl and kr; "
        "proteolysis is seen only where closure stalls."
    ),
    thresholds=(
        Threshold("Rw", persistence, "inflammation persists"),
        Threshold("Rw_fibroblast", invasion, "fibroblasts no longer invade"),
    ),
    fits="wound area and cytokines of wound fluid over weeks",
)  # fmt: skip


def waugh(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Two macrophage populations and TGF-beta, as published."""
    arrival = p.tau1 * y.TGFb**3 + p.tau2 * y.TGFb**2 + p.tau3 * y.TGFb + p.tau4
    division = p.k1 * p.k2 * (1 - p.k3 * (y.phiI + y.phiR))
    return {
        "phiI": p.alpha * arrival + division * y.phiI - p.d1 * y.phiI,
        "phiR": (1 - p.alpha) * arrival + division * y.phiR - p.d1 * y.phiR,
        "TGFb": p.k4 * y.phiI - p.d2 * y.TGFb,
    }


def waugh_initial(p: Namespace) -> dict[str, Any]:
    """Start about one day after wounding."""
    return {"phiI": p.phiI_0, "phiR": p.phiR_0, "TGFb": p.TGFb_0}


def discriminant(theta: Mapping[str, Any]) -> Any:
    """Compute the discriminant of the cubic that TGF-beta obeys at rest, in units of its last term.

    Positive: three steady states. Equations (7) and (8) of the source.
    """
    made = theta["d2"] / (theta["k4"] * theta["alpha"])
    divided = theta["k1"] * theta["k2"]
    a = theta["tau1"]
    b = theta["tau2"] - divided * theta["k3"] * made**2
    c = theta["tau3"] - (theta["d1"] - divided) * made
    d = theta["tau4"]
    value = 18 * a * b * c * d - 4 * b**3 * d + (b * c) ** 2 - 4 * a * c**3 - 27 * (a * d) ** 2
    return value / (a * d) ** 2


CUBIC = "fit to monocyte migration in Wahl 1987; " + PAPER

wound_diabetic = OdeModel(
    name="wound-diabetic",
    title="Macrophages in a diabetic wound",
    description="Inflammatory and repair macrophages and TGF-beta, from one day after wounding.",
    states=(
        State("phiI", "cell/mm^3", "inflammatory macrophages", scale=100.0),
        State("phiR", "cell/mm^3", "repair macrophages", scale=100.0),
        State("TGFb", "pg/mm^3", "transforming growth factor beta", scale=1.0),
    ),
    parameters=(
        published("alpha", 0.8, "", "share of monocytes that become inflammatory",
                  PAPER + " (0.5 in a normal wound)", upper=1.0),
        published("k1", 0.05, "", "share of macrophages that divide", PAPER),
        published("k2", 0.693, "1/d", "growth of dividing macrophages", PAPER),
        published("k3", 0.002, "mm^3/cell", "crowding", PAPER),
        published("k4", 0.07, "pg/cell/d", "TGF-beta per inflammatory macrophage", PAPER),
        published("d1", 0.2, "1/d", "departure of macrophages", PAPER),
        published("d2", 9.1, "1/d", "clearance of TGF-beta", PAPER),
        published("tau1", -2.47, "cell*mm^6/pg^3/d", "cubic term of monocyte arrival", CUBIC,
                  lower=-np.inf, upper=0.0),
        published("tau2", 21.94, "cell*mm^3/pg^2/d", "square term of monocyte arrival", CUBIC),
        published("tau3", 6.41, "cell/pg/d", "linear term of monocyte arrival", CUBIC),
        published("tau4", 1.75, "cell/mm^3/d", "arrival without TGF-beta", CUBIC),
        published("phiI_0", 200.0, "cell/mm^3", "inflammatory macrophages at time zero", PAPER),
        published("phiR_0", 200.0, "cell/mm^3", "repair macrophages at time zero", PAPER),
        published("TGFb_0", 6.0, "pg/mm^3", "TGF-beta at time zero", PAPER),
    ),
    rhs=waugh,
    initial=waugh_initial,
    time_unit="d",
    horizon=40.0,
    references=(WAUGH,),
    invariances=(Invariance({"k1": 1, "k2": -1}),),
    identifiable="Not assessed by the source, which fits no data; k1 and k2 only as a product.",
    thresholds=(
        Threshold(
            "discriminant", discriminant,
            "there are three steady states, one of persistent inflammation", critical=0.0,
        ),
    ),
    fits="",
)  # fmt: skip

MODELS = (wound, wound_diabetic)
