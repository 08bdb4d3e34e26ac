"""Checks of a report: one that cannot be made says why, and breaks nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cytobayes.datasets import load
from cytobayes.datasets.errors import InputError
from cytobayes.inference.checks.check import Check
from cytobayes.inference.problem import Problem
from cytobayes.inference.report.assessment import (
    Absent,
    Planned,
    absent,
    failing,
    made,
    planned,
)
from cytobayes.models.library import get


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


def test_published_means_are_not_asked_for_series_or_residuals() -> None:
    problem = Problem(get("endotoxin"), load("lps-2ng-kg"))
    names = [c.name for c in planned(problem, None, 1)]  # type: ignore[arg-type]
    assert "npde" not in names and "fit_quality" not in names
    assert {"posterior_predictive", "gradient", "tolerance", "sensitivity"} <= set(names)
