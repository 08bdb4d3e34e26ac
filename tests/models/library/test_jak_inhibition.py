"""JAK inhibitor: fast cytokines and a slow spleen, against closed forms of the mean inhibition."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Regimen, SolverOptions, draw_parameters, get, simulate
from cytobayes.models.library.jak_inhibition import (
    concentration,
    mean_inhibition,
    spleen,
    twice_daily,
)

MODEL = get("jak-inhibition")
DAY, WEEK = 24.0, 168.0
STOP = 24 * WEEK
LAST = np.linspace(STOP - 12, STOP, 241)  # the last interval between doses
TIMES = np.unique(
    np.concatenate([
        np.linspace(12, 24, 241), LAST, [72.0, 4 * WEEK, 12 * WEEK],
        STOP + np.array([2.0, 24.0, 4 * WEEK]),
    ])
)  # fmt: skip


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    """10 and 20 mg twice a day for 24 weeks, then none; and never any."""
    arms = {"10": twice_daily(10.0, 168), "20": twice_daily(20.0, 168), "none": Regimen()}
    solved = simulate(MODEL, None, TIMES, arms, options=SolverOptions(rtol=1e-8, max_steps=100_000))
    assert solved.attrs["failed_solves"] == 0
    return solved


@pytest.mark.reference
@pytest.mark.parametrize(("dose", "mean"), [(5.0, 0.221), (10.0, 0.340), (20.0, 0.4774)])
def test_mean_inhibition_is_that_of_the_catalog(dose: float, mean: float) -> None:
    digits = 5.1e-5 if dose == 20.0 else 5.1e-4
    assert float(mean_inhibition(MODEL.theta, dose)) == pytest.approx(mean, abs=digits)


def test_mean_inhibition_is_less_than_inhibition_at_the_mean() -> None:
    theta = MODEL.theta
    mean = 20.0 / (theta["CL"] * 12)
    at_mean = theta["Imax"] * mean / (theta["IC50"] + mean)
    assert float(mean_inhibition(theta, 20.0)) < at_mean


def test_concentrations_reach_the_periodic_closed_form(run: xr.Dataset) -> None:
    found = run["concentration"].sel(subject="20", time=LAST[1:])
    expected = concentration(MODEL.theta, 20.0, LAST[1:] - LAST[0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.reference
def test_the_course_is_that_of_the_catalog(run: xr.Dataset) -> None:
    """Printed with two or three decimals."""
    for dose, cytokine, week24 in (("10", 0.66, 0.66), ("20", 0.53, 0.52)):
        arm = run["cytokine"].sel(subject=dose)
        assert float(arm.sel(time=slice(12, 24)).mean()) == pytest.approx(cytokine, abs=0.0051)
        assert float(arm.sel(time=LAST).mean()) == pytest.approx(week24, abs=0.0051)
    twenty = run.sel(subject="20")
    assert float(twenty["symptoms"].sel(time=72.0)) == pytest.approx(0.54, abs=0.0051)
    for time, size in ((DAY, 0.992), (4 * WEEK, 0.833), (12 * WEEK, 0.708), (STOP, 0.671)):
        assert float(twenty["spleen"].sel(time=time)) == pytest.approx(size, abs=5.1e-4)
    assert float(run["spleen"].sel(subject="10", time=STOP)) == pytest.approx(0.766, abs=5.1e-4)


def test_the_spleen_follows_the_mean_inhibition(run: xr.Dataset) -> None:
    for dose in (10.0, 20.0):
        closed = spleen(MODEL.theta, mean_inhibition(MODEL.theta, dose), STOP)
        found = float(run["spleen"].sel(subject=f"{dose:g}", time=STOP))
        # Within one interval the spleen moves by fs ks 12 h = 0.9 % of its fall.
        assert found == pytest.approx(float(closed), abs=MODEL.theta["fs"] * MODEL.theta["ks"] * 6)


def test_under_constant_inhibition_levels_rest_at_their_closed_forms() -> None:
    assert float(spleen(MODEL.theta, 0.4774, np.inf)) == pytest.approx(1 - 0.7 * 0.4774, rel=1e-12)
    half = np.log(2) / MODEL.theta["ks"]
    assert float(spleen(MODEL.theta, 0.4774, half)) == pytest.approx(1 - 0.35 * 0.4774, rel=1e-12)
    assert half == pytest.approx(28 * DAY, rel=1e-12)


def test_when_stopped_cytokines_are_back_in_a_day_and_the_spleen_in_weeks(run: xr.Dataset) -> None:
    arm = run.sel(subject="20")
    assert float(arm["cytokine"].sel(time=STOP + 24)) > 0.95
    start, later = (1 - float(arm["spleen"].sel(time=t)) for t in (STOP, STOP + 4 * WEEK))
    # The last dose still acts for hours; then a half-life of four weeks.
    assert later / start == pytest.approx(0.5, abs=0.01)


def test_nothing_moves_without_drug(run: xr.Dataset) -> None:
    rest = run.sel(subject="none")
    for name in ("cytokine", "spleen", "symptoms", "hemoglobin", "platelets"):
        np.testing.assert_allclose(rest[name], 1.0, rtol=1e-12)


def test_the_prior_agrees_with_the_trials() -> None:
    """The spleen was 35 % smaller at week 24 in 41.9 % of 155 and 31.9 % of 146 patients."""
    draws = draw_parameters(MODEL, 4000, seed=5)
    full = {**MODEL.theta, **{str(k): v.to_numpy() for k, v in draws.data_vars.items()}}
    small = spleen(full, mean_inhibition(full, 20.0), STOP) < 0.65
    both = (0.419 * 155 + 0.319 * 146) / 301
    assert abs(small.mean() - both) < 3 * np.sqrt(both * (1 - both) * (1 / 301 + 1 / 4000))
