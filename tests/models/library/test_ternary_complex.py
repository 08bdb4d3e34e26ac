"""Ternary complexes against the quadratic, their limits, and full binding kinetics."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import solve_ivp

from cytobayes.models import get, simulate, threshold
from cytobayes.models.library.ternary_complex import AFFINITIES, optimum

MODEL = get("ternary-complex")
Array = npt.NDArray[np.float64]
# KA 30, KB 0.2 nM and 0.05 nM of sites on either side, as in the catalog.
SITE = MODEL.theta["nM_per_site"]
THETA = {"KA": 30.0, "KB": 0.2, "nA": 1e5, "nB": 1e5}
CELLS = 0.05 / (SITE * 1e5)
THETA |= {"T_cells": CELLS, "B_cells": CELLS}


def solve(drug: Any, **changes: float) -> dict[str, Array]:
    run = simulate(MODEL, {**THETA, "D": drug, **changes}, [0.0]).isel(time=0)
    return {str(k): v.to_numpy() for k, v in run.data_vars.items()}


def test_complexes_solve_the_quadratic() -> None:
    drug = np.logspace(-4, 4, 81)
    run = solve(drug, nA=3e5)
    At, Bt = 0.15, 0.05
    T, phi = run["trimer"], run["phi"]
    np.testing.assert_allclose(phi, drug / ((30 + drug) * (0.2 + drug)), rtol=1e-14)
    np.testing.assert_allclose(phi * (At - T) * (Bt - T), T, rtol=1e-12)
    assert (Bt > T).all()


def test_most_complexes_form_at_the_geometric_mean_of_the_affinities() -> None:
    best, phi = optimum({"KA": 30.0, "KB": 0.2, "alpha": 1.0})
    assert best == pytest.approx(2.44949, abs=5e-6)
    assert phi == pytest.approx(0.02849, abs=5e-6)
    at, beside = solve([best]), solve([best * 0.99, best * 1.01])
    assert at["phi"][0] == pytest.approx(phi, rel=1e-14)
    assert (beside["trimer"] < at["trimer"][0]).all()


def test_the_bell_is_symmetric_around_the_optimum() -> None:
    steps = np.array([2.0, 10.0, 300.0])
    best = np.sqrt(6.0)
    np.testing.assert_allclose(
        solve(best * steps)["trimer"], solve(best / steps)["trimer"], rtol=1e-12
    )


def test_low_and_high_concentrations_have_their_limits() -> None:
    few = {"nA": 1.0, "nB": 1.0, "alpha": 3.0}  # so few that nothing is used up
    total = (0.05 / 1e5) ** 2
    low, high = solve([1e-6], **few)["trimer"][0], solve([1e9], **few)["trimer"][0]
    # Relative error of the first limit: D / KB = 5e-6; of the second: KA / D = 3e-8.
    assert low == pytest.approx(3 * total * 1e-6 / (30 * 0.2), rel=6e-6)
    assert high == pytest.approx(3 * total / 1e9, rel=4e-8)


def test_with_few_receptors_complexes_follow_the_product_of_the_densities() -> None:
    few = solve([1.0], nA=10.0, nB=10.0)["trimer"][0]
    more = solve([1.0], nA=20.0, nB=30.0)["trimer"][0]
    # The next term is of relative size phi (At + Bt) < 0.03 * 2.5e-5.
    assert more / few == pytest.approx(6.0, rel=2e-6)


@pytest.mark.parametrize("drug", [0.01, 2.4, 300.0])
def test_binding_kinetics_end_at_the_closed_form(drug: float) -> None:
    At = Bt = 0.05
    KA, KB = 30.0, 0.2

    def f(t: float, y: Array) -> list[float]:
        AD, BD, T = y
        a, b = At - AD - T, Bt - BD - T
        on_A, on_B = drug * a - KA * AD, drug * b - KB * BD
        A_to_BD, B_to_AD = BD * a - KA * T, AD * b - KB * T
        return [on_A - B_to_AD, on_B - A_to_BD, A_to_BD + B_to_AD]

    end = solve_ivp(f, (0.0, 2000.0), [0.0] * 3, "LSODA", rtol=1e-11, atol=1e-16).y[2, -1]
    assert solve([drug])["trimer"][0] == pytest.approx(end, rel=1e-8)


def test_the_threshold_is_one_at_the_optimum() -> None:
    values = {**THETA, "D": np.sqrt(6.0)}
    assert threshold(MODEL, values)["D/D*"] == pytest.approx(1.0, rel=1e-14)


@pytest.mark.reference
def test_published_affinities_are_ratios_of_published_rates() -> None:
    assert AFFINITIES["elranatamab"]["KA"] == pytest.approx(41.5, abs=0.05)
    assert AFFINITIES["elranatamab"]["KB"] == pytest.approx(0.03, abs=5e-4)
    assert AFFINITIES["PF-06671008"]["KA"] == pytest.approx(11.4, abs=0.05)
    assert AFFINITIES["PF-06671008"]["KB"] == pytest.approx(0.47, abs=5e-3)
