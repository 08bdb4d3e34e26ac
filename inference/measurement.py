"""What all error models share: rows, their densities, and random measurements.

An error model is normal on a working scale (of the value, or of its logarithm). A value beyond a
limit of quantification contributes the probability of lying there (M3), and the standard error of
a published mean adds to the variance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ..models.distributions import Distribution
from .density import normal_log_density

__all__ = ["FLOOR", "KINDS", "Array", "ErrorModel", "Rows", "Value"]

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
        low, high = self.working(rows.lower), self.working(rows.upper)
        scores = normal_log_density(self.working(value), low, high, rows.kind, location, spread)
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
