"""The command `response`: columns checked, one scale, a folder with table, figure, page, draws."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.inference.cli import main
from cytobayes.inference.commands import response_table
from cytobayes.inference.commands.response_table import FILES, run_response
from cytobayes.inference.response.anchors import published_curve
from cytobayes.inference.response.curves import Straight
from cytobayes.inference.response.form import Form
from cytobayes.inference.response.kinds import Ordinal
from cytobayes.inference.response.plot_response import plot_response

from ..response.trees import CHAINS, DRAWS, made_tree

SLOPE, BURDEN, CUTS = 1.6, 0.5, np.array([0.75, 1.9, 2.9])


def patients(n: int = 160) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    product, burden = np.array(["A", "B"] * (n // 2)), rng.normal(size=n)
    middle = np.where(product == "A", np.log(1e5), np.log(5e4))
    cmax = np.exp(rng.normal(middle, 0.9) + 0.3 * burden)
    eta = SLOPE * np.log10(cmax / 5e4) + BURDEN * burden
    grade = ((eta + rng.logistic(size=n))[:, None] > CUTS).sum(axis=1)
    columns = {"cmax": cmax, "auc": cmax * rng.lognormal(2, 0.8, n), "burden": burden}
    return pd.DataFrame({"subject": range(n), **columns, "product": product, "grade": grade})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    patients().to_csv(path, index=False)
    return path


@pytest.mark.mcmc
def test_the_folder_holds_everything(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.parent / "answer"
    answer = run_response(
        table,
        exposures=["cmax", "auc"],
        outcome="grade",
        curves=["logistic"],
        covariates=["burden"],
        at_least=2,
        scale="ASTCT",
        by="product",
        out=out,
        draws=300,
    )
    printed = capsys.readouterr()
    assert "on the scale ASTCT by cmax" in printed.err and "associated" in printed.err
    assert set(FILES) <= {p.name for p in out.iterdir()}
    assert set(answer.tables) == {"coefficients", "selection", "adjusted", "products", "bins"}
    truth = {"slope": SLOPE, "b_burden": BURDEN, "gap2": 1.15, "gap3": 1.0}
    found = pd.read_csv(out / "response.csv").set_index("parameter").astype(float)
    assert (found["low"] < found["median"]).all() and (found["median"] < found["high"]).all()
    for name, value in truth.items():
        draws = answer.tree["posterior"][name]
        assert abs(float(draws.mean()) - value) < 4 * float(draws.std()), name
    assert answer.tables["selection"]["name"].iloc[0] == "cmax, logistic"
    without, with_burden = answer.tables["adjusted"]["median"]
    assert without > with_burden  # burden raises both exposure and grade
    page = (out / "response.html").read_text()
    assert "<svg" in page and "http://" not in page.replace("http://www.w3.org", "")
    assert "Nothing here is for deciding the care of a patient." in page
    kept = az.from_netcdf(out / "posterior.nc")
    assert kept.attrs["scale"] == "ASTCT" and kept["posterior"].sizes["chain"] == 4
    with pytest.raises(InputError, match="already holds"):
        run_response(table, exposures=["cmax"], outcome="grade", curves=["logistic"], out=out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"exposures": ["cmx"]}, "no column 'cmx'. Did you mean 'cmax'"),
        ({"outcome": "product"}, "column product: 'A' is not a number"),
        ({"by": "dose"}, "no column 'dose'"),
        ({"ordinal": False}, "a binary outcome is 0 or 1"),
    ],
)
def test_a_bad_request_is_named(table: Path, options: dict[str, Any], words: str) -> None:
    asked: dict[str, Any] = {"exposures": ["cmax"], "outcome": "grade", "curves": ["logistic"]}
    with pytest.raises(InputError, match=words):
        run_response(table, **{**asked, **options})


def test_a_patient_in_two_rows_is_refused_with_the_row(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    pd.concat([patients(10), patients(10)[:1]]).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"row 12, column subject: '0' occurs twice"):
        run_response(path, exposures=["cmax"], outcome="grade", curves=["logistic"])


def test_grades_of_two_scales_need_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "scales.csv"
    each = [patients(10).assign(scale=s) for s in ("ASTCT", "Lee")]
    pd.concat(each).to_csv(path, index=False)
    with pytest.raises(InputError, match="2 scales"):
        run_response(path, exposures=["cmax"], outcome="grade", curves=["logistic"])
    with pytest.raises(InputError, match="no row has the scale 'Penn', but ASTCT, Lee"):
        run_response(path, exposures=["cmax"], outcome="grade", curves=["logistic"], scale="Penn")


def test_the_program_says_what_is_wrong(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["response", str(table), "--exposure", "cmax", "--outcome", "grad"])
    assert left.value.code == 2
    assert "Did you mean 'grade'" in capsys.readouterr().err


def test_a_column_may_have_a_comma_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, name = tmp_path / "comma.csv", "Cmax, day 4"
    patients(20).rename(columns={"cmax": name}).to_csv(path, index=False)

    class Reached(Exception):
        pass

    def fitted(exposure: Any, *_: Any, **options: Any) -> Any:
        raise Reached(exposure.name, options["curve"])

    chosen = SimpleNamespace(best=f"{name}, emax", table=pd.DataFrame(), sentence="")
    monkeypatch.setattr(response_table, "select_response", lambda *_, **__: chosen)
    monkeypatch.setattr(response_table, "fit_response", fitted)
    with pytest.raises(Reached) as found:
        run_response(path, exposures=[name, "auc"], outcome="grade", curves=["emax"])
    assert found.value.args == (name, "emax")


def chosen_fit(exposure: Any, outcome: Any, **_: Any) -> Any:
    """A fit of grades 0 to 3 that is chosen and not sampled."""
    theta = {"slope": np.random.default_rng(1).normal(SLOPE, 0.2, CHAINS * DRAWS)}
    theta |= {"c1": CUTS[0], "gap2": CUTS[1] - CUTS[0], "gap3": CUTS[2] - CUTS[1]}
    form = Form(Ordinal(3), Straight("log10", 5e4), (), (), (), {})
    tree = made_tree(form, theta, exposure, outcome)
    tree.attrs["what_was_done"] = "grades by cmax."
    energy = np.random.default_rng(2).normal(size=(CHAINS, DRAWS))
    each = {"diverging": energy > np.inf, "energy": energy, "tree_depth": energy * 0 + 3}
    tree["sample_stats"] = xr.Dataset({n: (("chain", "draw"), v) for n, v in each.items()})
    return tree


def test_grades_without_a_choice_have_a_curve_each(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_table, "fit_response", chosen_fit)
    asked: dict[str, Any] = {"exposures": ["cmax"], "outcome": "grade", "curves": ["logistic"]}
    whole = run_response(table, **asked, by="product")
    rows = pd.read_csv(table)
    assert whole.curve["at_least"].unique().tolist() == [1, 2, 3]
    assert whole.tables["bins"]["at_least"].unique().tolist() == [1, 2, 3]
    for k in (1, 2, 3):
        one = run_response(table, **asked, at_least=k)
        mine = whole.curve[whole.curve["at_least"] == k].drop(columns="at_least")
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), one.curve)
        bins = whole.tables["bins"].query(f"at_least == {k}")
        assert (bins["n"] * bins["observed"]).sum() == pytest.approx((rows["grade"] >= k).sum())
    x = np.log10(whole.curve["exposure"].to_numpy() / 5e4)
    cut = CUTS[whole.curve["at_least"].to_numpy() - 1]
    np.testing.assert_allclose(whole.curve["median"], 1 / (1 + np.exp(cut - SLOPE * x)), atol=0.03)
    assert any("Risks: grade 1 or higher." in step for step in whole.steps)
    labels = plot_response(whole.tree).axes[0].get_legend_handles_labels()[1]
    assert labels == ["grade >= 1", "grade >= 2", "grade >= 3"]


def test_a_published_curve_is_laid_over_any_crs_alone(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_table, "fit_response", chosen_fit)
    asked: dict[str, Any] = {"exposures": ["cmax"], "outcome": "grade", "curves": ["logistic"]}
    out = table.parent / "anchored"
    answer = run_response(table, **asked, anchor="elranatamab-crs", out=out)
    assert answer.anchor is not None and "ng/mL" in " ".join(answer.steps)
    pd.testing.assert_series_equal(
        pd.Series(answer.anchor["risk"].values, name="risk"),
        pd.Series(published_curve(answer.anchor["exposure"].values)["risk"].values, name="risk"),
    )
    assert "elranatamab, first dose" in (out / "response.html").read_text()
    with pytest.raises(InputError, match="Did you mean 'elranatamab-crs'"):
        run_response(table, **asked, anchor="elranatamab")
    with pytest.raises(InputError, match="risk of any CRS"):
        run_response(table, **asked, anchor="elranatamab-crs", at_least=2)


def test_effects_that_differ_between_grades_reach_the_fit(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def fitted(exposure: Any, outcome: Any, **options: Any) -> Any:
        given.append(options["partial"])
        return chosen_fit(exposure, outcome)

    monkeypatch.setattr(response_table, "fit_response", fitted)
    with pytest.raises(SystemExit) as left:
        main(
            ["response", str(table), "--exposure", "cmax", "--outcome", "grade"]
            + ["--partial", "exposure"]
        )
    assert left.value.code == 0 and given == [("exposure",)]
    monkeypatch.undo()
    with pytest.raises(InputError, match="partial: 'burden' is none of the effects exposure"):
        run_response(
            table, exposures=["cmax"], outcome="grade", curves=["logistic"], partial=["burden"]
        )
