"""PyMC's own `pymc.ode.DifferentialEquation` (SciPy's LSODA with forward sensitivities).

``shipped``: as it is, with odeint's default tolerances of 1.5e-8, which it offers no way to change.
``loose``: the same class with the tolerances that every other engine gets.

It integrates one subject at a time, with sensitivities to every initial value and every parameter.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from measure import Engine, need
from posterior import Chains, Plan, pymc_model
from problems import LV_NAMES, Array, Problem, lotka_volterra


def build(problem: Problem, variant: str, rtol: float, atol: float) -> Engine:
    """Compile value-and-gradient of one subject; the subjects follow one another."""
    need("pymc")
    import pytensor
    import pytensor.tensor as pt

    start = time.perf_counter()
    z, data = pt.dvector("z"), pt.tensor("data", shape=problem.data.shape[1:], dtype="float64")
    known = [pytensor.shared(float(v)) for v in problem.known(0)]
    tolerances = None if variant == "shipped" else (rtol, atol)
    solve = equation(problem, known, tolerances)
    y0 = pt.constant(problem.y0) if problem.initial is None else pt.exp(z[problem.initial])
    y = solve(y0=y0, theta=pt.exp(z[: problem.rates]))
    value = problem.loss(y, z, data, pt)
    compiled = pytensor.function([z, data], [value, pytensor.grad(value, z)])

    def evaluate() -> tuple[float, Array]:
        total, gradient = 0.0, np.empty_like(problem.z)
        for i in range(problem.subjects):
            for place, v in zip(known, problem.known(i), strict=True):
                place.set_value(float(v))
            v, gradient[i] = compiled(problem.z[i], problem.data[i])
            total += float(v)
        return total, gradient

    evaluate()
    note = "LSODA 1.5e-8" if tolerances is None else f"LSODA {rtol:g}"
    return Engine(evaluate, time.perf_counter() - start, note=note)


def equation(problem: Problem, known: list[Any], tolerances: tuple[float, float] | None) -> Any:
    """Make the operation. Known constants are shared variables, so they cost no sensitivities."""
    import scipy.integrate
    from pymc.ode import DifferentialEquation

    def field(y: Any, t: Any, p: Any) -> list[Any]:
        names = [y[k] for k in range(len(problem.states))]
        return problem.rhs(t, names, [p[k] for k in range(problem.rates)], known)

    class Loose(DifferentialEquation):  # type: ignore[misc]
        """The same operation with tolerances."""

        def _simulate(self, y0: Array, theta: Array) -> tuple[Array, Array]:
            assert tolerances is not None
            out = scipy.integrate.odeint(
                self._system, np.concatenate([y0, self._sens_ic]), self._augmented_times,
                args=(np.concatenate([y0, theta]),), rtol=tolerances[0], atol=tolerances[1],
            )  # fmt: skip
            n = self.n_states
            return out[1:, :n], out[1:, n:].reshape(self.n_times, n, self.n_p)

    kind = DifferentialEquation if tolerances is None else Loose
    return kind(field, problem.times, n_states=len(problem.states), n_theta=problem.rates, t0=0.0)


def sample(plan: Plan, variant: str) -> Chains:
    """PyMC's own NUTS: a process per chain, as many at a time as there are cores."""
    need("pymc")
    import pymc as pm
    from measure import cores_here

    problem = lotka_volterra()
    tolerances = None if variant == "shipped" else (plan.rtol, plan.atol)
    begin = time.perf_counter()
    solve = equation(problem, [], tolerances)
    model = pymc_model(lambda rates, initial: solve(y0=initial, theta=rates))
    starts = [dict(zip(LV_NAMES, row, strict=True)) for row in np.exp(plan.starts())]
    model.logp_dlogp_function()  # compiled machine code stays on disk for the chains
    with model:
        step = pm.NUTS(target_accept=plan.accept)
        compiled = time.perf_counter() - begin
        begin = time.perf_counter()
        tree = pm.sample(
            draws=plan.draws, tune=plan.tune, chains=plan.chains, cores=cores_here(), step=step,
            initvals=starts, random_seed=plan.seed, discard_tuned_samples=False,
            progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
    return from_tree(tree, compiled, seconds, "LSODA " + ("1.5e-8" if not tolerances else "1e-6"))


def from_tree(tree: Any, compiled: float, seconds: float, note: str) -> Chains:
    """Chains from a DataTree of PyMC or nutpie."""
    stats, warmup = tree["sample_stats"], tree["warmup_sample_stats"]
    return Chains(
        {n: tree["posterior"][n].values for n in LV_NAMES}, compiled, seconds,
        gradients=int(stats["n_steps"].sum()), warmup_gradients=int(warmup["n_steps"].sum()),
        divergences=int(stats["diverging"].sum()), note=note,
    )  # fmt: skip
