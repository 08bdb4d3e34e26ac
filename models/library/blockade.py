"""What drugs do to IL-6 in the models of this library: receptor blockade and corticosteroids.

A part ``fR`` of the clearance of IL-6 goes through its receptor. Occupancy ``RO`` of the receptor
(by tocilizumab) stops that part, so that serum IL-6 rises up to ``1 / (1 - fR)``-fold, while the
signal ``(1 - RO) IL6`` falls for any ``fR`` below 1. A corticosteroid of ``steroid`` effect units
lowers production by ``imax_steroid steroid / (1 + steroid)``.

``RO`` and ``steroid`` are parameters, 0 without a drug; `models.couple` lets a drug model drive
them.
"""

from __future__ import annotations

from typing import Any

from ..distributions import Beta
from ..math import hill, ramp
from ..ode import Namespace
from .evidence import assumed, calibrated

__all__ = ["BLOCKADE", "STEROID", "WIDTH", "above", "cleared", "restraint", "signal"]

WIDTH = 1e-4  # of the smooth max(x, 0), in units of saturation

BLOCKADE = (
    assumed(
        "RO", 0.0, "", "occupancy of the IL-6 receptor by tocilizumab",
        source="definition: no drug", upper=1.0,
    ),
    calibrated(
        "fR", 2 / 3, "", "part of the clearance of IL-6 that goes through its receptor",
        prior=Beta(6.0, 3.0), fixed=True, upper=1.0,
    ),
)  # fmt: skip

STEROID = (
    assumed("steroid", 0.0, "", "corticosteroid, in effect units", source="definition: no drug"),
    calibrated(
        "imax_steroid", 0.8, "", "largest inhibition of production by corticosteroids",
        prior=Beta(8.0, 2.0), fixed=True, upper=1.0,
    ),
)  # fmt: skip


def cleared(IL6: Any, p: Namespace) -> Any:
    """IL-6 as far as it can be cleared, ``(1 - fR RO) IL6``."""
    return (1 - p.fR * p.RO) * IL6


def above(IL6: Any, half: Any, p: Namespace) -> Any:
    """Saturation of the IL-6 signal above its baseline, not negative."""
    return ramp(hill((1 - p.RO) * IL6, half) - hill(p.IL6_0, half), WIDTH)


def restraint(p: Namespace) -> Any:
    """Factor by which a corticosteroid lowers production; 1 without it."""
    return 1 - p.imax_steroid * p.steroid / (1 + p.steroid)


def signal(t: Any, y: Namespace, p: Namespace) -> Any:
    """IL-6 that meets a free receptor; after tocilizumab the measure of exposure, not ``IL6``."""
    return (1 - p.RO) * y.IL6
