"""Error models: how a measured value scatters around the model, censored or averaged.

All four are normal on a working scale (of the value, or of its logarithm), which makes the rest
common to them: a value beyond a limit of quantification contributes the probability of lying
there (M3), and the standard error of a published mean adds to the variance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ..datasets.errors import InputError
from ..datasets.wording import closest
from ..models.distributions import Distribution, HalfNormal, LogNormal
from .normal import log_interval, log_ndtr, log_pdf

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

Array = npt.NDArray[Any]
Value = Any  # float, NumPy array or TensorVariable: the formulas use operators only
KINDS = ("none", "left", "right", "interval")  # censoring, by code
FLOOR = 1e-8  # of the smallest positive value or limit: where "zero" begins


@dataclass(frozen=True, eq=False)
class Rows:
    """The measurements of one observable.

    Parameters
    ----------
    value, lower, upper, se : float64[n]
        In the unit of the model. ``value`` is the limit itself in a left- or right-censored row;
        ``lower`` and ``upper`` bound an interval-censored one; ``se`` is the standard error of
        a published mean, 0 for a single measurement.
    kind : int64[n]
        Censoring, as position in `KINDS`.
    """

    value: Array
    kind: Array
    lower: Array
    upper: Array
    se: Array

    @property
    def floor(self) -> float:
        """What counts as zero under a relative error, in the unit of the model."""
        limits = np.concatenate([self.value, self.lower, self.upper])
        seen = limits[np.isfinite(limits) & (limits > 0)]
        return FLOOR * float(seen.min()) if seen.size else FLOOR


@dataclass(frozen=True)
class ErrorModel(ABC):
    """Scatter of measurements around the model (abstract)."""

    name: ClassVar[str]
    text: ClassVar[str]

    @abstractmethod
    def parameters(self, observable: str) -> tuple[str, ...]:
        """Names of the standard deviations that belong to an observable."""

    @abstractmethod
    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of each standard deviation, for an observable of this unit."""

    @abstractmethod
    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Default prior of each standard deviation."""

    @abstractmethod
    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """Compute the standard deviation on the working scale; ``se`` is on that scale too."""

    def check(self, observable: str, rows: Rows) -> None:  # noqa: B027
        """Refuse rows that have no density under this error model; here every row has one."""

    def location(self, f: Value, floor: float) -> Value:
        """Bring the model's value to the working scale."""
        return f

    def working(self, x: Value) -> Value:
        """Bring a measured value or a limit to the working scale."""
        return x

    def working_se(self, rows: Rows) -> Array:
        """Bring standard errors of means to the working scale; float64[n]."""
        return rows.se

    def natural(self, z: Array) -> Array:
        """Bring a value back from the working scale."""
        return z

    def jacobian(self, value: Value) -> Value:
        """Log derivative of the working scale by the value."""
        return pt.zeros_like(value)

    @final
    def log_density(
        self, value: Value, f: Value, sigma: tuple[Value, ...], rows: Rows, se: Value = None
    ) -> Value:
        """Log density or log probability of each row.

        Parameters
        ----------
        value : TensorVariable [n]
            Measured values, in the unit of the model.
        f : TensorVariable [n]
            The model's values at these rows, same unit.
        sigma : tuple of scalars
            In the order of `parameters`.
        rows : Rows
            Censoring and limits; fixed when the graph is built.
        se : TensorVariable [n], optional
            Standard errors on the working scale; default: those of ``rows``.

        Returns
        -------
        TensorVariable [n]
        """
        floor = rows.floor
        location = self.location(f, floor)
        spread = self.spread(f, sigma, self.working_se(rows) if se is None else se, floor)
        spread = spread + pt.zeros_like(location)
        z = (self.working(value) - location) / spread
        parts, order = [], []
        for code, name in enumerate(KINDS):
            at = np.flatnonzero(rows.kind == code)
            if not at.size:
                continue
            if name == "none":
                part = log_pdf(z[at]) - pt.log(spread[at]) + self.jacobian(value[at])
            elif name == "interval":
                low, high = self.working(rows.lower[at]), self.working(rows.upper[at])
                ends = ((x - location[at]) / spread[at] for x in (low, high))
                part = log_interval(*ends)
            else:
                part = log_ndtr(z[at] if name == "left" else -z[at])
            parts.append(part)
            order.append(at)
        return pt.concatenate(parts)[np.argsort(np.concatenate(order))]

    @final
    def random(
        self,
        rng: np.random.Generator,
        f: Array,
        sigma: tuple[Value, ...],
        se: Value = 0.0,
        floor: float = 0.0,
    ) -> Array:
        """Draw measurements, uncensored.

        Parameters
        ----------
        rng : Generator
        f : float64[...]
            The model's values.
        sigma : tuple of float or float64[...]
            In the order of `parameters`; must broadcast with ``f``.
        se : float or float64[...]
            Standard error of a mean on the working scale; 0: a single measurement.
        floor : float
            As `Rows.floor`.

        Returns
        -------
        float64[...]
            In the unit of ``f``; NaN where ``f`` is.
        """
        spread = self.spread(f, sigma, se, floor)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = self.location(f, floor) + spread * rng.standard_normal(np.shape(f))
            return np.asarray(self.natural(z), dtype=np.float64)


# Of a relative error: 8 % to 120 % with probability 0.95. It excludes zero: an error that may vanish
# lets a curve pass through a handful of points, and the posterior has a funnel there.
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
