"""What is shown while chains run, and that nothing is shown when nobody watches."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cytobayes.inference.sampling import progress as module
from cytobayes.inference.sampling.progress import ChainState, Progress, duration, time_left
from cytobayes.inference.sampling.starts import searched

HALF = ChainState(
    finished=500, total=1000, tuning=False, divergences=3, step_size=0.25, gradients=12345,
    failed=2, seconds=10.0,
)  # fmt: skip


def written(*, terminal: bool, wanted: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120)
    with Progress(2, 2, wanted=wanted, console=console) as progress:
        progress.update({0: HALF})
    return stream.getvalue()


def test_table_shows_draws_divergences_step_gradients_failures_and_time_left() -> None:
    shown = written(terminal=True)
    for part in ("500/1000", "sampling", "3", "0.25", "12,345", "2", "waiting", "time left 20 s"):
        assert part in shown


def test_nothing_is_written_when_not_wanted_or_when_there_was_no_time_to_wait() -> None:
    assert written(terminal=False) == ""
    assert written(terminal=False, wanted=False) == ""
    assert written(terminal=True, wanted=False) == ""


def test_a_pipe_gets_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATER", 0.0)
    assert written(terminal=False) == (
        "500 of 2,000 draws, 3 divergences, 2 failed solves, time left 20 s\n"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_the_search_for_starting_points_is_shown(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST", 0.0)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120)
    with Progress(2, 2, console=console) as progress:
        progress.tell(searched(3, 16, -120.34))
    line = "finding starting points: path 3 of at least 16, best log density -120.3"
    assert line in stream.getvalue()
    assert ("\x1b" in stream.getvalue()) == terminal


def test_states_are_kept_even_when_nothing_is_shown() -> None:
    progress = Progress(2, 1, wanted=False)
    progress.update({1: HALF})
    assert progress.states == {1: HALF}


@pytest.mark.parametrize(("cores", "expected"), [(1, 70.0), (2, 40.0), (3, 30.0)])
def test_waiting_chains_count_towards_the_time_left(cores: int, expected: float) -> None:
    assert time_left({0: HALF}, 4, cores) == pytest.approx(expected)


def test_time_left_is_unknown_before_the_first_draw() -> None:
    assert duration(time_left({}, 4, 2)) == "-"


def test_a_finished_chain_takes_no_time() -> None:
    done = ChainState(finished=1000, total=1000, seconds=20.0)
    assert time_left({0: done}, 1, 1) == 0
