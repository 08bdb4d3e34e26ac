"""JAK inhibitor in myelofibrosis: fast cytokines, slow spleen (model `jak-inhibition`).

The drug (by mouth, one compartment) lowers JAK activity to ``JAK = 1 - Imax c / (IC50 + c)``.
Cytokines follow within hours, symptoms within a day, the spleen with a half-life of four weeks, so
that between doses the spleen sees the mean inhibition only::

    spleen(t) = 1 - fs * mean inhibition * (1 - exp(-ks t))

(`mean_inhibition`, `spleen`). Because inhibition saturates, its mean is smaller than the inhibition
at the mean concentration. When the drug is stopped, cytokines are back within hours, the spleen
within weeks. All levels are relative to their baselines. The drug alone, for other models that read
the relative activity of JAK, is `ruxolitinib`.

Every dose restarts the integrator: half a year of two doses a day needs
``SolverOptions(max_steps=50_000)``, or the closed form of the spleen.

Outcomes of the trials (spleen 35 % smaller at week 24 in 42 % and 32 % of patients) are published,
the values here calibrated to them or field knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.integrate import quad_vec

from ..distributions import Beta
from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .citations import HARRISON, VERSTOVSEK
from .evidence import assumed, calibrated

__all__ = ["MODELS", "concentration", "jak_inhibition", "mean_inhibition", "spleen", "twice_daily"]


def twice_daily(dose: float, days: int) -> Regimen:
    """Give ``dose`` mg every 12 hours for a number of days."""
    return Regimen([Dose(0.0, dose, "gut", interval=12.0, count=2 * days)])


def activity(t: Any, y: Namespace, p: Namespace) -> Any:
    """Activity of JAK relative to no drug."""
    return 1 - p.Imax * hill(y.drug / p.V, p.IC50)


def concentration(theta: Mapping[str, Any], dose: Any, time: Any, interval: float = 12.0) -> Any:
    """Concentration (mg/L) at a time after a dose, in the periodic steady state."""
    ka, V, k = theta["ka"], theta["V"], theta["CL"] / theta["V"]
    fast = np.exp(-ka * time) / -np.expm1(-ka * interval)
    slow = np.exp(-k * time) / -np.expm1(-k * interval)
    return dose * ka / (V * (ka - k)) * (slow - fast)


def mean_inhibition(theta: Mapping[str, Any], dose: Any, interval: float = 12.0) -> Any:
    """Inhibition of JAK, averaged over an interval of the periodic steady state.

    Parameters
    ----------
    theta : mapping of name to number or array
    dose : float or array
        In mg, every ``interval`` hours.
    """

    def inhibition(time: float) -> Any:
        c = concentration(theta, dose, time, interval)
        return theta["Imax"] * c / (theta["IC50"] + c)

    return quad_vec(inhibition, 0.0, interval, epsrel=1e-10)[0] / interval


def spleen(theta: Mapping[str, Any], inhibition: Any, time: Any) -> Any:
    """Spleen under a constant mean inhibition, in closed form."""
    return 1 + theta["fs"] * inhibition * np.expm1(-theta["ks"] * time)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Absorption, elimination, and five levels that relax to what JAK allows."""
    J = activity(t, y, p)
    return {
        "gut": -p.ka * y.gut,
        "drug": p.ka * y.gut - p.CL / p.V * y.drug,
        "cytokine": p.kcy * (J - y.cytokine),
        "spleen": p.ks * (1 - p.fs + p.fs * J - y.spleen),
        "symptoms": p.kn * (y.cytokine - y.symptoms),
        "hemoglobin": p.kHb * (1 - p.eHb * (1 - J) - y.hemoglobin),
        "platelets": p.kPlt * (1 - p.ePlt * (1 - J) - y.platelets),
    }


LEVELS = ("cytokine", "spleen", "symptoms", "hemoglobin", "platelets")


def initial(p: Namespace) -> dict[str, Any]:
    """Every level at its baseline."""
    return dict.fromkeys(LEVELS, 1.0)


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / p.V


jak_inhibition = OdeModel(
    name="jak-inhibition",
    title="JAK inhibitor in myelofibrosis",
    description=(
        "Ruxolitinib by mouth, JAK activity, cytokines, spleen, symptoms and blood counts "
        "relative to baseline. Give the drug as doses into gut, in mg (`twice_daily`)."
    ),
    states=(
        State("gut", "mg", "drug in the gut", scale=10.0),
        State("drug", "mg", "drug in plasma", scale=10.0),
        *(State(s, "", f"{s}, relative to baseline", scale=1.0) for s in LEVELS),
    ),
    parameters=(
        assumed("ka", 2.0, "1/h", "absorption", 0.3),
        assumed("CL", 20.0, "L/h", "clearance (CL/F)", 0.3, iiv=0.4),
        assumed("V", 75.0, "L", "volume (V/F)", 0.3, iiv=0.4),
        calibrated("IC50", 0.06, "mg/L", "total drug at half of the inhibition", 0.5),
        calibrated("Imax", 0.95, "", "largest inhibition of JAK", prior=Beta(19.0, 1.0), upper=1.0),
        calibrated("kcy", 0.35, "1/h", "turnover of cytokines", 0.5),
        calibrated("ks", float(np.log(2)) / (24 * 28), "1/h", "turnover of the spleen", 0.4),
        calibrated("fs", 0.7, "", "part of the spleen that depends on JAK", prior=Beta(7.0, 3.0),
                   upper=1.0),
        calibrated("kn", 0.08, "1/h", "turnover of symptoms", 0.5),
        assumed("kHb", 1 / (24 * 60), "1/h", "turnover of hemoglobin (60 d)", 0.4, fixed=True),
        assumed("eHb", 0.3, "", "part of hemoglobin that depends on JAK", prior=Beta(3.0, 7.0),
                fixed=True, upper=1.0),
        assumed("kPlt", 1 / (24 * 9), "1/h", "turnover of platelets (9 d)", 0.3, fixed=True),
        assumed("ePlt", 0.8, "", "part of platelets that depends on JAK", prior=Beta(8.0, 2.0),
                fixed=True, upper=1.0),
    ),
    rhs=rhs,
    initial=initial,
    outputs={"concentration": _concentration, "JAK": activity},
    output_units={"concentration": "mg/L"},
    time_unit="h",
    schedule=twice_daily(20.0, 28),
    horizon=24.0 * 42,
    invariances=(
        Invariance({"V": 1, "CL": 1}, {"gut": 1, "drug": 1}, {"gut": 1}),
        Invariance({"V": 1, "CL": 1, "IC50": -1}, {"concentration": -1}),
    ),
    identifiable=(
        "From spleen volumes at three times or more: ks and the product fs Imax; IC50 with two "
        "doses or more. kcy and kn only with samples within a day of the first dose."
    ),
    fits="spleen volume, symptom score and blood counts under two doses or more",
    references=(VERSTOVSEK, HARRISON),
)  # fmt: skip

MODELS = (jak_inhibition,)
