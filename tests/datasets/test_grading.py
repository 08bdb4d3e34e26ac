"""Consensus grades: the worked cases of the tables, their footnotes, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytobayes.datasets import Study
from cytobayes.datasets.crs import OXYGEN, grade_crs
from cytobayes.datasets.grading import SCALES, Grading
from cytobayes.datasets.icans import grade_icans, ice_score
from cytobayes.datasets.signs import GradingError, Truth

WELL = {
    "temperature": 37.0, "hypotension": "no", "vasopressors": 0, "vasopressin": "no",
    "oxygen": "none", "tocilizumab": "no", "steroids": "no", "antipyretic": "no",
    "anticytokine": "no",
}  # fmt: skip
ICANS_WELL = {
    "ice": 10, "consciousness": "awake", "seizure": "none", "motor": "none", "edema": "none"
}  # fmt: skip
HOT = {"temperature": 39.0}


def days(*changes: dict[str, Any], base: dict[str, Any] | None = None) -> pd.DataFrame:
    """One subject, one row per change of a well day."""
    well = WELL if base is None else base
    return pd.DataFrame([{"subject": "A", "day": i, **well, **c} for i, c in enumerate(changes)])


def crs(*changes: dict[str, Any]) -> list[int]:
    return list(grade_crs(days(*changes)).daily["grade"])


# One line per case of the table: what differs from a well day, and the grade.
TABLE = [
    ("well", {}, 0),
    ("fever of 38.0 counts", {"temperature": 38.0}, 1),
    ("37.9 is no fever", {"temperature": 37.9}, 0),
    ("hypotension without vasopressor", {**HOT, "hypotension": "yes"}, 2),
    ("low-flow nasal cannula", {**HOT, "oxygen": "low-flow"}, 2),
    ("nasal cannula at 6 L/min is low-flow",
     {**HOT, "oxygen": "nasal cannula", "oxygen_flow": 6}, 2),
    ("nasal cannula at 6.1 L/min is high-flow",
     {**HOT, "oxygen": "nasal cannula", "oxygen_flow": 6.1}, 3),
    ("the flow decides, not the word", {**HOT, "oxygen": "low-flow", "oxygen_flow": 10}, 3),
    ("blow-by", {**HOT, "oxygen": "blow-by"}, 2),
    ("high-flow nasal cannula", {**HOT, "oxygen": "high-flow"}, 3),
    ("facemask", {**HOT, "oxygen": "facemask"}, 3),
    ("non-rebreather", {**HOT, "oxygen": "non-rebreather"}, 3),
    ("Venturi mask", {**HOT, "oxygen": "Venturi"}, 3),
    ("CPAP", {**HOT, "oxygen": "CPAP"}, 4),
    ("BiPAP", {**HOT, "oxygen": "BiPAP"}, 4),
    ("intubation and ventilation", {**HOT, "oxygen": "ventilation"}, 4),
    ("one vasopressor", {**HOT, "hypotension": "yes", "vasopressors": 1}, 3),
    ("one vasopressor with vasopressin",
     {**HOT, "hypotension": "yes", "vasopressors": 1, "vasopressin": "yes"}, 3),
    ("two vasopressors", {**HOT, "hypotension": "yes", "vasopressors": 2}, 4),
    ("two vasopressors and vasopressin",
     {**HOT, "hypotension": "yes", "vasopressors": 2, "vasopressin": "yes"}, 4),
    ("the more severe decides: one vasopressor and low-flow",
     {**HOT, "hypotension": "yes", "vasopressors": 1, "oxygen": "low-flow"}, 3),
    ("the more severe decides: fluids and CPAP",
     {**HOT, "hypotension": "yes", "oxygen": "cpap"}, 4),
    ("death", {**HOT, "death": "yes"}, 5),
    ("fever of another cause", {**HOT, "fever_other_cause": "yes"}, 0),
    ("hypotension of another cause",
     {**HOT, "hypotension": "yes", "vasopressors": 2, "hypotension_other_cause": "yes"}, 1),
    ("intubation for another cause", {**HOT, "oxygen": "ventilation", "hypoxia_other_cause": 1}, 1),
    ("no fever, never treated: not graded", {"hypotension": "yes", "vasopressors": 1}, 0),
    ("a vasopressor is treated hypotension", {**HOT, "vasopressors": 1}, 3),
]  # fmt: skip


@pytest.mark.parametrize(("signs", "grade"), [c[1:] for c in TABLE], ids=[c[0] for c in TABLE])
def test_the_crs_table_case_by_case(signs: dict[str, Any], grade: int) -> None:
    daily = grade_crs(days(signs)).daily
    assert daily["grade"].tolist() == [grade]
    assert not daily["at_least"].any()


@pytest.mark.parametrize("treatment", ["tocilizumab", "steroids", "antipyretic", "anticytokine"])
def test_after_treatment_fever_is_no_longer_required(treatment: str) -> None:
    low = {"hypotension": "yes", "vasopressors": 1}
    assert crs(HOT, {treatment: "yes"}, low, {}) == [1, 0, 3, 0]
    assert crs({**HOT, treatment: "yes"}, low) == [1, 3]
    assert crs(HOT, {treatment: "yes", **low}) == [1, 3]


def test_without_treatment_fever_is_required_each_day() -> None:
    assert crs(HOT, {"hypotension": "yes"}) == [1, 0]


def test_treatment_before_any_fever_waives_nothing() -> None:
    low = {"hypotension": "yes"}
    assert crs({"steroids": "yes"}, low, HOT, low) == [0, 0, 1, 0]


def test_treatment_of_a_fever_with_another_cause_waives_nothing() -> None:
    fever = {**HOT, "fever_other_cause": "yes", "antipyretic": "yes"}
    assert crs(fever, {"hypotension": "yes"}) == [0, 0]


def test_fever_after_treatment_is_still_grade_1() -> None:
    assert crs({**HOT, "tocilizumab": "yes"}, {}, HOT) == [1, 0, 1]


def test_the_treatment_of_one_subject_does_not_waive_the_fever_of_another() -> None:
    first = days({**HOT, "tocilizumab": "yes"})
    second = days({}, {"hypotension": "yes"}).assign(subject="B")
    assert grade_crs(pd.concat([first, second])).daily["grade"].tolist() == [1, 0, 0]


UNKNOWN = [
    ("temperature", {"hypotension": "yes", "temperature": None}, 0, 2),
    ("hypotension", {**HOT, "hypotension": None, "vasopressors": None}, 1, 4),
    ("hypotension, no vasopressors", {**HOT, "hypotension": None}, 1, 2),
    ("vasopressors", {**HOT, "hypotension": "yes", "vasopressors": None}, 2, 4),
    ("oxygen", {**HOT, "oxygen": None}, 1, 4),
    ("flow of the cannula", {**HOT, "oxygen": "nasal cannula"}, 2, 3),
    ("device of 4 L/min", {**HOT, "oxygen": None, "oxygen_flow": 4}, 2, 4),
    ("device of 12 L/min", {**HOT, "oxygen": None, "oxygen_flow": 12}, 3, 4),
    ("vasopressin alone is not in the table",
     {**HOT, "hypotension": "yes", "vasopressin": "yes"}, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("signs", "low", "high"), [c[1:] for c in UNKNOWN], ids=[c[0] for c in UNKNOWN]
)
def test_what_is_not_recorded_makes_the_grade_at_least(
    signs: dict[str, Any], low: int, high: int
) -> None:
    row = grade_crs(days(signs)).daily.iloc[0]
    assert (row["grade"], row["highest"], row["at_least"]) == (low, high, True)


def test_what_cannot_matter_does_not_make_the_grade_at_least() -> None:
    row = {"hypotension": "yes", "vasopressors": 3, "oxygen": None, **HOT}
    daily = grade_crs(days(row)).daily
    assert daily["grade"].tolist() == [4] and not daily["at_least"].any()
    assert not grade_crs(days({"hypotension": "no", "vasopressors": None})).daily["at_least"].any()


def test_an_unknown_treatment_leaves_open_whether_fever_is_waived() -> None:
    table = days(HOT, {"hypotension": "yes"}).drop(
        columns=["tocilizumab", "steroids", "antipyretic", "anticytokine"]
    )
    daily = grade_crs(table).daily
    assert daily["grade"].tolist() == [1, 0] and daily["highest"].tolist() == [1, 2]


def test_maximum_onset_and_duration() -> None:
    table = days({}, HOT, {**HOT, "hypotension": "yes"}, {}, HOT, {})
    each = grade_crs(table).summary.iloc[0]
    assert (each["maximum"], each["onset"], each["duration"]) == (2, 1, 4)
    assert not each["at_least"] and not each["onset_at_latest"] and each["days_missing"] == 0


def test_summary_tells_what_is_open() -> None:
    table = days({"temperature": None}, HOT, {**HOT, "oxygen": None}).assign(day=[0, 3, 4])
    each = grade_crs(table).summary.iloc[0]
    assert (each["maximum"], each["onset"], each["days_missing"]) == (1, 3, 2)
    assert each["at_least"] and each["onset_at_latest"]


def test_no_crs_has_no_onset() -> None:
    grading = grade_crs(days({}, {}))
    assert np.isnan(grading.summary["onset"][0]) and grading.summary["duration"][0] == 0
    assert grading.outcomes()["value"].tolist() == [0.0]


def test_the_scale_travels_with_the_grades() -> None:
    outcomes = grade_crs(days(HOT)).outcomes()
    assert outcomes.to_dict("records") == [
        {"subject": "A", "outcome": "crs", "value": 1.0, "scale": "ASTCT", "time": 0.0}
    ]
    rows = pd.DataFrame({"subject": ["A"], "time": [0], "observable": "IL6", "value": [5.0]})
    study = Study(rows, name="one", time_unit="d", outcomes=outcomes)
    assert study.outcome("crs", "ASTCT")["value"].to_numpy().tolist() == [1.0]
    assert "CRS (ASTCT): 1 x grade 1" in str(grade_crs(days(HOT)))
    with pytest.raises(GradingError, match="not one of ASTCT, Lee, Penn, CTCAE"):
        Grading("CRS", "astct 2019", outcomes)
    assert {"ASTCT", "Lee", "Penn", "CTCAE"} <= set(SCALES)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"temperature": 101.3}, "temperature = '101.3': expected a number from 25 to 45 degC"),
        ({"oxygen": "optiflow"}, "oxygen = 'optiflow': expected one of none, low-flow"),
        ({"hypotension": "maybe"}, "expected yes, no or an empty cell"),
        ({"vasopressors": 1.5}, "expected how many drugs"),
        ({"vasopressors": "two"}, "expected a number from 0 to 20"),
        ({"temprature": 38}, "Did you mean 'temperature'"),
    ],
)
def test_a_sign_that_cannot_be_read_is_named(change: dict[str, Any], text: str) -> None:
    with pytest.raises(GradingError, match=text):
        grade_crs(days(change))


def test_two_rows_for_a_day_are_refused() -> None:
    with pytest.raises(GradingError, match="two rows for day 0"):
        grade_crs(pd.concat([days({}), days({})]))
    with pytest.raises(GradingError, match="the signs have no row"):
        grade_crs(days({}).iloc[:0])
    with pytest.raises(GradingError, match="no column 'day'"):
        grade_crs(days({}).drop(columns="day"))


def test_columns_with_missing_values_of_pandas_are_read() -> None:
    table = pd.DataFrame(
        {
            "subject": [1, 1],
            "day": pd.array([1, 2], dtype="Int64"),
            "temperature": pd.array([38.5, None], dtype="Float64"),
            "hypotension": pd.array([True, None], dtype="boolean"),
            "oxygen": pd.Categorical(["none", None]),
            "vasopressors": pd.array([1, None], dtype="Int64"),
        }
    )
    assert grade_crs(table).daily[["grade", "highest"]].to_numpy().tolist() == [[3, 3], [0, 4]]


# --- properties ---------------------------------------------------------------------------------

MAYBE = st.sampled_from(["yes", "no", None])
SIGN = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([36.5, 37.9, 38.0, 40.1, None]),
        "hypotension": MAYBE,
        "vasopressors": st.sampled_from([0, 1, 2, None]),
        "vasopressin": MAYBE,
        "oxygen": st.sampled_from([*OXYGEN, "nasal cannula", None]),
        "oxygen_flow": st.sampled_from([0, 2, 6, 8, None]),
        "tocilizumab": MAYBE,
        "steroids": MAYBE,
        "hypotension_other_cause": MAYBE,
        "hypoxia_other_cause": MAYBE,
    }
)
COURSE = st.lists(SIGN, min_size=1, max_size=6)


def bounds(course: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    daily = grade_crs(days(*course, base={})).daily
    return daily["grade"].to_numpy(), daily["highest"].to_numpy()


@given(COURSE, st.data())
def test_one_more_vasopressor_never_lowers_the_grade(
    course: list[dict[str, Any]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(course) - 1))
    course[at]["vasopressors"] = course[at]["vasopressors"] or 0
    low, high = bounds(course)
    course[at]["vasopressors"] += 1
    more_low, more_high = bounds(course)
    assert (more_low >= low).all() and (more_high >= high).all()


@given(COURSE, st.data())
def test_a_fever_never_lowers_any_grade(course: list[dict[str, Any]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(course) - 1))
    course[at]["temperature"] = 36.5
    low, high = bounds(course)
    course[at]["temperature"] = 39.0
    more_low, more_high = bounds(course)
    assert (more_low >= low).all() and (more_high >= high).all()


@given(COURSE, st.data())
def test_forgetting_a_sign_only_widens_the_bounds(
    course: list[dict[str, Any]], data: st.DataObject
) -> None:
    low, high = bounds(course)
    at = data.draw(st.integers(0, len(course) - 1))
    sign = data.draw(
        st.sampled_from(["temperature", "hypotension", "vasopressors", "oxygen", "tocilizumab"])
    )
    flow_alone = sign == "oxygen" and course[at]["oxygen_flow"] is not None
    course[at][sign] = None
    if flow_alone:
        course[at]["oxygen_flow"] = None
    wide_low, wide_high = bounds(course)
    assert (wide_low <= low).all() and (wide_high >= high).all()


@given(COURSE, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(
    course: list[dict[str, Any]], random: Any
) -> None:
    table = days(*course, base={})
    mixed = table.sample(frac=1, random_state=random.randrange(2**32))[table.columns[::-1]]
    pd.testing.assert_frame_equal(grade_crs(mixed).daily, grade_crs(table).daily)


@given(COURSE)
def test_the_maximum_is_the_worst_day(course: list[dict[str, Any]]) -> None:
    grading = grade_crs(days(*course, base={}))
    assert grading.summary["maximum"][0] == grading.daily["grade"].max()
    assert grading.daily["grade"].between(0, 5).all()


@given(st.tuples(MAYBE, MAYBE, MAYBE))
def test_truth_is_a_de_morgan_algebra(words: tuple[str | None, ...]) -> None:
    a, b, c = (Truth(np.array([w == "yes"]), np.array([w == "no"])) for w in words)
    for left, right in [(~(a & b), ~a | ~b), (~~a, a), (a & (b | c), (a & b) | (a & c))]:
        assert (left.yes == right.yes).all() and (left.no == right.no).all()


# --- ICANS --------------------------------------------------------------------------------------

ICANS_TABLE = [
    ("well", {}, 0),
    ("ICE 9", {"ice": 9}, 1),
    ("ICE 7", {"ice": 7}, 1),
    ("ICE 6", {"ice": 6}, 2),
    ("ICE 3", {"ice": 3}, 2),
    ("ICE 2", {"ice": 2}, 3),
    ("ICE 0, awake (global aphasia)", {"ice": 0}, 3),
    ("ICE 0, unarousable", {"ice": 0, "consciousness": "unarousable"}, 4),
    ("awakens by itself", {"consciousness": "spontaneous"}, 1),
    ("awakens to voice", {"consciousness": "voice"}, 2),
    ("awakens to touch only", {"consciousness": "tactile"}, 3),
    ("unarousable", {"consciousness": "unarousable"}, 4),
    ("sedated: does not count", {"consciousness": "tactile", "consciousness_other_cause": 1}, 0),
    ("seizure that resolves", {"seizure": "brief"}, 3),
    ("seizure over 5 min", {"seizure": "prolonged"}, 4),
    ("hemiparesis", {"motor": "weakness"}, 4),
    ("focal edema", {"edema": "focal"}, 3),
    ("diffuse edema", {"edema": "diffuse"}, 4),
    ("death", {"death": 1}, 5),
    ("most severe decides: ICE 3 and a brief seizure", {"ice": 3, "seizure": "brief"}, 3),
    ("most severe decides: ICE 8, awakens to voice", {"ice": 8, "consciousness": "voice"}, 2),
]


@pytest.mark.parametrize(
    ("signs", "grade"), [c[1:] for c in ICANS_TABLE], ids=[c[0] for c in ICANS_TABLE]
)
def test_the_icans_table_case_by_case(signs: dict[str, Any], grade: int) -> None:
    grading = grade_icans(days(signs, base=ICANS_WELL))
    assert grading.daily["grade"].tolist() == [grade] and not grading.daily["at_least"].any()
    assert (grading.toxicity, grading.scale) == ("ICANS", "ASTCT")


@pytest.mark.parametrize("domain", list(ICANS_WELL))
def test_an_icans_domain_that_was_not_recorded_is_not_normal(domain: str) -> None:
    daily = grade_icans(days({domain: None, "motor": "none"}, base=ICANS_WELL)).daily
    expected = {"ice": 3, "motor": 0}.get(domain, 4)
    assert daily["grade"].tolist() == [0] and daily["highest"].tolist() == [expected]


def test_ice_is_the_sum_of_its_items() -> None:
    full = {"orientation": 4, "naming": 3, "commands": 1, "writing": 1, "attention": 1}
    assert ice_score(days({}, base=full))[["lowest", "highest"]].to_numpy().tolist() == [[10, 10]]
    part = ice_score(days({"naming": None, "writing": 0}, base=full))
    assert part[["lowest", "highest"]].to_numpy().tolist() == [[6, 9]]
    daily = grade_icans(days({"naming": None, "writing": 0}, base={**full, **{
        k: v for k, v in ICANS_WELL.items() if k != "ice"}})).daily  # fmt: skip
    assert daily[["grade", "highest"]].to_numpy().tolist() == [[1, 2]]


def test_ice_that_contradicts_its_items_is_refused() -> None:
    with pytest.raises(GradingError, match="ice = 10, but its items give 0 to 9"):
        ice_score(days({"ice": 10, "writing": 0}, base={}))
    with pytest.raises(GradingError, match="points are whole"):
        ice_score(days({"ice": 7.5}, base={}))


@given(st.integers(1, 10))
def test_a_point_less_never_lowers_the_icans_grade(score: int) -> None:
    table = days({"ice": score}, {"ice": score - 1}, base=ICANS_WELL)
    before, after = grade_icans(table).daily["grade"]
    assert after >= before
