"""Grades in columns of a file, or in a second file with a row per patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytobayes.datasets import InputError, Study, TableError, read_table

WIDE = """\
subject,day,IL-6 (pg/mL),CRS grade (ASTCT),burden
P1,0,<3,,1.5
P1,3,250,2,1.5
P1,5,900,3,1.5
P1,9,12,0,1.5
P2,0,<3,0,0.4
P2,3,5,0,0.4
P3,1,7,,2
"""
TIDY = "subject,time (d),observable,value\nP1,0,IL6,3\nP1,2,IL6,90\nP2,0,IL6,4\n"


def read(folder: Path, text: str, **options: Any) -> Study:
    (folder / "my.csv").write_text(text, encoding="utf-8")
    return read_table(folder / "my.csv", **options)


def grades(study: Study, name: str = "crs", scale: str | None = None) -> dict[str, float]:
    rows = study.outcome(name, scale)
    return dict(zip(rows["subject"].to_numpy(), rows["value"].to_numpy(), strict=True))


def steps(study: Study) -> str:
    return "\n".join(step for record in study.provenance for step in record.steps)


def test_of_daily_grades_the_highest_counts_and_begins_at_the_first(tmp_path: Path) -> None:
    study = read(tmp_path, WIDE, columns={"time": "day"})
    assert grades(study) == {"P1": 3.0, "P2": 0.0}, "P3 has no grade"
    table = study.to_frame("outcomes").set_index("subject")
    assert table["time"].to_dict() == pytest.approx({"P1": 3.0, "P2": np.nan}, nan_ok=True)
    assert set(table["scale"]) == {"ASTCT"}
    assert study.observables == ("IL-6",), "a grade is no measurement"
    assert list(study.covariates) == ["burden"], "and no covariate"
    assert "is the outcome crs (ASTCT) of 2 subjects: highest of each subject" in steps(study)


def test_one_grade_for_each_patient_is_kept_as_it_stands(tmp_path: Path) -> None:
    text = TIDY.replace("value\n", "value,crs (Lee 2014)\n").replace("3\n", "3,2\n")
    text = text.replace("90\n", "90,2\n").replace("4\n", "4,\n")
    study = read(tmp_path, text)
    assert grades(study, scale="Lee 2014") == {"P1": 2.0}
    assert study.to_frame("outcomes")["time"].isna().all(), "nobody said when it began"


def test_records_of_nonmem_may_carry_a_grade(tmp_path: Path) -> None:
    text = "ID,TIME,DV,AMT,EVID,CRS (ASTCT)\n1,0,.,10,1,3\n1,1,5,.,0,3\n2,1,4,.,0,1\n"
    assert grades(read(tmp_path, text)) == {"1": 3.0, "2": 1.0}


def test_a_column_of_another_name_is_named_with_its_scale(tmp_path: Path) -> None:
    text = WIDE.replace("CRS grade (ASTCT)", "worst")
    columns = {"time": "day"}
    study = read(tmp_path, text, columns=columns, outcomes={"crs": "worst (ASTCT)"})
    assert grades(study, scale="ASTCT") == {"P1": 3.0, "P2": 0.0}


@pytest.mark.parametrize(
    ("old", "new", "outcomes", "message"),
    [
        ("CRS grade (ASTCT)", "worst", {"crs": "worst"}, "no scale is stated"),
        ("CRS grade (ASTCT)", "worst", {"crs": "wrst (ASTCT)"}, "Did you mean 'worst'"),
        ("CRS grade (ASTCT)", "grade (ASTCT)", {}, "does not say of what it is a grade"),
        ("250,2", "250,2.5", {}, "'2.5' is no grade"),
        ("250,2", "250,two", {}, "'two' is no grade"),
        ("250,2", "250,-1", {}, "'-1' is no grade"),
    ],
)
def test_what_is_no_grade_is_refused(
    tmp_path: Path, old: str, new: str, outcomes: dict[str, str], message: str
) -> None:
    with pytest.raises(TableError) as error:
        read(tmp_path, WIDE.replace(old, new), columns={"time": "day"}, outcomes=outcomes)
    assert message in " ".join(str(error.value).split())


def patients(folder: Path, text: str) -> Path:
    (folder / "patients.csv").write_text(text, encoding="utf-8")
    return folder / "patients.csv"


def test_a_file_of_patients_gives_covariates_grades_and_onsets(tmp_path: Path) -> None:
    file = patients(
        tmp_path,
        "subject;age;CRS grade (ASTCT);CRS onset (h)\nP1;61;2;36\nP2;44;0;\nP9;50;1;24\n",
    )
    study = read(tmp_path, TIDY, patients=file)
    assert grades(study) == {"P1": 2.0, "P2": 0.0}
    table = study.to_frame("outcomes").set_index("subject")
    assert table.loc["P1", "time"] == 1.5, "36 hours, in the days of the measurements"
    assert study.covariates["age"].to_numpy().tolist() == [61.0, 44.0]
    assert "3 patients read, 2 of them measured, 1 left out" in steps(study)


def test_a_measured_subject_who_is_no_patient_is_told(tmp_path: Path) -> None:
    study = read(tmp_path, TIDY, patients=patients(tmp_path, "subject,age\nP1,61\n"))
    assert "not in this file: 1 subject ('P2')" in steps(study)


def test_two_files_may_call_the_subject_differently(tmp_path: Path) -> None:
    file = patients(tmp_path, "subject,age\nP1,61\nP2,50\n")
    text = TIDY.replace("subject", "UPN")
    study = read(tmp_path, text, columns={"subject": "UPN"}, patients=file)
    assert study.covariates["age"].to_numpy().tolist() == [61.0, 50.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,age\nX1,61\n", "no patient of it is measured: 'X1'"),
        ("name,age\nP1,61\n", "column 'subject' is missing"),
        ("subject,weight\nP1,61\n", "weight is stated by both files"),
        ("subject,crs (ASTCT)\nP1,x\n", "'x' is no grade"),
    ],
)
def test_a_file_of_patients_is_refused_by_its_name(tmp_path: Path, text: str, message: str) -> None:
    table = TIDY.replace("value\n", "value,weight\n").replace("3\n", "3,70\n")
    with pytest.raises(InputError) as error:
        read(tmp_path, table.replace("90\n", "90,70\n").replace("4\n", "4,71\n"),
             patients=patients(tmp_path, text))  # fmt: skip
    said = " ".join(str(error.value).split()).replace("'weight'", "weight")
    assert message in said and "patients.csv" in said


def test_the_name_of_a_column_of_times_says_its_unit(tmp_path: Path) -> None:
    study = read(tmp_path, WIDE, columns={"time": "day"})
    assert study.time_unit == "d" and "times are in d, by the name of their column" in steps(study)
    hours = read(tmp_path, WIDE, columns={"time": "day"}, time_unit="h")
    assert hours.to_frame()["time"].max() == 9 * 24
