"""New patients of a fit: new effects, covariates of the study, bounds kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.trials.patients import FromPosterior, FromPrior
from cytobayes.models.library import get
from cytobayes.models.ode import OdeModel

N = 4000


@pytest.fixture(scope="module")
def study() -> Study:
    subjects = ["a", "b", "c", "d"]
    rows = pd.DataFrame(
        {"subject": np.repeat(subjects, 2), "time": [1.0, 2.0] * 4, "observable": "C",
         "value": 5.0}
    )  # fmt: skip
    wide = pd.DataFrame(
        {"subject": subjects, "weight": ["50", "70", "90", "110"], "sex": ["f", "m", "m", "m"],
         "volume": ["9", "10", "11", "12"]}
    )  # fmt: skip
    long = wide.melt("subject", var_name="name", value_name="value").assign(unit="")
    doses = pd.DataFrame({"subject": subjects, "time": 0.0, "amount": 100.0, "target": "A"})
    return Study(rows, name="four", units={"C": "mg/L"}, time_unit="h", doses=doses,
                 covariates=long)  # fmt: skip


@pytest.fixture(scope="module")
def problem(oral: OdeModel, study: Study) -> Problem:
    effects = (Effect("k", "weight", "power", reference=80.0), Effect("k", "sex", "category"))
    return Problem(
        oral, study, population=Hierarchical(varying=("ka",), effects=effects),
        inputs={"V": "volume"},
    )  # fmt: skip


def posterior(**extra: float) -> xr.Dataset:
    values = {"ka": 1.0, "k": 0.2, "ka_omega": 0.4, "k_weight": -0.5, "k_sex_f": 0.7,
              "C_sigma": 0.1} | extra  # fmt: skip
    size = (2, 3)
    rng = np.random.default_rng(4)
    return xr.Dataset(
        {n: (("chain", "draw"), v * np.exp(0.1 * rng.standard_normal(size)))
         for n, v in values.items()},
        {"chain": [0, 1], "draw": np.arange(3)},
    )  # fmt: skip


def column(problem: Problem, theta: Any, name: str) -> Any:
    return theta[:, problem.model.parameter_names.index(name)]


def test_effects_have_the_fitted_spread_around_the_draw(problem: Problem) -> None:
    data = posterior()
    patients = FromPosterior(problem, data, None, seed=1)
    assert patients.draws == 6
    for draw in (0, 5):
        logs = np.log(column(problem, patients.theta(draw, N, {}), "ka"))
        typical = float(np.log(data["ka"].to_numpy().reshape(-1)[draw]))
        omega = float(data["ka_omega"].to_numpy().reshape(-1)[draw])
        assert logs.mean() == pytest.approx(typical, abs=4 * omega / np.sqrt(N))
        assert logs.std() == pytest.approx(omega, rel=4 / np.sqrt(2 * N))


def test_covariates_of_one_patient_stay_together(problem: Problem) -> None:
    """Four kinds of patients: each volume comes with one weight and one sex."""
    data = posterior()
    theta = FromPosterior(problem, data, None, seed=1).theta(2, N, {})
    volume, k = column(problem, theta, "V"), column(problem, theta, "k")
    one = {n: float(data[n].to_numpy().reshape(-1)[2]) for n in data}
    for v, weight, female in ((9, 50, 1), (10, 70, 0), (11, 90, 0), (12, 110, 0)):
        expected = one["k"] * (weight / 80.0) ** one["k_weight"] * np.exp(one["k_sex_f"] * female)
        np.testing.assert_allclose(k[volume == v], expected, rtol=1e-12)
        # a quarter of the patients: binomial error
        assert (volume == v).mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / N))


def test_covariates_of_an_arm_replace_the_own_and_keep_the_effects(problem: Problem) -> None:
    data = posterior()
    patients = FromPosterior(problem, data, None, seed=1)
    own = patients.theta(1, 50, {})
    given = patients.theta(1, 50, {"weight": 100.0, "sex": "f", "volume": 20.0})
    np.testing.assert_array_equal(column(problem, own, "ka"), column(problem, given, "ka"))
    one = {n: float(data[n].to_numpy().reshape(-1)[1]) for n in data}
    expected = one["k"] * 1.25 ** one["k_weight"] * np.exp(one["k_sex_f"])
    np.testing.assert_allclose(column(problem, given, "k"), expected, rtol=1e-12)
    assert (column(problem, given, "V") == 20.0).all()


@pytest.mark.parametrize(
    ("covariates", "words"),
    [({"age": 1.0}, "no effect in this fit"), ({"sex": "x"}, "no category 'x'")],
)
def test_unknown_covariates_are_refused(
    problem: Problem, covariates: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        FromPosterior(problem, posterior(), None, seed=1).theta(0, 2, covariates)


def test_a_pooled_fit_says_that_its_patients_are_alike(oral: OdeModel, study: Study) -> None:
    pooled = Problem(oral, study)
    plain = FromPosterior(pooled, posterior(), None, seed=1)
    assert np.ptp(plain.theta(0, 20, {}), axis=0).max() == 0
    assert "pooled" in plain.notes[0]
    spread = FromPosterior(pooled, posterior(), None, seed=1, spread={"k": 0.3})
    logs = np.log(column(pooled, spread.theta(0, N, {}), "k"))
    assert logs.std() == pytest.approx(0.3, rel=4 / np.sqrt(2 * N))
    assert "not fitted" in spread.notes[0]


def test_independent_subjects_and_fitted_spreads_are_refused(
    oral: OdeModel, study: Study, problem: Problem
) -> None:
    alone = Problem(oral, study, population="independent")
    with pytest.raises(InputError, match="say nothing about another patient"):
        FromPosterior(alone, posterior(), None, seed=1)
    with pytest.raises(InputError, match="was fitted"):
        FromPosterior(problem, posterior(), None, seed=1, spread={"ka": 0.3})


def test_patients_from_the_prior_stay_inside_bounds() -> None:
    model = get("crs-cascade")
    patients = FromPrior(model, 3, seed=1, spread={"FB": 3.0, "B0rel": 0.7})
    theta = patients.theta(2, 500, {})
    for k, p in enumerate(model.parameters):
        assert (theta[:, k] >= p.lower).all()
        assert (theta[:, k] <= p.upper).all()
    burden = np.log(theta[:, model.parameter_names.index("B0rel")])
    assert burden.std() == pytest.approx(0.7, rel=4 / np.sqrt(1000))
    np.testing.assert_array_equal(theta, patients.theta(2, 500, {}))
    assert patients.label == "prior, not fitted"


def test_a_spread_of_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter 'xx'"):
        FromPrior(get("crs-cascade"), 3, seed=1, spread={"xx": 3.0})
