"""Steady states under repeated dosing, by Newton's method on the dosing interval.

Copied into the compiled module of each model (see `generated`). With ``F`` the map of the state over
one dosing interval, the steady state solves ``y = F(y)``. One reverse sweep per state gives ``F_y``
exactly, so a linear model is done after one iteration however slow its terminal phase is, and the
adjoint of the steady state is ``mu' F_p`` with ``(I - F_y)' mu = lam``: no long run-in is taped.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
from __future__ import annotations

import math

import numpy as np

from .generated import ADJOINTS, INFUSED, LOG, WIDTH, M, N, initial
from .steps import ATTEMPTS, DONE, NO_STEADY_STATE, go_back, travel

__all__ = ["BOLUS", "FUNCTIONS", "cycle_vjp", "find_cycle", "give", "product", "product_vjp"]

BOLUS, STEADY_BOLUS, STEADY_INFUSION = 1, 5, 6
RUN_IN, ITERATIONS = 3, 30  # plain dosing intervals, then Newton steps at most


def product(base, c, link):
    """``base * c[link[0]] * c[link[1]] / c[link[2]]``, where a negative link counts as 1."""
    value = base
    if link[0] >= 0:
        value *= c[link[0]]
    if link[1] >= 0:
        value *= c[link[1]]
    if link[2] >= 0:
        value /= c[link[2]]
    return value


def product_vjp(bar, base, c, link, cbar):
    """Add the adjoint of `product` to ``cbar``."""
    first = c[link[0]] if link[0] >= 0 else 1.0
    second = c[link[1]] if link[1] >= 0 else 1.0
    below = c[link[2]] if link[2] >= 0 else 1.0
    if link[0] >= 0:
        cbar[link[0]] += bar * base * second / below
    if link[1] >= 0:
        cbar[link[1]] += bar * base * first / below
    if link[2] >= 0:
        cbar[link[2]] -= bar * base * first * second / (below * below)


def give(y, i, amount):
    """Add ``amount`` to state ``i``."""
    y[i] = math.log(math.exp(y[i]) + amount) if LOG[i] else y[i] + amount


def cycle(j, value, y, c, timeline, atol, rtol, limit, control, work, tape, modes):
    """One dosing interval from ``y``, recorded; returns ``(turn, steps, code, tape, modes)``.

    ``turn`` is the number of steps taken when the infusion ends.
    """
    kind, target, period = timeline[2][j], timeline[3][j], timeline[11][j]
    span = product(timeline[9][j], c, timeline[10][j]) if kind == STEADY_INFUSION else 0.0
    k, code, turn, steps = np.empty(N), DONE, 0, 0
    control[ATTEMPTS] = 0
    if kind == STEADY_BOLUS:
        give(y, target, value)
    elif span > 0.0:
        c[M + target] = value
        _, steps, code, tape, modes = travel(
            0.0, min(span, period), 0.0, y, k, c, atol, rtol, limit,
            tape, modes, 0, True, control, work,
        )  # fmt: skip
        turn = steps
        c[M + target] = 0.0
    if code == DONE and span < period:
        _, steps, code, tape, modes = travel(
            span, period, 0.0, y, k, c, atol, rtol, limit,
            tape, modes, steps, True, control, work,
        )  # fmt: skip
    return turn, steps, code, tape, modes


def cycle_back(j, value, before, turn, steps, lam, c, cbar, timeline, tape, modes, work):
    """Carry ``lam`` back over a recorded interval; return the adjoints of value and span."""
    kind, target = timeline[2][j], timeline[3][j]
    span_bar, value_bar = 0.0, 0.0
    if kind == STEADY_BOLUS:
        go_back(0, steps, tape, modes, lam, c, cbar, work)
        value_bar = lam[target]
        if LOG[target]:
            after = before.copy()
            give(after, target, value)
            value_bar *= math.exp(-after[target])
            lam[target] *= math.exp(before[target] - after[target])
        return value_bar, span_bar
    kept = cbar[M + target]
    go_back(turn, steps, tape, modes, lam, c, cbar, work)
    if turn < steps:
        state = INFUSED[target]
        span_bar = lam[state] * value
        if LOG[state]:
            span_bar *= math.exp(-tape[turn * WIDTH + 2 + state])
    cbar[M + target] = 0.0
    c[M + target] = value
    go_back(0, turn, tape, modes, lam, c, cbar, work)
    c[M + target] = 0.0
    value_bar = cbar[M + target]
    cbar[M + target] = kept
    return value_bar, span_bar


def cycle_slope(j, value, before, turn, steps, c, timeline, tape, modes, work):
    """``I - F_y`` of a recorded interval."""
    slope, lam, ignored = np.zeros((N, N)), np.zeros(N), np.zeros(ADJOINTS)
    for a in range(N):
        lam[:] = 0.0
        lam[a] = 1.0
        cycle_back(j, value, before, turn, steps, lam, c, ignored, timeline, tape, modes, work)
        slope[a] = -lam
        slope[a, a] += 1.0
    return slope


def solve_dense(A, x):
    """Replace ``x`` by the solution of ``A u = x``; False if ``A`` is singular. ``A`` is destroyed."""
    for a in range(N):
        best = a
        for b in range(a + 1, N):
            if abs(A[b, a]) > abs(A[best, a]):
                best = b
        if not (abs(A[best, a]) > 1e-14 and abs(A[best, a]) < 1e300):
            return False
        for d in range(N):
            A[a, d], A[best, d] = A[best, d], A[a, d]
        x[a], x[best] = x[best], x[a]
        for b in range(a + 1, N):
            ratio = A[b, a] / A[a, a]
            x[b] -= ratio * x[a]
            for d in range(a, N):
                A[b, d] -= ratio * A[a, d]
    for a in range(N - 1, -1, -1):
        for d in range(a + 1, N):
            x[a] -= A[a, d] * x[d]
        x[a] /= A[a, a]
    return True


def find_cycle(j, value, y, c, timeline, atol, rtol, limit, control, work):
    """Replace ``y`` by the steady state before a dose; return a status code."""
    initial(c, y)
    tape, modes = np.empty(64 * WIDTH), np.empty(64, dtype=np.int64)
    previous = math.inf
    for iteration in range(RUN_IN + ITERATIONS):
        z = y.copy()
        turn, steps, code, tape, modes = cycle(
            j, value, z, c, timeline, atol, rtol, limit, control, work, tape, modes
        )
        if code != DONE:
            return code
        move = z - y
        if iteration >= RUN_IN:
            slope = cycle_slope(j, value, y, turn, steps, c, timeline, tape, modes, work)
            if not solve_dense(slope, move):
                return NO_STEADY_STATE
        distance = 0.0
        for i in range(N):
            distance = max(distance, abs(move[i]) / (atol[i] + rtol * abs(y[i])))
            y[i] += move[i]
        if not distance < 1e300:
            return NO_STEADY_STATE
        stalled = distance < 1e4 and distance > 0.25 * previous  # as far as rounding lets it
        if iteration > RUN_IN and (distance < 1.0 or stalled):
            control[ATTEMPTS] = 0
            return DONE
        previous = distance
    return NO_STEADY_STATE


def cycle_vjp(j, y, lam, c, cbar, timeline, atol, rtol, limit, control, work):
    """Adjoint of `find_cycle` at its result ``y``; returns the adjoint of the dosed value."""
    value = product(timeline[7][j], c, timeline[8][j])
    tape, modes = np.empty(64 * WIDTH), np.empty(64, dtype=np.int64)
    z = y.copy()
    turn, steps, _, tape, modes = cycle(
        j, value, z, c, timeline, atol, rtol, limit, control, work, tape, modes
    )
    slope = cycle_slope(j, value, y, turn, steps, c, timeline, tape, modes, work)
    mu = lam.copy()
    solve_dense(slope.T.copy(), mu)
    value_bar, span_bar = cycle_back(
        j, value, y, turn, steps, mu, c, cbar, timeline, tape, modes, work
    )
    product_vjp(span_bar, timeline[9][j], c, timeline[10][j], cbar)
    return value_bar


FUNCTIONS = (
    product,
    product_vjp,
    give,
    cycle,
    cycle_back,
    cycle_slope,
    solve_dense,
    find_cycle,
    cycle_vjp,
)
