"""Acute inflammation: health, aseptic death or septic death (model `acute-inflammation`).

The reduced model of Reynolds et al. 2006, its equations (9) to (12) with their values: pathogen
``P``, activated phagocytes ``N``, tissue damage ``D`` and an anti-inflammatory mediator ``CA``.
Which of three attractors is reached depends on the growth rate of the pathogen and on where the
system starts; damage without any pathogen can be enough. A benchmark for inference with several
attractors.

Published bifurcations in ``kpg``: septic death appears at 0.5137 1/h, health loses its stability
at 1.5 (``= kpm sm / mm``), aseptic death at 1.755. Only ``P`` has a unit in the source (1e6 per
mL); all are pure numbers here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..distributions import Uniform
from ..math import hill
from ..ode import Namespace, OdeModel, State, Threshold
from .evidence import given, published

__all__ = ["MODELS", "acute_inflammation"]

REYNOLDS = (
    "Reynolds A, Rubin J, Clermont G, Day J, Vodovotz Y, Ermentrout GB. A reduced mathematical "
    "model of the acute inflammatory response: I. Derivation of model and analysis of "
    "anti-inflammation. J Theor Biol 2006. doi:10.1016/j.jtbi.2006.02.016"
)
PAPER = "Reynolds 2006, doi:10.1016/j.jtbi.2006.02.016"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Equations (9) to (12) of the source."""
    restraint = 1 + (y.CA / p.cinf) ** 2
    R = (p.knn * y.N + p.knp * y.P + p.knd * y.D) / restraint
    local = p.kpm * p.sm * y.P / (p.mm + p.kmp * y.P)
    return {
        "P": p.kpg * y.P * (1 - y.P / p.pinf) - local - p.kpn * y.N / restraint * y.P,
        "N": p.snr * hill(R, p.mnr) - p.mn * y.N,
        "D": p.kdn * hill(y.N / restraint, p.xdn, 6) - p.md * y.D,
        "CA": p.sc + p.kcn * hill((y.N + p.kcnd * y.D) / restraint, 1) - p.mc * y.CA,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with a given inoculum and damage, the mediator at its level in health."""
    return {"P": p.P_0, "N": p.N_0, "D": p.D_0, "CA": p.sc / p.mc}


def local_defense(theta: Mapping[str, Any]) -> Any:
    """Compute the growth of pathogen over its killing by the local defense, at low numbers."""
    return theta["kpg"] * theta["mm"] / (theta["kpm"] * theta["sm"])


def self_activation(theta: Mapping[str, Any]) -> Any:
    """Compute how many phagocytes one of them activates in health while it lasts."""
    restraint = 1 + (theta["sc"] / theta["mc"] / theta["cinf"]) ** 2
    return theta["snr"] * theta["knn"] / (theta["mnr"] * theta["mn"] * restraint)


acute_inflammation = OdeModel(
    name="acute-inflammation",
    title="Acute inflammation with three outcomes",
    description="Pathogen, phagocytes, damage and anti-inflammation: health or one of two deaths.",
    states=(
        State("P", "", "pathogen, in 1e6 per mL", scale=1.0),
        State("N", "", "activated phagocytes", scale=0.1),
        State("D", "", "tissue damage", scale=1.0),
        State("CA", "", "anti-inflammatory mediator", scale=0.1),
    ),
    parameters=(
        published("kpg", 0.3, "1/h", "growth of pathogen",
                  PAPER + " (0.3 and 0.6 in its figures, range 0.021 to 2.44)",
                  prior=Uniform(0.021, 2.44)),
        published("pinf", 20.0, "", "largest pathogen number", PAPER),
        published("kpm", 0.6, "1/h", "killing by the local defense", PAPER),
        published("sm", 0.005, "1/h", "source of the local defense", PAPER),
        published("mm", 0.002, "1/h", "loss of the local defense", PAPER),
        published("kmp", 0.01, "1/h", "exhaustion of the local defense by pathogen", PAPER),
        published("kpn", 1.8, "1/h", "killing by phagocytes", PAPER),
        published("knp", 0.1, "1/h", "activation of phagocytes by pathogen", PAPER),
        published("knn", 0.01, "1/h", "activation of phagocytes by phagocytes", PAPER),
        published("knd", 0.02, "1/h", "activation of phagocytes by damage", PAPER),
        published("snr", 0.08, "1/h", "source of resting phagocytes", PAPER),
        published("mnr", 0.12, "1/h", "loss of resting phagocytes", PAPER),
        published("mn", 0.05, "1/h", "loss of activated phagocytes", PAPER),
        published("kdn", 0.35, "1/h", "largest production of damage", PAPER),
        published("xdn", 0.06, "", "phagocytes at half production of damage", PAPER),
        published("md", 0.02, "1/h", "repair", PAPER),
        published("cinf", 0.28, "", "mediator at half inhibition", PAPER),
        published("sc", 0.0125, "1/h", "source of the mediator", PAPER),
        published("kcn", 0.04, "1/h", "largest production of the mediator", PAPER),
        published("kcnd", 48.0, "", "damage against phagocytes in making the mediator", PAPER),
        published("mc", 0.1, "1/h", "loss of the mediator", PAPER),
        given("P_0", 1.0, "", "inoculum"),
        given("N_0", 0.0, "", "activated phagocytes at time zero"),
        given("D_0", 0.0, "", "damage at time zero"),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=200.0,
    references=(REYNOLDS,),
    identifiable=(
        "kpg from the early course, given the other values. A posterior may have one mode per "
        "attractor."
    ),
    thresholds=(
        Threshold("local_defense", local_defense, "any number of pathogens grows"),
        Threshold("self_activation", self_activation, "phagocytes persist without pathogen"),
    ),
    fits="",
)  # fmt: skip

MODELS = (acute_inflammation,)
