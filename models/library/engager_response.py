"""How T cells, target cells and IL-6 answer a T-cell engager: shared by the engager models.

Engagement ``a`` (0 to 1) activates resting T cells, lets them divide, and makes activated cells
release IL-6. Cytokine exposure ``AUC`` makes them release less (tolerance). Target cells are
killed at a fraction ``kill`` (0 to 1) of the largest rate. The engager models differ in how drug
and target make ``a`` and ``kill``.

Under receptor blockade tolerance follows the signal ``(1 - RO)(IL6 - IL6_0)``, because serum IL-6
then rises for lack of clearance, not because more was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..distributions import Beta, LogNormal
from ..math import hill
from ..ode import Namespace, Parameter, State
from .blockade import BLOCKADE, STEROID, cleared, restraint
from .citations import POELS, SHORT
from .evidence import calibrated, given, published

__all__ = ["STATES", "response", "response_parameters", "start"]

STATES = (
    State("T", "cell/uL", "resting T cells", scale=100.0),
    State("A", "cell/uL", "activated T cells", scale=10.0),
    State("B", "cell/uL", "target cells", log=True, scale=100.0),
    State("IL6", "pg/mL", "interleukin 6", scale=10.0),
    State("AUC", "pg/mL*h", "cytokine exposure that the cells remember", scale=1000.0),
)


def response(y: Namespace, p: Namespace, a: Any, kill: Any) -> dict[str, Any]:
    """Time derivatives of `STATES` for an engagement ``a`` and a relative rate of killing."""
    tolerance = 1 - p.Imax * hill(y.AUC, p.IC50, p.h)
    return {
        "T": p.kT * (p.T_0 - y.T) - p.ka * a * y.T + p.kde * y.A,
        "A": p.ka * a * y.T + p.kp * a * y.A * (1 - y.A / p.Acap) - (p.kde + p.dA) * y.A,
        "B": p.gB * y.B * (1 - y.B / p.B_0) - p.kk * kill * hill(y.A, p.KAk) * y.B,
        "IL6": p.pI * a * y.A * tolerance * restraint(p) - p.kI * (cleared(y.IL6, p) - p.IL6_0),
        "AUC": (1 - p.RO) * (y.IL6 - p.IL6_0) - p.kX * y.AUC,
    }


def start(p: Namespace) -> dict[str, Any]:
    """Cells and IL-6 at their baselines, nothing remembered, no drug."""
    return {"T": p.T_0, "B": p.B_0, "IL6": p.IL6_0}


def response_parameters(values: Mapping[str, float], h: float = 2.5) -> tuple[Parameter, ...]:
    """Write the parameter table for `response`.

    Parameters
    ----------
    values : mapping of name to float
        Typical values of T_0, B_0, gB, kk, KAk, pI, kI, Imax, IC50 and kX, which differ between
        drugs.
    h : float
        Exponent of tolerance.
    """
    v = values
    shape = Beta(19.0, 1.0) if v["Imax"] == 0.95 else Beta(9.0, 1.0)
    return (
        given("T_0", v["T_0"], "cell/uL", "T cells before treatment"),
        given("B_0", v["B_0"], "cell/uL", "target cells before treatment"),
        calibrated("kT", 0.02, "1/h", "return of resting T cells to their level", 0.5),
        calibrated("ka", 0.10, "1/h", "activation of T cells at full engagement", 0.5),
        calibrated("kp", 0.03, "1/h", "division of activated T cells at full engagement", 0.5),
        calibrated("kde", 0.06, "1/h", "deactivation of T cells", 0.5),
        calibrated("dA", 0.01, "1/h", "death of activated T cells", 0.5),
        calibrated("Acap", 3000.0, "cell/uL", "capacity of activated T cells"),
        calibrated("gB", v["gB"], "1/h", "growth of target cells", 0.7),
        calibrated("kk", v["kk"], "1/h", "largest rate of killing", 0.7),
        calibrated("KAk", v["KAk"], "cell/uL", "activated T cells at half of this rate", 0.7),
        calibrated(
            "pI", v["pI"], "pg/mL/h/(cell/uL)", "release of IL-6 by activated T cells", 1.0, iiv=0.9
        ),
        _clearance(v["kI"]),
        calibrated(
            "IL6_0", 5.0, "pg/mL", "IL-6 before treatment", prior=LogNormal(3.0, 0.7),
            source="calibrated; published baselines are 2.5 to 3 pg/mL",
        ),
        calibrated(
            "Imax", v["Imax"], "", "largest tolerance", prior=shape, upper=1.0,
            source=f"calibrated; 1 in {SHORT[POELS]}",
        ),
        calibrated(
            "IC50", v["IC50"], "pg/mL*h", "exposure at half of this tolerance", 0.7,
            source=f"calibrated; 1e4 in {SHORT[POELS]}",
        ),
        calibrated(
            "h", h, "", "exponent of tolerance", source=f"calibrated; 2.5 in {SHORT[POELS]}"
        ),
        calibrated("kX", v["kX"], "1/h", "fading of the memory of exposure"),
        *BLOCKADE,
        *STEROID,
    )  # fmt: skip


def _clearance(value: float) -> Parameter:
    text = "clearance of IL-6"
    if value == 0.5:
        return published("kI", value, "1/h", text, f"{SHORT[POELS]} (estimated there)")
    return calibrated("kI", value, "1/h", text)
