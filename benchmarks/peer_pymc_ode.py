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
    """Compile value-and-gradient over all subjects as one PyTensor function."""
    need("pymc")
    import pytensor
    import pytensor.tensor as pt

    start = time.perf_counter()
    z = pt.dmatrix("z")
    tolerances = None if variant == "shipped" else (rtol, atol)
    solve: Any = None
    value = pt.constant(0.0)
    for i in range(problem.subjects):
        if solve is None or problem.inputs:  # known constants are part of the equations
            solve = equation(problem, i, tolerances)
        y0 = pt.constant(problem.start(i))
        if problem.initial is not None:
            y0 = pt.exp(z[i, problem.initial])
        y = solve(y0=y0, theta=pt.exp(z[i, : problem.rates]))
        value = value + problem.loss(y, z[i], problem.data[i], pt)
    compiled = pytensor.function([z], [value, pytensor.grad(value, z)])

    def evaluate() -> tuple[float, Array]:
        v, g = compiled(problem.z)
        return float(v), np.asarray(g)

    evaluate()
    note = "LSODA 1.5e-8" if tolerances is None else f"LSODA {rtol:g}"
    return Engine(evaluate, time.perf_counter() - start, note=note)


def equation(problem: Problem, subject: int, tolerances: tuple[float, float] | None) -> Any:
    """Make the operation for one subject."""
    import scipy.integrate
    from pymc.ode import DifferentialEquation

    known = tuple(float(v) for v in problem.known(subject))

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
    return kind(
        field, problem.times, n_states=len(problem.states), n_theta=problem.rates, t0=0.0
    )
