"""Error models: how a measured value scatters around the model's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytensor.tensor as pt

from ..datasets.errors import InputError
from ..datasets.wording import closest
from ..models.distributions import Distribution, HalfNormal, LogNormal
from .measurement import KINDS, Array, ErrorModel, Rows, Value

__all__ = [
    "KINDS",
    "Additive",
    "Combined",
    "ErrorModel",
    "LogNormalError",
    "Proportional",
    "Rows",
    "error_model",
]

# Of a relative error: 8 % to 120 % with probability 0.95. It excludes zero: an error that may
# vanish lets a curve pass through a handful of points, and the posterior has a funnel there.
RELATIVE = LogNormal(0.3, 0.7)


def scale_of(rows: Rows) -> float:
    """Spread of the measured values, for a prior that knows their unit but not their fit."""
    values = rows.value[rows.kind == 0] if (rows.kind == 0).any() else rows.value
    for scale in (float(np.std(values)), float(np.max(np.abs(values)))):
        if scale > 0:
            return float(f"{scale:.2g}")
    return 1.0


@final
@dataclass(frozen=True)
class Additive(ErrorModel):
    """Constant standard deviation ``<observable>_sigma``, in the unit of the observable."""

    name: ClassVar[str] = "additive"
    text: ClassVar[str] = "value ~ Normal(f, sigma)"

    def parameters(self, observable: str) -> tuple[str, ...]:
        """One standard deviation."""
        return (f"{observable}_sigma",)

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of the observable."""
        return {f"{observable}_sigma": unit}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Half-normal with the spread of the measured values."""
        return {f"{observable}_sigma": HalfNormal(scale_of(rows))}

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma^2 + se^2)``."""
        return (sigma[0] ** 2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class Proportional(ErrorModel):
    """Standard deviation ``<observable>_sigma`` times the model's value; sigma has no unit."""

    name: ClassVar[str] = "proportional"
    text: ClassVar[str] = "value ~ Normal(f, sigma f)"

    def parameters(self, observable: str) -> tuple[str, ...]:
        """One coefficient of variation."""
        return (f"{observable}_sigma",)

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give none: a pure number."""
        return {f"{observable}_sigma": ""}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Log-normal around 0.3, see `RELATIVE`."""
        return {f"{observable}_sigma": RELATIVE}

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt((sigma f)^2 + se^2)``, never below the floor."""
        return (sigma[0] ** 2 * f**2 + se**2 + floor**2) ** 0.5


@final
@dataclass(frozen=True)
class Combined(ErrorModel):
    """Additive and proportional parts: ``<observable>_sigma_add``, ``<observable>_sigma_prop``."""

    name: ClassVar[str] = "combined"
    text: ClassVar[str] = "value ~ Normal(f, sqrt(sigma_add^2 + (sigma_prop f)^2))"

    def parameters(self, observable: str) -> tuple[str, ...]:
        """Additive standard deviation, then coefficient of variation."""
        return f"{observable}_sigma_add", f"{observable}_sigma_prop"

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of the observable, and none."""
        return {f"{observable}_sigma_add": unit, f"{observable}_sigma_prop": ""}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Half-normals: the spread of the measured values, and 1 (100 %)."""
        add, prop = self.parameters(observable)
        return {add: HalfNormal(scale_of(rows)), prop: HalfNormal(1.0)}

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma_add^2 + (sigma_prop f)^2 + se^2)``."""
        return (sigma[0] ** 2 + sigma[1] ** 2 * f**2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class LogNormalError(ErrorModel):
    """Constant standard deviation ``<observable>_sigma`` of the natural logarithm.

    Notes
    -----
    The model's value is the median. Where it comes near zero or, by the integrator's error, below,
    its logarithm is continued smoothly: ``log(floor) + asinh(f / (2 floor))``, which is ``log(f)``
    to ``(floor / f)^2`` and has a slope everywhere. `Rows.floor` is 1e-8 of the smallest positive
    value or limit in the data.
    """

    name: ClassVar[str] = "lognormal"
    text: ClassVar[str] = "log(value) ~ Normal(log(f), sigma)"

    def parameters(self, observable: str) -> tuple[str, ...]:
        """One standard deviation of the logarithm."""
        return (f"{observable}_sigma",)

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give none: a pure number."""
        return {f"{observable}_sigma": ""}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Log-normal around 0.3, see `RELATIVE`."""
        return {f"{observable}_sigma": RELATIVE}

    def check(self, observable: str, rows: Rows) -> None:
        """Values, left limits and upper ends must be positive."""
        decisive = np.where(rows.kind == KINDS.index("interval"), rows.upper, rows.value)
        bad = np.flatnonzero(~(decisive > 0))
        if bad.size:
            raise InputError(
                f"{observable}: {bad.size} of {rows.value.size} rows are zero or negative "
                f"(first: {decisive[bad[0]]:g}), which a log-normal error cannot produce. If they "
                "mean 'below the limit of quantification', mark them as left-censored at that "
                "limit; else choose the additive or combined error."
            )

    def location(self, f: Value, floor: float) -> Value:
        """Logarithm, continued smoothly below the floor."""
        if isinstance(f, np.ndarray | float):
            return np.log(floor) + np.arcsinh(f / (2 * floor)) if floor else np.log(f)
        return np.log(floor) + pt.arcsinh(f / (2 * floor))

    def working(self, x: Value) -> Value:
        """Logarithm; a lower end at or below zero is minus infinity, here a very small number."""
        if isinstance(x, np.ndarray | float):
            return np.log(np.maximum(x, 1e-300))
        return pt.log(x)

    def working_se(self, rows: Rows) -> Array:
        """Compute standard errors of logarithms by the delta method, SE / mean; float64[n]."""
        return np.where(rows.se > 0, rows.se / rows.value, 0.0)

    def natural(self, z: Array) -> Array:
        """Exponential."""
        return np.exp(z)

    def jacobian(self, value: Value) -> Value:
        """``-log(value)``."""
        return -pt.log(value)

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma^2 + se^2)`` on the log scale."""
        return (sigma[0] ** 2 + se**2) ** 0.5


ERRORS: dict[str, ErrorModel] = {
    e.name: e for e in (LogNormalError(), Additive(), Proportional(), Combined())
}


def error_model(given: str | ErrorModel) -> ErrorModel:
    """Error model by name.

    Parameters
    ----------
    given : str or ErrorModel
        ``"lognormal"``, ``"additive"``, ``"proportional"``, ``"combined"``, or one already.

    Returns
    -------
    ErrorModel

    Raises
    ------
    InputError
        If the name is unknown.
    """
    if isinstance(given, ErrorModel):
        return given
    if given in ERRORS:
        return ERRORS[given]
    guess = closest(str(given), ERRORS)
    hint = f" Did you mean {guess!r}?" if guess else ""
    raise InputError(f"no error model is called {given!r}.{hint} There are {', '.join(ERRORS)}.")
