"""2000 simulated rows lead every error model back to its parameters, within standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from cytobayes.inference import Problem

from ..at_the_mode import z_scores
from ..decay import MODEL, curve, study_of

Array = npt.NDArray[np.float64]
K, ROWS = 0.4, 2000
# About 40 scores in all: one beyond this by chance in 4000 runs of the file.
FAR = 4.5
TRUTH: dict[str, dict[str, float]] = {
    "lognormal": {"C_sigma": 0.3},
    "lognormal-t": {"C_sigma": 0.3},
    "additive": {"C_sigma": 0.8},
    "additive-t": {"C_sigma": 0.8},
    "additive-t(nu=2.5)": {"C_sigma": 0.8},
    "proportional": {"C_sigma": 0.2},
    "combined": {"C_sigma_add": 0.3, "C_sigma_prop": 0.2},
    "power": {"C_sigma": 0.3, "C_power": 0.6},
}


def simulated(error: str, f: Array, rng: np.random.Generator) -> Array:
    """Values by the definition of each error, not by its code."""
    sigma = list(TRUTH[error].values())
    z: Array = rng.standard_normal(f.size)
    if "-t" in error:
        z = rng.standard_t(2.5 if "2.5" in error else 4.0, f.size)
    if error.startswith("lognormal"):
        return np.asarray(f * np.exp(sigma[0] * z))
    spread: dict[str, Any] = {
        "additive": sigma[0],
        "additive-t": sigma[0],
        "additive-t(nu=2.5)": sigma[0],
        "proportional": sigma[0] * f,
        "combined": np.hypot(sigma[0], sigma[-1] * f),
        "power": sigma[0] * f ** sigma[-1],
    }
    return np.asarray(f + spread[error] * z)


@pytest.mark.parametrize("error", TRUTH)
def test_the_mode_is_the_truth(error: str) -> None:
    rng = np.random.default_rng(7)
    times = rng.uniform(0.0, 5.0, ROWS)
    study = study_of(time=times, value=simulated(error, curve(K, times), rng))
    found = z_scores(Problem(MODEL, study, error=error), {"k": K, **TRUTH[error]})
    assert max(map(abs, found.values())) < FAR, found


@pytest.mark.parametrize("error", ["additive", "additive-t", "lognormal-t"])
def test_rows_below_a_limit_do_not_move_it(error: str) -> None:
    rng = np.random.default_rng(8)
    times = rng.uniform(0.0, 8.0, ROWS)
    value = simulated(error, curve(K, times), rng)
    low = value < 2.0
    assert 0.2 < low.mean() < 0.7
    study = study_of(time=times, value=np.where(low, 2.0, value),
                     censoring=np.where(low, "left", "none"))  # fmt: skip
    found = z_scores(Problem(MODEL, study, error=error), {"k": K, **TRUTH[error]})
    assert max(map(abs, found.values())) < FAR, found


def test_a_wrong_spread_is_far_from_the_truth() -> None:
    rng = np.random.default_rng(7)
    times = rng.uniform(0.0, 5.0, ROWS)
    study = study_of(time=times, value=simulated("lognormal", curve(K, times), rng))
    found = z_scores(Problem(MODEL, study), {"k": K, "C_sigma": 0.36})
    assert abs(found["C_sigma"]) > FAR


def outcomes(error: str, rng: np.random.Generator) -> tuple[Problem, dict[str, float]]:
    """Yes or no, or three grades, by the logarithm of the concentration; its slope is known."""
    times = rng.uniform(0.0, 5.0, ROWS)
    eta = np.log(curve(K, times))
    cuts = np.array([0.5]) if error == "bernoulli" else np.array([0.5, 1.6])
    slope = 1.5
    above = special.expit(slope * eta[:, None] - cuts)
    value = (rng.random(ROWS)[:, None] < above).sum(axis=1).astype(float)
    problem = Problem(MODEL, study_of(time=times, value=value), error=error, fixed={"k": K})
    truth: dict[str, Any] = {"C_slope": slope}
    if error == "bernoulli":
        truth["C_intercept"] = -0.5
    else:
        truth |= {"C_cut_1": 0.5, "C_step_2": 1.1}
    return problem, truth


@pytest.mark.parametrize("error", ["bernoulli", "ordinal"])
def test_the_mode_of_an_outcome_is_the_truth(error: str) -> None:
    found = z_scores(*outcomes(error, np.random.default_rng(9)))
    assert max(map(abs, found.values())) < FAR, found
