"""Chains of nutpie, each a sampler of its own: begun, looked at, written to disk, ended."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ..counters import FAILED, SOLVES, new_counters
from ..joint import COUNTERS
from .continuation import OPTIONS, join, next_plan, segment_of
from .coordinates import gradient_of, in_coordinates
from .merge import PHASES, length
from .progress import ChainState
from .samplers import REFRESH

if TYPE_CHECKING:
    from .checkpoint import Begun, Checkpoint
    from .continuation import Plan
    from .progress import Progress
    from .samplers import Settings

__all__ = ["Chain", "run_all"]

Array = npt.NDArray[np.float64]
POLL = 0.02  # seconds


class Chain:
    """One chain: what it has, what it does, what is kept of it.

    Parameters
    ----------
    number : int
    compiled : CompiledPyMCModel
    settings : Settings
    begun : Begun
    seed : int
    checkpoint : Checkpoint, optional
    """

    def __init__(
        self,
        number: int,
        compiled: Any,
        settings: Settings,
        begun: Begun,
        seed: int,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.number, self.checkpoint = number, checkpoint
        self.block = new_counters()
        self.state: ChainState | None = None
        self.trouble = ""  # why the last writing failed
        self.segments = checkpoint.segments(number) if checkpoint else []
        self.tree = join(self.segments)
        self._begun, self._seed = begun, seed
        self._in_parts = checkpoint is not None or len(settings.rounds) > 1
        self._sampler: Any = None
        self._kept = 0.0
        self._compiled = compiled.with_data(**{COUNTERS: np.int64(self.block.ctypes.data)})
        self.settle(settings)

    def settle(self, settings: Settings) -> None:
        """Plan what is left to do until the chain has as many draws as ``settings`` ask for."""
        self.settings = settings
        self.plan = next_plan(self.segments, settings, self._begun, self._seed, self.number)
        self._moved = self.plan.moved(self._gradient) if self.plan else None

    def _gradient(self, x: Array) -> Array:
        return gradient_of(self._compiled, x)

    def begin(self) -> None:
        """Start the thread."""
        import nutpie

        plan, made, alive = self.plan, self._compiled, tuple[Any, ...]()
        assert plan is not None
        point = plan.start
        if self._moved is not None:
            made, alive = in_coordinates(made, self._moved)
            point = self._moved.back(point)
        options: dict[str, Any] = dict(OPTIONS) if self._in_parts else {}
        if plan.step is not None:
            options["step_size_adapt_method"] = repr(plan.step)
        # The function also holds what the sampler's thread reads, as long as the thread lives.
        made = dataclasses.replace(
            made, initial_point_func=lambda seed, alive=(alive, self.block): point.copy()
        )
        self.block[:] = 0
        self._kept = time.monotonic()
        self._sampler = nutpie.sample(
            made,
            draws=plan.draws,
            tune=plan.tune,
            chains=1,
            cores=1,
            seed=plan.seed,
            adaptation=self.settings.adaptation,
            target_accept=self.settings.target_accept,
            progress_bar=False,
            progress_callback=self.report,
            blocking=False,
            **options,
        )

    def report(self, found: Sequence[Any]) -> None:
        """Take note of the progress."""
        assert self.plan is not None
        self.state = nutpie_state(found[0], self.block, self.plan)

    @property
    def is_finished(self) -> bool:
        """Whether the sampler has ended; nutpie 0.16 answers "not yet" with a timeout."""
        try:
            return bool(self._sampler.is_finished)
        except TimeoutError:
            return False

    def keep(self, every: float) -> None:
        """Write what there is, if the last time is long enough ago."""
        if time.monotonic() - self._kept >= every:
            self._save(self._segment(collected(self._sampler.inspect)))
            self._kept = time.monotonic()

    def end(self, *, abort: bool = False) -> None:
        """Take the draws, if they have not been taken."""
        if self._sampler is None:
            return
        tree = collected(self._sampler.abort if abort else self._sampler.wait)
        self._sampler = None
        if self._in_parts:
            made = self._segment(tree)
            self._save(made)
            self.segments.append(made)
            self.tree = join(self.segments)
        elif any(length(tree, group) for group in PHASES.values()):
            self.tree = tree

    def cancel(self) -> None:
        """Stop without asking for draws."""
        if self._sampler is not None:
            self._sampler.cancel()

    def _segment(self, tree: xr.DataTree) -> xr.DataTree:
        assert self.plan is not None
        spent = self.state.seconds - self.plan.seconds if self.state else 0.0
        return segment_of(tree, self.plan, self._moved, spent)

    def _save(self, segment: xr.DataTree) -> None:
        if self.checkpoint is None or not segment.children:
            return
        try:
            self.checkpoint.save(self.number, len(self.segments), segment)
            self.trouble = ""
        except InputError as error:  # a full disk; the draws are still in memory
            self.trouble = str(error)


def nutpie_state(found: Any, block: npt.NDArray[np.int64], plan: Plan) -> ChainState:
    """Translate the progress of a nutpie chain."""
    return ChainState(
        finished=plan.finished(found.finished_draws),
        total=plan.total,
        tuning=found.tuning,
        divergences=found.divergences,
        step_size=found.step_size,
        gradients=int(block[SOLVES]),
        failed=int(block[FAILED:].sum()),
        seconds=plan.seconds + found.runtime_ms / 1000,
    )


def run_all(chains: Sequence[Chain], settings: Settings, progress: Progress, every: float) -> bool:
    """Keep ``cores`` samplers going until all chains are done; True if the user interrupts."""
    waiting = deque(c for c in chains if c.plan is not None)
    running: list[Chain] = []
    shown = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < settings.cores:
                running.append(waiting.popleft())
                running[-1].begin()
            for chain in [c for c in running if c.is_finished]:
                chain.end()
                running.remove(chain)
            for chain in running:
                chain.keep(every)
            if time.monotonic() - shown > REFRESH:
                shown = time.monotonic()
                show(chains, progress)
            time.sleep(POLL)
    except KeyboardInterrupt:
        for chain in running:
            chain.end(abort=True)
        return True
    except BaseException:
        for chain in running:
            chain.cancel()
        raise
    show(chains, progress)
    return False


def show(chains: Sequence[Chain], progress: Progress) -> None:
    """Hand the states of all chains to the display, and what could not be written."""
    for trouble in {c.trouble for c in chains if c.trouble}:
        progress.warn(f"{trouble}. The chains go on, and are written when there is space again.")
    progress.update({c.number: c.state for c in chains if c.state is not None})


def collected(take: Callable[[], xr.DataTree]) -> xr.DataTree:
    """Tree of one chain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ArviZ, about chains without draws
        return take()
