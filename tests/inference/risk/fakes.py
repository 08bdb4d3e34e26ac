"""A signal in closed form, a made-up posterior, and grades with known probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import expit

from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models.distributions import LogNormal
from cytobayes.models.ode import Namespace, OdeModel, Parameter, State

Array = npt.NDArray[np.float64]
CUTS = np.array([-1.2, 0.6, 2.4, 4.2])
SLOPE, REFERENCE, SIGMA, OMEGA = 2.5, 60.0, 0.3, 1.0
PEAK_TIME = 10.0
DAYS = np.array([0.0, 1, 2, 3, 4, 6, 8, 10, 14, 21])


def bump(t: Any, y: Namespace, p: Namespace) -> Any:
    """Rise to ``height`` at day 10 and fall again; no state, no solver."""
    return p.height * (t + 0.1) / PEAK_TIME / (1 + ((t + 0.1) / PEAK_TIME) ** 2) * 2


def model() -> OdeModel:
    return OdeModel(
        "bump",
        (),
        (Parameter("height", REFERENCE, "pg/mL", prior=LogNormal(REFERENCE, 1.0), iiv=OMEGA),),
        outputs={"signal": bump},
        output_units={"signal": "pg/mL"},
        time_unit="d",
        horizon=28.0,
    )


def dosed_model() -> OdeModel:
    """Build the same with a drug that stays for days and doubles the signal at 1 mg."""
    return OdeModel(
        "dosed_bump",
        (State("D", "mg"),),
        (
            *model().parameters,
            Parameter("k", 0.1, "1/d", source="made up"),
        ),
        lambda t, y, p: {"D": -p.k * y.D},
        outputs={"signal": lambda t, y, p: bump(t, y, p) * (1 + y.D)},
        output_units={"signal": "pg/mL"},
        time_unit="d",
        horizon=28.0,
    )


def grades(peak: Array, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], Array]:
    """Draw grades; also the probabilities that they were drawn with."""
    chance = expit(SLOPE * np.log10(peak / REFERENCE)[:, None] - CUTS)
    return (rng.uniform(size=peak.size)[:, None] < chance).sum(1), chance


def cohort(n: int = 40, seed: int = 1, scale: str = "ASTCT") -> tuple[Study, Array, Array]:
    """A study, the true heights and the true risks."""
    rng = np.random.default_rng(seed)
    burden = np.exp(0.7 * rng.standard_normal(n))
    height = REFERENCE * np.exp(OMEGA * rng.standard_normal(n))
    grade, chance = grades(height, rng)
    subjects = [f"P{k:02d}" for k in range(n)]
    t, who = np.tile(DAYS, n), np.repeat(np.arange(n), DAYS.size)
    true = height[who] * (t + 0.1) / PEAK_TIME / (1 + ((t + 0.1) / PEAK_TIME) ** 2) * 2
    rows = pd.DataFrame(
        {
            "subject": np.array(subjects)[who],
            "time": t,
            "observable": "signal",
            "value": true * np.exp(SIGMA * rng.standard_normal(t.size)),
        }
    )
    onset = np.where(grade > 0, np.ceil(rng.uniform(2, 9, n)), np.nan)
    outcomes = pd.DataFrame(
        {"subject": subjects, "outcome": "crs", "value": grade, "scale": scale, "time": onset}
    )
    covariates = pd.concat(
        [
            pd.DataFrame({"subject": subjects, "name": "burden", "value": burden}),
            pd.DataFrame({"subject": subjects, "name": "cells_infused", "value": 2.0 * burden**0}),
        ]
    )
    study = Study(
        rows, name="fake", units={"signal": "pg/mL"}, time_unit="d",
        outcomes=outcomes, covariates=covariates,
    )  # fmt: skip
    return study, height, chance


def problem(study: Study, effects: tuple[Effect, ...] = ()) -> Problem:
    return Problem(model(), study, population=Hierarchical(effects=effects))


def posterior(heights: Array, *, draws: int = 50, spread: float = 0.0, seed: int = 1) -> xr.Dataset:
    """Draws around known values: all of them equal without a spread."""
    rng = np.random.default_rng(seed)
    shape = (2, draws // 2)

    def around(value: Any, extra: tuple[int, ...] = ()) -> Array:
        return np.asarray(value * np.exp(spread * rng.standard_normal((*shape, *extra))))

    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "height": (dims, around(REFERENCE)),
            "height_omega": (dims, around(OMEGA)),
            "signal_sigma": (dims, around(SIGMA)),
            "height_individual": ((*dims, "subject"), around(heights, (heights.size,))),
        },
        {"chain": np.arange(2), "draw": np.arange(draws // 2)},
    )
