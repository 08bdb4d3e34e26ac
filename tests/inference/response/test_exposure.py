"""Metrics of curves whose metrics have a closed form; draws kept; blocked IL-6 refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference.response.exposure import exposure, il6_signal
from cytobayes.models import simulate
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.library import get
from cytobayes.models.library.interventions import tocilizumab_dose, with_tocilizumab

KA, K = 1.3, 0.2


def curve(time: Any, scale: float = 1.0) -> Any:
    """Absorption and elimination at first order."""
    return scale * (np.exp(-K * time) - np.exp(-KA * time))


def bateman(times: Any, scales: Any = 1.0) -> xr.DataArray:
    values = np.multiply.outer(np.asarray(scales), curve(times))
    dims = ("chain", "draw", "subject")[3 - np.ndim(scales) :] if np.ndim(scales) else ()
    time = ("time", times, {"units": "h"})
    return xr.DataArray(values, {"time": time}, (*dims, "time"), attrs={"units": "ng/mL"})


def test_metrics_of_a_bateman_curve_agree_with_its_closed_form() -> None:
    step = 0.01
    found = exposure(bateman(np.arange(0, 48 + step / 2, step)), level=0.1)
    when = np.log(KA / K) / (KA - K)
    bend = abs(KA**2 * np.exp(-KA * 0) - K**2)  # the largest second derivative, at time 0
    assert abs(float(found["tmax"]) - when) <= step / 2 + 1e-12
    assert float(found["cmax"]) == pytest.approx(curve(when), abs=bend * step**2 / 8)
    total = (1 - np.exp(-K * 48)) / K - (1 - np.exp(-KA * 48)) / KA
    assert float(found["auc"]) == pytest.approx(total, abs=48 * bend * step**2 / 12)
    assert float(found["clast"]) == pytest.approx(curve(48.0))
    assert float(found["peak_rate"]) == pytest.approx(KA - K, abs=bend * step)
    falls = -np.log(0.1) / K  # the absorbed part is below 1e-6 there
    assert float(found["tlast"]) == pytest.approx(falls, abs=1e-4)
    assert not bool(found["tmax_censored"]) and not bool(found["tlast_censored"])


def complexes(step: float, dose: float = 2.0) -> xr.DataArray:
    """A complex in quasi-equilibrium: it jumps by 5 at a bolus, then rises, first by 3 a day."""
    time = np.arange(round(10 / step) + 1) * step
    since = np.maximum(time - dose, 0.0)
    y = np.where(time > dose + step / 2, 5 + 3 * (1 - np.exp(-since)), 0.0)
    return xr.DataArray(y, {"time": time}, ("time",), attrs={"units": "nM"})


def test_a_jump_at_a_dose_is_no_rate() -> None:
    for step in (0.2, 0.1, 0.01):
        y = complexes(step)
        crude = exposure(y, metrics=("peak_rate",))
        assert float(crude["peak_rate"]) > 5 / step and bool(crude["peak_rate_coarse"])
        found = exposure(y, metrics=("peak_rate",), doses=[2.0])
        # The first step after the dose: its middle is 1.5 steps late.
        expected = 3 * (np.exp(-step) - np.exp(-2 * step)) / step
        assert float(found["peak_rate"]) == pytest.approx(expected, rel=1e-9)
        assert float(found["peak_rate_time"]) == pytest.approx(2.0 + 1.5 * step)
        assert not bool(found["peak_rate_coarse"])


def test_each_subject_has_its_own_doses() -> None:
    names = ["late", "early"]
    both = xr.concat([complexes(0.1, 5.0), complexes(0.1, 2.0)], "subject")
    both = both.assign_coords(subject=names).expand_dims(draw=2)
    doses = {"late": [5.0], "early": [2.0]}
    found = exposure(both, metrics=("peak_rate",), doses=doses)
    assert found["peak_rate"].dims == ("draw", "subject")
    single = float(exposure(complexes(0.1), metrics=("peak_rate",), doses=[2.0])["peak_rate"])
    np.testing.assert_allclose(found["peak_rate"], single, rtol=1e-9)
    rows = pd.DataFrame({"subject": names, "time": 0.0, "observable": "C", "value": 1.0})
    given = pd.DataFrame({"subject": names, "time": [3.0, 0.0], "amount": 1.0, "target": "drug"})
    given = given.assign(interval=2.0, count=2)  # at 3 and 5; at 0 and 2
    study = Study(rows, name="s", units={"C": "nM"}, time_unit="d", doses=given)
    np.testing.assert_allclose(
        exposure(both, metrics=("peak_rate",), doses=study)["peak_rate"], single, rtol=1e-9
    )
    with pytest.raises(InputError, match="subject 'early' has none"):
        exposure(both, doses={"late": [5.0]})
    with pytest.raises(InputError, match="names no subjects"):
        exposure(complexes(0.1), doses=doses)


def test_the_steepest_rise_of_an_engagers_trimer_does_not_depend_on_the_grid() -> None:
    model, hours = get("engager"), (0.0, 7.0)
    bolus = [Dose(t, 3e4, "drug") for t in hours]  # beyond the hook: less drug, more complexes
    rates, crude = [], []
    for step in (0.02, 0.01):
        times = np.arange(round(14 / step) + 1) * step
        run = simulate(model, None, times, Regimen(bolus))["trimer"]
        rates.append(float(exposure(run, metrics=("peak_rate",), doses=hours)["peak_rate"]))
        one = exposure(run, metrics=("peak_rate",))
        assert bool(one["peak_rate_coarse"])
        crude.append(float(one["peak_rate"]))
    assert crude[1] / crude[0] == pytest.approx(2.0, rel=0.01)  # jump by step
    assert rates[1] == pytest.approx(rates[0], rel=0.05)
    assert 0 < rates[1] < crude[0] / 1000


def test_units_follow_value_and_time() -> None:
    found = exposure(bateman(np.arange(0.0, 5.0)), level=0.1)
    units = {name: str(v.attrs["units"]) for name, v in found.data_vars.items()}
    assert units["cmax"] == "ng/mL" and units["tmax"] == "h" and units["auc"] == "ng/mL*h"
    assert units["peak_rate"] == "ng/mL/h" and units["time_above"] == "h"


def test_draws_and_subjects_are_kept() -> None:
    scales = np.arange(1.0, 25.0).reshape(2, 3, 4)
    found = exposure(bateman(np.linspace(0, 10, 101), scales))
    assert found["cmax"].dims == ("chain", "draw", "subject")
    np.testing.assert_allclose(found["cmax"], scales * found["cmax"][0, 0, 0].item())


def test_a_window_between_grid_points_is_interpolated() -> None:
    line = xr.DataArray([0.0, 10.0], {"time": [0.0, 10.0]}, ("time",), attrs={"units": "pg/mL"})
    found = exposure(line, window=(2.0, 5.0))
    assert float(found["auc"]) == pytest.approx((5**2 - 2**2) / 2)
    assert float(found["cmax"]) == 5.0 and bool(found["tmax_censored"])


def test_areas_of_adjacent_windows_add_up() -> None:
    y = bateman(np.linspace(0, 28, 57))
    parts = [float(exposure(y, window=w)["auc"]) for w in ((0, 9.3), (9.3, 28))]
    assert sum(parts) == pytest.approx(float(exposure(y)["auc"]), rel=1e-12)


def test_the_refined_peak_is_exact_for_a_parabola() -> None:
    time = np.array([0.0, 0.7, 2.0, 3.0])
    y = xr.DataArray(5 - (time - 1.1) ** 2, {"time": time}, ("time",))
    found = exposure(y, metrics=("cmax", "tmax"), refine=True)
    assert float(found["cmax"]) == pytest.approx(5.0) and float(found["tmax"]) == pytest.approx(1.1)


def test_time_above_counts_every_part_above() -> None:
    y = xr.DataArray([0.0, 2.0, 0.0, 2.0, 2.0], {"time": [0.0, 1.0, 2.0, 3.0, 5.0]}, ("time",))
    found = exposure(y, level=1.0)
    assert float(found["time_above"]) == pytest.approx(1.0 + 0.5 + 2.0)
    assert float(found["tlast"]) == 5.0 and bool(found["tlast_censored"])
    never = exposure(y * 0, level=1.0)
    assert float(never["time_above"]) == 0.0 and np.isnan(float(never["tlast"]))


def test_a_failed_solve_has_no_metrics() -> None:
    y = bateman(np.linspace(0, 10, 11), [1.0, 2.0])
    y[0, 3] = np.nan
    found = exposure(y, level=0.1)
    for name in ("cmax", "tmax", "auc", "peak_rate", "tlast", "time_above"):
        assert np.isnan(found[name][0]) and np.isfinite(found[name][1]), name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": (0, 28)}, "reaches beyond"),
        ({"window": (5, 5)}, "empty"),
        ({"metrics": ("cmx",)}, "Did you mean 'cmax'"),
        ({"metrics": ("tlast",)}, "needs a level"),
    ],
)
def test_what_has_no_meaning_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        exposure(bateman(np.arange(0.0, 10.0)), **options)


@pytest.fixture(scope="module")
def treated() -> xr.Dataset:
    model = with_tocilizumab(get("crs-cascade"))
    times = np.arange(0.0, 20.0, 0.25)
    return simulate(model, model.theta, times, Regimen([tocilizumab_dose(70.0, 8.0)]))


def test_serum_il6_after_tocilizumab_is_left_out(treated: xr.Dataset) -> None:
    found = exposure(treated)
    assert "signal_cmax" in found and "IL6_cmax" not in found
    assert "receptor is blocked" in found.attrs["left_out"]
    assert "IL6_cmax" in exposure(treated, serum_il6=True)
    assert "IL6_cmax" in exposure(treated, window=(0, 7))  # before the dose
    with pytest.raises(InputError, match="refused"):
        exposure(treated[["IL6", "RO"]])


def test_blockade_lowers_the_signal_although_it_raises_il6(treated: xr.Dataset) -> None:
    both = exposure(treated, serum_il6=True, metrics=("cmax",))
    assert float(both["signal_cmax"]) < float(both["IL6_cmax"])
    np.testing.assert_allclose(il6_signal(treated[["IL6", "RO"]]), treated["signal"], rtol=1e-12)
    with pytest.raises(InputError, match="neither"):
        il6_signal(treated[["CRP"]])
