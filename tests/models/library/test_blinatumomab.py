"""Blinatumomab: the pump, the washout, and IL-6 under four ways to start."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Regimen, SolverOptions, get, simulate
from cytobayes.models.library.blinatumomab import infusion, steady_concentration, time_to_fraction

MODEL = get("blinatumomab")
HOURS = np.linspace(0.0, 504.0, 5041)
AREA = 1.876
ARMS = {
    "60 ug/m2/d": infusion((60 * AREA, 21)),
    "5/15/60 ug/m2/d": infusion((5 * AREA, 7), (15 * AREA, 7), (60 * AREA, 7)),
    "9/28 ug/d": infusion((9, 7), (28, 14)),
    "28 ug/d": infusion((28, 21)),
    "washout": infusion((28, 4)),
    "none": Regimen(),
}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    solved = simulate(MODEL, None, HOURS, ARMS, options=SolverOptions(rtol=1e-9))
    assert solved.attrs["failed_solves"] == 0
    return solved


@pytest.mark.reference
@pytest.mark.parametrize(("rate", "level"), [(9, 168.9), (28, 525.5)])
def test_the_steady_concentration_is_rate_over_clearance(
    run: xr.Dataset, rate: float, level: float
) -> None:
    steady = float(steady_concentration(MODEL.theta, rate / 24))
    assert 1000 * steady == pytest.approx(level, abs=0.05)  # ng/mL to pg/mL
    day = {9.0: 6.5, 28.0: 20.5}[rate]
    found = run["concentration"].sel(subject="9/28 ug/d", time=24.0 * day)
    assert float(found) == pytest.approx(steady, rel=1e-7)


def test_clearance_grows_with_surface_area() -> None:
    child = {**MODEL.theta, "BSA": AREA / 2}
    ratio = steady_concentration(child, 1.0) / steady_concentration(MODEL.theta, 1.0)
    assert ratio == pytest.approx(2**0.62, rel=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize(("left", "hours"), [(0.5, 1.867), (0.1, 6.20), (0.01, 12.40)])
def test_the_pump_is_followed_within_hours(run: xr.Dataset, left: float, hours: float) -> None:
    time = float(time_to_fraction(MODEL.theta, left))
    assert time == pytest.approx(hours, abs=0.005)
    drug = run["concentration"].sel(subject="washout")
    end = float(drug.sel(time=96.0))
    # Cubic interpolation of an exponential on a grid of 0.1 h: (0.037)^4 / 24, below 1e-7.
    after = float(drug.interp(time=96.0 + time, method="cubic"))
    assert after / end == pytest.approx(left, rel=1e-5)
    rise = float(drug.interp(time=time, method="cubic"))
    assert rise / end == pytest.approx(1 - left, rel=1e-5)


# Checked values of the catalog: peak of IL-6 (pg/mL) and its time (h) in the first week.
DAY_1 = [
    ("60 ug/m2/d", 2281, 5.6),
    ("5/15/60 ug/m2/d", 423, 14.4),
    ("9/28 ug/d", 404, 14.7),
    ("28 ug/d", 1115, 8.8),
]


@pytest.mark.reference
@pytest.mark.parametrize(("arm", "peak", "time"), DAY_1)
def test_first_peaks_are_those_of_the_catalog(
    run: xr.Dataset, arm: str, peak: int, time: float
) -> None:
    IL6 = run["IL6"].sel(subject=arm)
    assert round(float(IL6.max())) == peak
    assert float(IL6.idxmax("time")) == pytest.approx(time, abs=0.051)


@pytest.mark.reference
def test_cells_on_day_1_and_7_are_those_of_the_catalog(run: xr.Dataset) -> None:
    day = run.sel(time=24.0)
    assert [round(float(day["B"].sel(subject=a)), 1) for a, *_ in DAY_1] == [11.0, 54.9, 56.8, 22.4]
    assert [round(float(day["T"].sel(subject=a))) for a, *_ in DAY_1] == [407, 457, 459, 431]
    week = run["B"].sel(time=168.0)
    for (arm, *_), left in zip(DAY_1, (1.60e-2, 4.57e-1, 4.94e-1, 7.64e-2), strict=True):
        assert float(week.sel(subject=arm)) == pytest.approx(left, rel=0.005), arm


def test_a_start_at_a_twelfth_of_the_rate_has_a_fifth_of_the_peak(run: xr.Dataset) -> None:
    first = run["IL6"].max("time")
    ratio = float(first.sel(subject="60 ug/m2/d") / first.sel(subject="5/15/60 ug/m2/d"))
    assert ratio == pytest.approx(5.4, abs=0.05)


def test_target_cells_are_low_and_t_cells_recover_within_the_first_cycle(run: xr.Dataset) -> None:
    arm = run.sel(subject="9/28 ug/d")
    assert float(arm["B"].sel(time=slice(168, None)).max()) < 10
    assert 24 * 0.5 < float(arm["T"].idxmin("time")) < 24 * 2
    assert float(arm["T"].sel(time=336.0)) > 495


def test_nothing_moves_without_drug(run: xr.Dataset) -> None:
    rest = run.sel(subject="none")
    for name, level in (("T", 500.0), ("A", 0.0), ("B", 200.0), ("IL6", 5.0), ("AUC", 0.0)):
        np.testing.assert_allclose(rest[name], level, rtol=1e-12, atol=1e-12)
