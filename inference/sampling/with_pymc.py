"""Sample with PyMC's own NUTS, for comparison: one chain after another in this process."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from ..counters import FAILED, SLOTS, SOLVES, new_counters
from ..populations.hierarchy import CENTERING, Hierarchical
from .pilot import mean_degrees, piloted
from .progress import ChainState
from .samplers import COUNTS, REFRESH, Drawn, explained, prior_draws, seeds_of
from .starts import find_starts

if TYPE_CHECKING:
    from ..joint import Joint
    from ..problem import Problem
    from .progress import Progress
    from .samplers import Settings
    from .starts import Starts

__all__ = ["sample_pymc"]


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
    starts, centering = starts_for_pymc(problem, joint, settings, progress.tell)
    joint.counters.set_value(np.int64(block.ctypes.data))
    watch = Watch(settings, progress, block)
    begun = time.perf_counter()
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
    seconds = time.perf_counter() - begun
    chains = split_chains(tree, watch.counts)
    return Drawn(chains, watch.interrupted, starts, seconds, centering)


def starts_for_pymc(
    problem: Problem, joint: Joint, settings: Settings, tell: Callable[[str], None]
) -> tuple[Starts, dict[str, float]]:
    """Start points by a density that PyMC compiles, and degrees of centering, set in the model."""
    hierarchical = isinstance(problem.family, Hierarchical)
    if hierarchical:
        degrees = joint.model[CENTERING]
        degrees.set_value(np.zeros(degrees.get_value().shape))
    draw = prior_draws(joint.model)
    function = joint.model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    names = [v.name for v in joint.model.value_vars]

    def flat(seed: int) -> npt.NDArray[np.float64]:
        point = draw(seed)
        return np.concatenate([np.ravel(point[n]) for n in names]).astype(np.float64)

    def explain(failed: Sequence[int]) -> str:
        return explained(joint, failed)

    chains, sequence = settings.chains, seeds_of(settings)[0]
    if not hierarchical:
        return find_starts(flat, function, chains, sequence, explain, tell), {}
    starts, found, _ = piloted(problem, joint, flat, function, chains, sequence, explain, tell)
    joint.model[CENTERING].set_value(found)
    return starts, mean_degrees(problem, found)


def unraveled(model: Any, flat: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Value variables by name."""
    point, begin = {}, 0
    for name, example in model.initial_point().items():
        point[name] = flat[begin : begin + example.size].reshape(example.shape)
        begin += example.size
    return point


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
            state = ChainState(
                finished=self.seen,
                total=self.total,
                tuning=draw.tuning,
                divergences=self.divergences,
                step_size=float(stats["step_size"]),
                gradients=int(counts[SOLVES]),
                failed=int(counts[FAILED:].sum()),
                seconds=now - self.begun,
            )
            self.progress.update({draw.chain: state})


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what PyMC says about things that are reported elsewhere."""
    logger = logging.getLogger("pymc")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


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
