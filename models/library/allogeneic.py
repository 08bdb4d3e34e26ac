"""Feedback primed by recognition of a foreign host (model `allogeneic`).

The loop of `feedback` with the reproduction number ``R0 (1 + al m)``: ``m`` is the mismatch of
donor and host (0 to 1), ``al`` how strongly residual recognition amplifies. ``al = 0`` is exactly
the autologous model; a calm patient passes the threshold if ``al m > 1/R0 - 1``.

That products of donors are more toxic is a hypothesis, and donor-derived CD19 CAR-T cells after
transplantation showed no increased toxicity; so the prior of ``al`` peaks at 0, and its typical
value is the median of that prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..distributions import HalfNormal
from ..ode import Namespace, Threshold
from .evidence import assumed, given
from .feedback import feedback, loop

__all__ = ["MODELS", "feedback_allogeneic"]

BRIEF = (
    "hypothesis; centered on 0 because donor-derived CD19 CAR-T cells showed no increased toxicity "
    "(Blood 2023;142:146, abstract)"
)


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Loop of `feedback` with a primed reproduction number."""
    return loop(y, p, p.R0 * (1 + p.al * p.m))


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Compute the primed reproduction number."""
    return theta["R0"] * (1 + theta["al"] * theta["m"])


feedback_allogeneic = replace(
    feedback,
    name="allogeneic",
    title="T-cell activation and cytokine feedback of allogeneic cells",
    description="The feedback model with a reproduction number raised by mismatch with the host.",
    parameters=(
        *feedback.parameters,
        assumed("al", 0.34, "", "amplification at full mismatch", prior=HalfNormal(0.5),
                source=BRIEF),
        given("m", 0.5, "", "mismatch of donor and host", upper=1.0),
    ),
    rhs=rhs,
    identifiable="Only R0 (1 + al m); al m needs groups of products, with R0 fixed from one.",
    thresholds=(Threshold("R0", reproduction, "activation persists without antigen"),),
    fits="one cytokine in groups of autologous and allogeneic products",
)  # fmt: skip

MODELS = (feedback_allogeneic,)
