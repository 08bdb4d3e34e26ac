"""The reduced cascade told by what serial data see: when the target goes (`crs-cascade-timed`).

Two things make `crs-cascade` hard to fit to patients with few counts. Its cells have a kink at
``Tmax``, so the log density has one at every measurement. And IFN-g tells *when* the flux peaks,
not ``kb``: with ``kb`` a change of ``Tmax`` by one day between two counts has to be undone by a
factor of ``exp(rho)`` in it.

Here the cells turn smoothly. Their net growth ``rho - (rho + alpha) w`` falls with the logistic
share ``w``, ``w' = rho w (1 - w)``, and is zero at ``Tmax``. The part of their area that is still
to come, ``S``, follows ``S' = -alpha w S`` and has a closed form; so does the target,

    CAR = Cmax S w / (S w at Tmax),   b = 2 ** (-(S(0) - S(t)) / (S(0) - S(T50))),

which is depletion in proportion to the cells in blood, as in `crs-cascade`, with the time ``T50``
at which half of it is killed in place of the rate ``kb``. IFN-g is released per target killed
(``yG`` if all of it is). So the scale of the cells cancels: ``Cmax`` moves the counts and nothing
else, as it must where the share of the cells that is in blood differs widely between patients. The
model does not say why one patient's target goes earlier than another's; that is left to ``T50``.
Cells that never kill half of the target are not described.

Cells that persist beyond the contraction are left out: 28 days do not see them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..math import exp, expit, log
from ..ode import Invariance, Namespace
from .blockade import signal
from .crs_cascade import CARS, PARAMETERS, crs_cascade, initial, rates
from .evidence import calibrated, derived

__all__ = ["MODELS", "crs_cascade_timed"]

LN2 = log(2)


def contracting(t: Any, p: Namespace) -> Any:
    """Share ``w`` of the switch from growth to contraction; ``rho / (rho + alpha)`` at ``Tmax``."""
    return expit(p.rho * (t - p.Tmax) + log(p.rho / p.alpha))


def to_come(t: Any, p: Namespace) -> Any:
    """Share ``S`` of the area under the cells, of all times, that is still to come."""
    return (1 + p.rho / p.alpha * exp(p.rho * (t - p.Tmax))) ** (-p.alpha / p.rho)


def cells(t: Any, y: Namespace, p: Namespace) -> Any:
    """CAR-T cells in blood: growth at ``rho`` to ``Cmax`` at ``Tmax``, contraction at ``alpha``."""
    top = to_come(p.Tmax, p) * p.rho / (p.rho + p.alpha)
    return p.Cmax * to_come(t, p) * contracting(t, p) / top


def target(t: Any, y: Namespace, p: Namespace) -> Any:
    """Target relative to its baseline; one half at ``T50``."""
    start = to_come(0, p)
    return exp(-LN2 * (start - to_come(t, p)) / (start - to_come(p.T50, p)))


def killed(t: Any, y: Namespace, p: Namespace) -> Any:
    """Loss of target per day, ``-b'``."""
    area = to_come(0, p) - to_come(p.T50, p)
    return LN2 * p.alpha * contracting(t, p) * to_come(t, p) / area * target(t, y, p)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Release and clearance of the four analytes; ``yG`` per whole target killed."""
    return rates(y, p, p.yG * p.B0rel * killed(t, y, p))


YIELD = calibrated(
    "yG", 3333.0, "pg/mL", "IFN-g released while all of the target is killed", 1.0,
    source=f"pG Eref / kb of crs-cascade, {CARS}", iiv=1.2,
)  # fmt: skip
HALF = derived(
    "T50", 9.5, "d", "time at which half of the target is killed",
    "b = 1/2 in crs-cascade with its values", 0.2, iiv=0.25,
)  # fmt: skip
REPLACED = {"kb": (HALF,), "pG": (YIELD,), "Eref": (), "FB": (), "beta": ()}

crs_cascade_timed = replace(
    crs_cascade,
    name="crs-cascade-timed",
    title="CAR-T cells and cytokine release, by the time of killing",
    description=(
        "The reduced cascade with cells that turn smoothly, the time at which half of the target "
        "is killed, and IFN-g released per target killed. The model to fit to patients whose "
        "cells were counted rarely."
    ),
    parameters=tuple(r for q in PARAMETERS for r in REPLACED.get(q.name, (q,))),
    rhs=rhs,
    initial=initial,
    outputs={"CAR": cells, "b": target, "signal": signal},
    breakpoints=(),
    thresholds=(),
    invariances=(
        Invariance({"yG": 1, "B0rel": -1}),
        Invariance({"Cmax": 1}, {"CAR": 1}),
        Invariance({"yG": 1, "KG": 1, "IFNg_0": 1}, {"IFNg": 1}),
        *crs_cascade.invariances[4:],
    ),
    identifiable=(
        "From CAR-T cells, IFN-g, IL-6 and CRP in 28 days: Cmax, Tmax, rho, alpha, T50, yG and the "
        "baselines; pI and KG apart only if IL-6 saturates. Not the loss of IL-6 from daily "
        "samples, not fR without tocilizumab."
    ),
)

MODELS = (crs_cascade_timed,)
