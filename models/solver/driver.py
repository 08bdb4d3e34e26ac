"""The integrator: one pass forward along the timeline, one pass back.

Copied into the compiled module of each model (see `generated`). `forward` walks the items of a
subject in order of time; between two items it takes adaptive steps and writes each accepted step
on a tape. `backward` reads the tape backwards. A failed solve is a status code, never an exception;
its observations are NaN.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

import numpy as np

from .events import OBSERVE, apply, check, item_time, observe, replay, undo
from .generated import (
    ADJOINTS,
    CONSTANTS,
    EXPLICIT,
    LOG,
    RATES,
    SAVED,
    WIDTH,
    M,
    N,
    fold,
    initial,
    initial_vjp,
    prepare,
)
from .pointers import at, hold, pointer
from .steps import (
    ATTEMPTS,
    BAD_TIME,
    DONE,
    FULL,
    MODE,
    RUNNING,
    SUSPICION,
    advance,
    go_back,
)

__all__ = ["ENTRIES", "FUNCTIONS"]


def begin(theta, c, y, control):
    """Constants and state of a subject at its start; return a status code."""
    for i in range(M):
        c[i] = theta[i]
    for i in range(RATES):
        c[M + i] = 0.0
    prepare(c)
    initial(c, y)
    control[MODE] = 0 if EXPLICIT else 1
    control[ATTEMPTS] = 0
    control[SUSPICION] = 0
    for i in range(RATES):
        control[RUNNING + i] = 0
    return check(y)


def sort_items(first, end, c, times, order, timeline):
    """Sort one subject's items by time (ties keep the order given); return a status code."""
    code = DONE
    for j in range(first, end):
        times[j] = item_time(j, c, timeline)
        i = j
        while i > first and times[order[i - 1]] > times[j]:
            order[i] = order[i - 1]
            i -= 1
        order[i] = j
        if times[j] != times[j]:
            code = BAD_TIME
        if timeline[2][j] >= 0 and not times[j] >= times[timeline[2][j]]:
            code = BAD_TIME
    return code


def last_seen(first, end, order, kind):
    """Position after the last observation of a subject; what comes later is never needed."""
    while end > first and kind[order[end - 1]] != OBSERVE:
        end -= 1
    return end


def workspace():
    """Scratch memory of a solve: one array of numbers, one of integers."""
    return np.zeros(3 * N * N + 12 * N + 1), np.zeros(N + RUNNING + RATES, dtype=np.int64)


def split(numbers, integers, number, integer):
    """Pointers into the scratch memory; df/dt keeps its zeros where time does not enter."""
    base = pointer(numbers)
    size = N * N
    rest = at(base, 3 * size)
    scratch = (
        base, at(base, size), at(base, 2 * size), rest, at(rest, N), at(rest, 2 * N),
        at(rest, 3 * N), at(rest, 4 * N), pointer(integers),
    )  # fmt: skip
    return scratch, pointer(number), pointer(integer)


def forward(
    theta, offset, start, kind, target, partner, time, time_param, value, value_param,
    span, span_param, period, ahead, ahead_param, atol, rtol, max_steps, record,
):  # fmt: skip
    """Solve for all subjects.

    Returns ``(y, status, tape, modes, places, times, saved)``: the state at each observation; the
    recorded steps and their methods; the order of the items, the step at which each was reached
    and the first step of each subject; per item, its time and what `undo` needs.
    """
    timeline = (
        pointer(kind), pointer(target), pointer(partner), pointer(time), pointer(time_param),
        pointer(value), pointer(value_param), pointer(span), pointer(span_param), pointer(period),
        pointer(ahead), pointer(ahead_param),
    )  # fmt: skip
    subjects, items, rows = theta.shape[0], kind.shape[0], 0
    for j in range(items):
        rows += kind[j] == OBSERVE
    y = np.empty((rows, N))
    status = np.zeros(subjects, dtype=np.int64)
    places = np.zeros(2 * items + subjects + 1, dtype=np.int64)
    times, saved = np.empty(items), np.zeros(items * SAVED)
    room = 256 * subjects if record else 1
    modes, tape = np.empty(room, dtype=np.int64), np.empty(room * WIDTH)
    numbers, integers = workspace()
    number = np.empty(1)
    integer = number.view(np.int64)
    work = split(numbers, integers, number, integer)
    control = at(pointer(integers), N)
    constants, states = np.zeros(CONSTANTS), np.empty(4 * N)
    c, state = pointer(constants), pointer(states)
    order, reached, first_step_of = pointer(places), at(pointer(places), items), 2 * items
    at_item, kept, steps = pointer(times), pointer(saved), 0
    for s in range(subjects):
        places[first_step_of + s] = steps
        first, end = offset[s], offset[s + 1]
        tolerance = pointer(atol), rtol, max_steps + end - first  # every item ends a step
        code = begin(at(pointer(theta), s * M), c, state, control)
        t, h = start[s], 0.0
        if sort_items(first, end, c, at_item, order, timeline) != DONE:
            code = BAD_TIME
        for position in range(first, last_seen(first, end, order, kind)):
            j = order[position]
            if not times[j] >= t:
                code = BAD_TIME
            while code == DONE and times[j] > t:
                t, h, steps, code = advance(
                    t, times[j], h, state, c, tolerance, record,
                    pointer(tape), pointer(modes), steps, room, control, work,
                )  # fmt: skip
                if code == FULL:
                    longer, more = np.empty(2 * room * WIDTH), np.empty(2 * room, dtype=np.int64)
                    longer[: room * WIDTH] = tape
                    more[:room] = modes
                    tape, modes, room, code = longer, more, 2 * room, DONE
            if code != DONE:
                break
            reached[position] = steps
            for i in range(N):
                kept[j * SAVED + i] = state[i]
            if kind[j] == OBSERVE:
                code = observe(state, at(pointer(y), target[j] * N))
            else:
                h = 0.0
                code = apply(j, first, end, state, c, timeline, kept, tolerance, control, work)
            if code != DONE:
                break
        if code != DONE:
            status[s] = code
            steps = places[first_step_of + s]
            for j in range(first, end):
                if kind[j] == OBSERVE:
                    y[target[j], :] = math.nan
    places[first_step_of + subjects] = steps
    for array in (numbers, constants, states, number):
        hold(array)
    hold(integers)
    hold(integer)
    return y, status, tape, modes, places, times, saved


def backward(
    theta, offset, start, kind, target, partner, time, time_param, value, value_param,
    span, span_param, period, ahead, ahead_param, atol, rtol, max_steps,
    y_bar, status, tape, modes, places, times, saved,
):  # fmt: skip
    """Adjoint of `forward`: gradient of ``sum(y_bar * y)`` by ``theta``, zero where failed."""
    timeline = (
        pointer(kind), pointer(target), pointer(partner), pointer(time), pointer(time_param),
        pointer(value), pointer(value_param), pointer(span), pointer(span_param), pointer(period),
        pointer(ahead), pointer(ahead_param),
    )  # fmt: skip
    subjects, items = theta.shape[0], kind.shape[0]
    theta_bar = np.zeros((subjects, M))
    numbers, integers = workspace()
    number = np.empty(1)
    integer = number.view(np.int64)
    work = split(numbers, integers, number, integer)
    scratch, control = work[0], at(pointer(integers), N)
    constants, adjoints, ends = np.zeros(CONSTANTS), np.zeros(ADJOINTS + N), np.zeros(items)
    c, cbar, lam = pointer(constants), pointer(adjoints), at(pointer(adjoints), ADJOINTS)
    order, kept, seeds = pointer(places), pointer(saved), pointer(y_bar)
    steps_tape, methods, tolerance = pointer(tape), pointer(modes), (pointer(atol), rtol, max_steps)
    for s in range(subjects):
        if status[s] != DONE:
            continue
        first, values = offset[s], at(pointer(theta), s * M)
        end = last_seen(first, offset[s + 1], order, kind)
        replay(values, first, end, order, c, timeline, kept, at(control, RUNNING))
        for i in range(ADJOINTS + N):
            adjoints[i] = 0.0
        origin, steps = places[2 * items + s], places[2 * items + s + 1]
        for position in range(end - 1, first - 1, -1):
            steps = go_back(
                places[items + position], steps, steps_tape, methods, lam, c, cbar, scratch
            )
            j = order[position]
            if kind[j] == OBSERVE:
                for i in range(N):
                    seed = seeds[target[j] * N + i]
                    lam[i] += seed * math.exp(kept[j * SAVED + i]) if LOG[i] else seed
            else:
                undo(
                    position, first, values, at(pointer(theta_bar), s * M), order, pointer(times),
                    lam, c, cbar, pointer(ends), timeline, kept, tolerance, control, work,
                )  # fmt: skip
        go_back(origin, steps, steps_tape, methods, lam, c, cbar, scratch)
        initial_vjp(c, lam, cbar)
        fold(c, cbar)
        for i in range(M):
            theta_bar[s, i] += cbar[i]
    for array in (numbers, constants, adjoints, number, ends):
        hold(array)
    hold(integers)
    hold(integer)
    return theta_bar


FUNCTIONS = (begin, sort_items, last_seen, workspace, split)
ENTRIES = (forward, backward)
