"""IL-7, IL-15 and lymphodepletion: steady states in closed form and the checked course."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import (
    Dose,
    Regimen,
    SolverOptions,
    draw_parameters,
    get,
    simulate,
    threshold,
)

MODEL = get("homeostasis")
TIGHT = SolverOptions(rtol=1e-9)
TIMES = np.linspace(0.0, 126.0, 1261)  # day -6 to day 120
DAY = TIMES - 6.0


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(MODEL, {}, TIMES, MODEL.schedule, options=TIGHT)


@pytest.mark.reference
def test_the_course_is_that_of_the_catalog(run: xr.Dataset) -> None:
    for state, peak, day in (("IL7", 9.3, 0.8), ("IL15", 14.9, -0.8), ("E", 14.7, 26.1)):
        assert float(run[state].max()) == pytest.approx(peak, abs=0.05), state
        assert DAY[run[state].values.argmax()] == pytest.approx(day, abs=0.1), state
    assert float(run["T"].min()) == pytest.approx(13, abs=0.5)
    assert float(run["T"][-1]) == pytest.approx(980, abs=0.5)


@pytest.mark.reference
def test_without_conditioning_car_t_cells_only_decay() -> None:
    infusion = Regimen([Dose("t_infusion", "E_0", "E")])
    times = np.linspace(6.001, 34.0, 57)
    run = simulate(MODEL, {}, times, infusion, options=TIGHT)
    assert np.all(np.diff(run["E"]) < 0)
    assert float(run["E"][-1]) == pytest.approx(0.00019, abs=5e-6)


def test_everything_rests_at_the_given_t_cells() -> None:
    """For any parameters: growth is tied to IL-7 at T_0."""
    drawn = draw_parameters(MODEL, 20, seed=4)
    start = simulate(MODEL, drawn.assign(T_0=("draw", np.geomspace(200, 3000, 20))), [0.0, 50.0])
    for state in ("IL7", "IL15", "T"):
        np.testing.assert_allclose(start[state][:, 1], start[state][:, 0], rtol=1e-6)


@pytest.mark.reference
def test_il7_follows_its_sink_and_is_bounded(run: xr.Dataset) -> None:
    theta = MODEL.theta
    assert float(run["IL7"][0]) == pytest.approx(2.0, rel=1e-12)
    assert theta["s7"] / (theta["k7"] + theta["c7"] * 20) == pytest.approx(9.26, abs=0.005)
    bound = 1 + theta["c7"] * theta["T_0"] / theta["k7"]
    assert bound == pytest.approx(5.0)
    assert float((run["IL7"] / run["IL7"][0]).max()) < bound


@pytest.mark.reference
def test_car_t_cells_grow_exactly_above_the_il15_they_need(run: xr.Dataset) -> None:
    theta, values = MODEL.theta, threshold(MODEL)
    needed = float(run["IL15"][0]) / values["IL15_untreated"]
    assert needed == pytest.approx(4.38, abs=0.005)
    assert values["IL15_emptied"] == pytest.approx(theta["s15"] / theta["k15"] / needed, rel=1e-12)
    assert values["IL15_untreated"] < 1 < values["IL15_emptied"]
    after = DAY > 0.1
    growing = np.diff(run["E"].values[after]) > 0
    above = run["IL15"].values[after] > needed
    # A step that contains the crossing may go either way.
    assert np.sum(growing != above[1:]) <= 1


def test_cells_that_die_faster_than_they_divide_never_grow() -> None:
    assert threshold(MODEL, {"dE": 2.0}) == {"IL15_untreated": 0.0, "IL15_emptied": 0.0}
