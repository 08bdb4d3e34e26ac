"""Neurotoxicity: opening of the blood-brain barrier by IL-6 or by TNF (model `icans`).

The barrier of `crs-full` opens by the IL-6 signal (weight ``w``) or by TNF (``1 - w``) and lets
serum IL-6 into the brain; the score of immune effector cell encephalopathy (ICE, 10 is normal)
falls with IL-6 there. Tocilizumab is an antibody that hardly enters the brain: it lowers the signal
and raises serum IL-6. So whether it lowers or raises IL-6 in the brain is decided by ``w``, that
is, by whether IL-6 or TNF opens the barrier; the prior of ``w`` is flat.
"""

from __future__ import annotations

from typing import Any

from ..composition import couple
from ..distributions import Beta
from ..math import hill, ramp
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import WIDTH
from .crs_full import crs_full
from .evidence import assumed, calibrated, given
from .tocilizumab import occupancy

__all__ = ["MODELS", "barrier", "icans"]


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Write opening and repair of the barrier, and IL-6 in the brain."""
    by_il6 = ramp(hill(p.IL6_signal, p.KB6) - hill(p.IL6_rest, p.KB6), WIDTH)
    opening = p.w * by_il6 + (1 - p.w) * hill(p.TNF_above, p.KFb)
    return {
        "BBB": p.kb * opening * (1 - y.BBB) - p.rb * y.BBB,
        "IL6_CNS": p.kin * y.BBB * p.IL6_serum - p.kcns * y.IL6_CNS,
    }


def ice(t: Any, y: Namespace, p: Namespace) -> Any:
    """ICE score, 10 to 0."""
    return 10 - 10 * hill(y.IL6_CNS, p.KI, 2)


barrier = OdeModel(
    name="barrier",
    title="Blood-brain barrier and IL-6 in the brain",
    description=(
        "Opening of the blood-brain barrier in the full cascade, IL-6 in the brain, and the ICE "
        "score."
    ),
    states=(
        State("BBB", "", "opening of the blood-brain barrier, 0 to 1", scale=0.1),
        State("IL6_CNS", "pg/mL", "interleukin 6 in the brain", scale=10.0),
    ),
    parameters=(
        given("IL6_serum", 5.0, "pg/mL", "IL-6 in serum"),
        given("IL6_signal", 5.0, "pg/mL", "IL-6 that meets a free receptor"),
        given("IL6_rest", 5.0, "pg/mL", "IL-6 at rest"),
        given("TNF_above", 0.0, "pg/mL", "TNF above its baseline"),
        assumed("w", 0.5, "", "weight of IL-6 against TNF in opening", prior=Beta(1.0, 1.0),
                upper=1.0),
        calibrated("kb", 0.5, "1/d", "opening of the barrier", 0.7),
        calibrated("rb", 0.3, "1/d", "its repair", 0.5),
        calibrated("KB6", 1000.0, "pg/mL", "IL-6 at half opening", 0.7),
        calibrated("KFb", 30.0, "pg/mL", "TNF above baseline at half opening", 0.7),
        calibrated("kin", 0.05, "1/d", "entry of IL-6 through the open barrier", 0.7),
        calibrated("kcns", 1.0, "1/d", "loss of IL-6 from the brain", 0.5),
        calibrated("KI", 60.0, "pg/mL", "IL-6 in the brain that halves the ICE score", 0.7),
    ),
    rhs=rhs,
    outputs={"ICE": ice},
    time_unit="d",
    horizon=40.0,
    invariances=(Invariance({"kin": 1, "KI": 1}, {"IL6_CNS": 1}),),
    identifiable=(
        "rb with daily ICE scores; kin and KI only as a ratio; w only with and without tocilizumab."
    ),
)  # fmt: skip


def serum(t: Any, y: Namespace, p: Namespace) -> Any:
    """IL-6 in serum, all of which can enter the brain."""
    return y.IL6


def signal(t: Any, y: Namespace, p: Namespace) -> Any:
    """IL-6 that meets a free receptor outside the brain."""
    return (1 - occupancy(t, y, p)) * y.IL6


def rest(t: Any, y: Namespace, p: Namespace) -> Any:
    """IL-6 at rest."""
    return p.IL6_0


def tumor_necrosis_factor(t: Any, y: Namespace, p: Namespace) -> Any:
    """TNF above its baseline."""
    return y.TNF - p.TNF_0


LINKS = {
    "IL6_serum": serum,
    "IL6_signal": signal,
    "IL6_rest": rest,
    "TNF_above": tumor_necrosis_factor,
}

icans = couple(barrier, crs_full, LINKS, name="icans", title="Neurotoxicity after CAR-T cells")

MODELS = (icans,)
