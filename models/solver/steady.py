"""Steady states under repeated dosing, by Newton's method on the dosing interval.

Copied into the compiled module of each model (see `generated`). With ``F`` the map of the state
over one dosing interval, the steady state solves ``y = F(y)``. One reverse sweep per state gives
``F_y`` exactly, so a linear model takes one iteration however slow its last phase is, and
the adjoint is ``mu' F_p`` with ``(I - F_y)' mu = lam``: no long run-in is taped.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

import numpy as np

from .generated import ADJOINTS, INFUSED, LOG, WIDTH, M, N, initial, rhs_into
from .pointers import at, hold, pointer
from .steps import ATTEMPTS, DONE, FULL, NO_STEADY_STATE, TOO_LONG, advance, go_back

__all__ = ["BOLUS", "FUNCTIONS", "cycle_vjp", "find_cycle", "give", "product", "product_vjp"]

BOLUS, STEADY_BOLUS, STEADY_INFUSION = 1, 5, 6
RUN_IN, ITERATIONS = 3, 30  # plain dosing intervals, then Newton steps at most


def product(base, c, link):
    """Value ``base * c[link[0]] * c[link[1]] / c[link[2]]``; a negative link counts as 1."""
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


def give_vjp(before, after, i, lam):
    """Carry ``lam`` back over `give`; return the adjoint of the amount."""
    amount_bar = lam[i]
    if LOG[i]:
        amount_bar *= math.exp(-after[i])
        lam[i] *= math.exp(before[i] - after[i])
    return amount_bar


def leg(t, tau, y, c, tolerance, tape, modes, steps, control, work):
    """One stretch of a dosing interval, recorded on arrays that grow; ``y`` is replaced."""
    h, code = 0.0, FULL
    while code == FULL:
        t, h, steps, code = advance(
            t, tau, h, y, c, tolerance, True,
            pointer(tape), pointer(modes), steps, modes.shape[0], control, work,
        )  # fmt: skip
        if code == FULL:
            longer = np.empty(2 * tape.shape[0])
            longer[: tape.shape[0]] = tape
            more = np.empty(2 * modes.shape[0], dtype=np.int64)
            more[: modes.shape[0]] = modes
            tape, modes = longer, more
    return steps, code, tape, modes


def cycle(plan, length, c, y, tolerance, tape, modes, control, work):
    """Follow a dosing interval from ``y`` up to ``length``: ``(turn, steps, code, tape, modes)``.

    ``plan`` is (kind, target, value, span); ``turn`` the steps taken when the infusion ends.
    """
    kind, target, value, span = plan
    code, turn, steps = DONE, 0, 0
    control[ATTEMPTS] = 0
    if kind == STEADY_BOLUS:
        span = 0.0
        give(y, target, value)
    elif span > 0.0:
        c[M + target] = value
        steps, code, tape, modes = leg(
            0.0, min(span, length), y, c, tolerance, tape, modes, 0, control, work
        )
        turn = steps
        c[M + target] = 0.0
    if code == DONE and span < length:
        steps, code, tape, modes = leg(
            span, length, y, c, tolerance, tape, modes, steps, control, work
        )
    return turn, steps, code, tape, modes


def cycle_back(plan, before, turn, steps, lam, c, cbar, tape, modes, scratch):
    """Carry ``lam`` back over a recorded interval; return the adjoints of value and span."""
    kind, target, value, _ = plan
    if kind == STEADY_BOLUS:
        go_back(0, steps, tape, modes, lam, c, cbar, scratch)
        after = before[target]
        if LOG[target]:
            after = math.log(math.exp(after) + value)
            bar = lam[target] * math.exp(-after)
            lam[target] *= math.exp(before[target] - after)
            return bar, 0.0
        return lam[target], 0.0
    kept, span_bar, state = cbar[M + target], 0.0, INFUSED[target]
    go_back(turn, steps, tape, modes, lam, c, cbar, scratch)
    if turn < steps:
        span_bar = lam[state] * value
        if LOG[state]:
            span_bar *= math.exp(-tape[turn * WIDTH + 2 + state])
    cbar[M + target] = 0.0
    c[M + target] = value
    go_back(0, turn, tape, modes, lam, c, cbar, scratch)
    c[M + target] = 0.0
    value_bar = cbar[M + target]
    cbar[M + target] = kept
    return value_bar, span_bar


def cycle_slope(plan, before, turn, steps, c, tape, modes, scratch, slope):
    """Fill ``slope`` with ``I - F_y`` of a recorded interval."""
    lam_array, ignored_array = np.zeros(N), np.zeros(ADJOINTS)
    lam, ignored = pointer(lam_array), pointer(ignored_array)
    for a in range(N):
        for i in range(N):
            lam[i] = 1.0 if i == a else 0.0
        cycle_back(plan, before, turn, steps, lam, c, ignored, tape, modes, scratch)
        for i in range(N):
            slope[a * N + i] = (1.0 if i == a else 0.0) - lam[i]
    hold(lam_array)
    hold(ignored_array)


def solve_dense(A, x):
    """Replace ``x`` by the solution of ``A u = x``; False if singular. ``A`` is destroyed."""
    for a in range(N):
        best = a
        for b in range(a + 1, N):
            if abs(A[b * N + a]) > abs(A[best * N + a]):
                best = b
        if not (abs(A[best * N + a]) > 1e-14 and abs(A[best * N + a]) < 1e300):
            return False
        for d in range(N):
            kept = A[a * N + d]
            A[a * N + d] = A[best * N + d]
            A[best * N + d] = kept
        kept = x[a]
        x[a] = x[best]
        x[best] = kept
        for b in range(a + 1, N):
            ratio = A[b * N + a] / A[a * N + a]
            x[b] -= ratio * x[a]
            for d in range(a, N):
                A[b * N + d] -= ratio * A[a * N + d]
    for a in range(N - 1, -1, -1):
        for d in range(a + 1, N):
            x[a] -= A[a * N + d] * x[d]
        x[a] /= A[a * N + a]
    return True


def plan_of(j, c, timeline):
    """Kind, target, value and span of a steady-state item; and its time to the next dose."""
    value = product(timeline[5][j], c, at(timeline[6], 3 * j))
    span = product(timeline[7][j], c, at(timeline[8], 3 * j))
    ahead, link = timeline[10][j], timeline[11][j]
    if link >= 0:
        ahead += c[link]
    return (timeline[0][j], timeline[1][j], value, span), ahead


def find_cycle(j, y, saved, c, timeline, tolerance, control, work):
    """Find the steady state before a dose, ``saved``; ``y`` is at its phase a lag before that."""
    (plan, ahead), period = plan_of(j, c, timeline), timeline[9][j]
    atol, rtol = tolerance[0], tolerance[1]
    length = 0.0 if plan[0] == STEADY_BOLUS else plan[3]
    if not 0.0 <= ahead < period or (ahead > 0.0 or length < math.inf) and length > period - ahead:
        return TOO_LONG
    initial(c, y)
    tape, modes = np.empty(64 * WIDTH), np.empty(64, dtype=np.int64)
    end_array, move_array, slope_array = np.empty(4 * N), np.empty(N), np.empty(N * N)
    end, move, slope = pointer(end_array), pointer(move_array), pointer(slope_array)
    previous, code = math.inf, NO_STEADY_STATE
    for iteration in range(RUN_IN + ITERATIONS):
        for i in range(N):
            end[i] = y[i]
        turn, steps, code, tape, modes = cycle(
            plan, period, c, end, tolerance, tape, modes, control, work
        )
        if code != DONE:
            break
        code = NO_STEADY_STATE
        for i in range(N):
            move[i] = end[i] - y[i]
        if iteration >= RUN_IN:
            cycle_slope(plan, y, turn, steps, c, pointer(tape), pointer(modes), work[0], slope)
            if not solve_dense(slope, move):
                break
        distance = 0.0
        for i in range(N):
            distance = max(distance, abs(move[i]) / (atol[i] + rtol * abs(y[i])))
            y[i] += move[i]
        if not distance < 1e300:
            break
        stalled = distance < 1e4 and distance > 0.25 * previous  # as far as rounding lets it
        if iteration > RUN_IN and (distance < 1.0 or stalled):
            code = DONE
            break
        previous = distance
    for i in range(N):
        saved[i] = y[i]
    if code == DONE and ahead > 0.0:
        _, _, code, tape, modes = cycle(
            plan, period - ahead, c, y, tolerance, tape, modes, control, work
        )
    control[ATTEMPTS] = 0
    hold(end_array)
    hold(move_array)
    hold(slope_array)
    hold(tape)
    hold(modes)
    return code


def cycle_vjp(j, y, lam, c, cbar, timeline, tolerance, control, work):
    """Adjoint of `find_cycle` at the steady state ``y``; returns that of the dosed value."""
    (plan, ahead), period = plan_of(j, c, timeline), timeline[9][j]
    value_bar, span_bar = 0.0, 0.0
    tape, modes = np.empty(64 * WIDTH), np.empty(64, dtype=np.int64)
    end_array, slope_array, turned_array = np.empty(4 * N), np.empty(N * N), np.empty(N * N)
    end, slope, turned = pointer(end_array), pointer(slope_array), pointer(turned_array)
    if timeline[11][j] >= 0 or ahead > 0.0:
        for i in range(N):
            end[i] = y[i]
        turn, steps, _, tape, modes = cycle(
            plan, period - ahead, c, end, tolerance, tape, modes, control, work
        )
        if timeline[11][j] >= 0:
            rhs_into(period - ahead, end, c, at(end, N))
            for i in range(N):
                cbar[timeline[11][j]] -= lam[i] * end[N + i]
        value_bar, span_bar = cycle_back(
            plan, y, turn, steps, lam, c, cbar, pointer(tape), pointer(modes), work[0]
        )
    for i in range(N):
        end[i] = y[i]
    turn, steps, _, tape, modes = cycle(plan, period, c, end, tolerance, tape, modes, control, work)
    recorded, used = pointer(tape), pointer(modes)
    cycle_slope(plan, y, turn, steps, c, recorded, used, work[0], slope)
    for a in range(N):
        for b in range(N):
            turned[a * N + b] = slope[b * N + a]
    solve_dense(turned, lam)
    more, longer = cycle_back(plan, y, turn, steps, lam, c, cbar, recorded, used, work[0])
    product_vjp(span_bar + longer, timeline[7][j], c, at(timeline[8], 3 * j), cbar)
    hold(end_array)
    hold(slope_array)
    hold(turned_array)
    hold(tape)
    hold(modes)
    return value_bar + more


BASIC = (product, product_vjp, give, give_vjp)
FUNCTIONS = (
    *BASIC,
    leg,
    cycle,
    cycle_back,
    cycle_slope,
    solve_dense,
    plan_of,
    find_cycle,
    cycle_vjp,
)
