"""T-cell engager: step-up dosing, debulking, infusion, and the optimal priming dose."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from cytobayes.models import Dose, Regimen, SolverOptions, get, simulate
from cytobayes.models.library.engager import optimal_priming, step_up

MODEL = get("engager")
HOURS = np.linspace(0.0, 672.0, 6721)
VARIANTS = {"full": {}, "no tolerance": {"Imax": 0.0}, "no debulking": {"kk": 0.0}}
REGIMENS = {
    "flat": Regimen([Dose(0.0, 60.0, "drug"), Dose(336.0, 60.0, "drug")]),
    "step": MODEL.schedule,
    "none": Regimen(),
    **{f"{h} h": Regimen([Dose(0.0, 10.0, "drug", duration=h)]) for h in (0.25, 4.0, 24.0)},
}


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    """IL-6 and cells of every regimen under every variant, solved at once."""
    names = list(VARIANTS)
    theta = {
        k: xr.DataArray([VARIANTS[n].get(k, MODEL.theta[k]) for n in names], {"variant": names})
        for k in ("Imax", "kk")
    }
    solved = simulate(MODEL, theta, HOURS, REGIMENS, options=SolverOptions(rtol=1e-8))
    assert solved.attrs["failed_solves"] == 0
    return solved


def peaks(run: xr.Dataset, regimen: str, variant: str) -> list[float]:
    """Highest IL-6 of week 1, of week 2, and of weeks 3 and 4."""
    IL6 = run["IL6"].sel(subject=regimen, variant=variant)
    windows = ((0, 168), (168, 336), (336, 673))
    return [float(IL6.where((run.time >= a) & (run.time < b)).max()) for a, b in windows]


# Checked values of the catalog, printed without decimals.
TABLE = [
    ("flat", "full", (1638, 6, 10)),
    ("flat", "no tolerance", (2183, 10, 17)),
    ("flat", "no debulking", (1998, 386, 679)),
    ("step", "full", (12, 22, 538)),
    ("step", "no tolerance", (12, 22, 599)),
    ("step", "no debulking", (13, 49, 1536)),
]


@pytest.mark.reference
@pytest.mark.parametrize(("regimen", "variant", "expected"), TABLE)
def test_weekly_peaks_are_those_of_the_catalog(
    run: xr.Dataset, regimen: str, variant: str, expected: tuple[int, ...]
) -> None:
    assert [round(x) for x in peaks(run, regimen, variant)] == list(expected)


@pytest.mark.parametrize(
    ("variant", "ratio"), [("full", 0.33), ("no tolerance", 0.27), ("no debulking", 0.77)]
)
def test_debulking_is_the_main_cause_of_the_benefit_of_step_up(
    run: xr.Dataset, variant: str, ratio: float
) -> None:
    highest = max(peaks(run, "step", variant)) / max(peaks(run, "flat", variant))
    assert round(highest, 2) == ratio


@pytest.mark.reference
def test_step_up_keeps_the_effect_on_target_cells(run: xr.Dataset) -> None:
    B = run["B"].sel(variant="full")
    assert float(B.sel(subject="flat", time=168.0)) == pytest.approx(7.73, abs=0.005)
    assert float(B.sel(subject="step", time=168.0)) == pytest.approx(205.52, abs=0.005)
    assert float(B.sel(subject="flat", time=672.0)) == pytest.approx(5.78, abs=0.005)
    assert float(B.sel(subject="step", time=672.0)) == pytest.approx(7.73, abs=0.005)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("duration", "peak", "time"),
    [("0.25 h", 266, 13.5), ("4.0 h", 264, 15.3), ("24.0 h", 219, 27.2)],
)
def test_slow_infusion_of_a_slow_drug_hardly_helps(
    run: xr.Dataset, duration: str, peak: int, time: float
) -> None:
    IL6 = run["IL6"].sel(subject=duration, variant="full")
    assert round(float(IL6.max())) == peak
    assert float(IL6.idxmax("time")) == pytest.approx(time, abs=0.11)


def test_nothing_moves_without_drug(run: xr.Dataset) -> None:
    rest = run.sel(subject="none", variant="full")
    for name, level in (("T", 500.0), ("A", 0.0), ("B", 300.0), ("IL6", 5.0), ("AUC", 0.0)):
        np.testing.assert_allclose(rest[name], level, rtol=1e-12, atol=1e-12)


def test_the_drug_follows_its_closed_form_and_makes_fewer_complexes_than_there_are_sites(
    run: xr.Dataset,
) -> None:
    flat = run.sel(subject="flat", variant="full")
    first = flat.sel(time=slice(0.1, 335.9))
    expected = 20.0 * np.exp(-MODEL.theta["CL"] / MODEL.theta["V"] * first.time)
    np.testing.assert_allclose(first["concentration"], expected, rtol=1e-6)
    scale = MODEL.theta["nM_per_site"]
    At = scale * MODEL.theta["nA"] * (flat["T"] + flat["A"])
    Bt = scale * MODEL.theta["nB"] * flat["B"]
    assert bool((flat["trimer"] < np.minimum(At, Bt)).all())
    assert float(flat["engagement"].max()) < 1


def test_without_killing_target_cells_stay(run: xr.Dataset) -> None:
    B = run["B"].sel(variant="no debulking")
    np.testing.assert_allclose(B, 300.0, rtol=1e-9)


def test_the_optimal_priming_dose_is_that_of_lambert_w() -> None:
    first = float(optimal_priming(60.0, 0.1, 0.05))
    assert first == pytest.approx(4.978, abs=5e-4)
    assert first * np.exp(0.05 * first / 0.1) == pytest.approx(60.0, rel=1e-12)
    assert first / 60 == pytest.approx(0.083, abs=5e-4)


@pytest.mark.reference
def test_an_integration_has_the_peaks_of_the_formula() -> None:
    """Flux D B of a flat dose, and of a priming dose and a full one 200 h later."""

    def peak(doses: list[tuple[float, float]]) -> float:
        y, highest = np.array([0.0, 1.0]), 0.0
        for (time, dose), end in zip(doses, [*(t for t, _ in doses[1:]), 400.0], strict=True):
            y[0] += dose
            solved = solve_ivp(
                lambda t, y: np.array([-0.1 * y[0], -0.05 * y[0] * y[1]]),
                (time, end), y, "LSODA", rtol=1e-10, atol=1e-12,
            )  # fmt: skip
            highest = max(highest, float((solved.y[0] * solved.y[1]).max()))
            y = solved.y[:, -1].copy()
        return highest

    first = float(optimal_priming(60.0, 0.1, 0.05))
    assert peak([(0.0, 60.0)]) == pytest.approx(60.0, rel=1e-12)
    # exp(-0.1 * 200) = 2e-9 of the first dose is left at the second.
    assert peak([(0.0, first), (200.0, 60.0)]) == pytest.approx(first, rel=2e-8)


def test_no_other_priming_dose_has_a_lower_peak() -> None:
    best = float(optimal_priming(60.0, 0.1, 0.05))
    for dose in np.linspace(0.0, 60.0, 6001):
        assert max(dose, 60.0 * np.exp(-0.05 * dose / 0.1)) >= best * (1 - 1e-12)


def test_more_steps_have_equal_peaks_that_are_lower_still() -> None:
    doses = step_up(60.0, 4, 0.1, 0.05)
    assert len(doses) == 4
    assert doses[-1] == 60.0
    left, flux = 1.0, []
    for dose in doses:
        flux.append(dose * left)  # drug times target when the dose is given
        left *= np.exp(-0.05 * dose / 0.1)
    # Peaks: each dose is given after those before it have washed out and killed.
    assert doses[0] < doses[1] < doses[2] < 60.0
    pairs = [d * np.exp(-0.05 * before / 0.1) for before, d in zip(doses, doses[1:], strict=False)]
    np.testing.assert_allclose(pairs, doses[:-1], rtol=1e-12)
    assert max(flux) == pytest.approx(doses[0], rel=1e-12)


def test_step_up_needs_a_dose() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        step_up(60.0, 0, 0.1, 0.05)
