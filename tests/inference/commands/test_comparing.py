"""The command `compare`: what predicts better wins, and what cannot be compared is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.checks.comparison import averaged, compare
from cytobayes.inference.cli import main
from cytobayes.inference.commands.averaging import average_runs
from cytobayes.inference.commands.comparing import compare_runs, opened, run_comparison
from cytobayes.inference.predict import predict
from cytobayes.inference.run import open_run

from ..small_run import DAYS, write_csv, write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    data, other = write_csv(folder / "car.csv"), write_csv(folder / "other.csv", seed=2)
    write_run(folder / "near", data)
    write_run(folder / "far", data, wrong=3.0)
    write_run(folder / "own", data, population="hierarchical")
    write_run(folder / "other", other)
    write_run(folder / "look", data, attrs={"approximation": "laplace", "pareto_k": 0.3})
    write_run(folder / "far_one_each", data, population="independent")
    return folder


def test_the_nearer_fit_wins_by_row_and_by_subject(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = runs / "compared"
    run_comparison([runs / "far", runs / "near"], out=out)
    printed = capsys.readouterr()
    table = pd.read_csv(out / "comparison.csv")
    assert table["by"].tolist() == ["observation"] * 2 + ["subject"] * 2
    assert table["run"].tolist() == ["near", "far"] * 2
    assert table.groupby("by")["weight"].sum().tolist() == pytest.approx([1, 1])
    assert table.query("run == 'near'")["weight"].min() > 0.9
    assert "near predicts left-out rows best" in printed.err
    assert "left out by subject" in printed.out and "predicts" not in printed.out
    assert {p.name for p in out.glob("*.png")} == {
        "comparison_observation.png", "comparison_subject.png",
    }  # fmt: skip


def test_its_numbers_are_those_of_the_function(runs: Path) -> None:
    found = compare_runs(opened([runs / "far", runs / "near"]), by="observation")
    trees = {name: open_run(runs / name).tree for name in ("far", "near")}
    expected = compare(trees).table
    pd.testing.assert_frame_equal(found.checks["observation"].table, expected)
    sums = found.left_out.groupby("run")["elpd"].sum()
    assert sums["near"] == pytest.approx(expected.set_index("model").loc["near", "elpd"])


def test_high_pareto_k_and_chains_that_did_not_converge_are_told(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_comparison([runs / "far", runs / "near"], by="observation", as_json=True)
    printed = capsys.readouterr()
    read = json.loads(printed.out)
    bad = compare_runs(opened([runs / "far", runs / "near"]), by="observation").left_out
    count = int((~bad.query("run == 'far'")["good"]).sum())
    assert any(f"far: Pareto k is too high in {count} of 48" in note for note in read["notes"])
    assert any("near have not converged" in note for note in read["notes"])
    assert [row["run"] for row in read["comparisons"][0]["runs"]] == ["near", "far"]
    assert "Pareto k is too high" in printed.err


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("near", "other"), "different rows of CAR"),
        (("near", "look"), "look is a quick look, not a fit"),
        (("near", "near"), "named twice"),
        (("near",), "two runs or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs: Path, names: tuple[str, ...], why: str) -> None:
    with pytest.raises(InputError, match=why):
        run_comparison([runs / name for name in names])


def test_where_subjects_cannot_be_left_out_rows_are(runs: Path) -> None:
    both = [runs / "near", runs / "far_one_each"]
    found = compare_runs(opened(both))
    assert list(found.checks) == ["observation"]
    assert "Not compared by subject: subjects with independent parameters" in found.notes[-1]
    with pytest.raises(InputError, match="independent parameters"):
        run_comparison(both, by="subject")


def test_runs_of_one_name_go_by_their_paths(runs: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "near", runs / "car.csv")
    assert list(opened([runs / "near", tmp_path / "near"])) == [
        str(runs / "near"), str(tmp_path / "near"),
    ]  # fmt: skip


def test_the_command_passes_every_option_on(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", runs / "near", runs / "own", "--by", "subject", "--draws", "40", "--seed",
             "2", "--averaged", "--times", "3,4", "-o", tmp_path / "c", "--json"]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    assert not left.value.code
    read = json.loads(capsys.readouterr().out)
    both = opened([runs / "near", runs / "own"])
    expected = compare_runs(both, by="subject", draws=40, seed=2).table
    assert [c["by"] for c in read["comparisons"]] == ["subject"]
    assert [r["elpd"] for r in read["comparisons"][0]["runs"]] == pytest.approx(
        expected["elpd"].tolist()
    )
    assert (tmp_path / "c" / "comparison_subject.png").exists()
    assert {row["time"] for row in read["averaged"]["rows"]} == {3.0, 4.0}


def test_the_average_mixes_the_draws_of_the_runs_by_their_weights(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, both = runs / "mixed", [runs / "far", runs / "near"]
    run_comparison(both, by="observation", average=True, times="7,14", out=out)
    weights = compare_runs(opened(both), by="observation").weights
    table = pd.read_csv(out / "averaged.csv")
    assert table.columns.tolist() == ["kind", "subject", "observable", "unit", "time", "mean",
                                      "median", "q5", "q25", "q75", "q95"]  # fmt: skip
    drawn = {}
    for name in weights:
        run = open_run(runs / name)
        problem = run.analysis.to_problem(run.study)
        made = predict(problem, run.tree, times=[7.0, 14.0], draws=400, seed=1)
        drawn[name] = made[["CAR"]]
    mixed = averaged(drawn, weights, seed=1)["CAR"].sel(subject="P3").to_numpy()[0]
    rows = table.query("subject == 'P3'")
    np.testing.assert_allclose(rows["mean"], mixed.mean(axis=0))
    for column, level in {"q5": 0.05, "median": 0.5, "q95": 0.95}.items():
        np.testing.assert_allclose(rows[column], np.quantile(mixed, level, axis=0))
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"Average of 2 runs by the weights of left-out observations: near {weights['near']:.2f}, "
        f"far {weights['far']:.2f}." in said
    )
    assert (out / "averaged.png").exists()


def test_equal_weights_put_the_mean_between_two_models(runs: Path) -> None:
    both = opened([runs / "near", runs / "far"])
    equal = average_runs(both, {"near": 0.5, "far": 0.5}, by="subject", times="14").table
    alone = {
        name: average_runs(both, {"near": 0.0, "far": 0.0, name: 1.0}, by="subject", times="14")
        for name in both
    }
    near, far = (alone[name].table["mean"].to_numpy() for name in both)
    assert (far / near > 2.5).all()  # the peak of "far" is three times too high
    # 120 draws, each of one model or the other: 4 standard errors of the share are 0.18
    share = (equal["mean"].to_numpy() - near) / (far - near)
    assert (np.abs(share - 0.5) < 4 * 0.5 / np.sqrt(120)).all()


def test_measurements_are_averaged_where_asked(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [runs / "near", runs / "own"]
    run_comparison(both, by="subject", average=True, measured=True, as_json=True)
    read = json.loads(capsys.readouterr().out)["averaged"]
    assert "with residual error" in read["what"] and "left-out subjects" in read["what"]
    assert sorted({row["time"] for row in read["rows"]}) == DAYS.tolist()
    assert sum(read["weights"].values()) == pytest.approx(1)


def test_an_average_of_fits_of_other_rows_is_refused_and_nothing_is_written(runs: Path) -> None:
    out = runs / "never"
    with pytest.raises(InputError, match="different rows of CAR"):
        run_comparison([runs / "near", runs / "other"], average=True, out=out)
    assert not out.exists()


def test_options_of_an_average_need_one_and_it_needs_a_place(runs: Path) -> None:
    both = [runs / "near", runs / "far"]
    with pytest.raises(InputError, match="add --averaged"):
        run_comparison(both, measured=True)
    with pytest.raises(InputError, match="say where to write the average"):
        run_comparison(both, average=True)
