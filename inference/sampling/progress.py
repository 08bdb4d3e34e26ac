"""What a user sees while chains run: one line per chain, on the terminal's error stream."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

__all__ = ["ChainState", "Progress", "duration", "time_left"]

BAR = 20
COLUMNS = ("chain", "", "draws", "phase", "diverg.", "step", "gradients", "failed solves")


@dataclass(frozen=True)
class ChainState:
    """How far a chain is.

    Parameters
    ----------
    finished, total : int
        Draws, warm-up included.
    tuning : bool
        In warm-up.
    divergences : int
    step_size : float
    gradients : int
        Evaluations of value and gradient so far.
    failed : int
        Proposals rejected because a solve failed.
    seconds : float
        Time since the chain began.
    """

    finished: int
    total: int
    tuning: bool = True
    divergences: int = 0
    step_size: float = float("nan")
    gradients: int = 0
    failed: int = 0
    seconds: float = 0.0


def time_left(states: Mapping[int, ChainState], chains: int, cores: int) -> float:
    """Estimate the seconds until the last chain ends.

    Parameters
    ----------
    states : mapping of chain to ChainState
        Chains that have begun.
    chains, cores : int
        Chains in all, and how many run at a time.

    Returns
    -------
    float
        NaN before the first draws. Draws of warm-up usually cost more than later ones, so the
        estimate errs on the long side.
    """
    begun = [s for s in states.values() if s.finished > 0]
    if not begun:
        return float("nan")
    per_draw = sum(s.seconds for s in begun) / sum(s.finished for s in begun)
    running = [per_draw * (s.total - s.finished) for s in states.values()]
    waiting = (chains - len(states)) * per_draw * begun[0].total
    return max([*running, 0.0]) + waiting / max(cores, 1)


def duration(seconds: float) -> str:
    """Seconds as people write them.

    Examples
    --------
    >>> duration(75), duration(4000)
    ('1 min 15 s', '1 h 6 min')
    """
    if seconds != seconds:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """A table that follows the chains; silent when it is not wanted or nobody is watching.

    Parameters
    ----------
    chains, cores : int
    wanted : bool
        Show it, if the error stream is a terminal.
    console : Console, optional
        Where to write; default: the error stream.
    """

    def __init__(
        self, chains: int, cores: int, *, wanted: bool = True, console: Console | None = None
    ) -> None:
        self.chains, self.cores = chains, cores
        self.states: dict[int, ChainState] = {}
        console = console or Console(file=sys.stderr)
        shown = wanted and console.is_terminal
        self._live = Live(console=console, auto_refresh=False) if shown else None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Show the last state and stop."""
        if self._live:
            self._live.update(self.table(), refresh=True)
            self._live.stop()

    def update(self, states: Mapping[int, ChainState]) -> None:
        """Show new states.

        Parameters
        ----------
        states : mapping of chain to ChainState
        """
        self.states.update(states)
        if self._live:
            self._live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """One row per chain, and the time left."""
        left = duration(time_left(self.states, self.chains, self.cores))
        table = Table(box=None, caption=f"time left {left}", caption_justify="left")
        for name in (
            "chain",
            "",
            "draws",
            "phase",
            "diverg.",
            "step",
            "gradients",
            "failed solves",
        ):
            table.add_column(name, justify="left" if name in ("", "phase") else "right")
        for chain in range(self.chains):
            state = self.states.get(chain)
            table.add_row(str(chain), *(cells(state) if state else ["", "", "waiting"]))
        return table


def cells(state: ChainState) -> list[str]:
    """Row of the table."""
    done = round(BAR * state.finished / max(state.total, 1))
    phase = "warm-up" if state.tuning else "sampling"
    return [
        "█" * done + "░" * (BAR - done),
        f"{state.finished}/{state.total}",
        "done" if state.finished >= state.total else phase,
        str(state.divergences),
        f"{state.step_size:.3g}",
        f"{state.gradients:,}",
        str(state.failed),
    ]
