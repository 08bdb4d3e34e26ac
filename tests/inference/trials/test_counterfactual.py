"""Fitted patients under another treatment, with their own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem, predict
from cytobayes.inference.trials.counterfactual import counterfactual
from cytobayes.inference.trials.design import Arm, Endpoint, Trigger
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.ode import OdeModel

HIGH = Endpoint("high", "above", "C", level=6.0)
TIMES = np.linspace(0.0, 10.0, 113)


@pytest.fixture(scope="module")
def problem(oral: OdeModel) -> Problem:
    rows = pd.DataFrame(
        {"subject": ["a", "a", "b", "b"], "time": [1.0, 2.0, 1.0, 2.0], "observable": "C",
         "value": [5.0, 6.0, 2.0, 3.0]}
    )  # fmt: skip
    doses = pd.DataFrame(
        {"subject": ["a", "b"], "time": 0.0, "amount": [100.0, 50.0], "target": "A"}
    )
    study = Study(rows, name="two", units={"C": "mg/L"}, time_unit="h", doses=doses)
    return Problem(oral, study, population="independent")


@pytest.fixture(scope="module")
def posterior() -> xr.Dataset:
    rng = np.random.default_rng(1)
    size = (2, 10, 2)
    return xr.Dataset(
        {n: (("chain", "draw", "subject"), v * np.exp(0.1 * rng.standard_normal(size)))
         for n, v in (("ka", 1.0), ("k", 0.2))},
        {"chain": [0, 1], "draw": np.arange(10), "subject": ["a", "b"]},
    )  # fmt: skip


def compare(problem: Problem, posterior: xr.Dataset, change: Arm, **options: Any) -> Any:
    return counterfactual(
        problem, posterior, change=change, endpoints=(HIGH,), until=10.0, draws=None, **options
    )


def flat(data: xr.Dataset) -> Any:
    values = data["C"].transpose("chain", "draw", "subject", "time").to_numpy()
    return values.reshape(-1, 2, values.shape[-1])


def test_courses_are_what_predict_gives(problem: Problem, posterior: xr.Dataset) -> None:
    extra = Regimen([Dose(2.0, 40.0, "A")])
    for add in (True, False):
        result = compare(problem, posterior, Arm("more", extra), add=add)
        own = {"a": 100.0, "b": 50.0}
        other = {s: Regimen([Dose(0.0, x, "A")]) + extra if add else extra for s, x in own.items()}
        before = predict(problem, posterior, times=result.times)
        after = predict(problem, posterior, times=result.times, regimen=other)
        # both integrate to rtol 1e-6, in steps that need not be the same
        np.testing.assert_allclose(result.before["C"], flat(before), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result.after["C"], flat(after), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result.times, TIMES, atol=1e-9)


def test_no_change_changes_exactly_nothing(problem: Problem, posterior: xr.Dataset) -> None:
    result = compare(problem, posterior, Arm("nothing", Regimen()))
    difference = result.table[result.table["change_is"] == "difference"]
    ratio = result.table[result.table["change_is"] == "ratio"]
    assert (difference[["change", "lower", "upper"]] == 0).to_numpy().all()
    assert (ratio[["change", "lower", "upper"]] == 1).to_numpy().all()
    assert (result.table["p_better"] == 0.5).all()


def test_a_doubled_dose_doubles_the_peak_of_a_linear_model(
    problem: Problem, posterior: xr.Dataset
) -> None:
    same = Regimen([Dose(0.0, 100.0, "A")])
    result = compare(problem, posterior, Arm("same dose for both", same), add=False)
    peaks = result.table[result.table["what"] == "peak of C"].set_index("subject")
    assert peaks.loc["a", "change"] == pytest.approx(1.0, rel=1e-5)
    assert peaks.loc["b", "change"] == pytest.approx(2.0, rel=1e-5)
    assert peaks.loc["b", "p_better"] == 0.0
    whole = result.population.set_index("what").loc["geometric mean of the peak of C"]
    assert whole["change"] == pytest.approx(np.sqrt(2.0), rel=1e-5)


def test_factors_act_on_the_own_parameters_of_each_patient(
    problem: Problem, posterior: xr.Dataset
) -> None:
    result = compare(problem, posterior, Arm("slower", factors={"ka": 0.5}))
    moved = predict(problem, posterior.assign(ka=0.5 * posterior["ka"]), times=result.times)
    np.testing.assert_allclose(result.after["C"], flat(moved), rtol=1e-5, atol=1e-6)


def test_each_patient_is_treated_at_the_own_sign(problem: Problem, posterior: xr.Dataset) -> None:
    late = Trigger("C", 4.0, Dose(0.0, 1e3, "A"), since=0.5)
    result = compare(problem, posterior, Arm("toxic", None, triggers=(late,)))
    ratio = (result.after["C"] / result.before["C"]).max("time")
    passed = (result.before["C"].where(result.before["time"] >= 0.5).isel(time=slice(0, -1))
              > 4.0).any("time")  # fmt: skip
    assert passed.sel(subject="a").all()
    assert not passed.sel(subject="b").any()
    np.testing.assert_array_equal(ratio > 1.0001, passed)


def test_covariates_cannot_be_changed(problem: Problem, posterior: xr.Dataset) -> None:
    with pytest.raises(InputError, match="keeps the covariates"):
        compare(problem, posterior, Arm("older", covariates={"age": 80.0}))


def test_the_courses_are_drawn(problem: Problem, posterior: xr.Dataset) -> None:
    result = compare(problem, posterior, Arm("more", Regimen([Dose(2.0, 40.0, "A")])))
    figure = result.plot()
    assert sorted(a.get_title("left") for a in figure.axes) == ["a", "b"]
    assert "with more" in result.sentence


def test_what_patients_got_anyway_is_no_part_of_the_evidence(
    problem: Problem, posterior: xr.Dataset
) -> None:
    result = compare(problem, posterior, Arm("slower", factors={"ka": 0.5}, evidence=("none",)))
    assert result.evidence == {"slower": "none"}
