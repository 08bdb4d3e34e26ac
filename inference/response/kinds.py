"""What an outcome is: yes or no, a grade, or a number; its likelihood and its expectation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from ...models.distributions import Distribution, HalfNormal, Normal
from ...models.response import expit
from ..measuring.logits import log_expit, log_grade

__all__ = ["KINDS", "Binary", "Continuous", "Kind", "Ordinal"]

Array = npt.NDArray[Any]
Theta = Mapping[str, Any]
KINDS = ("binary", "ordinal", "continuous")


@dataclass(frozen=True)
class Kind(ABC):
    """Distribution of an outcome around its location (abstract)."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Parameters beside those of the curve and of covariates."""

    @abstractmethod
    def priors(self, y: Array) -> dict[str, Distribution]:
        """Priors of these parameters."""

    @abstractmethod
    def log_density(
        self, y: Any, location: Any, changes: Mapping[int, Any], theta: Theta, xp: Any = np
    ) -> Any:
        """Log density of each outcome.

        Parameters
        ----------
        y : [subject]
        location : [..., subject]
            From the curve, with the effects of covariates.
        changes : mapping of grade to [..., subject]
            What is added to the logit of this grade or higher, by effects that are not
            proportional.
        theta : mapping of name to value
        """

    def spread(self, y: Array) -> float:
        """Scale of an effect of one unit of location."""
        return 1.0

    def middle(self, y: Array) -> float:
        """Location of an average outcome."""
        return 0.0


@final
@dataclass(frozen=True)
class Binary(Kind):
    """Yes (1) or no (0): the location is the logit of yes."""

    name: ClassVar[str] = "binary"

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()

    def priors(self, y: Array) -> dict[str, Distribution]:
        """None."""
        return {}

    def log_density(
        self, y: Any, location: Any, changes: Mapping[int, Any], theta: Theta, xp: Any = np
    ) -> Any:
        """Bernoulli."""
        return log_expit((2 * y - 1) * location, xp)


@final
@dataclass(frozen=True)
class Ordinal(Kind):
    """Grade 0 to ``levels``: ``logit P(grade >= k) = location - c_k``, cut-points by gaps.

    Parameters
    ----------
    levels : int
        Highest grade.
    """

    levels: int = 4
    name: ClassVar[str] = "ordinal"

    @property
    def names(self) -> tuple[str, ...]:
        """First cut-point, and the gaps to the following ones."""
        return ("c1", *(f"gap{k}" for k in range(2, self.levels + 1)))

    def priors(self, y: Array) -> dict[str, Distribution]:
        """Cut-point wide, gaps half-normal."""
        gaps: dict[str, Distribution] = {n: HalfNormal(2.0) for n in self.names[1:]}
        return {"c1": Normal(0.0, 2.5), **gaps}

    def logits(self, location: Any, changes: Mapping[int, Any], theta: Theta) -> tuple[Any, ...]:
        """Logits of P(grade >= 1), P(grade >= 2), ..."""
        cut = theta["c1"]
        found = [location - cut]
        for k in range(2, self.levels + 1):
            cut = cut + theta[f"gap{k}"]
            found.append(location + changes.get(k, 0.0) - cut)
        return tuple(found)

    def log_density(
        self, y: Any, location: Any, changes: Mapping[int, Any], theta: Theta, xp: Any = np
    ) -> Any:
        """Difference of neighboring cumulative probabilities; zero density where they cross."""
        return log_grade(y, self.logits(location, changes, theta), xp)


@final
@dataclass(frozen=True)
class Continuous(Kind):
    """A number, normal around its location with standard deviation ``sigma``."""

    name: ClassVar[str] = "continuous"

    @property
    def names(self) -> tuple[str, ...]:
        """Residual standard deviation."""
        return ("sigma",)

    def priors(self, y: Array) -> dict[str, Distribution]:
        """Half-normal with the standard deviation of the outcomes."""
        return {"sigma": HalfNormal(self.spread(y))}

    def spread(self, y: Array) -> float:
        """Take the standard deviation of the outcomes."""
        return float(np.std(y, ddof=1)) or 1.0

    def middle(self, y: Array) -> float:
        """Mean of the outcomes."""
        return float(np.mean(y))

    def log_density(
        self, y: Any, location: Any, changes: Mapping[int, Any], theta: Theta, xp: Any = np
    ) -> Any:
        """Score by the normal density."""
        z = (y - location) / theta["sigma"]
        return -0.5 * z**2 - xp.log(theta["sigma"]) - 0.5 * math.log(2 * math.pi)


def expected(
    kind: Kind, location: Any, changes: Mapping[int, Any], theta: Theta, at_least: int
) -> Any:
    """P(yes), P(grade >= at_least), or the mean."""
    if isinstance(kind, Continuous):
        return location
    if isinstance(kind, Ordinal):
        return expit(kind.logits(location, changes, theta)[at_least - 1])
    return expit(location)
