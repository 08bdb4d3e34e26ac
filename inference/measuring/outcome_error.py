"""Outcomes that are no quantities: yes or no, and grades, with odds that follow the model's value.

Both read the model's value ``f`` at the row through ``g``, its logarithm (for concentrations,
counts and other positive values) or itself (for values that may be negative). With
``logit(p) = log(p / (1 - p))``:

- `Bernoulli`: ``logit P(y = 1) = intercept + slope g(f)``.
- `Ordinal`: ``logit P(y >= k) = slope g(f) - cut_k`` with ``cut_1 < cut_2 < ...``; cumulative
  logit, proportional odds (McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x).

An intercept and all cut-points could be moved together without a change, so that grades have
cut-points only. They are kept in order by what is estimated: the first of them, and the positive
step from each to the next.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import pytensor.tensor as pt

from ...datasets.errors import InputError
from ...models.distributions import Distribution, LogNormal, Normal
from .logits import log_grade
from .measurement import FLOOR, KINDS, SINGLE, Array, Drawing, ErrorModel, Rows, Value

__all__ = ["Bernoulli", "Ordinal", "Outcome"]

TRANSFORMS = ("log", "identity")
WIDE = Normal(0.0, 10.0)  # of an intercept: f = 1 may be far from what is seen
SLOPE = Normal(0.0, 2.0)  # log odds per e-fold of f, or per unit of it
STEP = LogNormal(1.5, 0.75)  # between cut-points: 0.3 to 6.5 log odds
SMALLEST = FLOOR * FLOOR  # where the logarithm of the model's value is continued


@dataclass(frozen=True)
class Outcome(ErrorModel):
    """What has odds and no scatter (abstract).

    Parameters
    ----------
    transform : {"log", "identity"}
        ``g``: how the model's value enters the log odds.
    """

    is_quantity: ClassVar[bool] = False

    transform: str = "log"

    def __post_init__(self) -> None:
        """Refuse other transforms."""
        if self.transform not in TRANSFORMS:
            raise InputError(
                f"{self.name}: transform = {self.transform!r} must be {' or '.join(TRANSFORMS)}."
            )

    @property
    def formula(self) -> str:
        """Write the transform out."""
        return self.text.replace("g(f)", "log(f)" if self.transform == "log" else "f")

    def value_unit(self, unit: str) -> str:
        """Give none: outcomes and grades are pure numbers."""
        return ""

    def g(self, f: Value) -> Value:
        """Transform the model's value; its logarithm is continued smoothly at zero."""
        if self.transform == "identity":
            return f
        arcsinh = np.arcsinh if isinstance(f, np.ndarray | float) else pt.arcsinh
        return math.log(SMALLEST) + arcsinh(f / (2 * SMALLEST))

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the slope the inverse unit of the model's value where that is not transformed."""
        inverse = f"1/({unit})" if unit and self.transform == "identity" else ""
        slope = f"{observable}_slope"
        return {n: inverse if n == slope else "" for n in self.parameters(observable)}

    def check(self, observable: str, rows: Rows) -> None:
        """Refuse what is censored, a mean, or no whole number from 0 on."""
        bad = (rows.kind != KINDS.index("none")) | (rows.se > 0)
        if bad.any():
            raise InputError(
                f"{observable}: {int(bad.sum())} rows are censored or published means, which "
                f"the {self.name} model cannot score. Leave them out."
            )
        wrong = (rows.value < 0) | (rows.value % 1 != 0) | (rows.value > self.top)
        if wrong.any():
            first = rows.value[np.argmax(wrong)]
            raise InputError(
                f"{observable}: {int(wrong.sum())} rows (first: {first:g}) are no whole number "
                f"from 0 to {self.top:g}, as the {self.name} model needs."
            )

    @property
    @abstractmethod
    def top(self) -> float:
        """Highest value."""

    @abstractmethod
    def reaching(self, f: Value, parameters: tuple[Value, ...]) -> list[Value]:
        """Log odds of at least 1, of at least 2, and so on."""

    @final
    def log_density(
        self, value: Value, f: Value, sigma: tuple[Value, ...], rows: Rows, se: Value = None
    ) -> Value:
        """Log probability of each row; see `ErrorModel`."""
        return log_grade(value, self.reaching(f, sigma), pt)

    def typical(self, f: Value, sigma: tuple[Value, ...]) -> Value:
        """Give the expected value: a probability, or a mean grade."""
        with np.errstate(over="ignore"):
            return sum(1 / (1 + np.exp(-odds)) for odds in self.reaching(f, sigma))

    @final
    def random(
        self,
        rng: np.random.Generator,
        f: Array,
        sigma: tuple[Value, ...],
        what: Drawing = SINGLE,
    ) -> Array:
        """Draw outcomes; see `ErrorModel`."""
        f = np.asarray(f, dtype=np.float64)
        odds = self.reaching(f, sigma)
        shape = np.broadcast_shapes(*(np.shape(o) for o in odds))
        level = rng.logistic(size=shape)  # one for all cut-points: P(level < odds) = s(odds)
        grade = sum((level < o).astype(np.float64) for o in odds)
        return np.where(np.isfinite(np.broadcast_to(f, shape)), grade, np.nan)


@final
@dataclass(frozen=True)
class Bernoulli(Outcome):
    """Yes (1) or no (0): ``<observable>_intercept`` and ``<observable>_slope``."""

    name: ClassVar[str] = "bernoulli"
    text: ClassVar[str] = "logit P(1) = intercept + slope g(f)"

    @property
    def top(self) -> float:
        """1."""
        return 1.0

    def parameters(self, observable: str) -> tuple[str, ...]:
        """Give the intercept and the slope."""
        return f"{observable}_intercept", f"{observable}_slope"

    def bounds(self, observable: str) -> dict[str, tuple[float, float]]:
        """None: both may be negative."""
        return dict.fromkeys(self.parameters(observable), (-math.inf, math.inf))

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Give normals with 10 and 2 log odds."""
        intercept, slope = self.parameters(observable)
        return {intercept: WIDE, slope: SLOPE}

    def reaching(self, f: Value, parameters: tuple[Value, ...]) -> list[Value]:
        """Log odds of 1."""
        return [parameters[0] + parameters[1] * self.g(f)]


@final
@dataclass(frozen=True)
class Ordinal(Outcome):
    """Grades 0 to ``highest``: ``<observable>_slope``, ``_cut_1`` and ``_step_2``, ``_step_3``, ...

    Cut-point ``k`` is ``cut_1 + step_2 + ... + step_k``.

    Parameters
    ----------
    transform : {"log", "identity"}
    highest : int
        Highest grade of the scale; 0: the highest in the data.
    """

    name: ClassVar[str] = "ordinal"
    text: ClassVar[str] = "logit P(grade >= k) = slope g(f) - cut_k"

    highest: int = 0

    def completed(self, rows: Rows) -> Ordinal:
        """Take the highest grade from the data where it was left open."""
        seen = int(np.max(rows.value, initial=1.0)) if np.isfinite(rows.value).all() else 1
        return self if self.highest else replace(self, highest=max(seen, 1))

    @property
    def top(self) -> float:
        """Highest grade."""
        return float(self.highest)

    def parameters(self, observable: str) -> tuple[str, ...]:
        """Give the slope, the first cut-point, and the steps to the others."""
        steps = (f"{observable}_step_{k}" for k in range(2, self.highest + 1))
        return f"{observable}_slope", f"{observable}_cut_1", *steps

    def bounds(self, observable: str) -> dict[str, tuple[float, float]]:
        """Keep steps positive."""
        slope, cut, *steps = self.parameters(observable)
        free = (-math.inf, math.inf)
        return {slope: free, cut: free, **dict.fromkeys(steps, (0.0, math.inf))}

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Give normals with 2 and 10 log odds, and log-normal steps."""
        slope, cut, *steps = self.parameters(observable)
        return {slope: SLOPE, cut: WIDE, **dict.fromkeys(steps, STEP)}

    def reaching(self, f: Value, parameters: tuple[Value, ...]) -> list[Value]:
        """Log odds of at least each grade."""
        slope, cut, *steps = parameters
        risk: Any = slope * self.g(f)
        odds = [risk - cut]
        for step in steps:
            cut = cut + step
            odds.append(risk - cut)
        return odds
