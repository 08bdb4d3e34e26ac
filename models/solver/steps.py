"""Adaptive steps between two events, forward and back.

Copied into the compiled module of each model (see `generated`). Nothing here raises: `travel`
returns a code, and the caller turns it into the status of the subject.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

from .generated import EXPLICIT, STIFF, WIDTH, N, explicit_adjoint, explicit_step, rhs_into
from .pointers import at
from .stiff import stiff_adjoint, stiff_step

__all__ = [
    "ATTEMPTS",
    "BAD_TIME",
    "DONE",
    "FULL",
    "FUNCTIONS",
    "MODE",
    "NOT_FINITE",
    "NO_STEADY_STATE",
    "RUNNING",
    "STEP_TOO_SMALL",
    "SUSPICION",
    "TOO_LONG",
    "TOO_MANY_STEPS",
    "advance",
    "go_back",
]

DONE, FULL = 0, -1
TOO_MANY_STEPS, STEP_TOO_SMALL, NOT_FINITE, NO_STEADY_STATE, BAD_TIME, TOO_LONG = 1, 2, 3, 4, 5, 6
MODE, ATTEMPTS, SUSPICION, RUNNING = 0, 1, 2, 3  # places in ``control``; RUNNING: infusions
INSIDE = 1e-15  # of the time: stages stay off the ends of a step, where a kink has two slopes
STABLE = 2.5  # h * rho beyond which a step counts as stiff; the bound of stability is 3.5
TENTH_ROOT = 0x465401D689BA0000  # (1 + 1/10) 2^52 (1023 - 0.045), see step_factor


def step_factor(error2, number, integer):
    """``0.9 * error2 ** -0.1``, the factor by which the next step may grow, within 0.1 %.

    Newton's iteration from a first guess read off the exponent of the number: the power function
    of the C library would take a tenth of an explicit step.
    """
    number[0] = error2
    integer[0] = TENTH_ROOT - integer[0] // 10
    root = number[0]
    for _ in range(3):
        power2 = root * root
        power4 = power2 * power2
        root *= 1.1 - 0.1 * error2 * power4 * power4 * power2
    return 0.9 * root


def first_step(t, horizon, y, k, c, atol, rtol, stage, slope):
    """Size of a first step, after Hairer, Norsett, Wanner, Solving ODEs I, II.4."""
    d0, d1 = 0.0, 0.0
    for i in range(N):
        scale = atol[i] + rtol * abs(y[i])
        d0 += (y[i] / scale) ** 2
        d1 += (k[i] / scale) ** 2
    d0, d1 = math.sqrt(d0 / N), math.sqrt(d1 / N)
    h = 1e-6 * horizon
    if d0 > 1e-5 and d1 > 1e-5:
        h = min(0.01 * d0 / d1, horizon)
    for i in range(N):
        stage[i] = y[i] + h * k[i]
    rhs_into(t + h, stage, c, slope)
    d2 = 0.0
    for i in range(N):
        d2 += ((slope[i] - k[i]) / (atol[i] + rtol * abs(y[i]))) ** 2
    d2 = max(d1, math.sqrt(d2 / N) / h)
    if not (d2 > 1e-15 and d2 < 1e300):
        return h
    return min(100.0 * h, (0.01 / d2) ** 0.2, horizon)


def advance(t, tau, h, y, c, tolerance, record, tape, modes, steps, room, control, work):
    """Step from ``t`` to ``tau``; ``h = 0`` starts afresh, after an event.

    ``y`` holds the state, its slope, and room for both of the next step. Returns ``(t, h, steps,
    code)``; `FULL` asks for a longer tape. Without ``record`` each step uses the tape's beginning.
    """
    atol, rtol, limit = tolerance
    scratch, number, integer = work
    k, ynew, knew = at(y, N), at(y, 2 * N), at(y, 3 * N)
    if not h > 0.0:
        rhs_into(t, y, c, k)
        h = first_step(t, tau - t, y, k, c, atol, rtol, ynew, knew)
    while t < tau:
        if control[ATTEMPTS] >= limit:
            return t, h, steps, TOO_MANY_STEPS
        if record and steps >= room:
            return t, h, steps, FULL
        control[ATTEMPTS] += 1
        last = t + 1.0001 * h >= tau
        size = tau - t if last else h
        slot = steps * WIDTH if record else 0
        inside = INSIDE * max(abs(t), abs(tau))
        begin_at, length = t + inside, size - 2.0 * inside
        tape[slot] = begin_at
        tape[slot + 1] = length
        explicit = EXPLICIT and control[MODE] == 0
        rough, width = 0.0, 1.0
        if explicit:
            error, rough, width = explicit_step(
                begin_at, length, y, k, c, atol, rtol, tape, slot + 2, ynew, knew
            )
        else:
            error = stiff_step(begin_at, length, y, c, atol, rtol, tape, slot + 2, ynew, scratch)
        if not error <= 1.0:
            if size <= 1e-14 * max(abs(t), abs(tau)):
                if explicit and STIFF:
                    control[MODE] = 1
                    h = 1e-6 * (tau - t)
                    continue
                return t, h, steps, STEP_TOO_SMALL if error > 1.0 else NOT_FINITE
            shrink = step_factor(error, number, integer) if error < 1e18 else 0.0
            h = size * max(0.1, shrink)
            continue
        if record:
            modes[steps] = control[MODE]
        steps += 1
        t = tau if last else t + size
        proposal = size * min(5.0, step_factor(max(error, 1e-12), number, integer))
        h = max(h, proposal) if last else proposal
        for i in range(N):
            y[i] = ynew[i]
            k[i] = knew[i]
        if explicit and STIFF:
            if size * size * rough > STABLE * STABLE * width:
                control[SUSPICION] += 1
                if control[SUSPICION] >= 15:
                    control[MODE] = 1
            elif control[SUSPICION] > 0:
                control[SUSPICION] -= 1
    return t, h, steps, DONE


def go_back(first, steps, tape, modes, lam, c, cbar, scratch):
    """Carry ``lam`` from step ``steps`` back to step ``first``; return ``first``."""
    while steps > first:
        steps -= 1
        slot = steps * WIDTH
        t, size = tape[slot], tape[slot + 1]
        if EXPLICIT and modes[steps] == 0:
            explicit_adjoint(t, size, tape, slot + 2, lam, c, cbar)
        else:
            stiff_adjoint(t, size, tape, slot + 2, lam, c, cbar, scratch)
    return steps


FUNCTIONS = (step_factor, first_step, advance, go_back)
