"""What a mouse can show of cytokine release (models `feedback-species`, `species`).

Human cytokines bind the receptors of a mouse less (``ratio`` of the dissociation constants, mouse
to human), few human macrophages live in it (``phiM``: 0 in NSG, 0.2 to 1 in humanized strains), and
the tissue is foreign to human T cells or not (``mhc``). The gain of the loop in the mouse is
``R0 phiM mhc / ratio``: a storm in man is none in the mouse unless the ratio is below ``R0``.

`species` divides the effect of each cytokine by its own ratio; cells and target do not notice,
so that tumor control is preserved and toxicity is not seen. In the humanized mouse of Norelli 2018
human monocytes are the source of IL-6 and IL-1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..distributions import LogNormal
from ..ode import Invariance, Namespace, Threshold
from .citations import NORELLI
from .crs_full import BURDEN, crs
from .crs_full import rhs as crs_rhs
from .evidence import assumed, given
from .feedback import feedback, loop
from .interventions import with_corticosteroid, with_dimerizer, with_tocilizumab

__all__ = ["MODELS", "crs_species", "feedback_species"]

LN10 = math.log(10)
STRAINS = "design: 0 in NSG mice, 0.2 to 1 in humanized strains"
STORM = "calibrated to a storm in man; not a published value"
RATIOS = {"IFNg": ("KG",), "TNF": ("KF",), "IL6": ("K6M", "K6", "K6F", "K6L")}


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Loop of `feedback` with the gain that is left in the mouse."""
    return loop(y, p, p.R0 * p.phiM * p.mhc / p.ratio)


def reproduction(theta: Mapping[str, Any]) -> Any:
    """Compute the reproduction number in the mouse."""
    return theta["R0"] * theta["phiM"] * theta["mhc"] / theta["ratio"]


feedback_species = replace(
    feedback,
    name="feedback-species",
    title="T-cell activation and cytokine feedback in a mouse",
    description="The feedback model with the gain that a mouse leaves of the human one.",
    parameters=(
        *(
            replace(p, value=3.0, prior=LogNormal(3.0, 0.6), source=STORM) if p.name == "R0" else p
            for p in feedback.parameters
        ),
        assumed("ratio", 1000.0, "", "dissociation constant of the cytokine, mouse to human",
                0.7 * LN10, fixed=True,
                source="human IFN-g acts on human and primate cells only (vendor pages); size "
                "assumed"),
        given("phiM", 1.0, "", "human macrophages, relative to man", upper=1.0),
        given("mhc", 1.0, "", "recognition of tissue, relative to man", upper=1.0),
    ),
    rhs=rhs,
    identifiable=(
        "Only R0 phiM mhc / ratio: a mouse can bound the human R0, it cannot determine it."
    ),
    thresholds=(Threshold("R0_mouse", reproduction, "activation persists without antigen"),),
    fits="one cytokine of a mouse under a known stimulus",
)  # fmt: skip


def mouse_rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Equations of `crs-full` with half-effect levels raised by the ratios."""
    factor = {k: p[f"ratio_{cytokine}"] for cytokine, ks in RATIOS.items() for k in ks}
    names = tuple(q.name for q in crs.parameters)
    raised = [p[n] * factor[n] if n in factor else p[n] for n in names]
    return crs_rhs(t, y, Namespace(names, raised))


def _ratio(cytokine: str, value: float, log10_sd: float) -> Any:
    return assumed(
        f"ratio_{cytokine}", value, "", f"dissociation constant of {cytokine}, mouse to human",
        prior=LogNormal(value, log10_sd * LN10),
    )  # fmt: skip


mouse = replace(
    crs,
    name="mouse",
    title="Cytokine release after CAR-T cells in a mouse",
    description=(
        "The full cascade with the receptors of a mouse and a share of human macrophages; "
        "interventions as in crs-full."
    ),
    parameters=(
        *(
            replace(p, value=0.5, upper=1.0, source=STRAINS) if p.name == "phiM" else p
            for p in crs.parameters
        ),
        _ratio("IFNg", 1000.0, 0.7),
        _ratio("TNF", 10**0.5, 0.5),
        _ratio("IL6", 10**0.5, 0.5),
    ),
    rhs=mouse_rhs,
    references=(*crs.references, NORELLI),
    identifiable="No ratio apart from the half-effect level that it multiplies.",
    invariances=(*crs.invariances, Invariance({"KG": 1, "ratio_IFNg": -1})),
)

crs_species = replace(
    with_dimerizer(with_corticosteroid(with_tocilizumab(mouse)), name="species"),
    title=mouse.title,
    thresholds=(BURDEN,),
)

MODELS = (crs_species, feedback_species)
