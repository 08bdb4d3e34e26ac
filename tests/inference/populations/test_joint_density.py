"""Joint densities of populations against computations by hand: correlations, bounded parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pytensor.configdefaults import config
from scipy import stats

from cytobayes.datasets import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.prior_sample import PLAIN
from cytobayes.models import OdeModel, Parameter
from cytobayes.models.distributions import LogNormal, Uniform

SUBJECTS = tuple(f"S{k}" for k in range(12))
WEIGHT = np.linspace(50.0, 105.0, len(SUBJECTS))
MODEL = OdeModel(
    name="line",
    states=(),
    parameters=(
        Parameter("V", 10.0, "", prior=LogNormal(10.0, 0.5), iiv=0.3),
        Parameter("k", 0.3, "", prior=LogNormal(0.3, 0.5), iiv=0.4),
    ),
    outputs={"C": lambda t, y, p: p.V + p.k * t},
    output_units={"C": ""},
)


def study(values: Any = 10.0) -> Study:
    """One row of each subject."""
    rows = pd.DataFrame({"subject": SUBJECTS, "time": 1.0, "observable": "C", "value": values})
    covariates = pd.DataFrame({"subject": SUBJECTS, "name": "weight", "value": WEIGHT})
    return Study(rows, name="f", units={"C": ""}, time_unit="h", covariates=covariates)


@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS")  # plain NumPy will do
def test_a_block_of_effects_has_the_density_of_lkj_by_hand() -> None:
    """LKJ(2) of a 2 x 2 correlation is 0.75 (1 - r^2); effects are normal with that covariance.

    The vector of the sampler is (log L11, L21, log L22) with L the Cholesky factor, so that the
    density of (omega, r) is multiplied by the Jacobian of this change, here by differences.
    """
    problem = Problem(MODEL, study(), population=Hierarchical(correlated=("V", "k")))
    model = problem.build()
    z = np.random.default_rng(5).standard_normal((2, 12))
    block = np.array([np.log(0.3), -0.12, np.log(0.4)])

    def meaning(x: Any) -> Any:
        first, second = np.exp(x[0]), np.hypot(x[1], np.exp(x[2]))
        return np.array([first, second, x[1] / second])

    omega_V, omega_k, r = meaning(block)
    step = 1e-6 * np.eye(3)
    slopes = [(meaning(block + s) - meaning(block - s)) / 2e-6 for s in step]
    (value,) = [v.name for v in model.value_vars if v.name.startswith("omega_block")]
    point = {**model.initial_point(), value: block, "V_z": z[0], "k_z": z[1]}
    terms = [model["omega_block"], model["V_z"], model["k_z"]]
    with config.change_flags(**PLAIN):
        found = float(model.compile_logp(vars=terms)(point))
    expected = (
        np.log(0.75 * (1 - r**2))
        + stats.halfnorm(scale=0.5).logpdf([omega_V, omega_k]).sum()
        + np.linalg.slogdet(np.array(slopes))[1]
        + stats.norm.logpdf(z).sum()
    )
    assert found == pytest.approx(expected, abs=1e-7)
    kept = [model[n] for n in ("V_eta", "k_eta", "omega_correlation")]
    with config.change_flags(**PLAIN):
        function = model.compile_fn(
            model.replace_rvs_by_values(kept), inputs=model.value_vars, on_unused_input="ignore"
        )
    V_eta, k_eta, correlation = function({n: np.asarray(v) for n, v in point.items()})
    np.testing.assert_allclose(V_eta, omega_V * z[0], rtol=1e-12)
    np.testing.assert_allclose(k_eta, omega_k * (r * z[0] + np.sqrt(1 - r**2) * z[1]), rtol=1e-10)
    np.testing.assert_allclose(correlation, [[1, r], [r, 1]], rtol=1e-12)


def test_individuals_between_two_bounds_are_logit_normal() -> None:
    """The joint density of a fraction from 0.2 to 0.8 is that of an independent computation."""
    low, high = 0.2, 0.8
    fraction = Parameter("F", 0.5, "", lower=low, upper=high, prior=Uniform(low, high))
    model = OdeModel(
        name="fraction", states=(), parameters=(fraction,), outputs={"C": lambda t, y, p: p.F},
        output_units={"C": ""},
    )  # fmt: skip
    values = np.linspace(0.25, 0.75, 12)
    family = Hierarchical(effects=(Effect("F", "weight"),))
    problem = Problem(
        model, study(values), error="additive", population=family, fixed={"C_sigma": 0.1}
    )
    z = np.random.default_rng(6).standard_normal(12)
    F, omega, beta = 0.6, 0.7, 0.4
    point = {"F_interval__": np.log((F - low) / (high - F)), "F_omega_log__": np.log(omega),
             "F_weight": beta, "F_z": z}  # fmt: skip
    built = problem.build()
    found = float(built.compile_logp(jacobian=False)({n: np.asarray(x) for n, x in point.items()}))
    logit = np.log((F - low) / (high - F)) + beta * np.log(WEIGHT / np.median(WEIGHT)) + omega * z
    individual = low + (high - low) / (1 + np.exp(-logit))
    expected = (
        stats.norm(individual, 0.1).logpdf(values).sum()
        + stats.norm.logpdf(z).sum()
        + stats.halfnorm(scale=0.5).logpdf(omega)
        + stats.norm(0, 0.5).logpdf(beta)
        - np.log(high - low)
    )
    assert found == pytest.approx(float(expected), rel=1e-12)
