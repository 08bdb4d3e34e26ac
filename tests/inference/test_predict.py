"""Predictions are solutions at posterior draws, for any times and schedules."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Additive, Problem, predict
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.ode import OdeModel
from cytobayes.models.solver import SolverOptions

from .conftest import DOSE, TIMES, VOLUME, closed_form, doses, measured, noisy


def posterior(chains: int = 2, draws: int = 90, **extra: Any) -> xr.Dataset:
    rng = np.random.default_rng(1)
    size = (chains, draws)
    values = {"ka": rng.uniform(0.8, 1.2, size), "k": rng.uniform(0.1, 0.3, size)}
    values |= {"C_sigma": rng.uniform(0.1, 0.2, size)}
    return xr.Dataset(
        {name: (("chain", "draw"), array) for name, array in (values | extra).items()},
        {"chain": np.arange(chains), "draw": np.arange(draws)},
    )


def exact(data: xr.Dataset, times: Any) -> xr.DataArray:
    t = xr.DataArray(times, {"time": times}, ("time",))
    found = closed_form(data["ka"], data["k"], t)
    assert isinstance(found, xr.DataArray)
    return found


@pytest.fixture(scope="module")
def two(oral: OdeModel, two_subjects: Study) -> Problem:
    return Problem(oral, two_subjects, solver=SolverOptions(rtol=1e-9))


def test_individual_curves_are_solutions_at_the_draws(two: Problem) -> None:
    data, times = posterior(), np.linspace(0.0, 30.0, 40)
    made = predict(two, data, times=times)
    assert made["C"].dims == ("chain", "draw", "subject", "time")
    assert made["subject"].to_numpy().tolist() == ["a", "b"]
    expected = exact(data, times).expand_dims(subject=["a", "b"]).transpose(*made["C"].dims)
    np.testing.assert_allclose(made["C"], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(made["amount"], VOLUME * expected, rtol=1e-6, atol=1e-6)
    assert made.attrs["failed_solves"] == 0


def test_every_observable_carries_its_unit_and_time_its(two: Problem) -> None:
    made = predict(two, posterior(1, 3))
    units = {name: made[name].attrs["units"] for name in made.data_vars}
    assert units == {"A": "mg", "C": "mg/L", "amount": "mg"}
    assert made["time"].attrs["units"] == "h"
    np.testing.assert_array_equal(made["time"], TIMES)


def test_a_tree_and_its_posterior_predict_the_same(two: Problem) -> None:
    data = posterior(1, 5)
    tree: Any = xr.DataTree.from_dict({"posterior": data})
    for given in (tree, tree["posterior"]):
        xr.testing.assert_identical(predict(two, given), predict(two, data))


def test_batches_do_not_change_the_numbers(two: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    data = posterior(2, 70)
    whole = predict(two, data)
    monkeypatch.setattr(sys.modules["cytobayes.inference.solving"], "BATCH", 1)
    xr.testing.assert_identical(predict(two, data), whole)


def test_fewer_draws_are_taken_evenly_from_each_chain(two: Problem) -> None:
    made = predict(two, posterior(2, 90), draws=10)
    assert made.sizes["chain"] == 2 and made.sizes["draw"] == 5
    assert made["draw"].to_numpy().tolist() == [0, 22, 44, 67, 89]


def test_another_schedule_is_a_counterfactual(two: Problem) -> None:
    data, times = posterior(1, 4), np.array([1.0, 5.0, 20.0])
    half = Regimen([Dose(0.0, DOSE / 2, "A")])
    made = predict(two, data, times=times, regimen={"a": half, "b": Regimen()})
    expected = exact(data, times)
    np.testing.assert_allclose(made["C"].sel(subject="a"), expected / 2, rtol=1e-6)
    np.testing.assert_allclose(made["C"].sel(subject="b"), 0.0, atol=1e-12)


def test_infusions_can_be_predicted_from_a_fit_without_any(two: Problem) -> None:
    data = posterior(1, 3)
    infusion = Regimen([Dose(0.0, DOSE, "A", duration=1e-4)])
    made = predict(two, data, times=[2.0, 6.0], regimen=infusion)
    np.testing.assert_allclose(
        made["C"].sel(subject="a"), exact(data, np.array([2.0, 6.0])), rtol=1e-3
    )


def test_independent_subjects_keep_their_own_parameters(two: Problem) -> None:
    each = replace(two, population="independent")
    shared = posterior(1, 6)
    own = xr.concat([shared.assign(ka=1.0 + 0 * shared["ka"]), shared], dim="subject")
    data = own.assign_coords(subject=["a", "b"]).assign(C_sigma=shared["C_sigma"])
    made = predict(each, data)
    both = exact(data, TIMES)
    np.testing.assert_allclose(made["C"], both.transpose(*made["C"].dims), rtol=1e-6)
    with pytest.raises(InputError, match="needs a pooled fit"):
        predict(each, data, kind="population")


def test_population_is_one_subject_with_the_common_schedule(two: Problem) -> None:
    data = posterior(1, 4)
    made = predict(two, data, kind="population")
    assert made["subject"].to_numpy().tolist() == ["population"]
    individual = predict(two, data).isel(subject=0, drop=True)
    xr.testing.assert_equal(made.isel(subject=0, drop=True), individual)


def test_population_needs_one_schedule(oral: OdeModel, two_subjects: Study) -> None:
    unequal = two_subjects.with_doses(doses("a", "b").assign(amount=[1.0, 2.0]))
    with pytest.raises(InputError, match="needs one schedule"):
        predict(Problem(oral, unequal), posterior(1, 2), kind="population")


def test_observed_scatters_around_the_individual_curve_as_the_error_model_says(
    two: Problem,
) -> None:
    data = posterior(2, 2000)
    f = predict(two, data)["C"]
    made = predict(two, data, kind="observed", seed=3)
    assert set(made.data_vars) == {"C"} and made["C"].attrs["units"] == "mg/L"
    z = (np.log(made["C"]) - np.log(f)) / data["C_sigma"]
    n = z.size
    assert abs(float(z.mean())) < 5 / np.sqrt(n)
    assert abs(float(z.std()) - 1) < 5 / np.sqrt(2 * n)
    xr.testing.assert_identical(made, predict(two, data, kind="observed", seed=3))


def test_published_means_scatter_by_their_standard_error_at_their_times(oral: OdeModel) -> None:
    rows = measured(noisy(1), sd=20.0, n=16)
    study = Study(rows, name="means", units={"C": "mg/L"}, time_unit="h", doses=doses("1"))
    problem = Problem(oral, study, Additive())
    data = posterior(2, 3000)
    made = predict(problem, data, times=[1.0, 3.0], kind="observed", seed=1)["C"]
    spread = (made - predict(problem, data, times=[1.0, 3.0])["C"]).std(("chain", "draw"))
    # sqrt(sigma^2 + (20 / 4)^2) at the datum, sigma (at most 0.2) beside it.
    assert float(spread.sel(time=1.0).item()) == pytest.approx(5.0, rel=0.05)
    assert float(spread.sel(time=3.0).item()) < 0.3


def test_failed_draws_are_missing_and_counted(oral: OdeModel, study: Study) -> None:
    problem = Problem(oral, study, solver=SolverOptions(max_steps=40))
    data = posterior(1, 6)
    data["ka"][0, 2] = 1e9
    made = predict(problem, data)
    assert made.attrs["failed_solves"] == 1
    assert np.isnan(made["C"].isel(draw=2)).all()
    assert np.isfinite(made["C"].isel(draw=[0, 1, 3, 4, 5])).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "future"}, "individual, population, observed"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"times": [1.0, 1.0]}, "ascending"),
        ({"times": [2.0, 1.0]}, "ascending"),
        ({"times": [np.nan]}, "ascending"),
        ({"times": []}, "ascending"),
        ({"times": [-1.0]}, "before the start"),
        ({"regimen": {"z": Regimen()}}, "no subject of the data"),
        ({"regimen": Regimen([Dose(0, 1, "gut")])}, "'gut'"),
    ],
)
def test_requests_without_meaning_are_refused(
    two: Problem, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        predict(two, posterior(1, 2), **settings)


def test_a_posterior_of_another_problem_is_refused(two: Problem) -> None:
    with pytest.raises(InputError, match="no draws of k"):
        predict(two, posterior(1, 2).drop_vars("k"))
    with pytest.raises(InputError, match="no draws of C_sigma"):
        predict(two, posterior(1, 2).drop_vars("C_sigma"), kind="observed")
