"""Error models: how a measured value scatters around the model's value."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
import pytensor.tensor as pt

from ...datasets.errors import InputError
from ...datasets.wording import closest
from ...models.distributions import Distribution, HalfNormal, LogNormal, Normal
from .measurement import KINDS, Array, ErrorModel, Rows, Value, scale_of
from .outcome_error import Bernoulli, Ordinal
from .scaled import ScaledError

__all__ = [
    "KINDS",
    "Additive",
    "AdditiveT",
    "Bernoulli",
    "Combined",
    "Combined1",
    "ErrorModel",
    "LogNormalError",
    "LogNormalT",
    "Ordinal",
    "Power",
    "Proportional",
    "Rows",
    "error_model",
]

STUDENT = 4.0  # degrees of freedom: heavy tails, and still a finite variance


@dataclass(frozen=True)
class AdditiveScale(ScaledError):
    """Constant spread ``<observable>_sigma``, in the unit of the observable (abstract)."""

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of the observable."""
        return {f"{observable}_sigma": unit}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Half-normal with the spread of the measured values."""
        return {f"{observable}_sigma": HalfNormal(scale_of(rows))}

    def shifted(self, f: Value, offset: Value) -> Value:
        """Add the offset, which has the unit of the observable."""
        return f + offset

    def offset_prior(self, rows: Rows) -> Distribution:
        """Give a normal with half the spread of the measured values."""
        return Normal(0.0, 0.5 * scale_of(rows))

    def offset_unit(self, unit: str) -> str:
        """Give the unit of the observable."""
        return unit

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma^2 + se^2)``."""
        return (sigma[0] ** 2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class Additive(AdditiveScale):
    """Normal with constant standard deviation, in the unit of the observable."""

    name: ClassVar[str] = "additive"
    text: ClassVar[str] = "value ~ Normal(f, sigma)"


@dataclass(frozen=True)
class HeavyTails(ScaledError):
    """Student's t with ``nu`` degrees of freedom, censored rows by its own tails (abstract).

    Parameters
    ----------
    nu : float
        4 by default: an outlier at ten spreads costs 9 in the log density, and not 50.
    """

    nu: float = STUDENT

    def __post_init__(self) -> None:
        """Refuse what makes no distribution."""
        if not 0 < self.nu < math.inf:
            raise InputError(f"{self.name}: nu = {self.nu:g} must be positive and finite.")

    @property
    def tails(self) -> float:
        """Degrees of freedom."""
        return float(self.nu)

    @property
    def formula(self) -> str:
        """Name the degrees of freedom."""
        return f"{self.text}({self.nu:g})"


@final
@dataclass(frozen=True)
class AdditiveT(HeavyTails, AdditiveScale):
    """Student's t with constant scale, in the unit of the observable."""

    name: ClassVar[str] = "additive-t"
    text: ClassVar[str] = "(value - f) / sigma ~ Student t"


@final
@dataclass(frozen=True)
class Proportional(ScaledError):
    """Standard deviation ``<observable>_sigma`` times the model's value; sigma has no unit."""

    name: ClassVar[str] = "proportional"
    text: ClassVar[str] = "value ~ Normal(f, sigma f)"

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt((sigma f)^2 + se^2)``, never below the floor."""
        return (sigma[0] ** 2 * f**2 + se**2 + floor**2) ** 0.5


@dataclass(frozen=True)
class TwoParts(ScaledError):
    """Additive and proportional parts: ``<observable>_sigma_add``, ``<observable>_sigma_prop``."""

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


@final
@dataclass(frozen=True)
class Combined(TwoParts):
    """Additive and proportional parts whose variances add (``combined2`` of other programs)."""

    name: ClassVar[str] = "combined"
    text: ClassVar[str] = "value ~ Normal(f, sqrt(sigma_add^2 + (sigma_prop f)^2))"

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma_add^2 + (sigma_prop f)^2 + se^2)``."""
        return (sigma[0] ** 2 + sigma[1] ** 2 * f**2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class Combined1(TwoParts):
    """Additive and proportional parts whose standard deviations add, as in other programs."""

    name: ClassVar[str] = "combined1"
    text: ClassVar[str] = "value ~ Normal(f, sigma_add + sigma_prop |f|)"

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt((sigma_add + sigma_prop |f|)^2 + se^2)``."""
        return ((sigma[0] + sigma[1] * (f**2 + floor**2) ** 0.5) ** 2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class Power(ScaledError):
    """Standard deviation ``<observable>_sigma`` times the model's value to ``<observable>_power``.

    A power of 0 is the additive error, 1 the proportional one. ``sigma`` is the standard deviation
    at a value of 1, in the unit of the observable.
    """

    name: ClassVar[str] = "power"
    text: ClassVar[str] = "value ~ Normal(f, sigma f^power)"

    def parameters(self, observable: str) -> tuple[str, ...]:
        """Give the standard deviation at 1, then the power."""
        return f"{observable}_sigma", f"{observable}_power"

    def spreads(self, observable: str) -> tuple[str, ...]:
        """Give the standard deviation at 1."""
        return (f"{observable}_sigma",)

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of the observable, and none."""
        return {f"{observable}_sigma": unit, f"{observable}_power": ""}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Log-normal over orders of magnitude, and a half-normal power that rarely exceeds 2."""
        sigma, power = self.parameters(observable)
        return {sigma: LogNormal(0.3, 2.0), power: HalfNormal(1.0)}

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma^2 f^(2 power) + se^2)``, with ``f`` never below the floor."""
        return (sigma[0] ** 2 * (f**2 + floor**2) ** sigma[1] + se**2) ** 0.5


@dataclass(frozen=True)
class LogScale(ScaledError):
    """Constant spread ``<observable>_sigma`` of the natural logarithm (abstract).

    Notes
    -----
    The model's value is the median of single values. Where it comes near zero or, by the
    integrator's error, below, its logarithm is continued smoothly:
    ``log(floor) + asinh(f / (2 floor))``, which is ``log(f)`` to ``(floor / f)^2`` and has a slope
    everywhere. `Rows.floor` is 1e-8 of the smallest positive value or limit in the data.

    A published arithmetic mean is not a median: of log-normal values with the coefficient of
    variation ``cv = sd / mean`` it lies ``log(1 + cv^2) / 2`` above, on the log scale. The row is
    scored there. A published median is scored as it is.
    """

    def check(self, observable: str, rows: Rows) -> None:
        """Values, left limits, upper ends and quartiles must be positive."""
        decisive = np.where(rows.kind == KINDS.index("interval"), rows.upper, rows.value)
        bad = np.flatnonzero(~(decisive > 0))
        if bad.size:
            raise InputError(
                f"{observable}: {bad.size} of {rows.value.size} rows are zero or negative "
                f"(first: {decisive[bad[0]]:g}), which a log-normal error cannot produce. If they "
                "mean 'below the limit of quantification', mark them as left-censored at that "
                "limit; else choose the additive or combined error."
            )
        if (rows.q1 <= 0).any():
            raise InputError(
                f"{observable}: a first quartile is zero or negative, which a log-normal error "
                "cannot use. Choose the additive or combined error, or leave the row out."
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
        """Compute standard errors of logarithms: of a mean by the delta method, SE / mean.

        Returns
        -------
        float64[n]
            Of a median, from the quartiles of the logarithm.
        """
        known = rows.q1 > 0
        low, high = np.where(known, rows.q1, 1.0), np.where(known, rows.q3, 2.0)
        by_quartiles = rows.se * np.log(high / low) / (high - low)
        by_mean = rows.se / np.where(rows.se > 0, rows.value, 1.0)
        return np.where(known, by_quartiles, by_mean)

    def shift(self, rows: Rows) -> Array:
        """Distance of the logarithm of an arithmetic mean from the mean logarithm; float64[n]."""
        known = np.isfinite(rows.sd) & (rows.value > 0)
        cv = np.where(known, rows.sd, 0.0) / np.where(known, rows.value, 1.0)
        return 0.5 * np.log1p(cv**2)

    def natural(self, z: Array) -> Array:
        """Exponential."""
        return np.exp(z)

    def jacobian(self, value: Value) -> Value:
        """``-log(value)``."""
        return -pt.log(value)

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """``sqrt(sigma^2 + se^2)`` on the log scale."""
        return (sigma[0] ** 2 + se**2) ** 0.5


@final
@dataclass(frozen=True)
class LogNormalError(LogScale):
    """Normal logarithm with constant standard deviation."""

    name: ClassVar[str] = "lognormal"
    text: ClassVar[str] = "log(value) ~ Normal(log(f), sigma)"


@final
@dataclass(frozen=True)
class LogNormalT(HeavyTails, LogScale):
    """Student's t of the logarithm: cytokines and cells in blood, where outliers are the rule."""

    name: ClassVar[str] = "lognormal-t"
    text: ClassVar[str] = "log(value / f) / sigma ~ Student t"


ERRORS: dict[str, type[ErrorModel]] = {
    e.name: e
    for e in (
        LogNormalError, LogNormalT, Additive, AdditiveT, Proportional, Combined, Combined1,
        Power, Bernoulli, Ordinal,
    )
}  # fmt: skip
SPEC = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:\((.*)\))?\s*")


def error_model(given: str | ErrorModel) -> ErrorModel:
    """Measurement model by name.

    Parameters
    ----------
    given : str or ErrorModel
        ``"lognormal"``, ``"lognormal-t"``, ``"additive"``, ``"additive-t"``, ``"proportional"``,
        ``"combined"``, ``"combined1"``, ``"power"``, ``"bernoulli"`` or ``"ordinal"``; with
        settings in brackets where it has any: ``"lognormal-t(nu=7)"``; or a model already.

    Returns
    -------
    ErrorModel

    Raises
    ------
    InputError
        If the name or a setting is unknown.
    """
    if isinstance(given, ErrorModel):
        return given
    match = SPEC.fullmatch(str(given))
    name = match.group(1) if match else str(given)
    if name not in ERRORS:
        guess = closest(name, ERRORS)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InputError(
            f"no error model is called {given!r}.{hint} There are {', '.join(ERRORS)}."
        )
    settings = (match.group(2) or "") if match else ""
    return ERRORS[name](**dict(_setting(name, s) for s in settings.split(",") if s.strip()))


def _setting(name: str, text: str) -> tuple[str, Any]:
    """Read ``nu=7`` or ``transform=identity`` as the type of the field."""
    key, _, value = (part.strip() for part in text.partition("="))
    known = {f.name: f.default for f in fields(ERRORS[name])}
    if key not in known:
        settings = f"; it has {', '.join(known)}" if known else ""
        raise InputError(f"error model {name} has no setting {key!r}{settings}.")
    kind: Any = type(known[key])
    try:
        return key, kind(value)
    except ValueError:
        raise InputError(f"error model {name}: {key} = {value!r} cannot be read.") from None
