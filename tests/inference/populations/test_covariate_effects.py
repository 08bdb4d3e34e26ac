"""Covariate effects: written as text, kept in the analysis file, told in the summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_text, write_text
from cytobayes.inference.commands.request import compose
from cytobayes.inference.notation import write_distribution
from cytobayes.inference.populations.covariates import Effect, covariate_numbers
from cytobayes.inference.populations.effect_notation import read_effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.prior_sample import sample_prior
from cytobayes.models import OdeModel, Parameter
from cytobayes.models.distributions import Beta, LogNormal, Normal

MODEL = OdeModel(
    name="level",
    states=(),
    parameters=(Parameter("CL", 1.0, "L/h", prior=LogNormal(1.0, 0.5)),),
    outputs={"C": lambda t, y, p: 1.0 / p.CL},
    output_units={"C": "mg/L"},
)
WEIGHT = (60.0, 70.0, 80.0, 95.0)


def study() -> Study:
    names = [f"S{k}" for k in range(4)]
    rows = pd.DataFrame({"subject": names, "time": 1.0, "observable": "C", "value": 1.0})
    table = pd.DataFrame({"subject": names, "weight": WEIGHT, "sex": ["f", "m", "m", "m"]})
    covariates = table.melt("subject", var_name="name", value_name="value")
    return Study(rows, name="four", units={"C": "mg/L"}, time_unit="h", covariates=covariates)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("CL ~ (weight/70)^0.75", Effect("CL", "weight", reference=70.0, value=0.75)),
        ("CL~(weight / 70)**0.75", Effect("CL", "weight", reference=70.0, value=0.75)),
        ("V ~ (weight)^1", Effect("V", "weight", value=1.0)),
        ("CL ~ weight/70", Effect("CL", "weight", reference=70.0)),
        ("CL ~ sex", Effect("CL", "sex", form="auto")),
        ("CL ~ exp(age - 40)", Effect("CL", "age", form="exponential", reference=40.0)),
        ("CL ~ linear(age)", Effect("CL", "age", form="linear")),
    ],
)
def test_an_effect_is_read_as_it_is_written(text: str, effect: Effect) -> None:
    assert read_effect(text) == effect


@pytest.mark.parametrize(
    "text", ["CL", "CL ~", "~ weight", "CL ~ weight + age", "CL ~ (weight/b)^2", "CL ~ f(weight)"]
)
def test_what_is_no_effect_is_refused_with_the_ways_to_write_one(text: str) -> None:
    with pytest.raises(InputError, match="PARAMETER ~ COVARIATE"):
        read_effect(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CL ~ (weight/70)^0.75", "CL is multiplied by (weight / 70)^0.75"),
        ("CL ~ weight", "CL is multiplied by (weight / 75)^CL_weight"),  # median of WEIGHT
        ("CL ~ sex", "CL differs by sex: f against m"),
        ("CL ~ exp(weight - 70)", "CL is multiplied by exp(CL_weight (weight - 70))"),
    ],
)
def test_the_summary_tells_the_effect(text: str, line: str) -> None:
    problem = Problem(MODEL, study(), population=Hierarchical(effects=(read_effect(text),)))
    assert f"  {line}\n" in str(problem)


def test_a_known_allometric_exponent_scales_the_typical_value() -> None:
    family = Hierarchical(effects=(read_effect("CL ~ (weight/70)^0.75"),))
    problem = Problem(MODEL, study(), population=family)
    model = problem.build()
    point = {n: np.asarray(v) for n, v in model.initial_point().items()}
    point["CL_z"] = np.zeros(4)
    values = model.compile_fn(
        model.replace_rvs_by_values([model["CL_individual"]]), inputs=model.value_vars,
        on_unused_input="ignore",
    )(point)[0]  # fmt: skip
    typical = np.exp(point["CL_log__"])
    np.testing.assert_allclose(values, typical * (np.array(WEIGHT) / 70) ** 0.75, rtol=1e-12)


def test_words_of_the_command_line_come_back_from_the_analysis_file(tmp_path: Path) -> None:
    analysis = compose(
        "endotoxin", data="lps-2ng-kg", effect=["ktnf ~ (weight/70)^0.75", "k8 ~ sex"],
        occasion=["ktnf"], order=["ktnf > 2*k8"],
    )  # fmt: skip
    family = analysis.population
    assert isinstance(family, Hierarchical)
    assert [e.value for e in family.effects] == [0.75, None]
    assert (family.occasions, analysis.order) == (("ktnf",), {"ktnf": "2*k8"})
    assert read_text(write_text(analysis)) == analysis
    path = tmp_path / "analysis.toml"
    path.write_text(write_text(analysis))
    more = compose(str(path), effect=["k8 ~ weight"])
    assert isinstance(more.population, Hierarchical)
    assert len(more.population.effects) == 3


def test_an_effect_needs_a_hierarchical_population() -> None:
    with pytest.raises(InputError, match="need a hierarchical population, not pooled"):
        compose("endotoxin", data="lps-2ng-kg", population="pooled", effect=["ktnf ~ sex"])


def test_an_order_constraint_comes_back_from_the_file_of_a_problem() -> None:
    source = DataSource("lps-2ng-kg")
    plain = Analysis("endotoxin", source, population="pooled")
    ordered = replace(plain, order={"ktnf": "0.01*k8"})
    problem = ordered.to_problem()
    again = read_text(write_text(Analysis.of(problem))).to_problem()
    assert again.id == problem.id != plain.to_problem().id


AGES = np.linspace(20.0, 75.0, 12)
LEVELS = {
    "log": Parameter("E", 1.0, "L/h", prior=LogNormal(1.0, 0.5)),
    "logit": Parameter("E", 0.5, "", upper=1.0, prior=Beta(2.0, 2.0)),
    "natural": Parameter("E", -400.0, "mg/L", lower=-np.inf, prior=Normal(-400.0, 50.0)),
}


def aged(form: str, scale: str = "log", **options: Any) -> Problem:
    names = [f"S{k:02d}" for k in range(AGES.size)]
    rows = pd.DataFrame({"subject": names, "time": 1.0, "observable": "C", "value": 1.0})
    covariates = pd.DataFrame({"subject": names, "name": "age", "value": AGES})
    data = Study(rows, name="aged", units={"C": "mg/L"}, time_unit="h", covariates=covariates)
    model = OdeModel(
        name="level", states=(), parameters=(LEVELS[scale],),
        outputs={"C": lambda t, y, p: p.E}, output_units={"C": "mg/L"},
    )  # fmt: skip
    effect = Effect("E", "age", form=form, **options)
    return Problem(model, data, error="additive", population=Hierarchical(effects=(effect,)))


def test_an_exponential_effect_changes_by_half_a_logarithm_per_sd_of_the_covariate() -> None:
    draws = sample_prior(aged("exponential"), draws=2000, seed=1)
    individual, eta = (draws[n].to_numpy()[0] for n in ("E_individual", "E_eta"))
    log_ratio = np.log(individual) - np.log(draws["E"].to_numpy()[0, :, None]) - eta
    expected = 0.5 * (AGES - np.median(AGES)) / AGES.std(ddof=1)
    for k in (0, 3, 11):
        assert stats.kstest(log_ratio[:, k], stats.norm(0, abs(expected[k])).cdf).pvalue > 1e-3


def test_a_linear_effect_leaves_every_subject_a_positive_value() -> None:
    problem = aged("linear")
    draws = sample_prior(problem, draws=4000, seed=2)
    assert np.isfinite(draws["E_individual"]).all() and (draws["E_individual"] > 0).all()
    x = AGES - np.median(AGES)
    sd, low, high = 0.5 / AGES.std(ddof=1), -1 / x.max(), -1 / x.min()
    cut = stats.truncnorm(low / sd, high / sd, scale=sd)
    assert stats.kstest(draws["E_age"].to_numpy().ravel(), cut.cdf).pvalue > 1e-3
    model = problem.build()
    (value,) = [v for v in model.value_vars if v.name.startswith("E_age")]
    density = model.compile_logp(vars=[model["E_age"]], jacobian=False)
    beta = 0.6 * low
    forward = model.rvs_to_transforms[model["E_age"]].forward
    point = {value.name: forward(beta, *model["E_age"].owner.inputs).eval()}
    assert float(density({**model.initial_point(), **point})) == pytest.approx(cut.logpdf(beta))
    assert problem.bounds("E_age") == pytest.approx((low, high))
    assert "E_age [] ~ Normal(mean=0, sd=0.02" in str(problem)
    assert "cut at its bounds" in str(problem)


@pytest.mark.parametrize(
    ("form", "scale", "sd"),
    [
        ("power", "log", 0.5),
        ("power", "logit", 0.5),
        ("power", "natural", 200.0),
        ("exponential", "natural", 200.0 / AGES.std(ddof=1)),
        ("exponential", "logit", 0.5 / AGES.std(ddof=1)),
        ("linear", "natural", 0.5 / AGES.std(ddof=1)),
    ],
)
def test_default_priors_have_the_size_of_parameter_and_covariate(
    form: str, scale: str, sd: float
) -> None:
    prior = aged(form, scale).all_priors["E_age"]
    assert isinstance(prior, Normal)
    assert (prior.mean, prior.sd) == pytest.approx((0.0, sd))


def test_a_prior_that_is_given_is_the_prior() -> None:
    assert aged("exponential", prior=Normal(0.0, 3.0)).all_priors["E_age"] == Normal(0.0, 3.0)


def test_the_summary_says_how_wide_the_prior_is_on_the_scale_of_the_covariate() -> None:
    line = f"sd of 0.5 per standard deviation of age ({AGES.std(ddof=1):.4g})"
    assert line.replace("sd", "standard deviation", 1) in str(aged("exponential"))


@pytest.mark.parametrize(
    ("form", "scale", "line"),
    [
        ("power", "log", "E is multiplied by (age / 47.5)^E_age"),
        ("power", "logit", "the logit of E is shifted by E_age log(age / 47.5)"),
        ("exponential", "logit", "the logit of E is shifted by E_age (age - 47.5)"),
        ("power", "natural", "E is shifted by E_age log(age / 47.5)"),
        ("linear", "natural", "E is shifted by log(1 + E_age (age - 47.5))"),
    ],
)
def test_the_words_of_an_effect_are_those_of_its_scale(form: str, scale: str, line: str) -> None:
    assert f"  {line}\n" in str(aged(form, scale))


def test_a_known_slope_that_makes_a_value_negative_is_refused() -> None:
    with pytest.raises(InputError, match=r"not positive in every subject.*between -0\.03636 and"):
        aged("linear", value=-0.04)


def test_a_covariate_that_does_not_vary_has_no_default_prior() -> None:
    problem = aged("linear")
    same = problem.data.to_frame("covariates").assign(value=40.0)
    data = Study(
        problem.data.to_frame().drop(columns="unit"), name="same", units={"C": "mg/L"},
        time_unit="h", covariates=same,
    )  # fmt: skip
    family = Hierarchical(effects=(Effect("E", "age", form="exponential"),))
    with pytest.raises(InputError, match="age is the same in all subjects"):
        replace(problem, data=data, population=family)


def test_a_saved_analysis_holds_the_number_of_a_default_prior() -> None:
    """Of the cells of the cohort; read again with other data, it is the same number."""
    text = (
        '[model]\nname = "crs-cascade"\n[data]\nname = "crs-cohort"\n[inputs]\nB0rel = "burden"\n'
        '[population]\nkind = "hierarchical"\n[[effect]]\nparameter = "Cmax"\n'
        'covariate = "cells_infused"\nform = "exponential"\n'
    )
    analysis = read_text(text)
    assert "prior = " not in write_text(analysis), "nothing is known before the data are read"
    problem = analysis.to_problem()
    cells = covariate_numbers(problem.data, "cells_infused")
    prior = Normal(0.0, 0.5 / float(cells.std(ddof=1)))
    assert problem.all_priors["Cmax_cells_infused"] == prior
    for kept in (analysis.settled(problem), Analysis.of(problem, data=analysis.data)):
        written = write_text(kept)
        assert f'prior = "{write_distribution(prior)}"' in written
        again = read_text(written).to_problem()
        assert again.id == problem.id
