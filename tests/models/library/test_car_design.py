"""Constructs, healthy target and the suicide switch."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import (
    Regimen,
    SolverOptions,
    draw_parameters,
    eigenvalues,
    get,
    simulate,
    threshold,
)
from cytobayes.models.library.interventions import dimerizer_dose

FIRST, SECOND, SWITCH = get("car-design"), get("car-design-cd28"), get("suicide-switch")
DAY = 5.0
GRID = np.union1d(np.linspace(0, 40, 2001), [DAY + 0.5 / 24, DAY + 1.0, DAY + 2.0])


@pytest.fixture(scope="module")
def runs() -> dict[str, xr.Dataset]:
    """No dose, one dose and two doses of dimerizer."""
    regimens = {
        "none": Regimen(),
        "one": Regimen([dimerizer_dose(DAY)]),
        "two": Regimen([dimerizer_dose(DAY), dimerizer_dose(DAY + 1.0)]),
    }
    same = {"output": 1.0, "B_min": 0.0}  # as in the catalog
    options = SolverOptions(rtol=1e-8)
    return {m.name: simulate(m, same, GRID, regimens, options=options) for m in (FIRST, SECOND)}


@pytest.mark.reference
def test_a_faster_construct_peaks_earlier_and_hardly_higher(runs: dict[str, xr.Dataset]) -> None:
    expected = {"car-design": (49.29, 2492, 7.8), "car-design-cd28": (58.19, 2566, 6.6)}
    for name, (cells, il6, day) in expected.items():
        one = runs[name].sel(subject="none")
        assert float(one["E"].max()) == pytest.approx(cells, abs=0.02)
        assert float(one["IL6"].max()) == pytest.approx(il6, rel=5e-4)
        assert GRID[int(one["E"].values.argmax())] == pytest.approx(day, abs=0.051)


def test_more_output_per_engagement_means_more_interferon() -> None:
    assert SECOND.theta["output"] == 1.5
    grid = np.linspace(0, 20, 401)
    peak = simulate(SECOND, {"output": [1.0, 1.5]}, grid)["IFNg"].max("time").values
    assert (peak[1] - 5) / (peak[0] - 5) == pytest.approx(1.5, rel=1e-4)


@pytest.mark.reference
@pytest.mark.parametrize("model", [FIRST, SECOND], ids=lambda m: m.name)
def test_cells_contract_only_below_the_threshold_of_healthy_target(model: object) -> None:
    """Growth of few cells once the tumor is gone: positive above ``B*``."""
    design = FIRST if model is FIRST else SECOND
    burden = float(threshold(design)["B*"])
    theta = design.theta
    for factor in (0.99, 1.01):
        Bh = factor * burden
        met = Bh / (theta["KB"] + Bh)
        growth = theta["rho"] * met - theta["dE"] - theta["kEM"] * (1 - met)
        rates = eigenvalues(design, {"Bh": Bh}, {"E": 0.0, "B": 0.0}).real
        assert np.sign(growth) == np.sign(factor - 1)
        assert min(abs(rates - growth)) < 1e-9


def test_the_typical_burden_of_healthy_target_is_none() -> None:
    assert FIRST.theta["Bh"] == 0.0 < float(threshold(FIRST)["B*"])


@pytest.mark.reference
def test_the_switch_alone_leaves_a_tenth_after_half_an_hour_and_a_plateau() -> None:
    rates = -np.log((0.10 - np.array([0.01, 0.05])) / (1 - np.array([0.01, 0.05]))) / 0.5
    assert rates == pytest.approx([4.7958, 5.8889], abs=5e-5)
    assert SWITCH.theta["k"] == round(float(rates[0]), 1)
    run = simulate(SWITCH, {"k": rates, "f": [0.01, 0.05]}, [0.0, 0.5, 100.0])["surviving"]
    np.testing.assert_allclose(run, [[1.0, 0.1, 0.01], [1.0, 0.1, 0.05]], rtol=1e-12)


def test_the_switch_in_the_cascade_is_the_closed_form(runs: dict[str, xr.Dataset]) -> None:
    """Sensitive and resistant cells grow alike, so that the share left is free of growth."""
    one = runs["car-design"]
    left = (one["E"].sel(subject="one") / one["E"].sel(subject="none")).sel(time=DAY + 0.5 / 24)
    k = 115.0 / 24 / (1 + 1e-3)  # a full dose saturates the switch to 1/1.001, within its half-life
    closed = float(0.99 * np.exp(-k * 0.5) + 0.01)
    # Fewer cells kill less target in the half hour, and the dimerizer falls by 7 %: 1e-4 of k.
    assert float(left) == pytest.approx(closed, rel=2e-3)
    assert float(left) == pytest.approx(0.10, abs=0.002)


def test_a_second_dose_finds_only_resistant_cells(runs: dict[str, xr.Dataset]) -> None:
    one = runs["car-design"]
    after = one["E"].sel(time=DAY + 2.0)
    assert float(one["resistant"].sel(subject="one", time=DAY + 1.0)) > 0.99
    assert float(after.sel(subject="two")) == pytest.approx(
        float(after.sel(subject="one")), rel=1e-4
    )


def test_prior_draws_solve() -> None:
    run = simulate(SECOND, draw_parameters(SECOND, 200, seed=2), np.linspace(0, 30, 31))
    assert run.attrs["failed_solves"] == 0
