"""Off-target binding of a bispecific drug: affinity against density (model `off-target`).

``N`` cells with ``n`` receptors each bind ``N n D / (K + D)``. The wanted target is bound strongly
and is rare, the other weakly and is everywhere (the typical numbers are those of an endothelium).
At low concentrations the other binds ``(N2 n2 / K2) / (N1 n1 / K1)`` times as much drug, at high
ones ``N2 n2 / (N1 n1)`` times, with a rise between the two if ``K2 > K1``: *the weak but abundant
target binds more drug at every dose*. Yet on each cell its occupancy is lower, so that a cell that
answers above a threshold of ``theta`` complexes leaves a window of concentrations in which half of
the wanted cells answer and less than half of the others do (`window`).

A second arm on the same cell raises affinity: ``K_eff = K / (1 + Cloc / K)`` with the local
concentration ``Cloc`` of the second site, which is 0 for a drug that binds with one arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, Threshold
from .evidence import assumed, calibrated, given

__all__ = ["MODELS", "affinity_needed", "low_dose_ratio", "off_target", "window"]


def affinity(p: Any, i: int) -> Any:
    """Dissociation constant (nM) of target ``i`` (1 wanted, 2 other), with its second arm."""
    K = p[f"K{i}"]
    return K / (1 + p[f"Cloc{i}"] / K)


def low_dose_ratio(theta: Mapping[str, Any]) -> Any:
    """Drug on the other target relative to the wanted one, at low concentrations."""
    per_affinity = [theta[f"N{i}"] * theta[f"n{i}"] / affinity(theta, i) for i in (1, 2)]
    return per_affinity[1] / per_affinity[0]


def affinity_needed(theta: Mapping[str, Any]) -> Any:
    """Dissociation constant (nM) of the other target above which it binds less at low doses."""
    return affinity(theta, 2) * low_dose_ratio(theta)


def window(theta: Mapping[str, Any]) -> tuple[Any, Any]:
    """Concentrations (nM) at which half of the wanted cells, and of the others, answer.

    Where a cell has no more receptors than its threshold, it never answers: the concentration is
    then negative or infinite and has no meaning.
    """
    low, high = (
        affinity(theta, i) * theta[f"theta{i}"] / (theta[f"n{i}"] - theta[f"theta{i}"])
        for i in (1, 2)
    )
    return low, high


def width(theta: Mapping[str, Any]) -> Any:
    """Upper end of the window relative to its lower end."""
    low, high = window(theta)
    return high / low


def _per_cell(p: Namespace, i: int) -> Any:
    return p[f"n{i}"] * hill(p.D, affinity(p, i))


def _answer(p: Namespace, i: int) -> Any:
    return hill(_per_cell(p, i), p[f"theta{i}"], p.g)


def _bound_on(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.N1 * _per_cell(p, 1)


def _bound_off(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.N2 * _per_cell(p, 2)


def _ratio(t: Any, y: Namespace, p: Namespace) -> Any:
    # D / (K + D) of both, divided: finite at D = 0 as well.
    K1, K2 = affinity(p, 1), affinity(p, 2)
    return p.N2 * p.n2 / (p.N1 * p.n1) * (K1 + p.D) / (K2 + p.D)


def _answer_on(t: Any, y: Namespace, p: Namespace) -> Any:
    return _answer(p, 1)


def _answer_off(t: Any, y: Namespace, p: Namespace) -> Any:
    return _answer(p, 2)


def _signal_on(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.w1 * p.N1 * _answer(p, 1)


def _signal_off(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.w2 * p.N2 * _answer(p, 2)


off_target = OdeModel(
    name="off-target",
    title="Off-target binding, affinity against density",
    description=(
        "Drug bound to a rare strong and to an abundant weak target, and how many cells of each "
        "answer. A closed form without time: the free concentration D is a parameter."
    ),
    states=(),
    parameters=(
        given("D", 1.0, "nM", "free drug"),
        given("N1", 1e9, "cell", "cells with the wanted target"),
        assumed("N2", 6e11, "cell", "cells with the other target (endothelium)"),
        calibrated("n1", 1e5, "1/cell", "wanted targets of a cell", 0.5, fixed=True),
        calibrated("n2", 1e6, "1/cell", "other targets of a cell", 0.5, fixed=True),
        calibrated("K1", 0.2, "nM", "dissociation constant of the wanted target", 0.3, fixed=True),
        calibrated("K2", 50.0, "nM", "dissociation constant of the other target", 0.3, fixed=True),
        given("Cloc1", 0.0, "nM", "local concentration of a second arm, wanted target"),
        given("Cloc2", 0.0, "nM", "local concentration of a second arm, other target"),
        calibrated("theta1", 100.0, "1/cell", "complexes at half of the answer, wanted", 1.0),
        calibrated("theta2", 100.0, "1/cell", "complexes at half of the answer, other", 1.0),
        calibrated("g", 1.0, "", "steepness of the answer of a cell"),
        calibrated("w1", 1.0, "1/cell", "effect of an answering cell, wanted target", 1.0),
        calibrated("w2", 1.0, "1/cell", "effect of an answering cell, other target", 1.0),
    ),
    outputs={
        "bound_on": _bound_on,
        "bound_off": _bound_off,
        "ratio": _ratio,
        "answer_on": _answer_on,
        "answer_off": _answer_off,
        "signal_on": _signal_on,
        "signal_off": _signal_off,
    },
    time_unit="h",
    invariances=(
        Invariance({"D": 1, "K1": 1, "K2": 1, "Cloc1": 1, "Cloc2": 1}),
        Invariance({"n1": 1, "theta1": 1}, {"bound_on": 1, "ratio": -1}),
        Invariance({"n2": 1, "theta2": 1}, {"bound_off": 1, "ratio": 1}),
        Invariance({"N1": 1, "w1": -1}, {"bound_on": 1, "ratio": -1}),
        Invariance({"N2": 1, "w2": -1}, {"bound_off": 1, "ratio": 1}),
    ),
    identifiable=(
        "Affinities and densities from assays, not from cytokines; a cytokine over doses gives w2."
    ),
    thresholds=(
        Threshold("low-dose ratio", low_dose_ratio, "the other target binds more drug"),
        Threshold("window", width, "there are doses at which only the wanted cells answer"),
    ),
)

MODELS = (off_target,)
