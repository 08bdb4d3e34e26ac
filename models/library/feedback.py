"""T-cell activation and cytokine in mutual feedback, with a tipping point (models `feedback*`).

``A`` is the activated fraction of the responding T cells, ``C`` the cytokine that they release and
that activates further cells. The strength of the loop is the basic reproduction number of
activation, ``R0 = kfb kc / (kd kcl)``: below 1 activation dies out once the antigen is gone, above
1 it persists at ``A = 1 - 1/R0``. ``R0`` is the parameter, ``kfb = R0 kd kcl / kc`` follows.

`feedback`
    Saturates (``A <= 1``), has one positive steady state and therefore no hysteresis, and above 1
    cannot switch itself off.
`feedback-bistable`
    The cytokine acts only above a level near ``K``: rest and an active state are both stable, with
    a threshold between them, if ``kc / (kcl K) > 2 sqrt(kd (vfb + kd)) / vfb``.
`feedback-regulated`
    A regulator ``X`` (IL-10, regulatory cells, exhaustion) that activated cells make and that
    speeds up deactivation. It lowers the persistent level and does not abolish it.

Values are calibrated, not published. From one cytokine series with a known stimulus only ``kcl``,
the product ``ka kc`` and ``R0`` are identifiable, so ``kd`` has no prior hint. A pulse of antigen
is a `Switch` of ``u`` to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, Parameter, State, Threshold
from .evidence import calibrated, given

__all__ = ["MODELS", "feedback", "feedback_bistable", "feedback_regulated", "loop"]

LOOP = "calibrated to the qualitative behavior of the loop; not a published value"
R0_PAPER = (
    "Diekmann O, Heesterbeek JAP, Metz JAJ. On the definition and the computation of the basic "
    "reproduction ratio R0. J Math Biol 1990. doi:10.1007/BF00178324"
)


def loop(y: Namespace, p: Namespace, R0: Any) -> dict[str, Any]:
    """Activation at the reproduction number ``R0``, release and clearance of the cytokine."""
    kfb = R0 * p.kd * p.kcl / p.kc
    return {
        "A": p.ka * p.u * (1 - y.A) + kfb * y.C * (1 - y.A) - p.kd * y.A,
        "C": p.kc * y.A - p.kcl * (y.C - p.C_0),
    }


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Activation by antigen and by cytokine, release and clearance of the cytokine."""
    return loop(y, p, p.R0)


def switched(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """As `rhs`, with a sigmoidal effect of the cytokine."""
    driven = p.ka * p.u + p.vfb * hill(y.C, p.K, 2)
    return {"A": driven * (1 - y.A) - p.kd * y.A, "C": p.kc * y.A - p.kcl * y.C}


def regulated(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """As `rhs`, with a regulator made by activated cells."""
    first = loop(y, p, p.R0)
    return {**first, "A": first["A"] - p.kreg * y.X * y.A, "X": p.kx * y.A - p.dx * y.X}


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the given activated fraction and the cytokine at its baseline."""
    return {"A": p.A_0, "C": p.C_0}


def switched_initial(p: Namespace) -> dict[str, Any]:
    """Start with the given activated fraction and no cytokine."""
    return {"A": p.A_0}


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Look up the basic reproduction number of activation."""
    return theta["R0"]


def relative_gain(theta: Mapping[str, Any]) -> Any:
    """Compute ``kc / (kcl K)`` relative to the value at which an active state appears."""
    kd, vfb = theta["kd"], theta["vfb"]
    needed = 2 * np.sqrt(kd * (vfb + kd)) / np.asarray(vfb)
    return theta["kc"] / (theta["kcl"] * np.asarray(theta["K"])) / needed


def _constant(name: str, value: float, unit: str, text: str, sd: float | None = None) -> Parameter:
    return calibrated(name, value, unit, text, sd, source=LOOP)


STATES = (
    State("A", "", "activated fraction of the responding T cells", scale=0.1),
    State("C", "pg/mL", "cytokine", scale=10.0),
)
RATES = (
    _constant("ka", 0.05, "1/h", "activation by antigen", 0.7),
    _constant("kd", 0.10, "1/h", "deactivation of T cells"),
    _constant("kc", 300.0, "pg/mL/h", "release of cytokine if all cells are active", 1.0),
    calibrated("kcl", 0.35, "1/h", "clearance of cytokine", 0.5,
               source=LOOP + ", inside the published range 0.014-2.1 1/h"),
)  # fmt: skip
START = (
    given("u", 1.0, "", "antigen stimulus; 1 is the reference"),
    given("A_0", 0.0, "", "activated fraction at time zero", upper=1.0),
)
BASELINE = given("C_0", 0.0, "pg/mL", "cytokine without activation")
R0 = calibrated("R0", 0.6, "", "reproduction number of activation", 0.6,
                source=LOOP + "; the prior puts 0.20 above the threshold 1")  # fmt: skip

PERSISTS = Threshold("R0", reproduction, "activation persists without antigen")

feedback = OdeModel(
    name="feedback",
    title="T-cell activation and cytokine feedback",
    description="Activated T cells and their cytokine, with a tipping point at R0 = 1.",
    states=STATES,
    parameters=(*RATES, R0, *START, BASELINE),
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=96.0,
    invariances=(Invariance({"kc": 1, "C_0": 1}, {"C": 1}),),
    identifiable=(
        "From one cytokine series with a known stimulus: kcl, the product ka kc, and R0 if the "
        "series passes from growth to decay. Not kd beside ka."
    ),
    thresholds=(PERSISTS,),
    fits="one cytokine under a known stimulus",
    references=(R0_PAPER,),
)

feedback_bistable = OdeModel(
    name="feedback-bistable",
    title="T-cell activation and cytokine feedback, bistable",
    description=(
        "Activated T cells and a cytokine that acts above a level only: calm and storm are both "
        "stable, with a threshold between them."
    ),
    states=STATES,
    parameters=(
        *RATES,
        *START,
        _constant("vfb", 1.0, "1/h", "largest activation by the cytokine", 0.7),
        _constant("K", 800.0, "pg/mL", "cytokine at half of it", 0.7),
    ),
    rhs=switched,
    initial=switched_initial,
    time_unit="h",
    horizon=96.0,
    invariances=(Invariance({"kc": 1, "K": 1}, {"C": 1}),),
    identifiable=(
        "kcl, ka kc, and K relative to kc if a series passes the threshold; a series that stays "
        "below it says nothing about vfb."
    ),
    thresholds=(Threshold("gain", relative_gain, "an active state exists beside rest"),),
    fits="one cytokine under a known stimulus",
)

feedback_regulated = OdeModel(
    name="feedback-regulated",
    title="T-cell activation and cytokine feedback, regulated",
    description="Activated T cells, their cytokine, and a regulator that ends part of the storm.",
    states=(*STATES, State("X", "", "regulator, relative to active cells", scale=0.1)),
    parameters=(
        *RATES,
        R0,
        *START,
        BASELINE,
        _constant("kreg", 1.0, "1/h", "deactivation by the regulator", 0.7),
        _constant("kx", 0.05, "1/h", "regulator made by active cells", 0.7),
        _constant("dx", 0.02, "1/h", "loss of the regulator", 0.7),
    ),
    rhs=regulated,
    initial=initial,
    time_unit="h",
    horizon=200.0,
    invariances=(
        Invariance({"kc": 1, "C_0": 1}, {"C": 1}),
        Invariance({"kx": 1, "kreg": -1}, {"X": 1}),
    ),
    identifiable=(
        "As feedback; kreg kx and dx from the fall after the peak, if the stimulus is known. Never "
        "kreg and kx apart without a measured regulator."
    ),
    thresholds=(PERSISTS,),
    fits="one cytokine that rises and falls under a known stimulus",
    references=(R0_PAPER,),
)

MODELS = (feedback, feedback_bistable, feedback_regulated)
