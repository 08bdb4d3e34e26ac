"""Sample with NUTS of blackjax or numpyro, for comparison: one chain after another.

Both run in a thread of their own: the main thread shows how far they are and hears Ctrl-C, of
which compiled code takes no notice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ..counters import FAILED, SOLVES
from .expansion import variables_at
from .jax_density import Calls, as_words, double_precision, from_words, jax_density
from .progress import ChainState
from .samplers import COUNTS, REFRESH, Drawn, seeds_of
from .with_nutpie import begun_at, centered, prepared

if TYPE_CHECKING:
    from ..joint import Joint
    from ..problem import Problem
    from .progress import Progress
    from .samplers import Settings

__all__ = ["sample_blackjax", "sample_numpyro"]

Array = npt.NDArray[np.float64]
DEPTH = 10  # doublings of a trajectory at most; the default of both
# What a kernel tells of each draw, after its point.
TOLD = ("lp", "energy", "acceptance_rate", "step_size", "diverging", "n_steps")
KINDS: dict[str, type] = {"diverging": bool, "n_steps": np.int64}


class Kernel(Protocol):
    """NUTS of a library, for one chain after another."""

    def warm_up(self, seed: int, start: Array) -> Any:
        """Tune; note each draw; give the state of the chain."""

    def draw(self, state: Any) -> Any:
        """Draw once and note it; give the state of the chain."""


def sample_blackjax(problem: Problem, settings: Settings, progress: Progress) -> Drawn:
    """Sample with NUTS of blackjax after its window adaptation.

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
    InputError
        If blackjax is not installed.
    FitError
        If no start point is found.
    """
    need("blackjax")
    return sample(problem, settings, progress, Blackjax)


def sample_numpyro(problem: Problem, settings: Settings, progress: Progress) -> Drawn:
    """Sample with NUTS of numpyro; see `sample_blackjax`."""
    need("numpyro")
    return sample(problem, settings, progress, Numpyro)


def need(sampler: str) -> None:
    """Say how to install what is missing."""
    missing = [name for name in ("jax", sampler) if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the sampler {sampler} needs {' and '.join(missing)}, which cytobayes does not "
            "install by itself: pip install 'cytobayes[jax]'"
        )


def sample(
    problem: Problem,
    settings: Settings,
    progress: Progress,
    library: Callable[[Calls, Settings, Callable[[Array], None]], Kernel],
) -> Drawn:
    """Draw all chains with kernels of a library, from the starts that nutpie would have."""
    joint, compiled = prepared(problem, replaceable=False)
    begun = begun_at(problem, settings, joint, compiled, progress.tell)
    compiled, centering = centered(problem, joint, compiled, begun.degrees)
    calls = Calls(compiled)
    log = Log(calls, settings)
    with double_precision():
        kernel = library(calls, settings, log.note)
    trees, clock = [], time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        for number, seed in enumerate(seeds_of(settings)[1]):
            calls.begin()
            log.begin()
            task = pool.submit(chain, kernel, seed, begun.starts.points[number], log)
            finish(task, log, number, progress)
            if log.rows:
                trees.append(log.tree(joint, compiled))
            if calls.stopped:
                break
    if not trees:
        raise KeyboardInterrupt
    seconds = time.perf_counter() - clock
    return Drawn(trees, calls.stopped, begun.starts, seconds, centering)


def chain(kernel: Kernel, seed: int, start: Array, log: Log) -> None:
    """Run one chain."""
    with double_precision():
        state = kernel.warm_up(seed, start)
        while not log.is_finished:
            state = kernel.draw(state)


def finish(task: Future[None], log: Log, number: int, progress: Progress) -> None:
    """Wait for a chain, showing its progress; at Ctrl-C it ends with its next step."""
    try:
        while wait([task], timeout=REFRESH).not_done:
            if log.rows:
                progress.update({number: log.state})
        task.result()
        progress.update({number: log.state})
    except KeyboardInterrupt:
        log.calls.stopped = True
        task.result()
    except BaseException:
        log.calls.stopped = True
        raise


class Log:
    """What a chain has drawn, with the counters after each draw.

    Parameters
    ----------
    calls : Calls
    settings : Settings
    """

    def __init__(self, calls: Calls, settings: Settings) -> None:
        self.calls, self.settings = calls, settings
        self.begin()

    def begin(self) -> None:
        """Forget all, for the next chain."""
        self.rows: list[Array] = []
        self.counts: list[npt.NDArray[np.int64]] = []
        self._begun = time.monotonic()

    def note(self, row: Array) -> None:
        """Take note of a draw, unless it was cut short.

        Parameters
        ----------
        row : float64[n + len(TOLD)]
            The point, then what the kernel tells.
        """
        if not self.calls.stopped:
            self.rows.append(np.array(row))
            self.counts.append(self.calls.block.copy())

    @property
    def is_finished(self) -> bool:
        """Whether the chain has all its draws, or was stopped."""
        return self.calls.stopped or len(self.rows) >= self.settings.tune + self.settings.draws

    @property
    def state(self) -> ChainState:
        """How far the chain is."""
        done, tune = len(self.rows), self.settings.tune
        counts = self.calls.block
        last = self.rows[done - 1][-len(TOLD) :]
        diverging = TOLD.index("diverging")
        return ChainState(
            finished=done,
            total=tune + self.settings.draws,
            tuning=done < tune,
            divergences=sum(bool(row[diverging - len(TOLD)]) for row in self.rows[tune:done]),
            step_size=float(last[TOLD.index("step_size")]),
            gradients=int(counts[SOLVES]),
            failed=int(counts[FAILED:].sum()),
            seconds=time.monotonic() - self._begun,
        )

    def tree(self, joint: Joint, compiled: Any) -> xr.DataTree:
        """Draws and statistics of the chain, in the groups of `Drawn`."""
        rows, counts, tune = np.array(self.rows), np.array(self.counts), self.settings.tune
        groups = {}
        for prefix, part in (("warmup_", slice(0, tune)), ("", slice(tune, None))):
            if not len(rows[part]):
                continue
            found = variables_at(joint, compiled, rows[part, : -len(TOLD)])
            found[COUNTS] = xr.DataArray(counts[part][None], dims=("chain", "draw", "slot"))
            groups[f"{prefix}posterior"] = xr.Dataset(found)
            groups[f"{prefix}sample_stats"] = statistics(rows[part, -len(TOLD) :])
        return xr.DataTree.from_dict(groups)


def statistics(told: Array) -> xr.Dataset:
    """Statistics of draws under the names of ArviZ's schema."""
    columns: dict[str, npt.NDArray[Any]] = {
        name: told[:, k].astype(KINDS.get(name, np.float64)) for k, name in enumerate(TOLD)
    }
    # After d doublings a trajectory has 2**d - 1 steps; the last one may have been cut short.
    depth = np.ceil(np.log2(columns["n_steps"] + 1)).astype(np.int64)
    columns |= {"tree_depth": depth, "reached_max_treedepth": columns["n_steps"] >= 2**DEPTH - 1}
    return xr.Dataset({n: (("chain", "draw"), column[None]) for n, column in columns.items()})


class Blackjax:
    """NUTS of blackjax. In warm-up it tells the step size of the next draw."""

    def __init__(self, calls: Calls, settings: Settings, note: Callable[[Array], None]) -> None:
        import blackjax
        import jax
        from jax.experimental import io_callback

        density = jax_density(calls, calls.compiled.n_dim)
        nuts = blackjax.nuts.build_kernel()

        def told(state: Any, info: Any, step_size: Any) -> Any:
            columns = (
                state.logdensity,
                info.energy,
                info.acceptance_rate,
                step_size,
                info.is_divergent,
                info.num_integration_steps,
            )
            return row(state.position, columns)

        def noted(state: Any, info: Any, adapted: Any) -> None:
            words = as_words(told(state, info, adapted.step_size))
            io_callback(lambda w: note(from_words(w)), None, words, ordered=True)

        def draw(key: Any, state: Any, parameters: Any) -> tuple[Any, Any, Any]:
            key, now = jax.random.split(key)
            state, info = nuts(now, state, density, max_num_doublings=DEPTH, **parameters)
            return key, state, told(state, info, parameters["step_size"])

        adaptation = blackjax.window_adaptation(
            blackjax.nuts,
            density,
            target_acceptance_rate=settings.target_accept,
            adaptation_info_fn=noted,
        )
        self._note = note
        self._adapt = jax.jit(lambda key, x: adaptation.run(key, x, settings.tune)[0])
        self._draw = jax.jit(draw)

    def warm_up(self, seed: int, start: Array) -> Any:
        """Tune; note each draw; give the state of the chain."""
        import jax

        first, later = jax.random.split(jax.random.key(seed))
        found = jax.block_until_ready(self._adapt(first, start))
        return later, found.state, found.parameters

    def draw(self, state: Any) -> Any:
        """Draw once and note it; give the state of the chain."""
        key, position, parameters = state
        key, position, told = self._draw(key, position, parameters)
        self._note(np.asarray(told))
        return key, position, parameters


class Numpyro:
    """NUTS of numpyro."""

    def __init__(self, calls: Calls, settings: Settings, note: Callable[[Array], None]) -> None:
        import jax
        from numpyro.infer import NUTS

        density = jax_density(calls, calls.compiled.n_dim)
        kernel = NUTS(
            potential_fn=lambda x: -density(x),
            target_accept_prob=settings.target_accept,
            max_tree_depth=DEPTH,
        )

        def draw(state: Any) -> tuple[Any, Any]:
            new = kernel.sample(state, (), {})
            columns = (
                -new.potential_energy,
                new.energy,
                new.accept_prob,
                state.adapt_state.step_size,
                new.diverging,
                new.num_steps,
            )
            return new, row(new.z, columns)

        self._note, self._tune = note, settings.tune
        self._begin = jax.jit(lambda key, x: kernel.init(key, settings.tune, x))
        self._draw = jax.jit(draw)

    def warm_up(self, seed: int, start: Array) -> Any:
        """Tune; note each draw; give the state of the chain."""
        import jax

        state = self._begin(jax.random.key(seed), start)
        for _ in range(self._tune):
            state = self.draw(state)
        return state

    def draw(self, state: Any) -> Any:
        """Draw once and note it; give the state of the chain."""
        state, told = self._draw(state)
        self._note(np.asarray(told))
        return state


def row(position: Any, columns: Any) -> Any:
    """Point and statistics as one vector."""
    import jax.numpy as jnp

    return jnp.concatenate([position, jnp.stack([jnp.asarray(c, jnp.float64) for c in columns])])
