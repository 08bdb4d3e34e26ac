"""Three attractors, and the bifurcations that Reynolds et al. 2006 print."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.models import SolverOptions, eigenvalues, get, simulate, steady_states, threshold

MODEL = get("acute-inflammation")
TIGHT = SolverOptions(rtol=1e-9)
HEALTH = {"P": 0.0, "N": 0.0, "D": 0.0, "CA": 0.125}


@pytest.mark.reference
def test_pathogen_growth_and_inoculum_choose_among_three_attractors() -> None:
    """Catalog for an inoculum of 1; figure 5b of the source for 1.5 at 0.3 1/h."""
    theta = {"kpg": [0.3, 0.5, 0.6, 0.3], "P_0": [1.0, 1.0, 1.0, 1.5]}
    end = simulate(MODEL, theta, [2000.0], options=TIGHT).isel(time=0)
    assert end["P"].values == pytest.approx([0, 0, 4.94, 0], abs=0.005)
    assert end["N"].values == pytest.approx([0, 0.635, 0.981, 0.635], abs=5e-4)
    assert end["D"].values == pytest.approx([0, 17.4, 17.5, 17.4], abs=0.05)
    assert float(end["CA"][0]) == pytest.approx(0.125, rel=1e-6)


@pytest.mark.reference
def test_damage_without_pathogen_can_be_enough() -> None:
    theta = {"P_0": 0.0, "D_0": [1.0, 5.0, 15.0, 30.0]}
    end = simulate(MODEL, theta, [2000.0], options=TIGHT).isel(time=0)
    assert end["N"].values == pytest.approx([0, 0.635, 0.635, 0.635], abs=5e-4)
    np.testing.assert_array_equal(end["P"], 0.0)


@pytest.mark.reference
def test_health_loses_its_stability_at_the_published_growth_rate() -> None:
    assert threshold(MODEL, {"kpg": 1.5})["local_defense"] == pytest.approx(1.0, rel=1e-12)
    rates = [eigenvalues(MODEL, {"kpg": k}, HEALTH)[0].real for k in (1.5 - 1e-6, 1.5 + 1e-6)]
    assert rates[0] < 0 < rates[1]


def test_self_activation_in_health_is_the_growth_rate_of_phagocytes() -> None:
    """One eigenvalue is mn (self_activation - 1): it changes sign where the threshold says."""
    theta = {"kpg": 0.1}
    for knn in (0.01, 0.2):
        gain = threshold(MODEL, {**theta, "knn": knn})["self_activation"]
        rates = eigenvalues(MODEL, {**theta, "knn": knn}, HEALTH).real
        assert np.abs(rates - 0.05 * (gain - 1)).min() < 1e-12
    assert threshold(MODEL)["self_activation"] < 1


def septic(kpg: float) -> list[bool]:
    """Stability of the states with pathogen and phagocytes."""
    start = {"P": 4.9, "N": 0.98, "D": 17.5, "CA": 0.52}
    found = steady_states(MODEL, {"kpg": kpg}, starts=[start], attempts=100)
    return [s.stable for s in found if s.values["P"] > 1e-3 and s.values["N"] > 0.5]


@pytest.mark.reference
def test_septic_death_appears_at_the_published_growth_rate() -> None:
    """Saddle-node bifurcation at 0.5137 1/h."""
    assert not any(septic(0.5130))
    assert any(septic(0.5145))


@pytest.mark.reference
def test_aseptic_death_loses_its_stability_at_the_published_growth_rate() -> None:
    """At 1.755 1/h: there the pathogen invades the state without pathogen."""
    start = {"P": 0.0, "N": 0.635, "D": 17.4, "CA": 0.523}
    rates = []
    for kpg in (1.7545, 1.7555):
        found = steady_states(MODEL, {"kpg": kpg}, starts=[start], attempts=20)
        state = next(s for s in found if s.values["P"] == 0 and s.values["N"] > 0.5)
        rates.append(state.eigenvalues[0].real)
    assert rates[0] < 0 < rates[1]
