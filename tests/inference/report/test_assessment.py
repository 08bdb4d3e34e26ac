"""Checks of a report: one that cannot be made says why, and breaks nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

from cytobayes.datasets import Study, load
from cytobayes.datasets.errors import InputError
from cytobayes.inference.checks.check import Check
from cytobayes.inference.problem import Problem
from cytobayes.inference.report.assessment import (
    Absent,
    Planned,
    absent,
    computed,
    failing,
    made,
    planned,
)
from cytobayes.inference.report.figures import draw_checks
from cytobayes.models.distributions import HalfCauchy, Normal
from cytobayes.models.library import get
from cytobayes.models.math import exp
from cytobayes.models.ode import OdeModel, Parameter

from ..checks import gaussian_population as gp
from ..synthetic_run import material


def check(name: str, good: bool | None) -> Check:
    table = pd.DataFrame({"x": [1.0]})
    return Check(name, name.title(), f"{name} says so.", good, table, Figure)


def refuse() -> Check:
    raise InputError("there are too few rows.")


def stumble() -> Check:
    raise ZeroDivisionError("division by zero")


def test_a_check_that_cannot_be_made_says_why_and_the_others_are_made() -> None:
    told: list[str] = []
    plans = [
        Planned("a", "one", "One", refuse),
        Planned("a", "two", "Two", lambda: check("two", True)),
        Planned("b", "three", "VPC", stumble),
    ]
    found = made(plans, told.append)
    assert [type(e) for e in found["a"]] == [Absent, Check]
    assert found["a"][0].sentence == "Not computed: there are too few rows."
    assert "ZeroDivisionError: division by zero" in found["b"][0].sentence
    assert told == ["checking: one", "checking: two", "checking: VPC"]
    assert absent(found) == ("One", "VPC")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_not_taken_for_a_failed_check(error: type[BaseException]) -> None:
    def stop() -> Check:
        raise error

    with pytest.raises(error):
        made([Planned("a", "one", "One", stop)], lambda text: None)


def test_only_checks_that_judge_can_fail() -> None:
    checks: Any = {"a": (check("x", False), check("y", None), check("z", True))}
    assert failing(checks) == {"x": "x says so."}


def prior_of(problem: Problem) -> Planned:
    """The prior predictive check of a report, which needs no fit."""
    first = planned(problem, None, 1)[0]  # type: ignore[arg-type]
    assert (first.section, first.name) == ("prior", "prior_predictive")
    return first


STEEP = 1e4


def bursting(middle: float) -> Problem:
    """A model whose value is beyond all numbers where ``STEEP * a`` is above 709.8."""
    prior = Parameter("a", 1.0, prior=Normal(middle, 1.0), lower=-np.inf)
    model = OdeModel("burst", (), (prior,), outputs={"y": lambda t, y, p: exp(STEEP * p.a) + t})
    rows = pd.DataFrame({"subject": "1", "time": [1.0, 2.0], "observable": "y", "value": 2.0})
    return Problem(model, Study(rows, name="x"), error="additive")


def test_prior_draws_that_cannot_be_solved_are_counted_and_break_nothing() -> None:
    some = computed(prior_of(bursting(0.0)))
    assert isinstance(some, Check)
    share = norm.sf(np.log(np.finfo(float).max) / STEEP)  # 200 draws, five standard errors
    assert float(some.table["failed"][0]) == pytest.approx(share, abs=5 * 0.5 / 200**0.5)
    assert "The priors allow the data" in some.sentence and "cannot be solved" in some.sentence
    none = computed(prior_of(bursting(20.0)))
    assert isinstance(none, Absent)
    assert "cannot be solved at any of 200 draws from the prior" in none.sentence


def test_prior_draws_beyond_all_numbers_are_drawn_all_the_same() -> None:
    problem = gp.problem(gp.study(gp.logarithms(3, 1)), priors={"C_sigma": HalfCauchy(1e3)})
    found = computed(prior_of(problem))
    shown = draw_checks(material(checks={"prior": (found,)}))["prior"][0]
    assert shown.picture is not None and "could not be drawn" not in shown.sentence


def test_published_means_are_not_asked_for_series_or_residuals() -> None:
    problem = Problem(get("endotoxin"), load("lps-2ng-kg"))
    names = [c.name for c in planned(problem, None, 1)]  # type: ignore[arg-type]
    assert "npde" not in names and "fit_quality" not in names
    assert {"posterior_predictive", "gradient", "tolerance", "sensitivity"} <= set(names)
