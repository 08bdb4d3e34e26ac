"""`descend`: L-BFGS-B on one thread of linear algebra.

The matrices of the optimizer have a few dozen rows. Threads of a BLAS library that wait for each
other cost more there than they help: on two busy cores the algebra of the search for start points
of twelve subjects took 7.4 s of processor time, and less than 0.1 s on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

__all__ = ["descend"]

Array = npt.NDArray[np.float64]


def descend(
    function: Callable[[Array], tuple[float, Array]], start: Array, **settings: Any
) -> Array:
    """Follow a function downhill.

    Parameters
    ----------
    function : callable
        From float64[n] to a value and its gradient, both finite.
    start : float64[n]
    **settings
        As `scipy.optimize.minimize` takes them: ``options``, ``callback``.

    Returns
    -------
    float64[n]
        Where the optimizer ended.
    """
    with libraries().limit(limits=1, user_api="blas"):
        found = minimize(function, start, jac=True, method="L-BFGS-B", **settings)
    return np.asarray(found.x, dtype=np.float64)


@lru_cache(maxsize=1)
def libraries() -> Any:
    """Libraries with threads that this process has loaded; looking for them takes milliseconds."""
    return ThreadpoolController()
