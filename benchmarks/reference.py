"""The yardstick: value and gradient from variational equations at a relative tolerance of 1e-12.

SymPy derives the Jacobians, SciPy integrates states and sensitivities together (DOP853, or LSODA
for stiff problems). This shares no code with any engine. Results are kept in ``reference.json``
under a hash of the problem; ``python reference.py`` computes them again and compares them with
central differences of a second integrator.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from problems import PROBLEMS, Array, Problem
from scipy.integrate import solve_ivp

RTOL, ATOL = 1e-12, 1e-14
CACHE = Path(__file__).with_name("reference.json")

Flow = Callable[[float, Array, Array, Array], tuple[Array, Array, Array]]


def reference(problem: Problem) -> tuple[float, Array]:
    """Value and gradient with respect to ``z``, from the cache when the problem is unchanged."""
    cache: dict[str, Any] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    key = fingerprint(problem)
    entry = cache.get(problem.name, {}).get(key)
    if entry is None:
        value, gradient = compute(problem)
        entry = {"value": value, "gradient": gradient.tolist()}
        cache.setdefault(problem.name, {})[key] = entry
        CACHE.write_text(json.dumps(cache, indent=1) + "\n")
    return float(entry["value"]), np.asarray(entry["gradient"])


def errors(problem: Problem, value: float, gradient: Array) -> tuple[float, float]:
    """Relative error of the value, and of the gradient of the worst subject (2-norm)."""
    exact, exact_gradient = reference(problem)
    gap = np.linalg.norm(np.asarray(gradient) - exact_gradient, axis=1)
    relative = gap / np.linalg.norm(exact_gradient, axis=1)
    return abs(value - exact) / max(1.0, abs(exact)), float(np.max(relative))


def fingerprint(problem: Problem) -> str:
    """Hash of everything that the answer depends on."""
    shape = (problem.subjects, len(problem.times), len(problem.states))
    probe = np.linspace(0.5, 1.5, math.prod(shape)).reshape(shape)
    text = [inspect.getsource(problem.rhs), f"{problem.loss_gradient(probe, problem.z)[0]:.10g}"]
    arrays = (problem.z, problem.times, problem.y0, problem.x)
    text += [np.array2string(a, precision=10, threshold=10**6) for a in arrays]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def compute(problem: Problem) -> tuple[float, Array]:
    """Integrate the variational equations of every subject."""
    flow = variational(problem)
    pairs = [_subject(problem, flow, i) for i in range(problem.subjects)]
    value, by_y, direct = problem.loss_gradient(np.stack([y for y, _ in pairs]), problem.z)
    sensitivities = np.stack([s for _, s in pairs])
    return value, direct + np.einsum("ikn,iknq->iq", by_y, sensitivities)


def variational(problem: Problem) -> Flow:
    """Compiled right-hand side, its Jacobian, and its derivative by the logarithm of the rates."""
    t = sympy.Symbol("t")
    y = sympy.symbols([f"y_{s}" for s in problem.states])
    p = sympy.symbols([f"p_{s}" for s in problem.parameters[: problem.rates]])
    x = sympy.symbols([f"x_{s}" for s in problem.inputs])
    f = sympy.Matrix(problem.rhs(t, y, p, x))
    by_log_p = f.jacobian(p) * sympy.diag(*p)
    compiled: Flow = sympy.lambdify((t, y, p, x), (f, f.jacobian(y), by_log_p), "numpy", cse=True)
    return compiled


def _subject(problem: Problem, flow: Flow, i: int) -> tuple[Array, Array]:
    """States (time, state) and sensitivities (time, state, parameter) of one subject."""
    n, q, rates = len(problem.states), len(problem.parameters), problem.rates
    p, x, y0 = np.exp(problem.z[i, :rates]), problem.known(i), problem.start(i)

    def augmented(t: float, u: Array) -> Array:
        f, by_y, by_p = flow(t, u[:n], p, x)
        change = by_y @ u[n:].reshape(n, q)
        change[:, :rates] += by_p
        return np.concatenate([np.ravel(f), change.ravel()])

    s0 = np.zeros((n, q))
    if problem.initial is not None:
        s0[np.arange(n), np.arange(q)[problem.initial]] = y0
    method = "LSODA" if problem.stiff else "DOP853"
    u = _integrate(augmented, np.concatenate([y0, s0.ravel()]), problem, RTOL, method)
    return u[:, :n], u[:, n:].reshape(-1, n, q)


def _integrate(
    f: Callable[[float, Array], Array], u0: Array, problem: Problem, rtol: float, method: str
) -> Array:
    span = (0.0, float(problem.times[-1]))
    out = solve_ivp(f, span, u0, method, t_eval=problem.times, rtol=rtol, atol=ATOL)
    if not out.success:
        raise RuntimeError(f"{problem.name}: reference integration failed: {out.message}")
    return np.asarray(out.y.T)


def central_difference(problem: Problem, column: int, step: float = 1e-4) -> float:
    """Derivative of the loss when one column of ``z`` moves in all subjects at once.

    Fourth-order difference; another integrator than the reference and no variational equations.
    """
    weights = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    return sum(w * _shifted(problem, column, k * step) for k, w in weights) / step


def _shifted(problem: Problem, column: int, shift: float) -> float:
    z = problem.z.copy()
    z[:, column] += shift
    moved = replace(problem, z=z)
    trajectories = []
    for i in range(problem.subjects):
        p, x = np.exp(z[i, : problem.rates]), problem.known(i)

        def f(t: float, u: Array, p: Array = p, x: Array = x) -> Array:
            return np.array(problem.rhs(t, u, p, x))

        method = "Radau" if problem.stiff else "LSODA"
        trajectories.append(_integrate(f, moved.start(i), problem, 1e-11, method))
    return problem.loss_gradient(np.stack(trajectories), z)[0]


def main() -> None:
    """Recompute, compare with central differences, write the cache."""
    CACHE.unlink(missing_ok=True)
    for make in PROBLEMS.values():
        problem = make()
        value, gradient = reference(problem)
        total = gradient.sum(axis=0)
        columns = range(0, len(problem.parameters), 3)
        gap = max(abs(central_difference(problem, q) - total[q]) for q in columns)
        gap /= float(np.linalg.norm(total))
        print(f"{problem.name}: value {value:.10g}, central differences agree to {gap:.1e}")


if __name__ == "__main__":
    main()
