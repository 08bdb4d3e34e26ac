"""Run chains with nutpie or with PyMC's own NUTS, count failures, show progress, survive Ctrl-C."""

from __future__ import annotations

import dataclasses
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from .counters import FAILED, SLOTS, SOLVES, ReadCounters, new_counters
from .joint import COUNTERS
from .progress import ChainState
from .starts import Starts, explanation, find_starts

if TYPE_CHECKING:
    from .joint import Joint
    from .problem import Problem
    from .progress import Progress

__all__ = ["COUNTS", "Drawn", "Settings", "sample_nutpie", "sample_pymc"]

COUNTS = "solver_counts"  # variable that holds a copy of the counters in each draw
POLL = 0.02  # seconds
REFRESH = 0.25


@dataclass(frozen=True)
class Settings:
    """How to draw; see `fit`."""

    draws: int
    tune: int
    chains: int
    cores: int
    seed: int
    target_accept: float
    adaptation: str


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the chains left.

    Parameters
    ----------
    chains : list of DataTree
        One per chain that ran, dim ``chain`` of length 1; groups ``posterior``, ``sample_stats``,
        ``warmup_posterior``, ``warmup_sample_stats``, possibly with few draws or none.
    interrupted : bool
    starts : Starts
    """

    chains: list[xr.DataTree]
    interrupted: bool
    starts: Starts


def seeds_of(settings: Settings) -> tuple[np.random.SeedSequence, list[int]]:
    """Source of start points, and a seed for each chain."""
    starts, draws = np.random.SeedSequence(settings.seed).spawn(2)
    states = [chain.generate_state(1, np.uint64)[0] for chain in draws.spawn(settings.chains)]
    return starts, [int(state >> np.uint64(1)) for state in states]


# --------------------------------------------------------------------------------------- nutpie
@lru_cache(maxsize=4)
def prepared(problem: Problem) -> tuple[Joint, Any]:
    """Joint density and nutpie's compiled model; kept, because compiling takes seconds."""
    import nutpie

    joint = problem.joint()
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

    joint, compiled = prepared(problem)
    sequence, seeds = seeds_of(settings)
    starts = find_starts(
        compiled.initial_point_func,
        compiled.logp_func,
        settings.chains,
        sequence,
        lambda failed: explained(joint, failed),
    )
    blocks = [new_counters() for _ in seeds]
    states: dict[int, ChainState] = {}

    def begin(chain: int) -> Any:
        made = compiled.with_data(**{COUNTERS: np.int64(blocks[chain].ctypes.data)})
        point = starts.points[chain]
        made = dataclasses.replace(made, initial_point_func=lambda seed: point.copy())

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

    done, interrupted = run_all(begin, settings, lambda: progress.update(dict(states)))
    return Drawn([done[c] for c in sorted(done)], interrupted, starts)


def explained(joint: Joint, seeds: Sequence[int]) -> str:
    """Say what is wrong at these prior draws."""
    draw = prior_draws(joint.model)
    return explanation(joint, [draw(seed) for seed in seeds])


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


# ----------------------------------------------------------------------------------------- PyMC
def sample_pymc(problem: Problem, settings: Settings, progress: Progress) -> Drawn:
    """Sample with PyMC's own NUTS, one chain after another in this process.

    Parameters
    ----------
    problem : Problem
    settings : Settings
        ``cores`` is not used.
    progress : Progress

    Returns
    -------
    Drawn

    Raises
    ------
    FitError
        If no start point is found.
    """
    joint, block = problem.joint(), new_counters()
    starts = starts_for_pymc(joint, settings)
    joint.counters.set_value(np.int64(block.ctypes.data))
    watch = Watch(settings, progress, block)
    try:
        with joint.model, quiet():
            tree = pm.sample(
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=1,
                random_seed=[seed % 2**32 for seed in seeds_of(settings)[1]],
                initvals=[unraveled(joint.model, point) for point in starts.points],
                init="adapt_diag",
                nuts_sampler="pymc",
                nuts={"target_accept": settings.target_accept},
                progressbar=False,
                quiet=True,
                compute_convergence_checks=False,
                discard_tuned_samples=False,
                callback=watch,
            )
    finally:
        joint.counters.set_value(np.int64(0))
    return Drawn(split_chains(tree, watch.counts), watch.interrupted, starts)


def starts_for_pymc(joint: Joint, settings: Settings) -> Starts:
    """Start points by a density that PyMC compiles."""
    draw = prior_draws(joint.model)
    function = joint.model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    names = [v.name for v in joint.model.value_vars]

    def flat(seed: int) -> npt.NDArray[np.float64]:
        point = draw(seed)
        return np.concatenate([np.ravel(point[n]) for n in names]).astype(np.float64)

    sequence = seeds_of(settings)[0]
    return find_starts(
        flat, function, settings.chains, sequence, lambda failed: explained(joint, failed)
    )


def unraveled(model: Any, flat: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Value variables by name."""
    point, begin = {}, 0
    for name, example in model.initial_point().items():
        point[name] = flat[begin : begin + example.size].reshape(example.shape)
        begin += example.size
    return point


def prior_draws(model: Any) -> Callable[[int], dict[str, Any]]:
    """Give a function from seed to prior draw, by value variable, in the unconstrained space."""
    from pymc.initial_point import make_initial_point_fn

    made: Callable[[int], dict[str, Any]] = make_initial_point_fn(
        model=model, default_strategy="prior", return_transformed=True
    )
    return made


class Watch:
    """Callback of PyMC: shows progress, and ends all chains at the first Ctrl-C.

    PyMC ends only the chain at which Ctrl-C arrives and goes on with the next; the callback
    notices that a chain stopped short.
    """

    def __init__(
        self, settings: Settings, progress: Progress, block: npt.NDArray[np.int64]
    ) -> None:
        self.settings, self.progress, self.block = settings, progress, block
        self.total = settings.tune + settings.draws
        self.chain, self.seen, self.divergences = 0, 0, 0
        self.begun = self.shown = time.monotonic()
        self.before = block.copy()
        self.counts: dict[int, list[npt.NDArray[np.int64]]] = {}

    @property
    def interrupted(self) -> bool:
        """Whether a chain stopped short."""
        return self.seen < self.total or self.chain < self.settings.chains - 1

    def __call__(self, trace: Any, draw: Any) -> None:
        """Take note of one draw."""
        if draw.chain != self.chain:
            if self.seen < self.total:
                raise KeyboardInterrupt
            self.chain, self.seen, self.divergences = draw.chain, 0, 0
            self.begun, self.before = time.monotonic(), self.block.copy()
        self.seen += 1
        counts = self.block - self.before
        self.counts.setdefault(draw.chain, []).append(counts)
        stats = draw.stats[0]
        self.divergences += bool(stats["diverging"])
        now = time.monotonic()
        if now - self.shown > REFRESH or self.seen == self.total:
            self.shown = now
            self.progress.update({draw.chain: ChainState(
                finished=self.seen,
                total=self.total,
                tuning=draw.tuning,
                divergences=self.divergences,
                step_size=float(stats["step_size"]),
                gradients=int(counts[SOLVES]),
                failed=int(counts[FAILED:].sum()),
                seconds=now - self.begun,
            )})  # fmt: skip


def quiet() -> warnings.catch_warnings[None]:
    """Silence what PyMC says about things that are reported elsewhere."""
    logging.getLogger("pymc").setLevel(logging.ERROR)
    return warnings.catch_warnings(action="ignore")


def split_chains(
    tree: xr.DataTree, counts: Mapping[int, Sequence[npt.NDArray[np.int64]]]
) -> list[xr.DataTree]:
    """One tree per chain, with the counters after each draw."""
    groups = ("posterior", "sample_stats", "warmup_posterior", "warmup_sample_stats")
    made = []
    for position, chain in enumerate(tree["sample_stats"].coords["chain"].to_numpy()):
        one = {g: tree[g].to_dataset().isel(chain=[position]) for g in groups if g in tree.children}
        begin = 0
        for group in ("warmup_posterior", "posterior"):
            if group in one:
                end = begin + one[group].sizes["draw"]
                block = np.array(counts[int(chain)][begin:end]).reshape(1, -1, SLOTS)
                one[group][COUNTS] = ("chain", "draw", "slot"), block
                begin = end
        made.append(xr.DataTree.from_dict(one))
    return made
