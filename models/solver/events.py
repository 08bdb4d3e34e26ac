"""Items of a timeline: what happens at each, and how its adjoint passes back through it.

Copied into the compiled module of each model (see `generated`). At an event the state or the
constants jump. Going back, the value that jumped receives its adjoint, and a time that depends on
parameters receives ``lam_before . f_before - lam_after . f_after``.

``saved`` keeps N + 2 numbers per item: the state before it, whether an infusion begun here still
runs, and whether a change of rate took place.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

import numpy as np

from .generated import LOG, RATES, SAVED, M, N, fold, initial, initial_vjp, prepare, rhs_into
from .pointers import at, hold, pointer
from .steady import BOLUS, cycle_vjp, find_cycle, give, give_vjp, product, product_vjp
from .steps import DONE

__all__ = ["FUNCTIONS", "OBSERVE", "apply", "item_time", "observe", "replay", "undo"]

OBSERVE, RATE, SET, RESET = 0, 2, 3, 4


def item_time(j, c, timeline):
    """Time of an item: a number, plus parameters (start, lag), plus a span (end of infusion)."""
    kind, _, _, time, time_param, _, _, span, span_param, _ = timeline
    tau = time[j]
    if kind[j] == RATE:
        tau += product(span[j], c, at(span_param, 3 * j))
    for i in range(2):
        if time_param[2 * j + i] >= 0:
            tau += c[time_param[2 * j + i]]
    return tau


def timed(j, timeline):
    """Whether the time of an item depends on parameters."""
    link, span = at(timeline[4], 2 * j), at(timeline[8], 3 * j)
    ends = timeline[0][j] == RATE and (span[0] >= 0 or span[1] >= 0 or span[2] >= 0)
    return link[0] >= 0 or link[1] >= 0 or ends


def observe(y, out):
    """Write the state in natural units."""
    for i in range(N):
        out[i] = math.exp(y[i]) if LOG[i] else y[i]


def apply(j, first, end, y, c, timeline, saved, tolerance, control, work):
    """Let event ``j`` of the items ``first:end`` of a subject happen; return a status code."""
    kind, target, partner = timeline[0][j], timeline[1][j], timeline[2][j]
    value = product(timeline[5][j], c, at(timeline[6], 3 * j))
    if kind == BOLUS:
        give(y, target, value)
    elif kind == RATE:
        happens = 1.0 if partner < 0 else saved[partner * SAVED + N]
        saved[j * SAVED + N] = 1.0
        saved[j * SAVED + N + 1] = happens
        c[M + target] += value * happens
    elif kind == SET:
        c[target] = value
        prepare(c)
    else:
        stop_infusions(first, end, c, timeline, saved)
        if kind == RESET:
            initial(c, y)
            return DONE
        code = find_cycle(j, y, c, timeline, tolerance, control, work)
        for i in range(N):
            saved[j * SAVED + i] = y[i]
        return code
    return DONE


def stop_infusions(first, end, c, timeline, saved):
    """At a reset, rates are zero and the ends of running infusions no longer count."""
    for i in range(RATES):
        c[M + i] = 0.0
    for i in range(first, end):
        if timeline[0][i] == RATE and timeline[2][i] < 0:
            saved[i * SAVED + N] = 0.0


def replay(theta, first, end, order, c, timeline, saved):
    """Constants as they are after the items ``order[first:end]``."""
    for i in range(M):
        c[i] = theta[i]
    for i in range(RATES):
        c[M + i] = 0.0
    for position in range(first, end):
        j = order[position]
        kind, target = timeline[0][j], timeline[1][j]
        if kind == RATE:
            value = product(timeline[5][j], c, at(timeline[6], 3 * j))
            c[M + target] += value * saved[j * SAVED + N + 1]
        elif kind == SET:
            c[target] = product(timeline[5][j], c, at(timeline[6], 3 * j))
        elif kind >= RESET:
            for i in range(RATES):
                c[M + i] = 0.0
    prepare(c)


def along(t, y, c, lam, slope):
    """``lam . f(t, y)``."""
    rhs_into(t, y, c, slope)
    total = 0.0
    for i in range(N):
        total += lam[i] * slope[i]
    return total


def jump_vjp(j, before, after, lam, c, cbar, timeline, saved, tolerance, control, work):
    """Carry ``lam`` back over the jump of an event; return the adjoint of its value."""
    kind, target = timeline[0][j], timeline[1][j]
    if kind == BOLUS:
        return give_vjp(before, after, target, lam)
    if kind == RATE:
        return cbar[M + target] * saved[j * SAVED + N + 1]
    if kind == SET:
        fold(c, cbar)
        value_bar = cbar[target]
        cbar[target] = 0.0
        return value_bar
    for i in range(RATES):
        cbar[M + i] = 0.0
    value_bar = 0.0
    if kind == RESET:
        initial_vjp(c, lam, cbar)
    else:
        for i in range(RATES):
            c[M + i] = 0.0
        value_bar = cycle_vjp(j, before, lam, c, cbar, timeline, tolerance, control, work)
    for i in range(N):
        lam[i] = 0.0
    return value_bar


def undo(
    position, first, theta, order, times, lam, c, cbar, timeline, saved, tolerance, control, work
):
    """Pass ``lam`` back through an event; ``c`` returns to what it was before it."""
    j = order[position]
    kind, target, moves = timeline[0][j], timeline[1][j], timed(j, timeline)
    arrays = np.empty(2 * N)
    before, after, slope = at(saved, j * SAVED), pointer(arrays), at(pointer(arrays), N)
    for i in range(N):
        after[i] = before[i]
    if kind == BOLUS:
        give(after, target, product(timeline[5][j], c, at(timeline[6], 3 * j)))
    elif kind == RESET:
        initial(c, after)
    time_bar = -along(times[j], after, c, lam, slope) if moves else 0.0
    value_bar = jump_vjp(j, before, after, lam, c, cbar, timeline, saved, tolerance, control, work)
    if kind != BOLUS:
        replay(theta, first, position, order, c, timeline, saved)
    if moves:
        time_bar += along(times[j], before, c, lam, slope)
        for i in range(2):
            if timeline[4][2 * j + i] >= 0:
                cbar[timeline[4][2 * j + i]] += time_bar
        if kind == RATE:
            product_vjp(time_bar, timeline[7][j], c, at(timeline[8], 3 * j), cbar)
    product_vjp(value_bar, timeline[5][j], c, at(timeline[6], 3 * j), cbar)
    hold(arrays)


FUNCTIONS = (item_time, timed, observe, apply, stop_infusions, replay, along, jump_vjp, undo)
