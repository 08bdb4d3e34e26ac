"""Starting points of a hierarchical fit, and which parameters to sample centered.

The joint mode of all parameters says little about a hierarchical model: spreads between subjects
run away from where the mass is. Here they follow an approximate EM algorithm (the Laplace step of
FOCE). With the spreads held, all else is optimized; the curvature of the log density in the
standardized effects ``z`` of each subject gives their conditional covariance; and each spread
moves to the root of the mean of ``z**2`` plus its variance. Spreads start at the scale of their
prior and shrink: where curves cannot move to the data, the residual spread takes the misfit, and
once it is large nothing pulls them; and a spread that starts small grows by small steps only. The
effects start at zero, where all subjects are alike, and not each in a mode of its own.

The same covariance decides about centering. The degree of a parameter in a subject is the share of
the prior variance of its effect that the data remove: 1 where they fix it, 0 where they say
nothing (Papaspiliopoulos, Roberts, Skoeld, Stat Sci 22 (2007) 59-73). It is the marginal variance,
within each subject's block: two parameters that data tie together are each poorly known. It is
taken at the smallest likely spread (`degrees`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...models.distributions import Distribution, HalfCauchy, HalfNormal, LogNormal
from ..populations.hierarchy import Hierarchical
from ..populations.random_effects import Column, effect_columns, groups_by_spread
from ..populations.scales import scale_of, spread_unit
from .degrees import cautious_degrees
from .descent import descend
from .layout import Layout, shapes_of
from .starts import Evaluate, Starts, candidates, checked, searched

if TYPE_CHECKING:
    from ..joint import Joint
    from ..problem import Problem

__all__ = ["Pilot", "mean_degrees", "piloted", "run_pilot", "transfer"]

Array = npt.NDArray[np.float64]
PATHS = 4  # prior draws from which the algorithm starts, at least
ROUNDS = 8  # of expectation and maximization, at most
FIRST, LATER = 300, 80  # gradients of the optimizer in the first round and in later ones
SETTLED = 0.05  # relative change of every spread that counts as none
STEP = 1e-4  # of the differences that give the curvature
JITTER = 0.1  # of population parameters, on the unconstrained scale
MARGIN = 10.0  # plus the number of population parameters, as in `starts`
SPREAD = (0.02, 3.0)  # limits of relative spreads


@dataclass(frozen=True, eq=False)
class Pilot:
    """What the pilot found.

    Parameters
    ----------
    starts : Starts
        Non-centered points, one per chain.
    degrees : mapping of parameter to float64[subject]
        Share of the prior variance of its effect that the data remove.
    mode : float64[n]
        Best mode given its spreads; non-centered.
    """

    starts: Starts
    degrees: Mapping[str, Array]
    mode: Array


@dataclass(frozen=True, eq=False)
class _Mode:
    """End of one path: a point, the covariance of each subject's effects, an approximate height."""

    point: Array
    covariance: Array  # (subject, effect, effect)
    height: float


def run_pilot(
    problem: Problem,
    layout: Layout,
    draw: Callable[[int], Array],
    evaluate: Evaluate,
    chains: int,
    sequence: np.random.SeedSequence,
    explain: Callable[[Any], str],
    tell: Callable[[str], None] = lambda text: None,
) -> Pilot:
    """Find starting points and the share of variance that decides about centering.

    Parameters
    ----------
    problem : Problem
        With a hierarchical population, non-centered.
    layout : Layout
    draw, evaluate, chains, sequence, explain, tell
        As for `starts.find_starts`.

    Returns
    -------
    Pilot

    Raises
    ------
    FitError
        If no prior draw has a finite density.
    """
    columns = effect_columns(problem)
    source = candidates(draw, evaluate, sequence, explain)
    units = {c.spread: spread_unit(problem, c.parameter) for c in columns}
    widths = {s: _width(problem.all_priors[s], unit) for s, unit in units.items()}
    modes: list[_Mode] = []
    while len(modes) < max(PATHS, chains):
        modes.append(_climb(next(source), columns, units, widths, layout, evaluate))
        top = max(m.height for m in modes)
        tell(searched(len(modes), max(PATHS, chains), top))
    modes.sort(key=lambda m: -m.height)
    population = layout.size - sum(c.entries.size for c in columns)
    kept = [m for m in modes if m.height >= modes[0].height - MARGIN - population]
    rng = np.random.default_rng(sequence.spawn(1)[0])
    points = [
        _scattered(kept[c % len(kept)], columns, layout, evaluate, rng) for c in range(chains)
    ]
    left = np.diagonal(modes[0].covariance, axis1=1, axis2=2).T
    degrees = {
        c.parameter: cautious_degrees(1.0 - left[k])
        for k, c in enumerate(columns)
        if c.between_subjects
    }
    starts = Starts(points, [m.height for m in modes], len(kept))
    return Pilot(starts, degrees, modes[0].point)


def piloted(
    problem: Problem,
    joint: Joint,
    draw: Callable[[int], Array],
    evaluate: Evaluate,
    chains: int,
    sequence: np.random.SeedSequence,
    explain: Callable[[Any], str],
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[Starts, Array, Array]:
    """Run the pilot and bring its points to the degrees that were asked for or found.

    Parameters
    ----------
    joint : Joint
        Of the problem; its degrees are zero, also in ``evaluate``.
    problem, draw, evaluate, chains, sequence, explain, tell
        As for `run_pilot`.

    Returns
    -------
    Starts
    float64[parameter, subject]
        Degrees of centering.
    float64[n]
        The best mode given its spreads.
    """
    family = problem.family
    assert isinstance(family, Hierarchical)
    layout = Layout.of(joint)
    pilot = run_pilot(problem, layout, draw, evaluate, chains, sequence, explain, tell)
    degrees = np.zeros((len(family.of(problem)), len(problem.arrangement.subjects)))
    for k, name in enumerate(family.of(problem)):
        if name not in family.correlated:
            asked = family.centered
            degrees[k] = pilot.degrees[name] if asked is None else float(name in asked)
    *points, mode = transfer(problem, joint, [*pilot.starts.points, pilot.mode], degrees)
    return replace(pilot.starts, points=points), degrees, mode


def mean_degrees(problem: Problem, degrees: Array) -> dict[str, float]:
    """Mean degree of centering of each varying parameter, for the report."""
    if not isinstance(problem.family, Hierarchical):
        return {}
    names = problem.family.of(problem)
    return {name: round(float(degrees[k].mean()), 3) for k, name in enumerate(names)}


def _climb(
    start: Array,
    columns: Sequence[Column],
    units: Mapping[str, float],
    widths: Mapping[str, float],
    layout: Layout,
    evaluate: Evaluate,
) -> _Mode:
    """Alternate between the optimum at given spreads and better spreads."""
    x = start.copy()
    for column in columns:
        x[layout.where(column)] = 0.0
    held = np.zeros(x.size, dtype=bool)
    for spread, unit in units.items():
        if spread in layout.places:
            place = layout.places[spread][0]
            x[place] = np.log(np.clip(widths[spread], *(unit * np.array(SPREAD))))
            held[place] = True
    for round_ in range(ROUNDS):
        x = _optimum(x, held, evaluate, LATER if round_ else FIRST)
        covariance = _covariance(x, columns, layout, evaluate)
        if _improve(x, covariance, columns, units, layout) < SETTLED:
            break
    x = _optimum(x, held, evaluate, LATER)
    covariance = _covariance(x, columns, layout, evaluate)
    _, logdet = np.linalg.slogdet(covariance)
    return _Mode(x, covariance, checked(x, evaluate)[0] + 0.5 * float(np.sum(logdet)))


def _width(prior: Distribution, unit: float) -> float:
    """Size of a spread that its prior takes for ordinary."""
    match prior:
        case HalfNormal(sd=width) | HalfCauchy(scale=width) | LogNormal(median=width):
            return width
    return unit


def _improve(
    x: Array,
    covariance: Array,
    columns: Sequence[Column],
    units: Mapping[str, float],
    layout: Layout,
) -> float:
    """Move each spread to where its effects say, in place; return the largest relative change."""
    change = 0.0
    for spread, members in groups_by_spread(columns).items():
        if spread not in layout.places:
            continue  # of a correlated block
        place = layout.places[spread][0]
        squares = np.concatenate(
            [(x[layout.where(columns[k])] ** 2 + covariance[:, k, k])[columns[k].there]
             for k in members]
        )  # fmt: skip
        old = float(np.exp(x[place]))
        wanted = old * float(np.sqrt(np.mean(squares)))
        new = float(np.clip(wanted, *(units[spread] * np.array(SPREAD))))
        x[place] = np.log(new)
        for k in members:
            x[layout.where(columns[k])] *= old / new
        change = max(change, abs(new / old - 1))
    return change


def _optimum(x: Array, held: npt.NDArray[np.bool_], evaluate: Evaluate, budget: int) -> Array:
    """Move all but the held entries uphill."""
    top, best = checked(x, evaluate)[0], x.copy()

    def downhill(free: Array) -> tuple[float, Array]:
        nonlocal top, best
        full = x.copy()
        full[~held] = free
        density, gradient = checked(full, evaluate)
        if density > top:
            top, best = density, full
        return -density, -gradient[~held]

    descend(downhill, x[~held], options={"maxfun": budget})
    return best


def _covariance(x: Array, columns: Sequence[Column], layout: Layout, evaluate: Evaluate) -> Array:
    """Conditional covariance of each subject's effects, from differences of gradients.

    Subjects do not interact once population parameters are held, so that one difference per
    effect, in all subjects at once, gives every block.
    """
    where = np.stack([layout.where(c) for c in columns], axis=1)
    precision = np.empty((*where.shape, where.shape[1]))
    for k in range(where.shape[1]):
        gradients = []
        for step in (STEP, -STEP):
            moved = x.copy()
            moved[where[:, k]] += step
            gradients.append(checked(moved, evaluate)[1])
        precision[:, :, k] = -((gradients[0] - gradients[1]) / (2 * STEP))[where]
    precision = (precision + precision.transpose(0, 2, 1)) / 2
    values, vectors = np.linalg.eigh(np.where(np.isfinite(precision), precision, 0.0))
    values = np.clip(values, 0.5, None)  # the prior alone gives 1; less is curvature of the model
    covariance: Array = (vectors / values[:, None, :]) @ vectors.transpose(0, 2, 1)
    return covariance


def _scattered(
    mode: _Mode,
    columns: Sequence[Column],
    layout: Layout,
    evaluate: Evaluate,
    rng: np.random.Generator,
) -> Array:
    """Draw effects from their approximate conditional, and shake the rest a little."""
    factor = np.linalg.cholesky(mode.covariance)
    width = 1.0
    for _ in range(8):
        x = mode.point + width * JITTER * rng.standard_normal(mode.point.size)
        noise = np.einsum("ijk,ik->ij", factor, rng.standard_normal(factor.shape[:2]))
        for k, column in enumerate(columns):
            where = layout.where(column)
            x[where] = mode.point[where] + width * noise[:, k]
        density = checked(x, evaluate)[0]
        if density > checked(mode.point, evaluate)[0] - MARGIN - 2 * x.size:
            return x
        width /= 2
    fallback: Array = mode.point.copy()
    return fallback


def transfer(problem: Problem, joint: Joint, points: list[Array], degrees: Array) -> list[Array]:
    """Bring non-centered points to other degrees of centering.

    Parameters
    ----------
    problem : Problem
    joint : Joint
        Of the problem; its own degrees are zero.
    points : list of float64[n]
    degrees : float64[parameter, subject]
        In the order of the varying parameters.

    Returns
    -------
    list of float64[n]
    """
    family, layout, model = problem.family, Layout.of(joint), joint.model
    assert isinstance(family, Hierarchical)
    names = family.of(problem)
    function, shapes = individuals_of(joint, names), shapes_of(joint)
    moved = []
    for x in points:
        values = {rv: model.rvs_to_values[rv].name for rv in model.free_RVs}
        found = function(
            {v: layout.part(x, rv.name).reshape(shapes[v]) for rv, v in values.items()}
        )
        y = x.copy()
        for k, n in enumerate(names):
            if n in family.correlated:
                continue
            value, eta, omega = found[2 * k], found[2 * k + 1], found[2 * len(names) + k]
            center = scale_of(*problem.bounds(n)).forward(value, np.log) - eta
            z = layout.part(x, f"{n}_z")
            layout.part(y, f"{n}_z")[:] = degrees[k] * center + omega ** degrees[k] * z
        moved.append(y)
    return moved


@lru_cache(maxsize=4)
def individuals_of(joint: Joint, names: tuple[str, ...]) -> Callable[..., list[Array]]:
    """Compile what gives value and effect of each name in turn, and then the spreads."""
    model = joint.model
    wanted = [model[f"{n}{ending}"] for n in names for ending in ("_individual", "_eta")]
    wanted += [model[f"{n}_omega"] for n in names]
    made: Callable[..., list[Array]] = model.compile_fn(
        model.replace_rvs_by_values(wanted), inputs=model.value_vars, on_unused_input="ignore"
    )
    return made
