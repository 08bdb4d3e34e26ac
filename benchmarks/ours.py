"""This project's engine: compiled Tsit5, for stiff problems Rodas5P, with discrete adjoints.

``pymc``: value and gradient as one PyTensor function in numba mode, the operation that samplers
use. One core: PyMC's samplers put their chains, not their subjects, on different cores.

``arrays``: arrays in, arrays out; the loss and its derivative in NumPy between the forward and the
backward pass. With more than one core, one thread per core, each with its share of the subjects.

``loose``: as ``pymc``, at a hundred times the tolerance of everyone else, for the stiff problem
only: Rodas5P is so much more accurate there that its error is then still below that of the peer.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from measure import Absent, Engine, NotApplicable, cores_here, need
from peer_pymc_ode import from_tree
from posterior import Chains, Plan, pymc_model
from problems import Array, Index, Problem, lotka_volterra

ROOT = Path(__file__).resolve().parents[1]


def build(problem: Problem, variant: str, rtol: float, atol: float) -> Engine:
    """Compile value-and-gradient over all subjects."""
    find()
    cores = cores_here()
    if variant == "loose":
        if not problem.stiff:
            raise NotApplicable("at a looser tolerance its error would exceed that of the peers")
        rtol, atol = 100 * rtol, 100 * atol
    if cores > 1 and (variant != "arrays" or problem.subjects == 1):
        raise NotApplicable("one gradient of this kind keeps one core busy")
    start = time.perf_counter()
    parts = [np.arange(problem.subjects)[k::cores] for k in range(cores)]
    if variant != "arrays":
        evaluate = _pymc(problem, rtol, atol)
    else:
        evaluate = _arrays(problem, parts, rtol, atol)
    evaluate()
    compiled = time.perf_counter() - start
    steps = _steps(problem, rtol, atol)
    note = "Rodas5P" if problem.stiff else "Tsit5"
    note += f", rtol {rtol:g}" if variant == "loose" else ""
    return Engine(evaluate, compiled, lambda: steps, note=note)


def find() -> None:
    """Make the package importable: installed, or from the checkout around this file."""
    if importlib.util.find_spec("cytobayes") is None:
        sys.path.append(str(ROOT))
    try:
        import cytobayes.models.solver  # noqa: F401
    except ImportError as why:
        raise Absent(f"cytobayes cannot be imported: {why}") from why


def ode_model(problem: Problem) -> Any:
    """Write the problem as a model of the package."""
    from cytobayes.models.ode import OdeModel, Parameter, State

    rates = problem.parameters[: problem.rates]
    starts = problem.parameters[problem.initial] if problem.initial is not None else ()

    def rhs(t: Any, y: Any, p: Any) -> list[Any]:
        known = [p[name] for name in problem.inputs]
        return problem.rhs(t, tuple(y), [p[name] for name in rates], known)

    def initial(p: Any) -> dict[str, Any]:
        return dict(zip(problem.states, (p[name] for name in starts), strict=True))

    return OdeModel(
        name=f"benchmark_{problem.name}",
        states=tuple(State(name) for name in problem.states),
        parameters=tuple(Parameter(n, 1.0) for n in (*rates, *starts, *problem.inputs)),
        rhs=rhs,
        initial=initial if starts else dict(zip(problem.states, problem.y0, strict=True)),
    )


def kernel(problem: Problem) -> Any:
    """Compile the integrator for the gradients that are wanted."""
    from cytobayes.models.solver import compile_model

    model = ode_model(problem)
    wanted = [n for n in model.parameter_names if n not in problem.inputs]
    return compile_model(model, "stiff" if problem.stiff else "explicit", wrt=wanted)


def timeline(problem: Problem, model: Any, subjects: int) -> Any:
    """Observations of some subjects, without doses."""
    from cytobayes.models.dosing import Regimen
    from cytobayes.models.solver import Timeline

    return Timeline.build(model, [Regimen()] * subjects, [problem.times] * subjects)


def _arrays(problem: Problem, parts: list[Index], rtol: float, atol: float) -> Any:
    """Threads integrate their subjects forward, wait for the loss, and go back."""
    compiled = kernel(problem)
    n, times = len(problem.states), len(problem.times)
    lines = [timeline(problem, compiled.model, len(part)).arrays for part in parts]
    settings = (np.full(n, atol), rtol, 10_000)
    columns = _columns(problem)
    known = [problem.x[part] if problem.inputs else np.zeros((len(part), 0)) for part in parts]
    pool = ThreadPoolExecutor(len(parts)) if len(parts) > 1 else None
    across: Any = pool.map if pool else map

    def forward(k: int) -> Any:
        theta = np.hstack([np.exp(problem.z[parts[k]][:, columns]), known[k]])
        return theta, compiled.forward(theta, *lines[k], *settings, True)

    def backward(k: int, theta: Array, y_bar: Array, tape: Any) -> Array:
        bar = compiled.backward(theta, *lines[k], *settings, y_bar, *tape)
        return np.asarray(theta * bar)[:, : len(columns)]

    def evaluate() -> tuple[float, Array]:
        ahead = list(across(forward, range(len(parts))))
        y = np.empty((problem.subjects, times, n))
        for part, (_, out) in zip(parts, ahead, strict=True):
            y[part] = out[0].reshape(len(part), times, n)
        value, by_y, gradient = problem.loss_gradient(y, problem.z)
        jobs = [(k, theta, by_y[parts[k]].reshape(-1, n), out[1:])
                for k, (theta, out) in enumerate(ahead)]  # fmt: skip
        for part, bar in zip(parts, across(lambda job: backward(*job), jobs), strict=True):
            gradient[np.ix_(part, columns)] += bar
        return value, gradient

    return evaluate


def _pymc(problem: Problem, rtol: float, atol: float) -> Any:
    import pytensor
    import pytensor.tensor as pt

    from cytobayes.inference.op import solve

    compiled = kernel(problem)
    line = timeline(problem, compiled.model, problem.subjects)
    n, times = len(problem.states), len(problem.times)
    z = pt.dmatrix("z")
    theta = pt.exp(z[:, _columns(problem)])
    if problem.inputs:
        theta = pt.concatenate([theta, pt.constant(problem.x)], axis=1)
    solved = solve(
        compiled, theta, line.arrays, atol=np.full(n, atol), rtol=rtol, max_steps=10_000,
        counters=pt.constant(np.int64(0)),
    )  # fmt: skip
    y = solved.y.reshape((problem.subjects, times, n))
    if problem.subjects == 1:
        value = problem.loss(y[0], z[0], problem.data[0], pt)
    else:  # these losses are sums of terms, so that all subjects go in at once
        value = problem.loss(y, z, problem.data, pt)
    function = pytensor.function([z], [value, pytensor.grad(value, z)], mode="NUMBA")

    def evaluate() -> tuple[float, Array]:
        v, g = function(problem.z)
        return float(v), np.asarray(g)

    return evaluate


def _columns(problem: Problem) -> list[int]:
    """Columns of z that the integrator needs: rates and initial values."""
    starts = range(len(problem.parameters))[problem.initial] if problem.initial else ()
    return [*range(problem.rates), *starts]


def _steps(problem: Problem, rtol: float, atol: float) -> float:
    from cytobayes.models.solver import SolverOptions

    compiled = kernel(problem)
    theta = np.exp(problem.z[:, _columns(problem)])
    if problem.inputs:
        theta = np.hstack([theta, problem.x])
    options = SolverOptions(rtol, atol, compiled.method)
    line = timeline(problem, compiled.model, problem.subjects)
    return float(np.mean(compiled.solve(theta, line, options).steps))


def sample(plan: Plan, variant: str) -> Chains:
    """Run the model of PyMC through nutpie: chains in threads, the engine inside compiled code."""
    find()
    need("nutpie")
    import nutpie

    begin = time.perf_counter()
    problem = lotka_volterra()
    compiled = kernel(problem)
    line = timeline(problem, compiled.model, 1)
    settings = {"atol": np.full(2, plan.atol), "rtol": plan.rtol, "max_steps": 10_000}
    program = nutpie.compile_pymc_model(pymc_model(_trajectory(compiled, line, settings)))
    starts = iter(plan.starts())
    program = dataclasses.replace(program, initial_point_func=lambda seed: next(starts))
    compile_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    tree = nutpie.sample(
        program, draws=plan.draws, tune=plan.tune, chains=plan.chains, cores=cores_here(),
        seed=plan.seed, target_accept=plan.accept, progress_bar=False, save_warmup=True,
    )  # fmt: skip
    return from_tree(tree, compile_seconds, time.perf_counter() - begin, "nutpie, Tsit5")


def _trajectory(compiled: Any, line: Any, settings: dict[str, Any]) -> Any:
    import pytensor.tensor as pt

    from cytobayes.inference.op import solve

    counters = pt.constant(np.int64(0))

    def trajectory(rates: Any, initial: Any) -> Any:
        theta = pt.concatenate([rates, initial])[None]
        return solve(compiled, theta, line.arrays, **settings, counters=counters).y

    return trajectory
