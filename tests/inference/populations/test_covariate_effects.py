"""Covariate effects: written as text, kept in the analysis file, told in the summary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_text, write_text
from cytobayes.inference.commands.request import compose
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.effect_notation import read_effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models import OdeModel, Parameter
from cytobayes.models.distributions import LogNormal

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
