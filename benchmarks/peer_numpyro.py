"""NumPyro's NUTS on Diffrax (Tsit5, reverse mode, tuned as in `peer_diffrax`), jitted as a whole.

``vectorized``: all chains in lockstep in one array program. ``parallel``: chains one by one, on as
many host devices and threads as there are cores. NumPyro receives the log posterior as a potential
function; after tracing this is the program that a model with ``numpyro.sample`` becomes.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from measure import cores_here, need
from peer_diffrax import integrate
from posterior import Chains, Plan
from problems import LV_NAMES, lotka_volterra


def sample(plan: Plan, variant: str) -> Chains:
    """Compile, then run the chains."""
    need("jax", "diffrax", "numpyro")
    devices = cores_here() if variant == "parallel" else 1
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import jax

    jax.config.update("jax_enable_x64", True)
    begin = time.perf_counter()
    keys = jax.random.split(jax.random.PRNGKey(plan.seed), plan.chains)
    starts = plan.starts()
    chain = _chain(plan)
    if variant == "vectorized":
        program = jax.jit(jax.vmap(chain)).lower(keys, starts).compile()
        jobs = [lambda: program(keys, starts)]
    else:
        where = [jax.devices()[k % devices] for k in range(plan.chains)]
        given = [jax.device_put((keys[k], starts[k]), where[k]) for k in range(plan.chains)]
        programs = [jax.jit(chain).lower(*given[k]).compile() for k in range(devices)]
        jobs = [lambda k=k: programs[k % devices](*given[k]) for k in range(plan.chains)]
    compiled = time.perf_counter() - begin
    begin = time.perf_counter()
    with ThreadPoolExecutor(devices) as pool:
        out = list(pool.map(lambda job: jax.block_until_ready(job()), jobs))
    seconds = time.perf_counter() - begin
    z, steps, diverging = (
        np.concatenate([np.atleast_2d(np.asarray(o[i])) for o in out])
        if variant == "vectorized" or i > 0
        else np.stack([np.asarray(o[i]) for o in out])
        for i in range(3)
    )
    draws = np.exp(z[:, plan.tune :])
    return Chains(
        {n: draws[..., k] for k, n in enumerate(LV_NAMES)}, compiled, seconds,
        gradients=int(steps[:, plan.tune :].sum()),
        warmup_gradients=int(steps[:, : plan.tune].sum()),
        divergences=int(diverging[:, plan.tune :].sum()), note=variant,
    )  # fmt: skip


def _chain(plan: Plan) -> Any:
    """One chain from its key and start point: all draws of z, steps, divergences."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer import NUTS

    problem = lotka_volterra()

    def potential(z: Any) -> Any:
        p = [jnp.exp(z[k]) for k in range(problem.rates)]
        out = integrate(problem, p, [], jnp.exp(z[problem.initial]), (plan.rtol, plan.atol),
                        scalars=True, checkpoints=200)  # fmt: skip
        return -problem.loss(jnp.stack(out.ys, axis=-1), z, problem.data[0], jnp)

    kernel = NUTS(potential_fn=potential, target_accept_prob=plan.accept)

    def run(key: Any, start: Any) -> Any:
        state = kernel.init(key, plan.tune, start, (), {})

        def step(state: Any, _: None) -> Any:
            state = kernel.sample(state, (), {})
            return state, (state.z, state.num_steps, state.diverging)

        return jax.lax.scan(step, state, None, plan.tune + plan.draws)[1]

    return run
