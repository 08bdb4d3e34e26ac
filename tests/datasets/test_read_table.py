"""A good file becomes a study, and every row of it is accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytobayes.datasets import Study, TableError, read_table
from cytobayes.datasets.table import parse_table

HEAD = "subject,time,observable,value\n"
COVARIATES = (
    "age",
    "weight",
    "site",
    "arm",
    "dose",
    "product",
    "batch",
    "plate",
    "grade",
    "visit",
    "note",
    "valid",
    "day",
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Study]:
    def put_and_read(text: str, **options: object) -> Study:
        path = tmp_path / "il6.csv"
        path.write_bytes(text.encode())
        return read_table(path, **options)  # type: ignore[arg-type]

    return put_and_read


def steps(study: Study) -> str:
    return "\n".join(study.provenance[0].steps)


def test_subjects_stay_text_and_numbers_exact(read: Callable[..., Study]) -> None:
    study = read(HEAD + "007,0.1,IL6,0.30000000000000004\n007,1e0,IL6,-2\nNA,.5,IL6,+3.\n")
    assert study.subjects == ("007", "NA")
    assert study.observations["time"].values.tolist() == [0.1, 1.0, 0.5]
    assert study.observations["value"].values.tolist() == [0.30000000000000004, -2.0, 3.0]
    assert study.name == "il6" and not study.is_aggregated


def test_values_with_a_mark_are_censored_at_that_limit(read: Callable[..., Study]) -> None:
    study = read(HEAD + "1,0,IL6,<1.2\n1,1,IL6,5\n1,2,IL6,> 1500\n1,3,IL6,<=2\n1,4,IL6,≥9\n")
    rows = study.to_frame()
    assert rows["censoring"].tolist() == ["left", "none", "right", "left", "right"]
    assert rows["value"].tolist() == [1.2, 5, 1500, 2, 9]
    np.testing.assert_array_equal(rows["lower"], [1.2, np.nan, np.nan, 2, np.nan])
    np.testing.assert_array_equal(rows["upper"], [np.nan, np.nan, 1500, np.nan, 9])
    assert study.provenance[0].steps == (
        "5 rows read = 5 kept + 0 left out",
        "IL6: 2 rows written '<LIMIT' (1.2 to 2) scored as left-censored",
        "IL6: 2 rows written '>LIMIT' (9 to 1500) scored as right-censored",
    )


def test_values_at_or_beyond_the_limits_of_their_row_are_censored_there(
    read: Callable[..., Study],
) -> None:
    study = read(
        "subject,time,observable,value,unit,lower,upper\n"
        "1,0,IL6,0.4,pg/mL,1.2,100\n1,1,IL6,1.2,pg/mL,1.2,100\n1,2,IL6,1.3,pg/mL,1.2,\n"
        "1,3,IL6,100,pg/mL,,100\n1,4,IL6,250,pg/mL,1.2,100\n1,5,IL6,300,pg/mL,,\n"
    )
    rows = study.to_frame()
    assert rows["censoring"].tolist() == ["left", "left", "none", "right", "right", "none"]
    assert rows["value"].tolist() == [1.2, 1.2, 1.3, 100, 100, 300]
    assert "IL6: 2 rows at or below the lower limit (1.2 pg/mL) scored as left" in steps(study)
    assert "IL6: 2 rows at or above the upper limit (100 pg/mL) scored as right" in steps(study)
    assert "2 left, 2 right" in str(study)


def test_rows_without_a_value_are_left_out_and_counted(read: Callable[..., Study]) -> None:
    study = read(HEAD + "1,0,IL6,\n1,1,IL6,NA\n1,2,IL6,3\n1,3,TNF,.\n\n,,,\n")
    record = study.provenance[0]
    assert (record.rows_read, record.rows_kept) == (4, 1)
    assert record.steps == (
        "4 rows read = 1 kept + 3 left out",
        "IL6: 2 rows without a value left out",
        "TNF: 1 row without a value left out",
        "2 blank lines skipped",
    )
    assert study.observables == ("IL6",)


def test_published_means_carry_sd_and_n(read: Callable[..., Study]) -> None:
    study = read("subject,time,observable,value,sd,n\ng,0,IL6,3,1.5,20\np,0,IL6,3,,\n")
    assert study.is_aggregated
    np.testing.assert_array_equal(study.observations["sd"], [1.5, np.nan])
    np.testing.assert_array_equal(study.observations["n"], [20, np.nan])


def test_columns_are_found_in_any_case_and_order_or_by_the_map(
    read: Callable[..., Study],
) -> None:
    plain = read(HEAD + "1,0,IL6,2\n")
    for text, columns in (
        ("VALUE, Time ,OBSERVABLE,Subject\n2,0,IL6,1\n", None),
        ("DV,time,what,ID\n2,0,IL6,1\n", {"value": "dv", "observable": "what", "subject": "ID"}),
        ("value,time,observable,ID,DV\n9,0,IL6,1,2\n", {"value": "DV", "subject": "ID"}),
    ):
        assert read(text, columns=columns).to_frame().equals(plain.to_frame())


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
def test_separators_line_ends_and_byte_order_marks_do_not_matter(
    separator: str, end: str, start: str, read: Callable[..., Study]
) -> None:
    lines = ["subject,time,observable,value", '"1",0,"IL6",2', " 1 , 1 ,IL6, 3 ", '1,2,"IL6",4']
    study = read(start + end.join(lines).replace(",", separator) + end)
    assert study.subjects == ("1",)
    assert study.observations["value"].values.tolist() == [2, 3, 4]
    assert ("fields were separated by" in steps(study)) == (separator != ",")


def test_other_columns_become_covariates_or_are_named(read: Callable[..., Study]) -> None:
    head = "subject,time,observable,value,sex,WT (kg),CRP,plate,empty\n"
    study = read(
        head + "1,0,IL6,2,f,70,3,a,\n1,0,TNF,2,f,70.0,3,b,\n1,2,IL6,2,f,,4,a,\n2,0,IL6,1,m,NA,5,a,."
    )
    assert study.covariates["sex"].values.tolist() == ["f", "m"]
    np.testing.assert_array_equal(study.covariates["WT"], [70, np.nan])
    assert study.covariates["WT"].attrs["units"] == "kg"
    varying = study.to_frame("covariates").query("name == 'CRP'")
    assert varying[["subject", "time", "value"]].values.tolist() == [
        ["1", 0.0, 3.0], ["1", 2.0, 4.0], ["2", 0.0, 5.0],
    ]  # fmt: skip
    for words in (
        "one value per subject: 'sex', 'WT'",
        "that change in time: 'CRP'",
        "they are empty: 'empty'",
        "two values at one time of a subject: 'plate'",
    ):
        assert words in steps(study)


@pytest.mark.parametrize("name", COVARIATES)
def test_usual_covariates_are_not_mistaken_for_a_column(
    name: str, read: Callable[..., Study]
) -> None:
    study = read(f"subject,time,observable,value,{name}\n1,0,IL6,2,x")
    assert study.covariates[name].values.tolist() == ["x"]


def test_units_are_kept_per_observable_and_for_time(read: Callable[..., Study]) -> None:
    head = "subject,time,time_unit,observable,value,unit\n"
    study = read(head + "1,0,h,IL6,2,pg/mL\n1,0,h,CRP,3,mg/L\n", time_unit="h")
    assert study.units == {"IL6": "pg/mL", "CRP": "mg/L"} and study.time_unit == "h"
    assert read(HEAD + "1,0,IL6,2\n", time_unit="d").time_unit == "d"
    assert read(HEAD + "1,0,IL6,2\n").time_unit == ""


def test_the_order_of_subjects_and_observables_is_that_of_the_file(
    read: Callable[..., Study],
) -> None:
    study = read(HEAD + "b,0,TNF,1\nb,1,TNF,1\na,0,IL6,1\nb,0,IL6,1\n")
    assert study.subjects == ("b", "a") and study.observables == ("TNF", "IL6")


def test_provenance_names_file_and_digest(read: Callable[..., Study], tmp_path: Path) -> None:
    record = read(HEAD + "1,0,IL6,2\n").provenance[0]
    assert record.file == str(tmp_path / "il6.csv")
    assert record.sha256 == "cfe6533b45c536eceaf5e71d5948fcaea3e0456ba374b62f7c05c428b06d78f6"


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    subject=st.text("abcXYZ 0123456789-_é中", min_size=1).filter(str.strip),
)
def test_any_table_of_finite_values_is_read_as_written(values: list[float], subject: str) -> None:
    text = HEAD + "".join(f"{subject},{t},IL6,{v!r}\n" for t, v in enumerate(values))
    study = parse_table(text.encode(), "any.csv")
    assert study.observations["value"].values.tolist() == values
    assert study.subjects == (subject.strip(),)


@given(order=st.permutations(range(6)))
def test_subjects_in_any_order_give_the_same_rows_for_each(order: list[int]) -> None:
    text = HEAD + "".join(f"{s},{t},IL6,{s + t}\n" for s in order for t in (0, 1))
    frame = parse_table(text.encode(), "any.csv").to_frame()
    for subject, part in frame.groupby("subject"):
        assert part["value"].tolist() == [int(str(subject)), int(str(subject)) + 1]


def cohort(subjects: int) -> bytes:
    """100 times and 10 observables of each subject, every twentieth value below a limit."""
    rng = np.random.default_rng(1)
    lines = ["subject,time,observable,value,unit,lower,upper"]
    for k in range(subjects * 1000):
        value = "<1.2" if k % 20 == 0 else f"{rng.random() * 100:.4f}"
        lower = "" if k % 20 == 0 else "0.5"
        head = f"P{k // 1000:04d},{(k % 100) / 24:.4f},obs{k // 100 % 10}"
        lines.append(f"{head},{value},pg/mL,{lower},99")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("subjects", "seconds"), [(100, 2.0), pytest.param(1000, 10.0, marks=pytest.mark.slow)]
)
def test_reading_takes_less_than_ten_seconds_of_one_core_per_million_rows(
    subjects: int, seconds: float
) -> None:
    raw = cohort(subjects)
    start = time.process_time()
    study = parse_table(raw, "cohort.csv")
    assert time.process_time() - start < seconds
    assert study.observations.sizes["row"] == subjects * 1000
    assert (study.observations["censoring"] == "left").sum() >= subjects * 50


def test_many_bad_cells_are_refused_on_one_screen() -> None:
    raw = (HEAD + "1,-1,IL6,BLQ\n" * 100_000).encode()
    with pytest.raises(TableError) as caught:
        parse_table(raw, "bad.csv")
    assert caught.value.count == 299_999 and len(str(caught.value).splitlines()) < 25
