"""Fast and slow markers under a growing storm: lead time of IL-6 over CRP (model `early-warning`).

A driver ``s(t) = a exp(lam t)`` raises production of IL-6 and of MCP-1; IL-6 raises production of
CRP, which turns over twenty times more slowly. An alarm is a fold over baseline, ``F6`` of IL-6 and
``FC`` of CRP. While the driver grows, both markers grow with it, and IL-6 crosses its alarm earlier
by `lead_time`::

    lead = ln((lam + kc)(FC - 1) / (S kc (F6 - 1))) / lam

which depends neither on ``a`` nor on the clearance of IL-6. With equal folds and ``S = 1`` the
driver grows ``1 + lam / kc``-fold in that time: the faster the storm, the fewer hours are won, but
the more growth they save. A `Switch` of ``a`` to 0 stops the driver: IL-6 then falls first as well.

With ``S`` above 1 and nearly full receptor blockade the linear production of CRP would be negative;
the model is not meant for both at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from ..math import exp
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .blockade import BLOCKADE, cleared, signal
from .evidence import assumed, calibrated, given, published

__all__ = ["MODELS", "early_warning", "false_alarms", "lead_time"]

LI = (
    "Li C, Shoji S, Beebe J. Pharmacokinetics and C-reactive protein modelling of anti-"
    "interleukin-6 antibody (PF-04236921) in healthy volunteers and patients with autoimmune "
    "disease. Br J Clin Pharmacol 2018. doi:10.1111/bcp.13641"
)
NETTERBERG = (
    "Netterberg I, Karlsson MO, Nielsen EI, Quartino AL, Lindman H, Friberg LE. The risk of "
    "febrile neutropenia in breast cancer patients following adjuvant chemotherapy is predicted "
    "by the time course of interleukin-6 and C-reactive protein by modelling. Br J Clin Pharmacol "
    "2018. doi:10.1111/bcp.13477"
)


def lead_time(theta: Mapping[str, Any]) -> Any:
    """Hours by which IL-6 crosses its alarm before CRP, once both grow with the driver."""
    growth = (theta["lam"] + theta["kc"]) * (theta["FC"] - 1)
    return np.log(growth / (theta["S"] * theta["kc"] * (theta["F6"] - 1))) / theta["lam"]


def false_alarms(fold: Any, noise: Any = 0.55) -> Any:
    """Probability that a sample at baseline lies above a fold, with log-normal ``noise``."""
    return ndtr(-np.log(fold) / noise)


def slow_alarm(theta: Mapping[str, Any]) -> Any:
    """CRP at the time at which IL-6 reaches its alarm, if the driver is slow, over its alarm."""
    return theta["S"] * (theta["F6"] - 1) / (theta["FC"] - 1)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Turnover of the markers under the driver."""
    driver = p.a * exp(p.lam * t)
    rise = signal(t, y, p) / p.IL6_0 - 1
    return {
        "IL6": p.k6 * (p.IL6_0 * (1 + driver) - cleared(y.IL6, p)),
        "MCP1": p.k2 * (p.MCP1_0 * (1 + p.g2 * driver) - y.MCP1),
        "CRP": p.kc * (p.CRP_0 * (1 + p.S * rise) - y.CRP),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Every marker at its baseline."""
    return {"IL6": p.IL6_0, "MCP1": p.MCP1_0, "CRP": p.CRP_0}


def _alarm_IL6(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.IL6 / (p.F6 * p.IL6_0)


def _alarm_CRP(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.CRP / (p.FC * p.CRP_0)


early_warning = OdeModel(
    name="early-warning",
    title="IL-6, MCP-1 and CRP under a growing storm",
    description=(
        "How much earlier a fast marker warns than a slow one. An output above 1 is an alarm."
    ),
    states=(
        State("IL6", "pg/mL", "interleukin 6", scale=10.0),
        State("MCP1", "pg/mL", "monocyte chemoattractant protein 1", scale=200.0),
        State("CRP", "mg/L", "C-reactive protein", scale=10.0),
    ),
    parameters=(
        calibrated("a", 1e-3, "", "driver at time zero, relative to production at rest", 1.0),
        calibrated("lam", 0.05, "1/h", "growth of the driver", 0.7),
        assumed("k6", 0.5, "1/h", "clearance of IL-6", 1.0, fixed=True),
        assumed("k2", 0.35, "1/h", "clearance of MCP-1", 0.7, fixed=True),
        assumed("g2", 1.0, "", "effect of the driver on MCP-1, relative to IL-6", 0.7, fixed=True),
        published("kc", 0.0238, "1/h", "turnover of CRP",
                  "Li 2018, doi:10.1111/bcp.13641 (0.0224 in Netterberg 2018)", 0.2),
        calibrated("S", 0.5, "", "rise of CRP production per fold of IL-6", 0.4,
                   source="calibrated; 1.05 in Netterberg 2018, doi:10.1111/bcp.13477"),
        assumed("IL6_0", 5.0, "pg/mL", "IL-6 at rest", 0.7),
        assumed("MCP1_0", 200.0, "pg/mL", "MCP-1 at rest", 0.7),
        assumed("CRP_0", 5.0, "mg/L", "CRP at rest", 1.0),
        given("F6", 5.0, "", "alarm of IL-6, fold over baseline"),
        given("FC", 5.0, "", "alarm of CRP, fold over baseline"),
        *BLOCKADE,
    ),
    rhs=rhs,
    initial=initial,
    outputs={"alarm_IL6": _alarm_IL6, "alarm_CRP": _alarm_CRP, "signal": signal},
    output_units={"signal": "pg/mL"},
    time_unit="h",
    horizon=168.0,
    invariances=(
        Invariance({"IL6_0": 1}, {"IL6": 1, "signal": 1}),
        Invariance({"MCP1_0": 1}, {"MCP1": 1}),
        Invariance({"CRP_0": 1}, {"CRP": 1}),
    ),
    identifiable="lam and a from IL-6, kc if IL-6 is known; not k6 from daily samples.",
    thresholds=(
        Threshold("slow alarm", slow_alarm, "CRP crosses its alarm however slowly the driver "
                  "grows; below it CRP may never do so"),
    ),
    fits="daily IL-6 and CRP before an event",
    references=(LI, NETTERBERG),
)  # fmt: skip

MODELS = (early_warning,)
