"""The superantigen model against its linear limit, its bounds and the checked values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from cytobayes.models import SolverOptions, eigenvalues, get, simulate, threshold

MODEL = get("superantigen")
TIGHT = SolverOptions(rtol=1e-9)
TIMES = np.linspace(0.0, 168.0, 1681)
PHI = [1e-4, 1e-3, 0.05, 0.2]


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    return simulate(MODEL, {"phi": PHI}, TIMES, options=TIGHT)


@pytest.mark.reference
def test_peaks_are_those_of_the_catalog(runs: xr.Dataset) -> None:
    peaks = runs["C"].max("time").values
    # Printed 0.636, 6.36, 315 and 1230 (three digits), reached at about 16 h.
    assert [float(f"{p:.3g}") for p in peaks] == [0.636, 6.36, 315, 1230]
    assert np.all(np.abs(TIMES[runs["C"].argmax("time")] - 16.0) <= 0.5)


@pytest.mark.reference
def test_coagulopathy_is_that_of_the_catalog(runs: xr.Dataset) -> None:
    platelets, fibrinogen = (runs[s].min("time").values[1:] for s in ("Plt", "Fbg"))
    assert [round(float(x)) for x in platelets] == [250, 106, 36]
    assert [float(f"{x:.2f}") for x in fibrinogen] == [3.0, 1.36, 0.52]


@pytest.mark.reference
def test_the_peak_is_proportional_to_the_responding_fraction(runs: xr.Dataset) -> None:
    gain = runs["C"].max("time").values / np.array(PHI)
    assert np.all(np.diff(gain) < 0)  # saturation by (1 - A) only lowers it
    assert gain.min() > 0.97 * gain.max()


def test_without_feedback_only_the_responding_cells_are_activated() -> None:
    run = simulate(MODEL, {"phi": PHI, "R0": 0.0}, TIMES, options=TIGHT)
    theta = MODEL.theta
    for k, phi in enumerate(PHI):
        # The smooth max(phi - A, 0) is too large by at most 0.69 % of phi.
        assert float(run["A"][k].max()) <= phi * 1.0069
        assert float(run["C"][k].max()) <= phi * 1.0069 * theta["kc"] / theta["kcl"]


def test_above_the_threshold_the_fraction_only_sets_the_delay() -> None:
    """A hundredth of the cells reaches the same level ln(100) / lambda later."""
    phi = np.array([1e-7, 1e-5])
    run = simulate(MODEL, {"phi": phi, "R0": 3.0}, TIMES, options=TIGHT)
    rate = eigenvalues(MODEL, {"R0": 3.0, "phi": 1e-7}, {"S": 0.0})[0].real
    times = [np.interp(np.log(30.0), np.log(run["C"][k].values[5:]), TIMES[5:]) for k in (0, 1)]
    # At 30 pg/mL A is about 0.004, so that (1 - A) bends the growth by less than half a percent.
    assert times[0] - times[1] == pytest.approx(np.log(100) / rate, rel=5e-3)
    assert float(run["A"][1, -1]) == pytest.approx(1 - 1 / 3, rel=1e-3)


def test_platelets_at_rest_balance_consumption() -> None:
    """A focus that makes toxin keeps tissue factor constant: Plt_0 / (1 + kcons TF / kP)."""
    run = simulate(MODEL, {"sS": 2.0, "phi": 0.05}, [4000.0], options=TIGHT).isel(time=0)
    theta = MODEL.theta
    for state, turnover, loss in (("Plt", "kP", "kcons"), ("Fbg", "kf", "kcf")):
        factor = 1 + theta[loss] * float(run["TF"]) / theta[turnover]
        assert float(run[state]) == pytest.approx(theta[f"{state}_0"] / factor, rel=1e-6)


def test_the_threshold_is_the_reproduction_number() -> None:
    assert threshold(MODEL, {"R0": 3.0}) == {"R0": 3.0}
    rest = {"S": 0.0}
    assert eigenvalues(MODEL, {"R0": 1 - 1e-6, "phi": 1e-12}, rest)[0].real < 0
    assert eigenvalues(MODEL, {"R0": 1 + 1e-6, "phi": 1e-12}, rest)[0].real > 0
