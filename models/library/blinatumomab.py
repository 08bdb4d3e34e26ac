"""Blinatumomab by continuous infusion: short half-life, step-up, washout (model `blinatumomab`).

The drug has one compartment and a half-life of about two hours, so that its level follows the pump:
the steady concentration is rate / CL, 90 % of it is reached after ``ln(10) V / CL`` (6.2 h), and
1 % is left ``ln(100) V / CL`` (12.4 h) after the infusion ends. A washout of days before a
transplant is therefore a matter of cells and not of drug. Exponents of drug are exactly 1, because
the drug starts at zero, where another exponent has no derivative.

The pharmacokinetics is published, the response is calibrated to the *ratio* of IL-6 on day 1
between a flat start at 60 ug/m2/d and a step-up at 5 ug/m2/d (5.4 here, 4.6 in the medians of
Hosseini et al.). Its *level* is about five times the median of those data; the wide prior of ``pI``
has to absorb that. Known misfit: at later steps the model has no IL-6 left, because target cells
in blood are gone by then, while patients still show some; a reservoir of target in marrow is
missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import signal
from .citations import HOSSEINI, POELS
from .engager_response import STATES, response, response_parameters, start
from .evidence import calibrated, given, published

__all__ = ["MODELS", "blinatumomab", "infusion", "steady_concentration", "time_to_fraction"]

CLEMENTS = (
    "Clements JD, Zhu M, Kuchimanchi M, Terminello B, Doshi S. Population pharmacokinetics of "
    "blinatumomab in pediatric and adult patients with hematological malignancies. Clin "
    "Pharmacokinet 2020. doi:10.1007/s40262-019-00823-8"
)
PK = "Clements 2020, doi:10.1007/s40262-019-00823-8"
WEEK = 168.0


def clearance(p: Any) -> Any:
    """Clearance at the body surface area of the patient."""
    return p["CL"] * (p["BSA"] / p["BSA_ref"]) ** p["BSA_CL"]


def steady_concentration(theta: Mapping[str, Any], rate: Any) -> Any:
    """Concentration (ng/mL) under an infusion of ``rate`` ug/h that has lasted long."""
    return rate / clearance(theta)


def time_to_fraction(theta: Mapping[str, Any], fraction: Any) -> Any:
    """Hours after the end of an infusion until ``fraction`` of the drug is left.

    The same time after its start, the concentration is ``1 - fraction`` of the steady one.
    """
    return -np.log(fraction) * theta["V"] / clearance(theta)


def infusion(*steps: tuple[float, float], start: float = 0.0) -> Regimen:
    """Infuse step after step without a gap.

    Parameters
    ----------
    *steps : tuple of float, float
        Rate in ug/d, and days.
    start : float
        In hours.

    Examples
    --------
    >>> [e.duration for e in infusion((9, 7), (28, 21)).events]
    [168.0, 504.0]
    """
    doses, time = [], start
    for rate, days in steps:
        doses.append(Dose(time, rate * days, "drug", duration=24.0 * days))
        time += 24.0 * days
    return Regimen(doses)


def engagement(concentration: Any, y: Namespace, p: Namespace) -> Any:
    """Engagement of T cells, 0 to 1, by drug and target cells."""
    return hill(concentration, p.EC) * hill(y.B, p.KBt)


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / p.V


def _engagement(t: Any, y: Namespace, p: Namespace) -> Any:
    return engagement(y.drug / p.V, y, p)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Linear elimination; drug and target cells engage T cells."""
    c = y.drug / p.V
    change = response(y, p, a=engagement(c, y, p), kill=hill(c, p.ECk))
    return {"drug": -clearance(p) / p.V * y.drug, **change}


DISPOSITION = (
    published("CL", 2.22, "L/h", "clearance at the reference surface area", PK, 0.1, iiv=0.45),
    published("V", 5.98, "L", "volume of the drug", PK, 0.2),
    given("BSA", 1.876, "m^2", "body surface area of the patient"),
    published("BSA_ref", 1.876, "m^2", "reference surface area", PK),
    published("BSA_CL", 0.62, "", "exponent of surface area on clearance", PK),
)
POTENCY = (
    calibrated("EC", 1.0, "ng/mL", "drug at half engagement", 0.8),
    calibrated(
        "ECk", 0.15, "ng/mL", "drug at half of the largest rate of killing", 0.5,
        source="calibrated; the published potencies are 0.1 to 0.15 ng/mL (Hosseini 2020)",
    ),
    calibrated("KBt", 50.0, "cell/uL", "target cells at half engagement", 0.7),
)  # fmt: skip
RESPONSE = response_parameters(
    {
        "T_0": 500.0, "B_0": 200.0, "gB": 0.001, "kk": 0.15, "KAk": 10.0, "pI": 60.0, "kI": 0.5,
        "Imax": 0.95, "IC50": 5000.0, "kX": 0.005,
    }
)  # fmt: skip
INVARIANCES = (
    Invariance(
        {"T_0": 1, "Acap": 1, "KAk": 1, "pI": -1}, {"T": 1, "A": 1}
    ),
    Invariance({"B_0": 1, "KBt": 1}, {"B": 1}),
    Invariance({"pI": 1, "IL6_0": 1, "IC50": 1}, {"IL6": 1, "AUC": 1, "signal": 1}),
)  # fmt: skip

blinatumomab = OdeModel(
    name="blinatumomab",
    title="Blinatumomab, continuous infusion",
    description=(
        "Drug, T cells, target cells and IL-6 under a continuous infusion of blinatumomab. Give it "
        "as an infusion into drug, in ug (`infusion` writes the steps). After the infusion the "
        "drug is gone within half a day."
    ),
    states=(State("drug", "ug", "drug in plasma", scale=1.0), *STATES),
    parameters=(*DISPOSITION, *POTENCY, *RESPONSE),
    rhs=rhs,
    initial=start,
    outputs={"concentration": _concentration, "engagement": _engagement, "signal": signal},
    output_units={"concentration": "ng/mL", "signal": "pg/mL"},
    time_unit="h",
    schedule=infusion((9.0, 7.0), (28.0, 21.0)),
    horizon=6 * WEEK,
    invariances=(
        Invariance({"V": 1, "CL": 1}, {"drug": 1}, {"drug": 1}),
        Invariance({"V": 1, "CL": 1, "EC": -1, "ECk": -1}, {"concentration": -1}),
        *INVARIANCES,
    ),
    identifiable=(
        "CL from concentrations, ECk from counts of B cells, the scale pI from IL-6. EC and pI "
        "are strongly correlated within one dose level and need two."
    ),
    fits="drug concentrations, B-cell counts and IL-6 under infusions at two rates or more",
    references=(CLEMENTS, HOSSEINI, POELS),
)

MODELS = (blinatumomab,)
