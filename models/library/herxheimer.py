"""Jarisch-Herxheimer reaction: bacteria lysed by an antibiotic (`herxheimer`, `lysis-flux`).

Killing releases pyrogen ``Lp``; what it does depends on the *flux* of lysis, not on the amount. The
area under ``Lp`` is ``y P_0 / c`` however fast the killing, but its peak rises with the killing
rate: ``y P_0 (k/c)**(c / (c - k))`` at ``ln(c/k) / (c - k)`` for a constant rate ``k``. It is
linear in the load ``P_0``. Pyrogen activates macrophages, these release TNF and IL-6, and TNF
raises the temperature.

`lysis-flux` is the linear part alone (constant killing rate, no growth) in closed form.

Published course after penicillin in louse-borne relapsing fever: temperature up by 1.06 degC with
its peak at 2 h, blood cleared of spirochetes at 5 h, TNF and IL-6 at seven and six times the values
on admission. The typical values are calibrated to these means.
"""

from __future__ import annotations

from typing import Any

from ..math import exp, hill, sqrt
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import BLOCKADE, cleared
from .citations import DOBREVA
from .evidence import calibrated, given, published

__all__ = ["MODELS", "herxheimer", "lysis_flux"]

NEGUSSIE = (
    "Negussie Y, Remick DG, DeForge LE, Kunkel SL, Eynon A, Griffin GE. Detection of plasma tumor "
    "necrosis factor, interleukins 6, and 8 during the Jarisch-Herxheimer reaction of relapsing "
    "fever. J Exp Med 1992. doi:10.1084/jem.175.5.1207"
)
MEANS = (
    "calibrated to the means of Negussie 1992, doi:10.1084/jem.175.5.1207; not a published value"
)
LIKE_LPS = "calibrated to the clearance of endotoxin (Dobreva 2021); not a published value"
NEAR = 1e-5  # blurs the removable singularity at c = k, to 2e-11 of the value


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Lysis, pyrogen, activated macrophages, cytokines and temperature."""
    lysis = p.kab * (1 - exp(-p.kant * t)) * y.P
    excess = y.TNF - p.TNF_0
    return {
        "P": p.gP * y.P * (1 - y.P / p.Pmax) - lysis,
        "Lp": p.y * lysis - p.c * y.Lp,
        "Ma": p.kMa * hill(y.Lp, p.KL) * (1 - y.Ma) - p.dMa * y.Ma,
        "TNF": p.pT * y.Ma - p.dT * excess,
        "IL6": p.p6 * y.Ma + p.p6T * excess + p.d6 * p.IL6_0 - p.d6 * cleared(y.IL6, p),
        "Tb": (p.Tb_0 + p.dTmax * excess / (p.KT + excess) - y.Tb) / p.tau,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start at the first dose of the antibiotic, everything but the load at rest."""
    return {"P": p.P_0, "TNF": p.TNF_0, "IL6": p.IL6_0, "Tb": p.Tb_0}


PARAMETERS = (
    calibrated("kab", 1.0, "1/h", "killing by the antibiotic", 0.5, source=MEANS),
    calibrated("kant", 3.0, "1/h", "onset of the antibiotic", source=MEANS),
    given("gP", 0.0, "1/h", "growth of the bacteria"),
    given("Pmax", 1000.0, "", "largest load, relative to the reference"),
    given("P_0", 1.0, "", "load at the first dose, relative to the reference"),
    given("y", 1.0, "", "pyrogen per load; sets the unit of pyrogen"),
    calibrated("c", 1.0, "1/h", "clearance of pyrogen", 0.5, source=LIKE_LPS),
    calibrated("kMa", 4.0, "1/h", "activation of macrophages", 0.6, source=MEANS),
    calibrated("KL", 0.3, "", "pyrogen at half activation", 0.6, source=MEANS),
    calibrated("dMa", 1.5, "1/h", "deactivation of macrophages", 0.6, source=MEANS),
    calibrated("pT", 160.0, "pg/mL/h", "largest release of TNF", 0.8, source=MEANS),
    published("dT", 1.5, "1/h", "clearance of TNF (there 1.4873)", DOBREVA),
    calibrated("TNF_0", 10.0, "pg/mL", "TNF on admission", 0.7, source=MEANS),
    calibrated("p6", 90.0, "pg/mL/h", "release of IL-6 by macrophages", 0.8, source=MEANS),
    calibrated("p6T", 2.0, "1/h", "release of IL-6 under TNF", 0.8, source=MEANS),
    published("d6", 0.8, "1/h", "clearance of IL-6 (there 0.79658)", DOBREVA),
    calibrated("IL6_0", 50.0, "pg/mL", "IL-6 on admission", 0.7, source=MEANS),
    calibrated("Tb_0", 37.5, "degC", "temperature on admission", source=MEANS),
    calibrated("dTmax", 1.8, "degC", "largest rise of temperature", 0.3, source=MEANS),
    calibrated("KT", 60.0, "pg/mL", "excess of TNF at half the rise", 0.6, source=MEANS),
    calibrated("tau", 0.5, "h", "delay of temperature", 0.5, source=MEANS),
    *BLOCKADE,
)  # fmt: skip

herxheimer = OdeModel(
    name="herxheimer",
    title="Jarisch-Herxheimer reaction",
    description="Lysis of bacteria by an antibiotic, pyrogen, TNF, IL-6 and temperature.",
    states=(
        State("P", "", "bacteria, relative to the reference load", log=True, scale=1.0),
        State("Lp", "", "pyrogen released by lysis", scale=0.1),
        State("Ma", "", "activated fraction of macrophages", scale=0.1),
        State("TNF", "pg/mL", "tumor necrosis factor", scale=10.0),
        State("IL6", "pg/mL", "interleukin 6", scale=50.0),
        State("Tb", "degC", "body temperature", scale=1.0),
    ),
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=24.0,
    references=(NEGUSSIE, DOBREVA),
    invariances=(
        Invariance({"y": 1, "KL": 1}, {"Lp": 1}),
        Invariance({"P_0": 1, "Pmax": 1, "y": -1}, {"P": 1}),
        Invariance({"pT": 1, "TNF_0": 1, "KT": 1, "p6T": -1}, {"TNF": 1}),
        Invariance({"p6": 1, "p6T": 1, "IL6_0": 1}, {"IL6": 1}),
    ),
    identifiable=(
        "From TNF, IL-6 and temperature with a known time of clearance: c, pT / dT and the "
        "baselines. Not dT and d6 beside pT and p6 from samples hours apart."
    ),
    fits="bacteria, TNF, IL-6 and temperature after the first dose of an antibiotic",
)


def bacteria(t: Any, y: Namespace, p: Namespace) -> Any:
    """Remaining load."""
    return p.P_0 * exp(-p.k * t)


def pyrogen(t: Any, y: Namespace, p: Namespace) -> Any:
    """Bateman's function, ``y P_0 k (exp(-k t) - exp(-c t)) / (c - k)``, also where ``c = k``."""
    mean = (p.k + p.c) * t / 2
    w = sqrt(((p.c - p.k) * t / 2) ** 2 + NEAR**2)
    return p.y * p.P_0 * p.k * t * (exp(w - mean) - exp(-w - mean)) / (2 * w)


def exposure(t: Any, y: Namespace, p: Namespace) -> Any:
    """Area under the pyrogen so far: what was released and is no longer there, over ``c``."""
    return (p.y * (p.P_0 - bacteria(t, y, p)) - pyrogen(t, y, p)) / p.c


lysis_flux = OdeModel(
    name="lysis-flux",
    title="Pyrogen from lysed bacteria",
    description="Release and clearance of pyrogen at a constant killing rate, in closed form.",
    states=(),
    parameters=(
        calibrated("k", 1.0, "1/h", "killing rate", 0.5, source=MEANS),
        calibrated("c", 1.0, "1/h", "clearance of pyrogen", 0.5, source=LIKE_LPS),
        given("y", 1.0, "", "pyrogen per load; sets the unit of pyrogen"),
        given("P_0", 1.0, "", "load at the first dose, relative to the reference"),
    ),
    outputs={"P": bacteria, "Lp": pyrogen, "AUC": exposure},
    output_units={"AUC": "h"},
    time_unit="h",
    horizon=12.0,
    references=(NEGUSSIE, DOBREVA),
    invariances=(Invariance({"y": 1, "P_0": -1}, {"P": -1}),),
    identifiable="k and c from a pyrogen series, as a pair that may change places; y P_0 only.",
    fits="a marker of lysis after one dose of an antibiotic",
)  # fmt: skip

MODELS = (herxheimer, lysis_flux)
