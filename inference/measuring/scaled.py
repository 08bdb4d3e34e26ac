"""Quantities that scatter on a working scale, normally or by Student's t.

The scale is that of the value, or of its logarithm; there a value beyond a limit of quantification
contributes a probability. The error models themselves stand in `error`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pytensor.tensor as pt

from ...models.distributions import Distribution, LogNormal
from .density import NORMAL, row_log_density
from .measurement import KINDS, SINGLE, Array, Drawing, ErrorModel, Rows, Value

__all__ = ["RELATIVE", "ScaledError"]

# Of a relative error: 8 % to 120 % with probability 0.95. It excludes zero: an error that may
# vanish lets a curve pass through a handful of points, and the posterior has a funnel there.
RELATIVE = LogNormal(0.3, 0.7)


@dataclass(frozen=True)
class ScaledError(ErrorModel):
    """Scatter on a working scale, normal or by Student's t (abstract).

    Notes
    -----
    A published mean or median counts with its standard error. Where all rows of the observable are
    published, its variance adds to the residual variance, which then says how far published values
    lie from the model. Among single measurements the residual spread is that of a single value,
    which the standard error contains already, so that the mean is normal with that error alone.
    """

    def parameters(self, observable: str) -> tuple[str, ...]:
        """One spread, ``<observable>_sigma``."""
        return (f"{observable}_sigma",)

    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give none: a pure number, as of a relative error."""
        return dict.fromkeys(self.parameters(observable), "")

    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Log-normal around 0.3, see `RELATIVE`."""
        return dict.fromkeys(self.parameters(observable), RELATIVE)

    def spreads(self, observable: str) -> tuple[str, ...]:
        """All parameters; see `ErrorModel`."""
        return self.parameters(observable)

    @property
    def tails(self) -> float:
        """Degrees of freedom of Student's t, or `NORMAL`."""
        return NORMAL

    @abstractmethod
    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """Compute the spread on the working scale; ``se`` is on that scale too.

        It is the standard deviation of a normal distribution, the scale of a t distribution.
        """

    def location(self, f: Value, floor: float) -> Value:
        """Bring the model's value to the working scale."""
        return f

    def working(self, x: Value) -> Value:
        """Bring a measured value or a limit to the working scale."""
        return x

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
        """Log density or log probability of each row; see `ErrorModel`."""
        floor = rows.floor
        location = self.location(f, floor) + self.shift(rows)
        se = self.working_se(rows) if se is None else se
        spread = self.spread(f, sigma, se, floor) + pt.zeros_like(location)
        if rows.averaged.any():
            spread = pt.where(pt.constant(rows.averaged), se, spread)
        low, high = self.working(rows.lower), self.working(rows.upper)
        bounded = np.isfinite(rows.above)
        above = np.where(bounded, self.working(np.where(bounded, rows.above, 1.0)), -np.inf)
        scores = row_log_density(
            self.working(value), low, high, rows.kind, location, spread,
            nu=np.where(rows.averaged, NORMAL, self.tails), above=above,
        )  # fmt: skip
        exact = KINDS.index("none")
        if (rows.kind == exact).all():
            return scores + self.jacobian(value)
        return scores + pt.switch(pt.constant(rows.kind == exact), self.jacobian(value), 0.0)

    @final
    def random(
        self,
        rng: np.random.Generator,
        f: Array,
        sigma: tuple[Value, ...],
        what: Drawing = SINGLE,
    ) -> Array:
        """Draw measurements, uncensored; see `ErrorModel`."""
        above, averaged = np.asarray(what.above), what.averaged
        with np.errstate(invalid="ignore", divide="ignore"):
            spread: Any = self.spread(f, sigma, what.se, what.floor)
            spread = np.where(averaged, what.se, spread)
            location = self.location(f, what.floor) + what.shift
            limit: Any = np.where(np.isfinite(above), self.working(above), -np.inf)
            shape = np.shape(location)
            z = location + spread * self._noise(rng, shape, averaged, limit, location, spread)
            return np.asarray(self.natural(z), dtype=np.float64)

    def _noise(
        self,
        rng: np.random.Generator,
        shape: Any,
        averaged: Value,
        limit: Array,
        location: Array,
        spread: Array,
    ) -> Array:
        """Draw standard scatter; above a limit, by inversion of the upper tail."""
        if not np.isfinite(limit).any():
            noise: Array = rng.standard_normal(shape)
            heavy = self.tails != NORMAL
            return np.where(averaged, noise, rng.standard_t(self.tails, shape)) if heavy else noise
        from scipy import stats  # late: few fits are truncated

        law = stats.norm() if self.tails == NORMAL else stats.t(self.tails)
        share = law.sf((limit - location) / spread) * (1 - rng.random(shape))
        return np.asarray(law.isf(share), dtype=np.float64)
