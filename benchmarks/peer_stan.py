"""Stan through pystan: `ode_rk45_tol`, for stiff problems `ode_bdf_tol`.

The gradient is taken from the compiled model's own `log_prob_grad`, called in this process, so that
no request between processes is in the time. That function reads the data and makes the model anew
in every call; a second function that does only this is timed too and its time subtracted.
"""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import Engine, need
from posterior import Chains, Plan
from problems import LV_NAMES, SNEYD_SIGMA, Array, Problem, lotka_volterra

# Stan's log-normal density keeps its factor 1/sqrt(2 pi): 42 observations and 4 priors.
CONSTANT = {"lotka_volterra": 23 * math.log(2 * math.pi)}
PROGRAMS = Path(__file__).with_name("stan_programs")


def build(problem: Problem, variant: str, rtol: float, atol: float) -> Engine:
    """Compile the Stan program of the problem (pystan keeps compiled programs on disk)."""
    need("stan", "httpstan")
    import httpstan.models

    start = time.perf_counter()
    model = compiled(problem, rtol, atol)
    module = httpstan.models.import_services_extension_module(model.model_name)
    z = problem.z.ravel().tolist()  # Stan stores arrays of vectors subject by subject as well
    data = _plain(model.data)
    adjust = problem.initial is not None  # the only program with constrained parameters

    def gradient() -> Array:
        return np.asarray(module.log_prob_grad(data, z, adjust)).reshape(problem.z.shape)

    gradient()
    compile_seconds = time.perf_counter() - start
    value = float(module.log_prob(data, z, adjust)) + CONSTANT.get(problem.name, 0.0)
    return Engine(
        lambda: (value, gradient()),  # the reverse pass computes the value too, but keeps it
        compile_seconds,
        overhead=lambda: module.get_dims(data),
        note="ode_bdf" if problem.stiff else "ode_rk45",
    )


def compiled(problem: Problem, rtol: float, atol: float, seed: int | None = None) -> Any:
    """Build the model with its data."""
    import stan

    code = (PROGRAMS / f"{problem.name}.stan").read_text()
    with quiet():
        data = _data(problem) | {"rtol": rtol, "atol": atol}
        return stan.build(code, data=data, random_seed=seed)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow pystan's progress lines."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield


def _data(problem: Problem) -> dict[str, Any]:
    common: dict[str, Any] = {"T": len(problem.times), "times": problem.times.tolist()}
    if problem.name == "lotka_volterra":
        raw = np.exp(problem.data[0])
        return common | {"first": raw[0].tolist(), "later": raw[1:].tolist()}
    common |= {"N": problem.subjects, "start": problem.y0.tolist()}
    if problem.name == "population":
        return common | {"weight": problem.data.tolist()}
    ip3, ca = problem.x.T.tolist()
    return common | {
        "measured": problem.data.tolist(), "ip3": ip3, "ca": ca, "sigma": SNEYD_SIGMA
    }  # fmt: skip


def _plain(data: Any) -> dict[str, Any]:
    """Data as the compiled module expects them: lists become arrays."""
    return {key: np.asarray(v) if isinstance(v, list) else v for key, v in data.items()}


def sample(plan: Plan, variant: str) -> Chains:
    """Stan's NUTS: a process per chain, as many at a time as there are cores."""
    need("stan", "httpstan")
    problem = lotka_volterra()
    begin = time.perf_counter()
    model = compiled(problem, plan.rtol, plan.atol, seed=plan.seed)
    compile_seconds = time.perf_counter() - begin
    starts = [
        dict(zip(LV_NAMES[:4], row[:4], strict=True))
        | {"initial": row[4:6].tolist(), "sigma": row[6:].tolist()}
        for row in np.exp(plan.starts())
    ]
    begin = time.perf_counter()
    with quiet():
        fit = model.sample(
            num_chains=plan.chains, num_warmup=plan.tune, num_samples=plan.draws,
            delta=plan.accept, init=starts, save_warmup=True,
        )  # fmt: skip
    seconds = time.perf_counter() - begin

    def by_chain(name: str) -> Array:
        """Array (element, chain, draw), warm-up first."""
        flat = np.atleast_2d(fit[name])
        return np.moveaxis(flat.reshape(len(flat), -1, plan.chains), 1, 2)

    draws = {n: by_chain(n)[0] for n in LV_NAMES[:4]}
    draws |= dict(zip(LV_NAMES[4:6], by_chain("initial"), strict=True))
    draws |= dict(zip(LV_NAMES[6:], by_chain("sigma"), strict=True))
    steps = by_chain("n_leapfrog__")[0]
    return Chains(
        {n: v[:, plan.tune :] for n, v in draws.items()}, compile_seconds, seconds,
        gradients=int(steps[:, plan.tune :].sum()),
        warmup_gradients=int(steps[:, : plan.tune].sum()),
        divergences=int(by_chain("divergent__")[0][:, plan.tune :].sum()), note="ode_rk45",
    )  # fmt: skip
