"""Plaque between effector and regulatory T cells (model `atherosclerosis`).

Effector cells ``Te`` release a cytokine ``C``; regulatory cells ``Tr`` remove it. At rest
``C = pE Te / (kcl + kR Tr)``, which ``Tr = kcl / kR`` halves. The plaque ``Pl`` follows over years,
towards ``(kP / kreg) C / (KP + C)``. The cell counts are inputs: they can be measured, and nothing
was found to base their dynamics on. No value is published; the model is a design.

The typical schedule is ten years of growth, then ten years of low-dose IL-2, which raises ``Tr`` to
``Tr_IL2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dosing import Regimen, Switch
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .evidence import calibrated, given

__all__ = ["MODELS", "atherosclerosis"]

YEARS = (
    "calibrated to a plaque that grows over years and shrinks with more regulatory T cells; "
    "not a published value"
)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Cytokine in a day, plaque in years."""
    return {
        "C": p.pE * p.Te - (p.kcl + p.kR * p.Tr) * y.C,
        "Pl": p.kP * hill(y.C, p.KP) - p.kreg * y.Pl,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the cytokine at rest and the given plaque."""
    return {"C": p.pE * p.Te / (p.kcl + p.kR * p.Tr), "Pl": p.Pl_0}


def halving(theta: Mapping[str, Any]) -> Any:
    """Compute the regulatory T cells that halve the cytokine."""
    return theta["kcl"] / theta["kR"]


atherosclerosis = OdeModel(
    name="atherosclerosis",
    title="Atherosclerosis: effector and regulatory T cells",
    description="A cytokine between effector and regulatory T cells, and the plaque over years.",
    states=(
        State("C", "pg/mL", "cytokine", scale=100.0),
        State("Pl", "mm^3", "plaque volume", scale=1.0),
    ),
    parameters=(
        calibrated("pE", 10.0, "pg*uL/mL/d/cell", "cytokine per effector cell", 0.7, source=YEARS),
        given("Te", 50.0, "cell/uL", "effector T cells"),
        given("Tr", 25.0, "cell/uL", "regulatory T cells"),
        given("Tr_IL2", 100.0, "cell/uL", "regulatory T cells under low-dose IL-2"),
        calibrated("kcl", 1.0, "1/d", "clearance of cytokine", 0.7, source=YEARS),
        calibrated("kR", 0.02, "uL/cell/d", "removal by regulatory cells", 0.7, source=YEARS),
        calibrated("kP", 0.01, "mm^3/d", "largest growth of plaque", source=YEARS),
        calibrated("KP", 200.0, "pg/mL", "cytokine at half growth", source=YEARS),
        calibrated("kreg", 5e-4, "1/d", "regression of plaque", source=YEARS),
        given("Pl_0", 0.0, "mm^3", "plaque at the start"),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="d",
    horizon=7300.0,
    schedule=Regimen([Switch(3650.0, "Tr", "Tr_IL2")]),
    invariances=(
        Invariance({"pE": 1, "KP": 1}, {"C": 1}),
        Invariance({"pE": 1, "Te": -1}),
        Invariance({"kR": 1, "Tr": -1, "Tr_IL2": -1}),
        Invariance({"kP": 1, "Pl_0": 1}, {"Pl": 1}),
    ),
    identifiable="From a cross-section of C, Te and Tr: pE / kcl and kR / kcl only.",
    thresholds=(
        Threshold(
            "Tr_half", halving, "regulatory T cells do not yet halve the cytokine",
            critical="Tr", unit="cell/uL",
        ),
    ),
    fits="cytokine with T-cell counts; plaque volume over years",
)  # fmt: skip

MODELS = (atherosclerosis,)
