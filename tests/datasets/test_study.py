"""A study is checked when it is made, does not change, and survives storage."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets import Provenance, Study, StudyError

GOOD = {"subject": "a", "time": 0.0, "observable": "IL6", "value": 2.0}
DOSE = {"subject": "a", "time": 0.0, "amount": 2.0, "target": "E"}


def rows(**columns: object) -> pd.DataFrame:
    return pd.DataFrame([{**GOOD, **columns}])


def study(**options: object) -> Study:
    table = pd.DataFrame(
        {
            "subject": ["b", "b", "a", "a"],
            "time": [0, 1, 0, 2],
            "observable": ["TNF", "IL6", "IL6", "TNF"],
            "value": [1.0, 2.0, 3.0, 4.0],
            "lower": [np.nan, 2.0, np.nan, 1.0],
            "upper": [np.nan, np.nan, 3.0, 5.0],
            "censoring": ["none", "left", "right", "interval"],
        }
    )
    settings: dict[str, object] = {
        "name": "two",
        "units": {"TNF": "pg/mL"},
        "time_unit": "h",
        "doses": pd.DataFrame([DOSE | {"count": 3, "interval": 24, "unit": "mg"}]),
        "provenance": [Provenance(file="x.csv", rows_read=5, rows_kept=4, steps=("one left out",))],
    }
    return Study(table, **{**settings, **options})  # type: ignore[arg-type]


def test_names_are_in_order_of_appearance() -> None:
    assert study().subjects == ("b", "a")
    assert study().observables == ("TNF", "IL6")


def test_an_observable_without_a_unit_has_an_empty_one() -> None:
    assert study().units == {"TNF": "pg/mL", "IL6": ""}


def test_columns_that_are_not_given_have_their_defaults() -> None:
    one = Study(rows(), name="one")
    assert one.time_unit == "" and one.provenance == () and one.doses.sizes["dose"] == 0
    assert one.to_frame()["censoring"].tolist() == ["none"]
    assert one.to_frame()[["lower", "upper", "sd", "n"]].isna().all(axis=None)
    dosed = one.with_doses(pd.DataFrame([DOSE]))
    assert dosed.doses.to_dataframe().iloc[0].to_dict() == DOSE | {
        "duration": 0.0, "interval": 0.0, "count": 1, "unit": "",
        "rate": 0.0, "steady_state": 0, "kind": "dose",
    }  # fmt: skip


def test_types_are_plain_text_and_numbers() -> None:
    data = study().observations
    assert data["time"].dtype == data["value"].dtype == np.float64
    assert all(type(s) is str for s in data["subject"].values)
    assert study().doses["count"].dtype == np.int64
    assert data["time"].attrs["units"] == "h"


def test_numbers_as_subjects_become_text() -> None:
    assert Study(rows(subject=7), name="one").subjects == ("7",)


def test_doses_without_a_subject_are_given_to_all() -> None:
    both = study().with_doses(pd.DataFrame([DOSE]).drop(columns="subject"))
    assert both.doses["subject"].values.tolist() == ["b", "a"]
    assert both.observations.identical(study().observations)
    assert both.provenance == study().provenance


def test_nothing_in_a_study_can_be_changed() -> None:
    one = study()
    with pytest.raises(AttributeError, match="cannot be changed"):
        one.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        one.observations["value"].values[0] = 9
    one.tree.attrs["name"] = "other"
    one.tree["observations"] = xr.DataTree()
    one.units["IL6"] = "other"
    frame = one.to_frame()
    frame.loc[0, "value"] = 9
    one.observations["time"].attrs["units"] = "d"
    one.tree["observations/time"].attrs["units"] = "d"
    one.observations["value"].data = np.zeros(4)
    one.doses["amount"].data = np.zeros(1)
    one.observations["value"] = ("row", np.zeros(4))
    assert one.tree.identical(study().tree)


def test_the_table_it_was_made_from_can_be_changed() -> None:
    table = rows()
    one = Study(table, name="one")
    table.loc[0, "value"] = 9.0
    assert one.observations["value"].item() == 2.0


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize("doses", [None, pd.DataFrame([DOSE])])
def test_copies_are_identical_and_unchangeable(make: object, doses: pd.DataFrame | None) -> None:
    one = study(doses=doses)
    other = make(one)  # type: ignore[operator]
    assert other.tree.identical(one.tree)
    assert not other.observations["value"].values.flags.writeable


@pytest.mark.parametrize("doses", [None, pd.DataFrame([DOSE])])
def test_a_file_gives_back_the_same_study(doses: pd.DataFrame | None, tmp_path: Path) -> None:
    one = study(doses=doses)
    one.tree.to_netcdf(tmp_path / "study.nc")
    with xr.open_datatree(tmp_path / "study.nc") as tree:
        other = Study.from_tree(tree)
    assert other.tree.identical(one.tree)
    assert other.provenance == one.provenance


def test_a_study_can_be_a_branch_of_another_tree() -> None:
    fit = xr.DataTree.from_dict({"posterior": xr.Dataset(), "study": study().tree})
    branch = fit["study"]
    assert isinstance(branch, xr.DataTree)
    assert Study.from_tree(branch).tree.identical(study().tree)


def test_a_frame_gives_back_the_same_study() -> None:
    frame = study().to_frame()
    assert list(frame)[:5] == ["subject", "time", "observable", "value", "unit"]
    again = study()
    other = Study(
        frame.drop(columns="unit"),
        name=again.name,
        units=again.units,
        time_unit="h",
        doses=again.doses.to_dataframe(),
        provenance=again.provenance,
    )
    assert other.tree.identical(again.tree)


@pytest.mark.parametrize(
    "tree",
    [
        xr.DataTree(),
        xr.DataTree(xr.Dataset(attrs={"format": "cytobayes.study/1"})),
        xr.DataTree(xr.Dataset(attrs={**study().tree.attrs, "units": "{"}), study().tree.children),
        xr.DataTree(xr.Dataset(attrs=study().tree.attrs)),
    ],
    ids=["empty", "no attributes", "broken units", "no nodes"],
)
def test_a_tree_that_is_no_study_is_refused(tree: xr.DataTree) -> None:
    with pytest.raises(StudyError, match="the tree is not a"):
        Study.from_tree(tree)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"time": -1.0}, "time must be finite and not negative"),
        ({"time": np.inf}, "time must be finite"),
        ({"time": pd.Timestamp("2024-03-01")}, "numbers, not dates"),
        ({"time": "soon"}, "must hold numbers"),
        ({"value": np.nan}, "value must be finite"),
        ({"subject": " "}, "'subject' has a blank"),
        ({"observable": None}, "'observable' has a blank"),
        ({"lower": np.inf}, "a limit must be finite"),
        ({"lower": 3.0, "upper": 3.0}, "lower must be below upper"),
        ({"censoring": "below"}, "censoring must be one of none, left, right, interval"),
        ({"censoring": "interval", "lower": 1.0}, "an interval needs"),
        ({"censoring": "interval", "lower": 3.0, "upper": 4.0}, "an interval needs"),
        ({"sd": 1.0}, "sd and n belong together"),
        ({"sd": -1.0, "n": 4}, "greater than 0"),
        ({"sd": 1.0, "n": 1}, "at least 2"),
        ({"sd": 1.0, "n": 4, "censoring": "left"}, "cannot be censored"),
        ({"vale": 1.0}, "Did you mean 'value'?"),
    ],
)
def test_observations_against_a_rule_are_refused(columns: dict[str, object], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        Study(rows(**columns), name="bad")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"subject": "z"}, "needs an observation"),
        ({"amount": -1}, "amount must be finite and not negative"),
        ({"duration": np.nan}, "duration must be finite"),
        ({"time": np.nan}, "time must be finite"),
        ({"count": 2}, "repeated doses need a positive interval"),
        ({"count": 0}, "at least 1"),
        ({"count": 1.5}, "whole numbers"),
        ({"target": ""}, "'target' has a blank"),
        ({"route": "iv"}, "unknown column 'route'"),
    ],
)
def test_doses_against_a_rule_are_refused(columns: dict[str, object], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        Study(rows(), name="bad", doses=pd.DataFrame([{**DOSE, **columns}]))
    assert words in str(caught.value)


def test_missing_columns_rows_and_observables_are_refused() -> None:
    with pytest.raises(StudyError, match="'value' is missing"):
        Study(rows().drop(columns="value"), name="bad")
    with pytest.raises(StudyError, match="there is no row"):
        Study(rows().iloc[:0], name="bad")
    with pytest.raises(StudyError, match="no observable 'IL-6'"):
        Study(rows(), name="bad", units={"IL-6": "pg/mL"})


def test_the_summary_names_everything_on_one_screen() -> None:
    text = str(study())
    for words in (
        "Study 'two': 4 measurements",
        "2: b, a",
        "0 to 2 h",
        "x.csv",
        "1 left, 1 right",
        "1 interval",
        "2 mg into E at 0 h, 3 times every 24 h (1 subject)",
        "one left out",
    ):
        assert words in text
    assert repr(study()) == "<Study 'two': 2 subjects, 4 rows>"


def test_the_summary_of_a_large_study_stays_on_one_screen() -> None:
    n = 400
    table = pd.DataFrame(
        {
            "subject": [f"patient {k} with a rather long name" for k in range(n)],
            "time": 0.0,
            "observable": [f"observable {k % 50} with a rather long name" for k in range(n)],
            "value": 1.0,
        }
    )
    doses = table[["subject"]].assign(time=np.arange(n), amount=1.0, target="E")
    record = Provenance(source="x " * 100, steps=tuple(f"step {k}" for k in range(100)))
    lines = str(Study(table, name="large", doses=doses, provenance=[record])).splitlines()
    assert len(lines) <= 35 and max(map(len, lines)) <= 110
    assert "... and 42 more" in lines and any("397 more kinds of dose" in line for line in lines)


COVARIATES = pd.DataFrame(
    [
        {"subject": "a", "name": "age", "value": 40, "unit": "a"},
        {"subject": "b", "name": "sex", "value": "f"},
        {"subject": "a", "name": "CRP", "value": 3.0, "time": 1.0},
        {"subject": "a", "name": "CRP", "value": 4.0, "time": 2.0},
    ]
).fillna({"unit": ""})
OUTCOMES = pd.DataFrame(
    [
        {"subject": "a", "outcome": "crs", "value": 2, "scale": "ASTCT", "time": 3.0},
        {"subject": "b", "outcome": "crs", "value": 0, "scale": "ASTCT"},
        {"subject": "a", "outcome": "crs", "value": 3, "scale": "Lee", "time": 3.0},
        {"subject": "a", "outcome": "response", "value": "CR"},
    ]
).fillna({"scale": ""})


def full() -> Study:
    return study(covariates=COVARIATES, outcomes=OUTCOMES)


def test_fixed_covariates_are_given_by_subject() -> None:
    data = full().covariates
    assert data["subject"].values.tolist() == ["b", "a"]
    np.testing.assert_array_equal(data["age"], [np.nan, 40])
    assert data["age"].attrs["units"] == "a"
    assert data["sex"].values.tolist() == ["f", ""] and "CRP" not in data
    varying = full().to_frame("covariates").query("name == 'CRP'")
    assert varying[["time", "value"]].values.tolist() == [[1, 3], [2, 4]]


def test_an_outcome_is_given_on_one_scale_alone() -> None:
    crs = full().outcome("crs", scale="ASTCT")
    assert crs["subject"].values.tolist() == ["a", "b"] and crs.attrs["scale"] == "ASTCT"
    np.testing.assert_array_equal(crs["value"], [2, 0])
    np.testing.assert_array_equal(crs["time"], [3, np.nan])
    assert full().outcome("response")["text"].values.tolist() == ["CR"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("crs",), "on 2 scales (ASTCT, Lee), whose grades do not mean the same"),
        (("crs", "CTCAE"), "not given on the scale 'CTCAE', but on ASTCT, Lee"),
        (("CRS2",), "no outcome is called 'CRS2'. Did you mean 'crs'?"),
    ],
)
def test_an_outcome_that_is_not_clear_is_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(StudyError) as caught:
        full().outcome(*arguments)
    assert words in str(caught.value)
    with pytest.raises(StudyError, match="The study has none"):
        study().outcome("crs")


@pytest.mark.parametrize(
    ("node", "row", "words"),
    [
        ("covariates", {"subject": "z", "name": "age", "value": 1}, "needs an observation"),
        ("covariates", {"subject": "a", "name": " ", "value": 1}, "'name' has a blank"),
        ("covariates", {"subject": "a", "name": "age", "value": np.nan}, "finite value or a text"),
        ("covariates", {"subject": "a", "name": "age", "value": 1, "time": np.inf}, "time must be"),
        ("outcomes", {"subject": "a", "outcome": "crs", "value": np.inf}, "finite value or a"),
        ("outcomes", {"subject": "z", "outcome": "crs", "value": 1}, "needs an observation"),
        ("outcomes", {"subject": "a", "outcome": "crs", "grade": 1}, "unknown column 'grade'"),
    ],
)
def test_covariates_and_outcomes_against_a_rule_are_refused(
    node: str, row: dict[str, object], words: str
) -> None:
    with pytest.raises(StudyError) as caught:
        study(**{node: pd.DataFrame([row])})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": ["x", "x"], "value": [1, 2]}, "two values of one covariate at one time"),
        (
            {"name": ["x", "x"], "value": [1, 2], "time": [np.nan, 1]},
            "is fixed (no time) or varies",
        ),
        ({"name": ["x", "x"], "value": [1, 2], "time": [0, 1], "unit": ["kg", "g"]}, "one unit"),
    ],
)
def test_covariates_that_contradict_each_other_are_refused(
    table: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(StudyError) as caught:
        study(covariates=pd.DataFrame({"subject": ["a", "a"], **table}))
    assert words in str(caught.value)


def test_two_grades_of_one_scale_are_refused() -> None:
    with pytest.raises(StudyError, match="two values of one outcome on one scale"):
        study(outcomes=pd.concat([OUTCOMES, OUTCOMES.iloc[:1]]))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"rate": -3}, "rate must be positive"),
        ({"rate": 1, "duration": 1}, "cannot both be given"),
        ({"steady_state": 1}, "a steady state needs an interval"),
        ({"steady_state": 3, "interval": 1}, "must be 0, 1 or 2"),
        ({"kind": "stop"}, "kind must be one of dose, reset, reset_dose"),
    ],
)
def test_rates_and_steady_states_against_a_rule_are_refused(
    columns: dict[str, object], words: str
) -> None:
    with pytest.raises(StudyError) as caught:
        Study(rows(), name="bad", doses=pd.DataFrame([{**DOSE, **columns}]))
    assert words in str(caught.value)


def test_a_selection_keeps_what_belongs_to_it_and_says_so() -> None:
    part = full().select("IL6", ["a"])
    assert part.subjects == ("a",) and part.observables == ("IL6",)
    assert part.units == {"IL6": ""} and part.time_unit == "h"
    assert part.to_frame("covariates")["name"].tolist() == ["age", "CRP", "CRP"]
    assert part.to_frame("outcomes")["value"].tolist()[:2] == [2, 3]
    assert part.doses.sizes["dose"] == 1
    step = "selected 1 of 2 observables and 1 of 2 subjects: 1 of 4 rows kept"
    assert part.provenance[-1].steps == (step,)
    assert part.provenance[:-1] == full().provenance
    for arguments in ({"observables": ["IL7"]}, {"subjects": ["z"]}):
        with pytest.raises(StudyError, match="there is no"):
            full().select(**arguments)


@pytest.mark.parametrize("make", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_keep_covariates_and_outcomes(make: object, tmp_path: Path) -> None:
    one = full()
    assert make(one).tree.identical(one.tree)  # type: ignore[operator]
    one.tree.to_netcdf(tmp_path / "study.nc")
    with xr.open_datatree(tmp_path / "study.nc") as tree:
        assert Study.from_tree(tree).tree.identical(one.tree)


def test_a_tree_of_an_earlier_release_is_read() -> None:
    tree = study().tree
    for node in ("covariates", "outcomes"):
        del tree[node]
    tree["doses"] = tree["doses"].to_dataset().drop_vars(["rate", "steady_state", "kind"])
    assert Study.from_tree(tree).tree.identical(study().tree)


def test_the_summary_names_covariates_outcomes_and_events() -> None:
    doses = pd.DataFrame(
        [
            {**DOSE, "rate": 4.0, "kind": "reset_dose"},
            {**DOSE, "rate": -2, "interval": 12, "steady_state": 1},
            {**DOSE, "time": 5.0, "kind": "reset", "target": ""},
        ]
    ).fillna({"rate": 0, "interval": 0, "steady_state": 0, "kind": "dose"})
    text = str(full().with_doses(doses))
    for words in (
        "fixed: age, sex",
        "varying: CRP",
        "crs (ASTCT) of 2: 0: 1, 2: 1",
        "response of 1: CR: 1",
        "2 into E at 0 h, at a rate of 4 after a reset (1 subject)",
        "duration estimated, in steady state (every 12 h)",
        "reset at 5 h",
    ):
        assert words in text


def test_html_shows_the_summary_with_every_text_escaped() -> None:
    bad = "<script>alert('x')</script>&"
    record = Provenance(source=bad, file=bad, steps=(bad,))
    table = rows(subject=bad, observable=bad)
    own = pd.DataFrame({"subject": [bad], "name": bad, "value": bad})
    one = Study(
        table,
        name=bad,
        units={bad: bad},
        time_unit=bad,
        doses=pd.DataFrame([{**DOSE, "subject": bad, "target": bad, "unit": bad}]),
        covariates=own,
        outcomes=own.rename(columns={"name": "outcome"}),
        provenance=[record],
    )
    html = one._repr_html_()
    assert "<script" not in html and "&lt;script" in html
    assert "&" not in re.sub("&(amp|lt|gt|#34|#39);", "", html)
    plain = full()._repr_html_()
    for words in ("Study &#39;two&#39;: 4 measurements", "<td>TNF</td>", "ASTCT", "2 mg into E"):
        assert words in plain
