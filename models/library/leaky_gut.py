"""Endotoxin that leaks from the gut, month after month (model `leaky-gut`).

A leak ``kleak`` keeps a low level ``kleak / kL`` of endotoxin ``Lp``, which activates macrophages;
TNF stays above its baseline for every positive leak, IL-10 restrains it, and organ damage ``Dm``
accumulates over months while TNF exceeds ``Cth``. The same endotoxin as a bolus (a dose into
``Lp``) gives a peak a hundredfold higher that is over in hours. The response to a single dose with
published values is the model `endotoxin`.

With ``bw`` above 0 TNF damages the barrier. The response saturates, so there is one steady state
and it is stable: beyond a loop gain of 1 near rest the level is no longer set by the leak but by
saturation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..math import hill, inhibition, ramp
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .citations import DOBREVA
from .evidence import calibrated, given, published

__all__ = ["MODELS", "leaky_gut"]

LEVEL = (
    "calibrated to two to three times the usual endotoxin, and TNF of 1.4 to 8 pg/mL; "
    "not a published value"
)
MONTHS = "calibrated to organ damage over months; not a published value"
EDGE = 0.02  # width of the smooth max(TNF - Cth, 0), relative to Cth


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Leak, activation, cytokines and damage."""
    width = EDGE * p.Cth
    harmful = ramp(y.TNF - p.Cth, width) + width / 2  # never negative
    active = p.kM * hill(y.Lp, p.KL) * inhibition(y.IL10, p.K10) * (1 - y.Ma)
    return {
        "Lp": p.kleak * (1 + p.bw * (y.TNF - p.TNF_0)) - p.kL * y.Lp,
        "Ma": active - p.dM * y.Ma,
        "TNF": p.pC * y.Ma - p.kC * (y.TNF - p.TNF_0),
        "IL10": p.p10 * y.Ma - p.d10 * y.IL10,
        "Dm": p.kD * harmful - p.kR * y.Dm,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with a tight barrier, TNF at its baseline."""
    return {"TNF": p.TNF_0}


def loop_gain(theta: Mapping[str, Any]) -> Any:
    """Compute the gain of the loop leak, TNF, barrier damage, near rest and without IL-10."""
    to_tnf = theta["pC"] / theta["kC"] * theta["kM"] / (theta["dM"] * theta["KL"])
    return theta["bw"] * theta["kleak"] / theta["kL"] * to_tnf


PARAMETERS = (
    calibrated("kleak", 0.003, "ng/kg/h", "leak of endotoxin", 1.0, source=LEVEL),
    published("kL", 1.08, "1/h", "clearance of endotoxin (there 1.0819)", DOBREVA, 0.3),
    published("KL", 3.3, "ng/kg", "endotoxin at half activation", DOBREVA),
    calibrated("kM", 2.5, "1/h", "activation of macrophages", 0.5, source=LEVEL),
    published("dM", 2.5, "1/h", "loss of activated macrophages (there 2.51)", DOBREVA, 0.5),
    published("TNF_0", 1.0, "pg/mL", "TNF at rest", DOBREVA, 0.5),
    published("kC", 1.487, "1/h", "clearance of TNF (there 1.4873)", DOBREVA),
    calibrated("pC", 2000.0, "pg/mL/h", "largest release of TNF", 1.0, source=LEVEL),
    calibrated("p10", 150.0, "pg/mL/h", "largest release of IL-10", 0.7, source=LEVEL),
    published("d10", 1.11, "1/h", "clearance of IL-10 (there 1.1107)", DOBREVA, 0.7),
    calibrated("K10", 20.0, "pg/mL", "IL-10 at half inhibition", 0.7, source=LEVEL),
    given("bw", 0.0, "mL/pg", "barrier damage by TNF"),
    calibrated("kD", 1e-4, "mL/pg/h", "damage per excess of TNF", 1.0, source=MONTHS),
    calibrated("Cth", 1.5, "pg/mL", "TNF that does no damage", 1.0, source=MONTHS),
    calibrated("kR", 1e-4, "1/h", "repair", 1.0, source=MONTHS),
)

leaky_gut = OdeModel(
    name="leaky-gut",
    title="Chronic low-grade endotoxemia",
    description="A leak of endotoxin, sustained TNF and IL-10, and organ damage over months.",
    states=(
        State("Lp", "ng/kg", "endotoxin, as the equivalent of an intravenous dose", scale=0.003),
        State("Ma", "", "activated fraction of macrophages", scale=1e-3),
        State("TNF", "pg/mL", "tumor necrosis factor", scale=1.0),
        State("IL10", "pg/mL", "interleukin 10 above its baseline", scale=0.1),
        State("Dm", "", "organ damage, in arbitrary units", scale=0.1),
    ),
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=4320.0,
    references=(DOBREVA,),
    invariances=(
        Invariance({"kleak": 1, "KL": 1}, {"Lp": 1}),
        Invariance({"TNF_0": 1, "pC": 1, "Cth": 1, "kD": -1, "bw": -1}, {"TNF": 1}),
        Invariance({"p10": 1, "K10": 1}, {"IL10": 1}),
        Invariance({"kD": 1}, {"Dm": 1}),
    ),
    identifiable=(
        "From TNF and IL-10 at rest: kleak pC only, as one product. kleak and kL apart need a "
        "bolus, damage needs a marker of its own."
    ),
    thresholds=(
        Threshold("loop_gain", loop_gain, "damage to the barrier by TNF, not the leak, sets TNF"),
    ),
    fits="TNF, IL-10 and endotoxin over months; TNF and IL-10 after a bolus",
)

MODELS = (leaky_gut,)
