"""CAR-T cells as predators of their target (model `cart-target`).

Effectors ``E`` that meet a target cell expand and kill it; those that do not may turn into memory
cells ``M``. CAR-T cells expand if the burden exceeds ``B* = KB (dE + kEM) / (rho - dE)`` and
contract once it has fallen through it, so that the time and height of the peak are results here
and not parameters.

Without death and regrowth ``E + (rho / kk) B`` is conserved: cells are bought with target, and the
largest number of CAR-T cells depends on the burden and hardly on the dose.
"""

from __future__ import annotations

from typing import Any

from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .citations import KIMMEL, STEIN
from .crs_full import BURDEN, all_cells
from .crs_parameters import CELLS

__all__ = ["MODELS", "cart_target"]


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Expansion, loss, turn to memory; growth and killing of the target."""
    met = hill(y.B, p.KB)
    return {
        "E": y.E * (p.rho * met - p.dE - p.kEM * (1 - met)),
        "M": p.kEM * y.E * (1 - met) - p.dM * y.M,
        "B": p.rB * y.B * (1 - y.B / p.Bmax) - p.kk * y.E * y.B / (p.KB + y.B),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with infused effectors and the target."""
    return {"E": p.E_0, "B": p.B_0}


cart_target = OdeModel(
    name="cart-target",
    title="CAR-T cells and their target",
    description=(
        "Expansion, contraction and persistence of CAR-T cells as results of the target that they "
        "meet and kill."
    ),
    states=(
        State("E", "cell/uL", "CAR-T effectors", log=True),
        State("M", "cell/uL", "CAR-T memory cells", scale=0.1),
        State("B", "1e9 cells", "target cells", log=True),
    ),
    parameters=tuple(p for p in CELLS if p.name not in ("Ecap", "B_min", "Bh")),
    rhs=rhs,
    initial=initial,
    outputs={"CAR": all_cells},
    output_units={"CAR": "cell/uL"},
    time_unit="d",
    horizon=60.0,
    references=(STEIN, KIMMEL),
    invariances=(
        Invariance({"B_0": 1, "KB": 1, "Bmax": 1, "kk": 1}, {"B": 1}),
        Invariance({"E_0": 1, "kk": -1}, {"E": 1, "M": 1, "CAR": 1}),
    ),
    identifiable=(
        "From CAR-T cells alone: rho if the rise shows whether it saturates, kk relative to B_0, "
        "dE; the size of the target never, and kEM and dM only with samples after day 60."
    ),
    thresholds=(BURDEN,),
    fits="28 days or more of CAR-T cells in blood",
)

MODELS = (cart_target,)
