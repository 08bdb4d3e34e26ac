"""CAR-T cells that compete with normal lymphocytes (model `cart-lymphocytes`).

Normal T cells ``N`` and CAR-T cells compete for room (Kimmel 2021, axicabtagene ciloleucel in
lymphoma): both grow towards a common total, the CAR-T cells faster while few cells are there, as
after lymphodepletion. Without lymphodepletion they never exceed the infused number.

Late, the total sits at ``KN`` and CAR-T cells decline at ``rhoC ln(KN / KC)``. The target ``B`` may
fall below one cell, where these equations mean nothing and chance decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..math import hill, log
from ..ode import Namespace, OdeModel, State, Threshold
from .citations import KIMMEL, SHORT
from .evidence import calibrated, given, published

__all__ = ["MODELS", "cart_lymphocytes"]

SOURCE = SHORT[KIMMEL]


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Competition for room, and killing of the target."""
    total = y.N + y.CAR
    gap = (total - p.KN) ** 2
    rC = p.rhoC + p.b * gap / (p.a * total**2 + gap)
    return {
        "N": -p.rN * y.N * (log(total) - log(p.KN)),
        "CAR": -rC * y.CAR * (log(total) - log(p.KC)),
        "B": p.rB * y.B - p.gB * y.B * hill(y.CAR, p.kB),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with what lymphodepletion left, the infused cells, the target."""
    return {"N": p.N_0, "CAR": p.CAR_0, "B": p.B_0}


def killing_at_capacity(theta: Mapping[str, Any]) -> Any:
    """Compute the killing of the target at ``KC`` CAR-T cells, relative to its growth."""
    killing = theta["gB"] * theta["KC"] / (theta["kB"] + theta["KC"])
    return np.divide(killing, theta["rB"])


cart_lymphocytes = OdeModel(
    name="cart-lymphocytes",
    title="CAR-T cells in competition with normal lymphocytes",
    description=(
        "Normal T cells and CAR-T cells share room that lymphodepletion made; CAR-T cells kill "
        "the target. Whole-body numbers of cells."
    ),
    states=(
        State("N", "cell", "normal T cells", log=True),
        State("CAR", "cell", "CAR-T cells", log=True),
        State("B", "cell", "target cells", log=True),
    ),
    parameters=(
        published("KN", 2.5e11, "cell", "capacity of all T cells", SOURCE, 0.5),
        published("KC", 6.96e10, "cell", "capacity that CAR-T cells see", SOURCE, 0.5),
        published("rN", 0.17, "1/d", "growth of normal T cells", SOURCE, 0.5),
        published("rhoC", 0.0251, "1/d", "growth of CAR-T cells at capacity", SOURCE, 0.5),
        published("a", 0.423, "", "width of the extra growth in empty room", SOURCE, 0.5),
        published("b", 0.525, "1/d", "extra growth in empty room", SOURCE, 0.5),
        calibrated("rB", 0.1, "1/d", "growth of the target", 0.5,
                   source=f"calibrated, inside the 0.01 to 0.5 1/d of {SOURCE}"),
        published("gB", 1.15, "1/d", "largest rate of killing", SOURCE, 0.5),
        published("kB", 2.024e9, "cell", "CAR-T cells at half of it", SOURCE, 0.5, fixed=True),
        published("N_0", 3e9, "cell", "normal T cells after lymphodepletion", SOURCE, 0.5),
        published("B_0", 9.486e10, "cell", "target at infusion", SOURCE, 0.5),
        given("CAR_0", 1.8e8, "cell", "infused CAR-T cells"),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="d",
    horizon=90.0,
    references=(KIMMEL,),
    identifiable=(
        "From CAR-T cells to day 90: rhoC with ln(KN/KC) as one slope, b, and the height of the "
        "peak. kB is not separate from rB and gB (published correlations 0.94 and -0.96)."
    ),
    thresholds=(
        Threshold("kill/growth", killing_at_capacity,
                  "above 1 the target shrinks while CAR-T cells are at their capacity"),
    ),
    fits="CAR-T cells to day 90, with the number of T cells before infusion",
)  # fmt: skip

MODELS = (cart_lymphocytes,)
