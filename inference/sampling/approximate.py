"""Normal approximations of a posterior in the unconstrained space, and how far they can be trusted.

Each gives draws and their log density under the approximation; the importance ratios of those
draws tell how bad the approximation is (Pareto k; Vehtari et al., JMLR 25 (2024) 72).

- `laplace`: normal at the mode, with the curvature there (differences of gradients).
- `pathfinder`: along the path of an L-BFGS optimizer, the normal that is nearest to the posterior
  in Kullback-Leibler divergence (Zhang et al., JMLR 23 (2022) 306), one path after another, the
  best kept. The start points of a fit stand on such paths too, but outside of the normal's bulk.
- `advi`: independent normals that maximize the evidence lower bound by stochastic gradients
  (Kucukelbir et al., JMLR 18 (2017) 14). PyMC has it too, but would compile the density again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import LbfgsInvHessProduct

from .descent import descend
from .starts import HUGE, Evaluate, checked

__all__ = ["Approximation", "advi", "caution", "laplace", "pareto_k", "pathfinder", "summit"]

Array = npt.NDArray[np.float64]
CLIMB = 3000  # evaluations to the mode, at most
STEP = 1e-4  # of differences of gradients
FLATTEST = 1e-6  # curvature that counts as none
MEMORY = 6  # steps that an estimate of curvature looks back
TRIALS = 10  # draws that estimate the divergence of one normal
ROUNDS, BATCH, RATE = 3000, 2, 0.05  # of stochastic gradients
USEFUL = 0.7  # Pareto k up to which importance weights could repair the draws
EQUAL = 1e-6  # range of logarithms of ratios that are all the same
FEWEST = 50  # draws with a density, to estimate a tail


@dataclass(frozen=True, eq=False)
class Approximation:
    """A normal distribution in the unconstrained space.

    Parameters
    ----------
    mean : float64[n]
    factor : float64[n, n]
        ``factor @ factor.T`` is the covariance.
    """

    mean: Array
    factor: Array

    def draw(self, rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
        """Points float64[draw, n], and their log density float64[draw]."""
        z = rng.standard_normal((draws, self.mean.size))
        _, volume = np.linalg.slogdet(self.factor)
        constant = 0.5 * self.mean.size * np.log(2 * np.pi) + volume
        return self.mean + z @ self.factor.T, -0.5 * (z**2).sum(axis=1) - constant


def summit(points: Sequence[Array], evaluate: Evaluate) -> Array:
    """Highest point that an optimizer reaches from any of some points."""
    best = max((climbed(p, evaluate)[0][-1] for p in points), key=lambda x: checked(x, evaluate)[0])
    return np.asarray(best)


def climbed(point: Array, evaluate: Evaluate) -> tuple[list[Array], list[Array]]:
    """Give the iterates of L-BFGS, and the gradients of the log density there."""
    points: list[Array] = [np.array(point)]

    def downhill(x: Array) -> tuple[float, Array]:
        density, gradient = checked(x, evaluate)
        return -density, -gradient

    def keep(x: Array) -> None:
        points.append(np.array(x))

    limits = {"maxfun": CLIMB, "maxiter": CLIMB, "ftol": 1e-12}
    descend(downhill, point, options=limits, callback=keep)
    return points, [checked(x, evaluate)[1] for x in points]


def laplace(mode: Array, evaluate: Evaluate) -> Approximation:
    """Lay a normal at the mode with its curvature; flat directions get a width of 1000."""
    n = mode.size
    precision = np.empty((n, n))
    for k, step in enumerate(STEP * np.eye(n)):
        up, down = (checked(mode + s, evaluate)[1] for s in (step, -step))
        precision[k] = (down - up) / (2 * STEP)
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    return Approximation(mode, vectors / np.sqrt(np.maximum(values, FLATTEST)))


def pathfinder(
    points: Sequence[Array], evaluate: Evaluate, rng: np.random.Generator
) -> Approximation:
    """Best normal along the paths of an optimizer."""
    found = [c for p in points for c in along(*climbed(p, evaluate))]
    return max(found, key=lambda c: bound(c, evaluate, rng, TRIALS))


def along(points: Sequence[Array], gradients: Sequence[Array]) -> list[Approximation]:
    """Make normals at the iterates of one path, by the curvature that the last steps show."""
    made, moves, bends = [], list[Array](), list[Array]()
    for k in range(1, len(points)):
        move, bend = points[k] - points[k - 1], gradients[k - 1] - gradients[k]
        if move @ bend > 1e-10 * np.sqrt((move @ move) * (bend @ bend)) > 0:
            moves, bends = [*moves, move][-MEMORY:], [*bends, bend][-MEMORY:]
        if not moves:
            continue
        scale = (moves[-1] @ bends[-1]) / (bends[-1] @ bends[-1])
        root = np.sqrt(scale)
        inverse = LbfgsInvHessProduct(np.array(moves) / root, np.array(bends) * root).todense()
        covariance = scale * np.asarray(inverse)
        try:
            factor = np.linalg.cholesky((covariance + covariance.T) / 2)
        except np.linalg.LinAlgError:
            continue
        made.append(Approximation(points[k] + covariance @ gradients[k], factor))
    return made


def bound(normal: Approximation, evaluate: Evaluate, rng: np.random.Generator, draws: int) -> float:
    """Estimate the evidence lower bound."""
    points, own = normal.draw(rng, draws)
    return float(np.mean([checked(x, evaluate)[0] for x in points] - own))


def advi(start: Array, evaluate: Evaluate, rng: np.random.Generator) -> Approximation:
    """Independent normals, by Adam with falling steps; the mean of the last quarter of the way."""
    n = start.size
    state = np.concatenate([start, np.full(n, -2.0)])  # means and logarithms of widths
    slow, fast, kept = np.zeros(2 * n), np.zeros(2 * n), []
    for k in range(1, ROUNDS + 1):
        z = rng.standard_normal((BATCH, n))
        width = np.exp(state[n:])
        slopes = np.array([checked(state[:n] + width * e, evaluate)[1] for e in z])
        gradient = np.concatenate([slopes.mean(axis=0), (slopes * z).mean(axis=0) * width + 1.0])
        slow, fast = 0.9 * slow + 0.1 * gradient, 0.999 * fast + 0.001 * gradient**2
        step = RATE * 10 ** (-2 * k / ROUNDS) / (np.sqrt(fast / (1 - 0.999**k)) + 1e-8)
        state = state + step * slow / (1 - 0.9**k)
        if k > 0.75 * ROUNDS:
            kept.append(state)
    last = np.mean(kept, axis=0)
    return Approximation(last[:n], np.diag(np.exp(last[n:])))


def pareto_k(points: Array, own: Array, density: Callable[[Array], float]) -> float:
    """Tail index of the importance ratios.

    Infinite if half of the draws have no posterior density, NaN if there are too few to tell.
    """
    from arviz_stats.base.array import array_stats

    psislw: Any = array_stats.psislw
    target = np.array([density(x) for x in points])
    ratio = target - own
    seen = target > -HUGE
    if seen.mean() < 0.5:
        return float("inf")
    if seen.sum() < FEWEST:
        return float("nan")
    if np.ptp(ratio[seen]) < EQUAL:
        return 0.0
    _, k = psislw(ratio[seen].max() - ratio[seen])  # it takes minus the logarithm
    return float(k)


def caution(method: str, k: float) -> str:
    """Say what an approximation is worth.

    Parameters
    ----------
    method : str
    k : float
        Pareto k of the importance ratios.

    Returns
    -------
    str
    """
    head = f"This is a quick look by {method}, not a fit"
    if method == "map":
        return f"{head}: one point, the mode, without any uncertainty."
    if np.isnan(k):
        return f"{head}, with too few draws to tell how far from the posterior it is."
    if k < USEFUL:
        return (
            f"{head}: the approximation is near the posterior (Pareto k {k:.2f}), but only draws "
            "of the posterior itself can be quoted."
        )
    return (
        f"{head}, and the approximation is far from the posterior (Pareto k {k:.2f}; above "
        f"{USEFUL:g} its draws cannot even be corrected by weights)."
    )
