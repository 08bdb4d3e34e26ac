"""The endotoxin model against an independent integration of the published equations."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sympy
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate, trace
from cytobayes.models.distributions import LogNormal

Array = npt.NDArray[np.float64]
START = [1.0, 0.248, 2.027, 1.53, 0.0, 28200.0, 0.0]
BOLUS = Regimen([Dose(0.0, 2.0, "E")])
INFUSION = Regimen([Dose(0.0, 2.0, "E", duration=4.0)])
GRID = np.linspace(0.0, 24.0, 4801)


def up(x: float, half: float, n: float) -> float:
    return float(x**n / (x**n + half**n))


def published(rate: float) -> Callable[[float, Array], list[float]]:
    """Write the equations of Dobreva 2021 with the printed values, apart from our model file."""

    def f(t: float, y: Array) -> list[float]:
        tnf, il10, il8, il6, ma, mr, e = y
        act = (
            up(e, 3.3, 1)
            * (0.0414 + 4.14e-6 * 100**3.16 * up(tnf, 100, 3.16))
            * (1 - up(il10, 4.3465, 0.3))
            * mr
        )
        return [
            0.69712 * ma * (1 - up(il10, 17.386, 3)) * (1 - up(il6, 560, 2)) - 1.4873 * (tnf - 1),
            ma * (0.020536 + 0.0191 * up(il6, 560, 3.675)) - 1.1107 * (il10 - 0.248),
            ma * (0.07 + 0.56 * up(tnf, 185, 3)) * (1 - up(il10, 17.386, 1.5))
            - 0.69839 * (il8 - 2.027),
            ma
            * (0.98831 + 0.81 * up(tnf, 185, 2))
            * (1 - up(il6, 560, 1))
            * (1 - up(il10, 34.772, 4))
            - 0.79658 * (il6 - 1.53),
            act - 2.51 * ma,
            0.006 * mr * (1 - mr / 30000) - act,
            rate - 1.0819 * e,
        ]

    return f


def lsoda(spans: list[tuple[float, float, float]], start: list[float]) -> Array:
    """Integrate piece by piece over ``(from, to, infusion rate)``; shape (time, state) on GRID."""
    y, out = np.array(start), []
    for a, b, rate in spans:
        inside = GRID[(a <= GRID) & ((b > GRID) | (b == GRID[-1]))]
        times = np.union1d(inside, [a, b])
        f = published(rate)
        solved = solve_ivp(f, (a, b), y, "LSODA", t_eval=times, rtol=1e-10, atol=1e-11)
        out.append(solved.y[:, np.isin(times, inside)])
        y = solved.y[:, -1]
    return np.concatenate(out, axis=1).T


@pytest.fixture(scope="module")
def bolus() -> Array:
    return lsoda([(0.0, 24.0, 0.0)], [*START[:-1], 2.0])


@pytest.fixture(scope="module")
def infusion() -> Array:
    return lsoda([(0.0, 4.0, 0.5), (4.0, 24.0, 0.0)], START)


# Checked values of the catalog; they are printed without decimals, times with one.
PEAKS: dict[str, dict[str, tuple[int, float | None]]] = {
    "bolus": {"TNF": (257, 1.7), "IL6": (791, 2.1), "IL8": (248, None), "IL10": (41, None)},
    "infusion": {"TNF": (256, 4.3), "IL6": (794, 4.7)},
}


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["bolus", "infusion"])
def test_peaks_are_those_of_the_catalog(kind: str, request: pytest.FixtureRequest) -> None:
    y = request.getfixturevalue(kind)
    for name, (peak, time) in PEAKS[kind].items():
        series = y[:, get("endotoxin").state_names.index(name)]
        assert round(series.max()) == peak
        if time is not None:
            assert abs(GRID[series.argmax()] - time) <= 0.05


@pytest.mark.parametrize("kind", ["bolus", "infusion"])
def test_the_engine_agrees_with_lsoda(kind: str, request: pytest.FixtureRequest) -> None:
    oracle = request.getfixturevalue(kind)[1:]
    model = get("endotoxin").with_values(kmtnf=4.14e-6 * 100**3.16)
    regimen = BOLUS if kind == "bolus" else INFUSION
    run = simulate(model, None, GRID[1:], regimen, options=SolverOptions(rtol=1e-9))
    for k, state in enumerate(model.states):
        # Global error of a stable problem at rtol 1e-9: some hundred local errors.
        error = np.abs(run[state.name].values - oracle[:, k]).max()
        assert error <= 1e-7 * np.abs(oracle[:, k]).max(), state.name


def test_our_equations_are_the_published_ones() -> None:
    model = get("endotoxin").with_values(kmtnf=4.14e-6 * 100**3.16)
    traced = trace(model)
    f = sympy.lambdify([traced.y, traced.p], traced.rhs, "math")
    rng = np.random.default_rng(5)
    for _ in range(20):
        y = rng.uniform(0.1, 3, 7) * [100, 10, 100, 300, 1000, 20000, 1]
        ours = f(y, list(model.theta.values()))
        # Terms as large as 1e5 cancel; in double precision that leaves 1e-10.
        np.testing.assert_allclose(ours, published(0.0)(0.0, y), rtol=1e-11, atol=1e-9)
    assert get("endotoxin").theta["kmtnf"] == pytest.approx(4.14e-6 * 100**3.16, rel=2e-6)


def test_without_endotoxin_cytokines_stay_at_their_baseline() -> None:
    run = simulate(get("endotoxin"), None, [0.0, 10.0, 100.0])
    for name, value in zip(("TNF", "IL10", "IL8", "IL6"), START, strict=False):
        np.testing.assert_allclose(run[name].values, value, rtol=1e-12)


def test_no_power_of_a_negative_number_arises() -> None:
    run = simulate(get("endotoxin"), None, np.linspace(0, 200, 401), BOLUS)
    model = get("endotoxin")
    for name in ("TNF", "IL10", "IL8", "IL6"):
        assert float(run[name].min()) >= model.theta[f"{name}_0"] * (1 - 1e-6)
    assert run.attrs["failed_solves"] == 0


def test_eight_rates_and_four_baselines_have_prior_hints() -> None:
    hinted = {p.name: p.prior for p in get("endotoxin").parameters if p.prior}
    rates = {"ktnf", "k6", "k8", "k10", "ktnfm", "k6m", "k8m", "k10m"}
    assert set(hinted) == rates | {"TNF_0", "IL6_0", "IL8_0", "IL10_0"}
    assert all(isinstance(prior, LogNormal) for prior in hinted.values())


def test_prior_hints_reach_the_other_published_values() -> None:
    other = get("endotoxin-monocyte").theta
    for p in get("endotoxin").parameters:
        if isinstance(p.prior, LogNormal):
            assert abs(np.log(other[p.name] / p.prior.median)) < 2.5 * p.prior.sd, p.name


def test_the_bolus_variant_moves_values_and_hints_only() -> None:
    first, second = get("endotoxin"), get("endotoxin-monocyte")
    assert first.rhs is second.rhs
    assert first.parameter_names == second.parameter_names
    assert second.parameter("k8m").prior == LogNormal(0.745727, 1.0)


STEPS = np.full(6, 1e-5)  # of differences, relative
NAMES = {"TNF": "tnf", "IL6": "6", "IL8": "8", "IL10": "10"}


def ours(name: str) -> str:
    """Translate a parameter name of Windoloski's code into ours."""
    if name[0] == "w":
        return {"wTNF": "TNF_0", "w6": "IL6_0", "w8": "IL8_0", "w10": "IL10_0"}[name]
    fixed = {"kE": "kpe", "kM": "sm", "xME": "xmpe", "Mmax": "mmax"}
    return fixed.get(name, name.lower())


@pytest.mark.reference
def test_the_bolus_variant_has_the_published_values(reference_dir: Path) -> None:
    file = reference_dir / "cytokine_lps_bolus_endotoxin" / "reference.json"
    values: dict[str, Any] = json.loads(file.read_text())["published_parameters_bolus"]
    theta = get("endotoxin-monocyte").theta
    assert {ours(k): v for k, v in values.items() if k != "hME"} == {
        k: v for k, v in theta.items() if k != "MR_0"
    }


@pytest.fixture(scope="module")
def misfits(reference_dir: Path) -> Callable[[dict[str, float]], Array]:
    """Terms (model - mean) / (largest mean * sqrt(8)); J is the sum of their squares."""
    file = reference_dir / "cytokine_lps_bolus_endotoxin" / "data_means.csv"
    with file.open() as lines:
        rows = [r for r in csv.DictReader(lines) if r["arm"] == "bolus"]
    times = sorted({float(r["time_h"]) for r in rows})
    means = {
        name: np.array([float(r["mean_pg_per_ml"]) for r in rows if r["cytokine"] == name])
        for name in NAMES
    }
    model, options = get("endotoxin-monocyte"), SolverOptions(rtol=1e-9)

    def evaluate(theta: dict[str, float]) -> Array:
        run = simulate(model, theta, times, BOLUS, options=options, workers=1)
        scaled = [(run[n].values - m) / (m.max() * np.sqrt(8)) for n, m in means.items()]
        return np.concatenate(scaled)

    return evaluate


@pytest.mark.reference
def test_the_bolus_variant_gives_the_published_misfit(
    misfits: Callable[[dict[str, float]], Array],
) -> None:
    """J = sum of ((model - mean) / (largest mean * sqrt(8)))**2 = 0.0311085 (judged to 1e-5)."""
    assert (misfits({}) ** 2).sum() == pytest.approx(0.031108551, abs=1e-5)


@pytest.mark.reference
def test_least_squares_from_the_nominal_values_lead_to_the_published_ones(
    misfits: Callable[[dict[str, float]], Array], reference_dir: Path
) -> None:
    """The six logarithms that the source fitted, within 1e-3 of its optimum."""
    file = reference_dir / "cytokine_lps_bolus_endotoxin" / "reference.json"
    logs: dict[str, float] = json.loads(file.read_text())["nominal_log"]
    names, nominal = [ours(n) for n in logs], np.exp(list(logs.values()))
    theta = get("endotoxin-monocyte").theta
    published = np.array([theta[n] for n in names])
    assert np.abs(np.log(nominal / published)).max() > 0.1

    def residuals(factors: Array) -> Array:
        return misfits(dict(zip(names, nominal * factors, strict=True)))

    found = least_squares(residuals, np.ones(6), diff_step=STEPS, xtol=1e-10, ftol=1e-12)
    np.testing.assert_allclose(np.log(nominal * found.x / published), 0.0, rtol=0, atol=1e-3)
    assert 2 * found.cost == pytest.approx(0.031108548, abs=1e-7)
