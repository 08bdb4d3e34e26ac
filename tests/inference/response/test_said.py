"""What sentences of exposure-response claim is what was fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from cytobayes.inference.response import side_by_side
from cytobayes.inference.response.curves import Saturating, Straight
from cytobayes.inference.response.form import Form
from cytobayes.inference.response.kinds import Binary, Continuous, Ordinal
from cytobayes.inference.response.products import compare_products
from cytobayes.inference.response.select_response import Selection, ranked

from .trees import CHAINS, DRAWS, made_tree

LINE = Straight("log10", 5e4)
X = np.geomspace(1e4, 1e6, 12)
Y = np.array([0, 1] * 6)
PRODUCT = np.array(["A", "B", "C"] * 4)
THETA: dict[str, dict[str, Any]] = {
    "binary": {"intercept_at_mean": -1.0, "slope": 1.6},
    "ordinal": {"slope": 1.6, "c1": 0.7, "gap2": 1.1},
    "continuous": {"intercept_at_mean": -1.0, "slope": 1.6, "sigma": 1.0},
    "emax": {"E0": 0.1, "Emax": 0.8, "EC50": 1e5},
}
FORMS = {
    "binary": Form(Binary(), LINE, (), (), (), {}),
    "ordinal": Form(Ordinal(2), LINE, (), (), (), {}),
    "continuous": Form(Continuous(), LINE, (), (), (), {}),
    "emax": Form(Binary(), Saturating(sigmoid=False), (), (), (), {}),
}


def sentence_with_burden(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Sentence of `adjusted`, of fits that are chosen and not sampled."""

    def chosen(*_: Any, covariates: Any = None, **options: Any) -> Any:
        form, theta, z = FORMS[name], dict(THETA[name]), None
        if covariates is not None:
            form = replace(form, terms=("burden",), means=(0.0,))
            theta["b_burden"], z = 0.5, X[:, None] * 0
        return made_tree(form, theta, X, Y, z)

    monkeypatch.setattr(side_by_side, "fit_response", chosen)
    burden = pd.DataFrame({"burden": np.arange(12.0)})
    return str(side_by_side.adjusted(X, Y, burden)[0].attrs["sentence"])


@pytest.mark.parametrize(
    ("name", "words", "odds"),
    [
        ("binary", "The slope of exposure is 1.6 without and 1.6 with burden.", True),
        ("ordinal", "The slope of exposure is 1.6 without", True),
        ("continuous", "The slope of exposure is 1.6 without", False),
        ("emax", "The rise of the curve from E0 to Emax is 0.7 without and 0.7 with", True),
    ],
)
def test_an_effect_has_its_name_and_odds_their_arithmetic(
    name: str, words: str, odds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = sentence_with_burden(name, monkeypatch)
    assert said.startswith(words)
    assert ("nothing to do with exposure" in said) is odds


def test_a_slope_of_odds_does_move_by_a_covariate_apart_from_exposure() -> None:
    """The arithmetic that the sentence speaks of: a covariate independent of exposure."""
    x, effect = np.linspace(-2, 2, 401), 2.0

    def expit(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    mixed = (expit(1.5 * x - effect) + expit(1.5 * x + effect)) / 2

    def loss(slope: float) -> float:
        p = expit(slope * x)
        return float(-(mixed * np.log(p) + (1 - mixed) * np.log(1 - p)).sum())

    assert minimize_scalar(loss, (0.5, 2.0)).x < 0.8 * 1.5


def test_products_on_one_curve_differ_by_exposure_alone() -> None:
    without = made_tree(FORMS["binary"], THETA["binary"], X, Y)
    said = compare_products(without, PRODUCT).attrs["sentence"]
    assert "share one curve" in said and "by exposure alone" in said and "by chance" in said
    own = replace(FORMS["binary"], terms=("b",), means=(0.0,))
    theta = {**THETA["binary"], "b_b": 0.4}
    other = made_tree(own, theta, X, Y, np.arange(12.0)[:, None])
    assert "by exposure and covariates alone" in compare_products(other, PRODUCT).attrs["sentence"]
    columns = np.stack([PRODUCT == "B", PRODUCT == "C"], axis=1).astype(float)
    coded = replace(own, terms=("p_B", "p_C"), means=(1 / 3, 1 / 3))
    theta = {**THETA["binary"], "b_p_B": 0.4, "b_p_C": 0.1}
    told = compare_products(made_tree(coded, theta, X, Y, columns), PRODUCT).attrs["sentence"]
    assert "one curve" not in told and "by chance" in told
    two = np.where(PRODUCT == "C", "A", PRODUCT)  # the covariates tell these apart too
    assert "one curve" not in str(
        compare_products(made_tree(coded, theta, X, Y, columns), two).attrs["sentence"]
    )


def test_a_comparison_that_loo_cannot_make_says_so() -> None:
    theta = {**THETA["binary"], "slope": np.random.default_rng(3).normal(1.6, 0.2, CHAINS * DRAWS)}
    good = ranked({n: made_tree(FORMS["binary"], theta, X, Y) for n in ("a", "b")})
    assert "not reliable" not in good.sentence
    bad = good.table.assign(reliable=[True, False])
    name = str(bad["name"].iloc[1])
    assert f"not reliable for {name}: single patients" in Selection(bad, good.fits).sentence
