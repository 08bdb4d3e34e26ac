"""Bateman's function: a dose by mouth in one compartment, in closed form."""

from __future__ import annotations

from typing import Any

from cytobayes.models import Namespace, OdeModel, Parameter
from cytobayes.models.distributions import LogNormal
from cytobayes.models.math import exp

__all__ = ["oral"]


def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    """Concentration at time t; the same for ka and CL/V exchanged, but for a factor."""
    k = p.CL / p.V
    return p.dose * p.ka / (p.V * (p.ka - k)) * (exp(-k * t) - exp(-p.ka * t))


def oral(
    observable: str,
    dose: float,
    ka: tuple[float, float],
    CL: tuple[float, float],
    V: tuple[float, float],
) -> OdeModel:
    """Model of which each parameter has a log-normal prior, given as median and log-sd."""
    priors = {"ka": (ka, "1/h"), "CL": (CL, "L/h"), "V": (V, "L")}
    return OdeModel(
        name="oral",
        states=(),
        parameters=(
            *(Parameter(n, p[0], unit, prior=LogNormal(*p)) for n, (p, unit) in priors.items()),
            Parameter("dose", dose, "mg"),
        ),
        outputs={observable: concentration},
        output_units={observable: "mg/L"},
    )
