"""Replicates have the rows of the data and the distribution that the model states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.measuring.limits import Seen, seen
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.replicates import predictions, replicated, replicates
from cytobayes.models.ode import OdeModel
from cytobayes.models.solver import SolverOptions

from .checks import gaussian_population as gp
from .conftest import closed_form, doses, measured, noisy

N = 20


@pytest.fixture(scope="module")
def values() -> Any:
    return gp.logarithms(N, 1)


@pytest.fixture(scope="module")
def problem(values: Any) -> Problem:
    return gp.problem(gp.study(values))


@pytest.fixture(scope="module")
def posterior(values: Any) -> xr.Dataset:
    return gp.posterior(values)


def test_new_subjects_have_the_mean_and_covariance_of_the_population(
    problem: Problem, posterior: xr.Dataset
) -> None:
    made = replicates(problem, posterior, draws=2000, seed=1)
    assert made["C"].dims == ("sample", "C_observation") and made["C"].attrs["units"] == "ng/mL"
    logs = np.log(made["C"].to_numpy()).reshape(-1, gp.TIMES.size)  # subjects are independent
    n = len(logs)
    exact = gp.covariance()
    error = np.sqrt(np.diag(exact) / n)
    np.testing.assert_array_less(np.abs(logs.mean(0) - gp.mean()), 5 * error)
    found = np.cov(logs.T)
    variance = np.outer(np.diag(exact), np.diag(exact))
    np.testing.assert_array_less(np.abs(found - exact), 5 * np.sqrt((exact**2 + variance) / n))


def test_the_subjects_of_the_data_are_measured_again(
    problem: Problem, posterior: xr.Dataset, values: Any
) -> None:
    made = replicates(problem, posterior, kind="individual", draws=4000, seed=2)
    logs = np.log(made["C"].to_numpy()).reshape(4000, N, gp.TIMES.size)
    middle, spread = gp.conditional(values)
    x = gp.design()
    sd = np.sqrt(np.diag(x @ spread @ x.T) + gp.SIGMA**2)
    # Each of 400 distinct draws of the effects is used ten times: their error is that of 400.
    np.testing.assert_array_less(
        np.abs(logs.mean(0) - gp.mean() - middle @ x.T), 5 * sd / np.sqrt(400) + 0 * middle[:, :1]
    )
    assert abs(logs.std(0) / sd - 1).max() < 5 / np.sqrt(2 * 400)


def test_same_seed_same_replicates_and_each_sample_names_its_draw(
    problem: Problem, posterior: xr.Dataset
) -> None:
    one = replicates(problem, posterior, draws=6, seed=3)
    xr.testing.assert_identical(one, replicates(problem, posterior, draws=6, seed=3))
    assert not np.array_equal(one["C"], replicates(problem, posterior, draws=6, seed=4)["C"])
    assert one["chain"].to_numpy().tolist() == [0, 0, 0, 1, 1, 1]
    assert one["draw"].to_numpy().tolist() == [0, 66, 133, 0, 66, 133]


def test_pred_is_the_typical_curve_and_ipred_the_subjects_own(
    problem: Problem, posterior: xr.Dataset
) -> None:
    made = predictions(problem, posterior)
    np.testing.assert_allclose(made["C_pred"], np.tile(np.exp(gp.mean()), N), rtol=1e-12)
    own = posterior["A_individual"] * np.exp(
        -posterior["k_individual"] * xr.DataArray(gp.TIMES, dims="time")
    )
    middle = own.median(("chain", "draw")).to_numpy().ravel()
    np.testing.assert_allclose(made["C_ipred"], middle, rtol=1e-12)


def test_new_subjects_keep_the_covariates_of_the_real_ones(values: Any) -> None:
    effects = (Effect("A", "sex", form="category", reference="f"),)
    problem = gp.problem(gp.study(values), population=Hierarchical(effects=effects))
    data = gp.posterior(values)
    male = np.array([0.0, 1.0] * (N // 2))
    moved = data["A_individual"] * xr.DataArray(np.exp(2.0 * male), dims="subject")
    data = data.assign(A_individual=moved, A_sex_m=2.0 + 0 * data["A"])
    made = predictions(problem, data)["C_pred"].to_numpy().reshape(N, -1)
    np.testing.assert_allclose(made[1::2] / made[::2], np.exp(2.0), rtol=1e-12)
    logs = np.log(replicates(problem, data, draws=500)["C"].to_numpy()).reshape(500, N, -1)
    gap = logs[:, 1::2, 0].mean() - logs[:, ::2, 0].mean()
    assert abs(gap - 2.0) < 5 * np.sqrt(gp.covariance()[0, 0] * 4 / (500 * N))


def test_subjects_with_doses_and_times_of_their_own_are_solved_as_they_are(oral: OdeModel) -> None:
    late = measured(noisy(3), subject="b").assign(time=[1.0, 3.0, 5.0, 7.0, 9.0, 11.0])
    rows = pd.concat([measured(noisy(2), subject="a"), late.iloc[[4, 0, 2]]])
    study = Study(rows, name="two", units={"C": "mg/L"}, time_unit="h", doses=doses("a", "b"))
    problem = Problem(oral, study, solver=SolverOptions(rtol=1e-9))
    rng = np.random.default_rng(1)
    ka, k = rng.uniform(0.8, 1.2, (2, 40)), rng.uniform(0.1, 0.3, (2, 40))
    parts = {"ka": ka, "k": k, "C_sigma": np.full((2, 40), 1e-9)}
    data = xr.Dataset(
        {n: (("chain", "draw"), v) for n, v in parts.items()},
        {"chain": [0, 1], "draw": np.arange(40)},
    )
    made = replicates(problem, data, draws=80, seed=1)["C"].to_numpy()
    times = rows["time"].to_numpy()
    expected = closed_form(ka.reshape(-1, 1), k.reshape(-1, 1), times)
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_subjects_without_anything_in_common_give_individual_replicates_only(values: Any) -> None:
    problem = gp.problem(gp.study(values), population="independent")
    data = gp.posterior(values)
    own = data.assign(A=data["A_individual"], k=data["k_individual"])
    own = own.drop_vars(["A_individual", "k_individual", "A_eta", "k_eta"])
    assert replicates(problem, own, draws=5).attrs["kind"] == "individual"
    with pytest.raises(InputError, match="say nothing about another subject"):
        replicates(problem, own, kind="population", draws=5)


def limits(problem: Problem) -> Seen:
    return seen(problem, problem.arrangement.observed[0])


def test_a_measured_row_has_the_limit_of_its_assay() -> None:
    values = gp.logarithms(4, 2)
    assay = np.repeat(["one", "two"], 2 * gp.TIMES.size)
    study = gp.study(values, lloq=30.0, assay=assay)
    found = limits(gp.problem(study, offsets={"C": None}))
    frame = study.to_frame()
    low = (frame["censoring"] == "left").to_numpy()
    assert low.any() and (found.lower == 30.0).all() and np.isinf(found.upper).all()
    assert (found.value[low] == -np.inf).all() and (found.shown[low] == 30.0).all()
    assert found.inferred == int((~low).sum())
    kept = study.to_frame().drop(columns="unit")
    kept = kept[~(low & (assay == "two"))]
    other_study = Study(kept, name="x", units={"C": "ng/mL"}, time_unit="h")
    other = limits(gp.problem(other_study, offsets={"C": None}))
    second = (kept["assay"] == "two").to_numpy()
    assert np.isinf(other.lower[second]).all() and (other.lower[~second] == 30.0).all()


def test_stated_limits_count_and_a_limit_never_contradicts_a_value() -> None:
    values = np.log([[10.0, 9.0, 8.0, 1.0, 5.0]] * 2)
    lower = [2.0, np.nan, 9.0, np.nan, np.nan, 2.0, 2.0, np.nan, np.nan, np.nan]
    censoring = ["none"] * 4 + ["left"] + ["none"] * 4 + ["left"]
    found = limits(gp.problem(gp.study(values, lower=lower, censoring=censoring)))
    # Row 2 was kept although it is below its stated limit; rows 3 and 8 are below every limit.
    expected = [2.0, 2.0, 2.0, -np.inf, 5.0, 2.0, 2.0, 2.0, -np.inf, 5.0]
    np.testing.assert_allclose(found.lower, expected, rtol=1e-14)


def test_an_interval_from_zero_is_a_value_below_its_end_and_others_have_a_middle() -> None:
    values = np.log([[10.0, 9.0, 8.0, 4.5, 5.0]] * 2)
    nothing, last = [np.nan] * 8, ["interval"] * 2
    study = gp.study(
        values, lower=[*nothing, 0.0, 4.0], upper=[*nothing, 5.0, 9.0],
        censoring=["none"] * 8 + last,
    )  # fmt: skip
    found = limits(gp.problem(study))
    assert found.value[-2] == -np.inf and found.lower[-2] == 5.0
    assert found.value[-1] == pytest.approx(6.0)


def test_simulated_values_are_censored_as_the_data_are() -> None:
    known = Seen(np.array([1.0, 2.0]), np.array([0.5, -np.inf]), np.array([np.inf, 3.0]))
    made = known.censored(np.array([[0.4, 4.0], [0.6, 2.0]]))
    np.testing.assert_array_equal(made, [[-np.inf, np.inf], [0.6, 2.0]])


def test_samples_that_failed_are_left_out_and_too_many_are_refused(oral: OdeModel) -> None:
    study = Study(
        measured(noisy(1)), name="one", units={"C": "mg/L"}, time_unit="h", doses=doses("1")
    )
    problem = Problem(oral, study, solver=SolverOptions(max_steps=40))
    parts = {"ka": [1.0, 1.0, 1e9, 1.0], "k": [0.2] * 4, "C_sigma": [0.1] * 4}
    data = xr.Dataset(
        {n: (("chain", "draw"), [v]) for n, v in parts.items()}, {"chain": [0], "draw": range(4)}
    )
    made = replicated(problem, data, draws=4, seed=1)[0]
    assert made.failed == 1 and made.simulated.shape == (3, gp.TIMES.size + 1)
    data["ka"][:] = 1e9
    with pytest.raises(InputError, match="4 of 4"):
        replicated(problem, data, draws=4, seed=1)


def test_requests_without_meaning_are_refused(problem: Problem, posterior: xr.Dataset) -> None:
    for settings, words in (
        ({"kind": "new"}, "population, individual"),
        ({"draws": 0}, "at least"),
    ):
        with pytest.raises(InputError, match=words):
            replicates(problem, posterior, **settings)
    with pytest.raises(InputError, match="no draws of A_eta"):
        replicates(problem, posterior.drop_vars("A_eta"))


def test_the_distribution_of_replicates_is_uniform_in_its_own_ranks(
    problem: Problem, posterior: xr.Dataset
) -> None:
    made = np.log(replicates(problem, posterior, draws=400, seed=9)["C"].to_numpy())
    share = stats.norm.cdf(
        (made - np.tile(gp.mean(), N)) / np.sqrt(np.tile(np.diag(gp.covariance()), N))
    )
    assert stats.kstest(share[:, ::5].ravel(), "uniform").pvalue > 1e-3
