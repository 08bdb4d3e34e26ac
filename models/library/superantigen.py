"""Toxic shock: a superantigen, the cytokine it releases, and consumption coagulopathy.

The model is `superantigen`. ``A`` is the activated fraction of *all* T cells. A conventional
antigen finds about one in ten thousand able to respond, a superantigen up to a quarter: this
fraction is ``phi``, a matter of design. While ``A`` is small and the loop is weak (``R0 < 1``) the
system is linear in ``phi``, so that a toxin that reaches two thousand times more cells releases two
thousand times more cytokine. Above ``R0 = 1`` activation does not end, from any positive ``phi``;
then ``phi`` only sets the delay.

``C`` lumps TNF, IL-2 and IFN-g. Measured TNF is earlier (1 to 2 h after the toxin in mice) than the
lump. It drives tissue factor ``TF``, which consumes platelets and fibrinogen. The toxin decays; a
focus of infection makes it at rate ``sS`` until source control (a `Switch` of ``sS`` to 0).
"""

from __future__ import annotations

from typing import Any

from ..distributions import LogitNormal
from ..math import hill, softplus
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .evidence import assumed, calibrated, given
from .feedback import reproduction

__all__ = ["MODELS", "superantigen"]

SAG = (
    "BMC Immunol 2014;15:1 (superantigens reach up to 25 % of T cells, conventional antigens less "
    "than 0.01 %). doi:10.1186/1471-2172-15-1"
)
SHOCK = "calibrated to the course of toxic shock over hours; not a published value"
LOSS = (
    "calibrated to the fall of platelets and fibrinogen in consumption coagulopathy; "
    "not a published value"
)
EDGE = 0.01  # width of the smooth max(phi - A, 0), relative to phi


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Activation by toxin and cytokine; tissue factor, platelets and fibrinogen follow."""
    kfb = p.R0 * p.kd * p.kcl / p.kc
    able = softplus(p.phi - y.A, EDGE * p.phi)
    return {
        "A": p.ka * hill(y.S, 1) * able + kfb * y.C * (1 - y.A) - p.kd * y.A,
        "C": p.kc * y.A - p.kcl * y.C,
        "S": p.sS - p.ks * y.S,
        "TF": p.kTF * hill(y.C, p.KTF, 2) - p.dTF * y.TF,
        "Plt": p.kP * (p.Plt_0 - y.Plt) - p.kcons * y.TF * y.Plt,
        "Fbg": p.kf * (p.Fbg_0 - y.Fbg) - p.kcf * y.TF * y.Fbg,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start at rest, with the toxin just released."""
    return {"S": p.S_0, "Plt": p.Plt_0, "Fbg": p.Fbg_0}


PARAMETERS = (
    calibrated("ka", 0.3, "1/h", "activation by the toxin", 0.5, source=SHOCK),
    calibrated("kd", 0.10, "1/h", "deactivation of T cells", 0.5, source=SHOCK),
    calibrated("kc", 3000.0, "pg/mL/h", "cytokine released if all T cells are active", 1.0,
               source=SHOCK),
    calibrated("kcl", 0.35, "1/h", "clearance of cytokine", 0.5, source=SHOCK),
    calibrated("R0", 0.6, "", "reproduction number of activation", 0.5, source=SHOCK),
    calibrated("ks", 0.2, "1/h", "loss of toxin", 0.5, source=SHOCK),
    calibrated("S_0", 10.0, "", "toxin at time zero, in units of its EC50", 1.0, source=SHOCK),
    given("sS", 0.0, "1/h", "toxin made by a focus of infection"),
    calibrated("phi", 0.2, "", "fraction of T cells able to respond (conventional: 1e-4)",
               source=f"by design, below the largest published fraction: {SAG}",
               prior=LogitNormal(0.1, 0.7), upper=1.0, fixed=True),
    calibrated("kTF", 0.3, "1/h", "largest production of tissue factor", 0.7, source=LOSS),
    calibrated("KTF", 300.0, "pg/mL", "cytokine at half production of tissue factor", 0.7,
               source=LOSS),
    calibrated("dTF", 0.1, "1/h", "loss of tissue factor", 0.7, source=LOSS),
    calibrated("Plt_0", 250.0, "1e9/L", "platelets at rest", 0.7, source=LOSS),
    assumed("kP", 0.005, "1/h", "turnover of platelets (8 to 10 d)", 0.7),
    calibrated("kcons", 0.02, "1/h", "consumption of platelets per tissue factor", 0.7,
               source=LOSS),
    calibrated("Fbg_0", 3.0, "g/L", "fibrinogen at rest", 0.7, source=LOSS),
    assumed("kf", 0.007, "1/h", "turnover of fibrinogen (about 4 d)", 0.7),
    calibrated("kcf", 0.02, "1/h", "consumption of fibrinogen per tissue factor", 0.7, source=LOSS),
)  # fmt: skip

superantigen = OdeModel(
    name="superantigen",
    title="Toxic shock by a superantigen",
    description="T cells activated by a superantigen, their cytokine, and the coagulopathy.",
    states=(
        State("A", "", "activated fraction of all T cells", scale=0.01),
        State("C", "pg/mL", "cytokine (TNF, IL-2 and IFN-g together)", scale=100.0),
        State("S", "", "toxin, in units of its EC50", scale=1.0),
        State("TF", "", "tissue factor, in arbitrary units", scale=0.1),
        State("Plt", "1e9/L", "platelets", scale=100.0),
        State("Fbg", "g/L", "fibrinogen", scale=1.0),
    ),
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=168.0,
    references=(SAG,),
    invariances=(
        Invariance({"kc": 1, "KTF": 1}, {"C": 1}),
        Invariance({"kTF": 1, "kcons": -1, "kcf": -1}, {"TF": 1}),
    ),
    identifiable=(
        "From a cytokine series: the product kc phi, kcl, and R0 if decay is seen; with platelets "
        "and fibrinogen kcons kTF and kcf kTF. phi is fixed by design."
    ),
    thresholds=(Threshold("R0", reproduction, "activation persists after the toxin is gone"),),
    fits="cytokine, platelet and fibrinogen series after a toxin; no public set is known",
)

MODELS = (superantigen,)
