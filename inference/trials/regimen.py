"""`optimize_regimen`: doses and times of the highest expected utility, and how sure that is.

Utility is benefit minus a weight times harm; or minus the harm, among the candidates whose benefit
is enough. It is expected over posterior draws and virtual
patients, not computed at the mean of the parameters: the best regimen for the mean is not the
best on average. Every candidate sees the same patients, so that candidates differ by what they do.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.optimize import differential_evolution

from ...datasets.errors import InputError
from ...models.ode import OdeModel
from ...models.solver import SolverOptions
from .chance import limits
from .choice import Choice, Utility
from .design import Arm, Design, Endpoint
from .endpoints import answers
from .evidence import evidence_of
from .grading import Grades
from .virtual import Bench, Done, patients_of, run_draws

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["optimize_regimen"]

Array = npt.NDArray[Any]
MOST = 2000  # candidates of a grid


def optimize_regimen(
    arm: Arm,
    space: Mapping[str, Sequence[float]],
    utility: Utility,
    source: Problem | OdeModel,
    posterior: xr.DataTree | xr.Dataset | None = None,
    *,
    design: Design | None = None,
    n: int | None = None,
    draws: int | None = 100,
    seed: int = 1,
    method: str = "grid",
    rounds: int = 12,
    grades: Grades | None = None,
    options: SolverOptions | None = None,
    workers: int | None = None,
    done: Done | None = None,
) -> Choice:
    """Choose the numbers of a regimen.

    Parameters
    ----------
    arm : Arm
        Its doses hold names in place of numbers: ``Dose("day2", "step2", "drug")``. A name may
        also be that of a parameter of the model.
    space : mapping of name to sequence of float
        With ``"grid"`` the values to try; with ``"evolution"`` the lowest and the highest value.
    utility : Utility
    source, posterior
        As in `virtual_trial`.
    design : Design, optional
        Endpoints, length, grading and spread; its arms are not used.
    n : int, optional
        Virtual patients per draw; default: those of the design, else 100.
    draws : int, optional
    seed : int
    method : {"grid", "evolution"}
        All combinations; or differential evolution, where candidates are those that it tried.
    rounds : int
        Generations of the evolution.
    grades, options, workers
        As in `virtual_trial`.
    done : callable ``(finished, total)``, optional
        Called after each draw of a grid, or each candidate of an evolution.

    Returns
    -------
    Choice
    """
    plain = design or Design((arm,))
    plain = replace(plain, arms=(arm,), n=plain.n if n is None else n)
    patients = patients_of(source, posterior, plain, draws, seed)
    inside = patients.model.parameter_names
    decisions = [name for name in space if name not in inside]
    _check_space(space, patients.model)
    bench = Bench.of(plain, patients, grades, options, decisions)
    which = [_find(bench.endpoints, name) for name in (utility.benefit, utility.harm)]
    search = Search(bench, which, tuple(space), workers)
    if method == "grid":
        candidates = _grid(space)
        pairs, failed = search.all(candidates, done)
    elif method == "evolution":
        candidates, pairs, failed = search.evolve(space, utility, seed, rounds, done)
    else:
        raise InputError(f"method {method!r}: choose grid or evolution.")
    edges = {name: (float(min(v)), float(max(v))) for name, v in space.items()}
    evidence = evidence_of(bench.plans, patients.model)
    choice = _choice(
        tuple(space), candidates, pairs, failed, utility, edges, patients.label,
        (*patients.notes, *bench.notes), evidence,
    )  # fmt: skip
    bench.patients = patients_of(source, posterior, plain, draws, seed + 1)
    fresh, _ = search.all(candidates[choice.best : choice.best + 1])
    mean = np.nanmean(fresh[:, 0], axis=0)
    return replace(choice, fresh=float(utility.of(mean)), fresh_benefit=float(mean[0]))


class Search:
    """Candidates through the engine.

    Parameters
    ----------
    bench : Bench
        With one arm.
    which : sequence of int
        Positions of benefit and harm among the endpoints.
    names : tuple of str
        Numbers that are chosen.
    workers : int, optional
    """

    def __init__(
        self, bench: Bench, which: Sequence[int], names: tuple[str, ...], workers: int | None
    ) -> None:
        self.bench, self.which, self.names, self.workers = bench, list(which), names, workers

    def one(self, draw: int, candidates: Array) -> Array:
        """Benefit and harm of each patient; float64[candidate, patient, 2], NaN where unsolved."""
        plan = self.bench.plans[0]
        theta = self.bench.theta(draw, plan.arm)
        columns = [plan.model.parameter_names.index(n) for n in self.names]
        asked = [self.bench.endpoints[k] for k in self.which]
        found = np.empty((len(candidates), len(theta), 2))
        for c, values in enumerate(candidates):
            theta[:, columns] = values
            found[c] = answers(asked, plan.run(theta), self.bench.grades, draw)
        return found

    def all(self, candidates: Array, done: Done | None = None) -> tuple[Array, int]:
        """Means over patients; float64[draw, candidate, 2], and patients that were left out."""

        def reduced(draw: int) -> tuple[Array, int]:
            found = self.one(draw, candidates)
            bad = np.isnan(found).any(axis=(0, 2))
            kept = found[:, ~bad]
            empty = np.full((len(candidates), 2), np.nan)
            return (kept.mean(axis=1) if kept.shape[1] else empty), int(bad.sum())

        done_draws = run_draws(reduced, self.bench.patients.draws, self.workers, done)
        return np.stack([d[0] for d in done_draws]), sum(d[1] for d in done_draws)

    def evolve(
        self,
        space: Mapping[str, Sequence[float]],
        utility: Utility,
        seed: int,
        rounds: int,
        done: Done | None,
    ) -> tuple[Array, Array, int]:
        """Differential evolution on a fixed set of patients; every candidate tried is kept."""
        for name, ends in space.items():
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise InputError(f"space, {name}: evolution needs [lowest, highest].")
        tried: dict[tuple[float, ...], tuple[Array, int]] = {}
        population = 8
        total = population * len(space) * (rounds + 1)

        def loss(values: Array) -> float:
            key = tuple(float(v) for v in values)
            if key not in tried:
                pairs, failed = self.all(np.array([key]))
                tried[key] = pairs[:, 0], failed
                if done is not None:
                    done(min(len(tried), total), total)
            mean = np.nanmean(tried[key][0], axis=0)
            short = float(utility.short_by(mean[0]))
            return 1.0 + short if short > 0 else -float(utility.of(mean))  # no harm exceeds 1

        differential_evolution(
            loss, [(float(v[0]), float(v[1])) for v in space.values()], maxiter=rounds,
            popsize=population, rng=np.random.default_rng(seed), polish=False, tol=1e-4,
        )  # fmt: skip
        pairs = np.stack([p for p, _ in tried.values()], axis=1)
        return np.array(list(tried)), pairs, max(f for _, f in tried.values())


def _check_space(space: Mapping[str, Sequence[float]], model: OdeModel) -> None:
    """Refuse values that a parameter cannot have."""
    for name, values in space.items():
        low, high = 0.0, float("inf")
        if name in model.parameter_names:
            low, high = model.parameter(name).lower, model.parameter(name).upper
        for value in values:
            if not low <= value <= high:
                raise InputError(
                    f"space, {name}: {value:g} lies outside its bounds [{low:g}, {high:g}]."
                )


def _find(endpoints: Sequence[Endpoint], name: str) -> int:
    names = [e.name for e in endpoints]
    if name not in names:
        raise InputError(f"utility: there is no endpoint {name!r}; there are {', '.join(names)}.")
    return names.index(name)


def _grid(space: Mapping[str, Sequence[float]]) -> Array:
    for name, values in space.items():
        if not len(values):
            raise InputError(f"space, {name}: give at least one value.")
    count = int(np.prod([len(v) for v in space.values()])) if space else 0
    if not 0 < count <= MOST:
        raise InputError(
            f"the space has {count} candidates; a grid takes 1 to {MOST}. Use fewer values, or "
            "method = 'evolution'."
        )
    return np.array(list(itertools.product(*space.values())), dtype=float)


def front(benefit: Array, harm: Array) -> Array:
    """Whether no other candidate is at least as good in both and better in one; bool[candidate]."""
    more = (benefit[:, None] >= benefit) & (harm[:, None] <= harm)
    strictly = (benefit[:, None] > benefit) | (harm[:, None] < harm)
    return ~(more & strictly).any(axis=0)


def _choice(
    names: tuple[str, ...],
    candidates: Array,
    pairs: Array,
    failed: int,
    utility: Utility,
    edges: Mapping[str, tuple[float, float]],
    label: str,
    notes: tuple[str, ...],
    evidence: Mapping[str, str],
) -> Choice:
    """Put the numbers of all candidates into a table."""
    pairs = pairs[np.isfinite(pairs).all(axis=(1, 2))]
    if not len(pairs):
        raise InputError("no draw could be solved for all candidates; narrow the space.")
    benefit, harm = pairs.mean(axis=0).T
    allowed = utility.short_by(benefit) == 0
    if not allowed.any():
        raise InputError(
            f"no candidate has {utility.benefit} in at least {100 * (utility.at_least or 0):g} % "
            f"of the patients; the highest is {100 * benefit.max():.1f} %. Widen the space, or ask "
            "for less."
        )
    gain = np.where(allowed, utility.of(pairs), np.nan)
    mean = gain.mean(axis=0)
    best = int(np.nanargmax(mean))
    behind = gain[:, best, None] - gain
    top = gain == np.nanmax(gain, axis=1, keepdims=True)
    low, high = (np.where(allowed, x, np.nan) for x in limits(utility.of(pairs)))
    table = pd.DataFrame(candidates, columns=list(names)).assign(
        benefit=benefit, harm=harm, utility=mean, utility_lower=low, utility_upper=high,
        behind=behind.mean(axis=0),
        behind_error=behind.std(axis=0, ddof=1 if len(gain) > 1 else 0) / np.sqrt(len(gain)),
        p_best=(top / top.sum(axis=1, keepdims=True)).mean(axis=0),
        on_front=front(benefit, harm), allowed=allowed,
    )  # fmt: skip
    information = float(np.nanmax(gain, axis=1).mean() - mean[best])
    return Choice(
        names, table, best, utility, dict(edges), information, failed, label,
        notes=notes, evidence=evidence,
    )  # fmt: skip
