"""Tebentafusp: weekly short infusions, no accumulation, and a response that adapts."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, get, simulate
from cytobayes.models.library.tebentafusp import peak_concentration, weekly

MODEL = get("tebentafusp")
HOURS = np.append(np.linspace(0.0, 672.0, 6721), [0.25, 168.25, 336.25, 504.25])
WEEKS = [0.0, 168.0, 336.0, 504.0]


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    arms = {"step": MODEL.schedule, "flat": weekly(68, 68, 68, 68)}
    solved = simulate(MODEL, None, np.unique(HOURS), arms, options=SolverOptions(rtol=1e-9))
    assert solved.attrs["failed_solves"] == 0
    return solved


@pytest.mark.reference
@pytest.mark.parametrize(
    ("dose", "peak", "auc"), [(20, 3.76, 38.5), (30, 5.64, 57.7), (68, 12.79, 130.8)]
)
def test_peak_and_area_of_a_dose(run: xr.Dataset, dose: float, peak: float, auc: float) -> None:
    theta = MODEL.theta
    expected = float(peak_concentration(theta, dose))
    assert expected == pytest.approx(peak, abs=0.005)
    assert dose / (theta["V"] * theta["k"]) == pytest.approx(auc, abs=0.05)
    week = {20.0: 0.0, 30.0: 168.0, 68.0: 336.0}[dose]
    found = run["concentration"].sel(subject="step", time=week + 0.25)
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_peaks_agree_with_the_label_within_its_uncertain_volume() -> None:
    low, high = (float(peak_concentration(MODEL.theta, d)) for d in (20, 68))
    sd = 0.2  # of the logarithm of the volume, its prior hint
    assert abs(np.log(low / 4.2)) < sd
    assert abs(np.log(high / 13.7)) < sd


def test_a_week_later_a_sixteen_millionth_of_the_drug_is_left(run: xr.Dataset) -> None:
    drug = run["concentration"].sel(subject="flat", time=slice(0.25, 168.0))
    left = float(drug[-1] / drug[0])
    assert left == pytest.approx(2.0 ** (-(168 - 0.25) / 7), rel=1e-4)
    assert left * 2.0 ** (-0.25 / 7) == pytest.approx(6.0e-8, abs=5e-10)


def weekly_peaks(run: xr.Dataset, arm: str) -> list[tuple[float, float]]:
    """Highest IL-6 of each week, and the hours after the dose at which it is reached."""
    IL6 = run["IL6"].sel(subject=arm)
    result = []
    for week in WEEKS:
        part = IL6.sel(time=slice(week, week + 167.95))
        result.append((float(part.max()), float(part.idxmax("time")) - week))
    return result


@pytest.mark.reference
@pytest.mark.parametrize(
    ("arm", "peaks", "times"),
    [
        ("step", [151, 143, 253, 154], [8.5, 8.2, 8.4, 9.8]),
        ("flat", [565, 167, 143, 127], [5.9, 9.9, 10.1, 10.1]),
    ],
)
def test_weekly_peaks_are_those_of_the_catalog(
    run: xr.Dataset, arm: str, peaks: list[int], times: list[float]
) -> None:
    found = weekly_peaks(run, arm)
    assert [round(p) for p, _ in found] == peaks
    np.testing.assert_allclose([t for _, t in found], times, atol=0.051)


def test_step_up_halves_the_highest_peak(run: xr.Dataset) -> None:
    step, flat = (max(p for p, _ in weekly_peaks(run, arm)) for arm in ("step", "flat"))
    assert step / flat == pytest.approx(0.45, abs=0.005)


def test_the_rash_follows_il6(run: xr.Dataset) -> None:
    for arm in ("step", "flat"):
        week = run.sel(subject=arm, time=slice(0.0, 167.95))
        assert float(week["rash"].idxmax("time")) > float(week["IL6"].idxmax("time"))
