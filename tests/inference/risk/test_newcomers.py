"""Covariates beyond the data: patients of a risk and of a trial follow one rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Problem
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.risk.individual import individual_of
from cytobayes.inference.risk.newcomers import newcomers
from cytobayes.inference.trials.patients import FromPosterior

from .fakes import REFERENCE, cohort, posterior, problem

STUDY, HEIGHTS, _ = cohort(6)
BETAS = np.array([[0.5, 0.2], [-0.1, 0.4]])
LINEAR = Effect("height", "burden", "linear", reference=1.0)


def fitted(effect: Effect = LINEAR) -> tuple[Problem, xr.Dataset]:
    """Four draws without spread between patients, so that the parameter is the typical one."""
    tree = posterior(HEIGHTS, draws=4).assign(height_burden=(("chain", "draw"), BETAS))
    return problem(STUDY, (effect,)), tree.assign(height_omega=0.0 * tree["height_omega"])


def ways(effect: Effect, burden: Any) -> list[Any]:
    """Height of a patient with this burden, for each draw, by every way to get one."""
    p, tree = fitted(effect)
    rows = pd.DataFrame({"burden": [burden]})
    trial = FromPosterior(p, tree, None, seed=1)
    study = with_burden(burden)
    return [
        lambda: newcomers(p, tree, rows, np.random.default_rng(1))[:, 0, 0],
        lambda: np.array([trial.theta(d, 1, {"burden": burden})[0, 0] for d in range(4)]),
        lambda: individual_of(p, tree, study, "P00").center[:, 0],
    ]


def with_burden(burden: float) -> Study:
    """Let the first patient have another burden."""
    table = STUDY.to_frame("covariates")
    chosen = (table["subject"] == "P00") & (table["name"] == "burden")
    rows = STUDY.to_frame().drop(columns="unit")
    return Study(
        rows, name="more", units=STUDY.units, time_unit="d",
        covariates=table.assign(value=table["value"].mask(chosen, burden)),
    )  # fmt: skip


@pytest.mark.parametrize("way", range(3))
def test_a_linear_factor_is_that_of_each_draw_as_far_as_it_is_positive(way: int) -> None:
    found = ways(LINEAR, 3.0)[way]()
    np.testing.assert_allclose(found, REFERENCE * (1 + BETAS.ravel() * 2.0), rtol=1e-12)


@pytest.mark.parametrize("way", range(3))
@pytest.mark.parametrize(
    ("burden", "draws"),
    [(-1.5, 2), (11.0, 1)],  # 1 + beta (x - 1) <= 0: beta of 0.4 and more, and of -0.1
)
def test_where_it_is_not_the_patient_is_refused_with_the_number_of_draws(
    way: int, burden: float, draws: int
) -> None:
    words = rf"not positive in 1 of 1 new patients, as at burden = {burden:g}, with {draws} of 4"
    with pytest.raises(InputError, match=words):
        ways(LINEAR, burden)[way]()


@pytest.mark.parametrize("way", range(3))
def test_a_known_coefficient_is_no_draw(way: int) -> None:
    with pytest.raises(InputError, match="with the known coefficient; the data reach from"):
        ways(replace(LINEAR, value=0.1), -9.0)[way]()


@pytest.mark.parametrize("way", range(3))
def test_a_power_of_what_is_not_positive_is_refused(way: int) -> None:
    with pytest.raises(InputError, match="burden of a new patient is -2.*positive values"):
        ways(Effect("height", "burden", "power", reference=1.0), -2.0)[way]()


def test_text_in_place_of_a_number_is_refused() -> None:
    p, tree = fitted()
    with pytest.raises(InputError, match="is text, such as 'high'"):
        newcomers(p, tree, pd.DataFrame({"burden": ["high"]}), np.random.default_rng(1))
    with pytest.raises(InputError, match="is text, such as 'high'"):
        FromPosterior(p, tree, None, seed=1).theta(0, 1, {"burden": "high"})
