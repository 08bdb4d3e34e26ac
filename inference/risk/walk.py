"""Many short chains at once: one Metropolis walker for each draw of what is upstream.

Where what is downstream (how grades follow from a signal) does not act back on what is upstream, it
has another posterior for every draw of the signal. One walker per draw, all moved together by array
arithmetic, draws from each of them: the last state of each walker is kept. The proposal is the
covariance of all walkers, learned in a warm-up and then frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

__all__ = ["Walked", "mode_of", "walk"]

Array = npt.NDArray[np.float64]
WARM_UP = (30, 30, 30)  # steps, after each of which the proposal is learned again
SCALE = 2.38  # optimal for a normal target (Roberts, Gelman and Gilks 1997)
START = 0.3  # spread of the walkers at the beginning


@dataclass(frozen=True, eq=False)
class Walked:
    """What many short chains give.

    Parameters
    ----------
    draws : float64[walker, parameter]
        Last state of each.
    acceptance : float
        Share of the proposals after warm-up.
    drift : float
        Largest difference between the means of all walkers half-way and at the end, in standard
        errors of such a difference: beyond 4 the walkers have not settled.
    """

    draws: Array
    acceptance: float
    drift: float


def walk(
    density: Callable[[Array], Array],
    start: Array,
    walkers: int,
    rng: np.random.Generator,
    steps: int = 100,
) -> Walked:
    """Draw once from each of many densities.

    Parameters
    ----------
    density : callable
        float64[walker, parameter] -> float64[walker], log density of each walker's own target.
    start : float64[parameter]
        Near the mode of a typical one, see `mode_of`.
    walkers : int
    rng : Generator
    steps : int
        After warm-up.

    Returns
    -------
    Walked
    """
    state = start + START * rng.standard_normal((walkers, start.size))
    value = density(state)
    factor = START * np.eye(start.size)
    for length in WARM_UP:
        state, value, _ = _steps(density, state, value, factor, length, rng)
        factor = _factor(state)
    middle, value, first = _steps(density, state, value, factor, steps // 2, rng)
    last, _, second = _steps(density, middle, value, factor, steps - steps // 2, rng)
    error = np.sqrt((middle.var(axis=0) + last.var(axis=0)) / walkers) + 1e-300
    drift = float(np.abs((middle.mean(axis=0) - last.mean(axis=0)) / error).max())
    return Walked(last, (first + second) / 2, drift)


def mode_of(density: Callable[[Array], Array], start: Array) -> Array:
    """Mode of the density of one walker.

    Parameters
    ----------
    density : callable
        float64[1, parameter] -> float64[1].
    start : float64[parameter]

    Returns
    -------
    float64[parameter]
    """

    def loss(point: Array) -> float:
        value = float(density(point[None])[0])
        return -value if np.isfinite(value) else 1e10

    return np.asarray(minimize(loss, start, method="L-BFGS-B").x, dtype=np.float64)


def _factor(state: Array) -> Array:
    """Cholesky factor of the proposal, from the scatter of the walkers."""
    size = state.shape[1]
    spread = np.cov(state, rowvar=False).reshape(size, size)
    ridge = 1e-6 * np.diag(np.maximum(np.diag(spread), 1e-12))
    return np.asarray(SCALE / np.sqrt(size) * np.linalg.cholesky(spread + ridge))


def _steps(
    density: Callable[[Array], Array],
    state: Array,
    value: Array,
    factor: Array,
    count: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, float]:
    """Metropolis steps of all walkers; also the share that was accepted."""
    accepted = 0.0
    for _ in range(count):
        trial = state + rng.standard_normal(state.shape) @ factor.T
        proposed = density(trial)
        with np.errstate(invalid="ignore"):
            better = np.log(rng.uniform(size=value.size)) < proposed - value
        state = np.where(better[:, None], trial, state)
        value = np.where(better, proposed, value)
        accepted += float(better.mean()) / max(count, 1)
    return state, value, accepted
