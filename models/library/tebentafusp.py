"""Tebentafusp, weekly 20/30/68 ug (model `tebentafusp`).

The response is that of `blinatumomab` with a target on melanocytes; engaged T cells also make a
rash. With a half-life of seven hours 2**-24 of a dose is left after a week: nothing accumulates, so
that any change of later peaks is a matter of the response and not of the drug.

The label is not consistent: its clearance (4.29 L/d) and volume (5.25 L) make a half-life of 20 h,
its text says 6 to 8 h, and a terminal half-life cannot be shorter. The elimination rate here is
that of 7 h; its peaks after 20 and 68 ug agree with the concentrations of the label (4.2 to
13.7 ng/mL) within 11 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .blinatumomab import INVARIANCES, WEEK, engagement
from .blockade import signal
from .citations import POELS
from .engager_response import STATES, response, response_parameters, start
from .evidence import assumed, calibrated, derived, published

__all__ = ["MODELS", "peak_concentration", "tebentafusp", "weekly"]

LABEL = "prescribing information of tebentafusp (DailyMed; Swiss Fachinfo 68846)"
MINUTES_15 = 0.25


def weekly(*doses: float) -> Regimen:
    """Infuse doses in ug over 15 minutes, a week apart.

    Examples
    --------
    >>> [e.time for e in weekly(20, 30, 68).events]
    [0.0, 168.0, 336.0]
    """
    return Regimen([Dose(k * WEEK, d, "drug", duration=MINUTES_15) for k, d in enumerate(doses)])


def peak_concentration(theta: Mapping[str, Any], dose: Any, duration: float = MINUTES_15) -> Any:
    """Concentration (ng/mL) at the end of an infusion of ``dose`` ug over ``duration`` hours."""
    x = theta["k"] * duration
    return dose / theta["V"] * -np.expm1(-x) / x


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / p.V


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Linear elimination; drug and target cells engage T cells, which make a rash."""
    c = y.drug / p.V
    a = engagement(c, y, p)
    return {
        "drug": -p.k * y.drug,
        **response(y, p, a=a, kill=hill(c, p.ECk)),
        "rash": p.kR * a * y.A - p.dR * y.rash,
    }


tebentafusp = OdeModel(
    name="tebentafusp",
    title="Tebentafusp, weekly step-up",
    description=(
        "Drug, T cells, target cells, IL-6 and rash under weekly short infusions of tebentafusp. "
        "Give it as an infusion into drug, in ug (`weekly` writes the doses). The size of the "
        "rash has no meaning, its order in time has."
    ),
    states=(
        State("drug", "ug", "drug in plasma", scale=10.0),
        *STATES,
        State("rash", "", "skin toxicity, in units of its own", scale=1.0),
    ),
    parameters=(
        published("V", 5.25, "L", "volume of the drug", LABEL, 0.2),
        derived(
            "k", float(np.log(2)) / 7, "1/h", "elimination of the drug",
            f"ln 2 / 7 h; half-life of 6 to 8 h in the {LABEL}", 0.25,
        ),
        calibrated("EC", 15.0, "ng/mL", "drug at half engagement", 0.8),
        calibrated("ECk", 1.0, "ng/mL", "drug at half of the largest rate of killing", 0.7),
        calibrated("KBt", 200.0, "cell/uL", "target cells at half engagement", 0.7),
        *response_parameters(
            {
                "T_0": 1000.0, "B_0": 500.0, "gB": 5e-4, "kk": 0.01, "KAk": 10.0, "pI": 12.0,
                "kI": 0.3, "Imax": 0.9, "IC50": 1500.0, "kX": 0.003,
            },
            h=2.0,
        ),
        assumed("kR", 0.001, "uL/cell/h", "rash made by engaged T cells", 1.0),
        assumed("dR", 0.01, "1/h", "healing of the rash", 1.0),
    ),
    rhs=rhs,
    initial=start,
    outputs={"concentration": _concentration, "signal": signal},
    output_units={"concentration": "ng/mL", "signal": "pg/mL"},
    time_unit="h",
    schedule=weekly(20.0, 30.0, 68.0, 68.0),
    horizon=4 * WEEK,
    invariances=(
        Invariance({"V": 1}, {"drug": 1}, {"drug": 1}),
        Invariance({"V": 1, "EC": -1, "ECk": -1}, {"concentration": -1}),
        Invariance({"kR": 1}, {"rash": 1}),
        Invariance(
            {"T_0": 1, "Acap": 1, "KAk": 1, "pI": -1, "kR": -1}, {"T": 1, "A": 1}
        ),
        *INVARIANCES[1:],
    ),
    identifiable=(
        "V and k from concentrations. Of the response, only what serial IL-6 shows: the scale pI "
        "and how it falls from dose to dose. The published outcome is CRS of grade 2 or higher in "
        "77 % of a trial and 47 % of 15 patients of a clinic, with different definitions."
    ),
    references=(POELS,),
)  # fmt: skip

MODELS = (tebentafusp,)
