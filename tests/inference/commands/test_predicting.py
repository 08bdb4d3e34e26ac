"""The command `predict`: quantiles of `predict`, said what they are quantiles of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.inference.cli import main
from cytobayes.inference.commands.predicting import predict_run, read_times, run_prediction
from cytobayes.inference.commands.prediction import notes_of
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.predict import predict
from cytobayes.inference.run import Run, open_run

from ..small_run import DAYS, write_csv, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    data = write_csv(made / "car.csv")
    write_run(made / "pooled", data)
    write_run(made / "own", data, population="hierarchical")
    return made


@pytest.fixture(scope="module")
def own(folder: Path) -> Run:
    return open_run(folder / "own")


def test_the_table_holds_the_quantiles_of_the_draws(own: Run) -> None:
    found = predict_run(own, subjects=["P3"], times="1,7", draws=10_000)
    problem = own.analysis.to_problem(own.study)
    draws = predict(problem, own.tree, times=[1.0, 7.0])["CAR"].sel(subject="P3").to_numpy()
    expected = np.quantile(draws.reshape(-1, 2), [0.5, 0.05, 0.25, 0.75, 0.95], axis=0).T
    np.testing.assert_allclose(found.table[["median", "q5", "q25", "q75", "q95"]], expected)
    assert found.table["subject"].tolist() == ["P3", "P3"]
    assert found.table["unit"].unique().tolist() == ["copies/ug"]
    assert "1 subject of the data, without residual error" in found.sentence


def test_a_new_subject_varies_more_than_a_known_one(own: Run) -> None:
    known = predict_run(own, subjects=["P3"], times="7").table.iloc[0]
    new = predict_run(own, population=True, times="7")
    assert "not in the data, with the variation between subjects" in new.sentence
    row = new.table.iloc[0]
    assert np.log(row["q95"] / row["q5"]) > 2 * np.log(known["q95"] / known["q5"])


def test_the_covariates_of_a_new_subject_are_told(own: Run) -> None:
    problem = own.analysis.to_problem(own.study)
    family = replace(problem.family, effects=(Effect("Cmax", "weight"),))  # type: ignore[call-arg]
    made: Any = xr.Dataset(coords={"subject": ["population"]})
    given: Any = SimpleNamespace(
        family=family, inputs={"Tlag": "lag"}, model=problem.model, targets=problem.targets
    )
    first, second = notes_of(given, made, True, None)
    assert "reference values of the covariates" in first
    assert f"Tlag = {problem.model.parameter('Tlag').value:g}" in second


def test_measurements_scatter_by_the_residual_error(own: Run) -> None:
    curve = predict_run(own, subjects=["P3"], times="14").table.iloc[0]
    new = predict_run(own, subjects=["P3"], times="14", measured=True)
    assert "with residual error" in new.sentence and "without" not in new.sentence
    row = new.table.iloc[0]
    assert row["q5"] < curve["q5"] and row["q95"] > curve["q95"]
    default = predict_run(own, measured=True).table
    assert default["time"].unique().tolist() == DAYS.tolist()


def test_twice_the_dose_gives_twice_the_concentration_and_a_warning(tmp_path: Path) -> None:
    data = tmp_path / "pk.csv"
    data.write_text("subject,time (h),observable,value,unit\n1,1,C,4,mg/L\n1,8,C,2,mg/L\n")
    write_run(tmp_path / "pk", data, model="pk-1-iv", dose=["center=100@0"])
    run = open_run(tmp_path / "pk")
    once = predict_run(run, times="1,8")
    twice = predict_run(run, times="1,8", doses=["center=200@0"], population=True)
    tolerance = 10 * float(run.analysis.to_problem(run.study).solver.rtol)
    np.testing.assert_allclose(twice.table["q95"], 2 * once.table["q95"], rtol=tolerance)
    assert "under the doses given here" in twice.sentence and "doses given" not in once.sentence
    assert any("nobody in the data was given these doses" in note for note in twice.notes)
    same = predict_run(run, times="1", doses=["center=100@0"])
    assert not any("nobody" in note for note in same.notes)
    with pytest.raises(InputError, match="center"):
        predict_run(run, doses=["liver=1@0"])


def test_where_doses_differ_a_new_subject_needs_some_or_none(tmp_path: Path) -> None:
    data = tmp_path / "pk.csv"
    data.write_text("ID,TIME,DV,AMT,EVID\n1,0,.,100,1\n1,1,4,.,0\n2,0,.,50,1\n2,1,2,.,0\n")
    write_run(tmp_path / "pk", data, model="pk-1-iv", observable=["DV=C"])
    run, none = open_run(tmp_path / "pk"), tmp_path / "none.toml"
    with pytest.raises(InputError, match="different doses.*regimen = "):
        predict_run(run, population=True, times="1")
    none.write_text("regimen = []\n")
    untreated = predict_run(run, population=True, times="1", regimen=none)
    assert untreated.table["q95"].tolist() == [0]


def test_a_fit_that_cannot_be_trusted_is_told_first(folder: Path, own: Run) -> None:
    assert predict_run(own, times="1").notes[0].startswith("The chains have not converged")
    facts = {"approximation": "laplace", "pareto_k": 0.3}
    write_run(folder / "look", folder / "car.csv", attrs=facts)
    assert "laplace" in predict_run(open_run(folder / "look"), times="1").notes[0]


def test_table_and_figure_are_written_and_the_rest_goes_to_stderr(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    run_prediction(folder / "pooled", out=out)
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n{tmp_path / 'p.png'}\n"
    assert "90 % interval (q5 to q95) of the model's value of 6 subjects" in printed.err
    assert len(pd.read_csv(out)) == 6 * 101
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_alone_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_prediction(folder / "pooled", as_json=True, times="0:28:14", subjects=["P1"])
    read = json.loads(capsys.readouterr().out)
    assert [row["time"] for row in read["rows"]] == [0, 14, 28]
    assert read["time_unit"] == "d"


def test_the_figure_shows_the_data_of_a_fitted_subject_only(own: Run) -> None:
    assert len(predict_run(own, subjects=["P1", "P2"]).rows) == 2 * len(DAYS)
    assert predict_run(own, population=True).rows.empty


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"subjects": ["P33"]}, "no such subject. Did you mean 'P3'?"),
        ({"subjects": ["P3"], "population": True}, "not both"),
        ({"population": True, "measured": True}, "subjects of the data only"),
        ({"doses": ["CAR=1@0"]}, "doses have no meaning"),
        ({"times": "3,1"}, "must ascend"),
        ({"times": "0:28"}, "STEP be positive"),
        ({"times": "0:28:1e-9"}, "more than 10000 times"),
        ({"times": "soon"}, "--times"),
    ],
)
def test_what_has_no_meaning_is_refused(own: Run, options: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        predict_run(own, **options)


def test_a_table_that_is_no_csv_is_refused_before_the_run_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must end in .csv"):
        run_prediction(tmp_path / "none", out=tmp_path / "p.xlsx")


def test_an_end_that_is_no_multiple_of_the_step_is_not_passed() -> None:
    assert read_times("0:1:0.3").tolist() == pytest.approx([0, 0.3, 0.6, 0.9])
    assert read_times("0:0.3:0.1").size == 4  # 0.3 / 0.1 is a little less than 3


def test_the_command_passes_every_option_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    words = ["predict", folder / "own", "-o", out, "--subject", "P1", "--subject", "P4",
             "--measured", "--times", "1,7", "--draws", "50", "--seed", "3", "--json"]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    assert not left.value.code
    table = pd.read_csv(out)
    expected = predict_run(
        open_run(folder / "own"), subjects=["P1", "P4"], measured=True, times="1,7", draws=50,
        seed=3,
    ).table  # fmt: skip
    pd.testing.assert_frame_equal(table, expected)
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 4


def test_a_bad_option_leaves_with_2_and_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["predict", str(folder / "own"), "--subject", "P33", "--json"])
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("error: --subject 'P33'")
