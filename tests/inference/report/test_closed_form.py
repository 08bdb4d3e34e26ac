"""A model without states, such as that of CAR-T cells in blood, gets the same report."""

from __future__ import annotations

from pathlib import Path

from cytobayes.inference.report.curves import affordable, grid, predict_curves
from cytobayes.inference.risk.courses import SIGNAL, signal_of
from cytobayes.inference.run import open_run

from ..small_run import write_csv, write_run


def test_the_curves_of_a_closed_form_are_drawn(tmp_path: Path) -> None:
    problem = write_run(tmp_path / "run", write_csv(tmp_path / "my.csv"))
    assert problem.model.states == ()
    assert affordable(problem, grid(problem)) >= 50
    curves = predict_curves(problem, open_run(tmp_path / "run").tree, seed=1)
    assert set(curves.bands["group"]) and (curves.rows["observable"] == "CAR").all()
    assert signal_of(problem, SIGNAL) == "CAR", "the only one that can drive a grade"
