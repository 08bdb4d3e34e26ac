"""T-cell activation and cytokine in mutual feedback, with a tipping point (model `feedback`).

``A`` is the activated fraction of the responding T cells, ``C`` the cytokine that they release and
that activates further cells. The strength of the loop is the basic reproduction number of
activation, ``R0 = kfb kc / (kd kcl)``: below 1 activation dies out once the antigen is gone, above
1 it persists at ``A = 1 - 1/R0``. ``R0`` is the parameter, ``kfb = R0 kd kcl / kc`` follows.

The model saturates (``A <= 1``), has one positive steady state and therefore no hysteresis, and
above 1 it cannot switch itself off. Its values are calibrated, not published. From one cytokine
series with a known stimulus only ``kcl``, the product ``ka kc`` and ``R0`` are identifiable, so
``kd`` has no prior hint. A pulse of antigen is a `Switch` of ``u`` to 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..distributions import LogNormal
from ..ode import Invariance, Namespace, OdeModel, Parameter, State, Threshold

__all__ = ["MODELS", "eigenvalues", "feedback", "steady_state"]

CATALOG = "calibrated to the qualitative behavior of the loop; not a published value"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Activation by antigen and by cytokine, release and clearance of the cytokine."""
    kfb = p.R0 * p.kd * p.kcl / p.kc
    return {
        "A": p.ka * p.u * (1 - y.A) + kfb * y.C * (1 - y.A) - p.kd * y.A,
        "C": p.kc * y.A - p.kcl * (y.C - p.C_0),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the given activated fraction and the cytokine at its baseline."""
    return {"A": p.A_0, "C": p.C_0}


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Look up the basic reproduction number of activation."""
    return theta["R0"]


def steady_state(theta: Mapping[str, float]) -> dict[str, float]:
    """Solve for the steady state under a constant stimulus ``u``.

    With ``g = R0 kd`` and ``a = ka u + kfb C_0`` it is the only non-negative root of
    ``g A^2 + (kd + a - g) A - a = 0`` that attracts; without stimulus, ``max(0, 1 - 1/R0)``.

    Parameters
    ----------
    theta : mapping of name to float
        Every parameter of the model, such as ``{**feedback.theta, "R0": 3.0}``.
    """
    g = theta["R0"] * theta["kd"]
    a = theta["ka"] * theta["u"] + g * theta["kcl"] * theta["C_0"] / theta["kc"]
    b = g - theta["kd"] - a
    root = math.sqrt(b * b + 4 * g * a)
    if b > 0:
        activated = (b + root) / (2 * g)
    elif a > 0:
        activated = 2 * a / (root - b)  # the same, without the cancellation of b and the root
    else:
        activated = 0.0
    return {"A": activated, "C": theta["C_0"] + theta["kc"] * activated / theta["kcl"]}


def eigenvalues(theta: Mapping[str, float]) -> tuple[float, float]:
    """Growth rates (1/h) near rest, without stimulus and baseline: the larger one first.

    The larger has the sign of ``R0 - 1``; near the threshold it is about
    ``(R0 - 1) kd kcl / (kd + kcl)``.
    """
    kd, kcl = theta["kd"], theta["kcl"]
    root = math.sqrt((kd - kcl) ** 2 + 4 * theta["R0"] * kd * kcl)
    return (root - kd - kcl) / 2, (-root - kd - kcl) / 2


feedback = OdeModel(
    name="feedback",
    title="T-cell activation and cytokine feedback",
    description="Activated T cells and their cytokine, with a tipping point at R0 = 1.",
    states=(
        State("A", "", "activated fraction of the responding T cells", scale=0.1),
        State("C", "pg/mL", "cytokine", scale=10.0),
    ),
    parameters=(
        Parameter(
            "ka", 0.05, "1/h", source=CATALOG, status="calibrated", prior=LogNormal(0.05, 0.7),
            description="activation by antigen",
        ),
        Parameter(
            "kd", 0.10, "1/h", source=CATALOG, status="calibrated",
            description="deactivation of T cells",
        ),
        Parameter(
            "kc", 300.0, "pg/mL/h", source=CATALOG, status="calibrated",
            prior=LogNormal(300.0, 1.0), description="release of cytokine if all cells are active",
        ),
        Parameter(
            "kcl", 0.35, "1/h", source=CATALOG + ", inside the published range 0.014-2.1 1/h",
            status="calibrated", prior=LogNormal(0.35, 0.5), description="clearance of cytokine",
        ),
        Parameter(
            "R0", 0.6, "", source=CATALOG + "; the prior puts 0.20 above the threshold 1",
            status="calibrated", prior=LogNormal(0.6, 0.6),
            description="reproduction number of activation",
        ),
        Parameter(
            "u", 1.0, "", source="definition: 1 is the reference stimulus", status="assumed",
            description="antigen stimulus",
        ),
        Parameter(
            "A_0", 0.0, "", upper=1.0, source="definition: at rest", status="assumed",
            description="activated fraction at time zero",
        ),
        Parameter(
            "C_0", 0.0, "pg/mL", source="definition: no baseline measured", status="assumed",
            description="cytokine without activation",
        ),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="h",
    horizon=96.0,
    invariances=(Invariance({"kc": 1, "C_0": 1}, {"C": 1}),),
    identifiable=(
        "From one cytokine series with a known stimulus: kcl, the product ka kc, and R0 if the "
        "series passes from growth to decay. Not kd beside ka."
    ),
    thresholds=(
        Threshold("R0", reproduction, "activation persists without antigen"),
    ),
    fits="one cytokine under a known stimulus",
    references=(
        "Diekmann O, Heesterbeek JAP, Metz JAJ. On the definition and the computation of the basic "
        "reproduction ratio R0. J Math Biol 1990. doi:10.1007/BF00178324",
    ),
)  # fmt: skip

MODELS = (feedback,)
