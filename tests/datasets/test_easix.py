"""EASIX and its modifications: formulas, units, and slips between units."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytobayes.datasets.easix import easix
from cytobayes.datasets.signs import GradingError

LABS = {"LDH": 300.0, "creatinine": 1.2, "CRP": 8.0, "platelets": 60.0}
UNITS = {"LDH": "U/L", "creatinine": "mg/dL", "CRP": "mg/dL", "platelets": "10^9/L"}


def scores(labs: dict[str, float], units: dict[str, str]) -> dict[str, float]:
    table = easix(pd.DataFrame([{"subject": "A", **labs}]), units)
    return {str(k): v for k, v in table.iloc[0].drop("subject").items()}


def test_the_three_formulas() -> None:
    assert scores(LABS, UNITS) == pytest.approx({"EASIX": 6.0, "m-EASIX": 40.0, "s-EASIX": 5.0})


@pytest.mark.parametrize(
    ("lab", "unit", "value"),
    [
        ("CRP", "mg/L", 80.0),
        ("CRP", "ug/mL", 80.0),
        ("creatinine", "umol/L", 106.082),
        ("creatinine", "mg/L", 12.0),
        ("LDH", "ukat/L", 5.0),
        ("platelets", "10^3/uL", 60.0),
        ("platelets", "1/uL", 60_000.0),
    ],
)
def test_the_same_lab_in_another_unit_gives_the_same_score(
    lab: str, unit: str, value: float
) -> None:
    """Creatinine: 1.2 mg/dL = 12 mg/L / 113.12 g/mol = 106.08 umol/L."""
    changed = scores({**LABS, lab: value}, {**UNITS, lab: unit})
    assert changed == pytest.approx(scores(LABS, UNITS), rel=1e-5)


@pytest.mark.parametrize(
    ("labs", "units", "text"),
    [
        ({}, {"CRP": "mg/cL"}, "CRP: unit 'mg/cL' is not known. Did you mean"),
        ({}, {"CRP": ""}, "CRP: has no unit"),
        ({"platelets": 60_000.0}, {}, "Is the unit another one"),
        ({"platelets": 0.0}, {}, "platelets, row 0: '0.0' 10.9/L cannot be right"),
        ({"CRP": 180.0}, {}, "expected a number from 0 to 100 mg/dL"),
        ({"creatinine": 106.0}, {}, "Is the unit another one"),
    ],
)
def test_a_slip_between_units_is_refused(
    labs: dict[str, float], units: dict[str, str], text: str
) -> None:
    with pytest.raises(GradingError, match=text):
        scores({**LABS, **labs}, {**UNITS, **units})


def test_a_lab_that_was_not_measured_gives_an_empty_score() -> None:
    table = pd.DataFrame([LABS, LABS])
    table.loc[0, "CRP"] = None
    found = easix(table, UNITS)
    assert found["m-EASIX"].isna().tolist() == [True, False]
    assert found["EASIX"].notna().all()


def test_labs_that_are_not_there_give_no_score() -> None:
    table = pd.DataFrame([LABS])[["LDH", "platelets"]]
    found = easix(table, {"LDH": "U/L", "platelets": "10^9/L"})
    assert list(found) == ["s-EASIX"]
    with pytest.raises(GradingError, match="needs platelets"):
        easix(table[["LDH"]], {"LDH": "U/L"})
    with pytest.raises(GradingError, match="no lab 'creatinine'"):
        easix(table, {**UNITS})


@given(st.floats(10, 5000), st.floats(0.1, 10), st.floats(0, 90), st.floats(5, 900))
def test_fewer_platelets_raise_every_score(
    ldh: float, creatinine: float, crp: float, platelets: float
) -> None:
    labs = {"LDH": ldh, "creatinine": creatinine, "CRP": crp}
    high = scores({**labs, "platelets": platelets}, UNITS)
    low = scores({**labs, "platelets": platelets / 2}, UNITS)
    assert low == pytest.approx({k: 2 * v for k, v in high.items()}, rel=1e-12)
