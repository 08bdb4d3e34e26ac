"""Items of a timeline: what happens at each, and how its adjoint passes back through it.

Copied into the compiled module of each model (see `generated`). At an event the state or the
constants jump. Going back, the value that jumped receives its adjoint, and a time that depends on
parameters receives ``lam_before . f_before - lam_after . f_after``.

``saved`` keeps N + 2 numbers per item: the state before it (or the steady state it begins), the
rate of an infusion that starts here, and whether it still runs, or ended here by itself.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

import numpy as np

from .generated import LOG, RATES, SAVED, M, N, fold, initial, initial_vjp, prepare, rhs_into
from .pointers import at, hold, pointer
from .steady import BOLUS, cycle_vjp, find_cycle, give, give_vjp, product, product_vjp
from .steps import DONE, NOT_FINITE, RUNNING

__all__ = ["FUNCTIONS", "OBSERVE", "apply", "check", "item_time", "observe", "replay", "undo"]

OBSERVE, RATE, SET, RESET = 0, 2, 3, 4


def item_time(j, c, timeline):
    """Time of an item: a number, plus parameters (start, lag), plus a span (end of infusion)."""
    tau, link = timeline[3][j], at(timeline[4], 2 * j)
    if timeline[0][j] == RATE:
        tau += product(timeline[7][j], c, at(timeline[8], 3 * j))
    for i in range(2):
        if link[i] >= 0:
            tau += c[link[i]]
    return tau


def timed(j, timeline):
    """Whether the time of an item depends on parameters."""
    link, span = at(timeline[4], 2 * j), at(timeline[8], 3 * j)
    ends = timeline[0][j] == RATE and (span[0] >= 0 or span[1] >= 0 or span[2] >= 0)
    return link[0] >= 0 or link[1] >= 0 or ends


def check(y):
    """Status code of a state: whether it is finite."""
    for i in range(N):
        if not abs(y[i]) < 1e300:
            return NOT_FINITE
    return DONE


def observe(y, out):
    """Write the state in natural units; return a status code."""
    for i in range(N):
        out[i] = math.exp(y[i]) if LOG[i] else y[i]
    return check(out)


def apply(j, first, end, y, c, timeline, saved, tolerance, control, work):
    """Let event ``j`` of the items ``first:end`` of a subject happen; return a status code."""
    kind, target, partner = timeline[0][j], timeline[1][j], timeline[2][j]
    value = product(timeline[5][j], c, at(timeline[6], 3 * j))
    if not abs(value) < 1e300:
        return NOT_FINITE
    if kind == BOLUS:
        give(y, target, value)
    elif kind == RATE:
        if partner < 0:
            saved[j * SAVED + N] = value
            saved[j * SAVED + N + 1] = 1.0
        else:
            saved[j * SAVED + N + 1] = saved[partner * SAVED + N + 1]
        change_rate(j, c, timeline, saved, at(control, RUNNING))
    elif kind == SET:
        c[target] = value
        prepare(c)
    else:
        stop_infusions(c, at(control, RUNNING))
        for i in range(first, end):
            if timeline[0][i] == RATE and timeline[2][i] < 0:
                saved[i * SAVED + N + 1] = 0.0
        if kind == RESET:
            initial(c, y)
            return check(y)
        return find_cycle(j, y, at(saved, j * SAVED), c, timeline, tolerance, control, work)
    return DONE


def change_rate(j, c, timeline, saved, running):
    """Start or end an infusion. The rate is exactly zero when none is running."""
    target, partner = timeline[1][j], timeline[2][j]
    if partner < 0:
        running[target] += 1
        c[M + target] += saved[j * SAVED + N]
    elif saved[j * SAVED + N + 1] > 0.0:
        running[target] -= 1
        c[M + target] -= saved[partner * SAVED + N]
        if running[target] == 0:
            c[M + target] = 0.0


def stop_infusions(c, running):
    """Set the rates to zero; the ends of running infusions will no longer count."""
    for i in range(RATES):
        c[M + i] = 0.0
        running[i] = 0


def replay(theta, first, end, order, c, timeline, saved, running):
    """Constants as they are after the items ``order[first:end]``."""
    for i in range(M):
        c[i] = theta[i]
    stop_infusions(c, running)
    for position in range(first, end):
        j = order[position]
        kind, target = timeline[0][j], timeline[1][j]
        if kind == RATE:
            change_rate(j, c, timeline, saved, running)
        elif kind == SET:
            c[target] = product(timeline[5][j], c, at(timeline[6], 3 * j))
        elif kind >= RESET:
            stop_infusions(c, running)
    prepare(c)


def along(t, y, c, lam, slope):
    """``lam . f(t, y)``."""
    rhs_into(t, y, c, slope)
    total = 0.0
    for i in range(N):
        total += lam[i] * slope[i]
    return total


def jump_vjp(j, before, after, lam, c, cbar, ends, timeline, saved, tolerance, control, work):
    """Carry ``lam`` back over the jump of an event; return the adjoint of its value."""
    kind, target, partner = timeline[0][j], timeline[1][j], timeline[2][j]
    if kind == BOLUS:
        return give_vjp(before, after, target, lam)
    if kind == RATE:
        if partner < 0:
            return cbar[M + target] - ends[j]
        if saved[j * SAVED + N + 1] > 0.0:
            ends[partner] = cbar[M + target]
        return 0.0
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
        stop_infusions(c, at(control, RUNNING))
        value_bar = cycle_vjp(j, before, lam, c, cbar, timeline, tolerance, control, work)
        for i in range(RATES):
            cbar[M + i] = 0.0
    for i in range(N):
        lam[i] = 0.0
    return value_bar


def undo(
    position, first, theta, theta_bar, order, times, lam, c, cbar, ends, timeline, saved,
    tolerance, control, work,
):  # fmt: skip
    """Pass ``lam`` back through an event; ``c`` returns to what it was before it.

    Times belong to the original parameters: their adjoints go to ``theta_bar``, past any switch.
    """
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
    value_bar = jump_vjp(
        j, before, after, lam, c, cbar, ends, timeline, saved, tolerance, control, work
    )
    if kind != BOLUS:
        replay(theta, first, position, order, c, timeline, saved, at(control, RUNNING))
    if moves:
        time_bar += along(times[j], before, c, lam, slope)
        for i in range(2):
            if timeline[4][2 * j + i] >= 0:
                theta_bar[timeline[4][2 * j + i]] += time_bar
        if kind == RATE:
            product_vjp(time_bar, timeline[7][j], theta, at(timeline[8], 3 * j), theta_bar)
    product_vjp(value_bar, timeline[5][j], c, at(timeline[6], 3 * j), cbar)
    hold(arrays)


FUNCTIONS = (
    item_time,
    timed,
    check,
    observe,
    stop_infusions,
    change_rate,
    apply,
    replay,
    along,
    jump_vjp,
    undo,
)
