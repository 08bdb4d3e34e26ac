"""Gradients by diffrax (Tsit5 and Kvaerno5, reverse mode), written to ``diffrax_numbers.json``.

Run as a module with diffrax installed (extra ``bench``) to write them anew; `test_diffrax` compares
the engine with the numbers, and, where diffrax is installed, the numbers with diffrax.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from cytobayes.models.ode import OdeModel
from cytobayes.models.symbolic import trace

from .problems import (
    FIVE_STATES,
    FIVE_TIMES,
    LOTKA_VOLTERRA,
    LV_TIMES,
    ROBERTSON,
    SNEYD,
    Array,
    five_thetas,
    plain,
    seeds,
    values,
)

FILE = Path(__file__).with_suffix(".json")
# Model, parameters, times and weights of ``sum(weights * y)``; stiff ones need an implicit method.
ROBERTSON_WEIGHTS = np.array([1.0, 1e4, 1.0])
CASES: dict[str, tuple[OdeModel, Array, Array, bool]] = {
    "lotka_volterra": (LOTKA_VOLTERRA, values(LOTKA_VOLTERRA), LV_TIMES, False),
    "doses": (LOTKA_VOLTERRA, values(LOTKA_VOLTERRA), LV_TIMES, False),
    "five_states": (FIVE_STATES, five_thetas(1)[0], FIVE_TIMES, False),
    "five_states_implicit": (FIVE_STATES, five_thetas(1)[0], FIVE_TIMES, True),
    "robertson": (ROBERTSON, values(ROBERTSON), np.array([0.4, 4.0, 40.0, 400.0]), True),
    "sneyd": (SNEYD, values(SNEYD, Ca=0.4), np.linspace(0.1, 1.0, 10), True),
}


def weights(name: str) -> Array:
    model, _, times, _ = CASES[name]
    bar = seeds(plain(model, times), len(model.states))
    return bar * ROBERTSON_WEIGHTS if name == "robertson" else bar


def segments(p: Any) -> list[tuple[Any, str, Any]]:
    """Times (which may depend on parameters) and events of `LV_REGIMEN`, by hand, in order."""
    a, amount, length, when = 0, 6, 7, 8
    inflow = p[amount] / p[length]
    look: list[tuple[Any, str, Any]] = [(t, "observe", None) for t in LV_TIMES]
    return [
        *look[:3],  # at 0.5, 1, 2
        (3.1, "rate", (1, inflow)),
        look[3],  # at 3.5
        (2.3 + p[length], "jump", (0, p[amount])),  # at 4.0
        (3.1 + p[length], "rate", (1, -inflow)),  # at 4.8
        look[4],  # at 5
        (p[when], "switch", (a, 0.4)),  # at 6.45
        (7.1, "rate", (1, inflow)),
        look[5],  # at 7.5
        (7.1 + p[length], "rate", (1, -inflow)),  # at 8.8
        *look[6:],
    ]


def solve_pieces(rhs: Any, y: Any, p: Any, solver: Any, controller: Any) -> Any:
    """States at the observations of `LV_REGIMEN`: one solve per stretch, each over unit time.

    The length of a stretch enters the equations as a factor, so that it is differentiated too.
    """
    diffrax, jax, jnp = (import_module(m) for m in ("diffrax", "jax", "jax.numpy"))

    starts, spans, rates, constants, jumps, seen = [], [], [], [], [], []
    now, rate, q = 0.0, jnp.zeros(len(y)), p
    for time, kind, what in segments(p):
        starts.append(now)
        spans.append(time - now)
        rates.append(rate)
        constants.append(q)
        jump = jnp.zeros(len(y))
        if kind == "jump":
            jump = jump.at[what[0]].add(what[1])
        elif kind == "rate":
            rate = rate.at[what[0]].add(what[1])
        elif kind == "switch":
            q = q.at[what[0]].set(what[1])
        jumps.append(jump)
        seen.append(kind == "observe")
        now = time

    def stretch(y: Any, piece: Any) -> Any:
        start, span, rate, q, jump = piece
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, y, args: span * (rhs(start + s * span, y, q) + rate)),
            solver, 0.0, 1.0, 1e-3, y, stepsize_controller=controller, max_steps=20_000,
        )  # fmt: skip
        return solution.ys[0] + jump, solution.ys[0]

    pieces = [jnp.asarray(x) for x in (starts, spans)]
    pieces += [jnp.stack(x) for x in (rates, constants, jumps)]
    _, before = jax.lax.scan(stretch, y, tuple(pieces))
    return before[np.array(seen)]


def by_diffrax(name: str, rtol: float = 1e-10) -> dict[str, Any]:
    """Value and gradient of ``sum(weights * y)``."""
    diffrax, jax, jnp = (import_module(m) for m in ("diffrax", "jax", "jax.numpy"))

    jax.config.update("jax_enable_x64", True)
    model, theta, times, stiff = CASES[name]
    written = trace(model)
    sides = sympy.lambdify((written.t, written.y, written.p), written.rhs, modules="jax")
    initial = sympy.lambdify((written.p,), written.initial, modules="jax")
    bar = jnp.asarray(weights(name))
    atol = 1e-2 * rtol * jnp.asarray([s.scale for s in model.states])
    solver = diffrax.Kvaerno5() if stiff else diffrax.Tsit5()

    def rhs(t: Any, y: Any, p: Any) -> Any:
        return jnp.stack([jnp.asarray(f) for f in sides(t, y, p)])

    def total(p: Any) -> Any:
        start = jnp.stack([jnp.asarray(v, dtype=float) for v in initial(p)])
        if name == "doses":
            controller = diffrax.PIDController(rtol=rtol, atol=atol)
            return jnp.sum(bar * solve_pieces(rhs, start, p, solver, controller))
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(rhs),
            solver,
            0.0,
            float(times[-1]),
            1e-6,
            start,
            args=p,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)),
            stepsize_controller=diffrax.PIDController(
                rtol=rtol, atol=atol, jump_ts=jnp.asarray(times)
            ),
            max_steps=200_000,
            adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=2000),
        )
        return jnp.sum(bar * solution.ys)

    value, gradient = jax.jit(jax.value_and_grad(total))(jnp.asarray(theta))
    return {"value": float(value), "gradient": np.asarray(gradient).tolist()}


def main() -> None:
    """Write the numbers of all cases."""
    numbers = {name: by_diffrax(name) for name in CASES}
    FILE.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
