"""The reduced cascade against its closed forms and against an independent integration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.integrate import quad, solve_ivp

from cytobayes.models import SolverOptions, draw_parameters, get, simulate, threshold

Array = npt.NDArray[np.float64]
MODEL = get("crs-cascade")
E0, RHO, TMAX, ALPHA, KB = 0.01, 1.02, 10.8, 0.45, 0.45
CMAX = E0 * np.exp(RHO * TMAX)
BURDEN = [0.25, 0.5, 1.0, 2.0]
GRID = np.linspace(0.0, 28.0, 2801)
TIGHT = SolverOptions(rtol=1e-10)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(MODEL, {"Cmax": CMAX, "B0rel": BURDEN}, GRID, options=TIGHT)


def cells(t: float) -> float:
    if t < TMAX:
        return float(E0 * np.exp(RHO * t))
    late = t - TMAX
    return float(CMAX * (0.99 * np.exp(-ALPHA * late) + 0.01 * np.exp(-0.01 * late)))


def depleted(t: float) -> float:
    """Target by quadrature of the CAR-T cells."""
    parts = [(0.0, min(t, TMAX)), (TMAX, max(t, TMAX))]
    area = sum(quad(cells, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in parts)
    return float(np.exp(-KB / 100 * area))


# Checked values of the catalog, printed without decimals.
PEAKS = {
    "IFNg": [194, 377, 743, 1476],
    "IL6": [19, 64, 200, 443],
    "CRP": [39, 86, 143, 183],
    "ferritin": [1727, 3759, 10191, 23496],
}


@pytest.mark.reference
@pytest.mark.parametrize("name", PEAKS)
def test_peaks_are_those_of_the_catalog(run: xr.Dataset, name: str) -> None:
    assert run[name].max("time").round().values.tolist() == PEAKS[name]


@pytest.mark.reference
def test_the_analytes_peak_after_each_other_and_return(run: xr.Dataset) -> None:
    first = {k: GRID[int(run[k].values[2].argmax())] for k in PEAKS}
    assert first["IFNg"] == pytest.approx(10.3, abs=0.05)
    assert first["IL6"] == pytest.approx(10.5, abs=0.05)
    assert first["IFNg"] < first["IL6"] < first["ferritin"] < first["CRP"]
    assert float(run["IL6"].isel(draw=2, time=-1)) == pytest.approx(3.0, abs=0.01)


def test_the_target_is_the_exponential_of_the_integral_of_the_cells(run: xr.Dataset) -> None:
    for t in (0.0, 5.0, 8.0, TMAX, 12.0, 28.0):
        k = int(np.searchsorted(GRID, t - 1e-9))
        assert float(run["CAR"].isel(draw=0, time=k)) == pytest.approx(cells(GRID[k]), rel=1e-12)
        assert float(run["b"].isel(draw=0, time=k)) == pytest.approx(depleted(GRID[k]), rel=1e-9)


def test_before_the_peak_the_target_has_its_printed_closed_form(run: xr.Dataset) -> None:
    expected = np.exp(-KB * E0 / 100 * (np.exp(RHO * GRID) - 1) / RHO)
    early = GRID < TMAX
    np.testing.assert_allclose(run["b"].isel(draw=0)[early], expected[early], rtol=1e-12)


@pytest.mark.reference
def test_the_flux_peaks_at_its_closed_form() -> None:
    values = threshold(MODEL, {"Cmax": CMAX})
    peak = float(values["t_flux"])
    assert peak == pytest.approx(np.log(RHO * 100 / (KB * E0)) / RHO, rel=1e-12)
    assert peak == pytest.approx(9.83, abs=0.005)
    assert peak < MODEL.theta["Tmax"]
    times = np.linspace(peak - 0.01, peak + 0.01, 21)
    run = simulate(MODEL, {"Cmax": CMAX}, times, options=TIGHT)
    flux = run["CAR"] * run["b"]
    assert int(flux.values.argmax()) == 10
    assert float(flux.max()) == pytest.approx(RHO * 100 / KB * np.exp(-1 + KB * E0 / 100 / RHO))
    assert round(float(flux.max()), 1) == 83.4


def test_a_poor_expander_is_limited_by_expansion() -> None:
    """Then the largest flux is that at ``Tmax``."""
    poor = {"Cmax": np.array([10.0, 20.0])}
    assert (threshold(MODEL, poor)["t_flux"] > TMAX).all()
    run = simulate(MODEL, poor, np.linspace(0, 28, 281), options=TIGHT)
    flux = run["CAR"] * run["b"]
    assert (abs(run["time"][flux.argmax("time").values] - TMAX) < 0.05).all()
    peak = flux.max("time").values
    # Linear in Cmax but for the depletion of the target: b(Tmax) = exp(-kb Cmax / (Eref rho)).
    assert peak[1] / peak[0] == pytest.approx(2 * np.exp(-KB * 10 / 100 / RHO), rel=1e-4)


def test_interferon_above_baseline_is_linear_in_burden(run: xr.Dataset) -> None:
    above = (run["IFNg"] - 11.0).values / np.array(BURDEN)[:, None]
    np.testing.assert_allclose(above[1:], above[:1].repeat(3, axis=0), rtol=1e-7, atol=1e-6)


def test_the_engine_agrees_with_an_independent_integration(run: xr.Dataset) -> None:
    def f(t: float, y: Array) -> list[float]:
        ifn, il6, crp, fer, b = y
        h = (ifn - 11) ** 2 / (1200**2 + (ifn - 11) ** 2)
        up = max(il6 / (60 + il6) - 3 / 63, 0.0)
        return [
            15 * cells(t) * b - 1.51 * (ifn - 11),
            3000 * h - 4 * (il6 - 3),
            0.55 * (10 + 250 * up - crp),
            0.5 * (1000 * (1 + 60 * h) - fer),
            -KB * cells(t) / 100 * b,
        ]

    first = solve_ivp(
        f, (0.0, TMAX), [11.0, 3.0, 10.0, 1000.0, 1.0], "LSODA", rtol=1e-10, atol=1e-10
    )
    last = solve_ivp(f, (TMAX, 28.0), first.y[:, -1], "LSODA", rtol=1e-10, atol=1e-10)
    for name, value in zip(("IFNg", "IL6", "CRP", "ferritin"), last.y[:4, -1], strict=True):
        # The smooth maximum is off by at most half its width of 1e-4, times Ec = 250 mg/L.
        tolerance = 0.0126 if name == "CRP" else 1e-6 * value
        assert float(run[name].isel(draw=2, time=-1)) == pytest.approx(value, abs=tolerance)


def test_without_cells_nothing_moves() -> None:
    run = simulate(MODEL, {"Cmax": 0.0}, [0.0, 10.0, 28.0], options=TIGHT)
    for name in MODEL.state_names:
        np.testing.assert_allclose(run[name], MODEL.theta[f"{name}_0"], rtol=1e-9)


def test_prior_draws_solve_and_have_sensible_peaks() -> None:
    draws = draw_parameters(MODEL, 400, seed=1)
    run = simulate(MODEL, draws, np.arange(0, 28.1, 0.5))
    assert run.attrs["failed_solves"] == 0
    low, middle, high = np.quantile(run["IL6"].max("time"), [0.1, 0.5, 0.9])
    assert 10 < middle < 1000
    assert low > 1
    assert high < 1e5
