"""The integrator: one pass forward along the timeline, one pass back.

Copied into the compiled module of each model (see `generated`). `integrate` walks the items of a
subject in order of time; between two items it takes adaptive steps and writes each accepted step
on a tape. `reverse` reads the tape backwards. A failed solve is a status code, never an exception;
its observations are NaN.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
from __future__ import annotations

import math

import numpy as np

from .events import apply, item_time, replay, undo
from .generated import ADJOINTS, CONSTANTS, EXPLICIT, RATES, WIDTH, M, N, fold, initial
from .generated import initial_vjp, prepare
from .steps import ATTEMPTS, BAD_TIME, DONE, MODE, NOT_FINITE, SUSPICION, go_back, new_work
from .steps import travel

__all__ = ["FUNCTIONS"]


def sort_items(first, end, c, times, order, timeline):
    """Effective times of one subject's items, and their order (ties keep the order given)."""
    for j in range(first, end):
        times[j] = item_time(j, c, timeline)
        i = j
        while i > first and times[order[i - 1]] > times[j]:
            order[i] = order[i - 1]
            i -= 1
        order[i] = j


def integrate(theta, timeline, y, atol, rtol, max_steps, record):
    """Solve for all subjects; ``y[observation, state]`` is filled.

    Returns ``(status, tape, modes, places, times, saved)``: the recorded steps and their methods; the
    order of the items, the step at which each was reached and the first step of each subject;
    per item, its time, the state before it and one number that `undo` needs.
    """
    offset, start = timeline[0], timeline[1]
    subjects, items = theta.shape[0], offset[-1]
    status = np.zeros(subjects, dtype=np.int64)
    places = np.zeros(2 * items + subjects + 1, dtype=np.int64)
    order, reached, begin = places[:items], places[items : 2 * items], places[2 * items :]
    times = np.empty(items)
    saved = np.zeros((items, N + 2))
    modes = np.empty(96 * subjects if record else 0, dtype=np.int64)
    tape = np.empty((96 * subjects if record else 1) * WIDTH)
    state, k, c = np.empty(N), np.empty(N), np.zeros(CONSTANTS)
    control, work = np.zeros(4, dtype=np.int64), new_work()
    steps = 0
    for s in range(subjects):
        begin[s] = steps
        for i in range(M):
            c[i] = theta[s, i]
        for i in range(RATES):
            c[M + i] = 0.0
        prepare(c)
        initial(c, state)
        t, h, code = start[s], 0.0, DONE
        control[MODE], control[ATTEMPTS], control[SUSPICION] = 0 if EXPLICIT else 1, 0, 0
        sort_items(offset[s], offset[s + 1], c, times, order, timeline)
        for i in range(N):
            if not abs(state[i]) < 1e300:
                code = NOT_FINITE
        for position in range(offset[s], offset[s + 1]):
            j = order[position]
            if not times[j] >= t:
                code = BAD_TIME
            if code == DONE and times[j] > t:
                h, steps, code, tape, modes = travel(
                    t, times[j], h, state, k, c, atol, rtol, max_steps,
                    tape, modes, steps, record, control, work,
                )  # fmt: skip
            if code != DONE:
                break
            t = times[j]
            reached[position] = steps
            for i in range(N):
                saved[j, i] = state[i]
            changed, code = apply(
                j, offset[s], offset[s + 1], state, c,
                timeline, saved, y, atol, rtol, max_steps, control, work,
            )  # fmt: skip
            if changed:
                h = 0.0
            if code != DONE:
                break
        if code != DONE:
            status[s] = code
            steps = begin[s]
            for j in range(offset[s], offset[s + 1]):
                if timeline[2][j] == 0:
                    for i in range(N):
                        y[timeline[3][j], i] = math.nan
    begin[subjects] = steps
    return status, tape, modes, places, times, saved


def reverse(theta, timeline, y_bar, status, tape, modes, places, times, saved, atol, rtol, limit):
    """Adjoint of `integrate`: gradient of ``sum(y_bar * y)`` by ``theta``, zero where failed."""
    offset = timeline[0]
    subjects, items = theta.shape[0], offset[-1]
    order, reached, begin = places[:items], places[items : 2 * items], places[2 * items :]
    theta_bar = np.zeros((subjects, M))
    lam, c, cbar = np.empty(N), np.zeros(CONSTANTS), np.zeros(ADJOINTS)
    control, work = np.zeros(4, dtype=np.int64), new_work()
    for s in range(subjects):
        if status[s] != DONE:
            continue
        first, end = offset[s], offset[s + 1]
        replay(theta[s], first, end, order, c, timeline, saved)
        for i in range(N):
            lam[i] = 0.0
        for i in range(ADJOINTS):
            cbar[i] = 0.0
        steps = begin[s + 1]
        for position in range(end - 1, first - 1, -1):
            steps = go_back(reached[position], steps, tape, modes, lam, c, cbar, work)
            undo(
                position, theta[s], first, order, times, lam, c, cbar,
                timeline, saved, y_bar, atol, rtol, limit, control, work,
            )  # fmt: skip
        go_back(begin[s], steps, tape, modes, lam, c, cbar, work)
        initial_vjp(c, lam, cbar)
        fold(c, cbar)
        for i in range(M):
            theta_bar[s, i] = cbar[i]
    return theta_bar


FUNCTIONS = (sort_items, integrate, reverse)
