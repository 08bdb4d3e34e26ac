"""Coordinates in which a hierarchical posterior is about round, from its curvature at a mode.

A sampler that learns its metric from its own draws spends most of its warm-up in long trajectories
before it has learnt anything, and never learns the correlations between the effects inside each
subject, of which there are too many. Both follow from second derivatives at the pilot's mode.
Given the population parameters the subjects do not interact, so that the matrix of second
derivatives is an arrow: one block per subject, and rows for the population. Differences of as many
gradients as there are effects of one subject and population parameters give all of it.

The map has the form of that arrow: the effects of a subject are a linear function of the
population parameters plus noise of the subject's own conditional covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..populations.hierarchy import Hierarchical
from ..populations.random_effects import Column, effect_columns
from .coordinates import Affine
from .starts import HUGE, Evaluate, checked

if TYPE_CHECKING:
    from ..problem import Problem
    from .layout import Layout

__all__ = ["affine_at_mode"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
FIRST_EFFECT, FIRST_POPULATION = 0.05, 0.01  # steps: of a prior sd, of the unconstrained scale
SHRINK, SMALLEST = 4.0, 1e-8  # first steps of the population, until the density drops by less than
DROP = 1.0  # this
LEAST = 0.5  # precision of an effect, in units of its prior's: less is curvature of the model
FLAT = 0.05  # precision of a combination of population parameters, relative to their own


@dataclass(frozen=True, eq=False)
class Arrow:
    """Minus the second derivatives of a log density.

    Parameters
    ----------
    within : float64[subject, effect, effect]
    across : float64[subject, effect, population]
    population : float64[population, population]
    """

    within: Array
    across: Array
    population: Array


def affine_at_mode(
    problem: Problem, layout: Layout, evaluate: Evaluate, mode: Array, degrees: Array
) -> Affine | None:
    """Find coordinates with about unit covariance around a mode given the spreads.

    Parameters
    ----------
    problem : Problem
        With a hierarchical population.
    layout : Layout
    evaluate : callable
        Log density and gradient, at these degrees of centering.
    mode : float64[n]
    degrees : float64[parameter, subject]
        Degrees of centering.

    Returns
    -------
    Affine or None
        None if the density is not finite around the mode.
    """
    columns = effect_columns(problem)
    effects = np.stack([layout.where(c) for c in columns], axis=1)
    population = np.setdiff1d(np.arange(layout.size), effects)
    prior = _prior_spreads(problem, columns, layout, mode, degrees)
    top = checked(mode, evaluate)[0]
    steps = FIRST_EFFECT * prior
    wide = np.array([_step(mode, int(k), top, evaluate) for k in population])
    rough = _arrow(mode, effects, population, steps, wide, evaluate)
    if rough is None:
        return None
    steps = 1 / np.sqrt(np.diagonal(np.linalg.inv(_covariance(rough.within, prior)), 0, 1, 2))
    wide = 1 / np.sqrt(np.abs(np.diag(rough.population)) + 1e-12)
    arrow = _arrow(mode, effects, population, steps, wide, evaluate) or rough
    return Affine(mode, _factor(arrow, _covariance(arrow.within, prior), effects, population))


def _prior_spreads(
    problem: Problem, columns: Sequence[Column], layout: Layout, mode: Array, degrees: Array
) -> Array:
    """Give the standard deviation of each effect by the population; float64[subject, effect]."""
    assert isinstance(problem.family, Hierarchical)
    names = list(problem.family.of(problem))
    spreads = np.ones((degrees.shape[1], len(columns)))
    for k, column in enumerate(columns):
        if column.between_subjects and column.spread in layout.places:
            omega = float(np.exp(layout.part(mode, column.spread)[0]))
            spreads[:, k] = omega ** degrees[names.index(column.parameter)]
    return spreads


def _step(mode: Array, place: int, top: float, evaluate: Evaluate) -> float:
    """Step of one population parameter that costs little of the log density."""
    step = FIRST_POPULATION
    while step > SMALLEST:
        moved = mode.copy()
        moved[place] += step
        if abs(checked(moved, evaluate)[0] - top) < DROP:
            break
        step /= SHRINK
    return step


def _arrow(
    mode: Array, effects: Places, population: Places, steps: Array, wide: Array, evaluate: Evaluate
) -> Arrow | None:
    """Take differences: of each effect in all subjects at once, then of each population value.

    None if the density is not finite at one of the points.
    """

    def slope(places: Places | int, step: Array | float) -> Array | None:
        gradients = []
        for sign in (1, -1):
            moved = mode.copy()
            moved[places] += sign * step
            density, gradient = checked(moved, evaluate)
            if density <= -HUGE:
                return None
            gradients.append(gradient)
        return gradients[1] - gradients[0]

    within = np.empty((*effects.shape, effects.shape[1]))
    for k in range(effects.shape[1]):
        found = slope(effects[:, k], steps[:, k])
        if found is None:
            return None
        within[:, :, k] = found[effects] / (2 * steps[:, k, None])
    rows = np.empty((mode.size, population.size))
    for j, place in enumerate(population):
        found = slope(int(place), wide[j])
        if found is None:
            return None
        rows[:, j] = found / (2 * wide[j])
    return Arrow(
        (within + within.transpose(0, 2, 1)) / 2,
        rows[effects],
        (rows[population] + rows[population].T) / 2,
    )


def _covariance(within: Array, prior: Array) -> Array:
    """Conditional covariance of each subject's effects, none much wider than its prior."""
    scale = prior[:, :, None] * prior[:, None, :]
    values, vectors = np.linalg.eigh(within * scale)
    inverse = (vectors / np.maximum(values, LEAST)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.asarray(inverse * scale)


def _factor(
    arrow: Arrow, covariance: Array, effects: Places, population: Places
) -> sparse.csr_array:
    """Root of the covariance; effects follow the population parameters, which stand alone."""
    follow = -np.einsum("sij,sjp->sip", covariance, arrow.across)
    marginal = arrow.population + np.einsum("sip,siq->pq", arrow.across, follow)
    width = 1 / np.sqrt(np.maximum(np.abs(np.diag(marginal)), 1e-12))
    values, vectors = np.linalg.eigh(marginal * width[:, None] * width)
    root = width[:, None] * vectors / np.sqrt(np.maximum(values, FLAT))
    blocks = np.linalg.cholesky(covariance)
    rows, columns, entries = [], [], []

    def put(row: Places, column: Places, block: Array) -> None:
        places = np.meshgrid(row, column, indexing="ij")
        rows.append(places[0].ravel())
        columns.append(places[1].ravel())
        entries.append(block.ravel())

    put(population, population, root)
    for subject, places in enumerate(effects):
        put(places, places, blocks[subject])
        put(places, population, follow[subject] @ root)
    n = effects.size + population.size
    made = sparse.csr_array(
        (np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)
    )
    made.eliminate_zeros()
    return made
