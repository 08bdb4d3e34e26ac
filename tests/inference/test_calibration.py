"""The runner: exact posteriors in every replication, nothing twice, nothing dropped in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Additive, FitError, Problem, ranking
from cytobayes.inference.calibration import calibrate, read_calibration
from cytobayes.inference.checks.sbc import sbc
from cytobayes.inference.ranking import LOG_LIKELIHOOD, Plan, imagine, ranked, sampled, workshop
from cytobayes.inference.sampling.samplers import Settings
from cytobayes.models import Parameter
from cytobayes.models.distributions import Normal

from .decay import from_start

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 6.0, 8.0])
RATE, MEAN, SD = 0.3, 10.0, 2.0
MODEL = from_start(
    Parameter("C0", MEAN, "mg/L", prior=Normal(MEAN, SD)), Parameter("k", RATE, "1/h")
)
DRAWS: dict[str, Any] = {"draws": 150, "tune": 150, "chains": 2, "ranks": 49}


def design(**columns: Any) -> Study:
    rows = {"subject": "1", "time": TIMES, "observable": "C", "value": 1.0, **columns}
    return Study(pd.DataFrame(rows), name="S1", units={"C": "mg/L"}, time_unit="h")


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(MODEL, design(), error=Additive(), fixed={"C_sigma": 1.0})


@pytest.fixture(scope="module")
def plan(problem: Problem) -> Plan:
    return Plan(problem, Settings(400, 300, 2, 1, 5, 0.9, "low_rank"), 99)


@pytest.mark.mcmc
def test_each_replication_has_the_exact_posterior_of_its_data(plan: Plan) -> None:
    shop = workshop(plan.problem)
    shape = np.exp(-RATE * TIMES)
    for number in range(3):
        truth = imagine(shop, np.random.SeedSequence(number))
        posterior, _ = sampled(shop, plan.settings, truth)
        precision = 1 / SD**2 + (shape**2).sum()
        mean = (MEAN / SD**2 + truth.data["C_value"] @ shape) / precision
        row = ranked(posterior, posterior.isel(chain=[0], draw=[0]), 99, np.random.default_rng(1))
        found = row.set_index("quantity").loc["C0"]
        assert abs(found["mean"] - mean) < 4 * found["sd"] / np.sqrt(found["ess"])
        assert found["sd"] * np.sqrt(precision) == pytest.approx(1, abs=4 / np.sqrt(found["ess"]))
        at = posterior["C0"].to_numpy()[..., None] * shape
        expected = -0.5 * ((truth.data["C_value"] - at) ** 2 + np.log(2 * np.pi)).sum(-1)
        np.testing.assert_allclose(posterior[LOG_LIKELIHOOD], expected, rtol=1e-9)


@pytest.mark.mcmc
def test_a_run_that_was_left_is_continued_and_gives_the_same(
    problem: Problem, tmp_path: Path
) -> None:
    out = tmp_path / "calibration.csv"
    first = calibrate(problem, replications=2, seed=7, out=out, cores=1, progress=False, **DRAWS)
    begun = out.read_bytes()
    whole = calibrate(problem, replications=4, seed=7, out=out, cores=1, progress=False, **DRAWS)
    assert set(whole["replication"]) == {0, 1, 2, 3}
    assert out.read_bytes().startswith(begun)  # not run again: their seconds are the old ones
    later = ranking.replicate(Plan(problem, settings_of(7), 49), 3)
    kept = whole[whole["replication"] == 3]
    assert list(kept["rank"]) == list(later["rank"])
    np.testing.assert_allclose(first["mean"], whole["mean"][: len(first)], rtol=1e-5)
    assert set(whole["quantity"]) == {"C0", LOG_LIKELIHOOD}
    read = read_calibration(out)
    pd.testing.assert_frame_equal(
        read[["quantity", "rank"]], whole[["quantity", "rank"]], check_dtype=False
    )
    assert read.attrs["problem_id"] == problem.id
    assert sbc(read).table["replications"].tolist() == [4, 4]
    with pytest.raises(InputError, match="another calibration: seed is 7 there and 8 here"):
        calibrate(problem, replications=4, seed=8, out=out, cores=1, progress=False, **DRAWS)


def settings_of(seed: int) -> Settings:
    return Settings(DRAWS["draws"], DRAWS["tune"], DRAWS["chains"], 1, seed, 0.9, "low_rank")


def test_a_truth_is_drawn_from_the_prior_and_its_data_from_the_truth(plan: Plan) -> None:
    shop = workshop(plan.problem)
    made = [imagine(shop, np.random.SeedSequence(k)) for k in range(400)]
    c0 = np.array([t.values["C0"] for t in made])
    assert abs(c0.mean() - MEAN) < 4 * SD / 20 and abs(c0.std() / SD - 1) < 4 / np.sqrt(800)
    noise = np.array([t.data["C_value"] for t in made]) - c0[:, None] * np.exp(-RATE * TIMES)
    assert abs(noise.mean()) < 4 / np.sqrt(2400) and abs(noise.std() - 1) < 4 / np.sqrt(4800)
    assert np.abs(np.corrcoef(noise.T) - np.eye(6)).max() < 4.5 / np.sqrt(400)


def test_a_fit_that_fails_is_a_row_with_its_reason(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise FitError("nowhere to start\nwith details")

    monkeypatch.setattr(ranking, "sample_nutpie", fail)
    rows = ranking.replicate(plan, 3)
    assert rows["failure"].tolist() == ["FitError: nowhere to start"]
    assert rows["replication"].tolist() == [3] and "rank" not in rows


def test_equal_draws_are_ranked_at_random() -> None:
    import xarray as xr

    same = xr.Dataset({"x": (("chain", "draw"), np.ones((2, 50)))})
    rng = np.random.default_rng(0)
    found = [ranked(same, same.isel(chain=[0], draw=[0]), 9, rng)["rank"][0] for _ in range(500)]
    counts = np.bincount(found, minlength=10)
    assert counts.size == 10 and np.abs(counts - 50).max() < 4 * np.sqrt(50 * 0.9)


def test_a_file_of_something_else_is_refused(problem: Problem, tmp_path: Path) -> None:
    other = tmp_path / "data.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no file of a calibration"):
        calibrate(problem, replications=1, seed=1, out=other, cores=1, progress=False)


@pytest.mark.parametrize("settings", [{"replications": 0}, {"replications": 1, "ranks": 601}])
def test_settings_without_meaning_are_refused(problem: Problem, settings: Any) -> None:
    with pytest.raises(InputError, match="must be at least 1"):
        calibrate(problem, seed=1, progress=False, **settings)


@pytest.mark.mcmc
@pytest.mark.slow
def test_processes_give_what_one_process_gives(problem: Problem) -> None:
    settings: dict[str, Any] = {"replications": 3, "seed": 3, "progress": False, **DRAWS}
    one, two = (calibrate(problem, cores=cores, **settings) for cores in (1, 2))
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
