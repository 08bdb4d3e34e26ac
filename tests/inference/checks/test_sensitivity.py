"""Conjugate posteriors, drawn exactly: who leans on the prior is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Additive, Problem
from cytobayes.inference.checks.sensitivity import log_priors, sensitivity
from cytobayes.models import OdeModel, Parameter
from cytobayes.models.distributions import Distribution, Normal, TruncatedNormal, Uniform

MODEL = OdeModel(
    name="level",
    states=(),
    parameters=(Parameter("m", 0.0, "mg/L", lower=-np.inf, prior=Normal(0.0, 1.0)),),
    outputs={"C": lambda t, y, p: p.m + 0.0 * t},
    output_units={"C": "mg/L"},
)


def made(prior: Distribution, values: Any, sigma: float = 1.0) -> tuple[Problem, xr.DataTree]:
    """Problem and exact draws of m: normal data of known spread, normal or flat prior."""
    values = np.asarray(values, dtype=np.float64)
    rows = {"subject": "1", "time": np.arange(values.size), "observable": "C", "value": values}
    study = Study(pd.DataFrame(rows), name="level", units={"C": "mg/L"}, time_unit="h")
    problem = Problem(MODEL, study, error=Additive(), fixed={"C_sigma": sigma}, priors={"m": prior})
    tight = 1 / prior.sd**2 if isinstance(prior, Normal) else 0.0
    middle = prior.mean if isinstance(prior, Normal) else 0.0
    precision = tight + values.size / sigma**2
    mean = (tight * middle + values.sum() / sigma**2) / precision
    draws = np.random.default_rng(1).normal(mean, precision**-0.5, (4, 1000))
    score = stats.norm.logpdf(values, draws[..., None], sigma)
    dims = ("chain", "draw")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"m": (dims, draws)}, {"chain": range(4), "draw": range(1000)}),
            "log_likelihood": xr.Dataset({"C": ((*dims, "C_observation"), score)}),
        }
    )
    return problem, tree


def test_many_data_leave_nothing_to_the_prior() -> None:
    check = sensitivity(*made(Normal(0.0, 10.0), np.random.default_rng(2).normal(1.0, 1.0, 30)))
    assert check.good
    row = check.table.iloc[0]
    assert row["prior"] < 0.01 and row["likelihood"] > 0.05
    assert check.sentence.startswith("No posterior leans on its prior")


def test_few_noisy_data_leave_it_to_the_prior() -> None:
    check = sensitivity(*made(Normal(0.0, 0.2), [0.1, -0.1], sigma=5.0))
    assert check.table["verdict"].tolist() == ["prior decides, data say little"]
    assert check.good is None
    assert check.sentence.startswith("The posteriors of m (")


def test_a_prior_far_from_the_data_is_a_conflict() -> None:
    check = sensitivity(*made(Normal(0.0, 0.3), [4.0, 4.2, 3.9, 4.1]))
    assert check.good is False
    assert "are pulled apart by prior and data" in check.sentence


def test_a_flat_prior_changes_nothing() -> None:
    table = sensitivity(*made(Uniform(-50.0, 50.0), [1.0, 1.2, 0.8])).table
    assert table["prior"][0] == pytest.approx(0.0, abs=1e-6)
    assert table["own_prior"][0] == pytest.approx(0.0, abs=1e-6)


def test_log_priors_are_the_densities_of_the_model() -> None:
    prior = TruncatedNormal(0.5, 1.0, lower=0.0)
    problem, tree = made(Normal(0.0, 1.0), [1.0])
    cut = Problem(
        MODEL, problem.data, error=Additive(), priors={"m": prior}, fixed={"C_sigma": 1.0}
    )
    values = xr.ufuncs.abs(tree["posterior"].to_dataset())
    expected = stats.truncnorm.logpdf(values["m"], -0.5, np.inf, loc=0.5)
    np.testing.assert_allclose(log_priors(cut, values)["m"], expected, rtol=1e-10)


def test_what_is_missing_is_named() -> None:
    problem, tree = made(Normal(0.0, 1.0), [1.0])
    with pytest.raises(InputError, match="no group 'log_likelihood'"):
        sensitivity(problem, tree.drop_nodes("log_likelihood"))
    with pytest.raises(InputError, match="no draws of m"):
        log_priors(problem, tree["posterior"].to_dataset().rename(m="other"))


def test_figure_has_two_bars_for_each_parameter() -> None:
    axis = sensitivity(*made(Normal(0.0, 1.0), [1.0, 2.0])).plot().axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["m"]
    assert len(axis.patches) == 2
