"""Whether simulated data lead back to what they were simulated from, without drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as untyped_tensor
from pytensor.gradient import grad
from scipy.optimize import minimize

from cytobayes.inference import Problem

pt: Any = untyped_tensor
STEP = 1e-4
AWAY = 0.05  # where the search begins: many standard errors off


def z_scores(problem: Problem, truth: dict[str, float]) -> dict[str, float]:
    """Maximize the likelihood of all parameters; distance from the truth in standard errors.

    The errors are those of the observed information on the unconstrained scale, on which the
    priors of the problem do not count.
    """
    model = problem.build()
    names = [rv.name for rv in model.free_RVs]
    assert set(names) == set(truth)
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    total = model.logp(vars=model.observed_RVs, jacobian=False)
    function = model.compile_fn([total, pt.stack(grad(total, values))], inputs=values,
                                point_fn=False)  # fmt: skip

    def downhill(x: Any) -> tuple[float, Any]:
        density, slope = function(*x)
        return -float(density), -np.asarray(slope)

    start = unconstrained(model, truth)
    found = minimize(downhill, start + AWAY, jac=True, method="BFGS", options={"gtol": 1e-4})
    assert found.fun < downhill(start)[0], "the search ended below the truth"
    moves = STEP * np.eye(start.size)
    hessian = [(downhill(found.x + m)[1] - downhill(found.x - m)[1]) / (2 * STEP) for m in moves]
    error = np.sqrt(np.diag(np.linalg.inv(np.array(hessian))))
    return dict(zip(names, (found.x - start) / error, strict=True))


def unconstrained(model: pm.Model, truth: dict[str, float]) -> Any:
    """Parameters where the density of the model is written."""
    moved = []
    for rv in model.free_RVs:
        way = model.rvs_to_transforms[rv]
        given = pt.constant(truth[rv.name])
        moved.append(way.forward(given, *rv.owner.inputs).eval() if way else truth[rv.name])
    return np.array(moved, dtype=np.float64)
