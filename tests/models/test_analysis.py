"""Steady states, growth rates and thresholds against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cytobayes.models import (
    ModelError,
    Namespace,
    OdeModel,
    Parameter,
    State,
    eigenvalues,
    get,
    steady_states,
    threshold,
)


@pytest.mark.parametrize("reproduction", [0.6, 0.95, 1.05, 3.0])
def test_the_loop_rests_where_theory_says(reproduction: float) -> None:
    """A* = 1 - 1/R0 beside rest at zero (models.md M1 derivation 2)."""
    found = steady_states(get("feedback"), {"R0": reproduction, "u": 0.0})
    expected = [0.0] if reproduction < 1 else [0.0, 1 - 1 / reproduction]
    assert [s.values["A"] for s in found] == pytest.approx(expected, abs=1e-7)
    assert found[-1].stable
    assert all(not s.stable for s in found[:-1])


def test_growth_near_rest_solves_the_characteristic_equation() -> None:
    kd, kcl, reproduction = 0.1, 0.35, 1.05
    root = math.sqrt((kd - kcl) ** 2 + 4 * reproduction * kd * kcl)
    found = eigenvalues(get("feedback"), {"R0": reproduction, "u": 0.0})
    np.testing.assert_allclose(found, [(root - kd - kcl) / 2, (-root - kd - kcl) / 2], rtol=1e-12)


def rotation(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"x": -p.w * y.z - y.x, "z": p.w * y.x - y.z}


def driven(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"x": t - y.x}


def test_a_spiral_has_complex_growth_rates() -> None:
    model = OdeModel("spiral", (State("x"), State("z")), (Parameter("w", 2.0),), rotation)
    (rest,) = steady_states(model)
    assert rest.values == {"x": 0.0, "z": 0.0}
    np.testing.assert_allclose(rest.eigenvalues, [-1 - 2j, -1 + 2j])


def test_a_driven_system_has_no_rest() -> None:
    model = OdeModel("driven", (State("x"),), (Parameter("w", 2.0),), driven)
    with pytest.raises(ModelError, match="depends on time"):
        steady_states(model)
    with pytest.raises(ModelError, match="no threshold"):
        threshold(model)


def test_thresholds_take_arrays() -> None:
    values = threshold(get("feedback"), {"R0": np.array([0.5, 2.0])})
    np.testing.assert_array_equal(values["R0"], [0.5, 2.0])
    with pytest.raises(KeyError, match="no parameter 'r'"):
        threshold(get("feedback"), {"r": 1.0})
