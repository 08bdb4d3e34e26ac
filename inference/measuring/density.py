"""Log densities and tail probabilities of measurements, with their slopes, in one pass.

`ScoreOp` scores all rows of an observable, whatever their censoring, and returns the slopes by
location and spread beside the values; its gradient is a product with them. One loop of machine
code takes the place of a graph with a branch for each kind of censoring, which costs several times
as much to run and seconds to compile. Rows are normal or follow Student's t.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from . import student
from .student import log_t_cdf, log_t_density

__all__ = ["NORMAL", "ScoreOp", "log_interval", "log_ndtr", "row_log_density"]

Tensor = Any  # a TensorVariable; PyTensor's own annotations do not reach through its operators
NORMAL = 0.0  # in place of degrees of freedom: no t but a normal distribution
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
ROOT_HALF = math.sqrt(0.5)
FAR = -37.0  # below, erfc underflows and its asymptotic series is exact in double precision
NARROWEST = -1e-300  # log ratio of the ends of an interval narrower than the spacing of numbers
CODE = b"".join(Path(f).read_bytes() for f in (__file__, str(student.__file__)))
HERE = hashlib.sha256(CODE + __name__.encode()).hexdigest()[:16]  # compiled code knows its module


@numba.njit(error_model="numpy")
def log_ndtr(z: float) -> tuple[float, float]:
    """Log of the standard normal distribution function, and its slope."""
    if z > -1.0:
        value = math.log1p(-0.5 * math.erfc(z * ROOT_HALF))
    elif z > FAR:
        value = math.log(0.5 * math.erfc(-z * ROOT_HALF))
    else:
        r = 1.0 / (z * z)
        series = 1.0 - r * (1.0 - r * (3.0 - r * (15.0 - r * 105.0)))
        value = -0.5 * z * z - HALF_LOG_TWO_PI - math.log(-z) + math.log(series)
        return value, -z / series
    return value, math.exp(-0.5 * z * z - HALF_LOG_TWO_PI - value)


@numba.njit(error_model="numpy")
def log_cdf(z: float, nu: float) -> tuple[float, float]:
    """Log of the distribution function, normal or Student's t, and its slope."""
    return log_ndtr(z) if nu == NORMAL else log_t_cdf(z, nu)


@numba.njit(error_model="numpy")
def log_interval(a: float, b: float, nu: float = NORMAL) -> tuple[float, float, float]:
    """Log of the standard probability between ``a < b``, and its slopes by both."""
    flip = a + b > 0.0  # look from the side where the probability is not close to 1
    low, high = (-b, -a) if flip else (a, b)
    lower, slope_low = log_cdf(low, nu)
    upper, slope_high = log_cdf(high, nu)
    gap = lower - upper
    if gap >= NARROWEST:
        value, by_low, by_high = upper + math.log(-NARROWEST), 0.0, slope_high
    else:
        share = -math.expm1(gap)
        inside = math.log(share) if gap > -0.7 else math.log1p(-math.exp(gap))
        value = upper + inside
        by_low = -slope_low * math.exp(gap) / share
        by_high = slope_high / share
    return (value, -by_high, -by_low) if flip else (value, by_low, by_high)


@numba.njit(error_model="numpy")
def score(  # type: ignore[no-untyped-def]
    value, low, high, kind, nu, location, spread
) -> tuple[float, float, float]:
    """Log density of one row, without the Jacobian, and its slopes by location and spread."""
    z = (value - location) / spread
    if kind == 0 and nu == NORMAL:
        log_density = -0.5 * z * z - HALF_LOG_TWO_PI - math.log(spread)
        return log_density, z / spread, (z * z - 1.0) / spread
    if kind == 0:
        log_density, slope = log_t_density(z, nu)
        return log_density - math.log(spread), -slope / spread, -(slope * z + 1.0) / spread
    if kind == 3:
        a, b = (low - location) / spread, (high - location) / spread
        if a > -math.inf and b < math.inf:
            p, by_a, by_b = log_interval(a, b, nu)
            return p, -(by_a + by_b) / spread, -(by_a * a + by_b * b) / spread
        if b < math.inf:
            z, kind = b, 1
        else:
            z, kind = a, 2
    if kind == 1:
        p, slope = log_cdf(z, nu)
        return p, -slope / spread, -slope * z / spread
    p, slope = log_cdf(-z, nu)
    return p, slope / spread, slope * z / spread


def score_rows(value, low, high, above, kind, nu, location, spread):  # type: ignore[no-untyped-def]
    """All rows: log densities and both slopes."""
    n = location.size
    density, by_location, by_spread = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        density[i], by_location[i], by_spread[i] = score(
            value[i], low[i], high[i], kind[i], nu[i], location[i], spread[i]
        )
        if above[i] > -math.inf:  # divided by the probability of what can be seen at all
            p, a, b = score(above[i], 0.0, 0.0, 2, nu[i], location[i], spread[i])
            density[i] -= p
            by_location[i] -= a
            by_spread[i] -= b
    return density, by_location, by_spread


compiled_rows = numba.njit(error_model="numpy", nogil=True)(score_rows)


class ScoreOp(Op):
    """Score rows; see `row_log_density`.

    Inputs: value, low, high, above, kind, nu, location, spread, all of shape (n,). Outputs: the
    log density of each row, and its slopes by location and by spread.
    """

    __props__ = ()

    def make_node(self, *inputs: Tensor) -> Any:
        """Make the node."""
        rows = [pt.as_tensor(x) for x in inputs]
        return Apply(self, rows, [pt.dvector(), pt.dvector(), pt.dvector()])

    def perform(self, node: Any, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run outside numba mode."""
        for storage, result in zip(output_storage, compiled_rows(*inputs), strict=True):
            storage[0] = result

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Only the densities have a gradient, by location and spread."""
        return [*([[False] * 3] * 6), [True, False, False], [True, False, False]]

    def pullback(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> list[Tensor]:
        """Multiply by the slopes that were computed with the densities."""
        bar = cotangents[0]
        if isinstance(bar.type, DisconnectedType):
            bar = pt.zeros_like(outputs[0])
        nothing = [disconnected_type() for _ in inputs[:6]]
        return [*nothing, bar * outputs[1], bar * outputs[2]]


@register_funcify_and_cache_key(ScoreOp)
def funcify(op: ScoreOp, node: Any = None, **_: Any) -> tuple[Callable[..., Any], str]:
    """Numba implementation."""
    key = hashlib.sha256("|".join([HERE, *(str(v.type) for v in node.inputs)]).encode())
    return numba_njit(score_rows), key.hexdigest()


def row_log_density(
    value: Tensor,
    low: Any,
    high: Any,
    kind: Any,
    location: Tensor,
    spread: Tensor,
    *,
    nu: Any = NORMAL,
    above: Any = -math.inf,
) -> Tensor:
    """Log density or log probability of rows, normal or Student's t on a working scale.

    Parameters
    ----------
    value : TensorVariable [n]
        On the working scale; the limit itself in a left- or right-censored row.
    low, high : float64[n]
        Ends of interval-censored rows.
    kind : int64[n]
        Position in `measurement.KINDS`.
    location, spread : TensorVariable [n]
        The spread is the standard deviation of a normal, the scale of a t distribution.
    nu : float or float64[n]
        Degrees of freedom, or `NORMAL`.
    above : float or float64[n]
        Where given, the row is conditional on a value above it (truncated).

    Returns
    -------
    TensorVariable [n]
        Without the Jacobian of the working scale.
    """
    numbers = (low, high, above)
    ends = [np.ascontiguousarray(np.broadcast_to(x, np.shape(kind)), np.float64) for x in numbers]
    shapes = np.ascontiguousarray(np.broadcast_to(nu, np.shape(kind)), np.float64)
    outputs: Any = ScoreOp()(value, *ends, np.asarray(kind, np.int64), shapes, location, spread)
    return outputs[0]
