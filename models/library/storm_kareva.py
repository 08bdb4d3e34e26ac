"""A cytokine storm after an immune agonist (model `storm-kareva`), after Kareva and Gevertz.

Immune cells ``X`` are brought by a drug ``D`` and by killed tumor ``T``; the cytokine ``Y`` first
stimulates, then suppresses them. A storm is ``Y > yU``. The cytokine grows only while
``X > c2 k2 / (b2 - k2)``, so that a dose split into parts that stay below never ends in a storm and
may control the tumor as well. This drug acts directly on immune cells: for CAR-T cells, which
multiply, fractionation has no such effect.

Equations and values are those of the published code; its quantities have no unit but time, hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import Uniform
from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Namespace, OdeModel, State, Threshold
from .evidence import given, published

__all__ = ["MODELS", "storm_kareva"]

CODE = (
    "Kareva I, Gevertz JL. Cytokine storm mitigation for exogenous immune agonists; published "
    "code, GitHub jgevertz/CytokineStorm"
)
STORM = (
    "Kareva I, Berezovskaya F, Karev G. Mathematical model of a cytokine storm. bioRxiv 2022. "
    "doi:10.1101/2022.02.15.480585 (immune cells and cytokine of the model)"
)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Immune cells, cytokine, drug and tumor."""
    killed = p.k3 * hill(y.X, p.c1) * y.T
    regulated = p.b1 * hill(y.X, p.c2) * (y.Y - p.yL) * (p.yU - y.Y)
    return {
        "X": p.k01 * y.D + p.k1 * killed + regulated - p.kim * y.X,
        "Y": p.Yin - p.k2 * y.Y + p.b2 * y.Y * hill(y.X, p.c2),
        "D": -p.k01 * y.D,
        "T": p.r * y.T * (y.T - p.m) * (1 - y.T / p.K) - killed,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with a small tumor, untreated."""
    return {"T": p.T_0}


def critical_cells(theta: Mapping[str, Any]) -> Any:
    """Compute the immune cells above which the cytokine grows; infinite if it never does."""
    surplus = np.asarray(theta["b2"] - theta["k2"], dtype=float)
    safe = np.where(surplus > 0, surplus, 1.0)
    return np.where(surplus > 0, theta["k2"] * theta["c2"] / safe, np.inf)[()]


def growth(theta: Mapping[str, Any]) -> Any:
    """Compute the largest production of cytokine over its loss."""
    return theta["b2"] / theta["k2"]


storm_kareva = OdeModel(
    name="storm-kareva",
    title="Cytokine storm after an immune agonist",
    description="Immune cells, cytokine, drug and tumor; give the drug as doses into D.",
    states=(
        State("X", "", "immune cells", scale=1.0),
        State("Y", "", "cytokine", scale=0.01),
        State("D", "", "drug", scale=1.0),
        State("T", "", "tumor, relative to its capacity", scale=0.01),
    ),
    parameters=(
        published("b2", 0.8, "1/h", "stimulation of cytokine",
                  CODE + " (0.6 to 1.55 in its sweep)", prior=Uniform(0.6, 1.55)),
        published("c2", 1.0, "", "immune cells at half stimulation", CODE),
        published("k2", 0.42, "1/h", "loss of cytokine", CODE),
        published("Yin", 1e-4, "1/h", "source of cytokine", CODE),
        published("b1", 0.01, "1/h", "regulation of immune cells by cytokine", CODE),
        published("yL", 1.0, "", "cytokine above which it stimulates", CODE),
        published("yU", 6.0, "", "cytokine above which it suppresses: a storm", CODE),
        published("k1", 2.0, "", "immune cells per killed tumor", CODE),
        published("k3", 0.05, "1/h", "killing of tumor", CODE + " (0.004 to 0.164 in its sweep)",
                  prior=Uniform(0.004, 0.164)),
        published("c1", 1.0, "", "immune cells at half killing", CODE),
        published("kim", 0.099, "1/h", "loss of immune cells", CODE + " (0.693 / 7)"),
        published("k01", 0.1, "1/h", "uptake of drug", CODE),
        published("r", 0.06, "1/h", "growth of tumor", CODE),
        published("m", 0.05, "", "tumor below which it dies out", CODE),
        published("K", 1.0, "", "capacity of the tumor", CODE),
        published("T_0", 0.1, "", "tumor at time zero", CODE),
        given("dose", 10.0, "", "drug given at 200 h"),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=600.0,
    schedule=Regimen([Dose(200.0, "dose", "D")]),
    references=(STORM,),
    identifiable="Not assessed by the source, which fits no data.",
    thresholds=(
        Threshold("X_critical", critical_cells,
                  "the dose alone cannot bring the immune cells to where the cytokine grows",
                  critical="dose"),
        Threshold("storm", growth, "a large enough dose ends in a storm"),
    ),
    fits="",
)  # fmt: skip

MODELS = (storm_kareva,)
