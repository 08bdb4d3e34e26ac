"""Sample with nutpie: one thread per chain, failures counted, Ctrl-C survived."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from ..counters import FAILED, SLOTS, SOLVES, ReadCounters, new_counters
from ..hierarchy import CENTERING, Hierarchical
from ..joint import COUNTERS, build_joint
from .pilot import Layout, run_pilot, transfer
from .progress import ChainState
from .samplers import COUNTS, REFRESH, Drawn, explained, seeds_of
from .starts import Starts, find_starts

if TYPE_CHECKING:
    from ..joint import Joint
    from ..problem import Problem
    from .progress import Progress
    from .samplers import Settings

__all__ = ["sample_nutpie"]

POLL = 0.02  # seconds


@lru_cache(maxsize=4)
def prepared(problem: Problem, replaceable: bool = False) -> tuple[Joint, Any]:
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
) -> Drawn:
    """Sample with nutpie: each chain in a thread of its own, with its own block of counters.

    Parameters
    ----------
    problem : Problem
    settings : Settings
    progress : Progress
    data : mapping of name to array, optional
        In place of the measured values and their censoring, see `exchange`.

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
    import nutpie

    sequence, seeds = seeds_of(settings)
    joint, compiled, starts, centering = begun_at(problem, settings, sequence, data)
    blocks = [new_counters() for _ in seeds]
    states: dict[int, ChainState] = {}

    def begin(chain: int) -> Any:
        made = compiled.with_data(**{COUNTERS: np.int64(blocks[chain].ctypes.data)})
        point = starts.points[chain]
        # The function also holds the block: it has to live as long as the sampler's thread.
        made = dataclasses.replace(
            made, initial_point_func=lambda seed, block=blocks[chain]: point.copy()
        )

        def report(found: Sequence[Any]) -> None:
            states[chain] = nutpie_state(found[0], blocks[chain])

        return nutpie.sample(
            made,
            draws=settings.draws,
            tune=settings.tune,
            chains=1,
            cores=1,
            seed=seeds[chain],
            adaptation=settings.adaptation,
            target_accept=settings.target_accept,
            progress_bar=False,
            progress_callback=report,
            blocking=False,
        )

    begun = time.perf_counter()
    done, interrupted = run_all(begin, settings, lambda: progress.update(dict(states)))
    seconds = time.perf_counter() - begun
    return Drawn([done[c] for c in sorted(done)], interrupted, starts, seconds, centering)


def begun_at(
    problem: Problem,
    settings: Settings,
    sequence: np.random.SeedSequence,
    data: Mapping[str, npt.NDArray[Any]] | None = None,
) -> tuple[Joint, Any, Starts, dict[str, float]]:
    """Compiled model, starting points, and the mean degree of centering of each parameter."""
    joint, compiled = with_replica(problem, data)

    def explain(failed: Sequence[int]) -> str:
        return explained(joint, failed)

    if isinstance(problem.family, Hierarchical):
        return after_pilot(problem, problem.family, settings, sequence, explain, data)
    draw, evaluate = compiled.initial_point_func, compiled.logp_func
    return joint, compiled, find_starts(draw, evaluate, settings.chains, sequence, explain), {}


def with_replica(
    problem: Problem, data: Mapping[str, npt.NDArray[Any]] | None
) -> tuple[Joint, Any]:
    """As `prepared`, with other measured values where they are given; nothing is compiled anew."""
    joint, compiled = prepared(problem, data is not None)
    for name, array in (data or {}).items():
        joint.model[name].set_value(array)
    return joint, compiled.with_data(**data) if data else compiled


def after_pilot(
    problem: Problem,
    family: Hierarchical,
    settings: Settings,
    sequence: np.random.SeedSequence,
    explain: Callable[[Sequence[int]], str],
    data: Mapping[str, npt.NDArray[Any]] | None = None,
) -> tuple[Joint, Any, Starts, dict[str, float]]:
    """As `begun_at`, for a hierarchical population with degrees that were asked for or found."""
    joint, compiled = with_replica(problem, data)
    names = family.of(problem)
    degrees = np.zeros((len(names), len(problem.arrangement.subjects)))
    joint.model[CENTERING].set_value(degrees)
    plain = compiled.with_data(**{CENTERING: degrees})
    draw, evaluate = plain.initial_point_func, plain.logp_func
    pilot = run_pilot(problem, Layout.of(joint), draw, evaluate, settings.chains, sequence, explain)
    for k, name in enumerate(names):
        if name not in family.correlated:
            asked = family.centered
            degrees[k] = pilot.degrees[name] if asked is None else float(name in asked)
    points = transfer(problem, joint, pilot.starts.points, degrees)
    starts = dataclasses.replace(pilot.starts, points=points)
    mean = {name: round(float(degrees[k].mean()), 3) for k, name in enumerate(names)}
    return joint, compiled.with_data(**{CENTERING: degrees}), starts, mean


def nutpie_state(found: Any, block: npt.NDArray[np.int64]) -> ChainState:
    """Translate the progress of a nutpie chain."""
    return ChainState(
        finished=found.finished_draws,
        total=found.total_draws,
        tuning=found.tuning,
        divergences=found.divergences,
        step_size=found.step_size,
        gradients=int(block[SOLVES]),
        failed=int(block[FAILED:].sum()),
        seconds=found.runtime_ms / 1000,
    )


def run_all(
    begin: Callable[[int], Any], settings: Settings, refresh: Callable[[], None]
) -> tuple[dict[int, xr.DataTree], bool]:
    """Keep ``cores`` samplers going until all chains are done or the user interrupts."""
    waiting, running = deque(range(settings.chains)), dict[int, Any]()
    done: dict[int, xr.DataTree] = {}
    shown = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < settings.cores:
                chain = waiting.popleft()
                running[chain] = begin(chain)
            for chain in [c for c, sampler in running.items() if is_finished(sampler)]:
                done[chain] = collected(running[chain].wait)
                del running[chain]
            if time.monotonic() - shown > REFRESH:
                shown = time.monotonic()
                refresh()
            time.sleep(POLL)
    except KeyboardInterrupt:
        for chain, sampler in running.items():
            done[chain] = collected(sampler.abort)
        return done, True
    except BaseException:
        for sampler in running.values():
            sampler.cancel()
        raise
    refresh()
    return done, False


def is_finished(sampler: Any) -> bool:
    """Whether a sampler has ended; nutpie 0.16 answers "not yet" with a timeout."""
    try:
        return bool(sampler.is_finished)
    except TimeoutError:
        return False


def collected(take: Callable[[], xr.DataTree]) -> xr.DataTree:
    """Tree of one chain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ArviZ, about chains without draws
        return take()
