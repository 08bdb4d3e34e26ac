"""From CAR-T cells to fever and capillary leak, in full (model `crs-full`).

Effectors ``E`` meet the target ``B``, expand, and release IFN-g and TNF; these activate macrophages
``Ma`` (a fraction), which release IL-6; IL-6 drives CRP, the leak of capillaries and fever;
activated macrophages drive ferritin. Tocilizumab, corticosteroid and the dimerizer of an iC9 switch
are coupled: give their doses into ``tocilizumab``, ``steroid`` and ``dimerizer_level``.

CAR-T cells expand if the burden exceeds ``B* = KB (dE + kEM) / (rho - dE)``. In the healthy state
(no CAR-T cells, everything at its baseline) nothing moves but the target, because every effect is
a difference from its value at baseline. The target is killed down to ``B_min``, one cell, below
which a differential equation means nothing; with ``B_min = 0`` it falls for ever.

Scales: neither the number of target cells nor that of CAR-T cells can be learnt from cytokines (see
``invariances``). Blood pressure and oxygen saturation are linear and power functions of the leak,
with assumed coefficients; the consensus grade is defined by interventions, so that a grade read off
them is an assumption as well. Almost all values are calibrated: a design, not a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .blockade import above, cleared, restraint
from .citations import ASTCT, DOBREVA, FREY, KIMMEL, STEIN
from .crs_parameters import PARAMETERS
from .interventions import with_corticosteroid, with_dimerizer, with_tocilizumab

__all__ = ["MODELS", "crs", "crs_full"]

SMALL = 1e-3  # leak below which its power is smoothed


def occupied(y: Namespace, p: Namespace) -> Any:
    """Share of effectors that meet a target cell, on the tumor or on healthy tissue."""
    return hill(y.B + p.Bh, p.KB)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Cells, cytokines, and what they do."""
    return cells(y, p, p.dimerizer) | cytokines(y, p) | effects(y, p)


def killed(y: Namespace, p: Namespace) -> Any:
    """Target cells killed per time, down to ``B_min``."""
    return p.kk * y.E / (p.KB + y.B + p.Bh) * (y.B - p.B_min)


def cells(y: Namespace, p: Namespace, dimerizer: Any) -> dict[str, Any]:
    """Effectors, memory cells and target."""
    met = occupied(y, p)
    lost = p.kic * dimerizer + p.rejection
    growth = p.rho * met * (1 - (y.E + y.M) / p.Ecap)
    death = p.dE + p.kEM * (1 - met) + p.kst * p.steroid / (1 + p.steroid) + lost
    return {
        "E": y.E * (growth - death),
        "M": p.kEM * y.E * (1 - met) - (p.dM + lost) * y.M,
        "B": p.rB * y.B * (1 - y.B / p.Bmax) - killed(y, p),
    }


def cytokines(y: Namespace, p: Namespace) -> dict[str, Any]:
    """IFN-g and TNF from engaged cells, macrophages, IL-6."""
    flux = y.E * occupied(y, p) * restraint(p)
    fG = hill(y.IFNg, p.KG) - hill(p.IFNg_0, p.KG)
    fF = hill(y.TNF, p.KF) - hill(p.TNF_0, p.KF)
    contact = p.kJ * y.E * occupied(y, p)
    activation = p.kG * fG + p.kF * fF + p.k6 * above(y.IL6, p.K6M, p) + contact
    myeloid = p.phiM * restraint(p)
    return {
        "IFNg": p.pG * flux - p.dG * (y.IFNg - p.IFNg_0),
        "TNF": p.pF * flux + p.pFm * myeloid * y.Ma - p.dF * (y.TNF - p.TNF_0),
        "Ma": activation * (1 - y.Ma) - p.dMa * y.Ma,
        "IL6": p.pI * myeloid * y.Ma**2 - p.dI * (cleared(y.IL6, p) - p.IL6_0),
    }


def effects(y: Namespace, p: Namespace) -> dict[str, Any]:
    """Acute-phase proteins, capillary leak, fever."""
    fF = hill(y.TNF, p.KF) - hill(p.TNF_0, p.KF)
    fever = 0.75 * above(y.IL6, p.K6F, p) + 0.25 * fF
    leak = 0.8 * above(y.IL6, p.K6L, p) + 0.2 * fF
    return {
        "CRP": p.koc * (p.CRP_0 * (1 + p.Ec * above(y.IL6, p.K6, p)) - y.CRP),
        "ferritin": p.kof * (p.ferritin_0 * (1 + p.Sf * y.Ma * p.phiM) - y.ferritin),
        "leak": p.kL * leak * (1 - y.leak) - p.rL * y.leak,
        "temperature": (p.T_0 + p.fever * fever - y.temperature) / p.tauT,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with infused effectors and the target; the rest at its baseline."""
    return {
        "E": p.E_0,
        "B": p.B_0,
        "IFNg": p.IFNg_0,
        "TNF": p.TNF_0,
        "IL6": p.IL6_0,
        "CRP": p.CRP_0,
        "ferritin": p.ferritin_0,
        "temperature": p.T_0,
    }


def all_cells(t: Any, y: Namespace, p: Namespace) -> Any:
    """CAR-T cells in blood, effectors and memory."""
    return y.E + y.M


def pressure(t: Any, y: Namespace, p: Namespace) -> Any:
    """Mean arterial pressure, falling with the leak."""
    return p.MAP_0 - p.MAP_fall * y.leak


def saturation(t: Any, y: Namespace, p: Namespace) -> Any:
    """Oxygen saturation in percent, falling with the power 1.5 of the leak (smooth at 0)."""
    fall = (y.leak**2 + SMALL**2) ** 0.75 - SMALL**1.5
    return p.SpO2_0 - p.SpO2_fall * fall


def threshold_burden(theta: Mapping[str, Any]) -> Any:
    """Compute the burden above which CAR-T cells expand, if ``rho > dE``."""
    return theta["KB"] * (theta["dE"] + theta["kEM"]) / (theta["rho"] - theta["dE"])


BURDEN = Threshold(
    "B*", threshold_burden, "with a larger burden CAR-T cells expand",
    critical="B_0", unit="1e9 cells",
)  # fmt: skip

STATES = (
    State("E", "cell/uL", "CAR-T effectors", log=True),
    State("M", "cell/uL", "CAR-T memory cells", scale=0.1),
    State("B", "1e9 cells", "target cells", log=True),
    State("IFNg", "pg/mL", "interferon gamma", scale=100.0),
    State("TNF", "pg/mL", "tumor necrosis factor", scale=10.0),
    State("Ma", "", "activated fraction of the macrophages", scale=0.1),
    State("IL6", "pg/mL", "interleukin 6", scale=100.0),
    State("CRP", "mg/L", "C-reactive protein", scale=50.0),
    State("ferritin", "ng/mL", "ferritin", scale=1000.0),
    State("leak", "", "capillary leak, 0 to 1", scale=0.1),
    State("temperature", "degC", "body temperature", scale=37.0),
)

crs = OdeModel(
    name="crs",
    title="Cytokine release after CAR-T cells",
    description=(
        "CAR-T cells, target, IFN-g, TNF, macrophages and IL-6, with CRP, ferritin, capillary leak "
        "and fever, and three interventions. For simulation and virtual trials."
    ),
    states=STATES,
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    outputs={"CAR": all_cells, "MAP": pressure, "SpO2": saturation},
    output_units={"CAR": "cell/uL", "MAP": "mmHg"},
    time_unit="d",
    horizon=30.0,
    references=(STEIN, KIMMEL, DOBREVA, FREY, ASTCT),
    invariances=(
        Invariance({"B_0": 1, "KB": 1, "Bmax": 1, "Bh": 1, "B_min": 1, "kk": 1}, {"B": 1}),
        Invariance({"E_0": 1, "Ecap": 1, "kk": -1, "pG": -1, "pF": -1}, {"E": 1, "M": 1, "CAR": 1}),
        Invariance({"ferritin_0": 1}, {"ferritin": 1}),
        Invariance({"CRP_0": 1}, {"CRP": 1}),
    ),
    identifiable=(
        "From CAR-T cells, IFN-g, IL-6 and CRP: rho, kk relative to the scale of the cells, pG, "
        "the baselines, and one combination of pI and KG. Not KB beside B_0, not kG, kF and k6 "
        "apart, not phiM, not fR without tocilizumab, not kEM without samples after day 60."
    ),
    thresholds=(BURDEN,),
)

crs_full = replace(
    with_dimerizer(with_corticosteroid(with_tocilizumab(crs)), name="crs-full"),
    title=crs.title,
    thresholds=crs.thresholds,
)

MODELS = (crs_full,)
