"""What is read off a fit agrees with closed forms: curves, products, selection, anchors, bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import FillBetweenPolyCollection as Bands
from scipy.stats import binom, norm

from cytobayes.datasets.errors import InputError
from cytobayes.inference.response.anchors import published_curve, published_options
from cytobayes.inference.response.bins import binned, wilson
from cytobayes.inference.response.curves import Saturating, Straight
from cytobayes.inference.response.form import Form, read_form
from cytobayes.inference.response.kinds import Binary, Ordinal
from cytobayes.inference.response.plot_response import (
    curve_table,
    plot_response,
    response_caption,
)
from cytobayes.inference.response.predicted import response_curve, subject_response
from cytobayes.inference.response.products import compare_products, probability_higher
from cytobayes.inference.response.select_response import ranked
from cytobayes.models.distributions import Normal
from cytobayes.models.library import get
from cytobayes.models.simulation import simulate

from .trees import CHAINS, DRAWS, made_tree

CUTS = {"c1": 0.7, "gap2": 1.1, "gap3": 1.0}
TOTAL = CHAINS * DRAWS
CURVE = Straight("log10", 5e4)
GRADES = Form(Ordinal(3), CURVE, ("burden",), (0.2,), (), {})
RISK = Form(Binary(), CURVE, (), (), (), {})


def expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@pytest.fixture(scope="module")
def cohort() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(11)
    product = np.array(["A", "B"] * 100)
    x = np.exp(rng.normal(np.where(product == "A", np.log(1e5), np.log(5e4)), 0.9))
    y = (rng.uniform(size=200) < expit(-1.1 + 1.6 * np.log10(x / 5e4))).astype(float)
    return product, x, y, rng.normal(-1.1, 0.2, TOTAL)


def test_the_curve_is_the_formula_draw_by_draw() -> None:
    slopes = np.linspace(1.0, 2.0, TOTAL)
    tree = made_tree(
        GRADES, {"slope": slopes, "b_burden": 0.5, **CUTS}, [1e4, 1e5], [0, 2], [[0.2], [0.2]]
    )
    x = np.array([1e4, 5e4, 3e5])
    found = response_curve(tree, x, covariates={"burden": 1.2}, at_least=2)
    eta = np.multiply.outer(slopes, np.log10(x / 5e4)) + 0.5 * (1.2 - 0.2) - 0.7 - 1.1
    np.testing.assert_allclose(found.to_numpy().reshape(TOTAL, 3), expit(eta), rtol=1e-12)
    assert found.dims == ("chain", "draw", "exposure")


def test_risk_falls_with_the_grade() -> None:
    tree = made_tree(
        GRADES, {"slope": 1.6, "b_burden": 0.5, **CUTS}, [1e4, 1e5], [0, 2], [[0.1], [0.3]]
    )
    risks = [float(subject_response(tree, at_least=k).mean()) for k in (1, 2, 3)]
    assert risks[0] > risks[1] > risks[2]
    with pytest.raises(InputError, match="from 1 to 3"):
        subject_response(tree, at_least=4)
    with pytest.raises(InputError, match="no covariate of the fit"):
        response_curve(tree, [1.0], covariates={"age": 1.0})


def test_a_saturating_risk_is_midway_at_its_ec50() -> None:
    form = Form(Binary(), Saturating(), (), (), (), {})
    tree = made_tree(form, {"E0": 0.1, "Emax": 0.8, "EC50": 300.0, "h": 2.0}, [1.0, 9.0], [0, 1])
    assert float(response_curve(tree, 300.0).mean()) == pytest.approx(0.45)


def test_the_higher_product_is_the_one_that_theory_names() -> None:
    rng = np.random.default_rng(1)
    spread, draws = 0.9, 400
    first = np.exp(rng.normal(np.log(1e5), spread, (1, 2000)))
    second = np.exp(rng.normal(np.log(5e4), spread, (1, 2000)))
    one, two = (np.broadcast_to(x, (draws, 2000)) for x in (first, second))
    found = probability_higher(one, two, rng)
    expected = norm.cdf(np.log(2) / (spread * np.sqrt(2)))
    assert expected == pytest.approx(0.707, abs=5e-4)  # as printed in the catalog of models
    error = norm.pdf(norm.ppf(expected)) / np.sqrt(2) * np.sqrt(2 / 2000) * 1.2
    assert abs(found.mean() - expected) < 4 * error
    assert found.std() == pytest.approx(error, rel=0.5)


def test_products_are_compared_on_the_risks_of_their_patients(cohort: tuple[Any, ...]) -> None:
    product, x, y, intercepts = cohort
    tree = made_tree(RISK, {"intercept_at_mean": intercepts, "slope": 1.6}, x, y)
    row = compare_products(tree, product).iloc[0]
    risk = expit(np.add.outer(intercepts, 1.6 * np.log10(x / 5e4)))
    gap = risk[:, product == "A"].mean(axis=1) - risk[:, product == "B"].mean(axis=1)
    assert row["difference"] == pytest.approx(np.median(gap), rel=1e-9)
    assert row["difference_low"] == pytest.approx(np.quantile(gap, 0.025), rel=1e-9)
    assert row["greater"] == (gap > 0).mean()
    assert 0.5 < row["higher"] < 0.85
    with pytest.raises(InputError, match="one product only"):
        compare_products(tree, ["A"] * 200)
    with pytest.raises(InputError, match="has 1 subjects"):
        compare_products(tree, ["A"] * 199 + ["B"])


def test_loo_prefers_the_metric_that_made_the_outcomes(cohort: tuple[Any, ...]) -> None:
    _, x, y, intercepts = cohort
    noise = np.random.default_rng(2).permutation(x)
    theta = {"intercept_at_mean": intercepts, "slope": 1.6}
    fits = {"cmax": made_tree(RISK, theta, x, y), "noise": made_tree(RISK, theta, noise, y)}
    found = ranked(fits)
    assert found.best == "cmax" and "better than every other" in found.sentence
    assert found.table["weight"].sum() == pytest.approx(1.0)
    assert found.table["difference"].tolist()[0] == 0.0 < found.table["difference"].tolist()[1]
    same = ranked({"one": fits["cmax"], "two": fits["cmax"]})
    assert "do not tell it from" in same.sentence
    with pytest.raises(InputError, match="other outcomes"):
        ranked({"a": fits["cmax"], "b": made_tree(RISK, theta, x, 1 - y)})


def test_the_published_curve_is_that_of_the_model() -> None:
    model, x = get("elranatamab-crs"), np.array([100.0, 212.0, 289.0])
    found = published_curve(x, burden=1.0)
    for k, concentration in enumerate(x):
        value = simulate(model, {**model.theta, "C": concentration, "burden": 1.0}, [0.0])["risk"]
        assert float(found["risk"][k]) == pytest.approx(float(value.squeeze()), rel=1e-12)
    assert float(published_curve([212.0])["risk"][0]) == pytest.approx(0.397, abs=5e-4)
    assert (found["low"] < found["risk"]).all() and (found["risk"] < found["high"]).all()
    priors = published_options("burden")["priors"]
    assert set(priors) == {"intercept", "slope", "b_burden"} and isinstance(priors["slope"], Normal)


def test_wilsons_interval_holds_the_proportion_to_the_last_digit() -> None:
    for total in range(1, 60):
        for events in range(total + 1):
            lower, upper = wilson(events, total)
            assert lower <= events / total <= upper, "an error bar cannot be negative"


def test_wilsons_interval_inverts_the_score_test() -> None:
    for events, total in ((0, 10), (3, 17), (12, 12)):
        for limit in wilson(events, total):
            if 0 < limit < 1:
                score = (events / total - limit) / np.sqrt(limit * (1 - limit) / total)
                assert abs(score) == pytest.approx(norm.ppf(0.975), rel=1e-9)
    assert binom.cdf(31, 45, wilson(31, 45)[1]) < 0.05


def test_bins_hold_every_subject_once(cohort: tuple[Any, ...]) -> None:
    _, x, y, _ = cohort
    table = binned(x, y)
    assert table["n"].tolist() == [50, 50, 50, 50]
    assert (table["n"] * table["observed"]).sum() == pytest.approx(y.sum())
    tied = binned(np.array([1.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0, 1.0]))
    assert tied["n"].sum() == 4
    assert len(binned(np.ones(4), np.array([0.0, 1.0, 1.0, 1.0]))) == 1


def test_the_figure_shows_curve_bins_and_one_row_per_product(cohort: tuple[Any, ...]) -> None:
    product, x, y, intercepts = cohort
    tree = made_tree(RISK, {"intercept_at_mean": intercepts, "slope": 1.6}, x, y)
    figure = plot_response(tree, groups=product, anchor=published_curve([1e3, 1e5]))
    top, below = figure.axes
    assert [t.get_text() for t in below.get_yticklabels()] == ["A (100)", "B (100)"]
    assert below.get_xlabel() == "Cmax [copies/ug]" and below.get_xscale() == "log"
    handles = [t.get_text() for t in top.get_legend().get_texts()]  # type: ignore[union-attr]
    assert handles == ["fitted curve", "elranatamab, first dose", "observed"]
    table = curve_table(tree)
    assert (table["q025"] <= table["median"]).all() and (table["median"] <= table["q975"]).all()
    assert "Slope (log-odds) 1.6" in response_caption(tree)


def test_a_published_curve_is_drawn_with_its_band(cohort: tuple[Any, ...]) -> None:
    _, x, y, intercepts = cohort
    tree = made_tree(RISK, {"intercept_at_mean": intercepts, "slope": 1.6}, x, y)
    anchor = published_curve([1e3, 1e4, 1e5])
    plain, whole, bare = (
        [c for c in plot_response(tree, anchor=a).axes[0].collections if isinstance(c, Bands)]
        for a in (None, anchor, anchor[["risk"]])
    )
    assert len(bare) == len(plain) == len(whole) - 1
    corners = whole[-1].get_paths()[0].vertices
    for name in ("low", "high"):
        for at, value in zip(anchor["exposure"].values, anchor[name].values, strict=True):
            assert np.isclose(corners, [at, value]).all(axis=1).any(), (name, at)


def test_no_sentence_claims_a_cause() -> None:
    from cytobayes.inference.response.fit_response import ASSOCIATION

    for word in ("cause", "because of exposure", "leads to", "due to"):
        assert word not in ASSOCIATION
    assert "associated" in ASSOCIATION


def test_another_tree_is_refused() -> None:
    with pytest.raises(InputError, match="no exposure-response fit"):
        read_form(xr.DataTree())
