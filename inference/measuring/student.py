"""Student's t distribution: log density and log probability of a tail, with their slopes.

Machine code for `density`, right in the far tails: the lower tail is computed as it is, never as
one minus something. With four degrees of freedom there is a closed form; else the regularized
incomplete beta function gives the tail, by its continued fraction (DLMF 8.17.22).
"""

from __future__ import annotations

import math

import numba

__all__ = ["log_t_cdf", "log_t_density"]

HUGE = 1e100  # beyond, a square could overflow and the 1 in 1 + z^2 / nu is long gone
TINY = 1e-300
STEPS = 10_000


@numba.njit(error_model="numpy")
def log_square(z: float, nu: float) -> float:
    """``log(1 + z^2 / nu)``, without overflow."""
    if abs(z) > HUGE:
        return 2.0 * math.log(abs(z)) - math.log(nu)
    return math.log1p(z * z / nu)


@numba.njit(error_model="numpy")
def log_t_density(z: float, nu: float) -> tuple[float, float]:
    """Log density of Student's t with ``nu`` degrees of freedom, and its slope."""
    height = math.lgamma(0.5 * (nu + 1)) - math.lgamma(0.5 * nu) - 0.5 * math.log(nu * math.pi)
    slope = -(nu + 1) / z if abs(z) > HUGE else -(nu + 1) * z / (nu + z * z)
    return height - 0.5 * (nu + 1) * log_square(z, nu), slope


@numba.njit(error_model="numpy")
def continued(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, by the method of Lentz."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, STEPS):
        for even in (True, False):
            if even:
                term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            else:
                term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1.0 + term * d
            c = 1.0 + term / c
            d = 1.0 / (d if abs(d) > TINY else TINY)
            c = c if abs(c) > TINY else TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value


@numba.njit(error_model="numpy")
def log_lower(z: float, nu: float) -> float:
    """Log probability below ``z <= 0``."""
    if nu == 4.0:
        root = math.hypot(z, 2.0)
        log_gap = math.log(4.0) - math.log(root) - math.log(root - z)
        gap = math.exp(log_gap)  # 1 - |z| / root, without cancellation
        return 2.0 * log_gap + math.log(0.25 * (3.0 - gap))
    if z == 0.0:
        return math.log(0.5)
    a, b = 0.5 * nu, 0.5
    log_x = -log_square(z, nu)
    log_y = -log_square(math.sqrt(nu), z * z) if abs(z) < HUGE else 0.0
    x = math.exp(log_x)
    common = a * log_x + b * log_y + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    if x < (a + 1.0) / (a + b + 2.0):
        return common + math.log(0.5 * continued(a, b, x) / a)
    inside = math.exp(common) * continued(b, a, math.exp(log_y)) / b
    return math.log(0.5) + math.log1p(-inside)


@numba.njit(error_model="numpy")
def log_t_cdf(z: float, nu: float) -> tuple[float, float]:
    """Log of the distribution function of Student's t, and its slope."""
    value = log_lower(z, nu) if z <= 0.0 else math.log1p(-math.exp(log_lower(-z, nu)))
    density, _ = log_t_density(z, nu)
    return value, math.exp(density - value)
