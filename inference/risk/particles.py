"""Sequential Monte Carlo: what is known of one patient, updated as measurements arrive.

A particle is a draw of the population and a set of individual effects. New rows are let in by
steps, each as large as keeps half of the particles effective; after each the particles are drawn
again by weight and moved by Metropolis steps that leave the posterior so far unchanged. The order
of the rows in time is the order of the steps: a forecast at a landmark cannot know a later row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

if TYPE_CHECKING:
    from .individual import Evidence, Individual

__all__ = ["Particles", "start", "update"]

Array = npt.NDArray[np.float64]
EFFECTIVE = 0.5  # share of the particles that a step keeps effective
MOVES = 4  # Metropolis steps of the effects after each
MOST = 40  # steps for one landmark
SCALE = 2.38
AIMED = 0.3  # acceptance


@dataclass(frozen=True, eq=False)
class Particles:
    """Equally weighted draws of one patient.

    Parameters
    ----------
    who : int64[particle]
        Position of the draw of the population.
    z : float64[particle, varying]
        Standard effects.
    steps : int
        Steps in which the rows were let in, so far.
    acceptance : float
        Smallest mean acceptance of any step.
    log_evidence : float
        Log marginal density of the rows, so far.
    """

    who: npt.NDArray[np.int64] = field(repr=False)
    z: Array = field(repr=False)
    steps: int = 0
    acceptance: float = 1.0
    log_evidence: float = 0.0

    @property
    def distinct(self) -> int:
        """Draws of the population that are still there."""
        return int(np.unique(self.who).size)


def start(individual: Individual, count: int, rng: np.random.Generator) -> Particles:
    """Draw so many particles from the prior."""
    return Particles(*individual.draw(count, rng))


def update(
    particles: Particles, individual: Individual, evidence: Evidence, rng: np.random.Generator
) -> Particles:
    """Let in the new rows of the evidence.

    Parameters
    ----------
    particles : Particles
        Given the old rows.
    individual : Individual
    evidence : Evidence
    rng : Generator

    Returns
    -------
    Particles
        Given all rows of the evidence.
    """
    cloud = _Cloud(particles, individual, evidence, rng)
    share = 0.0
    for _ in range(MOST):
        share = cloud.advance(share)
        if share >= 1.0:
            break
    return Particles(
        cloud.who, cloud.z, particles.steps + cloud.steps,
        min(particles.acceptance, cloud.acceptance), particles.log_evidence + cloud.log_evidence,
    )  # fmt: skip


class _Cloud:
    """Particles on their way from the old rows to the new ones."""

    def __init__(
        self, given: Particles, individual: Individual, evidence: Evidence, rng: np.random.Generator
    ) -> None:
        self.individual, self.evidence, self.rng = individual, evidence, rng
        self.who, self.z = given.who, given.z
        self.old, self.new = self._score(given.who, given.z)
        self.steps, self.acceptance, self.log_evidence = 0, 1.0, 0.0
        self.size = 1.0

    def _score(self, who: npt.NDArray[np.int64], z: Array) -> tuple[Array, Array]:
        measuring = {
            name: tuple(s[who] for s in parts) for name, parts in self.individual.measuring.items()
        }
        return self.evidence(self.individual.theta(who, z), measuring)

    def advance(self, share: float) -> float:
        """Let in a larger share of the new rows; the share reached."""
        reach = _next(self.new, share)
        weight = (reach - share) * self.new
        top = float(weight.max())
        chance = np.exp(weight - top)
        self.log_evidence += top + float(np.log(chance.mean()))
        kept = _resample(chance / chance.sum(), self.rng)
        self.who, self.z = self.who[kept], self.z[kept]
        self.old, self.new = self.old[kept], self.new[kept]
        accepted = [self._move(reach) for _ in range(MOVES)] if self.z.shape[1] else [1.0]
        self._exchange(reach)
        self.acceptance = min(self.acceptance, float(np.mean(accepted)))
        self.steps += 1
        return reach

    def _move(self, share: float) -> float:
        """Metropolis step of the effects, by the scatter of all particles."""
        width = self.z.shape[1]
        spread = np.cov(self.z, rowvar=False).reshape(width, width) + 1e-8 * np.eye(width)
        factor = self.size * SCALE / np.sqrt(width) * np.linalg.cholesky(spread)
        trial = self.z + self.rng.standard_normal(self.z.shape) @ factor.T
        prior = self.individual.log_prior(trial) - self.individual.log_prior(self.z)
        taken = self._accept(self.who, trial, prior, share)
        self.size = float(np.clip(self.size * np.exp(taken - AIMED), 0.05, 2.0))
        return taken

    def _exchange(self, share: float) -> float:
        """Offer each particle another draw of the population, with its effects as they are."""
        other = self.rng.integers(len(self.individual.center), size=self.who.size)
        return self._accept(other, self.z, np.zeros(self.who.size), share)

    def _accept(self, who: npt.NDArray[np.int64], z: Array, prior: Array, share: float) -> float:
        old, new = self._score(who, z)
        with np.errstate(invalid="ignore"):
            gain = prior + old - self.old + share * (new - self.new)
            better = np.log(self.rng.uniform(size=gain.size)) < gain
        self.who = np.where(better, who, self.who)
        self.z = np.where(better[:, None], z, self.z)
        self.old, self.new = np.where(better, old, self.old), np.where(better, new, self.new)
        return float(better.mean())


def _next(score: Array, share: float) -> float:
    """Largest share of the new rows that keeps half of the particles effective."""

    def surplus(reach: float) -> float:
        weight = (reach - share) * score
        chance = np.exp(weight - weight.max())
        return float(chance.sum() ** 2 / (chance**2).sum() - EFFECTIVE * score.size)

    if surplus(1.0) >= 0:
        return 1.0
    least = share + 1e-6
    if surplus(least) <= 0:  # particles that cannot be solved are left behind at once
        return min(1.0, share + 1e-3)
    return float(brentq(surplus, least, 1.0, xtol=1e-4))


def _resample(chance: Array, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Systematic resampling."""
    count = chance.size
    ladder = (rng.uniform() + np.arange(count)) / count
    return np.minimum(np.searchsorted(np.cumsum(chance), ladder), count - 1)
