"""Binding of a bispecific drug to two turning-over targets, in full (model `engager-binding`).

Every binding step is reversible mass action: the drug meets either target first, and each binary
complex meets the other target to form the trimer. Targets are made and lost, complexes are
internalized, the drug has a peripheral compartment. There is no equilibrium assumption, so that the
model is stiff (rates up to 1e4 per day). Raising the dose first delays and then suppresses the
trimer, because targets saturated with binary complexes no longer meet (the hook).

Equations and values: Schropp et al. 2019 (a theoretical study: generic values, no data set). The
source keeps the drug as a concentration and doses as amounts; here both are amounts in nmol.
Prior hints are widths of this library around those values.
"""

from __future__ import annotations

from typing import Any

from ..dosing import Dose, Regimen
from ..ode import Invariance, Namespace, OdeModel, Parameter, State
from .evidence import published

__all__ = ["MODELS", "engager_binding"]

SCHROPP = (
    "Schropp J, Khot A, Shah DK, Koch G. Target-mediated drug disposition model for bispecific "
    "antibodies: properties, approximation, and optimal dosing strategy. CPT Pharmacometrics Syst "
    "Pharmacol 2019. doi:10.1002/psp4.12369"
)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Four reversible bindings, turnover of targets, internalization of complexes."""
    C = y.drug / p.V
    bound_A = p.kon1 * C * y.A - p.koff1 * y.CA
    bound_B = p.kon2 * C * y.B - p.koff2 * y.CB
    linked_A = p.kon1 * y.A * y.CB - p.koff1 * y.trimer  # the complex with B meets A
    linked_B = p.kon2 * y.B * y.CA - p.koff2 * y.trimer
    exchange = p.k12 * y.drug - p.k21 * y.peripheral
    return {
        "drug": -p.kel * y.drug - p.V * (bound_A + bound_B) - exchange,
        "A": p.ksynA - p.kdegA * y.A - bound_A - linked_A,
        "B": p.ksynB - p.kdegB * y.B - bound_B - linked_B,
        "CA": bound_A - linked_B - p.kintA * y.CA,
        "CB": bound_B - linked_A - p.kintB * y.CB,
        "trimer": linked_A + linked_B - p.kintAB * y.trimer,
        "peripheral": exchange,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Targets at their own level, no drug."""
    return {"A": p.ksynA / p.kdegA, "B": p.ksynB / p.kdegB}


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / p.V


def _row(name: str, value: float, unit: str, text: str, sd: float | None = None) -> Parameter:
    source = "Schropp 2019, doi:10.1002/psp4.12369, Table 2"
    return published(name, value, unit, text, source, sd, fixed=sd == 0.5)


engager_binding = OdeModel(
    name="engager-binding",
    title="Bispecific drug and its two targets, full binding",
    description=(
        "Target-mediated disposition of a bispecific drug with turnover of both targets and a "
        "bell-shaped trimer. Give the drug as a dose into drug, in nmol."
    ),
    states=(
        State("drug", "nmol", "free drug in plasma", scale=100.0),
        State("A", "nM", "free target A", scale=1.0),
        State("B", "nM", "free target B", scale=10.0),
        State("CA", "nM", "drug bound to target A", scale=1.0),
        State("CB", "nM", "drug bound to target B", scale=10.0),
        State("trimer", "nM", "drug bound to both targets", scale=1.0),
        State("peripheral", "nmol", "drug in tissue", scale=100.0),
    ),
    parameters=(
        _row("V", 3.0, "L", "central volume", 0.3),
        _row("kel", 0.1, "1/d", "linear elimination", 0.3),
        _row("k12", 0.1, "1/d", "distribution to tissue", 0.3),
        _row("k21", 0.03, "1/d", "return from tissue", 0.3),
        _row("kon1", 10.0, "1/nM/d", "association with target A"),
        _row("koff1", 0.01, "1/d", "dissociation from target A"),
        _row("kon2", 1.0, "1/nM/d", "association with target B"),
        _row("koff2", 0.01, "1/d", "dissociation from target B"),
        _row("ksynA", 1.0, "nM/d", "synthesis of target A", 0.5),
        _row("kdegA", 0.1, "1/d", "loss of free target A", 0.5),
        _row("ksynB", 10.0, "nM/d", "synthesis of target B", 0.5),
        _row("kdegB", 0.1, "1/d", "loss of free target B", 0.5),
        _row("kintA", 0.05, "1/d", "internalization of the complex with A", 0.5),
        _row("kintB", 0.05, "1/d", "internalization of the complex with B", 0.5),
        _row("kintAB", 0.1, "1/d", "internalization of the trimer", 0.5),
    ),
    rhs=rhs,
    initial=initial,
    outputs={"concentration": _concentration},
    output_units={"concentration": "nM"},
    time_unit="d",
    schedule=Regimen([Dose(0.0, 335.0, "drug")]),
    horizon=60.0,
    invariances=(
        Invariance({"V": 1}, {"drug": 1, "peripheral": 1}, {"drug": 1}),
        Invariance(
            {"ksynA": 1, "ksynB": 1, "kon1": -1, "kon2": -1},
            {"A": 1, "B": 1, "CA": 1, "CB": 1, "trimer": 1, "drug": 1, "peripheral": 1,
             "concentration": 1},
            {"drug": 1},
        ),
    ),
    identifiable=(
        "From drug concentrations: V, kel, k12, k21. Synthesis and internalization only with "
        "total targets or at doses that saturate them; binding constants come from assays."
    ),
    references=(SCHROPP,),
)  # fmt: skip

MODELS = (engager_binding,)
