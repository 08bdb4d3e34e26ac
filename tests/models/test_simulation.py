"""The labelled layer: dims, outputs, subjects, failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, ModelError, Regimen, SolverOptions, Switch, get, simulate
from cytobayes.models.ode import OdeModel, Parameter, State

TIMES = np.array([0.5, 1.0, 4.0, 9.0])


def kinetics(**changes: Any) -> OdeModel:
    """One compartment; the closed form of a bolus is dose * exp(-k t)."""
    settings: dict[str, Any] = {
        "name": "kinetics",
        "states": [State("A", "mg", "amount")],
        "parameters": [Parameter("k", 0.2, "1/h"), Parameter("V", 5.0, "L")],
        "rhs": lambda t, y, p: {"A": -p.k * y.A},
        "outputs": {"C": lambda t, y, p: y.A / p.V},
        "output_units": {"C": "mg/L"},
    }
    return OdeModel(**(settings | changes))


MODEL = kinetics()
BOLUS = Regimen([Dose(0.0, 10.0, "A")])


def test_values_units_and_labels() -> None:
    run = simulate(MODEL, None, TIMES, BOLUS)
    assert run["A"].dims == ("time",)
    assert run["A"].attrs == {"units": "mg", "long_name": "amount"}
    assert run["C"].attrs["units"] == "mg/L"
    assert run["time"].attrs == {"units": "h"}
    np.testing.assert_allclose(run["A"], 10 * np.exp(-0.2 * TIMES), rtol=1e-5)
    np.testing.assert_allclose(run["C"], run["A"] / 5)
    assert run.attrs["model"] == "kinetics"
    assert (run.attrs["solves"], run.attrs["failed_solves"], run.attrs["failures"]) == (1, 0, "")


def test_dims_of_the_parameters_are_kept_and_broadcast() -> None:
    k = xr.DataArray(
        np.linspace(0.1, 0.4, 6).reshape(2, 3),
        dims=("chain", "draw"),
        coords={"chain": [0, 1], "draw": [10, 20, 30]},
    )
    V = xr.DataArray([1.0, 2.0], dims="subject", coords={"subject": ["a", "b"]})
    run = simulate(MODEL, {"k": k, "V": V}, TIMES, BOLUS)
    assert run["C"].dims == ("chain", "draw", "subject", "time")
    assert run["draw"].values.tolist() == [10, 20, 30]
    assert run["subject"].values.tolist() == ["a", "b"]
    decay = np.exp(-k.values[:, :, None, None] * TIMES)
    np.testing.assert_allclose(run["C"], 10 * decay / V.values[:, None], rtol=1e-5)


def test_a_dataset_is_a_mapping_of_parameters() -> None:
    draws = xr.Dataset({"k": ("draw", [0.1, 0.3])})
    run = simulate(MODEL, draws, TIMES, BOLUS)
    np.testing.assert_allclose(run["A"][:, 0], 10 * np.exp(-0.5 * draws["k"]), rtol=1e-5)
    np.testing.assert_array_equal(simulate(MODEL, {"k": [0.1, 0.3]}, TIMES, BOLUS)["A"], run["A"])


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 200])
def test_the_result_depends_neither_on_blocks_nor_on_threads(n: int) -> None:
    k = np.linspace(0.05, 1.0, n)
    one = simulate(MODEL, {"k": k}, TIMES, BOLUS, workers=1)["A"].values
    two = simulate(MODEL, {"k": k}, TIMES, BOLUS, workers=3)["A"].values
    np.testing.assert_array_equal(one, two)
    alone = simulate(MODEL, {"k": k[-1]}, TIMES, BOLUS)["A"].values
    np.testing.assert_array_equal(one[-1], alone)


def test_no_draws_give_an_empty_result() -> None:
    run = simulate(MODEL, {"k": np.empty(0)}, TIMES, BOLUS)
    assert run["A"].shape == run["C"].shape == (0, 4)
    assert run.attrs["solves"] == 0


def test_every_subject_has_its_own_regimen() -> None:
    regimens = {"low": Regimen([Dose(0.0, 1.0, "A")]), "none": Regimen(), "high": BOLUS}
    run = simulate(MODEL, {"k": [0.1, 0.2]}, TIMES, regimens)
    assert run["A"].dims == ("draw", "subject", "time")
    np.testing.assert_allclose(run["A"].sel(subject="high"), 10 * run["A"].sel(subject="low"))
    assert not run["A"].sel(subject="none").any()
    theta = {"V": xr.DataArray([1.0, 2.0], dims="subject", coords={"subject": ["high", "low"]})}
    matched = simulate(MODEL, theta, TIMES, {k: regimens[k] for k in ("low", "high")})
    np.testing.assert_allclose(
        matched["A"].sel(subject="high"), 10 * matched["A"].sel(subject="low")
    )


def test_subjects_without_a_regimen_are_refused() -> None:
    theta = {"k": xr.DataArray([0.1, 0.2], dims="subject", coords={"subject": ["a", "b"]})}
    with pytest.raises(ModelError, match="different subjects"):
        simulate(MODEL, theta, TIMES, {"a": BOLUS})


def test_times_may_come_in_any_order() -> None:
    forward = simulate(MODEL, None, TIMES, BOLUS)["A"]
    backward = simulate(MODEL, None, TIMES[::-1], BOLUS)["A"]
    np.testing.assert_array_equal(backward.values[::-1], forward.values)


def test_outputs_see_the_parameter_in_force() -> None:
    regimen = BOLUS + Regimen([Switch(3.0, "V", 50.0), Switch(6.0, "V", "k")])
    run = simulate(MODEL, {"k": [0.1, 0.2]}, TIMES, regimen)
    volume = [[5.0, 5.0, 50.0, k] for k in (0.1, 0.2)]
    np.testing.assert_allclose(run["C"] * np.array(volume), run["A"], rtol=1e-12)
    one, two = simulate(MODEL, None, TIMES, {1: regimen, 2: BOLUS})["C"]
    assert float(two[2] / one[2]) == pytest.approx(10.0)


def test_outputs_may_be_constant_or_depend_on_time() -> None:
    model = kinetics(outputs={"one": lambda t, y, p: 1.0, "clock": lambda t, y, p: 2 * t})
    run = simulate(model, {"k": [0.1, 0.2]}, TIMES)
    assert run["one"].dims == run["clock"].dims == ("draw", "time")
    np.testing.assert_array_equal(run["clock"][1], 2 * TIMES)


def test_a_failed_solve_is_missing_counted_and_explained() -> None:
    run = simulate(MODEL, {"k": [0.1, np.nan, 0.2]}, TIMES, BOLUS)
    assert run["A"].isnull().any("time").values.tolist() == [False, True, False]
    assert run["C"].isnull().any("time").values.tolist() == [False, True, False]
    assert (run.attrs["solves"], run.attrs["failed_solves"]) == (3, 1)
    assert run.attrs["failures"].startswith("1: ")


def test_work_is_bounded() -> None:
    run = simulate(MODEL, None, TIMES, BOLUS, options=SolverOptions(max_steps=2))
    assert run.attrs["failures"] == "1: the number of steps exceeded max_steps"


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ({"K": 1.0}, "model kinetics has no parameter 'K'; did you mean 'k'"),
        ({"zzz": 1.0}, "no parameter 'zzz'; it has k, V"),
        ({"k": np.ones((2, 2))}, r"theta\['k'\] has 2 dims without names"),
        ({"k": xr.DataArray([1.0], dims="time")}, "must not have the dims 'time'"),
    ],
)
def test_unusable_values_are_refused(theta: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        simulate(MODEL, theta, TIMES)


@pytest.mark.parametrize("times", [[[1.0]], [np.nan], [np.inf]])
def test_unusable_times_are_refused(times: Any) -> None:
    with pytest.raises(ModelError, match="times must be a one-dimensional array of finite"):
        simulate(MODEL, None, times)


def test_the_result_can_be_written(tmp_path: Any) -> None:
    run = simulate(MODEL, {"k": [0.1, 0.2]}, TIMES, BOLUS)
    run.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(again.load(), run)


def test_more_times_than_steps_are_no_failure() -> None:
    """Every observation ends a step, which does not count against the bound on the work."""
    run = simulate(get("feedback"), {"R0": 3.0}, np.linspace(0.0, 24.0, 12_001))
    assert run.attrs["failed_solves"] == 0
    few = simulate(get("feedback"), {"R0": 3.0}, [24.0])
    np.testing.assert_allclose(run["C"][-1], few["C"][0], rtol=1e-5)
