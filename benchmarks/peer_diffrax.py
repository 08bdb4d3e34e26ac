"""Diffrax, reverse mode (`RecursiveCheckpointAdjoint`), double precision, jitted once.

``vmap``: as its documentation shows it, all subjects in lockstep in one array program. XLA runs
this on one core whatever it is given, because the arrays are small.

``tuned``: the fastest way that we found on a CPU. As many checkpoints as steps, so that nothing is
computed twice; with more than one core, one host device and one thread per core, each with its
share of the subjects; and for the explicit method scalars instead of arrays as state (XLA then
fuses the stages) and subjects one after another (`jax.lax.map`) instead of in lockstep. For the
implicit method lockstep and arrays are faster.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from measure import Engine, NotApplicable, cores_here, need
from problems import Array, Index, Problem

CHECKPOINTS = {False: 200, True: 64}  # more than the steps that these problems take at 1e-6


def build(problem: Problem, variant: str, rtol: float, atol: float) -> Engine:
    """Compile value-and-gradient over all subjects."""
    need("jax", "diffrax")
    tuned = variant == "tuned"
    if tuned and problem.subjects == 1 and cores_here() > 1:
        raise NotApplicable("one subject keeps one core busy")
    devices = cores_here() if tuned else 1
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import jax

    jax.config.update("jax_enable_x64", True)
    start = time.perf_counter()
    parts = [np.arange(problem.subjects)[k::devices] for k in range(devices)]
    calls = [
        _share(problem, part, tuned, (rtol, atol), jax.devices()[k]) for k, part in enumerate(parts)
    ]
    pool = ThreadPoolExecutor(devices) if devices > 1 else None

    def answers() -> list[Any]:
        return list(pool.map(_call, calls)) if pool else [calls[0]()]

    def evaluate() -> tuple[float, Array]:
        gradient, value = np.empty_like(problem.z), 0.0
        for part, (v, g, _) in zip(parts, answers(), strict=True):
            value, gradient[part] = value + float(v), np.asarray(g)
        return value, gradient

    evaluate()
    compiled = time.perf_counter() - start
    name = type(solver(problem)).__name__
    return Engine(evaluate, compiled, lambda: float(np.mean([a[2] for a in answers()])), note=name)


def solver(problem: Problem) -> Any:
    """Pick the explicit or the implicit method; both of order 5, as the engine compares with."""
    import diffrax

    return diffrax.Kvaerno5() if problem.stiff else diffrax.Tsit5()


def integrate(
    problem: Problem, p: Any, x: Any, y0: Any, tolerances: tuple[float, float], *,
    scalars: bool = False, checkpoints: int | None = None, limit: int = 4096,
) -> Any:  # fmt: skip
    """Trajectory of one subject, as a Diffrax solution with ``ys`` of shape (time, state)."""
    import diffrax
    import jax.numpy as jnp

    n = len(problem.states)

    def field(t: Any, y: Any, args: Any) -> Any:
        out = problem.rhs(t, tuple(y) if scalars else [y[i] for i in range(n)], *args)
        return tuple(out) if scalars else jnp.stack(out)

    return diffrax.diffeqsolve(
        diffrax.ODETerm(field), solver(problem), 0.0, float(problem.times[-1]), None,
        tuple(y0[i] for i in range(n)) if scalars else jnp.asarray(y0), (p, x),
        saveat=diffrax.SaveAt(ts=jnp.asarray(problem.times)),
        stepsize_controller=diffrax.PIDController(rtol=tolerances[0], atol=tolerances[1]),
        adjoint=diffrax.RecursiveCheckpointAdjoint(checkpoints=checkpoints), max_steps=limit,
        throw=False,  # what did not arrive is infinite: a rejected proposal, not an exception
    )  # fmt: skip


def _share(
    problem: Problem, part: Index, tuned: bool, tolerances: tuple[float, float], device: Any
) -> Any:
    """Compile value-and-gradient of some subjects on one device."""
    import jax
    import jax.numpy as jnp

    scalars = tuned and not problem.stiff
    checkpoints = CHECKPOINTS[problem.stiff] if tuned else None

    def one(z: Any, x: Any, data: Any) -> Any:
        p = [jnp.exp(z[k]) for k in range(problem.rates)]
        y0 = problem.y0 if problem.initial is None else jnp.exp(z[problem.initial])
        known = [x[k] for k in range(len(problem.inputs))]
        out = integrate(problem, p, known, y0, tolerances, scalars=scalars, checkpoints=checkpoints)
        y = jnp.stack(out.ys, axis=-1) if scalars else out.ys
        return problem.loss(y, z, data, jnp), out.stats["num_steps"]

    both = jax.value_and_grad(one, has_aux=True)

    def batch(*inputs: Any) -> Any:
        mapped = jax.lax.map(lambda a: both(*a), inputs) if scalars else jax.vmap(both)(*inputs)
        (values, steps), gradient = mapped
        return jnp.sum(values), gradient, jnp.mean(steps)

    x = problem.x if problem.inputs else np.zeros((problem.subjects, 0))
    inputs = [jax.device_put(a[part], device) for a in (problem.z, x, problem.data)]
    compiled = jax.jit(batch).lower(*inputs).compile()
    return lambda: jax.block_until_ready(compiled(*inputs))


def _call(call: Any) -> Any:
    return call()
