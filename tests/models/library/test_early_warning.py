"""Lead time of IL-6 over CRP, against its formula and the closed form of the growing markers."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq
from scipy.stats import norm

from cytobayes.models import Regimen, SolverOptions, Switch, get, simulate, threshold
from cytobayes.models.library.early_warning import false_alarms, lead_time

MODEL = get("early-warning")
HOURS = np.linspace(0.0, 240.0, 2401)
STOP = 150.0


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    arms = {"grows": Regimen(), "stops": Regimen([Switch(STOP, "a", 0.0)])}
    return simulate(MODEL, {"a": [1e-3, 0.0]}, HOURS, arms, options=SolverOptions(rtol=1e-10))


def crossing(run: xr.Dataset, output: str) -> float:
    """Time at which an alarm is reached, by linear interpolation on a grid of 0.1 h.

    Its error is lam h^2 / 8 = 6e-5 h.
    """
    level = run[output].isel(draw=0).sel(subject="grows").to_numpy()
    k = int(np.argmax(level >= 1))
    return float(HOURS[k - 1] + 0.1 * (1 - level[k - 1]) / (level[k] - level[k - 1]))


@pytest.mark.reference
def test_the_lead_is_that_of_the_catalog(run: xr.Dataset) -> None:
    lead = float(lead_time(MODEL.theta))
    assert lead == pytest.approx(36.496, abs=5.1e-4)
    early, late = crossing(run, "alarm_IL6"), crossing(run, "alarm_CRP")
    assert early == pytest.approx(167.787, abs=1e-3)
    assert late == pytest.approx(204.284, abs=1e-3)
    # The start at rest leaves exp(-kc 204 h) = 0.8 % of the 1e-3 a that CRP lacked at time zero.
    assert late - early == pytest.approx(lead, abs=1e-3)


def test_markers_follow_the_driver_in_closed_form(run: xr.Dataset) -> None:
    p, t = MODEL.theta, HOURS[1:]
    grown = np.exp(p["lam"] * t)
    level = run.isel(draw=0).sel(subject="grows").isel(time=slice(1, None))
    rise = p["a"] * p["k6"] / (p["lam"] + p["k6"]) * (grown - np.exp(-p["k6"] * t))
    np.testing.assert_allclose(level["IL6"] / 5 - 1, rise, rtol=1e-6, atol=1e-8)
    slow = (grown - np.exp(-p["kc"] * t)) / (p["lam"] + p["kc"])
    fast = (np.exp(-p["k6"] * t) - np.exp(-p["kc"] * t)) / (p["kc"] - p["k6"])
    CRP = p["S"] * p["kc"] * p["a"] * p["k6"] / (p["lam"] + p["k6"]) * (slow - fast)
    np.testing.assert_allclose(level["CRP"] / 5 - 1, CRP, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("lam", "hours", "growth"), [(0.05, 22.6, 3.1), (0.3, 8.7, 13.6)])
def test_a_faster_storm_leaves_fewer_hours_but_grows_more(
    lam: float, hours: float, growth: float
) -> None:
    lead = float(lead_time({**MODEL.theta, "S": 1.0, "lam": lam}))
    assert lead == pytest.approx(hours, abs=0.051)
    assert np.exp(lam * lead) == pytest.approx(1 + lam / 0.0238, rel=1e-12)
    assert 1 + lam / 0.0238 == pytest.approx(growth, abs=0.051)


def test_the_longest_lead_is_the_turnover_time_of_crp() -> None:
    theta = {**MODEL.theta, "S": 1.0, "lam": 1e-6}
    # ln(1 + x) / x with x = lam / kc = 4e-5.
    assert float(lead_time(theta)) == pytest.approx(1 / 0.0238, rel=3e-5)


def test_crp_may_never_reach_its_alarm() -> None:
    assert threshold(MODEL)["slow alarm"] == pytest.approx(0.5)
    slow = float(lead_time({**MODEL.theta, "lam": 1e-6}))
    assert slow > 5e5
    even = brentq(lambda S: threshold(MODEL, {"S": S})["slow alarm"] - 1, 0.1, 3.0)
    assert float(lead_time({**MODEL.theta, "S": even, "lam": 1e-6})) < 43


def test_il6_also_falls_first(run: xr.Dataset) -> None:
    p = MODEL.theta
    after = run.isel(draw=0).sel(subject="stops", time=slice(STOP, 240.0))
    hours = after.time - STOP
    rise = after["IL6"] / 5 - 1
    np.testing.assert_allclose(rise, rise[0] * np.exp(-p["k6"] * hours), rtol=1e-6, atol=1e-8)
    assert float(after["CRP"].idxmax("time")) > STOP
    assert np.log(2) / p["k6"] == pytest.approx(1.4, abs=0.05)
    assert np.log(2) / p["kc"] == pytest.approx(29, abs=0.5)


def test_nothing_moves_without_a_driver(run: xr.Dataset) -> None:
    rest = run.isel(draw=1)
    for name in ("IL6", "MCP1", "CRP"):
        np.testing.assert_allclose(rest[name], MODEL.theta[f"{name}_0"], rtol=1e-12)


@pytest.mark.reference
def test_false_alarms_at_five_fold_are_rare() -> None:
    assert float(false_alarms(5.0)) == pytest.approx(0.0017, abs=5.1e-5)
    assert float(false_alarms(5.0)) == pytest.approx(norm.sf(np.log(5) / 0.55), rel=1e-12)
