"""A straight line: one subject with a normal posterior, and a population around typical values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.models.distributions import Distribution, LogNormal, Normal
from cytobayes.models.ode import OdeModel, Parameter

Array = npt.NDArray[np.float64]
TIMES = np.arange(6.0)
VALUES = 1.0 + 0.7 * TIMES + np.array([0.3, -0.2, 0.1, 0.4, -0.5, 0.2])
SIGMA, WIDE = 0.5, 10.0


def line_of(*parameters: Parameter) -> OdeModel:
    return OdeModel("line", (), parameters, outputs={"y": lambda t, y, p: p.a + p.b * t})


def normal_line() -> Problem:
    """Known residual and normal priors: the posterior is normal."""
    prior: Distribution = Normal(0.0, WIDE)
    model = line_of(*(Parameter(n, 1.0, prior=prior, lower=-np.inf) for n in "ab"))
    rows = pd.DataFrame({"subject": "1", "time": TIMES, "observable": "y", "value": VALUES})
    return Problem(model, Study(rows, name="x"), error="additive", fixed={"y_sigma": SIGMA})


def posterior_of_line() -> tuple[Array, Array]:
    """Mean and covariance of the posterior of `normal_line`."""
    design = np.column_stack([np.ones_like(TIMES), TIMES])
    covariance = np.linalg.inv(design.T @ design / SIGMA**2 + np.eye(2) / WIDE**2)
    return covariance @ design.T @ VALUES / SIGMA**2, covariance


def population_of_lines(
    subjects: int, times: int, value: Callable[[int, int], float] | None = None
) -> Problem:
    """Subjects around typical values; ``value(subject, time)`` was measured."""
    model = line_of(
        Parameter("a", 2.0, prior=LogNormal(2.0, 0.5)), Parameter("b", 0.5, prior=LogNormal(1, 1))
    )
    measured = value or (lambda s, t: 2.0 + 0.5 * t + 0.3 * s)
    rows = [
        {"subject": str(s), "time": float(t), "observable": "y", "value": measured(s, t)}
        for s in range(subjects)
        for t in range(times)
    ]
    return Problem(model, Study(pd.DataFrame(rows), name="x"), population="hierarchical")
