"""CAR-T cells that divide a limited number of times (model `limited-proliferation`).

An infused cell divides nine times while it meets target, so that one cell gives at most ``2**9``.
Then the number of cells, and not only the target, limits the response: doses a week apart halve the
peak of the flux while its area, and so the killing, is kept. Where proliferation is unlimited (see
`crs-full`) fractions delay the storm and do not lower it. Give doses into ``E0``.
"""

from __future__ import annotations

from typing import Any

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .citations import KIMMEL, STEIN
from .crs_parameters import CELLS
from .evidence import calibrated

__all__ = ["DIVISIONS", "MODELS", "limited_proliferation"]

DIVISIONS = 9
GENERATIONS = tuple(f"E{i}" for i in range(DIVISIONS + 1))


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Division of engaged cells from generation to generation, growth and killing of the target."""
    divided = [p.kdiv * hill(y.B, p.KB) * y[name] for name in GENERATIONS]
    result = {"E0": -divided[0]}
    for i in range(1, DIVISIONS):
        result[f"E{i}"] = 2 * divided[i - 1] - divided[i]
    result[GENERATIONS[-1]] = 2 * divided[DIVISIONS - 1] - p.dE * y[GENERATIONS[-1]]
    killing = p.kk * all_cells(t, y, p) / (p.KB + y.B)
    return {"B": p.rB * y.B - killing * y.B, **result}


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the target, before the dose."""
    return {"B": p.B_0}


def all_cells(t: Any, y: Namespace, p: Namespace) -> Any:
    """CAR-T cells of all generations."""
    return sum(y[name] for name in GENERATIONS)


def flux(t: Any, y: Namespace, p: Namespace) -> Any:
    """Engaged CAR-T cells, which kill and release cytokines."""
    return all_cells(t, y, p) * hill(y.B, p.KB)


limited_proliferation = OdeModel(
    name="limited-proliferation",
    title="CAR-T cells with a limited number of divisions",
    description=(
        "CAR-T cells that divide nine times at most, and their target: a case in which fractions "
        "of the dose, a week apart, lower the peak."
    ),
    states=(
        State("B", "1e9 cells", "target cells", log=True),
        *(
            State(name, "cell/uL", f"CAR-T cells after {i} divisions", scale=0.1)
            for i, name in enumerate(GENERATIONS)
        ),
    ),
    parameters=(
        calibrated("kdiv", 1.4, "1/d", "division of engaged cells", 0.3),
        *(q for q in CELLS if q.name in ("dE", "KB", "kk", "rB", "B_0")),
    ),
    rhs=rhs,
    initial=initial,
    outputs={"CAR": all_cells, "flux": flux},
    output_units={"CAR": "cell/uL", "flux": "cell/uL"},
    time_unit="d",
    schedule=Regimen([Dose(0.0, 0.1, "E0")]),
    horizon=60.0,
    references=(STEIN, KIMMEL),
    invariances=(
        Invariance({"B_0": 1, "KB": 1, "kk": 1}, {"B": 1}),
        Invariance(
            {"kk": -1},
            {"CAR": 1, "flux": 1, **dict.fromkeys(GENERATIONS, 1)},
            {"E0": 1},
        ),
    ),
    identifiable=(
        "kdiv from the rise of CAR-T cells and dE from their fall; KB only relative to B_0. The "
        "number of divisions is part of the model."
    ),
)

MODELS = (limited_proliferation,)
