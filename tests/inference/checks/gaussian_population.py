"""A population whose measurements are exactly Gaussian on the log scale, with its exact posterior.

``log C = log A_i - k_i t + error`` with ``log A_i`` and ``k_i`` normal: every mean, covariance and
quantile has a closed form, and so have the random effects given the data. No solver, no sampler.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cytobayes.datasets import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models import Namespace, OdeModel, Parameter
from cytobayes.models.distributions import LogNormal, Normal
from cytobayes.models.math import exp

Array = npt.NDArray[np.float64]
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
A, K, OMEGA_A, OMEGA_K, SIGMA = 100.0, 0.25, 0.3, 0.08, 0.15
EFFECTS = ("A", "k")


def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    """Concentration at time t."""
    return p.A * exp(-p.k * t)


MODEL = OdeModel(
    name="decay",
    states=(),
    parameters=(
        Parameter("A", A, "ng/mL", prior=LogNormal(A, 0.5), iiv=OMEGA_A),
        Parameter("k", K, "1/h", lower=-np.inf, prior=Normal(K, 0.2), iiv=OMEGA_K),
    ),
    outputs={"C": concentration},
    output_units={"C": "ng/mL"},
)


def design(times: Array = TIMES) -> Array:
    """How the logarithm depends on the effects; float64[time, 2]."""
    return np.column_stack([np.ones(times.size), -times])


def mean(times: Array = TIMES) -> Array:
    """Mean of the logarithm."""
    return np.asarray(np.log(A) - K * times)


def covariance(times: Array = TIMES, sigma: float = SIGMA) -> Array:
    """Covariance of the logarithm within a subject."""
    x = design(times)
    between = x @ np.diag([OMEGA_A**2, OMEGA_K**2]) @ x.T
    return np.asarray(between + sigma**2 * np.eye(times.size))


def logarithms(subjects: int, seed: int, *, spread: float = 1.0, shift: float = 0.0) -> Array:
    """Draw measured logarithms; float64[subject, time]. Spread and shift are planted faults."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((subjects, TIMES.size)) @ np.linalg.cholesky(covariance()).T
    return np.asarray(mean() + shift + spread * noise)


def study(values: Array, *, lloq: float | None = None, **columns: Any) -> Study:
    """Turn logarithms into a study, censored below a limit."""
    names = [f"S{k:03d}" for k in range(len(values))]
    rows = pd.DataFrame(
        {
            "subject": np.repeat(names, TIMES.size),
            "time": np.tile(TIMES, len(names)),
            "observable": "C",
            "value": np.exp(values).ravel(),
            **columns,
        }
    )
    if lloq is not None:
        low = rows["value"] < lloq
        rows["censoring"] = np.where(low, "left", "none")
        rows.loc[low, "value"] = lloq
    sex = pd.DataFrame({"subject": names, "name": "sex", "value": sexes(len(names))})
    return Study(rows, name="decay", units={"C": "ng/mL"}, time_unit="h", covariates=sex)


def sexes(subjects: int) -> list[str]:
    """Sex of each subject, in turn."""
    return (["f", "m"] * subjects)[:subjects]


def problem(data: Study, **settings: Any) -> Problem:
    """Join model and data; all priors and errors as they are by default."""
    return Problem(MODEL, data, **{"population": Hierarchical(), **settings})


def conditional(values: Array, sigma: float = SIGMA) -> tuple[Array, Array]:
    """Random effects given the data: mean float64[subject, 2] and their covariance."""
    x = design()
    precision = np.diag([OMEGA_A**-2, OMEGA_K**-2]) + x.T @ x / sigma**2
    spread = np.linalg.inv(precision)
    return (values - mean()) @ x @ spread / sigma**2, spread


def posterior(values: Array, *, draws: int = 200, seed: int = 5) -> xr.Dataset:
    """Draw from the posterior with population parameters at the truth and exact effects."""
    middle, spread = conditional(values)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((2, draws, *middle.shape))
    eta = middle + z @ np.linalg.cholesky(spread).T
    known = {"A": A, "k": K, "A_omega": OMEGA_A, "k_omega": OMEGA_K, "C_sigma": SIGMA}
    variables: dict[str, Any] = {
        n: (("chain", "draw"), np.full((2, draws), v)) for n, v in known.items()
    }
    dims = ("chain", "draw", "subject")
    variables |= {f"{n}_eta": (dims, eta[..., j]) for j, n in enumerate(EFFECTS)}
    variables["A_individual"] = (dims, A * np.exp(eta[..., 0]))
    variables["k_individual"] = (dims, K + eta[..., 1])
    names = [f"S{k:03d}" for k in range(len(values))]
    return xr.Dataset(variables, {"chain": [0, 1], "draw": np.arange(draws), "subject": names})
