"""The feedback model against its closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

from cytobayes.models import Regimen, SolverOptions, Switch, eigenvalues, get, simulate, trace

MODEL = get("feedback")
TIGHT = SolverOptions(rtol=1e-10)


def theta(**changes: float) -> dict[str, float]:
    return {**MODEL.theta, **changes}


def growth_rates(theta: dict[str, float]) -> tuple[float, float]:
    """Eigenvalues (1/h) near rest, without stimulus and baseline: the larger one first."""
    kd, kcl = theta["kd"], theta["kcl"]
    root = math.sqrt((kd - kcl) ** 2 + 4 * theta["R0"] * kd * kcl)
    return (root - kd - kcl) / 2, (-root - kd - kcl) / 2


def steady_state(theta: dict[str, float]) -> dict[str, float]:
    """Solve for the steady state under a constant stimulus ``u``.

    With ``g = R0 kd`` and ``a = ka u + kfb C_0`` it is the only non-negative root of
    ``g A^2 + (kd + a - g) A - a = 0`` that attracts; without stimulus, ``max(0, 1 - 1/R0)``.
    """
    g = theta["R0"] * theta["kd"]
    a = theta["ka"] * theta["u"] + g * theta["kcl"] * theta["C_0"] / theta["kc"]
    b = g - theta["kd"] - a
    root = math.sqrt(b * b + 4 * g * a)
    if b > 0:
        activated = (b + root) / (2 * g)
    elif a > 0:
        activated = 2 * a / (root - b)  # the same, without the cancellation of b and the root
    else:
        activated = 0.0
    return {"A": activated, "C": theta["C_0"] + theta["kc"] * activated / theta["kcl"]}


# Checked values of the catalog, printed with four decimals.
GROWTH = [(0.6, -0.0336), (0.95, -0.0039), (1.05, 0.0039), (3.0, 0.1223)]


@pytest.mark.reference
@pytest.mark.parametrize(("R0", "growth"), GROWTH)
def test_eigenvalues_are_those_of_the_catalog_and_of_the_traced_jacobian(
    R0: float, growth: float
) -> None:
    values = theta(R0=R0, u=0.0)
    larger, smaller = growth_rates(values)
    assert larger == pytest.approx(growth, abs=5e-5)
    traced = trace(MODEL)
    point = {s: values[s.name] for s in traced.p} | dict.fromkeys(traced.y, 0.0)
    J = np.array([[float(e.subs(point)) for e in row] for row in traced.jacobian])
    np.testing.assert_allclose(sorted(np.linalg.eigvals(J).real), [smaller, larger], rtol=1e-12)
    found = eigenvalues(MODEL, {"R0": R0, "u": 0.0})
    np.testing.assert_allclose(found.real, [larger, smaller], rtol=1e-12)


def test_rest_becomes_unstable_exactly_at_the_threshold() -> None:
    assert growth_rates(theta(R0=1.0))[0] == pytest.approx(0.0, abs=1e-16)
    assert growth_rates(theta(R0=1 - 1e-9))[0] < 0 < growth_rates(theta(R0=1 + 1e-9))[0]


def test_growth_near_the_threshold_has_its_linear_form() -> None:
    values = theta(R0=1.001)
    linear = 0.001 * values["kd"] * values["kcl"] / (values["kd"] + values["kcl"])
    # The next term of the expansion is -(0.001 kd kcl)^2 / (kd + kcl)^3, 0.02 % of the first.
    assert growth_rates(values)[0] == pytest.approx(linear, rel=3e-4)


@pytest.mark.parametrize(("R0", "active"), [(0.6, 0.0), (1.05, 1 - 1 / 1.05), (3.0, 2 / 3)])
def test_without_antigen_activation_ends_or_persists(R0: float, active: float) -> None:
    values = theta(R0=R0, u=0.0, A_0=1e-4)
    rest = steady_state(values)
    assert rest["A"] == pytest.approx(active, abs=1e-15)
    assert rest["C"] == pytest.approx(300 / 0.35 * active, abs=1e-12)
    # Relaxation at R0 = 1.05 takes 1/0.0039 h; after 6000 h it has decayed by exp(-23).
    run = simulate(MODEL, values, [6000.0], options=TIGHT)
    assert float(run["A"][0]) == pytest.approx(active, abs=1e-7)


@pytest.mark.reference
def test_constant_antigen_gives_the_positive_root() -> None:
    rest = steady_state(theta(R0=0.6))
    assert rest["A"] == pytest.approx(0.431454, abs=5e-7)
    assert rest["C"] == pytest.approx(369.8, abs=0.05)
    run = simulate(MODEL, {"R0": 0.6}, [600.0], options=TIGHT)
    assert float(run["A"][0]) == pytest.approx(rest["A"], rel=1e-8)


@pytest.mark.parametrize("R0", [0.3, 0.99, 1.0, 2.0, 10.0])
@pytest.mark.parametrize("u", [0.0, 1e-6, 1.0, 50.0])
@pytest.mark.parametrize("baseline", [0.0, 12.0])
def test_nothing_moves_at_the_steady_state(R0: float, u: float, baseline: float) -> None:
    values = theta(R0=R0, u=u, C_0=baseline)
    rest = steady_state(values)
    traced = trace(MODEL)
    point = {s: values[s.name] for s in traced.p} | {s: rest[s.name] for s in traced.y}
    rates = [float(e.subs(point)) for e in traced.rhs]
    assert abs(rates[0]) < 1e-15
    assert abs(rates[1]) < 1e-12  # of 300 pg/mL/h
    assert 0 <= rest["A"] <= 1


@pytest.mark.reference
@pytest.mark.parametrize(("R0", "peak", "end"), [(0.6, 336, 0.0), (3.0, 587, 571.4)])
def test_a_day_of_antigen_is_forgotten_or_not(R0: float, peak: float, end: float) -> None:
    pulse = Regimen([Switch(24.0, "u", 0.0)])
    run = simulate(MODEL, {"R0": R0}, np.linspace(0, 480, 2001), pulse)
    assert round(float(run["C"].max())) == peak
    assert float(run["C"][-1]) == pytest.approx(end, abs=0.05)


def test_the_cytokine_never_exceeds_its_bound() -> None:
    run = simulate(MODEL, {"R0": [1.0, 10.0, 100.0], "u": 100.0}, np.linspace(0, 200, 401))
    assert float(run["C"].max()) <= 300 / 0.35
    assert float(run["A"].max()) <= 1 + 1e-6


@pytest.mark.parametrize("c", [0.01, 7.0])
def test_the_scale_of_the_cytokine_does_not_matter(c: float) -> None:
    """(C, kc, kfb) -> (c C, c kc, kfb / c) leaves A; with R0 fixed, kfb follows kc."""
    times = np.linspace(0, 100, 51)
    pulse = Regimen([Switch(24.0, "u", 0.0)])
    one = simulate(MODEL, {"R0": 1.4}, times, pulse, options=TIGHT)
    other = simulate(MODEL, {"R0": 1.4, "kc": 300.0 * c}, times, pulse, options=TIGHT)
    np.testing.assert_allclose(other["A"], one["A"], rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(other["C"], c * one["C"], rtol=1e-7, atol=1e-7 * c)


def test_the_prior_of_the_reproduction_number_puts_a_fifth_above_one() -> None:
    prior = MODEL.parameter("R0").prior
    assert prior is not None
    z = np.log(1 / 0.6) / 0.6
    above = float(sympy.erfc(z / np.sqrt(2)) / 2)
    assert above == pytest.approx(0.20, abs=0.005)
