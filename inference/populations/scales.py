"""`Scale`: where a parameter varies freely: its logarithm, its logit, or itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...models.ode import Parameter
    from ..problem import Problem

__all__ = ["Scale", "scale_of", "spread_unit", "unit_of"]


@dataclass(frozen=True)
class Scale:
    """Scale on which a parameter varies between subjects.

    Parameters
    ----------
    name : {"log", "logit", "natural"}
    lower, upper : float
        Bounds, for the logit.
    """

    name: str
    lower: float = 0.0
    upper: float = math.inf

    def forward(self, x: Any, log: Any) -> Any:
        """From the parameter to the scale; ``log`` of NumPy or PyTensor."""
        if self.name == "log":
            return log(x)
        return log((x - self.lower) / (self.upper - x)) if self.name == "logit" else x

    def back(self, g: Any, exp: Any) -> Any:
        """From the scale to the parameter."""
        if self.name == "log":
            return exp(g)
        if self.name == "logit":
            return self.lower + (self.upper - self.lower) / (1 + exp(-g))
        return g


def scale_of(lower: float, upper: float) -> Scale:
    """Scale that keeps a parameter inside its bounds."""
    if math.isfinite(lower) and math.isfinite(upper):
        return Scale("logit", lower, upper)
    return Scale("log") if lower == 0 else Scale("natural")


def spread_unit(problem: Problem, name: str) -> float:
    """Size of a spread of 100 %: 1 on relative scales, that of the value on the natural one."""
    return unit_of(problem.model.parameter(name))


def unit_of(parameter: Parameter) -> float:
    """Size of a spread of 100 % of a parameter of a model, see `spread_unit`."""
    if scale_of(parameter.lower, parameter.upper).name != "natural":
        return 1.0
    return max(abs(parameter.value), 1e-3)
