"""The command `init`: a file that a fit accepts, which says what was guessed and what was not."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.analysis_file import read_analysis, read_text
from cytobayes.inference.cli import main
from cytobayes.inference.commands.beginning import run_init
from cytobayes.inference.problem import Problem
from cytobayes.inference.statements import Assessment

DRUG = """\
subject,time (h),observable,value,unit,lower,weight,sex
A,1,C,4.5,mg/L,1,58,f
A,8,C,<1,mg/L,1,58,f
B,1,C,5.5,mg/L,1,70,m
B,8,C,1.5,mg/L,1,70,m
"""
RECORDS = """\
ID,TIME,DV,AMT,EVID,CMT,WT
1,0,.,100,1,1,70
1,1,4.2,.,0,2,70
2,0,.,100,1,1,80
2,1,5,.,0,2,80
"""


def problem_of(file: Path) -> Problem:
    """What a fit of the file would begin with."""
    analysis = read_analysis(file)
    return analysis.to_problem(analysis.open_data())


def begun(folder: Path, table: str, **options: object) -> Path:
    """Analysis file of a table."""
    (folder / "my.csv").write_text(table)
    out = folder / "analysis.toml"
    run_init(str(folder / "my.csv"), out=out, **options)  # type: ignore[arg-type]
    return out


def test_what_is_written_can_be_fitted_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = begun(tmp_path, DRUG, model="pk-1-oral")
    problem = problem_of(out)
    assert problem.model.name == "pk-1-oral" and problem.targets == {"C": "C"}
    assert problem.family.name == "hierarchical" and len(problem.data.subjects) == 2
    assert capsys.readouterr().out == f"{out}\n"
    assert 'file = "my.csv"' in out.read_text()  # relative to the analysis file


def test_every_commented_line_has_a_meaning_when_the_sign_is_taken_away(tmp_path: Path) -> None:
    text = begun(tmp_path, DRUG, model="pk-1-oral").read_text()
    lines = [re.sub(r"^# (?=\[|\w+ = )", "", line) for line in text.splitlines()]
    kept = [line for line in lines if not line.startswith(("name = ", "PARAMETER", "[inputs]"))]
    kept.insert(kept.index("[model]") + 1, 'name = "pk-1-oral"')
    analysis = read_text("\n".join(kept), folder=tmp_path)
    plain = problem_of(tmp_path / "analysis.toml")
    assert set(analysis.priors) == set(plain.estimated)
    assert analysis.report.stratify == "weight"
    assert "[credibility]" in kept and analysis.credibility == Assessment()
    assert all(plain.all_priors[n] == prior for n, prior in analysis.priors.items())
    changed = analysis.to_problem(analysis.open_data())
    assert len(changed.arrangement.regimens[0].events) == 1
    assert [e.covariate for e in changed.family.effects] == ["weight"]  # type: ignore[attr-defined]


def test_what_the_data_leave_open_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = begun(tmp_path, DRUG).read_text()
    asked = [line for line in capsys.readouterr().err.splitlines() if line.startswith("? ")]
    assert len(asked) == 3
    assert "other models measure it or a part of it: pk-1-oral" in asked[0]
    assert "the data hold no doses" in asked[1]
    assert "act on nothing yet: weight, sex" in asked[2]
    assert text.count("\n# ? ") == len(asked)
    assert "Rows beyond a limit: C 1 left." in text


def test_the_nearest_model_has_the_unit_of_the_data(tmp_path: Path) -> None:
    cells = DRUG.replace(",C,", ",CAR,").replace("mg/L", "copies/ug")
    assert problem_of(begun(tmp_path, cells)).model.name == "cart-stein"
    blood = tmp_path / "blood"
    blood.mkdir()
    cells = DRUG.replace(",C,", ",CAR,").replace("mg/L", "cell/uL").replace("(h)", "(d)")
    assert problem_of(begun(blood, cells)).model.unit("CAR") == "cell/uL"


def test_a_published_set_is_begun_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "a.toml"
    run_init("crs-cohort", out=out)
    problem = problem_of(out)
    assert problem.model.name == "crs-cascade"
    assert list(problem.targets) == ["IFNg", "IL6", "CRP", "ferritin", "CAR"]
    assert 'name = "crs-cohort"' in out.read_text()


def test_records_keep_their_doses_and_the_only_output_is_taken_for_dv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"no observable|called 'DV'.*pk-1-iv \(C\).*--model"):
        begun(tmp_path, RECORDS)
    out = begun(tmp_path, RECORDS, model="pk-1-oral")
    problem = problem_of(out)
    assert problem.targets == {"DV": "C"}
    assert [len(r.events) for r in problem.arrangement.regimens] == [1, 1]
    told = capsys.readouterr().err
    assert "DV is C of the model (the only one that it can be)" in told
    assert "DV has no unit in the data: taken as mg/L" in told
    assert "times have no unit: taken as h" in told
    assert "[[regimen]] would replace them all" in out.read_text()


def test_another_spelling_is_the_same_observable_and_an_unknown_one_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["subject,time (h),observable,value,unit"]
    rows += [f"A,{t},{name},{t + 2},pg/mL" for name in ("IL-6", "TNF", "IL-4") for t in (1, 2, 4)]
    out = begun(tmp_path, "\n".join(rows) + "\n", model="endotoxin")
    assert read_analysis(out).observables == {"IL-6": "IL6", "TNF": "TNF", "IL-4": None}
    assert problem_of(out).targets == {"IL-6": "IL6", "TNF": "TNF"}
    assert "IL-4 is no observable of endotoxin and is left out" in capsys.readouterr().err
    assert re.search(r"under another name, write: IL-4 =\s", out.read_text().replace("\n#  ", ""))


def test_how_an_outcome_is_fitted_with_the_exposure_before_it(tmp_path: Path) -> None:
    """The remedy that is written does what it says."""
    outcome = "A,9,CRS,0,,,58,f\nB,9,CRS,1,,,70,m\n"
    out = begun(tmp_path, DRUG + outcome, model="pk-1-oral")
    text = out.read_text()
    asked = " ".join(text.replace("\n#", " ").split())
    said = 'write: name = "pk-1-oral+AUC(C)" in [model], CRS = "AUC" here'
    assert said in asked and 'CRS = "bernoulli"' in asked
    done = text.replace('name = "pk-1-oral"', 'name = "pk-1-oral+AUC(C)"')
    done = done.replace("CRS = false", 'CRS = "AUC"')
    done = re.sub(r'\nall = "lognormal".*', '\nC = "lognormal"\nCRS = "bernoulli"', done)
    out.write_text(done)
    assert problem_of(out).targets == {"C": "C", "CRS": "AUC"}
    assert problem_of(out).errors["CRS"].name == "bernoulli"


def test_values_of_zero_exclude_the_log_normal(tmp_path: Path) -> None:
    out = begun(tmp_path, DRUG.replace("5.5", "0.0").replace("L,1", "L,"), model="pk-1-iv")
    assert read_analysis(out).error == {"C": "additive"}
    problem_of(out)


def test_several_assays_get_offsets_and_the_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(io.StringIO(DRUG)).drop(columns=["sex", "weight"])
    table["assay"] = ["x", "x", "y", "y"]
    out = begun(tmp_path, table.to_csv(index=False), model="pk-1-iv")
    assert read_analysis(out).offsets == {"C": "assay"}
    assert problem_of(out).arrangement.observed[0].groups.labels == ("x", "y")
    assert "C comes from 2 assays" in capsys.readouterr().err


def test_a_covariate_with_the_name_of_a_parameter_is_its_input(tmp_path: Path) -> None:
    out = begun(tmp_path, DRUG.replace("weight", "V"), model="pk-1-iv")
    assert read_analysis(out).inputs == {"V": "V"}
    assert "V" not in problem_of(out).estimated


def test_what_a_fit_refuses_is_said_at_once(tmp_path: Path) -> None:
    switched = RECORDS.replace("2,1,5,.,0,2,80", "2,1,5,.,0,2,80\n2,2,.,.,3,.,80")
    assert problem_of(begun(tmp_path, switched, model="pk-1-iv"))
    paced = RECORDS.replace("EVID", "EVID,RATE").replace("1,1,7", "1,-1,1,7").replace(
        "0,2,", "0,.,2,").replace("1,1,8", "1,-1,1,8")  # fmt: skip
    with pytest.raises(InputError, match=r"is written, but a fit refuses .* parameter R1"):
        begun(tmp_path, paced, model="pk-1-iv", force=True)


def test_a_file_that_is_there_is_only_replaced_by_force(tmp_path: Path) -> None:
    out = begun(tmp_path, DRUG)
    out.write_text("mine")
    with pytest.raises(InputError, match="exists; name another file"):
        begun(tmp_path, DRUG)
    assert out.read_text() == "mine"
    begun(tmp_path, DRUG, force=True)
    assert problem_of(out)


@pytest.mark.parametrize(
    ("table", "options", "why"),
    [
        (DRUG.replace(",C,", ",lactate,"), {}, "no model for fitting .* 'lactate'"),
        (DRUG.replace("mg/L", "degC"), {"model": "pk-1-iv"}, "has a counterpart in pk-1-iv"),
        (DRUG, {"model": "pk-9"}, "pk-9"),
        ("subject,time,value\nA,1,2\n", {}, "observable"),
    ],
)
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(
    tmp_path: Path, table: str, options: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        begun(tmp_path, table, **options)
    assert not (tmp_path / "analysis.toml").exists()


def test_the_command_prints_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.csv").write_text(DRUG)
    with pytest.raises(SystemExit) as left:
        main(["init", str(tmp_path / "my.csv"), "-o", str(tmp_path / "a.toml"), "--json"])
    assert not left.value.code
    read = json.loads(capsys.readouterr().out)
    assert read["observables"] == {"C": "C"} and read["model"] == "pk-1-iv"
    assert len(read["open"]) == 3 and read["others"][0] == "pk-1-oral"
