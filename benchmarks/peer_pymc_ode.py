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
from problems import Array, Problem


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
