"""A replaceable density is the density of the problem with those data, compiled once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.exchange import kind_name, limits_of, value_name
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
    function = problem.joint().model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
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
