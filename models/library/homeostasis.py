"""IL-7 and IL-15 as source and sink: why CAR-T cells need an emptied niche (model `homeostasis`).

IL-7 and IL-15 are made at a constant rate and consumed by T cells. Conditioning empties the sink,
and both rise, but not without limit: IL-7 at rest is ``s7 / (k7 + c7 T)``, so that the rise is
bounded by ``1 + c7 T_0 / k7``. Dying tissue adds IL-15 for some days. CAR-T cells ``E`` grow in
number while IL-15 exceeds ``K15 sqrt(dE / (gE - dE))``.

Host T cells return to ``T_0``: their growth is tied to IL-7 relative to its value at ``T_0``, for
any values of the parameters.

The typical schedule (time in days from six days before the infusion): conditioning from ``t_chemo``
to ``t_end`` (days -5 to -2), a burst of IL-15 then, CAR-T cells at ``t_infusion`` (day 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dosing import Dose, Regimen, Switch
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .evidence import assumed, calibrated, derived, given

__all__ = ["MODELS", "homeostasis"]

LEVELS = (
    "calibrated to IL-7 and IL-15 around conditioning and to the return of T cells in four months; "
    "not a published value"
)
CARS = "calibrated to CAR-T cells that expand only after conditioning; not a published value"
TIED = "with growth by IL-7 it gives the return of T cells in four months"


def at_rest(p: Namespace) -> tuple[Any, Any]:
    """IL-7 and IL-15 with ``T_0`` T cells."""
    return p.s7 / (p.k7 + p.c7 * p.T_0), p.s15 / (p.k15 + p.c15 * p.T_0)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Production and consumption, host T cells, CAR-T cells."""
    consumers = y.T + y.E
    growth = p.gT * (hill(y.IL7, p.K7) - hill(at_rest(p)[0], p.K7))
    return {
        "IL7": p.s7 - (p.k7 + p.c7 * consumers) * y.IL7,
        "IL15": p.s15 + y.burst - (p.k15 + p.c15 * consumers) * y.IL15,
        "burst": -p.kdam * y.burst,
        "T": p.th * (1 - y.T / p.T_0) + growth * y.T - p.kche * p.chemo * y.T,
        "E": (p.gE * hill(y.IL15, p.K15, 2) - p.dE) * y.E,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start at rest, without CAR-T cells."""
    IL7, IL15 = at_rest(p)
    return {"IL7": IL7, "IL15": IL15, "T": p.T_0}


def _growth(theta: Mapping[str, Any], T: Any) -> Any:
    """IL-15 at rest with ``T`` T cells, over the concentration that CAR-T cells need."""
    level = theta["s15"] / (theta["k15"] + theta["c15"] * T)
    balance = np.maximum(theta["gE"] / theta["dE"] - 1, 0.0)
    return level / theta["K15"] * np.sqrt(balance)


def growth_untreated(theta: Mapping[str, Any]) -> Any:
    """Compute IL-15 with all host T cells, over what CAR-T cells need."""
    return _growth(theta, theta["T_0"])


def growth_emptied(theta: Mapping[str, Any]) -> Any:
    """Compute IL-15 without host T cells, over what CAR-T cells need."""
    return _growth(theta, 0.0)


homeostasis = OdeModel(
    name="homeostasis",
    title="IL-7, IL-15 and lymphodepletion",
    description="Consumption of IL-7 and IL-15 by T cells, conditioning, and CAR-T cells.",
    states=(
        State("IL7", "pg/mL", "interleukin 7", scale=1.0),
        State("IL15", "pg/mL", "interleukin 15", scale=1.0),
        State("burst", "pg/mL/d", "further source of IL-15 after conditioning", scale=1.0),
        State("T", "cell/uL", "host T cells", scale=100.0),
        State("E", "cell/uL", "CAR-T cells", scale=0.1),
    ),
    parameters=(
        calibrated("s7", 10.0, "pg/mL/d", "source of IL-7", 0.5, source=LEVELS),
        calibrated("k7", 1.0, "1/d", "loss of IL-7 without T cells", 0.5, source=LEVELS),
        calibrated("c7", 0.004, "uL/cell/d", "consumption of IL-7", 0.5, source=LEVELS),
        calibrated("s15", 12.0, "pg/mL/d", "source of IL-15", 0.6, source=LEVELS),
        calibrated("k15", 2.0, "1/d", "loss of IL-15 without T cells", 0.6, source=LEVELS),
        calibrated("c15", 0.004, "uL/cell/d", "consumption of IL-15", 0.6, source=LEVELS),
        calibrated("dam", 25.0, "pg/mL/d", "burst at the end of conditioning", 0.6, source=LEVELS),
        calibrated("kdam", 0.25, "1/d", "decay of the burst", source=LEVELS),
        assumed("T_0", 1000.0, "cell/uL", "host T cells at rest"),
        derived("th", 0.5, "cell/uL/d", "new T cells from the thymus", TIED),
        derived("gT", 0.25, "1/d", "largest growth of T cells by IL-7", TIED),
        derived("K7", 3.0, "pg/mL", "IL-7 at half growth", TIED),
        calibrated("gE", 1.3, "1/d", "largest growth of CAR-T cells", 0.4, source=CARS),
        calibrated("K15", 8.0, "pg/mL", "IL-15 at half growth of CAR-T cells", 0.4, source=CARS),
        calibrated("dE", 0.30, "1/d", "loss of CAR-T cells", 0.4, source=CARS),
        calibrated("kche", 1.5, "1/d", "killing of T cells by conditioning", source=LEVELS),
        given("chemo", 0.0, "", "whether conditioning is on", upper=1.0),
        given("t_chemo", 1.0, "d", "start of conditioning"),
        given("t_end", 4.0, "d", "end of conditioning"),
        given("t_infusion", 6.0, "d", "infusion of CAR-T cells"),
        given("E_0", 0.1, "cell/uL", "CAR-T cells infused"),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="d",
    horizon=126.0,
    schedule=Regimen([
        Switch("t_chemo", "chemo", 1.0),
        Switch("t_end", "chemo", 0.0),
        Dose("t_end", "dam", "burst"),
        Dose("t_infusion", "E_0", "E"),
    ]),
    invariances=(
        Invariance({"s7": 1, "K7": 1}, {"IL7": 1}),
        Invariance({"s15": 1, "dam": 1, "K15": 1}, {"IL15": 1, "burst": 1}),
    ),
    identifiable=(
        "From IL-15 with lymphocyte counts: s15 / k15 and c15 / k15; likewise IL-7; both losses "
        "only with samples in the first day of conditioning. gE and dE from CAR-T counts."
    ),
    thresholds=(
        Threshold("IL15_untreated", growth_untreated, "CAR-T cells grow without conditioning"),
        Threshold("IL15_emptied", growth_emptied, "CAR-T cells grow in an emptied niche"),
    ),
    fits="IL-7, IL-15, lymphocytes and CAR-T cells around lymphodepletion",
)  # fmt: skip

MODELS = (homeostasis,)
