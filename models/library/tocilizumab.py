"""Tocilizumab in blood, and what it does to IL-6 and its soluble receptor.

Model `tocilizumab`: two compartments with linear and saturable elimination (Frey 2010, rheumatoid
arthritis; patients with cytokine release leak protein and may clear it faster). Doses go into the
state ``tocilizumab``; `tocilizumab_dose` of `interventions` makes them. Saturable elimination
matters below ``Vmax / CL``, 25 ug/mL at typical values.

Model `il6-receptor`: IL-6 made at a constant rate, cleared in part by its receptor, and the soluble
receptor, which is cleared more slowly once tocilizumab is bound. At constant occupancy IL-6 rises
``1 / (1 - fR RO)``-fold while the signal input ``(1 - RO) IL6`` falls: receptor blockade lowers the
signal although it raises serum IL-6, for any ``fR`` below 1.
"""

from __future__ import annotations

from typing import Any

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import BLOCKADE, cleared, signal
from .citations import FREY, LE, SHORT
from .evidence import assumed, calibrated, published

__all__ = ["MODELS", "il6_receptor", "occupancy", "tocilizumab"]

SOURCE = SHORT[FREY]
NISHIMOTO = (
    "calibrated to a rise of IL-6 and of its soluble receptor after tocilizumab "
    "(Nishimoto 2008, Blood 112:3959, abstract); not a published value"
)


def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    """Tocilizumab in serum."""
    return y.tocilizumab / p.V1_toci


def occupancy(t: Any, y: Namespace, p: Namespace) -> Any:
    """Share of IL-6 receptors that tocilizumab holds; links the drug to a parameter ``RO``."""
    return hill(y.tocilizumab / p.V1_toci, p.KRO)


def disposition(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Linear and saturable elimination from blood, exchange with tissue."""
    exchange = p.Q_toci * (y.tocilizumab / p.V1_toci - y.tocilizumab_tissue / p.V2_toci)
    linear = p.CL_toci * y.tocilizumab / p.V1_toci
    return {
        "tocilizumab": -linear
        - p.Vmax_toci * hill(y.tocilizumab / p.V1_toci, p.Km_toci)
        - exchange,
        "tocilizumab_tissue": exchange,
    }


tocilizumab = OdeModel(
    name="tocilizumab",
    title="Tocilizumab in blood",
    description=(
        "Two compartments with linear and saturable elimination, and the occupancy of the IL-6 "
        "receptor. Doses in mg into the state tocilizumab."
    ),
    states=(
        State("tocilizumab", "mg", "tocilizumab in the central compartment", scale=100.0),
        State("tocilizumab_tissue", "mg", "tocilizumab in the second compartment", scale=50.0),
    ),
    parameters=(
        published("CL_toci", 0.30, "L/d", "linear clearance", SOURCE, 0.1, iiv=0.38),
        published("V1_toci", 3.5, "L", "central volume", SOURCE, 0.1, iiv=0.36),
        published("Q_toci", 0.20, "L/d", "exchange with tissue", SOURCE, 0.2),
        published("V2_toci", 2.9, "L", "volume of the second compartment", SOURCE, 0.2, iiv=0.6),
        published("Vmax_toci", 7.5, "mg/d", "largest saturable elimination", SOURCE, 0.2, iiv=0.5),
        published("Km_toci", 2.7, "mg/L", "concentration at half of it", SOURCE, 0.3),
        calibrated("KRO", 1.0, "mg/L", "concentration at half occupancy, including tissue", 0.7,
                   fixed=True, source="calibrated: full block while drug is detectable"),
    ),
    rhs=disposition,
    outputs={"tocilizumab_concentration": concentration, "RO": occupancy},
    output_units={"tocilizumab_concentration": "mg/L"},
    time_unit="d",
    schedule=Regimen([Dose(0.0, 560.0, "tocilizumab", duration=1 / 24)]),
    horizon=42.0,
    references=(FREY, LE),
    identifiable=(
        "From serum concentrations over four weeks all but KRO, which data after a dose cannot see "
        "because the concentration stays far above it."
    ),
    fits="serum concentrations of tocilizumab",
)  # fmt: skip


def turnover(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Constant production, clearance that depends on the occupancy."""
    return {
        "IL6": p.kI * (p.IL6_0 - cleared(y.IL6, p)),
        "sIL6R": p.kdegF * p.sIL6R_0 - (p.kdegF * (1 - p.RO) + p.kdegC * p.RO) * y.sIL6R,
    }


def at_rest(p: Namespace) -> dict[str, Any]:
    """Start at the baselines, before any drug."""
    return {"IL6": p.IL6_0, "sIL6R": p.sIL6R_0}


il6_receptor = OdeModel(
    name="il6-receptor",
    title="IL-6 and its soluble receptor under receptor blockade",
    description=(
        "IL-6 at constant production and soluble IL-6 receptor, with the occupancy as a parameter. "
        "Shows why serum IL-6 rises after tocilizumab while its signal falls."
    ),
    states=(
        State("IL6", "pg/mL", "interleukin 6", scale=10.0),
        State("sIL6R", "ng/mL", "soluble IL-6 receptor", scale=50.0),
    ),
    parameters=(
        calibrated("kI", 12.0, "1/d", "clearance of IL-6",
                   source="calibrated, inside the published range 0.3-50 1/d", fixed=True,
                   sd=1.0),
        calibrated("IL6_0", 5.0, "pg/mL", "IL-6 at rest", 0.7,
                   source="calibrated; published baselines are 2.5 to 3 pg/mL"),
        assumed("kdegF", 1.0, "1/d", "clearance of free soluble receptor", 0.5),
        assumed("kdegC", 0.1, "1/d", "clearance of soluble receptor bound to tocilizumab", 0.5,
                source=NISHIMOTO),
        assumed("sIL6R_0", 40.0, "ng/mL", "soluble receptor at rest", 0.5),
        *BLOCKADE,
    ),
    rhs=turnover,
    initial=at_rest,
    outputs={"signal": signal},
    output_units={"signal": "pg/mL"},
    time_unit="d",
    horizon=28.0,
    references=(LE,),
    invariances=(
        Invariance({"IL6_0": 1}, {"IL6": 1, "signal": 1}),
        Invariance({"sIL6R_0": 1}, {"sIL6R": 1}),
    ),
    identifiable=(
        "With serial IL-6 before and after a known occupancy: fR from the ratio; kI only if "
        "samples are closer than 1/kI. kdegF and kdegC from the rise of the soluble receptor."
    ),
    fits="IL-6 and soluble IL-6 receptor around a dose of tocilizumab",
)  # fmt: skip

MODELS = (il6_receptor, tocilizumab)
