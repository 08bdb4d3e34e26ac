"""Order constraints: the priors as they are stated, restricted to the region, without a wall."""

from __future__ import annotations

from typing import Any

import arviz_stats as untyped_stats
import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats
from scipy.special import roots_hermite

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem, fit
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.populations.order import Bound, read_order
from cytobayes.inference.prior_sample import sample_prior
from cytobayes.inference.ranking import imagine, workshop
from cytobayes.models.distributions import LogNormal

from ..oral import oral

arviz_stats: Any = untyped_stats


MODEL = oral("C", 10.0, ka=(1.0, 1.0), CL=(1.0, 0.5), V=(2.0, 0.5))
ORDER = {"ka": "CL/V"}


def study(subjects: int = 2) -> Study:
    rows = [
        {"subject": f"S{i}", "time": t, "observable": "C", "value": 2.0 * np.exp(-0.3 * t)}
        for i in range(subjects)
        for t in (1.0, 3.0)
    ]
    return Study(pd.DataFrame(rows), name="oral", units={"C": "mg/L"}, time_unit="h")


@pytest.mark.parametrize("population", ["pooled", "independent", "hierarchical"])
def test_the_prior_is_the_product_of_those_stated_and_the_jacobian_of_the_distance(
    population: str,
) -> None:
    problem = Problem(MODEL, study(), population=population, order=ORDER)
    model = problem.build()
    point = {n: np.asarray(v + 0.1) for n, v in model.initial_point().items()}
    terms = [model["ka"], model["CL"], model["V"]]
    found = float(model.compile_logp(vars=terms)(point))
    log_CL, log_V, x = (point[n] for n in ("CL_log__", "V_log__", "ka_interval__"))
    ka = np.exp(log_CL) / np.exp(log_V) + np.exp(x)
    expected = (
        np.sum(stats.lognorm(1.0, scale=1.0).logpdf(ka) + x)
        + np.sum(stats.norm(np.log(1.0), 0.5).logpdf(log_CL))
        + np.sum(stats.norm(np.log(2.0), 0.5).logpdf(log_V))
    )
    assert found == pytest.approx(float(expected), rel=1e-12)


def test_the_gradient_is_that_of_differences() -> None:
    problem = Problem(MODEL, study(), population=Hierarchical(varying=("CL",)), order=ORDER)
    function = problem.build().logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    start = problem.build().initial_point()
    x = np.concatenate([np.ravel(v) for v in start.values()]) + 0.1
    _, gradient = function(x)
    h = 1e-5
    steps = [
        (float(function(x + m)[0]) - float(function(x - m)[0])) / (2 * h)
        for m in h * np.eye(x.size)
    ]
    np.testing.assert_allclose(gradient, steps, rtol=1e-6, atol=1e-6)


def silent(subjects: int = 1, **settings: Any) -> Problem:
    """Data that say nothing."""
    fixed = {"C_sigma": 1e6, "V": 1.0}
    return Problem(
        MODEL, study(subjects), error="additive", order=ORDER, fixed=fixed,
        priors={"CL": LogNormal(1.5, 0.5)}, **settings,
    )  # fmt: skip


def true_means() -> dict[str, float]:
    """Means of log CL and log ka in the region of `silent`, by quadrature."""
    nodes, weights = roots_hermite(200)
    z = np.log(1.5) + 0.5 * np.sqrt(2) * nodes  # log CL, weighted by P(log ka > log CL)
    weights = weights * stats.norm.sf(z)
    above = stats.norm.pdf(z) / stats.norm.sf(z)  # E(log ka | log ka > z)
    found = {"CL": z, "ka": above}
    return {n: float(np.sum(weights * v) / np.sum(weights)) for n, v in found.items()}


def check_means(found: dict[str, Any]) -> None:
    """Compare independent draws with the integrals; 4 standard errors."""
    logs = {n: np.log(np.asarray(found[n])) for n in ("CL", "ka")}
    assert (logs["ka"] > logs["CL"]).all()
    for name, mean in true_means().items():
        error = logs[name].std() / np.sqrt(logs[name].size)
        assert abs(logs[name].mean() - mean) < 4 * error


@pytest.mark.parametrize("population", ["pooled", "independent", "hierarchical"])
def test_prior_draws_have_the_joint_density_and_not_that_of_one_after_another(
    population: str,
) -> None:
    draws = sample_prior(silent(2, population=population), draws=1500, seed=1)
    check_means({n: draws[n].to_numpy().ravel() for n in ("CL", "ka")})
    if population == "independent":
        assert draws["ka"].dims == ("chain", "draw", "subject")
        one, two = (np.log(draws["CL"].isel(chain=0, subject=k)) for k in (0, 1))
        assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(1500)


def test_the_truths_of_a_calibration_have_the_joint_density() -> None:
    shop = workshop(silent())
    seeds = np.random.SeedSequence(7).spawn(250)
    truths = [imagine(shop, seed).values for seed in seeds]
    check_means({n: [float(t[n]) for t in truths] for n in ("CL", "ka")})


def test_an_order_against_the_priors_is_not_drawn_but_refused() -> None:
    problem = Problem(MODEL, study(), order=ORDER, priors={"ka": LogNormal(1e-4, 0.1)})
    with pytest.raises(InputError, match=r"ka > CL/V: of 1\d{5} draws from the priors only 0"):
        sample_prior(problem, draws=5)


@pytest.mark.mcmc
def test_samples_follow_the_prior_restricted_to_the_region() -> None:
    """Data that say nothing: log ka, log CL, log V given ka > CL / V is an easy integral."""
    tree = fit(silent(), seed=1, draws=1500, tune=500, chains=2, progress=False)
    draws = tree["posterior"].to_dataset()
    ka, CL = (np.log(draws[n].to_numpy().ravel()) for n in ("ka", "CL"))
    assert (ka > CL).all()
    for (name, mean), found in zip(true_means().items(), (CL, ka), strict=True):
        error = found.std() / np.sqrt(300)  # of at least 300 effective draws, checked here
        assert float(arviz_stats.ess(draws)[name]) > 300
        assert abs(found.mean() - mean) < 5 * error


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"ka": "CL/q"}, "no parameter 'q'"),
        ({"ka": "ka/V"}, "stands on both sides"),
        ({"ka": "CL", "CL": "ka"}, "form a circle"),
        ({"dose": "CL"}, "dose is not estimated"),
        ({"ka": "__import__('os')"}, "and nothing else"),
        ({"ka": "CL.real"}, "and nothing else"),
        ({"ka": "CL if V else 1"}, "and nothing else"),
        ({"ka": "(" * 30 + "CL"}, "is not an expression"),
        (["ka + CL"], "write NAME > EXPRESSION"),
        (["ka > CL", "V < ka"], "two lower bounds"),
    ],
)
def test_what_is_no_order_is_refused(order: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Problem(MODEL, study(), order=order)


def test_both_ways_of_writing_an_order_are_the_same_and_the_summary_tells_it() -> None:
    assert read_order(["CL / V < ka"]) == {"ka": "CL / V"} == read_order({"ka": "CL / V"})
    plain, ordered = Problem(MODEL, study()), Problem(MODEL, study(), order=["ka > CL/V"])
    assert plain.id != ordered.id == Problem(MODEL, study(), order=ORDER).id
    assert "LogNormal(median=1, sd=1), greater than CL/V" in str(ordered)


def test_the_fast_rate_constant_of_two_compartments_is_an_expression() -> None:
    text = "((CL/V+Q/V+Q/P) + sqrt((CL/V+Q/V+Q/P)**2 - 4*CL/V*Q/P))/2"
    values = {"CL": 5.0, "V": 35.0, "Q": 10.0, "P": 105.0}
    A = np.array([[-15 / 35, 10 / 105], [10 / 35, -10 / 105]])
    fast = -np.linalg.eigvals(A).min()
    assert Bound(text).value(values, np) == pytest.approx(fast, rel=1e-12)


def test_a_chain_of_bounds_is_drawn_from_the_lowest() -> None:
    problem = Problem(MODEL, study(), order={"CL": "V", "V": "ka"})
    model = problem.build()
    point = model.initial_point()
    assert {"CL_interval__", "V_interval__"} <= set(point)
    low, middle, high = pm.draw(
        [model["ka"], model["V"], model["CL"]], 200, random_seed=1, mode="FAST_COMPILE"
    )
    assert ((low < middle) & (middle < high)).all()
