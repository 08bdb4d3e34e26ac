"""Wide files, workbooks and Parquet files give the study that a tidy csv file would give."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from cytobayes.datasets import Study, TableError, read_table
from cytobayes.datasets.table import parse_table
from cytobayes.datasets.units import conversion, split_unit

TIDY = (
    "subject,time,observable,value,unit\n"
    "1,0,IL-6,<1.2,pg/mL\n1,1,IL-6,5,pg/mL\n2,0,IL-6,7.5,pg/mL\n"
    "1,0,CRP,3,mg/L\n1,1,CRP,4,mg/L\n2,0,CRP,> 300,mg/L\n"
)
WIDE = "subject,time,IL-6 (pg/mL),CRP_mg_l,age (years),arm\n"
WIDE += "1,0,<1.2,3,44,A\n1,1,5,4,44,A\n2,0,7.5,> 300,51,B\n"


def read(text: str, **options: object) -> Study:
    return parse_table(text.encode(), "wide.csv", **options)  # type: ignore[arg-type]


def refused(text: str, **options: object) -> str:
    with pytest.raises(TableError) as caught:
        read(text, **options)
    return " ".join(str(caught.value).split())


def steps(study: Study) -> str:
    return "\n".join(study.provenance[0].steps)


def test_a_wide_file_gives_the_study_of_the_tidy_one() -> None:
    wide, tidy = read(WIDE), read(TIDY)
    expected = tidy.to_frame()
    pd.testing.assert_frame_equal(wide.to_frame(), expected)
    assert wide.units == {"IL-6": "pg/mL", "CRP": "mg/L"}
    assert wide.covariates["age"].values.tolist() == [44, 51]
    assert wide.covariates["arm"].values.tolist() == ["A", "B"]
    assert wide.provenance[0].steps[:2] == (
        "6 rows read = 6 kept + 0 left out",
        "a row per analyte: 3 lines times 2 columns ('IL-6 (pg/mL)', 'CRP_mg_l')",
    )


def test_the_account_lists_the_columns_in_the_order_of_the_file() -> None:
    names = ["TNF", "IL6", "IL10", "IFNg", "IL8", "IL2", "IL1b", "IL15"]
    headers = [f"{name} (pg/mL)" for name in names]
    study = read(",".join(["subject", "time", *headers]) + "\n1,0,1,2,3,4,5,6,7,8\n")
    assert study.provenance[0].steps[1] == (
        f"a row per analyte: 1 lines times 8 columns ({', '.join(map(repr, headers))})"
    )


def test_columns_without_a_unit_are_measurements_if_they_are_named() -> None:
    text = "subject,time (d),IL6,CRP,age\n1,0,2,,50\n1,1,3,9,50\n"
    assert "no column is known to hold measurements" in refused(text, format="wide")
    study = read(text, observables=["IL6", "CRP"], format="wide", time_unit="h")
    assert study.observables == ("IL6", "CRP") and list(study.covariates) == ["age"]
    assert study.observations["time"].values.tolist() == [0, 24, 24]
    assert "4 rows read = 3 kept + 1 left out" in steps(study)
    assert "CRP: 1 row without a value left out" in steps(study)
    by_units = read(text, units={"IL6": "pg/mL", "CRP": "mg/L"}, format="wide")
    assert by_units.units == {"IL6": "pg/mL", "CRP": "mg/L"}
    assert "names 'TNF', which is no column" in refused(text, observables=["TNF"], format="wide")


def test_a_unit_in_the_header_of_a_tidy_file_is_that_of_its_values() -> None:
    study = read("subject,time (h),observable,value (pg/mL)\n1,0,IL6,2\n1,1,IL6,3\n")
    assert study.units == {"IL6": "pg/mL"} and study.time_unit == "h"
    assert "'observable' is missing" in refused("subject,time,value (pg/mL)\n1,0,2\n")


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("IL-6 (pg/mL)", ("IL-6", "pg/mL")),
        ("IL6 [ng/L]", ("IL6", "ng/L")),
        ("IL6_pg_mL", ("IL6", "pg/mL")),
        ("IFN_g_pg_ml", ("IFN_g", "pg/mL")),
        ("CAR cells/uL", ("CAR", "cells/uL")),
        ("LDH_U_per_L", ("LDH", "U/L")),
        ("transgene_copies_ug", ("transgene", "copies/ug")),
        ("IL6", ("IL6", "")),
        ("mg_L", ("mg_L", "")),
        ("note (see below; or ask)", ("note (see below; or ask)", "")),
    ],
)
def test_a_unit_is_found_in_the_header(header: str, parts: tuple[str, str]) -> None:
    assert split_unit(header, suffix=True) == parts


@pytest.mark.parametrize(
    ("given", "wanted", "factor"),
    [
        ("pg/mL", "ng/L", 1),
        ("ng/mL", "pg/mL", 1000),
        ("ug/dL", "mg/L", 0.01),
        ("d", "h", 24),
        ("min", "h", 1 / 60),
        ("weeks", "d", 7),
        ("cells/uL", "cells/mL", 1000),
        ("\u00b5g/ml", "ng/mL", 1000),
        ("U/mL", "U/L", 1000),
        ("%", "1", 0.01),
    ],
)
def test_units_have_their_factor(given: str, wanted: str, factor: float) -> None:
    assert conversion(given, wanted) == (factor, "")


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [
        ("U/mL", "pg/mL", "no common factor"),
        ("IU/mL", "pg/mL", "no common factor"),
        ("U/mL", "IU/mL", "no common factor"),
        ("cells/uL", "copies/uL", "different things"),
        ("pg/mL", "h", "different things"),
        ("degF", "degC", "different things"),
        ("furlongz", "h", "no unit"),
        ("10**10**10", "h", "no unit"),
        ("__import__('os')", "h", "no unit"),
        ("", "h", "no unit"),
    ],
)
def test_units_without_a_factor_say_why(given: str, wanted: str, words: str) -> None:
    factor, reason = conversion(given, wanted)
    assert np.isnan(factor) and words in reason


def test_values_and_limits_are_converted_to_the_wanted_unit() -> None:
    head = "subject,time,observable,value,unit,lower,sd,n\n"
    study = read(
        head + "1,0,IL6,<1,ng/mL,,,\n1,1,IL6,2000,ng/L,500,,\n1,2,IL6,3,ng/mL,0.5,,\n",
        units={"IL6": "pg/mL"},
    )
    rows = study.to_frame()
    assert rows["value"].tolist() == [1000, 2000, 3000]
    assert rows["lower"].tolist() == [1000, 500, 500]
    assert study.units == {"IL6": "pg/mL"}
    assert "IL6: 2 rows converted from ng/mL to pg/mL (times 1000)" in steps(study)
    assert "IL6: 1 row converted from ng/L to pg/mL (times 1)" in steps(study)
    means = read(head + "g,0,IL6,2,ng/mL,,0.5,4\n", units={"IL6": "pg/mL"}).to_frame()
    assert means[["value", "sd", "n"]].values.tolist() == [[2000, 500, 4]]


def test_activity_needs_a_factor() -> None:
    text = "subject,time,observable,value,unit\n1,0,IL2,3,U/mL\n1,1,IL2,4,U/mL\n"
    message = refused(text, units={"IL2": "pg/mL"})
    for words in (
        "row 2, column 'unit': 'U/mL'",
        "cannot be converted to 'pg/mL'",
        "factors={'IL2': ...}",
    ):
        assert words in message
    study = read(text, units={"IL2": "pg/mL"}, factors={"IL2": 60.0})
    assert study.observations["value"].values.tolist() == [180, 240]
    assert "without the unit that it leads to" in refused(text, factors={"IL2": 60.0})


def test_options_for_unknown_observables_are_refused() -> None:
    for option in ({"units": {"IL7": "pg/mL"}}, {"limits": {"IL7": (1.0, None)}}):
        message = refused(TIDY, **option)
        assert "names 'IL7', which is no observable" in message and "'IL-6', 'CRP'" in message


def test_limits_of_the_caller_censor_and_give_blq_its_value() -> None:
    text = "subject,time,observable,value\n1,0,IL6,BLQ\n1,1,IL6,0.1\n1,2,IL6,5\n1,3,IL6,>ULOQ\n"
    study = read(text, limits={"IL6": (0.5, 900)})
    rows = study.to_frame()
    assert rows["censoring"].tolist() == ["left", "left", "none", "right"]
    assert rows["value"].tolist() == [0.5, 0.5, 5, 900]
    assert "IL6: 1 row said to be below the limit (0.5) scored as left-censored" in steps(study)
    assert "IL6: 1 row said to be above the limit (900) scored as right-censored" in steps(study)


def test_words_for_not_measured_are_left_out_and_named() -> None:
    text = "subject,time,observable,value\n1,0,IL6,Hemolyzed\n1,1,IL6,tube broke\n1,2,IL6,5\n"
    assert "'tube broke' is not a number" in refused(text)
    study = read(text, missing=["Tube broke"])
    assert study.observations["value"].values.tolist() == [5]
    assert "IL6: 2 rows without a value left out" in steps(study)
    assert "IL6: 2 of these said not measured ('Hemolyzed', 'tube broke')" in steps(study)


def test_replicates_are_kept_if_asked() -> None:
    text = "subject,time,observable,value\n1,0,IL6,1\n1,0,IL6,2\n"
    assert "replicates=True" in refused(text)
    assert read(text, replicates=True).observations["value"].values.tolist() == [1, 2]


def test_occasion_assay_and_source_are_kept() -> None:
    head = "subject,time,observable,value,occasion,assay,source\n"
    study = read(head + "1,0,IL6,1,2,MSD,A\n1,1,IL6,2,2,,A\n")
    assert study.to_frame()[["occasion", "assay", "source"]].values.tolist() == [
        ["2", "MSD", "A"], ["2", "", "A"],
    ]  # fmt: skip
    assert Study.from_tree(study.tree).tree.identical(study.tree)


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ROWS: list[list[object]] = [
    ["subject", "time", "observable", "value", "unit"],
    ["1", 0, "IL-6", "<1.2", "pg/mL"],
    ["1", 1, "IL-6", 5, "pg/mL"],
    ["2", 0.0, "IL-6", 7.5, "pg/mL"],
    ["1", 0, "CRP", 3, "mg/L"],
    ["1", 1, "CRP", 4.0, "mg/L"],
    ["2", 0, "CRP", "> 300", "mg/L"],
]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def write(raw: bytes, name: str = "book.xlsx") -> Path:
        (tmp_path / name).write_bytes(raw)
        return tmp_path / name

    return write


def test_a_workbook_gives_the_study_of_the_text(put: Callable[..., Path]) -> None:
    path = put(workbook({"data": ROWS, "empty": []}))
    study = read_table(path)
    pd.testing.assert_frame_equal(study.to_frame(), read(TIDY).to_frame())
    assert "read from sheet 'data' of an Excel workbook" in steps(study)


def test_rows_of_a_workbook_are_those_of_the_program(put: Callable[..., Path]) -> None:
    rows: list[list[object]] = [[], ROWS[0], ROWS[1], [], ["1", 2, "IL-6", "x", "pg/mL"]]
    with pytest.raises(TableError) as caught:
        read_table(put(workbook({"a": rows})))
    assert [(p.row, p.column, p.value) for p in caught.value.problems] == [(5, "value", "x")]


def test_dates_formulas_and_stray_cells_of_a_workbook_are_refused(
    put: Callable[..., Path],
) -> None:
    rows = [*ROWS, ["3", pd.Timestamp("2024-01-02"), "IL-6", "=1+1", "pg/mL", "stray"]]
    more = [*rows, ["3", 2, "IL-6", "=A1", "pg/mL"]]
    with pytest.raises(TableError) as caught:
        read_table(put(workbook({"a": more})))
    text = " ".join(str(caught.value).split())
    assert "row 8: '3,2024-01-02 00:00:00" in text and "cells beyond the last column" in text
    assert "row 9, column 'value': '=A1' is a formula without a stored result" in text
    with pytest.raises(TableError, match="date or a time of day"):
        read_table(put(workbook({"a": [row[:5] for row in rows]})))


def test_the_sheet_is_named_if_there_are_several(put: Callable[..., Path]) -> None:
    path = put(workbook({"old": [["x"], [1]], "new": ROWS}))
    with pytest.raises(TableError, match="2 of its sheets hold something: old, new"):
        read_table(path)
    assert len(read_table(path, sheet="new").to_frame()) == 6
    with pytest.raises(TableError, match="Did you mean 'new'"):
        read_table(path, sheet="New1")
    with pytest.raises(TableError, match="empty workbook"):
        read_table(put(workbook({"none": []})))


def test_broken_files_are_refused(put: Callable[..., Path]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<no")
    for raw, words in (
        (out.getvalue(), "Excel workbook that cannot be read"),
        (workbook({"a": ROWS})[:2000], "Excel workbook"),
        (b"PAR1" + b"x" * 50, "Parquet file that cannot be read"),
    ):
        with pytest.raises(TableError, match=words):
            read_table(put(raw))


def test_a_parquet_file_gives_the_study_of_the_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS[1:], columns=ROWS[0])
    frame["value"] = frame["value"].astype(str)
    frame["subject"] = frame["subject"].astype(int)
    frame["age"] = pd.Categorical([44, None, 44, 44, 44, 44])
    frame["crp"] = [1.5, np.nan, 2.0, 1.5, 1e-300, 2.0]
    frame.to_parquet(tmp_path / "data.parquet")
    study = read_table(tmp_path / "data.parquet")
    pd.testing.assert_frame_equal(study.to_frame(), read(TIDY).to_frame())
    assert study.covariates["age"].values.tolist() == [44, 44]
    assert "read from a Parquet file" in steps(study)


def test_every_type_of_parquet_is_read_or_refused_in_its_row(tmp_path: Path) -> None:
    times = pd.to_datetime(["2024-01-01", "2024-01-02"])
    frame = pd.DataFrame({"subject": [True, False], "time": times, "value": [[1, 2], None]})
    frame.assign(observable="x").to_parquet(tmp_path / "data.parquet")
    with pytest.raises(TableError) as caught:
        read_table(tmp_path / "data.parquet")
    found = {(p.row, p.column) for p in caught.value.problems}
    assert found == {(1, "time"), (2, "time"), (1, "value")}
