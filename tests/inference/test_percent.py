"""Percentages have one form, and one place that writes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytobayes.inference.percent import between, percent, rare

ROOT = Path(__file__).parents[2]
FORMATTED = re.compile(r"[:.][0-9{}a-z]*%[}]")  # as in an f-string


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.333, 0, "33 %"), (1, 0, "100 %"), (-0.001, 0, "0 %"), (-0.171, 0, "−17 %"),
     (0.0125, 2, "1.25 %")],
)  # fmt: skip
def test_a_share_is_written_with_a_space_and_a_minus(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


def test_a_small_share_has_a_digit_more_and_an_interval_one_sign() -> None:
    assert (rare(0.099), rare(0.1)) == ("9.9 %", "10 %")
    assert between(-0.05, 0.5, digits=1) == "−5.0 to 50.0 %"


def test_the_pattern_finds_a_percentage() -> None:
    assert FORMATTED.search('f"{x:.0%}"') and FORMATTED.search('f"{x:.{digits}%}"')
    assert not FORMATTED.search('f"{percent(x)}"')


@pytest.mark.parametrize("room", ["datasets", "inference", "models"])
def test_no_other_place_writes_percentages(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.name != "percent.py"
        for line in path.read_text("utf-8").splitlines()
        if FORMATTED.search(line) and "rstrip" not in line  # names of columns
    ]
    assert found == []
