"""Off-target binding: limits, the affinity that is needed, and the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from cytobayes.models import get, simulate, threshold
from cytobayes.models.library.off_target import affinity_needed, low_dose_ratio, window

MODEL = get("off-target")
Array = npt.NDArray[np.float64]


def solve(D: Any, **changes: float) -> dict[str, Array]:
    run = simulate(MODEL, {"D": D, **changes}, [0.0]).isel(time=0)
    return {str(k): v.to_numpy() for k, v in run.data_vars.items()}


@pytest.mark.reference
def test_the_abundant_target_binds_more_at_every_dose() -> None:
    run = solve([0.01, 1.0, 100.0])
    np.testing.assert_allclose(run["ratio"], [25.2, 141.2, 4008.0], atol=0.051)
    np.testing.assert_allclose(run["bound_off"] / run["bound_on"], run["ratio"], rtol=1e-14)


def test_the_ratio_rises_from_one_limit_to_the_other() -> None:
    ratio = solve(np.logspace(-9, 9, 37))["ratio"]
    assert (np.diff(ratio) > 0).all()
    # Distance to the limits: D / K1 = 5e-9 and K2 / D = 5e-8.
    assert ratio[0] == pytest.approx(24.0, rel=1e-8)
    assert ratio[-1] == pytest.approx(6000.0, rel=1e-7)
    assert solve([0.0])["ratio"][0] == pytest.approx(24.0, rel=1e-14)


def test_the_affinity_that_is_needed_makes_the_ratio_one() -> None:
    needed = float(affinity_needed(MODEL.theta))
    assert needed == pytest.approx(1200.0, rel=1e-14)
    assert solve([0.0], K2=needed)["ratio"][0] == pytest.approx(1.0, rel=1e-14)
    assert threshold(MODEL, {"K2": needed})["low-dose ratio"] == pytest.approx(1.0, rel=1e-14)


@pytest.mark.reference
def test_a_window_remains_because_cells_answer_one_by_one() -> None:
    low, high = window(MODEL.theta)
    assert low == pytest.approx(2.0e-4, abs=5e-6)
    assert high == pytest.approx(5.0e-3, abs=5e-5)
    assert solve([low])["answer_on"][0] == pytest.approx(0.5, rel=1e-12)
    assert solve([high])["answer_off"][0] == pytest.approx(0.5, rel=1e-12)
    assert round(threshold(MODEL)["window"]) == 25
    middle = solve([np.sqrt(low * high)])
    assert middle["answer_on"][0] > 0.5 > middle["answer_off"][0]


def test_occupancy_of_each_cell_is_lower_on_the_weak_target() -> None:
    run = solve(np.logspace(-6, 6, 25))
    on = run["bound_on"] / (1e9 * 1e5)
    off = run["bound_off"] / (6e11 * 1e6)
    assert (off < on).all()


def test_a_second_arm_is_a_stronger_affinity() -> None:
    run = solve([1.0], Cloc2=450.0)
    assert run["ratio"][0] == pytest.approx(solve([1.0], K2=5.0)["ratio"][0], rel=1e-14)
    assert low_dose_ratio({**MODEL.theta, "Cloc2": 450.0}) == pytest.approx(240.0, rel=1e-14)
