"""A replaceable density is the density of the problem with those data, compiled once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.exchange import kind_name, limits_of, value_name
from cytobayes.inference.joint import build_joint
from cytobayes.inference.sampling.with_nutpie import prepared, with_replica
from cytobayes.models import Parameter
from cytobayes.models.distributions import LogNormal

from .decay import from_start

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
LLOQ, ULOQ = 1.5, 9.0
MODEL = from_start(
    Parameter("C0", 10.0, "mg/L", prior=LogNormal(10.0, 0.3)),
    Parameter("k", 0.3, "1/h", prior=LogNormal(0.3, 0.3)),
)


def study(values: Any, unit: str = "mg/L", scale: float = 1.0) -> Study:
    values = np.asarray(values)
    low, high = values < LLOQ, values > ULOQ
    rows = pd.DataFrame(
        {
            "subject": "1",
            "time": TIMES,
            "observable": "C",
            "value": np.clip(values, LLOQ, ULOQ) * scale,
            "lower": LLOQ * scale,
            "upper": ULOQ * scale,
            "censoring": np.where(low, "left", np.where(high, "right", "none")),
        }
    )
    return Study(rows, name="made", units={"C": unit}, time_unit="h")


FIRST, SECOND = [9.5, 8.0, 5.0, 3.0, 0.9], [7.0, 9.3, 1.0, 1.2, 2.5]


def fixed(problem: Problem) -> Any:
    """Log density and gradient of a problem whose data cannot be replaced; without machine code."""
    return compiled(problem.joint().model)


def compiled(model: Any) -> Any:
    function = model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
    function.set_extra_values({})
    return function


def test_replaced_data_have_the_density_of_a_problem_with_those_data() -> None:
    first, second = Problem(MODEL, study(FIRST)), Problem(MODEL, study(SECOND))
    rows = second.arrangement.observed[0].rows
    point = np.array([2.2, -1.0, -1.5])
    _, before = prepared(first, replaceable=True)
    density = float(before.logp_func(point)[0])
    _, after = with_replica(first, {value_name("C"): rows.value, kind_name("C"): rows.kind})
    for given, expected in zip(after.logp_func(point), fixed(second)(point), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-12)
    assert abs(float(after.logp_func(point)[0]) - density) > 1
    assert density == pytest.approx(float(fixed(first)(point)[0]), rel=1e-12)
    assert after.compiled_logp_func is before.compiled_logp_func  # nothing was compiled anew


def test_limits_come_from_the_data_in_the_unit_of_the_model() -> None:
    made = Problem(MODEL, study(FIRST, unit="ug/L", scale=1000.0))
    limits = limits_of(made, made.arrangement.observed[0])
    np.testing.assert_allclose(limits.lower, LLOQ)
    np.testing.assert_allclose(limits.upper, ULOQ)
    assert limits.kinds == (0, 1, 2)
    reported, kind = limits.reported(np.array(SECOND))
    np.testing.assert_array_equal(reported, np.clip(SECOND, LLOQ, ULOQ))
    np.testing.assert_array_equal(kind, [0, 2, 1, 1, 0])


def test_rows_without_limits_are_never_censored() -> None:
    frame = study([5.0] * 5).to_frame().drop(columns=["lower", "upper", "unit"])
    made = Problem(MODEL, Study(frame, name="open", units={"C": "mg/L"}, time_unit="h"))
    limits = limits_of(made, made.arrangement.observed[0])
    assert limits.kinds == (0,)
    extreme = np.array([1e-9, 1e9, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(limits.reported(extreme)[0], extreme)
    np.testing.assert_array_equal(limits.reported(extreme)[1], 0)


def test_intervals_are_refused() -> None:
    frame = study([5.0] * 5).to_frame().drop(columns="unit").assign(lower=4.0, upper=6.0)
    frame["censoring"] = ["none", "interval", "none", "none", "none"]
    made = Problem(MODEL, Study(frame, name="binned", units={"C": "mg/L"}, time_unit="h"))
    with pytest.raises(InputError, match="row 1 of the data is censored to an interval"):
        limits_of(made, made.arrangement.observed[0])


def replaceable(problem: Problem) -> Any:
    return build_joint(problem, replaceable=True).model


@pytest.mark.parametrize(
    ("method", "error", "other"),
    [
        ("M4", "additive", SECOND),
        ("M4", "combined", SECOND),
        ("M3", "additive", SECOND),
        ("M2", "additive", [7.0, 9.3, 1.6, 1.7, 2.5]),
        ("M2", "lognormal", [7.0, 9.3, 1.6, 1.7, 2.5]),
    ],
)
def test_replaced_values_below_a_limit_are_scored_by_the_method_of_the_fit(
    method: str, error: str, other: list[float]
) -> None:
    spreads = {"C_sigma": 0.8} if error != "combined" else {"C_sigma_add": 0.8, "C_sigma_prop": 0.2}
    settings: dict[str, Any] = {"censoring": method, "error": error, "fixed": spreads}
    begin = [9.5, 8.0, 5.0, 3.0, 2.0] if method == "M2" else FIRST
    problem = Problem(MODEL, study(begin), **settings)
    again = Problem(MODEL, study(other), **settings)
    model = replaceable(problem)
    value, kind = limits_of(problem, problem.arrangement.observed[0]).reported(np.array(other))
    model.set_data(value_name("C"), value)
    model.set_data(kind_name("C"), kind.astype(float))
    point = np.array([2.2, -0.5])
    for given, expected in zip(compiled(model)(point), fixed(again)(point), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["M1", "M5", "M6", "M7"])
def test_methods_that_are_no_likelihood_are_refused(method: str) -> None:
    made = Problem(MODEL, study(FIRST), error="additive", censoring=method)
    with pytest.raises(InputError, match=rf"C: {method} .*Calibrate with M3 or M4"):
        limits_of(made, made.arrangement.observed[0])
    frame = study([5.0] * 5).to_frame().drop(columns=["lower", "upper", "unit"])
    data = Study(frame, name="open", units={"C": "mg/L"}, time_unit="h")
    never = Problem(MODEL, data, error="additive", censoring=method)
    assert limits_of(never, never.arrangement.observed[0]).kinds == (0,), "nothing is below"


def test_an_interval_from_zero_is_refused_where_values_may_be_negative() -> None:
    frame = study([5.0] * 5).to_frame().drop(columns="unit").assign(lower=0.0, upper=LLOQ)
    frame["censoring"] = ["none", "none", "none", "none", "interval"]
    frame.loc[:3, ["lower", "upper"]] = np.nan
    frame.loc[4, "value"] = 1.0
    data = Study(frame, name="binned", units={"C": "mg/L"}, time_unit="h")
    plain = Problem(MODEL, data)
    assert limits_of(plain, plain.arrangement.observed[0]).kinds == (0, 1)
    for method, refused in (("M3", True), ("M4", False)):
        made = Problem(MODEL, data, error="additive", censoring=method)
        if refused:
            with pytest.raises(InputError, match="interval from 0; .*or calibrate with M4"):
                limits_of(made, made.arrangement.observed[0])
        else:
            assert limits_of(made, made.arrangement.observed[0]).kinds == (0, 1)
