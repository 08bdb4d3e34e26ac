"""The cascade by the time of killing against quadrature and an independent integration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.integrate import quad, solve_ivp

from cytobayes.models import SolverOptions, draw_parameters, get, simulate

Array = npt.NDArray[np.float64]
MODEL = get("crs-cascade-timed")
THETA = MODEL.theta
CMAX, TMAX, RHO, ALPHA = (THETA[n] for n in ("Cmax", "Tmax", "rho", "alpha"))
DAYS = np.linspace(0.0, 28.0, 281)
TIGHT = SolverOptions(rtol=1e-10)


def cells(t: float, rho: float = RHO, alpha: float = ALPHA) -> float:
    """Integrate the net growth ``rho - (rho + alpha) w``, in the form of a quotient."""
    a, b = rho / (rho + alpha), alpha / (rho + alpha)
    s = t - TMAX
    return float(CMAX / (b * np.exp(-rho * a * s) + a * np.exp(rho * b * s)) ** (1 + alpha / rho))


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(MODEL, {}, DAYS, options=TIGHT)


@pytest.mark.parametrize(("rho", "alpha"), [(1.02, 0.45), (2.0, 0.1), (0.5, 0.9)])
def test_the_cells_peak_at_their_height_and_time(rho: float, alpha: float) -> None:
    days = np.array([0.0, TMAX - 0.01, TMAX, TMAX + 0.01, 40.0])
    found = simulate(MODEL, {"rho": rho, "alpha": alpha}, days)["CAR"].values.squeeze()
    np.testing.assert_allclose(found, [cells(t, rho, alpha) for t in days], rtol=1e-10)
    assert found[2] == pytest.approx(CMAX, rel=1e-12)
    assert found.argmax() == 2


def test_cells_grow_and_contract_at_their_rates() -> None:
    far = {"Tmax": 30.0}
    found = simulate(MODEL, far, [0.0, 1.0, 59.0, 60.0])["CAR"].values.squeeze()
    slope = np.diff(np.log(found))
    # The net growth is off by (rho + alpha) w, and w by exp(-rho * 29) away from the peak.
    assert slope[[0, 2]] == pytest.approx([RHO, -ALPHA], abs=4 * np.exp(-RHO * 29))


@pytest.mark.parametrize("half", [4.0, 9.5, TMAX, 20.0])
def test_the_target_falls_with_the_integral_of_the_cells(half: float) -> None:
    found = simulate(MODEL, {"T50": half}, [0.0, half, 12.0, 28.0])["b"].values.squeeze()
    area = quad(cells, 0, half, epsrel=1e-12)[0]
    halvings = [quad(cells, 0, t, epsrel=1e-12)[0] / area for t in (0, half, 12, 28)]
    # Differences of S lose digits where half of the target goes long before the peak.
    lost = 1e-14 * np.exp(RHO * max(TMAX - half, 3))
    np.testing.assert_allclose(-np.log2(found), halvings, rtol=lost, atol=1e-15)


def test_the_engine_agrees_with_an_independent_integration(run: xr.Dataset) -> None:
    area = quad(cells, 0, THETA["T50"], epsrel=1e-12)[0]

    def f(t: float, y: Array) -> list[float]:
        ifn, il6, crp, fer, b = y
        h = (ifn - 11) ** 2 / (1200**2 + (ifn - 11) ** 2)
        up = max(il6 / (60 + il6) - 3 / 63, 0.0)
        kill = np.log(2) * cells(t) / area * b
        return [
            3333 * kill - 1.51 * (ifn - 11),
            3000 * h - 4 * (il6 - 3),
            0.55 * (10 + 250 * up - crp),
            0.5 * (1000 * (1 + 60 * h) - fer),
            -kill,
        ]

    start = [11.0, 3.0, 10.0, 1000.0, 1.0]
    end = solve_ivp(f, (0.0, 28.0), start, "LSODA", rtol=1e-10, atol=1e-10).y[:, -1]
    for name, value in zip(("IFNg", "IL6", "CRP", "ferritin"), end[:4], strict=True):
        # The smooth maximum is off by at most half its width of 1e-4, times Ec = 250 mg/L.
        tolerance = 0.0126 if name == "CRP" else 1e-6 * value
        assert float(run[name].squeeze()[-1]) == pytest.approx(value, abs=tolerance)


def test_long_before_the_peak_it_is_the_cascade_with_another_name_of_its_rate() -> None:
    """Growing cells: half of the target is gone when their area is ``ln(2) Eref / kb``."""
    kb = 3000.0
    common = {"Tmax": 25.0, "rho": 1.2, "Cmax": 1e5}
    first = 1e5 * np.exp(-1.2 * 25.0)
    half = np.log(1 + np.log(2) * 100.0 / kb * 1.2 / first) / 1.2
    assert 10 < half < 13
    days = np.linspace(8.0, 16.0, 9)
    old = simulate(get("crs-cascade"), {**common, "kb": kb, "pG": 4000 * kb / 100}, days,
                   options=TIGHT)  # fmt: skip
    new = simulate(MODEL, {**common, "T50": half, "yG": 4000.0}, days, options=TIGHT)
    # The switch has begun by w = 1 / (1 + alpha / rho exp(rho (Tmax - t))) < 5.7e-5 until day 16.
    # Its peak being round, the cells before it are higher, all by the same factor.
    for name in ("IFNg", "IL6"):
        np.testing.assert_allclose(new[name], old[name], rtol=3e-4)


def test_the_yield_is_what_a_whole_target_releases() -> None:
    made = simulate(MODEL, {"T50": 5.0, "dG": 0.0}, [0.0, 28.0], options=TIGHT)
    assert float(made["b"][..., -1]) < 1e-12
    assert float(made["IFNg"][..., -1]) == pytest.approx(11.0 + 3333.0, rel=1e-8)


def test_cells_and_times_far_apart_stay_finite() -> None:
    extreme = {"rho": [6.0, 6.0], "Tmax": [1.0, 90.0], "T50": [1.0, 89.0], "Cmax": 1e4}
    found = simulate(MODEL, extreme, np.linspace(0, 90, 91))
    assert found.attrs["failed_solves"] == 0
    assert all(np.isfinite(found[n]).all() for n in ("CAR", "b", "IFNg", "IL6", "CRP"))


def test_prior_draws_solve_and_have_sensible_peaks() -> None:
    run = simulate(MODEL, draw_parameters(MODEL, 400, seed=1), np.arange(0, 28.1, 0.5))
    assert run.attrs["failed_solves"] == 0
    low, middle, high = np.quantile(run["IL6"].max("time"), [0.1, 0.5, 0.9])
    assert 10 < middle < 1000
    assert low > 1
    assert high < 1e5
