"""How an outcome depends on exposure: straight on some scale, or saturating.

A curve gives the location of the outcome at the mean of the covariates: the logit of a
probability (binary), the part of the logits that grades share (ordinal) or a mean (continuous).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from ...models.distributions import Beta, Distribution, LogNormal, Normal
from ...models.response import expit
from ..measuring.logits import logit

__all__ = ["CURVES", "TRANSFORMS", "Curve", "Saturating", "Straight", "curve_of"]

Array = npt.NDArray[Any]
Theta = Mapping[str, Any]
TRANSFORMS = ("identity", "log", "log10")
CURVES = ("logistic", "linear", "emax", "sigmoid_emax")
WIDE = 2.5  # prior standard deviation of an effect, in standard deviations of its predictor


@dataclass(frozen=True)
class Curve(ABC):
    """Location of an outcome by exposure (abstract)."""

    positive: ClassVar[bool]  # whether exposure has to be

    @abstractmethod
    def names(self, kind: str) -> tuple[str, ...]:
        """Parameters of the curve for an outcome of this kind."""

    @abstractmethod
    def priors(self, kind: str, x: Array, spread: float, middle: float) -> dict[str, Distribution]:
        """Priors scaled by the exposures, and by spread and mean of a continuous outcome."""

    @abstractmethod
    def forward(self, x: Any, xp: Any = np) -> Any:
        """Exposure on the scale on which it is averaged and blurred."""

    @abstractmethod
    def back(self, g: Any, xp: Any = np) -> Any:
        """Exposure from this scale."""

    @abstractmethod
    def location(self, kind: str, g: Any, theta: Theta, xp: Any = np) -> Any:
        """Location at an exposure ``g`` on the scale of `forward`."""


@final
@dataclass(frozen=True)
class Straight(Curve):
    """``intercept_at_mean + slope (g(x) - center)``.

    Parameters
    ----------
    transform : {"identity", "log", "log10"}
    reference : float
        Exposure that is 1 before a logarithm is taken.
    center : float
        Mean of the transformed exposure, to which ``intercept_at_mean`` belongs; ``intercept`` is
        that at ``g = 0``.
    """

    transform: str = "identity"
    reference: float = 1.0
    center: float = 0.0

    @property
    def positive(self) -> bool:  # type: ignore[override]
        """Whether a logarithm is taken."""
        return self.transform != "identity"

    def names(self, kind: str) -> tuple[str, ...]:
        """Slope, and an intercept where the kind has no cut-points."""
        return ("slope",) if kind == "ordinal" else ("intercept_at_mean", "slope")

    def priors(self, kind: str, x: Array, spread: float, middle: float) -> dict[str, Distribution]:
        """Weakly informative and scaled, as rstanarm does it: 2.5 over the standard deviation."""
        found: dict[str, Distribution] = {
            "slope": Normal(0.0, WIDE * spread / _sd(self.forward(x)))
        }
        if kind != "ordinal":
            found = {"intercept_at_mean": Normal(middle, WIDE * spread), **found}
        return found

    def forward(self, x: Any, xp: Any = np) -> Any:
        """Transform the exposure."""
        if self.transform == "identity":
            return x / self.reference
        unit = math.log(10) if self.transform == "log10" else 1.0
        return xp.log(x / self.reference) / unit

    def back(self, g: Any, xp: Any = np) -> Any:
        """Undo the transformation."""
        if self.transform == "identity":
            return g * self.reference
        return self.reference * xp.exp(g * (math.log(10) if self.transform == "log10" else 1.0))

    def location(self, kind: str, g: Any, theta: Theta, xp: Any = np) -> Any:
        """Straight line through the centered exposure."""
        line = theta["slope"] * (g - self.center)
        return line if kind == "ordinal" else theta["intercept_at_mean"] + line


@final
@dataclass(frozen=True)
class Saturating(Curve):
    """Emax curve; ``x**h / (EC50**h + x**h)`` of the way from ``E0`` to ``Emax = E0 + span``.

    Binary: on the scale of the probability, with ``E0`` and ``Emax`` in (0, 1); covariates act on
    its logit. Continuous: on the scale of the outcome. Ordinal: ``span`` on the logits, ``E0`` is
    in the cut-points.

    Parameters
    ----------
    sigmoid : bool
        With a steepness ``h``; without, it is 1.
    """

    sigmoid: bool = True
    positive: ClassVar[bool] = True

    def names(self, kind: str) -> tuple[str, ...]:
        """Plateaus, EC50 and steepness."""
        plateaus = {"binary": ("E0", "Emax"), "continuous": ("E0", "span"), "ordinal": ("span",)}
        return (*plateaus[kind], "EC50", *(("h",) if self.sigmoid else ()))

    def priors(self, kind: str, x: Array, spread: float, middle: float) -> dict[str, Distribution]:
        """EC50 within the exposures, steepness around 1.5, plateaus by kind."""
        chosen: dict[str, Distribution] = {
            "EC50": LogNormal(float(np.median(x)), 1.0),
            "h": LogNormal(1.5, 0.4),
        }
        if kind == "binary":
            chosen |= {"E0": Beta(1.0, 9.0), "Emax": Beta(9.0, 1.0)}
        else:
            chosen |= {"E0": Normal(middle, WIDE * spread), "span": Normal(0.0, 2 * WIDE * spread)}
        return {name: chosen[name] for name in self.names(kind)}

    def forward(self, x: Any, xp: Any = np) -> Any:
        """Natural logarithm."""
        return xp.log(x)

    def back(self, g: Any, xp: Any = np) -> Any:
        """Exponential."""
        return xp.exp(g)

    def rise(self, g: Any, theta: Theta, xp: Any = np) -> Any:
        """Part of the way from E0 to Emax."""
        h = theta["h"] if self.sigmoid else 1.0
        return expit(h * (g - xp.log(theta["EC50"])), xp)

    def location(self, kind: str, g: Any, theta: Theta, xp: Any = np) -> Any:
        """Position between the plateaus."""
        rise = self.rise(g, theta, xp)
        if kind == "ordinal":
            return theta["span"] * rise
        if kind == "continuous":
            return theta["E0"] + theta["span"] * rise
        return logit(theta["E0"] + (theta["Emax"] - theta["E0"]) * rise, xp)


def curve_of(
    name: str, kind: str, transform: str | None, reference: float | None, x: Array
) -> Curve:
    """Make a curve from words.

    Parameters
    ----------
    name : {"logistic", "linear", "emax", "sigmoid_emax"}
        ``"logistic"``: straight in the decadic logarithm of exposure; ``"linear"``: straight in
        exposure.
    kind : {"binary", "ordinal", "continuous"}
    transform, reference : optional
        In place of those of the curve.
    x : float64[subject]
        Exposures, for the default of ``reference`` (geometric mean, rounded) and for the center.
    """
    if name not in CURVES:
        guess = closest(name, CURVES)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InputError(f"no curve is called {shown(name)}.{hint} There are {', '.join(CURVES)}.")
    if name == "logistic" and kind == "continuous":
        raise InputError(
            "a continuous outcome has no logistic curve; take curve='linear', transform='log10'."
        )
    if transform is not None and transform not in TRANSFORMS:
        raise InputError(
            f"no transform is called {shown(transform)}: there are {', '.join(TRANSFORMS)}."
        )
    if name in ("emax", "sigmoid_emax"):
        if transform is not None or reference is not None:
            raise InputError(f"an {name} curve takes no transform and no reference of exposure.")
        curve: Curve = Saturating(sigmoid=name == "sigmoid_emax")
        return _checked(curve, x, name)
    transform = transform or ("log10" if name == "logistic" else "identity")
    made = _checked(Straight(transform, 1.0), x, name)
    if reference is None:
        logs = transform != "identity"
        reference = float(f"{np.exp(np.log(x).mean()):.1g}") if logs else 1.0
    if not (reference > 0 and math.isfinite(reference)):
        raise InputError(f"the reference exposure must be positive, got {reference:g}.")
    made = Straight(transform, reference)
    return Straight(transform, reference, float(made.forward(x).mean()))


def _checked(curve: Curve, x: Array, name: str) -> Curve:
    """Refuse exposures that the curve cannot take."""
    if curve.positive and (x <= 0).any():
        raise InputError(
            f"{int((x <= 0).sum())} of {x.size} exposures are not positive, and the curve {name} "
            "takes their logarithm. Use curve='linear', or values at the limit of quantification."
        )
    return curve


def _sd(values: Array) -> float:
    sd = float(np.std(values, ddof=1)) if np.size(values) > 1 else 0.0
    if not sd > 0:
        raise InputError("all exposures are the same: nothing can be learned about a curve.")
    return sd
