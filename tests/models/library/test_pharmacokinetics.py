"""Compartments against their closed forms: Bateman's function, two exponentials, a steady state."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate

HOURS = np.linspace(0.5, 48.0, 40)
EXACT = SolverOptions(rtol=1e-9)
WITHIN = 1e-7  # a hundred times the tolerance of a step, over some tens of steps


def test_one_compartment_by_mouth_is_batemans_function() -> None:
    theta = {"KA": 1.3, "CL": 4.0, "V": 30.0}
    run = simulate(
        get("pk-1-oral"), theta, HOURS, Regimen([Dose(0.0, 100.0, "depot")]), options=EXACT
    )
    k = theta["CL"] / theta["V"]
    scale = 100.0 * theta["KA"] / theta["V"] / (theta["KA"] - k)
    expected = scale * (np.exp(-k * HOURS) - np.exp(-theta["KA"] * HOURS))
    np.testing.assert_allclose(run["C"].squeeze(), expected, rtol=WITHIN)


@pytest.mark.parametrize("name", ["pk-2-iv", "pk-2-oral"])
def test_two_compartments_are_sums_of_exponentials(name: str) -> None:
    theta = {"CL": 10.0, "Q": 15.0, "VC": 35.0, "VP": 105.0}
    by_mouth = name == "pk-2-oral"
    state, rates = ("depot", {"KA": 2.5}) if by_mouth else ("center", {})
    schedule = Regimen([Dose(0.0, 100.0, state)])
    run = simulate(get(name), theta | rates, HOURS, schedule, options=EXACT)
    k10, k12, k21 = theta["CL"] / theta["VC"], theta["Q"] / theta["VC"], theta["Q"] / theta["VP"]
    both = k10 + k12 + k21
    fast = (both + np.sqrt(both**2 - 4 * k10 * k21)) / 2
    slow = k10 * k21 / fast
    if by_mouth:
        ka = rates["KA"]
        rows = [
            (k21 - fast) / ((ka - fast) * (slow - fast)),
            (k21 - slow) / ((ka - slow) * (fast - slow)),
            (k21 - ka) / ((fast - ka) * (slow - ka)),
        ]
        terms = zip(rows, (fast, slow, ka), strict=True)
        expected = sum(ka * a * np.exp(-b * HOURS) for a, b in terms)
    else:
        first, second = (fast - k21) / (fast - slow), (k21 - slow) / (fast - slow)
        expected = first * np.exp(-fast * HOURS) + second * np.exp(-slow * HOURS)
    np.testing.assert_allclose(run["C"].squeeze(), 100.0 / theta["VC"] * expected, rtol=WITHIN)


def test_a_turnover_rests_without_the_drug_and_settles_under_a_constant_concentration() -> None:
    model = get("pk-turnover")
    rest = simulate(model, None, HOURS, Regimen(), options=EXACT)
    np.testing.assert_allclose(rest["effect"], model.parameter("E0").value, rtol=WITHIN)
    still = {"CL": 1e-12, "KTR": 50.0, "KA": 50.0, "kout": 0.5}
    run = simulate(model, still, [100.0], Regimen([Dose(0.0, 8.0, "depot")]), options=EXACT)
    settled = 100.0 * (1 - model.parameter("Imax").value * 1.0 / (1.0 + 1.0))
    assert float(run["effect"].squeeze()) == pytest.approx(settled, rel=1e-6)
