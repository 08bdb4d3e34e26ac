"""Sample with nutpie: one thread per chain, failures counted, Ctrl-C survived."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from .counters import FAILED, SLOTS, SOLVES, ReadCounters, new_counters
from .hierarchy import Hierarchical, with_centering
from .joint import COUNTERS
from .pilot import Layout, run_pilot, transfer
from .progress import ChainState
from .samplers import COUNTS, REFRESH, Drawn, explained, seeds_of
from .starts import Starts, find_starts

if TYPE_CHECKING:
    from .joint import Joint
    from .problem import Problem
    from .progress import Progress
    from .samplers import Settings

__all__ = ["sample_nutpie"]

POLL = 0.02  # seconds


@lru_cache(maxsize=4)
def prepared(problem: Problem, centered: tuple[str, ...] = ()) -> tuple[Joint, Any]:
    """Joint density and nutpie's compiled model; kept, because compiling takes seconds."""
    import nutpie

    joint = with_centering(problem, centered).joint()
    with joint.model as model:
        model.add_coord("slot", range(SLOTS))
        pm.Deterministic(COUNTS, ReadCounters()(joint.counters, model.free_RVs[0]), dims="slot")
    compiled = nutpie.compile_pymc_model(joint.model, default_initialization_strategy="prior")
    return joint, compiled


def sample_nutpie(problem: Problem, settings: Settings, progress: Progress) -> Drawn:
    """Sample with nutpie: each chain in a thread of its own, with its own block of counters.

    Parameters
    ----------
    problem : Problem
    settings : Settings
    progress : Progress

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
    joint, compiled, starts, centered = begun_at(problem, settings, sequence)
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
    return Drawn([done[c] for c in sorted(done)], interrupted, starts, seconds, centered)


def begun_at(
    problem: Problem, settings: Settings, sequence: np.random.SeedSequence
) -> tuple[Joint, Any, Starts, tuple[str, ...]]:
    """Compiled model and starting points; of a hierarchical one, after a pilot on its centering."""
    joint, compiled = prepared(problem)
    found = (compiled.initial_point_func, compiled.logp_func, settings.chains, sequence)

    def explain(failed: Sequence[int]) -> str:
        return explained(joint, failed)

    if not isinstance(problem.family, Hierarchical):
        return joint, compiled, find_starts(*found, explain), ()
    pilot = run_pilot(problem, Layout.of(joint), *found, explain)
    centered = problem.family.centered
    if centered is None:
        centered = tuple(n for n in pilot.centered if n not in problem.family.correlated)
    if not centered:
        return joint, compiled, pilot.starts, ()
    other, program = prepared(problem, centered)
    points = transfer(problem, joint, other, pilot.starts.points)
    return other, program, dataclasses.replace(pilot.starts, points=points), centered


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
