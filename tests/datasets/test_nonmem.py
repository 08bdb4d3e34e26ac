"""NONMEM records mean here what they mean there; nothing is lost on the way back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import (
    InputError,
    Provenance,
    Study,
    StudyError,
    TableError,
    read_table,
    write_nonmem,
)
from cytobayes.datasets.export import nonmem_records
from cytobayes.datasets.table import parse_table
from cytobayes.inference.arrangement import regimens_of
from cytobayes.models.dosing import Dose, Regimen, Reset
from cytobayes.models.ode import OdeModel, Parameter, State

NODES = ("observations", "doses", "covariates", "outcomes")
HEAD = "ID,TIME,DV,AMT,EVID,CMT,RATE,II,ADDL,SS\n"
LAST = "1,99,1,.,0,.,.,.,.,.\n"


def read(text: str, **options: object) -> Study:
    return parse_table(text.encode(), "pk.csv", **options)  # type: ignore[arg-type]


def dose(record: str, **options: object) -> dict[str, object]:
    """Make a study of one dose record and a measurement, and return the dose."""
    table = read(HEAD + record + "\n" + LAST, **options).to_frame("doses")
    return dict(table.drop(columns=["subject", "unit"]).iloc[0])


def steps(study: Study) -> str:
    return "\n".join(study.provenance[0].steps)


def rhs(t: object, y: object, p: object) -> dict[str, object]:
    return {"gut": -p.ka * y.gut, "blood": p.ka * y.gut - p.ke * y.blood}  # type: ignore[attr-defined]


@pytest.fixture
def model() -> OdeModel:
    return OdeModel(
        name="two",
        states=(State("gut", "mg"), State("blood", "mg")),
        parameters=tuple(
            Parameter(name, 1.0, unit)
            for name, unit in (("ka", "1/h"), ("ke", "1/h"), ("R2", "mg/h"), ("D2", "h"))
        ),
        rhs=rhs,
        initial={"gut": 0.0, "blood": 0.0},
        time_unit="h",
    )


PLAIN = {"kind": "dose", "duration": 0, "rate": 0, "interval": 0, "count": 1, "steady_state": 0}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("1,0,.,100,1,1,.,.,.,.", {"amount": 100, "target": "1"}),
        ("1,3,.,100,1,2,25,.,.,.", {"time": 3, "amount": 100, "target": "2", "rate": 25}),
        ("1,0,.,100,1,2,-1,.,.,.", {"amount": 100, "target": "2", "rate": -1}),
        ("1,0,.,100,1,2,-2,.,.,.", {"amount": 100, "target": "2", "rate": -2}),
        ("1,0,.,100,1,.,0,12,14,.", {"amount": 100, "interval": 12, "count": 15}),
        ("1,0,.,100,1,1,.,12,.,1", {"amount": 100, "interval": 12, "steady_state": 1}),
        ("1,0,.,100,1,1,.,12,2,2", {"interval": 12, "count": 3, "steady_state": 2}),
        ("1,0,.,0,1,1,5,.,.,1", {"amount": 0, "rate": 5, "steady_state": 1}),
        ("1,7,.,.,3,.,.,.,.,.", {"time": 7, "kind": "reset", "amount": 0, "target": ""}),
        ("1,7,.,9,4,2,.,.,.,.", {"time": 7, "kind": "reset_dose", "amount": 9, "target": "2"}),
        ("1,0,.,100,101,1,.,.,.,.", {"amount": 100, "target": "1"}),
        ("1,0,.,100,201,.,.,.,.,.", {"amount": 100, "target": "2"}),
        ("1,0,.,100,1,depot,.,.,.,.", {"amount": 100, "target": "depot"}),
        ("1,0,.,0,1,1,.,.,.,.", {"amount": 0}),
    ],
)
def test_a_dose_record_becomes_a_dose(record: str, expected: dict[str, object]) -> None:
    found = dose(record)
    wanted = PLAIN | {"time": 0, "amount": found["amount"], "target": "1"} | expected
    assert found == wanted


@pytest.mark.parametrize(
    ("record", "events"),
    [
        ("1,0,.,100,1,1,.,.,.,.", [Dose(0.0, 100.0, "gut")]),
        ("1,3,.,100,1,2,25,.,.,.", [Dose(3.0, 100.0, "blood", rate=25.0)]),
        ("1,0,.,100,1,2,-1,.,.,.", [Dose(0.0, 100.0, "blood", rate="R2")]),
        ("1,0,.,100,1,2,-2,.,.,.", [Dose(0.0, 100.0, "blood", duration="D2")]),
        ("1,0,.,100,1,gut,.,12,14,.", [Dose(0.0, 100.0, "gut", interval=12.0, count=15)]),
        ("1,0,.,9,1,1,.,12,.,1", [Dose(0.0, 9.0, "gut", interval=12.0, steady_state=True)]),
        ("1,0,.,0,1,2,5,.,.,1", [Dose(0.0, 5.0, "blood", duration=np.inf, steady_state=True)]),
        ("1,7,.,.,3,.,.,.,.,.", [Reset(7.0)]),
        ("1,7,.,9,4,2,.,.,.,.", [Reset(7.0), Dose(7.0, 9.0, "blood")]),
    ],
)
def test_a_dose_record_becomes_an_event_of_the_engine(
    record: str, events: list[Dose | Reset], model: OdeModel
) -> None:
    assert regimens_of(model, read(HEAD + record + "\n" + LAST), None) == (Regimen(events),)


def test_doses_are_converted_to_the_units_of_the_model(model: OdeModel) -> None:
    text = HEAD + "1,1,.,2,1,2,48,1,1,.\n" + LAST
    study = read(text, time_unit="d", units={"AMT": "g"})
    (regimen,) = regimens_of(model, study, None)
    (given,) = regimen.events
    assert given == Dose(24.0, 2000.0, "blood", rate=2000.0, interval=24.0, count=2)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("1,0,.,1,1,3,.,.,.,.", "'3' is no state of the model two"),
        ("1,0,.,1,1,liver,.,.,.,.", "'liver' is no state of the model two"),
        ("1,0,.,1,1,1,-1,.,.,.", "to the parameter R1, which the model two does not have"),
        ("1,0,.,1,1,1,-2,.,.,.", "to the parameter D1"),
        ("1,0,.,1,1,1,.,12,.,2", "SS = 2"),
    ],
)
def test_a_dose_that_the_model_cannot_take_is_refused(
    record: str, words: str, model: OdeModel
) -> None:
    with pytest.raises(InputError, match=words):
        regimens_of(model, read(HEAD + record + "\n" + LAST), None)


def test_every_kind_of_record_is_counted() -> None:
    study = read(
        "ID,TIME,DV,MDV,AMT,EVID,WT\n1,0,.,1,10,1,70\n1,1,5,0,.,0,70\n1,2,6,1,.,0,70\n1,3,.,0,.,0,70\n"
        "1,4,.,1,.,2,71\n1,5,.,1,.,3,71\n1,6,.,1,10,4,71\n2,0,.,1,10,1,60\n2,1,.,1,.,0,60\n"
    )
    record = study.provenance[0]
    assert (record.rows_read, record.rows_kept, study.subjects) == (9, 1, ("1",))
    assert record.steps[0] == (
        "9 rows read = 1 kept + 1 dose + 1 reset with a dose + 1 reset + 1 other event + "
        "1 with MDV 1 + 1 without a value + 2 of subjects without a measurement"
    )
    assert "1 subject without a measurement: '2'" in steps(study)
    varying = study.to_frame("covariates")
    assert varying["time"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert varying["value"].tolist() == [70, 70, 70, 70, 71, 71, 71]


def test_without_evid_the_columns_of_doses_tell_the_kind() -> None:
    study = read("ID,TIME,DV,AMT,MDV\n1,0,.,100,1\n1,1,5,.,0\n1,2,0,0,1\n1,3,7,0,0\n")
    assert study.observations["value"].values.tolist() == [5, 7]
    assert study.doses["amount"].values.tolist() == [100]
    assert "2 kept + 1 dose + 1 other event" in steps(study)


CENSORED = (
    "ID,TIME,DV,CENS,LIMIT,LLOQ\n1,0,2,1,.,.\n1,1,2,1,0.5,.\n1,2,90,-1,.,.\n1,3,90,-1,120,.\n"
)


def test_cens_and_limit_mean_what_they_mean_in_monolix() -> None:
    rows = read(CENSORED + "1,4,1,0,.,1.5\n").to_frame()
    assert rows["censoring"].tolist() == ["left", "interval", "right", "interval", "none"]
    assert rows["value"].tolist() == [2, 2, 90, 90, 1]
    np.testing.assert_array_equal(rows["lower"], [2, 0.5, np.nan, 90, 1.5])
    np.testing.assert_array_equal(rows["upper"], [np.nan, 2, 90, 120, np.nan])
    text = steps(read(CENSORED))
    assert "1 row flagged below (2) scored as left-censored" in text
    assert "2 rows flagged between this and LIMIT (2 to 90) scored as interval-censored" in text


def test_blq_means_below_the_limit_of_its_row() -> None:
    text = "ID,TIME,DV,BLQ,LLOQ\n1,0,.,1,0.5\n1,1,0,1,0.5\n1,2,0.4,0,0.5\n1,3,3,.,.\n"
    rows = read(text).to_frame()
    assert rows["censoring"].tolist() == ["left", "left", "none", "none"]
    assert rows["value"].tolist() == [0.5, 0.5, 0.4, 3]
    same = read("ID,TIME,DV,BLQ\n1,0,.,1\n1,1,3,0\n", limits={"DV": (0.5, None)}).to_frame()
    assert same["value"].tolist() == [0.5, 3] and same["censoring"].tolist() == ["left", "none"]


def test_lloq_alone_censors_what_is_at_or_below_it() -> None:
    rows = read("ID,TIME,DV,LLOQ,ULOQ\n1,0,0,0.5,9\n1,1,0.5,0.5,9\n1,2,1,0.5,9\n1,3,10,0.5,9\n")
    assert rows.observations["censoring"].values.tolist() == ["left", "left", "none", "right"]
    assert rows.observations["value"].values.tolist() == [0.5, 0.5, 1, 9]


@pytest.mark.parametrize(
    ("text", "options", "names"),
    [
        ("ID,TIME,DV\n1,0,1\n", {}, ["DV"]),
        ("ID,TIME,conc\n1,0,1\n", {"columns": {"value": "conc"}}, ["conc"]),
        ("ID,TIME,DV,DVID\n1,0,1,1\n1,0,1,2\n", {}, ["DV_1", "DV_2"]),
        ("ID,TIME,DV,DVID\n1,0,1,1.0\n1,1,1,1\n", {}, ["DV", "DV"]),
        ("ID,TIME,DV,DVID\n1,0,1,cp\n1,0,1,pca\n", {}, ["cp", "pca"]),
        ("ID,TIME,DV,DVID\n1,0,1,1\n1,0,1,2\n", {"observables": {1: "A", 2: "B"}}, ["A", "B"]),
        ("ID,TIME,DV,CMT,MDV\n1,0,1,2,0\n1,0,1,3,0\n", {}, ["DV_2", "DV_3"]),
        ("ID,TIME,DV,CMT,MDV\n1,0,1,2,0\n", {"observables": {"2": "CP"}}, ["CP"]),
    ],
)
def test_observables_are_named_by_dvid_or_compartment(
    text: str, options: dict[str, object], names: list[str]
) -> None:
    assert read(text, **options).to_frame()["observable"].tolist() == names


def test_case_points_and_covariates() -> None:
    study = read("id,time,dv,amt,evid,sex,WT (kg)\n7,0,.,1,1,m,.\n7,1,2,.,0,m,80\n")
    assert study.subjects == ("7",)
    assert study.covariates["sex"].values.tolist() == ["m"]
    assert study.covariates["WT"].item() == 80 and study.covariates["WT"].attrs["units"] == "kg"


@pytest.mark.parametrize(
    "text",
    [
        '# a note, with "quotes" , "here"\n@ another\nID,TIME,DV\n1,0,5\n# gone,1,1\n@,2,2\n',
        "#ID,TIME,DV\n1,0,5\n#1,1,6\n",
        "C,ID,TIME,DV\n.,1,0,5\nC,1,1,x\n",
        "ID,TIME,DV\n1,0,5\nC,1,x\nC2,1,7\n",
    ],
)
def test_comments_are_skipped_and_counted(text: str) -> None:
    study = read(text)
    assert study.observations["value"].values.tolist() == [5]
    assert "skipped" in steps(study) and "1 row read = 1 kept" in steps(study)


def test_subjects_that_begin_with_a_c_are_no_comments() -> None:
    assert read("ID,TIME,DV\nC1,0,5\nD1,0,6\n").subjects == ("C1", "D1")


def test_a_file_without_id_is_one_subject() -> None:
    assert read("TIME,DV,EVID\n0,5,0\n1,6,0\n").subjects == ("1",)


def test_times_intervals_and_rates_are_converted() -> None:
    text = "ID,TIME (d),DV,AMT,EVID,RATE,II,ADDL\n1,1,.,48,1,24,2,1\n1,2,5,.,0,.,.,.\n"
    study = read(text, time_unit="h")
    given = study.to_frame("doses").iloc[0]
    assert study.observations["time"].values.tolist() == [48] and study.time_unit == "h"
    assert (given["time"], given["rate"], given["interval"]) == (24, 1, 48)
    assert "times converted from d to h (times 24)" in steps(study)


REFERENCES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "nlme_theo_sd": ({}, {"rows": 132, "subjects": 12, "doses": 12, "DV": 132}),
    "nlme_warfarin_pkpd": ({}, {"rows": 483, "subjects": 32, "doses": 32, "cp": 251, "pca": 232}),
    "nlme_wang2007_likelihood": (
        {"columns": {"value": "Y"}},
        {"rows": 20, "subjects": 10, "doses": 0, "Y": 20},
    ),
    "torsten_twocpt_pop": (
        {"columns": {"value": "cObs"}},
        {"rows": 1020, "subjects": 20, "doses": 20, "cObs": 1020},
    ),
    "torsten_twocpt_single": (
        {"columns": {"value": "conc"}},
        {"rows": 51, "subjects": 1, "doses": 1, "conc": 51},
    ),
}


@pytest.mark.reference
@pytest.mark.parametrize("name", REFERENCES)
def test_real_files_are_read_and_written_without_a_loss(
    name: str, reference_dir: Path, tmp_path: Path
) -> None:
    options, known = REFERENCES[name]
    path = reference_dir / name / "data.csv"
    study = read_table(path, name=name, **options)  # type: ignore[arg-type]
    raw = pd.read_csv(path)
    counts = study.to_frame()["observable"].value_counts().to_dict()
    found = {
        "rows": study.observations.sizes["row"],
        "subjects": len(study.subjects),
        "doses": study.doses.sizes["dose"],
        **counts,
    }
    assert found == known and study.provenance[0].rows_read == len(raw)
    again = rewritten(study, tmp_path)
    same(study, again)
    values = raw.iloc[:, [str(c).casefold() for c in raw].index(_value_column(options))]
    seen = values[~_events(raw)]
    assert study.observations["value"].values.tolist() == seen.tolist()


def _value_column(options: dict[str, object]) -> str:
    columns = options.get("columns", {})
    assert isinstance(columns, dict)
    return str(columns.get("value", "dv")).casefold()


def _events(raw: pd.DataFrame) -> pd.Series[bool]:
    evid = next((raw[c] for c in raw if str(c).casefold() == "evid"), None)
    return pd.Series(False, index=raw.index) if evid is None else evid != 0


def rewritten(study: Study, folder: Path, **options: object) -> Study:
    write_nonmem(study, folder / "again.csv")
    return read_table(folder / "again.csv", name=study.name, **options)  # type: ignore[arg-type]


def same(one: Study, other: Study) -> None:
    for node in NODES:
        pd.testing.assert_frame_equal(one.to_frame(node), other.to_frame(node))  # type: ignore[arg-type]
    assert (one.units, one.time_unit) == (other.units, other.time_unit)


CANONICAL = (
    "ID,TIME,DV,EVID,AMT,CMT,RATE,DUR,II,ADDL,SS,DVID,CENS,LIMIT,LLOQ,ULOQ,OCC,WT,SEX,CRP\n"
    "1,0,.,1,100,1,.,.,12,3,0,.,.,.,.,.,.,70,f,5\n"
    "1,1,0.5,0,.,.,.,.,.,.,.,cp,1,.,.,100,1,70,f,6.25\n"
    "1,1,44,0,.,.,.,.,.,.,.,pca,0,.,.,.,1,70,f,6.25\n"
    "1,2,0.5,0,.,.,.,.,.,.,.,cp,1,0.1,.,.,1,70,f,.\n"
    "1,3,.,2,.,.,.,.,.,.,.,.,.,.,.,.,.,70,f,8\n"
    "1,4,100,0,.,.,.,.,.,.,.,cp,-1,.,0.5,.,2,70,f,.\n"
    "1,5,.,3,.,.,.,.,.,.,.,.,.,.,.,.,.,70,f,.\n"
    "1,6,.,4,50,2,25,0,0,0,0,.,.,.,.,.,.,70,f,.\n"
    "1,7,12.5,0,.,.,.,.,.,.,.,cp,0,.,0.5,100,2,70,f,.\n"
    "2,0,.,1,80,1,-2,0,12,0,1,.,.,.,.,.,.,.,m,1e-09\n"
    "2,3,.,1,80,2,0,1.5,0,0,0,.,.,.,.,.,.,.,m,.\n"
    "2,4,7,0,.,.,.,.,.,.,.,cp,0,.,.,.,.,.,m,2\n"
).replace(",100,1,.,.,12,3,0,", ",100,1,0,0,12,3,0,")


def test_a_canonical_file_is_written_as_it_was(tmp_path: Path) -> None:
    study = read(CANONICAL)
    write_nonmem(study, tmp_path / "out.csv", note=False)
    records = nonmem_records(study, numbered=False)
    before = [line.split(",") for line in CANONICAL.splitlines()]
    after = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()]
    assert [list(records), *records.to_numpy().tolist()] == after
    for old, new in zip(zip(*before, strict=True), zip(*after, strict=True), strict=True):
        assert old == new
    same(study, read((tmp_path / "out.csv").read_text()))


def test_names_units_and_outcomes_survive_writing(tmp_path: Path) -> None:
    frame = read(CANONICAL).to_frame("covariates")
    frame.loc[frame["name"] == "WT", "unit"] = "kg"
    outcomes = pd.DataFrame({"subject": ["1", "2"], "outcome": "crs", "value": [2, 3]})
    study = read(CANONICAL, units={"cp": "mg/L", "AMT": "mg"}, time_unit="h")
    study = study.with_covariates(frame).with_outcomes(outcomes.assign(scale="ASTCT"))
    again = rewritten(study, tmp_path)
    same(study, again)
    assert again.units == {"cp": "mg/L", "pca": ""} and again.time_unit == "h"
    days = rewritten(study, tmp_path, time_unit="d")
    np.testing.assert_allclose(
        days.observations["time"], study.observations["time"] / 24, rtol=1e-15
    )
    assert days.time_unit == "d"


def test_what_has_no_nonmem_form_is_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"subject": ["g"], "time": 0, "observable": "x", "value": 1.0})
    means = Study(rows.assign(sd=1.0, n=5), name="means", provenance=[Provenance()])
    with pytest.raises(StudyError, match="each record is one"):
        write_nonmem(means, tmp_path / "out.csv")
    named = pd.DataFrame({"subject": ["g"], "name": ["Rate"], "value": [1.0]})
    with pytest.raises(StudyError, match="name of a NONMEM column"):
        write_nonmem(Study(rows, name="one", covariates=named), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_note_changed_by_hand_is_no_defect() -> None:
    for note in ("@cytobayes {", "@cytobayes []", '@cytobayes {"units": 3}', "@cytobayes"):
        assert read(note + "\nID,TIME,DV\n1,0,5\n").units == {"DV": ""}


def test_a_covariate_does_not_replace_the_subjects() -> None:
    study = read("ID,TIME,DV,AMT,subject\n1,0,5,.,x\n", columns={"subject": "ID"})
    assert study.covariates["subject"].values.tolist() == ["1"]
    assert study.covariates["subject (covariate)"].values.tolist() == ["x"]


def test_the_map_of_columns_is_checked() -> None:
    for columns, words in (
        ({"valu": "DV"}, "Did you mean 'value'?"),
        ({"value": "DVV"}, "Did you mean 'DV'?"),
        ({"value": "DV", "lower": "dv"}, "for two columns of the study"),
    ):
        with pytest.raises(TableError) as caught:
            read("ID,TIME,DV,AMT\n1,0,5,.\n", columns=columns)
        assert words in " ".join(str(caught.value).split())


def test_names_of_observables_that_do_not_fit_the_file_are_refused() -> None:
    text = "ID,TIME,DV,DVID\n1,0,1,1\n1,0,1,2\n"
    for names, words in (
        ({1: "CP"}, "row 3, column 'DVID': '2' has no name in observables={...}"),
        ({1: "CP", 2: "PD", 3: "X"}, "names '3', which no measurement has"),
    ):
        with pytest.raises(TableError) as caught:
            read(text, observables=names)
        assert words in " ".join(str(caught.value).split())


BIG = r"""
import random, resource, sys, time
random.seed(1)
path, subjects = sys.argv[1], int(sys.argv[2])
with open(path, "w") as file:
    file.write("ID,TIME,DV,AMT,EVID,CMT,RATE,II,ADDL,SS,DVID,CENS,LLOQ,WT,SEX\n")
    for s in range(subjects):
        for k in range(100):
            if k % 20 == 0:
                file.write(f"{s},{k},.,50,1,1,0,12,3,0,.,.,.,{50 + s % 60},{s % 2}\n")
                continue
            low = k % 7 == 0
            value = 0.5 if low else random.lognormvariate(0, 1)
            head = f"{s},{k + random.random():.3f},{value:.5f},.,0,2,.,.,.,.,{1 + k % 2}"
            file.write(f"{head},{int(low)},0.5,{50 + s % 60},{s % 2}\n")
from cytobayes.datasets import read_table
start = time.process_time()
study = read_table(path)
seconds = time.process_time() - start
try:  # the peak of this program; that of getrusage is inherited from the one that started it
    status = open("/proc/self/status").read()
    peak = 1024 * int(status.split("VmHWM:")[1].split()[0])
except OSError:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(study.observations.sizes["row"], study.doses.sizes["dose"], seconds, peak / 1e9)
"""


@pytest.mark.parametrize(
    ("subjects", "limit"), [(1000, 4.0), pytest.param(10_000, 10.0, marks=pytest.mark.slow)]
)
def test_a_million_records_take_ten_seconds_of_one_core_and_less_than_a_gigabyte(
    subjects: int, limit: float, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", BIG, str(tmp_path / "big.csv"), str(subjects)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows, doses, seconds, gigabytes = map(float, done.stdout.split())
    assert (rows, doses) == (95 * subjects, 5 * subjects)
    assert seconds < limit and gigabytes < 1.0


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def put(text: str) -> Path:
        (tmp_path / "pk.csv").write_text(text)
        return tmp_path / "pk.csv"

    return put


def test_the_name_of_the_file_is_that_of_the_study(write: Callable[[str], Path]) -> None:
    assert read_table(write("ID,TIME,DV\n1,0,5\n")).name == "pk"
