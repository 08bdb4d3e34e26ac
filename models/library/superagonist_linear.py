"""Nine cytokines as coupled linear oscillators (model `superagonist-linear`).

The form in which Yiu et al. 2012 described the six men who received TGN1412: each cytokine, as a
difference from its baseline, is a damped oscillator that the others drive::

    x'' + 2 zeta w x' + w**2 x = sum of a_j x_j,    x = 0 and x' = v at the dose

Alone and critically damped (``zeta = 1``) a cytokine is ``v t exp(-w t)``: it peaks at ``1 / w``
with ``v / (e w)``. The numbers of that study could not be read, so that the values here are round
and no coupling is switched on. Its abstract says that IL-2, IL-8 and IL-10 induce and interferon
gamma and IL-12 inhibit most; those five are the ones that may act on others, with prior hints of
either sign (a sparse prior, such as a horseshoe, can be given instead).

A linear system can go below its baseline and, with strong couplings, grow without end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..distributions import LogNormal, Normal
from ..ode import Invariance, Namespace, OdeModel, Parameter, State
from .citations import SUNTHARALINGAM
from .evidence import assumed

__all__ = ["CYTOKINES", "MODELS", "SOURCES", "superagonist_linear"]

YIU = (
    "Yiu HH, Graham AL, Stengel RF. Dynamics of a cytokine storm. PLoS ONE 2012. "
    "doi:10.1371/journal.pone.0045027"
)
CYTOKINES = ("TNF", "IFNg", "IL1", "IL2", "IL4", "IL6", "IL8", "IL10", "IL12")
SOURCES = ("IFNg", "IL2", "IL8", "IL10", "IL12")
PAIRS = tuple((x, s) for x in CYTOKINES for s in SOURCES if x != s)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Two first-order equations per cytokine."""
    change: dict[str, Any] = {}
    for x in CYTOKINES:
        driven = sum(p[f"a_{x}_{s}"] * y[s] for s in SOURCES if s != x)
        w = p[f"w_{x}"]
        change[x] = y[f"rate_{x}"]
        change[f"rate_{x}"] = driven - 2 * p[f"zeta_{x}"] * w * y[f"rate_{x}"] - w**2 * y[x]
    return change


def initial(p: Namespace) -> dict[str, Any]:
    """Baseline, moved by the dose."""
    return {f"rate_{x}": p[f"v_{x}"] for x in CYTOKINES}


def _parameters() -> Iterator[Parameter]:
    for x in CYTOKINES:
        yield assumed(f"w_{x}", 0.1, "1/h", f"natural frequency of {x}", 0.7)
        yield assumed(
            f"zeta_{x}", 1.0, "", f"damping of {x}, 1 if critical", prior=LogNormal(1, 0.3)
        )
        yield assumed(f"v_{x}", 270.0, "pg/mL/h", f"response of {x} to the dose", 1.0)
    for x, s in PAIRS:
        yield assumed(
            f"a_{x}_{s}", 0.0, "1/h^2", f"action of {s} on {x}", source="definition: no coupling",
            lower=-math.inf, prior=Normal(0.0, 0.001), fixed=True,
        )  # fmt: skip


def _states() -> Iterator[State]:
    for x in CYTOKINES:
        yield State(x, "pg/mL", f"{x}, difference from its baseline", scale=100.0)
        yield State(f"rate_{x}", "pg/mL/h", f"change of {x}", scale=10.0)


superagonist_linear = OdeModel(
    name="superagonist-linear",
    title="Nine cytokines after a superagonist, linear",
    description=(
        "Linear system of order 18 for nine cytokines after one dose at time zero, which sets "
        "them moving. Values are round numbers; only the form is published."
    ),
    states=tuple(_states()),
    parameters=tuple(_parameters()),
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=120.0,
    invariances=(
        Invariance(
            {f"v_{x}": 1 for x in CYTOKINES},
            {s: 1 for x in CYTOKINES for s in (x, f"rate_{x}")},
        ),
    ),
    identifiable=(
        "Frequency, damping and response of each cytokine from its course; couplings only as far "
        "as few of them are needed."
    ),
    fits="mean courses of nine cytokines over five days, digitized",
    references=(YIU, SUNTHARALINGAM),
)

MODELS = (superagonist_linear,)
