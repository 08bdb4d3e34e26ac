"""Reference posteriors by their criteria; attenuation as theory has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.stats import norm

from cytobayes.inference import convergence
from cytobayes.inference.response.curves import Straight
from cytobayes.inference.response.fit_response import fit_response
from cytobayes.inference.response.form import Form
from cytobayes.inference.response.kinds import Binary
from cytobayes.inference.response.side_by_side import effect_of, three_ways
from cytobayes.inference.response.uncertain import Blur, blur_of, marginal
from cytobayes.models.distributions import HalfNormal, Normal, TruncatedNormal

sampled = pytest.mark.mcmc
Expected = dict[str, dict[str, float]]


def judge(tree: xr.DataTree, expected: Expected, names: dict[str, str], close: float) -> None:
    """Criteria of the README: mean within 4 errors and a part of sd, spread within 10 %."""
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    for reference, name in names.items():
        draws, known = tree["posterior"][name], expected[reference]
        mcse = float(az.mcse(draws.to_numpy()))
        gap = float(draws.mean()) - known["mean"]
        assert abs(gap) < 4 * np.hypot(mcse, known["mcse_mean"]), name
        assert abs(gap) < close * known["sd"], name
        assert 0.9 < float(draws.std()) / known["sd"] < 1.1, name


@sampled
@pytest.mark.reference
@pytest.mark.parametrize("model", [pytest.param("model1", marks=pytest.mark.slow), "model2"])
def test_logistic_regression_agrees_with_rstanarm(reference_dir: Path, model: str) -> None:
    folder = reference_dir / "er_logistic_hgly2"
    known = json.loads((folder / "reference.json").read_text())[model]
    data = pd.read_csv(folder / "data.csv")
    covariates = data[["BGLUC"]] if model == "model2" else None
    tree = fit_response(
        data["AUCss_1000"], data["AEFLAG"], curve="linear", covariates=covariates, seed=3
    )
    priors = json.loads(tree.attrs["response"])["priors"]
    names = {"AUCss_1000": "slope", "BGLUC": "b_BGLUC"}
    for column, sd in known["prior"]["prior_sd"].items():  # printed to eight digits
        assert float(priors[names[column]].split("sd=")[1][:-1]) == pytest.approx(sd, rel=1e-6)
    kept = {k: v for k, v in names.items() if k in known["parameters"]}
    judge(tree, known["parameters"], {"Intercept": "intercept", **kept}, close=0.1)


@sampled
@pytest.mark.slow
@pytest.mark.reference
def test_a_sigmoid_emax_curve_agrees_with_its_banana(reference_dir: Path) -> None:
    folder = reference_dir / "er_sigmoid_emax"
    known = json.loads((folder / "reference.json").read_text())
    data, prior = pd.read_csv(folder / "data.csv"), known["priors"]
    tree = fit_response(
        data["exposure"],
        data["response_1"],
        curve="sigmoid_emax",
        kind="continuous",
        priors={
            "EC50": TruncatedNormal(*prior["ec50"]),
            "span": Normal(*prior["emax"]),
            "E0": Normal(*prior["e0"]),
            "sigma": HalfNormal(prior["sigma"][1]),
            "h": HalfNormal(prior["gamma"][1]),
        },
        seed=4,
        draws=4000,
    )
    names = {"e0": "E0", "emax": "span", "sigma": "sigma", "gamma": "h"}
    judge(tree, known["parameters"], names, close=0.15)
    for reference, name in {**names, "ec50": "EC50"}.items():
        for q in ("q05", "q50", "q95"):
            value, expected = (
                float(tree["posterior"][name].quantile(int(q[1:]) / 100)),
                known["parameters"][reference],
            )
            own = float(
                az.mcse(
                    tree["posterior"][name].to_numpy(), method="quantile", prob=int(q[1:]) / 100
                )
            )
            assert abs(value - expected[q]) < 4 * np.hypot(own, expected[f"mcse_{q}"]), (name, q)


SLOPE, SPREAD, BLUR, NOISE, SUBJECTS = 1.0, 1.0, 1.0, 0.3, 250
RELIABILITY = SPREAD**2 / (SPREAD**2 + BLUR**2)


@pytest.fixture(scope="module")
def blurred() -> tuple[Any, xr.DataArray, Any]:
    """Raw estimates, posterior draws of a population fit, and outcomes."""
    rng = np.random.default_rng(7)
    truth = rng.normal(0.0, SPREAD, SUBJECTS)
    raw = truth + rng.normal(0.0, BLUR, SUBJECTS)
    posterior_sd = np.sqrt(RELIABILITY) * BLUR
    draws = RELIABILITY * raw + posterior_sd * rng.standard_normal((4, 250, SUBJECTS))
    y = 2.0 + SLOPE * truth + rng.normal(0.0, NOISE, SUBJECTS)
    return raw, xr.DataArray(draws, dims=("chain", "draw", "subject"), name="x"), y


def slope_of(x: Any, y: Any) -> float:
    """Least-squares slope, the mean of the posterior under flat priors."""
    return float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))


def test_imputed_exposures_attenuate_by_their_reliability(
    blurred: tuple[Any, xr.DataArray, Any],
) -> None:
    raw, draws, y = blurred
    blur = blur_of(Straight(), raw, draws.to_numpy().reshape(-1, SUBJECTS), "cut")
    truth = slope_of(blur.mean, y)
    cut = np.mean([slope_of(x, y) for x in blur.imputed(200)])
    # Four errors of a mean of 200 slopes, and the bias of a ratio of two variances.
    each = np.sqrt(SLOPE**2 / SUBJECTS)
    assert abs(cut - blur.reliability * truth) < 4 * each / np.sqrt(200) + 2 / SUBJECTS
    assert abs(truth - SLOPE) < 4 * np.sqrt((NOISE**2 + 0.5) / (0.5 * SUBJECTS))
    assert slope_of(raw, y) == pytest.approx(RELIABILITY * truth, rel=0.01)


def test_an_outcome_is_averaged_over_its_exposure() -> None:
    g, sd, slope = np.array([-1.0, 0.5]), np.array([0.7, 0.2]), 1.6
    form = Form(Binary(), Straight(), (), (), (), {})
    theta = {"intercept_at_mean": np.array([[-0.3]]), "slope": np.array([[slope]])}
    found = marginal(form, np.array([1.0, 0.0]), Blur(g, sd, None), np.zeros((2, 0)), theta)
    for k, sign in enumerate((1, -1)):
        expected, error = quad(
            lambda x, k=k, sign=sign: (
                norm.pdf(x, g[k], sd[k]) / (1 + np.exp(-sign * (-0.3 + slope * x)))
            ),
            g[k] - 12 * sd[k],
            g[k] + 12 * sd[k],
        )
        assert np.exp(found[0, k]) == pytest.approx(expected, abs=error + 1e-6)


@sampled
@pytest.mark.slow
def test_cut_and_raw_estimates_attenuate_but_posterior_means_and_joint_do_not(
    blurred: tuple[Any, xr.DataArray, Any],
) -> None:
    raw, draws, y = blurred
    draws = draws.assign_coords(subject=[str(k) for k in range(SUBJECTS)])
    outcome = pd.Series(y, draws["subject"].to_numpy())
    options: dict[str, Any] = {"curve": "linear", "kind": "continuous", "seed": 5}
    options |= {"draws": 250, "tune": 250, "imputations": 4}
    table, fits = three_ways(draws, outcome, **options)
    found = table.set_index("uncertainty")
    plain = effect_of(fit_response(raw, y, **options))
    expected = {"plug-in": SLOPE, "cut": RELIABILITY * SLOPE, "joint": SLOPE}
    # The standard error of a slope is the spread of the residuals over that of the predictor.
    left = np.sqrt(NOISE**2 + SLOPE**2 * RELIABILITY * BLUR**2)
    error = left / (np.sqrt(RELIABILITY) * SPREAD * np.sqrt(SUBJECTS))
    for way, value in expected.items():
        assert abs(found["median"][way] - value) < 4 * error, way
    assert abs(plain["median"] - RELIABILITY * SLOPE) < 4 * error
    assert found["high"]["cut"] < found["low"]["joint"]
    between = float(np.var(RELIABILITY * raw))  # in this sample; a mean of 1000 draws adds 0.001
    share = between / (between + RELIABILITY * BLUR**2)
    assert fits["joint"].attrs["reliability"] == pytest.approx(share, abs=0.01)
    assert "know nothing of the outcome" in table.attrs["sentence"]
    ratio = fits["joint"]["posterior"]["sigma"].median() / NOISE  # the others call it noise
    assert float(ratio) < 1.5 < float(fits["plug-in"]["posterior"]["sigma"].median()) / NOISE
