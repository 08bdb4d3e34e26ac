"""The figure of a study shows every observable, limit, dose and reset."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from cytobayes.datasets import Study, StudyError, load


def cohort(subjects: int = 3, observables: int = 2, log: bool = False) -> Study:
    rows = [
        {
            "subject": f"P{s}",
            "time": float(t),
            "observable": f"x{o} $<b>$",
            "value": (100.0**t if log else 10.0 + t + s) * (o + 1),
            "lower": 1.0,
            "upper": 1e9,
        }
        for s in range(subjects)
        for o in range(observables)
        for t in range(4)
    ]
    table = pd.DataFrame(rows)
    table["censoring"] = np.where(table["time"] == 0, "left", "none")
    doses = pd.DataFrame(
        [
            {"time": 1.0, "amount": 10.0, "target": "1", "rate": 20.0, "interval": 1.0, "count": 2},
            {"time": 3.0, "amount": 0.0, "target": "", "kind": "reset"},
        ]
    ).fillna({"rate": 0, "interval": 0, "count": 1, "kind": "dose"})
    units = {f"x{o} $<b>$": "pg/mL" for o in range(observables)}
    return Study(table, name="cohort", units=units, time_unit="d").with_doses(doses)


def marks(axis: Axes, marker: str) -> list[list[float]]:
    lines = [line for line in axis.lines if line.get_marker() == marker]
    found = [list(map(float, np.asarray(line.get_xdata()))) for line in lines]
    return [times for times in found if times]


def test_there_is_one_panel_per_observable_and_one_line_per_subject() -> None:
    axes = cohort().plot().axes
    assert [a.get_title(loc="left") for a in axes] == ["x0 $<b>$", "x1 $<b>$"]
    assert [a.get_ylabel() for a in axes] == ["pg/mL", "pg/mL"]
    assert all(a.get_xlabel() == "time [d]" for a in axes)
    solid = [
        line
        for line in axes[0].lines
        if line.get_linestyle() == "-" and line.get_linewidth() == 0.9
    ]
    assert len(solid) == 3


def test_limits_doses_infusions_and_resets_are_marked() -> None:
    axis = cohort().plot().axes[0]
    assert marks(axis, "v") == [[0.0, 0.0, 0.0], [1.0, 2.0]]  # left-censored; doses
    drawn = [line for line in axis.lines if len(np.asarray(line.get_ydata()))]
    level = [line for line in drawn if not np.ptp(np.asarray(line.get_ydata()))]
    assert {1.0, 1e9} <= {float(np.asarray(line.get_ydata())[0]) for line in level}
    bars = sorted(
        tuple(map(float, np.asarray(b.get_xdata()))) for b in axis.lines if b.get_linewidth() == 2.5
    )
    assert bars == [(1.0, 1.5), (2.0, 2.5)]
    resets = [line for line in axis.lines if line.get_linestyle() == ":"]
    assert [np.asarray(line.get_xdata())[0] for line in resets] == [3.0]


def test_the_legend_explains_the_marks_that_occur() -> None:
    (legend,) = cohort().plot().legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["left-censored", "limit of quantification", "dose", "reset"]


def test_the_axis_is_logarithmic_if_the_values_span_much_or_it_is_asked() -> None:
    assert cohort(log=True).plot().axes[0].get_yscale() == "log"
    assert cohort().plot().axes[0].get_yscale() == "linear"
    assert cohort().plot(log=True).axes[0].get_yscale() == "log"


def test_observables_can_be_chosen_and_many_are_cut() -> None:
    assert len(cohort().plot(["x1 $<b>$"]).axes) == 1
    assert len(cohort(observables=14).plot().axes) == 12
    assert len(cohort(observables=14).plot([f"x{k} $<b>$" for k in range(14)]).axes) == 14
    with pytest.raises(StudyError, match="there is no observable 'IL7'"):
        cohort().plot(["IL7"])


def test_published_means_have_error_bars_and_it_can_be_drawn() -> None:
    figure = load("lps-2ng-kg").plot()
    assert all(axis.containers for axis in figure.axes)
    figure.canvas.draw()


def test_a_study_is_made_without_matplotlib() -> None:
    code = "import sys; from cytobayes.datasets import load; print(load('lps-2ng-kg')); "
    code += "assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
