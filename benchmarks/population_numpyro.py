"""NumPyro's NUTS on a population, non-centered, with Diffrax where the model has equations.

The usual hand-written model: typical values, spreads, residual errors from their priors, standard
normal effects, a diagonal mass matrix. Variants: ``parallel`` runs the chains one by one on as many
host devices and threads as there are cores, ``vectorized`` all in lockstep. Equations are solved by
Tsit5; ``map`` takes the subjects one after another with scalars as states, in reverse mode
(`RecursiveCheckpointAdjoint`); ``vmap`` all subjects in lockstep, in reverse mode; ``forward`` in
lockstep with the tangents of each subject's own parameters. `population_gradients` times the three.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from measure import cores_here, need
from population_posterior import REPEATS, Clock, Drawn, Gradient, Plan
from population_problems import FIELDS, Setup, one_compartment, outputs, start
from problems import Array

STEPS = 4096  # a solve that takes more has failed, and the proposal is rejected


def sample(setup: Setup, plan: Plan, variant: str, given: dict[str, Any]) -> Drawn | Gradient:
    """Compile, then run the chains."""
    need("jax", "diffrax", "numpyro")
    arrangement, _, way = variant.partition(" ")
    devices = cores_here() if arrangement == "parallel" else 1
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    import jax

    jax.config.update("jax_enable_x64", True)
    model = density(setup, plan, way)
    errors = log_densities(model, setup, given)
    if arrangement == "gradient":
        return gradient(setup, model, given, errors, variant)
    begin = Clock.now()
    keys = jax.random.split(jax.random.PRNGKey(plan.seed), plan.chains)
    starts = starting(setup, plan, given["means"])
    chain = one_chain(setup, plan, model)
    if arrangement == "vectorized":
        together = {n: np.stack([s[n] for s in starts]) for n in starts[0]}
        program = jax.jit(jax.vmap(chain)).lower(keys, together).compile()
        jobs = [lambda: program(keys, together)]
    else:
        where = [jax.devices()[k % devices] for k in range(plan.chains)]
        each = [jax.device_put((keys[k], starts[k]), where[k]) for k in range(plan.chains)]
        used = min(devices, plan.chains)
        programs = [jax.jit(chain).lower(*each[k]).compile() for k in range(used)]
        jobs = [lambda k=k: programs[k % used](*each[k]) for k in range(plan.chains)]
    compiled = begin.since()
    begin = Clock.now()
    with ThreadPoolExecutor(devices) as pool:
        out = list(pool.map(lambda job: jax.block_until_ready(job()), jobs))
    clock = begin.since()
    if arrangement == "vectorized":
        (draws, steps, diverging) = jax.tree.map(np.asarray, out[0])
    else:
        draws, steps, diverging = jax.tree.map(lambda *a: np.stack(list(map(np.asarray, a))), *out)
    return Drawn(
        {n: v[:, plan.tune :] for n, v in draws.items()}, compiled, Clock(0.0, 0.0), clock,
        int(steps[:, plan.tune :].sum()), int(steps[:, : plan.tune].sum()), 0,
        int(diverging[:, plan.tune :].sum()), errors, f"non-centered, {variant}",
    )  # fmt: skip


def gradient(
    setup: Setup, model: Callable[[], None], given: dict[str, Any], errors: Array, note: str
) -> Gradient:
    """Processor time of a gradient, mean over the points; the least of repeats at each."""
    import jax
    from numpyro.infer.util import potential_energy, unconstrain_fn

    begin, least = Clock.now(), []
    both = jax.jit(jax.value_and_grad(lambda z: potential_energy(model, (), {}, z)))
    moved = [unconstrain_fn(model, (), {}, sites(setup, p)) for p in given["points"]]
    jax.block_until_ready(both(moved[0]))
    compiled = begin.since()
    for z in moved:
        times = []
        for _ in range(REPEATS):
            clock = time.process_time()
            jax.block_until_ready(both(z))
            times.append(time.process_time() - clock)
        least.append(min(times))
    return Gradient(compiled, errors, float(np.mean(least)), f"non-centered, {note}")


def density(setup: Setup, plan: Plan, way: str) -> Callable[[], None]:
    """Write the population as a model of NumPyro."""
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist

    predict = predictions(setup, plan, way)

    def model() -> None:
        typical: dict[str, Any] = {}
        for n in (n for n in setup.ascending if n in setup.typical):
            if n in setup.above:
                gap = numpyro.sample(
                    f"{n}_gap", dist.ImproperUniform(dist.constraints.positive, (), ())
                )
                typical[n] = setup.floor(n, typical) + gap
                numpyro.factor(f"{n}_prior", prior(setup, n).log_prob(typical[n]))
            else:
                typical[n] = numpyro.sample(n, prior(setup, n))
        theta = {}
        for n in setup.typical:
            theta[n] = jnp.broadcast_to(typical[n], (setup.subjects,))
            if n in setup.varying:
                omega = numpyro.sample(f"{n}_omega", prior(setup, f"{n}_omega"))
                z = numpyro.sample(f"{n}_z", dist.Normal(0, 1).expand([setup.subjects]).to_event(1))
                theta[n] = individual(setup, n, typical[n], omega * z)
        values = predict(theta)
        for o in setup.observed:
            sigma = [numpyro.sample(n, prior(setup, n)) for n in o.sigmas]
            numpyro.sample(f"{o.name}_value", likelihood(o.error, values[o.name], sigma),
                           obs=o.value)  # fmt: skip

    return model


def prior(setup: Setup, name: str) -> Any:
    """Distribution of NumPyro."""
    import numpyro.distributions as dist

    kind, numbers = setup.priors[name]
    if kind == "HalfNormal":
        return dist.HalfNormal(numbers[0])
    median, sd = numbers
    if kind == "LogNormal":
        return dist.LogNormal(np.log(median), sd)
    logit = np.log(median / (1 - median))
    return dist.TransformedDistribution(dist.Normal(logit, sd), dist.transforms.SigmoidTransform())


def individual(setup: Setup, name: str, typical: Any, effect: Any) -> Any:
    """Values of the subjects, on the logarithmic or logistic scale."""
    import jax.numpy as jnp

    if setup.is_bounded(name):
        return 1 / (1 + jnp.exp(-(jnp.log(typical / (1 - typical)) + effect)))
    return typical * jnp.exp(effect)


def likelihood(error: str, f: Any, sigma: list[Any]) -> Any:
    """Distribution of the measurements."""
    import jax.numpy as jnp
    import numpyro.distributions as dist

    if error == "lognormal":
        return dist.LogNormal(jnp.log(f), sigma[0])
    if error == "combined":
        return dist.Normal(f, jnp.sqrt(sigma[0] ** 2 + (sigma[1] * f) ** 2))
    return dist.Normal(f, sigma[0])


def predictions(setup: Setup, plan: Plan, way: str) -> Callable[[Any], dict[str, Any]]:
    """Values at the rows of each observable, from the parameters of the subjects."""
    import jax.numpy as jnp

    if setup.name == "theophylline":
        (o,) = setup.observed

        def closed(theta: Mapping[str, Any]) -> dict[str, Any]:
            p = {n: v[o.subject] for n, v in theta.items()}
            return {o.name: one_compartment(o.time, setup.dose[o.subject], p, jnp.exp)}

        return closed
    curves = solver(setup, plan, way)
    places = {o.name: (o.subject, setup.places(o)) for o in setup.observed}

    def solved(theta: Mapping[str, Any]) -> dict[str, Any]:
        y = curves(jnp.stack([theta[n] for n in setup.typical], axis=1))
        return {n: y[n][where] for n, where in places.items()}

    return solved


def solver(setup: Setup, plan: Plan, way: str) -> Callable[[Any], dict[str, Any]]:
    """Trajectories of all subjects as arrays (subject, time) by observable."""
    import diffrax
    import jax
    import jax.numpy as jnp

    times, scalars = jnp.asarray(setup.padded_times), way == "map"
    adjoint = (
        diffrax.ForwardMode()
        if way == "forward"
        else diffrax.RecursiveCheckpointAdjoint(checkpoints=200 if scalars else None)
    )

    def named(row: Any) -> dict[str, Any]:
        return setup.constants | {n: row[k] for k, n in enumerate(setup.typical)}

    def field(t: Any, y: Any, row: Any) -> Any:
        out = FIELDS[setup.name](t, tuple(y) if scalars else [*y], named(row))
        return tuple(out) if scalars else jnp.stack(out)

    def states(row: Any, ts: Any, dose: Any) -> Any:
        y0 = [jnp.asarray(s, dtype=float) for s in start(setup.name, dose, named(row))]
        out = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, ts[-1], None,
            tuple(y0) if scalars else jnp.stack(y0), row, saveat=diffrax.SaveAt(ts=ts),
            stepsize_controller=diffrax.PIDController(rtol=plan.rtol, atol=plan.atol),
            adjoint=adjoint, max_steps=STEPS, throw=False,
        )  # fmt: skip
        return jnp.stack(out.ys, axis=-1) if scalars else out.ys

    one = forward(states) if way == "forward" else states

    def subject(row: Any, ts: Any, dose: Any) -> dict[str, Any]:
        return outputs(setup.name, one(row, ts, dose), named(row))

    def everyone(theta: Any) -> dict[str, Any]:
        inputs = (theta, times, jnp.asarray(setup.dose))
        return jax.lax.map(lambda a: subject(*a), inputs) if scalars else jax.vmap(subject)(*inputs)

    return everyone


def forward(states: Any) -> Any:
    """The same function with its derivative by the parameters in forward mode, kept for later."""
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def curve(row: Any, ts: Any, dose: Any) -> Any:
        return states(row, ts, dose)

    def ahead(row: Any, ts: Any, dose: Any) -> Any:
        def along(tangent: Any) -> Any:
            return jax.jvp(lambda r: states(r, ts, dose), (row,), (tangent,))

        return jax.vmap(along, out_axes=(None, 0))(jnp.eye(row.size))

    def back(slopes: Any, bar: Any) -> Any:
        return jnp.tensordot(slopes, bar, axes=2), None, None

    curve.defvjp(ahead, back)
    return curve


def log_densities(model: Callable[[], None], setup: Setup, given: dict[str, Any]) -> Array:
    """Differences from the log densities at tight tolerances, float64[point]."""
    import jax
    from numpyro.infer.util import log_density

    score = jax.jit(lambda p: log_density(model, (), {}, p)[0])
    found = [float(score(sites(setup, p))) for p in given["points"]]
    return np.array(found) - np.array(given["log_densities"])


def sites(setup: Setup, point: Mapping[str, Any]) -> dict[str, Array]:
    """Natural values of the variables that NumPyro moves."""
    found = {n: np.asarray(v, dtype=np.float64) for n, v in point.items()}
    gaps = {n: found[n] - setup.floor(n, found) for n in setup.above}
    return {n: x for n, x in found.items() if n not in gaps} | {
        f"{n}_gap": x for n, x in gaps.items()
    }


def starting(setup: Setup, plan: Plan, means: Mapping[str, float]) -> list[dict[str, Array]]:
    """Start points near the posterior, unconstrained: no peer has to find it."""
    random, found = np.random.default_rng(plan.seed), []
    for _ in range(plan.chains):
        point = {}
        for n in setup.names:
            x = means[n] - setup.floor(n, means)
            center = np.log(x / (1 - x) if setup.is_bounded(n) else x)
            name = f"{n}_gap" if n in setup.above else n
            point[name] = np.asarray(center + 0.1 * random.standard_normal())
        for n in setup.varying:
            point[f"{n}_z"] = 0.1 * random.standard_normal(setup.subjects)
        found.append(point)
    return found


def one_chain(setup: Setup, plan: Plan, model: Callable[[], None]) -> Any:
    """One chain from its key and start point: draws, steps, divergences."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer import NUTS
    from numpyro.infer.util import potential_energy

    kernel = NUTS(
        potential_fn=lambda z: potential_energy(model, (), {}, z),
        target_accept_prob=plan.accept,
        dense_mass=False,
    )

    def natural(z: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for n in setup.ascending:
            if n in setup.above:
                found[n] = setup.floor(n, found) + jnp.exp(z[f"{n}_gap"])
            else:
                found[n] = jax.nn.sigmoid(z[n]) if setup.is_bounded(n) else jnp.exp(z[n])
        return found

    def run(key: Any, begin: Any) -> Any:
        state = kernel.init(key, plan.tune, begin, (), {})

        def step(state: Any, _: None) -> Any:
            state = kernel.sample(state, (), {})
            return state, (natural(state.z), state.num_steps, state.diverging)

        return jax.lax.scan(step, state, None, plan.tune + plan.draws)[1]

    return run
