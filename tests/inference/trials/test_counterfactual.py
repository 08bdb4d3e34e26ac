"""Fitted patients under another treatment, with their own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.datasets.virtual import GradeModel
from cytobayes.inference import Problem, predict
from cytobayes.inference.predict import thinned
from cytobayes.inference.trials.counterfactual import counterfactual
from cytobayes.inference.trials.design import Arm, Endpoint, Trigger
from cytobayes.inference.trials.fitted import fitted_grades
from cytobayes.inference.trials.grading import AssumedGrades
from cytobayes.inference.trials.virtual import receptor_blocked
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.math import exp
from cytobayes.models.ode import OdeModel, Parameter

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
    assert (difference["p_better"] == 0.5).all()
    assert (ratio["p_lower"] == 0.5).all()


def test_a_doubled_dose_doubles_the_peak_of_a_linear_model(
    problem: Problem, posterior: xr.Dataset
) -> None:
    same = Regimen([Dose(0.0, 100.0, "A")])
    result = compare(problem, posterior, Arm("same dose for both", same), add=False)
    peaks = result.table[result.table["what"] == "peak of C"].set_index("subject")
    assert peaks.loc["a", "change"] == pytest.approx(1.0, rel=1e-5)
    assert peaks.loc["b", "change"] == pytest.approx(2.0, rel=1e-5)
    assert peaks.loc["b", "p_lower"] == 0.0
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


@pytest.fixture(scope="module")
def blocked() -> tuple[Problem, xr.Dataset]:
    """Cells ``c`` and IL-6 ``x``; occupancy RO doubles serum IL-6 and lets a tenth of it act."""
    model = OdeModel(
        "blocked",
        (),
        (Parameter("c", 3.0), Parameter("x", 2.0), Parameter("RO", 0.0, upper=1.0)),
        outputs={
            "CAR": lambda t, y, p: p.c * exp(-t),
            "IL6": lambda t, y, p: p.x * (1 + p.RO) * exp(-t),
            "signal": lambda t, y, p: p.x * (1 - p.RO) * exp(-t),
        },
        time_unit="d",
        horizon=10.0,
    )
    rows = pd.DataFrame(
        {"subject": ["a", "a"], "time": 1.0, "observable": ["CAR", "IL6"], "value": [1.0, 1.0]}
    )
    units = {"CAR": "", "IL6": ""}
    study = Study(rows, name="one", units=units, time_unit="d")
    draws = {n: (("chain", "draw"), np.full((1, 5), v)) for n, v in (("c", 3.0), ("x", 2.0))}
    return Problem(model, study), xr.Dataset(draws)


def peaks_of(blocked: Any, change: Arm, **options: Any) -> tuple[Any, str]:
    end = Endpoint("much signal", "above", "signal", level=1.0)
    result = counterfactual(*blocked, change=change, endpoints=(end,), draws=None, **options)
    return result.table.set_index("what"), result.sentence


def test_a_peak_of_cells_is_lower_or_not_and_neither_is_better(blocked: Any) -> None:
    table, _ = peaks_of(blocked, Arm("fewer cells", factors={"c": 0.5}))
    assert table.loc["peak of CAR", "change"] == pytest.approx(0.5)
    assert table.loc["peak of CAR", "p_lower"] == 1.0
    assert np.isnan(table.loc["peak of CAR", "p_better"])
    assert table.loc["much signal", "p_better"] == 0.5
    assert np.isnan(table.loc["much signal", "p_lower"])
    assert "peak of IL6" in table.index


def test_under_receptor_blockade_the_signal_is_compared_and_not_serum_il6(blocked: Any) -> None:
    change = Arm("block", parameters={"RO": 0.9})
    table, sentence = peaks_of(blocked, change)
    assert list(table.index) == ["much signal", "peak of CAR", "peak of signal"]
    assert table.loc["peak of signal", "change"] == pytest.approx(0.1)
    assert table.loc["much signal", "p_better"] == 1.0
    assert "its signal is compared" in sentence
    asked, warned = peaks_of(blocked, change, observables=("IL6",))
    assert asked.loc["peak of IL6", "change"] == pytest.approx(1.9)
    assert "Serum IL-6 rises under receptor blockade" in warned


def test_the_receptor_is_blocked_by_what_is_given_and_not_by_a_state_of_the_model() -> None:
    drug = Dose(0.0, 560.0, "tocilizumab")
    late = Trigger("IL6", 100.0, drug)
    for arm, blocked in (
        (Arm("regimen", Regimen([drug])), True),
        (Arm("sign", triggers=(late,)), True),
        (Arm("occupancy", parameters={"RO": 0.5}), True),
        (Arm("free", parameters={"RO": 0.0}), False),
        (Arm("another drug", Regimen([Dose(0.0, 4.0, "steroid")])), False),
    ):
        assert receptor_blocked([Arm("nothing", Regimen()), arm]) is blocked


def test_grades_are_those_that_the_study_taught(graded: Any) -> None:
    problem, posterior = graded
    end = Endpoint("CRS >= 2", "grade", at_least=2)
    half = Arm("half", factors={"m": 0.5})
    result = counterfactual(problem, posterior, change=half, endpoints=(end,), draws=60, seed=2)
    fit = fitted_grades(problem, posterior, draws=60, seed=2)
    assert fit is not None
    a = problem.inputs_by_subject["a"]
    # every fourth draw or so is used, in the same order: chains one after another
    m = thinned(posterior, 60)["m"].to_numpy().ravel()
    for factor, column in ((1.0, "before"), (0.5, "after")):
        eta = fit.slope[:, None] * np.log10(factor * m[:, None] * a / fit.reference)
        by_hand = expit(eta - fit.cuts[:, 1:2]).mean(axis=0)
        np.testing.assert_allclose(result.table.query("what == 'CRS >= 2'")[column], by_hand)
    assert "fitted to 60 grades (ASTCT) of graded" in result.sentence


def test_assumed_grades_are_called_so_in_the_sentence(blocked: Any) -> None:
    assumed = AssumedGrades(GradeModel("signal", reference=1.0, slope=2.0, cuts=(0.0, 1.0)))
    end = Endpoint("CRS >= 1", "grade", at_least=1)
    result = counterfactual(
        *blocked, change=Arm("half", factors={"x": 0.5}), endpoints=(end,), grades=assumed
    )
    assert "Grade model: assumed, not fitted" in result.sentence
    assert "as fitted" not in result.sentence
    # expit(2 log10(2)) against expit(0)
    row = result.population.set_index("what").loc["CRS >= 1"]
    assert (row["before"], row["after"]) == pytest.approx((expit(2 * np.log10(2)), 0.5))
