"""Full binding of a bispecific drug: published peaks, hook and mass balance."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate, trace

MODEL = get("engager-binding")
DAYS = np.linspace(0.0, 60.0, 6001)
DOSES = (335.0, 1675.0, 3350.0)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    arms = {d: Regimen([Dose(0.0, d, "drug")]) for d in (*DOSES, 0.0)}
    solved = simulate(MODEL, None, DAYS, arms, options=SolverOptions(rtol=1e-8))
    assert solved.attrs["failed_solves"] == 0
    return solved


# Checked values of the catalog: dose (nmol), peak of the trimer (nM), its day, trimer on day 1.
PEAKS = [
    (335.0, 10.032, 2.76, 9.728),
    (1675.0, 11.585, 14.60, 2.008),
    (3350.0, 11.569, 22.69, 1.005),
]


@pytest.mark.reference
@pytest.mark.parametrize(("dose", "peak", "day", "early"), PEAKS)
def test_trimers_are_those_of_the_catalog(
    run: xr.Dataset, dose: float, peak: float, day: float, early: float
) -> None:
    trimer = run["trimer"].sel(subject=dose)
    assert float(trimer.max()) == pytest.approx(peak, abs=5.1e-4)
    assert float(trimer.idxmax("time")) == pytest.approx(day, abs=0.011)
    assert float(trimer.sel(time=1.0)) == pytest.approx(early, abs=5.1e-4)


def test_a_higher_dose_makes_fewer_trimers_early(run: xr.Dataset) -> None:
    early = [float(run["trimer"].sel(subject=d, time=1.0)) for d in DOSES]
    assert early[0] > early[1] > early[2]


def test_targets_and_drug_are_conserved_but_for_their_sources_and_losses() -> None:
    """Sums of right-hand sides in which every binding cancels."""
    traced = trace(MODEL)
    f = dict(zip(MODEL.state_names, traced.rhs, strict=True))
    s = {x.name: x for x in (*traced.y, *traced.p)}
    A = f["A"] + f["CA"] + f["trimer"]
    B = f["B"] + f["CB"] + f["trimer"]
    drug = f["drug"] + f["peripheral"] + s["V"] * (f["CA"] + f["CB"] + f["trimer"])
    trimer = s["kintAB"] * s["trimer"]
    of_A, of_B = s["kintA"] * s["CA"], s["kintB"] * s["CB"]
    assert (A - (s["ksynA"] - s["kdegA"] * s["A"] - of_A - trimer)).expand() == 0
    assert (B - (s["ksynB"] - s["kdegB"] * s["B"] - of_B - trimer)).expand() == 0
    lost = s["kel"] * s["drug"] + s["V"] * (of_A + of_B + trimer)
    assert (drug + lost).expand() == 0


def test_the_balance_holds_along_a_solution(run: xr.Dataset) -> None:
    arm, p = run.sel(subject=335.0), MODEL.theta
    total = arm["A"] + arm["CA"] + arm["trimer"]
    lost = p["kdegA"] * arm["A"] + p["kintA"] * arm["CA"] + p["kintAB"] * arm["trimer"]
    gained = (p["ksynA"] - lost).sel(time=slice(5.0, 60.0))
    change = float(total.sel(time=60.0) - total.sel(time=5.0))
    # Trapezoidal rule with steps of 0.01 d on rates that change over days: below 1e-4.
    assert float(gained.integrate("time")) == pytest.approx(change, abs=1e-4)


def test_targets_stay_at_their_level_without_drug(run: xr.Dataset) -> None:
    rest = run.sel(subject=0.0)
    np.testing.assert_allclose(rest["A"], 10.0, rtol=1e-12)
    np.testing.assert_allclose(rest["B"], 100.0, rtol=1e-12)
    np.testing.assert_allclose(rest["trimer"], 0.0, atol=1e-12)
