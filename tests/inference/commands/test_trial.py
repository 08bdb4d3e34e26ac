"""The command `trial`: from a design file to a page, tables, figures and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference.analysis import Analysis
from cytobayes.inference.commands.fitted_trial import run_fitted
from cytobayes.inference.commands.trial import list_what_ifs, run_trial
from cytobayes.inference.problem import Problem
from cytobayes.inference.run import new_run, save_run
from cytobayes.models.library import get

DESIGN = """
name = "The switch <b>& more</b>"
n = 20
draws = 15
[spread]
k = 0.5
[[arm]]
name = "one dose"
[[arm]]
name = "a weaker one"
[arm.factors]
k = 0.3
[[arm]]
name = "to choose"
[[endpoint]]
name = "gone"
kind = "control"
observable = "surviving"
fraction = 0.1
time = 0.5
[[endpoint]]
name = "lasting"
kind = "above"
observable = "surviving"
level = 2.0
[optimize]
arm = "to choose"
benefit = "gone"
harm = "lasting"
[optimize.space]
k = [1.0, 4.0, 8.0]
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "design.toml"
    path.write_text(DESIGN, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a sampler: made-up draws of the suicide switch."""
    rows = pd.DataFrame(
        {"subject": "1", "time": [0.25, 0.5, 1.0], "observable": "surviving",
         "value": [0.3, 0.1, 0.02]}
    )  # fmt: skip
    study = Study(rows, name="cells", units={"surviving": ""}, time_unit="h")
    problem = Problem(get("suicide-switch"), study)
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {n: (("chain", "draw"), v * np.exp(0.1 * rng.normal(size=(2, 20))))
         for n, v in (("k", 4.8), ("f", 0.01), ("surviving_sigma", 0.2))}
    )  # fmt: skip
    dims = ("chain", "draw")
    energy = rng.normal(size=(2, 20))
    stats = xr.Dataset({"energy": (dims, energy), "diverging": (dims, energy > np.inf)})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    folder = tmp_path_factory.mktemp("runs") / "one"
    with new_run(folder) as partial:
        save_run(partial, tree, problem, Analysis.of(problem))
    return folder


def test_a_run_gives_page_tables_and_figures(
    design: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "trial"
    run_trial(design, run=run, out=out, draws=10)
    assert sorted(p.name for p in out.iterdir()) == [
        "candidates.csv", "characteristics.csv", "differences.csv", "tradeoff.png", "trial.html",
        "trial.png",
    ]  # fmt: skip
    page = (out / "trial.html").read_text(encoding="utf-8")
    assert "The switch &lt;b&gt;&amp; more" in page
    assert "<b>&" not in page
    assert "What the fitted model says" in page
    assert "posterior of suicide-switch on cells" in page.lower()
    assert 'src="http' not in page
    table = pd.read_csv(out / "characteristics.csv")
    assert table["draws"].unique().tolist() == [10]
    # k of about 4.8/h leaves 9 % after half an hour; 0.3 of it a half
    shares = table.query("endpoint == 'gone'").set_index("arm")["probability"]
    assert shares["one dose"] > 0.3
    assert shares["a weaker one"] < 0.1
    printed, told = capsys.readouterr()
    doubt = "have not converged: do not use these results yet"
    assert doubt in told and doubt in page, "40 draws are not enough"
    assert "By the fit" in printed
    assert "highest expected utility" in printed


def test_the_fitted_patients_get_what_the_arms_give(
    design: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_fitted(design, run=run, out=tmp_path / "fitted", draws=10)
    printed, told = capsys.readouterr()
    assert sorted(p.name for p in (tmp_path / "fitted").iterdir()) == [
        "1-one-dose.png", "2-a-weaker-one.png", "average.csv", "patients.csv",
    ]  # fmt: skip
    table = pd.read_csv(tmp_path / "fitted" / "average.csv").query("what == 'gone'")
    table = table.set_index("arm")[["before", "after", "change"]].astype(float)
    # k of about 4.8/h leaves 9 % after half an hour, under 10 % in most draws; 0.3 of it a half
    assert table["change"]["one dose"] == 0
    assert table["before"]["a weaker one"] > 0.5
    assert table["after"]["a weaker one"] == 0
    assert set(pd.read_csv(tmp_path / "fitted" / "patients.csv")["subject"]) == {1}
    assert "as treated" in printed
    assert "have not converged: do not use these results yet" in told


def test_fitted_patients_need_a_fit_and_are_as_many_as_they_are(
    design: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="--run RUN --fitted"):
        run_fitted(design, run=None)
    with pytest.raises(InputError, match="leave out --n"):
        run_fitted(design, run=tmp_path, n=50)


def test_a_model_without_a_fit_is_labelled(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_trial(design, model="suicide-switch", out=tmp_path, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["basis"] == "prior, not fitted"
    assert len(found["characteristics"]) == 4
    assert len(found["candidates"]) == 3
    assert "before any fit" in (tmp_path / "trial.html").read_text(encoding="utf-8")


def test_a_design_without_a_model_asks_for_one(design: Path) -> None:
    with pytest.raises(InputError, match="add --run RUN"):
        run_trial(design)


def test_a_run_and_a_model_are_refused_together(design: Path, run: Path) -> None:
    with pytest.raises(InputError, match="not both"):
        run_trial(design, run=run, model="suicide-switch")


def test_a_file_in_place_of_the_folder_is_refused(design: Path) -> None:
    with pytest.raises(InputError, match="is a file; name a folder"):
        run_trial(design, model="suicide-switch", out=design)


def test_what_ifs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    list_what_ifs(as_json=True)
    listed = {row["name"]: row["models"] for row in json.loads(capsys.readouterr().out)}
    assert "crs-cascade" in listed["bridging"]
