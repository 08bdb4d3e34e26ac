"""Leave-one-out against closed forms: of rows, of whole subjects, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.checks.comparison import averaged, compare
from cytobayes.inference.checks.loo import elpd, loo
from cytobayes.inference.checks.new_subject import subject_likelihood
from cytobayes.inference.fit import attach_data
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.populations.hierarchy import Hierarchical

from ..decay import MODEL as DECAY
from ..decay import curve, study_of
from . import gaussian_population as g

Array = npt.NDArray[np.float64]
SIGMA, WIDTH, N = 1.0, 3.0, 12


def level(values: Array, slope: float = 0.0, seed: int = 1) -> xr.DataTree:
    """Exact fit of normal data around ``m + slope t``, m ~ Normal(0, WIDTH)."""
    x = values - slope * np.arange(values.size)
    precision = WIDTH**-2 + values.size / SIGMA**2
    mean = x.sum() / SIGMA**2 / precision
    m = np.random.default_rng(seed).normal(mean, precision**-0.5, (4, 1000))
    score = stats.norm.logpdf(x, m[..., None], SIGMA)
    dims, at = ("chain", "draw"), ("C_observation", np.arange(values.size))
    known = {
        "C_subject": (at[0], np.full(values.size, "1", dtype=object)),
        "C_time": (at[0], np.arange(values.size, dtype=float)),
        "C_censoring": (at[0], np.zeros(values.size, dtype=int)),
    }
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"m": (dims, m)}, {"chain": range(4), "draw": range(1000)}),
            "log_likelihood": xr.Dataset({"C": ((*dims, at[0]), score)}),
            "observed_data": xr.Dataset({"C": (at[0], values, {"units": "mg/L"})}),
            "constant_data": xr.Dataset(known),
        }
    )


@pytest.fixture(scope="module")
def values() -> Array:
    return np.random.default_rng(3).normal(2.0, SIGMA, N)


def exact_loo(values: Array) -> Array:
    others = values.sum() - values
    precision = WIDTH**-2 + (N - 1) / SIGMA**2
    sd = np.sqrt(1 / precision + SIGMA**2)
    return np.asarray(stats.norm.logpdf(values, others / SIGMA**2 / precision, sd))


def test_rows_have_the_exact_leave_one_out_density(values: Array) -> None:
    check = loo(level(values))
    # importance weights of 4000 draws: relative variance of about 1/11 over all of them
    np.testing.assert_allclose(check.table["elpd"], exact_loo(values), atol=0.03)
    assert check.good and check.table["good"].all()
    assert check.table["subject"].eq("1").all() and check.table["time"].tolist() == list(range(N))
    assert check.sentence.startswith(f"Expected log predictive density of {N} left-out rows, cond")


def test_an_influential_row_is_named(values: Array) -> None:
    wild = values.copy()
    wild[4] += 14 * SIGMA
    check = loo(level(wild))
    assert check.good is None
    assert check.table.loc[~check.table["good"], "time"].tolist() == [4.0]
    assert "cannot be trusted for 1 of them" in check.sentence
    assert "subject 1 at 4 (C)" in check.sentence


@pytest.fixture(scope="module")
def population() -> tuple[Problem, xr.Dataset, Array]:
    values = g.logarithms(5, 11)
    return g.problem(g.study(values)), g.posterior(values, draws=50), values


def test_effects_are_integrated_out(population: tuple[Problem, xr.Dataset, Array]) -> None:
    problem, posterior, values = population
    found = subject_likelihood(problem, posterior, 60, 100, 1)
    law = stats.multivariate_normal(g.mean(), g.covariance())
    exact = law.logpdf(values) - values.sum(axis=1)
    error = found.std(("chain", "draw")).to_numpy() / np.sqrt(60)
    assert found["inner_ess"].min() > 50 and error.max() < 0.05
    assert (np.abs(found.mean(("chain", "draw")) - exact) < 5 * error + error.max() ** 2 * 60).all()


def test_conditional_likelihood_of_a_subject_is_another_number(
    population: tuple[Problem, xr.Dataset, Array],
) -> None:
    problem, posterior, values = population
    law = stats.multivariate_normal(g.mean(), g.covariance())
    exact = law.logpdf(values) - values.sum(axis=1)
    conditional = pointwise(problem, posterior)["C"].mean(("chain", "draw")).to_numpy()
    assert (conditional.reshape(5, -1).sum(axis=1) - exact).min() > 1.0


def test_leaving_out_subjects_needs_a_problem_and_gives_one_row_each(
    population: tuple[Problem, xr.Dataset, Array],
) -> None:
    problem, posterior, _ = population
    moving = posterior.copy()
    noise = np.random.default_rng(0).normal(1.0, 0.1, posterior["A_omega"].shape)
    moving["A_omega"] = posterior["A_omega"] * noise
    tree = xr.DataTree.from_dict({"posterior": moving})
    check = loo(tree, problem, by="subject", draws=100, inner=40)
    assert list(check.table["subject"]) == list(problem.arrangement.subjects)
    assert "left-out subjects, their effects integrated out" in check.sentence
    with pytest.raises(InputError, match="needs the problem"):
        loo(tree, by="subject")
    with pytest.raises(InputError, match="by observation or subject"):
        loo(tree, problem, by="study")


def test_comparison_prefers_the_model_of_the_data(values: Array) -> None:
    check = compare({"flat": level(values), "slope": level(values, slope=2.0)})
    assert check.table["model"].tolist() == ["flat", "slope"]
    difference = elpd(level(values)).elpd - elpd(level(values, slope=2.0)).elpd
    assert check.table["elpd_diff"][1] == pytest.approx(-difference)
    assert check.table["weight"][0] > 0.95 and check.table["weight"].sum() == pytest.approx(1)
    assert check.sentence.startswith("flat predicts left-out rows best")
    assert "slope, the next, is worse by" in check.sentence


def test_models_that_predict_alike_are_not_ranked(values: Array) -> None:
    check = compare({"one": level(values), "other": level(values, seed=2)})
    assert "cannot be told from it" in check.sentence


def test_fits_of_different_rows_are_not_compared(values: Array) -> None:
    other = values.copy()
    other[0] += 0.1
    with pytest.raises(InputError, match="different rows of C"):
        compare({"a": level(values), "b": level(other)})
    with pytest.raises(InputError, match="fits of different observables"):
        second = level(values)
        second["observed_data"] = second["observed_data"].to_dataset().rename(C="D")
        second["constant_data"] = xr.Dataset()
        compare({"a": level(values), "b": second})
    with pytest.raises(InputError, match="at least two"):
        compare({"a": level(values)})


def test_real_fits_have_what_a_comparison_reads() -> None:
    made = g.logarithms(3, 1)
    problem, posterior = g.problem(g.study(made)), g.posterior(made, draws=20)
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree["log_likelihood"] = pointwise(problem, posterior)
    attach_data(tree, problem)
    assert loo(tree).table["subject"].tolist() == np.repeat(["S000", "S001", "S002"], 5).tolist()


def prediction(value: float, units: str = "mg/L", draws: int = 400) -> xr.Dataset:
    dims = ("chain", "draw", "subject", "time")
    array = np.full((2, draws, 1, 3), value)
    return xr.Dataset(
        {"C": (dims, array, {"units": units})},
        {"chain": [0, 1], "draw": range(draws), "subject": ["1"], "time": [0.0, 1.0, 2.0]},
    )


def test_averages_mix_draws_by_weight() -> None:
    mixed = averaged({"a": prediction(1.0), "b": prediction(3.0)}, {"a": 0.25, "b": 0.75})
    assert mixed["C"].dims == ("chain", "draw", "subject", "time")
    assert mixed.sizes["draw"] == 800 and mixed["C"].attrs["units"] == "mg/L"
    share = float((mixed["C"] == 3.0).isel(time=0).mean())
    assert abs(share - 0.75) < 4 * np.sqrt(0.25 * 0.75 / 800)
    assert set(mixed["model"].to_numpy()[mixed["C"][0, :, 0, 0] == 3.0]) == {"b"}
    alone = averaged({"a": prediction(1.0), "b": prediction(3.0)}, {"a": 1.0, "b": 0.0})
    assert (alone["C"] == 1.0).all()


def test_averages_of_different_things_are_refused() -> None:
    a = prediction(1.0)
    with pytest.raises(InputError, match="different values of time"):
        averaged({"a": a, "b": a.assign_coords(time=[0.0, 1.0, 3.0])}, {"a": 1, "b": 1})
    with pytest.raises(InputError, match="C is in mg/L in a and in ug/L in b"):
        averaged({"a": a, "b": prediction(1.0, "ug/L")}, {"a": 1, "b": 1})
    days, hours = (a.assign_coords(time=a["time"].assign_attrs(units=u)) for u in ("d", "h"))
    with pytest.raises(InputError, match="time is in d in a and in h in b"):
        averaged({"a": days, "b": hours}, {"a": 1, "b": 1})
    with pytest.raises(InputError, match="weights are given for a"):
        averaged({"a": a, "b": a}, {"a": 1})
    with pytest.raises(InputError, match="not negative"):
        averaged({"a": a, "b": a}, {"a": 2, "b": -1})


def test_few_effective_inner_draws_are_told(
    population: tuple[Problem, xr.Dataset, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proposal that is much too wide wastes its draws, and the density comes out too low."""
    problem, posterior, values = population
    tree = xr.DataTree.from_dict({"posterior": posterior})
    well = loo(tree, problem, by="subject", draws=60, inner=50)
    assert "draw more" not in well.sentence and well.table["inner_ess"].min() > 25
    monkeypatch.setattr("cytobayes.inference.checks.new_subject.WIDER", 30.0)
    badly = loo(tree, problem, by="subject", draws=60, inner=50)
    least = badly.table.sort_values("inner_ess").iloc[0]
    assert least["inner_ess"] < 5
    assert f"for subject {least['subject']} only {least['inner_ess']:.1f} count" in badly.sentence
    exact = stats.multivariate_normal(g.mean(), g.covariance()).logpdf(values) - values.sum(axis=1)
    assert (
        (badly.table["elpd"] - exact).abs().max() > 0.2 > (well.table["elpd"] - exact).abs().max()
    )


def test_a_comparison_tells_of_few_effective_inner_draws(
    population: tuple[Problem, xr.Dataset, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, posterior, _ = population
    tree = xr.DataTree.from_dict({"posterior": posterior})
    attach_data(tree, problem)
    monkeypatch.setattr("cytobayes.inference.checks.new_subject.WIDER", 30.0)
    fits, problems = {"a": tree, "b": tree}, {"a": problem, "b": problem}
    check = compare(fits, problems, by="subject", draws=60, inner=50)
    assert " a: Of the effects drawn for subject" in check.sentence
    assert " b: Of the effects drawn for subject" in check.sentence


def test_the_effects_of_an_arm_are_integrated_with_their_own_spread() -> None:
    """Medians of 15 persons: the likelihood given the population is a one-dimensional integral."""
    omega, k, n = 0.5, 0.3, 15
    study = study_of(subject=["1", "2"], time=[2.0, 2.0], value=5.0, q1=3.5, q3=7.0, n=n)
    this = Problem(DECAY, study, population=Hierarchical(varying=("k",)))
    se = np.sqrt(np.pi / 2) * np.log(2.0) / (2 * stats.norm.ppf(0.75)) / np.sqrt(n)
    spread = omega * np.sqrt(np.pi / (2 * n + np.pi - 2))
    sigma = 1e-9  # residual spread
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    center = np.log(curve(k * np.exp(spread * nodes), 2.0))
    density = stats.norm.pdf(np.log(5.0), center, se) / 5.0
    exact = np.log(weights @ density / weights.sum())
    draws = 400
    eta = np.random.default_rng(1).normal(0.0, spread, (1, draws, 2))
    dims = ("chain", "draw", "subject")
    posterior = xr.Dataset(
        {
            **{
                name: (("chain", "draw"), np.full((1, draws), value))
                for name, value in (("k", k), ("k_omega", omega), ("C_sigma", sigma))
            },
            "k_eta": (dims, eta),
            "k_individual": (dims, k * np.exp(eta)),
        },
        {"chain": [0], "draw": range(draws), "subject": ["1", "2"]},
    )
    found = subject_likelihood(this, posterior, draws, 200, 1)
    error = float(found.std()) / np.sqrt(found.size)
    assert abs(float(found.mean()) - exact) < 5 * error + float(found.var())


@pytest.fixture(scope="module")
def near_a_limit() -> Study:
    """Three rows, of which the limit is stated, and one below it."""
    return study_of(
        time=[1.0, 2.0, 3.0, 6.0], value=[7.0, 5.0, 4.0, 2.0],
        censoring=["none", "none", "none", "left"], lower=2.0,
    )  # fmt: skip


def censored_fit(study: Study, method: str, error: str = "lognormal") -> xr.DataTree:
    """Draws around the truth, scored by one method of censoring."""
    problem = Problem(DECAY, study, censoring=method, error=error)
    rng = np.random.default_rng(2)
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "k": (dims, rng.normal(0.3, 0.01, (2, 100))),
            "C_sigma": (dims, rng.normal(0.4, 0.01, (2, 100))),
        },
        {"chain": [0, 1], "draw": range(100)},
    )
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree["log_likelihood"] = pointwise(problem, posterior)
    attach_data(tree, problem)
    return tree


@pytest.mark.parametrize(("one", "other", "error"), [
    ("M1", "M2", "lognormal"), ("M2", "M1", "lognormal"), ("M3", "M4", "additive"),
])  # fmt: skip
def test_a_density_conditional_on_a_limit_is_not_compared_with_a_plain_one(
    near_a_limit: Study, one: str, other: str, error: str
) -> None:
    fits = {m: censored_fit(near_a_limit, m, error) for m in (one, other)}
    with pytest.raises(InputError, match=r"conditional on lying above a limit|different rows"):
        compare(fits)
    scores = {m: fits[m]["log_likelihood"]["C"].mean() for m in ("M1", "M2") if m in fits}
    assert len(scores) < 2 or float(scores["M2"]) > float(scores["M1"])  # by construction


def test_fits_on_the_same_condition_are_compared_as_are_old_ones(near_a_limit: Study) -> None:
    fit = censored_fit(near_a_limit, "M2")
    assert "C_above" in fit["constant_data"].to_dataset()
    assert "cannot be told from it" in compare({"a": fit, "b": fit}).sentence
    old = fit.copy()
    old["constant_data"] = fit["constant_data"].to_dataset().drop_vars("C_above")
    assert "cannot be told from it" in compare({"a": old, "b": old}).sentence
    assert "C_above" not in censored_fit(near_a_limit, "M3")["constant_data"].to_dataset()
