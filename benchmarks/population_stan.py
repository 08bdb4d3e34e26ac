"""Stan on a population, through pystan: closed form or `ode_rk45_tol`, non-centered.

One process per chain, as many at a time as there are cores. Stan keeps what it has drawn with the
same seed; that is deleted first, so that it draws.

Variant ``gradient`` only measures the gradient, at the points where log densities are compared: a
fit would take hours. The number of gradients is then that of NumPyro, which samples the same
parameters by the same algorithm; `populations` multiplies the two and says so.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import need
from peer_stan import PROGRAMS, quiet
from population_posterior import REPEATS, Clock, Drawn, Gradient, Plan
from population_problems import Setup
from problems import Array


def sample(setup: Setup, plan: Plan, variant: str, given: dict[str, Any]) -> Drawn | Gradient:
    """Compile, then run the chains."""
    need("stan", "httpstan")
    import stan

    begin = Clock.now()
    code = (PROGRAMS / f"{setup.name}.stan").read_text()
    with quiet():
        model = stan.build(code, data=data(setup, plan), random_seed=plan.seed)
    compiled = begin.since()
    errors = log_densities(model, given)
    if variant == "gradient":
        return gradient(model, given, compiled, errors)
    forget(model)
    starts = starting(setup, plan, given)
    begin = Clock.now()
    with quiet():
        fit = model.sample(
            num_chains=plan.chains, num_warmup=plan.tune, num_samples=plan.draws,
            delta=plan.accept, init=starts, save_warmup=True,
        )  # fmt: skip
    end_children()
    clock = begin.since()

    def by_chain(name: str) -> Array:
        """Array (chain, draw), warm-up first."""
        return np.atleast_2d(fit[name])[0].reshape(-1, plan.chains).T

    steps = by_chain("n_leapfrog__")
    return Drawn(
        {n: by_chain(n)[:, plan.tune :] for n in setup.names}, compiled, Clock(0.0, 0.0), clock,
        int(steps[:, plan.tune :].sum()), int(steps[:, : plan.tune].sum()), 0,
        int(by_chain("divergent__")[:, plan.tune :].sum()), errors, f"non-centered, {variant}",
    )  # fmt: skip


def gradient(model: Any, given: dict[str, Any], compiled: Clock, errors: Array) -> Gradient:
    """Processor time of a gradient, mean over the points; the least of repeats at each."""
    import httpstan.models

    module = httpstan.models.import_services_extension_module(model.model_name)
    arrays = {k: np.asarray(v) if isinstance(v, list) else v for k, v in model.data.items()}
    least = []
    for point in given["points"]:
        z, times = model.unconstrain_pars(dict(point)), []
        for _ in range(REPEATS):
            begin = time.process_time()
            module.log_prob_grad(arrays, z, True)
            times.append(time.process_time() - begin)
        least.append(min(times))
    return Gradient(compiled, errors, float(np.mean(least)), "ode_rk45, non-centered")


def data(setup: Setup, plan: Plan) -> dict[str, Any]:
    """Data of the program."""
    priors = setup.priors
    sigmas = [s for o in setup.observed for s in o.sigmas]
    common: dict[str, Any] = {
        "N": setup.subjects,
        "dose": setup.dose.tolist(),
        "median": [priors[n][1][0] for n in setup.typical],
        "sd": [priors[n][1][1] for n in setup.typical],
        "spread": [priors[f"{n}_omega"][1][0] for n in setup.varying],
        "scale": [priors[s][1][0] for s in sigmas],
    }
    if setup.name == "theophylline":
        (o,) = setup.observed
        return common | {
            "rows": len(o.value), "subject": (o.subject + 1).tolist(), "time": o.time.tolist(),
            "value": o.value.tolist(),
        }  # fmt: skip
    # Stan wants times after the start, and gets the start itself as place 1 where it is observed.
    zero = any((o.time == 0).any() for o in setup.observed)
    later = [t[t > 0] for t in setup.times]
    longest = max(map(len, later))
    common |= {
        "T": longest,
        "times": [np.pad(t, (0, longest - len(t)), mode="edge").tolist() for t in later],
        "rtol": plan.rtol,
        "atol": plan.atol,
    }
    for o in setup.observed:
        pairs = zip(o.subject, o.time, strict=True)
        places = [int(np.searchsorted(later[i], t)) + 1 + zero * (t > 0) for i, t in pairs]
        common |= {
            f"{o.name}_rows": len(o.value), f"{o.name}_subject": (o.subject + 1).tolist(),
            f"{o.name}_place": [int(p) for p in places], f"{o.name}_value": o.value.tolist(),
        }  # fmt: skip
    if setup.name == "warfarin":
        return common | {"count": [len(t) for t in later]}
    return common | {"c": list(setup.constants.values())}


def log_densities(model: Any, given: dict[str, Any]) -> Array:
    """Differences from the log densities at tight tolerances, up to a constant; float64[point]."""
    found = []
    for point in given["points"]:
        z = model.unconstrain_pars(dict(point))
        found.append(model.log_prob(z, adjust_transform=False))
    return np.array(found) - np.array(given["log_densities"])


def starting(setup: Setup, plan: Plan, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The start points of `population_numpyro`, as natural values."""
    import population_numpyro

    found = []
    for point in population_numpyro.starting(setup, plan, given["means"]):
        natural = {n: x.tolist() for n, x in point.items() if n.endswith("_z")}
        for n in setup.ascending:
            x = float(np.exp(point[f"{n}_gap" if n in setup.above else n]))
            natural[n] = x / (1 + x) if setup.is_bounded(n) else setup.floor(n, natural) + x
        found.append(natural)
    return found


def forget(model: Any) -> None:
    """Delete what was drawn before."""
    from httpstan.cache import model_directory

    shutil.rmtree(Path(model_directory(model.model_name)) / "fits", ignore_errors=True)


def end_children() -> None:
    """End the idle worker processes, so that their processor time is counted."""
    from httpstan import services_stub

    services_stub.executor.shutdown(wait=True)
