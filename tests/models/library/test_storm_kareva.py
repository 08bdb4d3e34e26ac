"""The storm model: its threshold in closed form, and the checked effect of a split dose."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate, threshold, trace

MODEL = get("storm-kareva")
OPTIONS = SolverOptions(rtol=1e-8)
LETHAL = {"b2": 1.55, "k3": 0.15}


@pytest.mark.reference
def test_a_single_dose_ends_in_a_storm_only_if_stimulation_is_strong() -> None:
    times = np.linspace(0.0, 1000.0, 2001)
    theta = {"k3": 0.15, "b2": [0.6, 0.8, 1.55]}
    run = simulate(MODEL, theta, times, MODEL.schedule, options=OPTIONS)
    peaks = run["Y"].max("time").values
    assert peaks[:2] == pytest.approx([0.00349, 0.0708], rel=2e-3)
    assert peaks[2] == pytest.approx(29.5, rel=0.01)  # the grid cuts the peak
    assert float(run["T"][2, -1]) == pytest.approx(1.52e-3, rel=5e-3)


@pytest.mark.reference
def test_a_split_dose_avoids_the_storm_and_controls_the_tumor() -> None:
    times = np.linspace(0.0, 1400.0, 2801)
    split = Regimen([Dose(200.0, 10 / 8, "D", interval=48.0, count=8)])
    run = simulate(MODEL, LETHAL, times, split, options=OPTIONS)
    assert float(run["Y"].max()) == pytest.approx(0.0033, abs=5e-5)
    assert float(run["T"][-1]) == pytest.approx(2.72e-6, rel=5e-3)


@pytest.mark.reference
def test_the_cytokine_grows_exactly_above_the_critical_cells() -> None:
    b2 = np.array([0.8, 1.55])
    critical = threshold(MODEL, {"b2": b2})["X_critical"]
    assert critical == pytest.approx([1.11, 0.37], abs=0.005)
    traced = trace(MODEL)
    rate = sympy.lambdify((traced.y, traced.p), traced.rhs[1], "math")
    for b, x in zip(b2, critical, strict=True):
        p = list({**MODEL.theta, "b2": float(b), "Yin": 0.0}.values())
        below, above = (rate([x * c, 1.0, 0.0, 0.0], p) for c in (1 - 1e-9, 1 + 1e-9))
        assert below < 0 < above


def test_without_enough_stimulation_no_number_of_cells_starts_a_storm() -> None:
    values = threshold(MODEL, {"b2": np.array([0.3, 0.42, 0.5])})
    assert np.isinf(values["X_critical"][:2]).all() and np.isfinite(values["X_critical"][2])
    assert values["storm"][0] < 1 < values["storm"][2]


def test_a_dose_below_the_threshold_cannot_raise_the_cells_to_it() -> None:
    times = np.linspace(0.0, 200.0, 401)
    small = Regimen([Dose(0.0, 1.0, "D")])
    run = simulate(MODEL, {"T_0": 0.0}, times, small, options=OPTIONS)
    assert threshold(MODEL)["X_critical"] > 1.0 > float(run["X"].max())
    assert float(run["Y"].max()) < 0.01
