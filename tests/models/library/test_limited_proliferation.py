"""A limited number of divisions: their product, and what fractions do."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate

MODEL = get("limited-proliferation")
GRID = np.linspace(0, 60, 6001)


def given(*doses: tuple[float, float]) -> Regimen:
    return Regimen([Dose(day, amount, "E0") for day, amount in doses])


PLANS = {
    "single": given((0.0, 0.1)),
    "three days": given((0.0, 0.01), (1.0, 0.03), (2.0, 0.06)),
    "two weeks": given((0.0, 0.01), (7.0, 0.03), (14.0, 0.06)),
    "half": given((0.0, 0.05)),
    "fourfold": given((0.0, 0.4)),
    "fourfold in thirds": given((0.0, 0.4 / 3), (10.0, 0.4 / 3), (20.0, 0.4 / 3)),
}
FLUX = {"single": 13.72, "three days": 13.63, "two weeks": 6.76, "half": 9.41,
        "fourfold": 21.81, "fourfold in thirds": 15.50}  # fmt: skip
AREA = {"single": 53.6, "three days": 55.1, "two weeks": 62.0, "half": 55.4, "fourfold": 51.5,
        "fourfold in thirds": 53.0}  # fmt: skip


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return simulate(MODEL, None, GRID, PLANS, options=SolverOptions(rtol=1e-8))


@pytest.mark.reference
@pytest.mark.parametrize("plan", PLANS)
def test_flux_is_that_of_the_catalog(run: xr.Dataset, plan: str) -> None:
    flux = run["flux"].sel(subject=plan)
    assert float(flux.max()) == pytest.approx(FLUX[plan], abs=0.006)
    assert float(flux.integrate("time")) == pytest.approx(AREA[plan], abs=0.06)


def test_doses_a_week_apart_halve_the_peak_and_keep_the_killing(run: xr.Dataset) -> None:
    peak, area = run["flux"].max("time"), run["flux"].integrate("time")
    ratio = float(peak.sel(subject="two weeks") / peak.sel(subject="single"))
    assert ratio == pytest.approx(0.5, abs=0.02)
    assert float(area.sel(subject="two weeks")) > float(area.sel(subject="single"))


@pytest.mark.reference
def test_a_cell_gives_two_to_the_power_of_its_divisions() -> None:
    """With target everywhere and no death, ``d`` cells become ``2**9 d``."""
    forever = {"dE": 0.0, "kk": 0.0, "rB": 0.0, "B_0": 1e15}
    run = simulate(MODEL, forever, [80.0], MODEL.schedule, options=SolverOptions(rtol=1e-10))
    # After 80 d exp(-1.4 * 80) of the cells divides still; target occupies all but 2e-14.
    assert float(run["CAR"][0]) == pytest.approx(0.1 * 2**9, rel=1e-7)
