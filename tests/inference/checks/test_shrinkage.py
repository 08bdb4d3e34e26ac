"""Shrinkage of a Gaussian population has a closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cytobayes.inference import Problem
from cytobayes.inference.checks.check import Check
from cytobayes.inference.checks.shrinkage import shrinkage
from cytobayes.inference.populations.hierarchy import Hierarchical

from ..decay import MODEL, at, study_of
from . import gaussian_population as gp

N = 300


@pytest.fixture(scope="module")
def values() -> Any:
    return gp.logarithms(N, 11)


@pytest.fixture(scope="module")
def check(values: Any) -> Check:
    return shrinkage(gp.problem(gp.study(values)), gp.posterior(values))


def test_effects_shrink_by_what_the_data_do_not_know(check: Check, values: Any) -> None:
    _, spread = gp.conditional(values)
    omega = np.array([gp.OMEGA_A, gp.OMEGA_K])
    expected = np.diag(spread) / omega**2  # of the total variance
    table = check.table[check.table["kind"] == "eta"]
    assert table["name"].tolist() == ["A", "k"]
    found = table["variance_form"].to_numpy()
    # A variance of N estimates is off by sqrt(2 / N); their own Monte-Carlo error is less.
    error = (1 - expected) * np.sqrt(2 / N) + expected / 400
    np.testing.assert_array_less(np.abs(found - expected), 5 * error)
    sd_form = table["sd_form"].to_numpy()
    np.testing.assert_allclose(1 - (1 - sd_form) ** 2, found, rtol=1e-12)


def test_residuals_shrink_because_the_fit_follows_them(check: Check) -> None:
    left = gp.SIGMA**2 * np.diag(np.linalg.inv(gp.covariance()))
    expected = 1 - np.sqrt(left.mean())
    found = check.table.set_index("kind").loc["epsilon", "sd_form"]
    degrees = N * (gp.TIMES.size - 2)
    assert abs(found - expected) < 5 / np.sqrt(2 * degrees)


def test_the_sentence_names_what_shrinks_much(values: Any) -> None:
    data = gp.posterior(values)
    middle = data["k_eta"].mean(("chain", "draw"))
    weak = data.assign(k_eta=data["k_eta"] - 0.7 * middle)
    words = shrinkage(gp.problem(gp.study(values)), weak).sentence
    assert words.startswith("Individual values of k (") and "shrink by more than 30 %" in words
    assert "A (" not in words and "Residuals shrink by" in words


def test_the_sentence_says_so_when_nothing_shrinks_much(check: Check) -> None:
    assert check.sentence.startswith("No random effect shrinks by more than 30 %; the most")


def test_heavy_tailed_effects_are_measured_by_their_standard_deviation(values: Any) -> None:
    heavy = gp.problem(gp.study(values), population=Hierarchical(shapes={"A": "student"}))
    table = shrinkage(heavy, gp.posterior(values)).table.set_index(["kind", "name"])
    assert table.loc[("eta", "A"), "omega"] == pytest.approx(gp.OMEGA_A * np.sqrt(2))


def test_a_pooled_fit_has_residuals_only(values: Any) -> None:
    problem = gp.problem(gp.study(values), population="pooled")
    found = shrinkage(problem, gp.posterior(values)[["A", "k", "C_sigma"]])
    assert found.table["kind"].tolist() == ["epsilon"]
    assert "no random effects" in found.sentence and found.good is None


def test_the_picture_has_a_bar_for_each(check: Check) -> None:
    axes = check.plot().axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["A", "k", "C residuals"]
    assert len(axes.patches) == 3


def test_arms_do_not_shrink_by_being_arms() -> None:
    """Effects as wide as those of arms are: on the scale of persons nothing shrinks."""
    rng, size, omega = np.random.default_rng(4), 200, 0.5
    subject = [f"S{k}" for k in range(size)]
    n = np.where(np.arange(size) < size // 2, np.nan, 25.0)
    spread = omega * np.where(np.isfinite(n), 0.2, 1.0)
    sd = np.where(np.isfinite(n), 2.0, np.nan)
    study = study_of(subject=subject, time=np.ones(size), value=7.0, sd=sd, n=n)
    this = Problem(MODEL, study, population=Hierarchical(varying=("k",)))
    eta = (spread * rng.standard_normal(size))[None, None]
    posterior = at(k=0.3, k_omega=omega, C_sigma=0.3).assign_coords(subject=subject)
    posterior["k_eta"] = ("chain", "draw", "subject"), eta
    posterior["k_individual"] = ("chain", "draw", "subject"), 0.3 * np.exp(eta)
    table = shrinkage(this, posterior).table
    assert abs(table["sd_form"].to_numpy()[table["kind"] == "eta"].item()) < 5 / np.sqrt(2 * size)
