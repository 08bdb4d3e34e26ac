"""The closed forms of CAR-T kinetics against the equations they solve and their published area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import simpson, solve_ivp

from cytobayes.models import get, simulate

Array = npt.NDArray[np.float64]
STEIN, LAG, FOUR = get("cart-stein"), get("cart-lag"), get("cart-four-phase")
FOLD, TMAX, CMAX, ALPHA, FB, BETA = 3900.0, 9.3, 24000.0, 0.16, 0.0079, 0.0032
RHO = np.log(FOLD) / TMAX


def test_the_closed_form_solves_effector_and_memory() -> None:
    """``E' = rho E``, then ``E' = -alpha E`` and ``M' = FB (alpha - beta) E - beta M``."""
    late = np.linspace(TMAX, 400.0, 200)

    def f(t: float, y: Array) -> list[float]:
        return [-ALPHA * y[0], FB * (ALPHA - BETA) * y[0] - BETA * y[1]]

    solved = solve_ivp(f, (TMAX, 400.0), [CMAX, 0.0], t_eval=late, rtol=1e-11, atol=1e-9)
    run = simulate(STEIN, None, np.r_[np.linspace(0, TMAX, 50), late])["CAR"].values
    np.testing.assert_allclose(run[50:], solved.y.sum(axis=0), rtol=1e-8)
    early = CMAX / FOLD * np.exp(RHO * np.linspace(0, TMAX, 50))
    np.testing.assert_allclose(run[:50], early, rtol=1e-12)


def area(end: float) -> float:
    """Area under the curve by Simpson's rule, split at the kink."""
    total = 0.0
    for a, b in ((0.0, TMAX), (TMAX, end)):
        grid = np.linspace(a, b, 40001)
        total += float(simpson(simulate(STEIN, None, grid)["CAR"].values, x=grid))
    return total


@pytest.mark.reference
def test_the_area_is_that_of_the_catalog() -> None:
    exact = CMAX * (
        (1 - 1 / FOLD) / RHO
        + (1 - FB) / ALPHA * (1 - np.exp(-ALPHA * (28 - TMAX)))
        + FB / BETA * (1 - np.exp(-BETA * (28 - TMAX)))
    )
    assert area(28.0) == pytest.approx(exact, rel=1e-8)
    assert round(area(28.0)) == 171_774
    # The catalog leaves out the cells before time zero: Cmax / (rho foldx).
    rest = CMAX * FB / BETA * np.exp(-BETA * (6000 - TMAX))
    assert area(6000.0) + rest == pytest.approx(235_058 - CMAX / RHO / FOLD, abs=0.6)


@pytest.mark.reference
def test_half_lives_are_the_published_ones() -> None:
    assert np.log(2) / RHO == pytest.approx(0.78, abs=0.005)
    run = simulate(STEIN, None, [1000.0, 1000.0 + np.log(2) / BETA])["CAR"].values
    assert run[1] / run[0] == pytest.approx(0.5, rel=1e-12)
    assert np.log((1 - FB) / FB) / (ALPHA - BETA) == pytest.approx(30.8, abs=0.05)


def test_treatment_changes_the_growth_rate_from_its_day_on() -> None:
    given = {"t_toci": 4.0, "t_ster": 6.0, "Ftoci": 1.2, "Fster": 0.9}
    run = simulate(STEIN, given, [0.0, 4.0, 6.0, 9.0])["CAR"].values
    slopes = np.diff(np.log(run)) / np.diff([0.0, 4.0, 6.0, 9.0])
    np.testing.assert_allclose(slopes, RHO * np.array([1, 1.2, 1.2 * 0.9]), rtol=1e-10)
    never = simulate(STEIN, {"Ftoci": 9.0, "Fster": 0.1}, [5.0, 50.0])["CAR"]
    np.testing.assert_allclose(never, simulate(STEIN, None, [5.0, 50.0])["CAR"], rtol=1e-12)


@pytest.mark.reference
def test_the_lag_model_has_its_published_times() -> None:
    run = simulate(LAG, None, [0.0, 3.27, 3.27 + 0.755, 9.29, 14.29])["CAR"].values
    assert run[0] == run[1]
    assert run[2] / run[1] == pytest.approx(2.0, rel=1e-12)
    assert run[3] == pytest.approx(CMAX, rel=1e-12)
    assert run[3] / run[1] == pytest.approx(251.34, abs=0.005)
    assert run[4] / run[3] == pytest.approx(0.5, rel=0.01)  # FB of the cells decays slowly


def test_without_distribution_and_from_time_zero_four_phases_are_three() -> None:
    times = np.linspace(0, 60, 121)
    same = {"T0": 0.0, "rho": RHO}
    four = simulate(FOUR, same, times)["CAR"]
    np.testing.assert_allclose(four, simulate(STEIN, None, times)["CAR"], rtol=1e-12)


def test_distribution_lowers_the_first_samples_at_its_rate() -> None:
    run = simulate(FOUR, None, [0.0, 0.5, 1.0, 1.5, 2.5])["CAR"].values
    np.testing.assert_allclose(run[1:4] / run[:3], np.exp(-0.5), rtol=1e-12)
    assert run[4] / run[3] == pytest.approx(np.exp(0.889), rel=1e-12)
