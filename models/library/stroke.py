"""Ischemic stroke: dying tissue releases signals that kill further tissue (model `stroke`).

Penumbra ``P`` turns into infarct ``Ic``; the dead tissue releases danger signals ``Dm``, these
raise a cytokine ``Cy``, and the cytokine kills penumbra. The equations are those of an epidemic:
penumbra is the susceptible, and what remains in the end obeys a final-size law,

    Pinf = P_0 exp(-Rs (I_0 + P_0 - Pinf) / P_0),    Rs = kdeath beta sig P_0 / (kD kC),

whatever the separate rates. A vanishing core spares the penumbra unless ``Rs > 1``. A treatment of
``efficacy`` e from time zero acts as ``Rs (1 - e)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import lambertw

from ..distributions import LogNormal
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .evidence import calibrated, given

__all__ = ["MODELS", "final_penumbra", "reproduction", "stroke"]

GROWTH = "calibrated to growth of an infarct over days; not a published value"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Death of penumbra, release of danger signals, cytokine."""
    death = p.kdeath * y.Cy * y.P
    return {
        "P": -death,
        "Ic": death,
        "Cy": p.beta * (1 - p.efficacy) * y.Dm - p.kC * y.Cy,
        "Dm": p.sig * death - p.kD * y.Dm,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the core just dead and its danger signals released."""
    return {"P": p.P_0, "Ic": p.I_0, "Dm": p.sig * p.I_0}


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Compute ``Rs``: penumbra killed by the signals of one mL of dead tissue, times P_0 / mL."""
    strength = theta["kdeath"] * theta["beta"] * (1 - theta["efficacy"]) * theta["sig"]
    return strength * theta["P_0"] / (theta["kD"] * theta["kC"])


def final_penumbra(theta: Mapping[str, Any]) -> Any:
    """Solve the final-size law for the penumbra that survives (mL).

    With ``u = Pinf / P_0`` it reads ``-Rs u exp(-Rs u) = -Rs exp(-Rs (1 + I_0 / P_0))``, so ``u``
    is Lambert's function of the right side, on its principal branch, over ``-Rs``.

    Parameters
    ----------
    theta : mapping of name to number or array
        Every parameter of the model, such as ``{**stroke.theta, "kdeath": 1e-3}``.
    """
    Rs = reproduction(theta)
    right = -Rs * np.exp(-Rs * (1 + theta["I_0"] / theta["P_0"]))
    return theta["P_0"] * np.real(lambertw(right)) / -Rs


PARAMETERS = (
    given("P_0", 60.0, "mL", "penumbra at the start, from perfusion imaging"),
    given("I_0", 30.0, "mL", "core at the start, from diffusion imaging"),
    calibrated("kdeath", 5e-4, "mL/pg/h", "penumbra killed per cytokine",
               prior=LogNormal(5e-4, 1.0), source=GROWTH),
    calibrated("beta", 0.5, "pg/mL/h", "cytokine per danger signal", 1.0, source=GROWTH),
    calibrated("sig", 1.0, "1/mL", "danger signal per dead tissue", 1.0, source=GROWTH),
    calibrated("kD", 0.05, "1/h", "clearance of danger signals", 0.5, source=GROWTH),
    calibrated("kC", 0.2, "1/h", "clearance of cytokine", 0.5, source=GROWTH),
    given("efficacy", 0.0, "", "share of cytokine release that a treatment blocks", upper=1.0),
)  # fmt: skip

stroke = OdeModel(
    name="stroke",
    title="Ischemic stroke: infarct growth by danger signals",
    description="Penumbra, infarct, cytokine and danger signals, with a final-size law.",
    states=(
        State("P", "mL", "penumbra", scale=10.0),
        State("Ic", "mL", "infarct", scale=10.0),
        State("Cy", "pg/mL", "cytokine", scale=10.0),
        State("Dm", "", "danger signals such as HMGB1, in arbitrary units", scale=10.0),
    ),
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=240.0,
    invariances=(
        Invariance({"beta": 1, "kdeath": -1}, {"Cy": 1}),
        Invariance({"sig": 1, "beta": -1}, {"Dm": 1}),
    ),
    identifiable=(
        "The final infarct identifies Rs only; serial cytokine adds kD and kC, as a pair that may "
        "change places."
    ),
    thresholds=(Threshold("Rs", reproduction, "even a small core consumes the penumbra"),),
    fits="final infarct against the first imaging, and cytokine at one to three days",
)

MODELS = (stroke,)
