"""Options of the command line and of ``[data]``: what they mean, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cytobayes.datasets import InputError
from cytobayes.datasets.options import advice, checked_options, options_of_words


def test_words_become_arguments_of_read_table() -> None:
    given = options_of_words(
        columns="subject=UPN, time=Visit day",
        observables="1=CP,2=PD",
        limits="IL6=1.2,CRP=0.5:300,IFN=:1e4",
        outcomes="crs=worst grade (ASTCT)",
    )
    assert checked_options(given, "") == {
        "columns": {"subject": "UPN", "time": "Visit day"},
        "observables": {"1": "CP", "2": "PD"},
        "limits": {"IL6": (1.2, None), "CRP": (0.5, 300.0), "IFN": (None, 1e4)},
        "outcomes": {"crs": "worst grade (ASTCT)"},
    }


def test_nothing_given_is_nothing_said() -> None:
    assert options_of_words() == {}


@pytest.mark.parametrize("words", [{"limits": "IL6=low"}, {"columns": "value"}, {"units": "=x"}])
def test_words_without_a_meaning_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"--{next(iter(words))}"):
        options_of_words(**words)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("columns", "subject"),
        ("columns", {"subject": 1}),
        ("limits", [1.2]),
        ("limits", {"IL6": "low"}),
        ("limits", {"IL6": [1, 2, 3]}),
        ("missing", "lost"),
        ("observables", 3),
        ("replicates", 1),
        ("sheet", 2),
        ("factors", {"IL6": "x"}),
    ],
)
def test_another_form_is_refused_by_its_name(key: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"\[data\]: {key}"):
        checked_options({key: value}, "[data]")


def test_an_unknown_setting_is_refused_with_a_guess() -> None:
    with pytest.raises(InputError, match="did you mean 'columns'"):
        checked_options({"colums": {}}, "[data]")


def test_advice_repeats_the_columns_that_were_guessed() -> None:
    text = "map it: columns={'subject': 'ID'}. map it: columns={'time': 'Visit day'}."
    assert advice(text) == 'On the command line: --columns "subject=ID,time=Visit day"'
    assert advice("all is well") == ""
