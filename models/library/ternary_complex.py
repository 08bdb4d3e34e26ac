"""Ternary complexes of a bispecific drug with its two targets (model `ternary-complex`).

Drug ``D`` is free and in excess. With binding at equilibrium, dissociation constants ``KA`` (CD3)
and ``KB`` (target), cooperativity ``alpha`` and totals ``At``, ``Bt`` of binding sites::

    T = phi (At - T)(Bt - T),    phi = alpha D / ((KA + D)(KB + D))

The number of complexes grows with ``phi`` and with nothing else of the drug, so that it is largest
at ``D = sqrt(KA KB)`` whatever the densities; beyond that *more drug makes fewer complexes* (the
hook). It is symmetric in ``log D`` around this optimum. With few receptors ``T = phi At Bt``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..math import hill, sqrt
from ..ode import Invariance, Namespace, OdeModel, Threshold
from .citations import BETTS, POELS, SHORT
from .evidence import assumed, calibrated, derived, given

__all__ = ["AFFINITIES", "MODELS", "binding", "optimum", "sites", "ternary_complex", "trimer"]

AVOGADRO = 6.02214076e23

# Published rate constants as dissociation constants, in nM: koff / kon of CD3, then of the target.
AFFINITIES: Mapping[str, Mapping[str, float]] = {
    "elranatamab": {"KA": 82.17 / 1.98, "KB": 0.162 / 5.4},  # BCMA; Poels 2025
    "PF-06671008": {"KA": 19.66 / 1.72, "KB": 0.74 / 1.57},  # P-cadherin; Betts 2019
}


def binding(drug: Any, p: Namespace) -> Any:
    """Affinity of two sites through the drug, ``phi``, in 1 / (unit of ``drug``)."""
    return p.alpha * drug / ((p.KA + drug) * (p.KB + drug))


def trimer(phi: Any, At: Any, Bt: Any) -> Any:
    """Concentration of ternary complexes, in the unit of ``At`` and ``Bt``.

    The root of the quadratic in the form that does not cancel; below both totals for any ``phi``.
    """
    b = 1 + phi * (At + Bt)
    return 2 * phi * At * Bt / (b + sqrt(b * b - 4 * phi * phi * At * Bt))


def sites(cells: Any, per_cell: Any, p: Namespace) -> Any:
    """Concentration of binding sites (nM) on ``cells`` per uL."""
    return p.nM_per_site * per_cell * cells


def optimum(theta: Mapping[str, Any]) -> tuple[Any, Any]:
    """Best drug concentration (nM), and ``phi`` there (1/nM)."""
    a, b = np.sqrt(theta["KA"]), np.sqrt(theta["KB"])
    return a * b, theta["alpha"] / (a + b) ** 2


def beyond_optimum(theta: Mapping[str, Any]) -> Any:
    """Drug relative to the concentration that makes most complexes."""
    return theta["D"] / optimum(theta)[0]


SITES = (
    calibrated(
        "KB", 70.0, "nM", "dissociation constant of the target",
        source="calibrated; of the order of an anti-CD20 arm, to be replaced by an assay",
    ),
    assumed("nA", 6e4, "1/cell", "CD3 complexes of a T cell", 0.3, fixed=True),
    assumed("nB", 1e5, "1/cell", "targets of a target cell", 0.3, fixed=True),
    assumed(
        "alpha", 1.0, "", "cooperativity of binding", source="definition: 1 is no cooperativity",
    ),
    derived(
        "nM_per_site", 1e15 / AVOGADRO, "nM*uL", "one site per uL as a concentration",
        "1e6 per L over the Avogadro constant",
    ),
)  # fmt: skip
KA = derived(
    "KA", 40.0, "nM", "dissociation constant of CD3",
    f"rounded from koff / kon = 41.5 nM of elranatamab ({SHORT[POELS]})",
    0.3, fixed=True,
)  # fmt: skip


def _trimer(t: Any, y: Namespace, p: Namespace) -> Any:
    return trimer(binding(p.D, p), sites(p.T_cells, p.nA, p), sites(p.B_cells, p.nB, p))


def _phi(t: Any, y: Namespace, p: Namespace) -> Any:
    return binding(p.D, p)


def _occupancy_CD3(t: Any, y: Namespace, p: Namespace) -> Any:
    return hill(p.D, p.KA)


def _occupancy_target(t: Any, y: Namespace, p: Namespace) -> Any:
    return hill(p.D, p.KB)


ternary_complex = OdeModel(
    name="ternary-complex",
    title="Ternary complexes of a T-cell engager",
    description=(
        "Complexes of CD3, drug and target at equilibrium, with the optimum at sqrt(KA KB) and the "
        "hook beyond it. A closed form without time: drug and cell counts are parameters."
    ),
    states=(),
    parameters=(
        given("D", 10.0, "nM", "free drug"),
        given("T_cells", 500.0, "cell/uL", "T cells"),
        given("B_cells", 300.0, "cell/uL", "target cells"),
        KA,
        *SITES,
    ),
    outputs={
        "trimer": _trimer,
        "phi": _phi,
        "occupancy_CD3": _occupancy_CD3,
        "occupancy_target": _occupancy_target,
    },
    output_units={"trimer": "nM", "phi": "1/nM"},
    invariances=(
        Invariance({"nA": 1, "T_cells": -1}),
        Invariance({"nB": 1, "B_cells": -1}),
        Invariance({"D": 1, "KA": 1, "KB": 1, "alpha": 1}),
        Invariance({"nA": 1, "nB": 1, "alpha": -1}, {"trimer": 1, "phi": -1}),
    ),
    identifiable="KA and KB from binding assays; cytokines see neither them nor the densities.",
    thresholds=(Threshold("D/D*", beyond_optimum, "more drug makes fewer complexes"),),
    references=(POELS, BETTS),
)

MODELS = (ternary_complex,)
