"""Factors between units of data and model."""

from __future__ import annotations

import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.units import factor


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("pg/mL", "pg/mL", 1.0),
        ("ng/mL", "pg/mL", 1000.0),
        ("ng/L", "pg/mL", 1.0),
        ("d", "h", 24.0),
        ("min", "h", 1 / 60),
        ("copies/mL", "copies/uL", 1e-3),
        ("", "pg/mL", 1.0),
        ("pg/mL", "", 1.0),
    ],
)
def test_factor(given: str, wanted: str, expected: float) -> None:
    assert factor(given, wanted, "IL6") == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("given", ["ng/mL", "parsec per furlong-fortnight", "copies/mL"])
def test_units_without_a_factor_are_refused(given: str) -> None:
    with pytest.raises(InputError, match="IL6"):
        factor(given, "nmol/L", "IL6")
