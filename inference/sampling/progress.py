"""What a user sees while chains run, on the error stream.

On a terminal, a line per chain that is kept up to date; in a pipe or a file, a plain line now and
then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

__all__ = ["ChainState", "Progress", "duration", "time_left"]

BAR = 20
FIRST, LATER = 10.0, 60.0  # seconds between plain lines while start points are found, and later
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
    """A table that follows the chains, or plain lines where there is no terminal.

    Parameters
    ----------
    chains, cores : int
    wanted : bool
        Show anything at all.
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
        self._plain = console if wanted and not shown else None
        self._console, self._warned = console, ""
        self._written = time.monotonic()

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
            if self.states:
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
        self._line(self.summary, LATER)

    def tell(self, text: str) -> None:
        """Show what is done before the chains begin.

        Parameters
        ----------
        text : str
        """
        if self._live:
            self._live.update(Text(text), refresh=True)
        self._line(lambda: text, FIRST)

    def note(self, text: str) -> None:
        """Say what is done next, above the table.

        Parameters
        ----------
        text : str
        """
        if self._live or self._plain:
            self._console.print(Text(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say what is wrong while the chains go on, once and whatever else is shown.

        Parameters
        ----------
        text : str
        """
        if text != self._warned:
            self._warned = text
            self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def _line(self, text: Callable[[], str], every: float) -> None:
        """Write a plain line, if the last one is long enough ago."""
        if self._plain and time.monotonic() - self._written >= every:
            self._written = time.monotonic()
            self._plain.print(Text(text()), soft_wrap=True)

    def summary(self) -> str:
        """All chains in one line."""
        states = list(self.states.values())
        done, total = sum(s.finished for s in states), sum(s.total for s in states)
        waiting = self.chains - len(states)
        total += waiting * (states[0].total if states else 0)
        left = duration(time_left(self.states, self.chains, self.cores))
        return (
            f"{done:,} of {total:,} draws, {sum(s.divergences for s in states)} divergences, "
            f"{sum(s.failed for s in states)} failed solves, time left {left}"
        )

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
