"""A design file is read as written, and refused where it cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.commands.trial import run_trial
from cytobayes.inference.trials.design_file import read_design, read_design_text, read_model
from cytobayes.models.dosing import Dose, Regimen

ROOT = Path(__file__).parents[3]
FULL = """
name = "one"
model = "crs-cascade"
n = 30
until = 28
[grading]
observable = "signal"
reference = 50
cuts = [-1, 0, 1]
[spread]
B0rel = 0.7
[[arm]]
name = "a"
[[arm]]
name = "b"
evidence = "none yet"
[arm.factors]
B0rel = 0.5
[[arm.regimen]]
time = 2.0
amount = "first"
state = "tocilizumab"
[[arm.trigger]]
observable = "IL6"
above = 100.0
every = 1.0
time = 0.5
state = "steroid"
amount = 4
[[endpoint]]
name = "CRS >= 3"
kind = "grade"
at_least = 3
[[endpoint]]
name = "control"
kind = "control"
observable = "b"
fraction = 0.01
[optimize]
arm = "b"
benefit = "control"
harm = "CRS >= 3"
weight = 2
[optimize.space]
first = [100, 560.0]
"""


def test_everything_is_read() -> None:
    request = read_design_text(FULL)
    design = request.design
    assert (design.name, design.n, design.until, request.model) == ("one", 30, 28.0, "crs-cascade")
    assert [a.name for a in design.arms] == ["a"]
    assert design.arms[0].regimen is None
    assert request.searched is not None
    assert request.search is not None
    arm = request.searched
    assert arm.regimen == Regimen([Dose(2.0, "first", "tocilizumab")])
    assert (arm.factors, arm.evidence) == ({"B0rel": 0.5}, ("none yet",))
    (trigger,) = arm.triggers
    assert (trigger.observable, trigger.above, trigger.every) == ("IL6", 100.0, 1.0)
    assert trigger.dose == Dose(0.5, 4, "steroid")
    assert design.grading is not None
    assert design.grading.cuts == (-1.0, 0.0, 1.0)
    assert [e.harm for e in design.endpoints] == [True, False]
    assert request.search.values == {"first": (100.0, 560.0)}
    assert request.search.utility.weight == 2.0


def test_a_limit_of_the_benefit_takes_the_place_of_a_weight() -> None:
    search = read_design_text(FULL.replace("weight = 2", "at_least = 0.8")).search
    assert search is not None
    assert search.utility.at_least == 0.8


def test_a_what_if_is_filled_in_and_changed() -> None:
    text = '[[arm]]\nwhat_if = "bridging"\n[arm.parameters]\nkb = 0.5\n'
    arm = read_design_text(text, model="crs-cascade").design.arms[0]
    assert (arm.name, arm.factors, arm.parameters) == ("bridging", {"B0rel": 0.5}, {"kb": 0.5})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("n = 30", "n = 3.5", "n = 3.5 must be a whole number"),
        ("n = 30", "patients = 30", "there is no 'patients'"),
        ("until = 28", 'until = "long"', "must be a number"),
        ("at_least = 3", "at_leest = 3", "did you mean 'at_least'"),
        ('kind = "grade"', 'kind = "class"', "kind 'class' is none of"),
        ("fraction = 0.01", 'fraction = "x"', "fraction = 'x' must be a number"),
        ("above = 100.0", "over = 100.0", "no setting 'over'"),
        ('state = "steroid"', "", r"arm b: \[\[arm.trigger\]\]"),
        ('arm = "b"', 'arm = "c"', "none of the arms"),
        ("weight = 2", "weight = -2", "rewarded"),
        ("weight = 2", "weight = 2\nat_least = 0.8", "not both"),
        ("weight = 2", "at_least = 80", "must be a probability"),
        ("first = [100, 560.0]", "first = 3", "a list of numbers"),
        ("first = [100, 560.0]", 'first = ["a"]', "must be a number"),
        ("cuts = [-1, 0, 1]", "cuts = [1, 0]", "must ascend"),
        ('name = "a"', 'name = "a"\nwhat_if = "magic"', "no what-if 'magic'"),
        ('name = "a"', 'name = "a"\nwhat_if = "fractionation"', "cannot be expressed"),
        ('name = "a"', "", "has no name"),
        ("[[arm]]", "[[arm]", "not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, words: str) -> None:
    assert old in FULL
    with pytest.raises(InputError, match=words):
        read_design_text(FULL.replace(old, new, 1), where="d.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read .*none.toml"):
        read_design(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "designs").glob("*.toml")), ids=str)
def test_the_designs_that_come_along_can_be_read(path: Path) -> None:
    request = read_design(path, read_model(path))
    assert request.design.endpoints
    assert request.trial


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "designs").glob("*.toml")), ids=str)
def test_the_designs_that_come_along_can_be_run(path: Path, tmp_path: Path) -> None:
    run_trial(path, out=tmp_path, n=5, draws=2)
    assert (tmp_path / "trial.html").is_file()
