"""Settings of measurement travel: Python, analysis file, command line, report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_text, write_text
from cytobayes.inference.commands.request import compose
from cytobayes.inference.commands.session import _option
from cytobayes.inference.report.gather import meanings, treated

WORDS = {
    "error": ["conc=lognormal-t(nu=5)", "grade=ordinal(transform=identity)"],
    "observable": ["conc=C", "grade=C"],
    "censoring": ["conc=M5"],
    "offset": ["conc=assay", "grade="],
    "sigma": ["conc=assay"],
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two assays, four values below a limit, and a grade, in NONMEM-style records."""
    rows = [{"ID": 1, "TIME": 0, "DV": ".", "DVID": ".", "AMT": 100, "EVID": 1, "CMT": "center",
             "CENS": 0, "ASSAY": "."}]  # fmt: skip
    for k, t in enumerate([0.5, 1, 2, 4, 8, 10, 12, 14]):
        c = max(10 * np.exp(-0.3 * t), 1.0)
        one = {"ID": 1, "TIME": t, "AMT": ".", "EVID": 0, "CMT": "."}
        assay = "MSD" if k % 3 == 2 else "Luminex"
        rows.append({**one, "DV": c, "DVID": "conc", "CENS": int(c == 1.0), "ASSAY": assay})
        rows.append({**one, "DV": int(c > 2) + int(c > 5), "DVID": "grade", "CENS": 0,
                     "ASSAY": "."})  # fmt: skip
    path = tmp_path_factory.mktemp("data") / "two.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_words_of_the_command_line_reach_the_problem_and_the_file(table: Path) -> None:
    analysis = compose("pk-1-iv", data=str(table), population="pooled", **WORDS)  # type: ignore[arg-type]
    assert analysis.censoring == {"conc": "M5"}
    assert analysis.offsets == {"conc": "assay", "grade": None}
    assert analysis.sigmas == {"conc": "assay"}
    problem = analysis.to_problem()
    assert problem.methods == {"conc": "M5", "grade": "M3"}
    assert problem.errors["conc"].spec == "lognormal-t(nu=5.0)"
    again = read_text(write_text(analysis), folder=analysis.folder)
    assert again.to_problem().id == problem.id
    described = Analysis.of(problem, data=DataSource.of(str(table)))
    assert read_text(write_text(described)).to_problem().id == problem.id


def test_an_observable_without_assays_needs_no_word_about_them(table: Path) -> None:
    words = {**WORDS, "offset": ["conc=assay"]}
    assert compose("pk-1-iv", data=str(table), **words).to_problem()  # type: ignore[arg-type]


def test_one_method_for_all_and_the_default_is_not_written(table: Path) -> None:
    base = {"data": str(table), "offset": ["conc="], "observable": WORDS["observable"]}
    plain = compose("pk-1-iv", **base)  # type: ignore[arg-type]
    assert "[censoring]" not in write_text(plain)
    other = compose("pk-1-iv", censoring=["M1"], **base)  # type: ignore[arg-type]
    assert "[censoring]" in write_text(other)
    assert read_text(write_text(other)).censoring == "M1"


def test_the_refusal_of_pooling_names_the_option(table: Path) -> None:
    words = {**WORDS, "offset": None}
    with pytest.raises(InputError, match="2 assays") as refused:
        compose("pk-1-iv", data=str(table), **words).to_problem()  # type: ignore[arg-type]
    assert "--offset NAME=assay" in _option(str(refused.value))


def test_every_error_model_is_reached_by_its_name_on_the_command_line(table: Path) -> None:
    base = {"data": str(table), "offset": ["conc="], "observable": ["conc=C", "grade="]}
    for name in ("lognormal", "lognormal-t", "additive", "additive-t", "proportional",
                 "combined", "power"):  # fmt: skip
        problem = compose("pk-1-iv", error=[name], **base).to_problem()  # type: ignore[arg-type]
        assert problem.errors["conc"].name == name
    one = {**base, "observable": ["conc=", "grade=C"], "offset": None}
    assert compose("pk-1-iv", error=["ordinal"], **one).to_problem()  # type: ignore[arg-type]


def test_report_counts_rows_by_treatment_and_names_the_parameters(table: Path) -> None:
    analysis = compose("pk-1-iv", data=str(table), population="pooled", **WORDS)  # type: ignore[arg-type]
    problem = analysis.to_problem()
    said = treated(problem)["conc"]
    below = int((problem.data.observations["censoring"] == "left").sum())
    assert said[0] == f"{below} rows below 1 mg/L set to half of it (M5)"
    assert said[1] == "offsets of assay MSD (2 rows) from the reference Luminex (6 rows)"
    assert said[2] == "residual errors of assay MSD (2 rows) beside that of Luminex (6 rows)"
    named = meanings(problem)
    assert named["conc_sigma"] == "residual error"
    assert named["conc_offset_MSD"] == "offset of assay MSD from Luminex"
    assert named["grade_step_2"] == "distance of cut-point 2 from the one below"
    assert "grade as C []: 8 rows, logit P(grade >= k) = slope f - cut_k" in str(problem)
    assert "~ Student t(5)" in str(problem)
