"""Items of a timeline: what happens at each, and how its adjoint passes back through it.

Copied into the compiled module of each model (see `generated`). At an event the state or the
constants jump. Going back, the value that jumped receives its adjoint, and a time that depends on
parameters receives ``lam_before . f_before - lam_after . f_after``.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
from __future__ import annotations

import math

import numpy as np

from .generated import LOG, RATES, M, N, fold, initial, initial_vjp, prepare, rhs_into
from .steady import BOLUS, cycle_vjp, find_cycle, give, product, product_vjp
from .steps import DONE

__all__ = ["FUNCTIONS", "OBSERVE", "apply", "item_time", "replay", "undo"]

OBSERVE, RATE, SET, RESET = 0, 2, 3, 4


def item_time(j, c, timeline):
    """Time of an item: a number, plus parameters (start, lag), plus a span (end of infusion)."""
    time, time_param, span, span_param = timeline[5], timeline[6], timeline[9], timeline[10]
    tau = time[j]
    if timeline[2][j] == RATE:
        tau += product(span[j], c, span_param[j])
    for i in range(2):
        if time_param[j, i] >= 0:
            tau += c[time_param[j, i]]
    return tau


def timed(j, timeline):
    """Whether the time of an item depends on parameters."""
    link, span = timeline[6][j], timeline[10][j]
    ends = timeline[2][j] == RATE and (span[0] >= 0 or span[1] >= 0 or span[2] >= 0)
    return link[0] >= 0 or link[1] >= 0 or ends


def apply(j, first, end, y, c, timeline, saved, out, atol, rtol, limit, control, work):
    """Let item ``j`` happen; return whether the solution jumps, and a status code."""
    kind, target, partner = timeline[2][j], timeline[3][j], timeline[4][j]
    value = product(timeline[7][j], c, timeline[8][j])
    if kind == OBSERVE:
        for i in range(N):
            out[target, i] = math.exp(y[i]) if LOG[i] else y[i]
        return False, DONE
    if kind == BOLUS:
        give(y, target, value)
    elif kind == RATE:
        saved[j, N] = 1.0
        saved[j, N + 1] = 1.0 if partner < 0 else saved[partner, N]
        c[M + target] += value * saved[j, N + 1]
    elif kind == SET:
        c[target] = value
        prepare(c)
    elif kind == RESET:
        stop_infusions(first, end, c, timeline, saved)
        initial(c, y)
    else:
        stop_infusions(first, end, c, timeline, saved)
        code = find_cycle(j, value, y, c, timeline, atol, rtol, limit, control, work)
        saved[j, :N] = y
        return True, code
    return True, DONE


def stop_infusions(first, end, c, timeline, saved):
    """At a reset, rates are zero and the ends of running infusions no longer count."""
    for i in range(RATES):
        c[M + i] = 0.0
    for i in range(first, end):
        if timeline[2][i] == RATE and timeline[4][i] < 0:
            saved[i, N] = 0.0


def replay(theta, first, end, order, c, timeline, saved):
    """Constants as they are after the items ``order[first:end]``."""
    for i in range(M):
        c[i] = theta[i]
    for i in range(RATES):
        c[M + i] = 0.0
    for position in range(first, end):
        j = order[position]
        kind, target = timeline[2][j], timeline[3][j]
        if kind == RATE:
            c[M + target] += product(timeline[7][j], c, timeline[8][j]) * saved[j, N + 1]
        elif kind == SET:
            c[target] = product(timeline[7][j], c, timeline[8][j])
        elif kind >= RESET:
            for i in range(RATES):
                c[M + i] = 0.0
    prepare(c)


def undo(
    position, theta, first, order, times, lam, c, cbar,
    timeline, saved, y_bar, atol, rtol, limit, control, work,
):  # fmt: skip
    """Pass ``lam`` back through an item; ``c`` returns to what it was before it."""
    j = order[position]
    kind, target = timeline[2][j], timeline[3][j]
    if kind == OBSERVE:
        for i in range(N):
            lam[i] += y_bar[target, i] * (math.exp(saved[j, i]) if LOG[i] else 1.0)
        return
    moves = timed(j, timeline)
    before, after, slope = np.empty(N), np.empty(N), np.empty(N)
    for i in range(N):
        before[i] = after[i] = saved[j, i]
    value_bar, time_bar = 0.0, 0.0
    if kind == BOLUS:
        give(after, target, product(timeline[7][j], c, timeline[8][j]))
    elif kind == RESET:
        initial(c, after)
    if moves:
        rhs_into(times[j], after, c, slope)
        for i in range(N):
            time_bar -= lam[i] * slope[i]
    if kind == BOLUS:
        value_bar = lam[target]
        if LOG[target]:
            value_bar *= math.exp(-after[target])
            lam[target] *= math.exp(before[target] - after[target])
    elif kind == RATE:
        value_bar = cbar[M + target] * saved[j, N + 1]
    elif kind == SET:
        fold(c, cbar)
        value_bar = cbar[target]
        cbar[target] = 0.0
    elif kind == RESET:
        initial_vjp(c, lam, cbar)
        for i in range(N):
            lam[i] = 0.0
        for i in range(RATES):
            cbar[M + i] = 0.0
    else:
        for i in range(RATES):
            cbar[M + i] = 0.0
        value_bar = cycle_vjp(
            j, before, lam, c, cbar, timeline, atol, rtol, limit, control, work
        )
        for i in range(N):
            lam[i] = 0.0
    if kind != BOLUS:
        replay(theta, first, position, order, c, timeline, saved)
    if moves:
        rhs_into(times[j], before, c, slope)
        for i in range(N):
            time_bar += lam[i] * slope[i]
        for i in range(2):
            if timeline[6][j, i] >= 0:
                cbar[timeline[6][j, i]] += time_bar
        if kind == RATE:
            product_vjp(time_bar, timeline[9][j], c, timeline[10][j], cbar)
    product_vjp(value_bar, timeline[7][j], c, timeline[8][j], cbar)


FUNCTIONS = (item_time, timed, apply, stop_infusions, replay, undo)
