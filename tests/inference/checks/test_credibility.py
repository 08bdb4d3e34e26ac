"""The table says what is known, what is not, and nothing else."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cytobayes.datasets import InputError
from cytobayes.inference.checks import credibility as module
from cytobayes.inference.checks.check import Check
from cytobayes.inference.checks.credibility import EVALUATION, Assessment, credibility
from cytobayes.inference.checks.predictive import posterior_predictive

from . import gaussian_population as gp
from .test_convergence import fitted

ORDER = [
    "Question of interest", "Context of use", "Model influence", "Consequence of wrong decision",
    "Model risk", "Model impact", "Technical criteria", "Model evaluation: convergence",
    "Model evaluation: failed solves", "Model evaluation: gradient",
    "Model evaluation: prior predictive check",
    "Model evaluation: predictive checks", "Model evaluation: calibration",
    "Model evaluation: sensitivity to priors", "Model evaluation: identifiability",
    "Model evaluation: prediction of left-out data",
]  # fmt: skip
SAID = Assessment(*("said",) * 7)


@pytest.fixture(scope="module")
def problem() -> Any:
    return gp.problem(gp.study(gp.logarithms(3, 1)))


def check(name: str, good: bool | None = True, sentence: str = "Fine.") -> Check:
    return Check(name, name.capitalize(), sentence, good, pd.DataFrame(), Figure)


def everything(**good: bool | None) -> list[Check]:
    names = ("gradient", "vpc", "sbc", "sensitivity", "identifiability", "loo", "prior_predictive")
    return [check(n, good.get(n, True)) for n in names]


def statuses(found: Check) -> dict[str, str]:
    return dict(zip(found.table["element"], found.table["status"], strict=True))


def test_rows_stand_in_the_order_of_the_assessment(problem: Any) -> None:
    found = credibility(problem, fitted())
    assert found.table["element"].tolist() == ORDER
    assert found.good is None


def test_what_is_missing_is_said_to_be_missing(problem: Any) -> None:
    found = credibility(problem, fitted(), [], Assessment(context_of_use="Dose finding."))
    of = statuses(found)
    assert of["Question of interest"] == "not stated" and of["Context of use"] == "stated"
    assert of["Model evaluation: calibration"] == "not done"
    assert "calibration" in found.sentence and "were not done" in found.sentence
    assert "the authors did not state: question of interest, model influence" in found.sentence
    assert "No criteria were set beforehand" in found.table["text"][6]


def test_all_that_is_asked_for_passes(problem: Any) -> None:
    found = credibility(problem, fitted(), everything(), SAID)
    assert found.good is True
    assert found.sentence == "9 of 9 evaluations pass."


@pytest.mark.parametrize(
    ("good", "status", "verdict", "words"),
    [
        (False, "attention", False, "needs attention."),
        (None, "not judged", None, "is told without a verdict."),
    ],
)
def test_one_check_decides(problem: Any, good: Any, status: str, verdict: Any, words: str) -> None:
    found = credibility(problem, fitted(), everything(sensitivity=good), SAID)
    assert statuses(found)["Model evaluation: sensitivity to priors"] == status
    assert found.good is verdict
    assert found.sentence == f"8 of 9 evaluations pass; sensitivity to priors {words}"


def test_chains_and_solves_are_judged_from_the_fit(problem: Any) -> None:
    tree = fitted(shift=0.5)
    tree["sample_stats"]["failed_solves"][1, :40, 1] = 1
    found = credibility(problem, tree, everything(), SAID)
    assert statuses(found)["Model evaluation: convergence"] == "attention"
    assert statuses(found)["Model evaluation: failed solves"] == "attention"
    text = found.table.set_index("element").loc["Model evaluation: failed solves", "text"]
    assert text == (
        "A solve failed in 40 of 3200 draws after warm-up (40 times the second cause)."
    )  # fmt: skip


def test_other_checks_follow_under_their_titles(problem: Any) -> None:
    found = credibility(problem, fitted(), [check("shrinkage"), check("vpc"), check("npde")])
    assert found.table["element"].tolist().count("Model evaluation: predictive checks") == 2
    assert found.table["element"].iloc[-1] == "Model evaluation: shrinkage"
    found = credibility(problem, fitted(), [replace(check("risk"), title="CRS of grade 3")])
    assert found.table["element"].iloc[-1] == "Model evaluation: CRS of grade 3"


def test_a_calibration_of_another_problem_passes_no_judgment(problem: Any) -> None:
    checks = everything()
    checks[2].table.attrs["problem_id"] = "0123"
    found = credibility(problem, fitted(), checks, SAID)
    assert statuses(found)["Model evaluation: calibration"] == "not judged"
    assert "a check of another problem (0123)" in found.table["text"][12]
    checks[2].table.attrs["problem_id"] = problem.id
    assert credibility(problem, fitted(), checks, SAID).good is True


def test_a_fit_of_another_problem_is_refused(problem: Any) -> None:
    with pytest.raises(InputError, match="the fit is one of the problem 0123"):
        credibility(problem, fitted(problem_id="0123"))
    assert credibility(problem, fitted(problem_id=problem.id)).table.shape == (16, 3)


def test_the_picture_holds_every_row(problem: Any) -> None:
    axis = credibility(problem, fitted()).plot().axes[0]
    cells = axis.tables[0].get_celld()
    assert len(cells) == 3 * (len(ORDER) + 1)


def names_in_the_sources() -> set[str]:
    """Read ``Check(name="...")`` in every module beside that of the table."""
    found = set()
    for path in Path(module.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check":
                values = [k.value for k in node.keywords if k.arg == "name"]
                found |= {v.value for v in values if isinstance(v, ast.Constant)}
    return {n for n in found if isinstance(n, str)}


def test_every_part_of_the_evaluation_names_checks_that_exist() -> None:
    asked = {name for names in EVALUATION.values() for name in names}
    assert len(names_in_the_sources()) >= 12
    assert asked <= names_in_the_sources()


def test_a_posterior_predictive_check_alone_is_a_predictive_check(problem: Any) -> None:
    made = posterior_predictive(problem, gp.posterior(gp.logarithms(3, 1)), draws=50)
    element = "Model evaluation: predictive checks"
    status = statuses(credibility(problem, fitted(), [made]))
    assert status[element] in ("pass", "attention")
    assert statuses(credibility(problem, fitted()))[element] == "not done"
