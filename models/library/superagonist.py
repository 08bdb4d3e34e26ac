"""CD28 superagonist TGN1412: cytokine release without a target (model `superagonist`).

The antibody binds CD28 on effector-memory T cells (occupancy ``D / (KD + D)``) and recruits them
from a susceptible pool ``N`` (percent of its size) into activation ``A``. TNF follows recruitment,
interferon gamma follows activation, IL-6 follows both activation and interferon: so they peak in
that order. Lymphocytes leave the blood while cells are active.

Because the receptor was nearly saturated and the pool exhausted, a tenfold lower dose would hardly
have helped; the dose that occupies 10 % of the receptor is 75 times below the one that was given
(`starting_dose`). In macaques, whose effector-memory CD4 cells lack CD28 (``f28 = 0``), the model
does nothing, as the animals did.

Dose, occupancy and the species difference are published; rates are calibrated. ``jak`` below 1 is
the relative JAK activity that carries the action of interferon on IL-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import BLOCKADE, STEROID, cleared, restraint, signal
from .citations import SUNTHARALINGAM
from .evidence import assumed, calibrated, given, published

__all__ = ["MODELS", "starting_dose", "superagonist"]

EASTWOOD = (
    "Eastwood D, Findlay L, Poole S, et al. Monoclonal antibody TGN1412 trial failure explained by "
    "species differences in CD28 expression on CD4+ effector memory T-cells. Br J Pharmacol 2010. "
    "PMC2990151"
)


def starting_dose(theta: Mapping[str, Any], occupancy: Any = 0.1) -> Any:
    """Dose (mg) whose first concentration occupies the given part of CD28 (MABEL reasoning)."""
    return occupancy / (1 - occupancy) * theta["KD"] * theta["V"] * theta["MW"]


def _occupancy(t: Any, y: Namespace, p: Namespace) -> Any:
    return hill(y.drug / (p.V * p.MW), p.KD)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Recruitment, activation, four cytokines, lymphocytes in blood."""
    recruited = p.ks * p.f28 * _occupancy(t, y, p) * y.N
    made = restraint(p)
    from_interferon = p.jak * p.p6G * (y.IFNg - p.IFNg_0)
    return {
        "drug": -p.kel * y.drug,
        "N": -recruited,
        "A": recruited - p.dA * y.A,
        "TNF": p.pT * recruited * made - p.dT * (y.TNF - p.TNF_0),
        "IFNg": p.pG * y.A * made - p.dG * (y.IFNg - p.IFNg_0),
        "IL6": (p.p6 * y.A + from_interferon) * made - p.d6 * (cleared(y.IL6, p) - p.IL6_0),
        "IL10": p.p10 * y.A * hill(y.A, p.K10) * made - p.d10 * (y.IL10 - p.IL10_0),
        "L": p.kret * (p.L_0 - y.L) - p.kout * hill(y.A, p.Kout) * y.L,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Full pool, nothing active, cytokines and lymphocytes at their baselines."""
    return {
        "N": p.N_0, "TNF": p.TNF_0, "IFNg": p.IFNg_0, "IL6": p.IL6_0, "IL10": p.IL10_0, "L": p.L_0,
    }  # fmt: skip


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / (p.V * p.MW)


superagonist = OdeModel(
    name="superagonist",
    title="CD28 superagonist (TGN1412)",
    description=(
        "Antibody, effector-memory T cells, TNF, interferon gamma, IL-6, IL-10 and lymphocytes "
        "after a CD28 superagonist. Give it as a dose into drug, in mg (7 mg: 0.1 mg/kg)."
    ),
    states=(
        State("drug", "mg", "antibody in plasma", scale=1.0),
        State("N", "percent", "susceptible effector-memory T cells, of all of them", scale=10.0),
        State("A", "percent", "activated T cells, of the same", scale=10.0),
        State("TNF", "pg/mL", "tumor necrosis factor", scale=100.0),
        State("IFNg", "pg/mL", "interferon gamma", scale=100.0),
        State("IL6", "pg/mL", "interleukin 6", scale=100.0),
        State("IL10", "pg/mL", "interleukin 10", scale=10.0),
        State("L", "1e9 cells/L", "lymphocytes in blood", scale=1.0),
    ),
    parameters=(
        assumed("V", 3.0, "L", "volume of the antibody"),
        assumed("MW", 0.147, "mg/nmol", "molar mass (147 kDa)"),
        assumed(
            "KD", 1.9, "nM", "dissociation constant of CD28", 0.3, fixed=True,
            source="field knowledge; with it 0.1 mg/kg occupies 0.89, published are 0.86 to 0.91 "
            "in silico",
        ),
        assumed("kel", float(np.log(2)) / 192, "1/h", "elimination (half-life 8 d)", 0.3,
                fixed=True),
        published(
            "f28", 1.0, "", "CD28 on effector-memory T cells: 1 in humans, 0 in macaques",
            "Eastwood 2010, PMC2990151", upper=1.0,
        ),
        given("N_0", 100.0, "percent", "size of the pool"),
        calibrated("ks", 0.35, "1/h", "recruitment at full occupancy", 0.6),
        calibrated("dA", 0.12, "1/h", "loss of activated T cells", 0.6),
        calibrated("pT", 300.0, "pg/mL/percent", "TNF per recruited cell", 1.0),
        calibrated("pG", 60.0, "pg/mL/h/percent", "interferon by activated T cells", 1.0),
        calibrated("p6", 30.0, "pg/mL/h/percent", "IL-6 by activated T cells", 1.0),
        calibrated("p6G", 0.36, "1/h", "IL-6 under interferon", 1.0),
        calibrated("p10", 12.0, "pg/mL/h/percent", "IL-10 by activated T cells", 1.0),
        calibrated("K10", 50.0, "percent", "activated T cells at half of this"),
        calibrated("dT", 1.5, "1/h", "clearance of TNF"),
        calibrated("dG", 0.35, "1/h", "clearance of interferon"),
        calibrated("d6", 0.5, "1/h", "clearance of IL-6"),
        calibrated("d10", 0.6, "1/h", "clearance of IL-10"),
        assumed("TNF_0", 5.0, "pg/mL", "TNF at rest", 0.7),
        assumed("IFNg_0", 5.0, "pg/mL", "interferon at rest", 0.7),
        assumed("IL6_0", 3.0, "pg/mL", "IL-6 at rest", 0.7),
        assumed("IL10_0", 3.0, "pg/mL", "IL-10 at rest", 0.7),
        calibrated("kout", 0.5, "1/h", "egress of lymphocytes under activation", 0.6),
        calibrated("Kout", 20.0, "percent", "activated T cells at half of it"),
        calibrated("kret", 0.02, "1/h", "return of lymphocytes"),
        assumed("L_0", 1.5, "1e9 cells/L", "lymphocytes at rest", 0.3),
        assumed("jak", 1.0, "", "relative activity of JAK", source="definition: no inhibitor"),
        *BLOCKADE,
        *STEROID,
    ),
    rhs=rhs,
    initial=initial,
    outputs={"concentration": _concentration, "occupancy": _occupancy, "signal": signal},
    output_units={"concentration": "nM", "signal": "pg/mL"},
    time_unit="h",
    schedule=Regimen([Dose(0.0, 7.0, "drug")]),
    horizon=120.0,
    invariances=(
        Invariance({"V": 1}, {"drug": 1}, {"drug": 1}),
        Invariance({"MW": 1, "KD": -1}, {"concentration": -1}),
        Invariance(
            {"N_0": 1, "K10": 1, "Kout": 1, "pT": -1, "pG": -1, "p6": -1, "p10": -1},
            {"N": 1, "A": 1},
        ),
        Invariance({"pT": 1, "TNF_0": 1}, {"TNF": 1}),
        Invariance({"pG": 1, "IFNg_0": 1, "p6G": -1}, {"IFNg": 1}),
        Invariance({"p6": 1, "p6G": 1, "IL6_0": 1}, {"IL6": 1, "signal": 1}),
        Invariance({"p10": 1, "IL10_0": 1}, {"IL10": 1}),
        Invariance({"L_0": 1}, {"L": 1}),
    ),
    identifiable=(
        "From mean courses of the cytokines: ks, dA, and the amplitude of each cytokine. KD and "
        "kel stay fixed: one dose was given."
    ),
    fits="mean cytokines and lymphocytes of the six men of 2006, digitized",
    references=(SUNTHARALINGAM, EASTWOOD),
)  # fmt: skip

MODELS = (superagonist,)
