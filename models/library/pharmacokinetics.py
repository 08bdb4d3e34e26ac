"""Drugs in plasma: one or two compartments, by vein or by mouth, and a turnover response.

The linear models of population pharmacokinetics (`pk-1-iv`, `pk-1-oral`, `pk-2-iv`, `pk-2-oral`),
and absorption through a transit compartment with an effect on the loss of a turnover
(`pk-turnover`: warfarin and the prothrombin complex). Amounts in mg, volumes in L, hours; typical
values only give the order of size, priors are wide, and a fit should state its own::

    Problem(get("pk-1-oral"), study, error="additive", population="hierarchical")
"""

from __future__ import annotations

from typing import Any

from ..distributions import LogitNormal, LogNormal
from ..dosing import Dose, Regimen
from ..ode import Invariance, Namespace, OdeModel, Parameter, State
from .evidence import assumed

__all__ = ["MODELS", "one_iv", "one_oral", "turnover", "two_iv", "two_oral"]

FELMLEE = (
    "Felmlee MA, Morris ME, Mager DE. Mechanism-based pharmacodynamic modeling. Methods Mol Biol "
    "2012. PMC3684160"
)
SHARMA = (
    "Sharma A, Jusko WJ. Characteristics of indirect pharmacodynamic models and applications to "
    "clinical drug responses. Br J Clin Pharmacol 1998. doi:10.1046/j.1365-2125.1998.00676.x"
)
WIDE = 1.0  # log-sd of the prior hints
SIZE = "order of size of a small molecule; state a prior for your drug"


def _row(name: str, value: float, unit: str, text: str, **more: Any) -> Parameter:
    hints: dict[str, Any] = {"prior": LogNormal(value, WIDE), "iiv": 0.3}
    return assumed(name, value, unit, text, source=SIZE, **hints | more)


CL = _row("CL", 5.0, "L/h", "clearance")
V = _row("V", 50.0, "L", "volume of distribution")
VC = _row("VC", 50.0, "L", "volume of the central compartment")
Q = _row("Q", 5.0, "L/h", "clearance between the compartments")
VP = _row("VP", 50.0, "L", "volume of the peripheral compartment")
KA = _row("KA", 1.0, "1/h", "absorption", iiv=0.7)

GUT = State("depot", "mg", "drug to be absorbed", scale=10.0)
CENTER = State("center", "mg", "drug in the central compartment", scale=10.0)
PERIPHERAL = State("peripheral", "mg", "drug in the peripheral compartment", scale=10.0)
INTO_GUT, INTO_VEIN = Regimen([Dose(0.0, 100.0, "depot")]), Regimen([Dose(0.0, 100.0, "center")])


def _one(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"center": -p.CL / p.V * y.center}


def _two(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    out, back = p.Q / p.VC * y.center, p.Q / p.VP * y.peripheral
    return {"center": -p.CL / p.VC * y.center - out + back, "peripheral": out - back}


def _absorbed(change: dict[str, Any], y: Namespace, p: Namespace) -> dict[str, Any]:
    """Add a depot in front of the central compartment."""
    absorbed = p.KA * y.depot
    return {"depot": -absorbed, **change, "center": change["center"] + absorbed}


def _one_by_mouth(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return _absorbed(_one(t, y, p), y, p)


def _two_by_mouth(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return _absorbed(_two(t, y, p), y, p)


def _concentration_one(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.center / p.V


def _concentration_two(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.center / p.VC


FLIP = (
    "CL, V and KA from concentrations in the rise and in the decline. KA and CL/V can change "
    "places with V rescaled (flip-flop): state an order or a prior. By mouth only CL/F and V/F."
)
INTO_THE_VEIN = "Give the drug into center, as a bolus or an infusion."
BY_MOUTH = "First-order absorption. Give the drug into depot."


def _scaled(states: tuple[State, ...], parameters: tuple[Parameter, ...]) -> Invariance:
    """All amounts with the dose, the volumes and the clearances: concentrations stay."""
    sizes = {p.name: 1 for p in parameters if p.unit in ("L", "L/h")}
    return Invariance(sizes, {s.name: 1 for s in states}, {states[0].name: 1})


def _linear(
    name: str,
    title: str,
    states: tuple[State, ...],
    parameters: tuple[Parameter, ...],
    rhs: Any,
    identifiable: str,
) -> OdeModel:
    """Linear kinetics, given into the first state."""
    oral, two = GUT in states, PERIPHERAL in states
    return OdeModel(
        name=name,
        title=title,
        description=BY_MOUTH if oral else INTO_THE_VEIN,
        states=states,
        parameters=parameters,
        rhs=rhs,
        outputs={"C": _concentration_two if two else _concentration_one},
        output_units={"C": "mg/L"},
        schedule=INTO_GUT if oral else INTO_VEIN,
        horizon=96.0 if two else 48.0,
        invariances=(_scaled(states, parameters),),
        identifiable=identifiable,
        fits="concentrations after doses "
        + ("by mouth or under the skin" if oral else "into a vein"),
        references=(FELMLEE,),
    )


one_iv = _linear(
    "pk-1-iv",
    "One compartment, by vein",
    (CENTER,),
    (CL, V),
    _one,
    "CL and V from concentrations after a known dose.",
)
one_oral = _linear(
    "pk-1-oral", "One compartment, by mouth", (GUT, CENTER), (KA, CL, V), _one_by_mouth, FLIP
)
two_iv = _linear(
    "pk-2-iv",
    "Two compartments, by vein",
    (CENTER, PERIPHERAL),
    (CL, Q, VC, VP),
    _two,
    "All four from concentrations that show both slopes.",
)
two_oral = _linear(
    "pk-2-oral",
    "Two compartments, by mouth",
    (GUT, CENTER, PERIPHERAL),
    (KA, CL, Q, VC, VP),
    _two_by_mouth,
    FLIP,
)


def _turnover(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Transit absorption, one compartment, and inhibition of the production of a response."""
    released, absorbed = p.KTR * y.depot, p.KA * y.gut
    c = y.center / p.V
    inhibition = p.Imax * c / (p.IC50 + c)
    return {
        "depot": -released,
        "gut": released - absorbed,
        "center": absorbed - p.CL / p.V * y.center,
        "effect": p.kout * (p.E0 * (1 - inhibition) - y.effect),
    }


def _baseline(p: Namespace) -> dict[str, Any]:
    return {"effect": p.E0}


turnover = OdeModel(
    name="pk-turnover",
    title="Transit absorption, and a response that turns over",
    description=(
        "The drug inhibits the production of a response (indirect response of type I), as warfarin "
        "that of the prothrombin complex. Give the drug into depot."
    ),
    states=(
        GUT,
        State("gut", "mg", "drug in transit", scale=10.0),
        CENTER,
        State("effect", "percent", "response", scale=100.0),
    ),
    parameters=(
        _row("KTR", 1.0, "1/h", "transit", iiv=0.7),
        KA,
        _row("CL", 0.15, "L/h", "clearance"),
        _row("V", 8.0, "L", "volume of distribution"),
        _row("Imax", 0.9, "", "largest inhibition", prior=LogitNormal(0.9, 1.5), upper=1.0),
        _row("IC50", 1.0, "mg/L", "concentration at half of it"),
        _row("kout", 0.05, "1/h", "loss of the response"),
        _row("E0", 100.0, "percent", "response without the drug", iiv=0.1,
             prior=LogNormal(100.0, 0.5)),
    ),
    rhs=_turnover,
    initial=_baseline,
    outputs={"C": _concentration_one},
    output_units={"C": "mg/L"},
    schedule=INTO_GUT,
    horizon=144.0,
    invariances=(
        Invariance(
            {"V": 1, "CL": 1}, {"depot": 1, "gut": 1, "center": 1}, {"depot": 1}
        ),
    ),
    identifiable=(
        "CL, V and absorption from concentrations; kout, E0, Imax and IC50 from the response. KTR "
        "and KA can change places."
    ),
    fits="concentrations and a response after doses by mouth",
    references=(SHARMA, FELMLEE),
)  # fmt: skip

MODELS = (one_iv, one_oral, two_iv, two_oral, turnover)
