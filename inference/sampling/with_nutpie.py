"""Sample with nutpie: one thread per chain, failures counted, Ctrl-C survived."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from ..counters import SLOTS, ReadCounters
from ..joint import build_joint
from ..populations.hierarchy import CENTERING, Hierarchical
from .chains import Chain, run_all
from .checkpoint import EVERY, Begun
from .curvature import affine_at_mode
from .layout import Layout
from .pilot import mean_degrees, piloted
from .samplers import COUNTS, Drawn, explained, seeds_of
from .starts import find_starts

if TYPE_CHECKING:
    from ..joint import Joint
    from ..problem import Problem
    from .checkpoint import Checkpoint
    from .progress import Progress
    from .samplers import Settings

__all__ = ["sample_nutpie"]

Array = npt.NDArray[np.float64]


@lru_cache(maxsize=4)
def prepared(problem: Problem, *, replaceable: bool) -> tuple[Joint, Any]:
    """Joint density and nutpie's compiled model; kept, because compiling takes seconds."""
    import nutpie

    joint = build_joint(problem, replaceable=replaceable)
    with joint.model as model:
        model.add_coord("slot", range(SLOTS))
        pm.Deterministic(COUNTS, ReadCounters()(joint.counters, model.free_RVs[0]), dims="slot")
    compiled = nutpie.compile_pymc_model(joint.model, default_initialization_strategy="prior")
    return joint, compiled


def sample_nutpie(
    problem: Problem,
    settings: Settings,
    progress: Progress,
    data: Mapping[str, npt.NDArray[Any]] | None = None,
    checkpoint: Checkpoint | None = None,
    enough: Callable[[Drawn], bool] = lambda drawn: True,
) -> Drawn:
    """Sample with nutpie: each chain in a thread of its own, with its own block of counters.

    Parameters
    ----------
    problem : Problem
    settings : Settings
    progress : Progress
    data : mapping of name to array, optional
        In place of the measured values and their censoring, see `exchange`.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from which the chains go on if it holds one.
    enough : callable
        Asked when all chains have ended; if it says no, they go on where they are, up to
        ``settings.max_draws``.

    Returns
    -------
    Drawn

    Raises
    ------
    FitError
        If no start point is found.

    Notes
    -----
    Every chain is a sampler of one chain with its own seed, so that draws depend neither on how
    many chains run at a time nor on the order in which they end.
    """
    joint, compiled = with_replica(problem, data)
    begun = checkpoint.begun() if checkpoint else None
    if begun is None:
        begun = begun_at(problem, settings, joint, compiled, progress.tell)
        if checkpoint:
            checkpoint.save_begun(begun)
    compiled, centering = centered(problem, joint, compiled, begun.degrees)
    chains = [
        Chain(number, compiled, settings, begun, seed, checkpoint)
        for number, seed in enumerate(seeds_of(settings)[1])
    ]
    before = max(c.plan.seconds if c.plan else 0.0 for c in chains)
    clock = time.perf_counter()
    later = deque(settings.rounds[1:])
    while True:
        interrupted = run_all(chains, settings, progress, EVERY if checkpoint else math.inf)
        trees = [c.tree for c in chains if c.tree is not None]
        if not trees:
            raise KeyboardInterrupt
        drawn = Drawn(
            trees,
            interrupted,
            begun.starts,
            before + time.perf_counter() - clock,
            centering,
            checkpoint.processes if checkpoint else 0,
        )
        if interrupted or not later or enough(first_draws(drawn, chains[0].settings.draws)):
            return drawn
        for chain in chains:
            chain.settle(replace(settings, draws=later[0]))
        later.popleft()


def first_draws(drawn: Drawn, draws: int) -> Drawn:
    """Leave out what some chains have more: those that go on after a kill, in a new process."""
    kept = ("posterior", "sample_stats")
    cut = [
        xr.DataTree.from_dict({g: tree[g].to_dataset().isel(draw=slice(0, draws)) for g in kept})
        for tree in drawn.chains
    ]
    return replace(drawn, chains=cut)


def begun_at(
    problem: Problem,
    settings: Settings,
    joint: Joint,
    compiled: Any,
    tell: Callable[[str], None] = lambda text: None,
) -> Begun:
    """Find starting points; of a hierarchical population also the degrees of centering.

    Those are then set in the model, too.
    """
    chains, sequence = settings.chains, seeds_of(settings)[0]

    def explain(failed: Sequence[int]) -> str:
        return explained(joint, failed)

    draw = compiled.initial_point_func
    if not isinstance(problem.family, Hierarchical):
        found = find_starts(draw, compiled.logp_func, chains, sequence, explain, tell)
        return Begun(found, np.zeros((0, 0)))
    centering = joint.model[CENTERING]
    centering.set_value(np.zeros(centering.get_value().shape))
    evaluate = compiled.logp_func
    starts, degrees, mode = piloted(problem, joint, draw, evaluate, chains, sequence, explain, tell)
    centering.set_value(degrees)
    coordinates = affine_at_mode(problem, Layout.of(joint), evaluate, mode, degrees)
    return Begun(starts, degrees, coordinates)


def with_replica(
    problem: Problem, data: Mapping[str, npt.NDArray[Any]] | None
) -> tuple[Joint, Any]:
    """As `prepared`, with other measured values where they are given; nothing is compiled anew."""
    joint, compiled = prepared(problem, replaceable=data is not None)
    for name, array in (data or {}).items():
        joint.model[name].set_value(array)
    return joint, compiled.with_data(**data) if data else compiled


def centered(
    problem: Problem, joint: Joint, compiled: Any, degrees: Array
) -> tuple[Any, dict[str, float]]:
    """Set the degrees of centering; the model, and the mean degree of each parameter."""
    if not isinstance(problem.family, Hierarchical):
        return compiled, {}
    return compiled.with_data(**{CENTERING: degrees}), mean_degrees(problem, degrees)
