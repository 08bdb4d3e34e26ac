"""Degrees of centering that stay right when the spread is smaller than it seems.

The share of the prior variance that data remove from an effect grows with the spread ``omega``: it
is ``omega**2 h / (1 + omega**2 h)`` with the information ``h`` of the subject's data. At the most
likely spread it may be near 1 while spreads of half the size are as plausible, where a centered
parameter meets a funnel. So the share is taken at the smallest spread that is still likely.

How likely a smaller spread is follows from the same shares: of effects of variance 1 (in units of
the most likely spread) seen with error variance ``v = (1 - share) / share``, the expected drop of
the log likelihood at the relative spread ``r`` is
``sum(log((r**2 + v) / (1 + v)) + (1 + v) / (r**2 + v) - 1) / 2``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

__all__ = ["cautious_degrees", "smallest_spread"]

Array = npt.NDArray[np.float64]
DROP = 3.0  # of the log likelihood, at the smallest spread that counts as likely
SMALLEST = 1e-6  # relative spread that counts as none


def smallest_spread(shares: Array) -> float:
    """Find the smallest likely spread, relative to the most likely one.

    Parameters
    ----------
    shares : float64[subject]
        Share of the variance of the effect that each subject's data remove, at the most likely
        spread.

    Returns
    -------
    float
        0 if no spread at all is likely enough.

    Examples
    --------
    >>> smallest_spread(np.array([0.1, 0.2]))
    0.0
    >>> smallest_spread(np.full(1000, 0.99)) > 0.9
    True
    """
    seen = shares[shares > 0]
    v = (1 - seen) / seen

    def left(log_spread: float) -> float:
        now = math.exp(2 * log_spread) + v
        return DROP - 0.5 * float(np.sum(np.log(now / (1 + v)) + (1 + v) / now - 1))

    lowest = math.log(SMALLEST)
    if not seen.size or left(lowest) > 0:
        return 0.0
    return math.exp(brentq(left, lowest, 0.0))


def cautious_degrees(shares: Array) -> Array:
    """Degrees of centering of one parameter in each subject.

    Parameters
    ----------
    shares : float64[subject]
        As for `smallest_spread`.

    Returns
    -------
    float64[subject]
        From 0 (non-centered) to 1 (centered).

    Examples
    --------
    >>> cautious_degrees(np.array([0.1, 0.2]))
    array([0., 0.])
    """
    bounded = np.clip(shares, 0.0, 1.0 - 1e-9)
    information = smallest_spread(bounded) ** 2 * bounded / (1 - bounded)
    degrees: Array = information / (1 + information)
    return degrees
