"""What all measurement models share: rows, what is drawn at them, and how they are scored.

`ErrorModel` says how a measured value comes from the model's value. Quantities that scatter on a
working scale stand in `scaled` and `error`; outcomes that are no quantities (yes or no, grades) in
`outcome_error`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt

from ...models.distributions import Distribution, Normal

__all__ = [
    "FLOOR",
    "KINDS",
    "SINGLE",
    "Array",
    "Drawing",
    "ErrorModel",
    "Rows",
    "Value",
    "scale_of",
]

Array = npt.NDArray[Any]
Value = Any  # float, NumPy array or TensorVariable: the formulas use operators only
KINDS = ("none", "left", "right", "interval")  # censoring, by code
FLOOR = 1e-8  # of the smallest positive value or limit: where "zero" begins
POSITIVE = (0.0, math.inf)
OFFSET = 0.5  # prior standard deviation of the offset of an assay, of the logarithm


def everywhere(value: float | bool) -> Any:
    """One number for all rows, as the default of a column."""
    return field(default_factory=lambda: np.array(value), repr=False)


@dataclass(frozen=True, eq=False)
class Rows:
    """The measurements of one observable.

    Parameters
    ----------
    value, lower, upper, se : float64[n]
        In the unit of the model. ``value`` is the limit itself in a left- or right-censored row;
        ``lower`` and ``upper`` bound an interval-censored one; ``se`` is the standard error of
        a published mean or median, 0 for a single measurement.
    kind : int64[n]
        Censoring, as position in `KINDS`.
    sd : float64[n], optional
        Published standard deviation of the values behind a mean; NaN where there is none.
    q1, q3 : float64[n], optional
        Published quartiles of the values behind a median; NaN where there are none.
    above : float64[n], optional
        Rows that could be seen only above a value (truncated): that value; else minus infinity.
    averaged : bool[n], optional
        Published means or medians among single measurements: they scatter by their standard
        error alone, because the residual spread is already in it.
    """

    value: Array
    kind: Array
    lower: Array
    upper: Array
    se: Array
    sd: Array = everywhere(np.nan)
    q1: Array = everywhere(np.nan)
    q3: Array = everywhere(np.nan)
    above: Array = everywhere(-np.inf)
    averaged: Array = everywhere(False)

    @property
    def floor(self) -> float:
        """What counts as zero under a relative error, in the unit of the model."""
        limits = np.concatenate([self.value, self.lower, self.upper])
        seen = limits[np.isfinite(limits) & (limits > 0)]
        return FLOOR * float(seen.min()) if seen.size else FLOOR

    def at(self, rows: Array) -> Rows:
        """Keep some rows, by position."""
        whole = {f.name: getattr(self, f.name) for f in fields(self)}
        return Rows(**{k: v[rows] if np.ndim(v) else v for k, v in whole.items()})


def scale_of(rows: Rows) -> float:
    """Spread of the measured values, for a prior that knows their unit but not their fit."""
    values = rows.value[rows.kind == 0] if (rows.kind == 0).any() else rows.value
    if values.size:
        for scale in (float(np.std(values)), float(np.max(np.abs(values)))):
            if scale > 0:
                return float(f"{scale:.2g}")
    return 1.0


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn at a model's value: by default a single measurement.

    Parameters
    ----------
    se : float or float64[...]
        Standard error of a mean on the working scale; 0: a single measurement.
    floor : float
        As `Rows.floor`.
    shift, above, averaged : float or array
        As `ErrorModel.shift`, `Rows.above`, `Rows.averaged`.

    Notes
    -----
    All must broadcast with the model's values.
    """

    se: Value = 0.0
    floor: float = 0.0
    shift: Value = 0.0
    above: Value = -math.inf
    averaged: Value = False


SINGLE = Drawing()


@dataclass(frozen=True)
class ErrorModel(ABC):
    """How measured values come from the model's values (abstract)."""

    name: ClassVar[str]
    text: ClassVar[str]
    is_quantity: ClassVar[bool] = True

    @property
    def spec(self) -> str:
        """Name, with the settings that differ from the defaults: ``lognormal-t(nu=7)``."""
        changed = {f.name: getattr(self, f.name) for f in fields(self)}
        inside = [f"{f.name}={changed[f.name]}" for f in fields(self)
                  if changed[f.name] != f.default]  # fmt: skip
        return f"{self.name}({', '.join(inside)})" if inside else self.name

    @property
    def formula(self) -> str:
        """Say in one line what is scored, with the settings."""
        return self.text

    @abstractmethod
    def parameters(self, observable: str) -> tuple[str, ...]:
        """Names of the parameters of measurement that belong to an observable."""

    def spreads(self, observable: str) -> tuple[str, ...]:
        """Say which of them are residual spreads, which assays may differ in; here none."""
        return ()

    @abstractmethod
    def units(self, observable: str, unit: str) -> dict[str, str]:
        """Give the unit of each of them, for a value of the model of this unit."""

    @abstractmethod
    def priors(self, observable: str, rows: Rows) -> dict[str, Distribution]:
        """Give the default prior of each of them."""

    def bounds(self, observable: str) -> dict[str, tuple[float, float]]:
        """Give the bounds of each of them; by default all are positive, as spreads are."""
        return dict.fromkeys(self.parameters(observable), POSITIVE)

    def value_unit(self, unit: str) -> str:
        """Give the unit of measured values, for a value of the model of this unit."""
        return unit

    def completed(self, rows: Rows) -> ErrorModel:
        """Take from the data what was left open; by default nothing is."""
        return self

    def check(self, observable: str, rows: Rows) -> None:  # noqa: B027
        """Refuse rows that have no density under this model; here every row has one."""

    def working_se(self, rows: Rows) -> Array:
        """Bring standard errors of published means to the scale of `log_density`; float64[n]."""
        return rows.se

    def shifted(self, f: Value, offset: Value) -> Value:
        """Move the model's value by the offset of an assay, which is one of the logarithm."""
        return f * (np.exp(offset) if isinstance(offset, np.ndarray | float) else pt.exp(offset))

    def offset_prior(self, rows: Rows) -> Distribution:
        """Give the default prior of an offset."""
        return Normal(0.0, OFFSET)

    def offset_unit(self, unit: str) -> str:
        """Give the unit of an offset."""
        return ""

    def typical(self, f: Value, sigma: tuple[Value, ...]) -> Value:
        """Give what a curve of this observable shows: the model's value, or what it predicts."""
        return f

    @abstractmethod
    def log_density(
        self, value: Value, f: Value, sigma: tuple[Value, ...], rows: Rows, se: Value = None
    ) -> Value:
        """Log density or log probability of each row.

        Parameters
        ----------
        value : TensorVariable [n]
            Measured values, in the unit of `value_unit`.
        f : TensorVariable [n]
            The model's values at these rows.
        sigma : tuple of scalars, or vectors [n]
            In the order of `parameters`.
        rows : Rows
            Censoring and limits; fixed when the graph is built.
        se : TensorVariable [n], optional
            Standard errors on the working scale; default: those of ``rows``.

        Returns
        -------
        TensorVariable [n]
        """

    @abstractmethod
    def random(
        self,
        rng: np.random.Generator,
        f: Array,
        sigma: tuple[Value, ...],
        what: Drawing = SINGLE,
    ) -> Array:
        """Draw measurements, uncensored.

        Parameters
        ----------
        rng : Generator
        f : float64[...]
            The model's values.
        sigma : tuple of float or float64[...]
            In the order of `parameters`; must broadcast with ``f``.
        what : Drawing
            Single measurements, means, or truncated values.

        Returns
        -------
        float64[...]
            In the unit of `value_unit`; NaN where ``f`` is.
        """

    def shift(self, rows: Rows) -> Array:
        """Say how far a published mean lies above the center of single values; float64[n] or 0."""
        return np.zeros(rows.value.shape)

    def replicate(
        self, rng: np.random.Generator, f: Array, sigma: tuple[Value, ...], rows: Rows
    ) -> Array:
        """Draw each row anew, as what it is: a measurement, a published mean, a truncated value.

        Parameters
        ----------
        rng : Generator
        f : float64[..., n]
        sigma : tuple of float or float64[..., 1]
        rows : Rows

        Returns
        -------
        float64[..., n]
            Before censoring.
        """
        what = Drawing(
            self.working_se(rows), rows.floor, self.shift(rows), rows.above, rows.averaged
        )
        return self.random(rng, f, sigma, what)
