"""Bistable, regulated, allogeneic and mouse feedback against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.models import (
    Dose,
    Regimen,
    SolverOptions,
    Switch,
    eigenvalues,
    get,
    simulate,
    steady_states,
    threshold,
)

TIGHT = SolverOptions(rtol=1e-9)
BISTABLE, REGULATED = get("feedback-bistable"), get("feedback-regulated")
ALLOGENEIC, MOUSE = get("allogeneic"), get("feedback-species")
S, VFB, KD, K = 300 / 0.35, 1.0, 0.10, 800.0
ROOT = np.sqrt(VFB**2 * S**2 - 4 * (VFB + KD) * KD * K**2)
LOW, HIGH = ((VFB * S + sign * ROOT) / (2 * S * (VFB + KD)) for sign in (-1, 1))
OFF = {"u": 0.0}


@pytest.mark.reference
def test_the_threshold_and_the_active_state_are_those_of_the_catalog() -> None:
    assert [round(float(x), 4) for x in (LOW, HIGH)] == [0.0976, 0.8115]
    rests = steady_states(BISTABLE, OFF)
    levels = [r.values["A"] for r in rests]
    np.testing.assert_allclose(levels, [0.0, LOW, HIGH], rtol=1e-9, atol=1e-12)
    assert [r.stable for r in rests] == [True, False, True]
    np.testing.assert_allclose([r.values["C"] for r in rests], S * np.array(levels), atol=1e-9)


@pytest.mark.reference
def test_starts_on_both_sides_of_the_threshold_part() -> None:
    starts = {
        f: Regimen([Dose(0.0, f * LOW, "A"), Dose(0.0, f * S * LOW, "C")]) for f in (0.98, 1.02)
    }
    run = simulate(BISTABLE, OFF, [0.0, 2000.0], starts, options=TIGHT)
    end = run["A"].isel(time=1).values
    assert end == pytest.approx([0.0, HIGH], abs=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize(("factor", "count"), [(0.99, 1), (1.01, 3)])
def test_the_active_state_appears_exactly_at_the_critical_gain(factor: float, count: int) -> None:
    needed = 2 * np.sqrt(KD * (VFB + KD)) / VFB
    assert needed == pytest.approx(0.663, abs=5e-4)
    assert pytest.approx(1.071, abs=5e-4) == S / K
    assert threshold(BISTABLE)["gain"] == pytest.approx(S / K / needed, rel=1e-12)
    theta = {**OFF, "K": S / (factor * needed)}
    assert threshold(BISTABLE, theta)["gain"] == pytest.approx(factor, rel=1e-12)
    assert len(steady_states(BISTABLE, theta)) == count


@pytest.mark.reference
def test_a_regulator_lowers_and_does_not_abolish_the_storm() -> None:
    g = 3.0 * 0.10
    level = (g - 0.10) / (g + 1.0 * 0.05 / 0.02)
    assert level == pytest.approx(0.0714, abs=5e-5)
    rests = [r.values for r in steady_states(REGULATED, {**OFF, "R0": 3.0})]
    assert [r["A"] for r in rests] == pytest.approx([0.0, level], abs=1e-10)
    assert rests[1]["X"] == pytest.approx(level * 0.05 / 0.02, rel=1e-9)
    grid = np.r_[np.linspace(0, 40, 401), 2000.0]
    pulse = Regimen([Switch(24.0, "u", 0.0)])
    C = simulate(REGULATED, {"R0": 3.0}, grid, pulse, options=TIGHT)["C"].values
    assert round(float(C.max())) == 315
    assert grid[C.argmax()] == pytest.approx(16.5, abs=0.051)
    assert C[-1] == pytest.approx(61.2, abs=0.05)
    assert C[-1] == pytest.approx(S * level, rel=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize(("al", "sign"), [(0.666, -1), (0.667, 1)])
def test_full_mismatch_turns_a_calm_patient_at_two_thirds(al: float, sign: int) -> None:
    """``al m > 1/R0 - 1 = 0.667`` at ``R0 = 0.6``."""
    theta = {"al": al, "m": 1.0, "u": 0.0}
    assert np.sign(threshold(ALLOGENEIC, theta)["R0"] - 1) == sign
    assert np.sign(eigenvalues(ALLOGENEIC, theta)[0].real) == sign


def test_mismatch_raises_activation_and_none_is_autologous() -> None:
    base = get("feedback")
    m = np.linspace(0, 1, 5)
    value = threshold(ALLOGENEIC, {"al": 0.8, "m": m})["R0"]
    assert (np.diff(value) > 0).all()
    run = simulate(ALLOGENEIC, {"al": [0.0, 0.8, 0.8], "m": [1.0, 0.0, 1.0]}, [48.0])
    alone = float(simulate(base, None, [48.0])["C"][0])
    np.testing.assert_allclose(run["C"].values[:2, 0], alone, rtol=1e-6)
    assert float(run["C"][2, 0]) > alone


@pytest.mark.reference
def test_a_storm_in_man_is_none_in_the_mouse() -> None:
    assert threshold(MOUSE)["R0_mouse"] == pytest.approx(0.003, rel=1e-12)
    still = eigenvalues(MOUSE, OFF)[0].real
    assert still < 0
    assert eigenvalues(MOUSE, {**OFF, "ratio": 2.99})[0].real > 0
    assert eigenvalues(MOUSE, {**OFF, "ratio": 3.01})[0].real < 0
    for switch in ("phiM", "mhc"):
        assert eigenvalues(MOUSE, {**OFF, "ratio": 1.0, switch: 0.3})[0].real < 0
