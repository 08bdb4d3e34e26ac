"""CAR-T cells, leukemia and three cytokines of two patients (models `crs-hardiansyah*`).

Hardiansyah and Ng 2019. Effector (``Ep``, ``Et``) and memory (``Mp``, ``Mt``) CAR-T cells in blood
and tissue; effectors expand on the target ``B`` and kill it; each cytokine is made in proportion to
``B Ep``, IFN-g less under IL-10. No macrophage and no amplification: IL-6 is slaved to ``B Ep``.
The values are fits to two patients of Kalos 2011: UPN1 (`crs-hardiansyah`) and UPN3
(`crs-hardiansyah-upn3`). The dose, in 1e9 cells, is split 10, 30 and 60 % over three days.

The exchange of blood and tissue conserves cells, so that the pool grows if
``B > B* = (dE + aE (1 - f)) / rE`` with ``f = B / (B + h)``, which is next to 0. The equations are
stiff (77 per day against 0.0017 per day). The printed equation of IFN-g has a typing error; units
of ``h``, ``aE`` and ``bG`` are those of the public nlmixr2lib version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Namespace, OdeModel, State, Threshold
from .citations import HARDIANSYAH, SHORT
from .evidence import published

__all__ = ["MODELS", "crs_hardiansyah", "crs_hardiansyah_upn3"]

SOURCE = SHORT[HARDIANSYAH]


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Target, four pools of CAR-T cells, three cytokines."""
    f = hill(y.B, p.h)
    to_memory = p.aE * y.Ep * (1 - f)
    to_effector = p.aM * y.Mp * f
    flux = y.B * y.Ep
    regulated = p.aG + (1 - p.aG) * p.bG / (y.IL10 + p.bG)
    return {
        "B": (p.rB - p.dB - p.K_BC * y.Ep) * y.B,
        "Ep": p.rE * y.Ep * y.B - (p.dE + p.kin) * y.Ep + p.kout * y.Et - to_memory + to_effector,
        "Et": p.kin * y.Ep - p.kout * y.Et,
        "Mp": (p.rM - p.dM - p.kin) * y.Mp + p.kout * y.Mt + to_memory - to_effector,
        "Mt": p.kin * y.Mp - p.kout * y.Mt,
        "IL6": p.d6 * (p.IL6_0 - y.IL6) + p.p6 * flux,
        "IL10": p.d10 * (p.IL10_0 - y.IL10) + p.p10 * flux,
        "IFNg": p.dG * (p.IFNg_0 - y.IFNg) + p.pG * flux * regulated,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the target and cytokines at their baselines, before the dose."""
    return {"B": p.B_0, "IL6": p.IL6_0, "IL10": p.IL10_0, "IFNg": p.IFNg_0}


def all_blood(t: Any, y: Namespace, p: Namespace) -> Any:
    """CAR-T cells in blood."""
    return y.Ep + y.Mp


def threshold_burden(theta: Mapping[str, Any]) -> Any:
    """Compute the target above which CAR-T cells expand; ``h`` is far above it."""
    return (theta["dE"] + theta["aE"]) / theta["rE"]


def split(dose: float) -> Regimen:
    """Give 10, 30 and 60 % of a dose, in 1e9 cells, on days 0, 1 and 2."""
    return Regimen([Dose(float(d), w * dose, "Ep") for d, w in ((0, 0.1), (1, 0.3), (2, 0.6))])


CELLS = "1e9 cells"
MADE = "pg/mL/d/(1e9 cells)**2"

crs_hardiansyah = OdeModel(
    name="crs-hardiansyah",
    title="CAR-T cells and cytokines, patient UPN1",
    description=(
        "CAR-T cells in blood and tissue, leukemia, IL-6, IL-10 and IFN-g of one patient (1.1e9 "
        "cells, high burden)."
    ),
    states=(
        State("B", CELLS, "target cells", log=True),
        State("Ep", CELLS, "effectors in blood", scale=0.01),
        State("Et", CELLS, "effectors in tissue", scale=0.1),
        State("Mp", CELLS, "memory cells in blood", scale=0.01),
        State("Mt", CELLS, "memory cells in tissue", scale=0.1),
        State("IL6", "pg/mL", "interleukin 6", scale=10.0),
        State("IL10", "pg/mL", "interleukin 10", scale=10.0),
        State("IFNg", "pg/mL", "interferon gamma", scale=10.0),
    ),
    parameters=(
        published("p6", 1800.0, MADE, "IL-6 made", SOURCE, 1.0),
        published("p10", 700.0, MADE, "IL-10 made", SOURCE, 1.0),
        published("pG", 300.0, MADE, "IFN-g made", SOURCE, 1.0),
        published("rE", 16.16, "1/d/(1e9 cells)", "expansion of effectors", SOURCE, 0.3),
        published("dE", 23.04, "1/d", "loss of effectors", SOURCE, 0.3),
        published("aE", 0.024, "1/d", "turn of effectors to memory", SOURCE, 0.5),
        published("K_BC", 0.19, "1/d/(1e9 cells)", "killing of the target", SOURCE, 0.5),
        published("B_0", 4.14, CELLS, "target at infusion", SOURCE, 0.5),
        published("IL6_0", 1.7, "pg/mL", "IL-6 at rest", SOURCE, 0.5),
        published("IL10_0", 4.5, "pg/mL", "IL-10 at rest", SOURCE, 0.5),
        published("IFNg_0", 2.3, "pg/mL", "IFN-g at rest", SOURCE, 0.5),
        published("d6", 3.96, "1/d", "clearance of IL-6", SOURCE),
        published("d10", 4.68, "1/d", "clearance of IL-10", SOURCE),
        published("dG", 1.51, "1/d", "clearance of IFN-g", SOURCE),
        published("aG", 0.59, "", "share of IFN-g that IL-10 cannot suppress", SOURCE, upper=1.0),
        published("bG", 650.0, "pg/mL", "IL-10 at half suppression", SOURCE),
        published("rM", 0.0509, "1/d", "division of memory cells", SOURCE),
        published("dM", 0.408, "1/d", "loss of memory cells", SOURCE),
        published("aM", 1.0, "1/d", "return of memory cells to effectors", SOURCE),
        published("kin", 76.78, "1/d", "blood to tissue", SOURCE),
        published("kout", 1.84, "1/d", "tissue to blood", SOURCE),
        published("h", 1e5, CELLS, "target at half return of memory cells", SOURCE),
        published("rB", 0.0093, "1/d", "growth of the target", SOURCE),
        published("dB", 0.0076, "1/d", "death of the target", SOURCE),
    ),
    rhs=rhs,
    initial=initial,
    outputs={"CAR": all_blood},
    output_units={"CAR": CELLS},
    time_unit="d",
    schedule=split(1.1),
    horizon=60.0,
    references=(HARDIANSYAH,),
    identifiable=(
        "From CAR-T cells, target and cytokines of one patient: rE with dE as one net rate, K_BC, "
        "and each cytokine's production; loss rates of cytokines are fixed in the source."
    ),
    thresholds=(
        Threshold("B*", threshold_burden, "with more target CAR-T cells expand", critical="B_0",
                  unit=CELLS),
    ),
    fits="CAR-T cells and cytokines of single patients",
)  # fmt: skip

UPN3 = {"p6": 6000.0, "p10": 17000.0, "pG": 6000.0, "rE": 14.40, "dE": 1.44, "aE": 0.12,
        "K_BC": 2.21, "IL6_0": 1.0, "IL10_0": 0.5, "IFNg_0": 1.7, "B_0": 0.93}  # fmt: skip

crs_hardiansyah_upn3 = replace(
    crs_hardiansyah,
    name="crs-hardiansyah-upn3",
    title="CAR-T cells and cytokines, patient UPN3",
    description="The equations of `crs-hardiansyah` with the values of UPN3 (1.4e7 cells).",
    parameters=tuple(
        published(p.name, UPN3[p.name], p.unit, p.description, SOURCE, getattr(p.prior, "sd", None))
        if p.name in UPN3
        else p
        for p in crs_hardiansyah.parameters
    ),
    schedule=split(0.014),
)

MODELS = (crs_hardiansyah, crs_hardiansyah_upn3)
