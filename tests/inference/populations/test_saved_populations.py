"""Settings of a population survive the analysis file: what is read back is the problem fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cytobayes.datasets import InputError, load
from cytobayes.inference import Problem
from cytobayes.inference.analysis import Analysis, DataSource, Sampling
from cytobayes.inference.analysis_file import read_analysis, read_text, write_text
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.models import get
from cytobayes.models.distributions import HalfCauchy, HalfNormal, Normal
from cytobayes.models.ode import OdeModel

RELEASES = Path(__file__).parents[1] / "releases"
WIDE = Hierarchical(omega={"Cmax": HalfNormal(2.0)})


def cohort(family: Hierarchical, model: OdeModel | None = None) -> Problem:
    inputs = {"B0rel": "burden"}
    return Problem(
        model or get("crs-cascade"), load("crs-cohort"), population=family, inputs=inputs
    )


FAMILIES = {
    "omega": WIDE,
    "omega of two": Hierarchical(omega={"Cmax": HalfCauchy(0.7), "pG": HalfNormal(0.3)}),
    "omega of a block": Hierarchical(
        varying=("Cmax", "pG"), correlated=("Cmax", "pG"), omega={"pG": HalfNormal(0.25)}
    ),
    "nothing varies": Hierarchical(varying=(), effects=(Effect("Cmax", "cells_infused"),)),
    "shape": Hierarchical(shapes={"pG": "student"}, centered=("Cmax",)),
    "effect": Hierarchical(effects=(Effect("Cmax", "cells_infused", prior=Normal(0, 0.1)),)),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_population_with_settings_comes_back_from_its_file(family: Hierarchical) -> None:
    problem = cohort(family)
    again = read_text(write_text(Analysis.of(problem, data=DataSource("crs-cohort")))).to_problem()
    assert again.all_priors == problem.all_priors
    assert again.id == problem.id


def test_the_prior_of_a_spread_is_written_and_read() -> None:
    problem = cohort(WIDE)
    assert problem.id != cohort(Hierarchical()).id
    text = write_text(Analysis.of(problem, data=DataSource("crs-cohort")))
    assert 'Cmax_omega = "HalfNormal(sd=2.0)"' in text
    assert text.count("_omega") == 1, "only what differs from the default"


def test_a_spread_of_an_analysis_made_in_python_is_written_too() -> None:
    analysis = Analysis(
        "crs-cascade", DataSource("crs-cohort"), population=WIDE, inputs={"B0rel": "burden"}
    )
    assert read_text(write_text(analysis)).to_problem().id == cohort(WIDE).id


def test_a_prior_given_to_the_problem_goes_before_that_of_the_population() -> None:
    problem = replace(cohort(WIDE), priors={"Cmax_omega": HalfNormal(3.0)})
    analysis = Analysis.of(problem, data=DataSource("crs-cohort"))
    assert analysis.priors == {"Cmax_omega": HalfNormal(3.0)}
    text = write_text(replace(analysis, population=WIDE))
    assert read_text(text).priors == {"Cmax_omega": HalfNormal(3.0)}


@pytest.mark.parametrize("centered", [(), ("Cmax",), None])
def test_what_is_sampled_centered_comes_back(centered: tuple[str, ...] | None) -> None:
    """It changes no posterior, but which draws come from a seed."""
    problem = cohort(Hierarchical(centered=centered))
    again = read_text(write_text(Analysis.of(problem, data=DataSource("crs-cohort")))).to_problem()
    assert isinstance(again.family, Hierarchical)
    assert again.family.centered == centered


def test_the_metric_of_the_sampler_comes_back() -> None:
    analysis = Analysis("endotoxin", DataSource("lps-2ng-kg"), sampling=Sampling(adaptation="diag"))
    assert read_text(write_text(analysis)) == analysis
    with pytest.raises(InputError, match="low_rank, diag, draw_diag"):
        Sampling(adaptation="flow")


@pytest.mark.parametrize("folder", sorted(RELEASES.iterdir()), ids=lambda p: p.name)
def test_an_analysis_of_an_earlier_release_has_the_settings_that_were_the_default(
    folder: Path,
) -> None:
    analysis = read_analysis(folder / "analysis.toml")
    assert analysis.sampling.adaptation == "low_rank"
    assert analysis.population == "hierarchical"
