"""A study is checked when it is made, does not change, and survives storage."""

from __future__ import annotations

import copy
import pickle
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
