"""Ruxolitinib in plasma, and the JAK activity that it leaves (model `ruxolitinib`).

The drug of `jak_inhibition` alone, under names that no other model uses, to give it to any model
that reads the relative activity ``jak``::

    treated = couple(superagonist, ruxolitinib, {"jak": activity})
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .citations import HARRISON, VERSTOVSEK
from .jak_inhibition import jak_inhibition

__all__ = ["MODELS", "activity", "ruxolitinib"]

DRUG = ("ka", "CL", "V", "IC50", "Imax")


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Absorption and elimination."""
    absorbed = p.ka_rux * y.gut_rux
    return {"gut_rux": -absorbed, "drug_rux": absorbed - p.CL_rux / p.V_rux * y.drug_rux}


def activity(t: Any, y: Namespace, p: Namespace) -> Any:
    """Activity of JAK relative to no drug; links the parameter ``jak`` of another model."""
    return 1 - p.Imax_rux * hill(y.drug_rux / p.V_rux, p.IC50_rux)


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug_rux / p.V_rux


ruxolitinib = OdeModel(
    name="ruxolitinib",
    title="Ruxolitinib in plasma",
    description=(
        "One compartment with absorption, and the activity of JAK relative to no drug. Give the "
        "drug as doses into gut_rux, in mg."
    ),
    states=(
        State("gut_rux", "mg", "ruxolitinib in the gut", scale=10.0),
        State("drug_rux", "mg", "ruxolitinib in plasma", scale=10.0),
    ),
    parameters=tuple(replace(jak_inhibition.parameter(n), name=f"{n}_rux") for n in DRUG),
    rhs=rhs,
    outputs={"concentration_rux": _concentration, "JAK_rux": activity},
    output_units={"concentration_rux": "mg/L"},
    time_unit="h",
    schedule=Regimen([Dose(0.0, 20.0, "gut_rux", interval=12.0, count=14)]),
    horizon=168.0,
    invariances=(
        Invariance({"V_rux": 1, "CL_rux": 1}, {"gut_rux": 1, "drug_rux": 1}, {"gut_rux": 1}),
        Invariance({"V_rux": 1, "CL_rux": 1, "IC50_rux": -1}, {"concentration_rux": -1}),
    ),
    identifiable="ka, CL and V from concentrations; IC50 and Imax only through an effect.",
    fits="concentrations after doses by mouth",
    references=(VERSTOVSEK, HARRISON),
)

MODELS = (ruxolitinib,)
