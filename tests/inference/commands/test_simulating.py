"""The command ``simulate`` writes what the library simulates, and refuses what has no meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from cytobayes.datasets.errors import InputError
from cytobayes.inference.cli import app
from cytobayes.inference.commands.simulating import run_simulation, write_simulation
from cytobayes.inference.plot_models import plot_bifurcation, plot_phase_plane, plot_simulation
from cytobayes.models import ModelError, get, simulate

RUNNER = CliRunner()


def test_the_command_writes_table_arrays_and_figure(tmp_path: Path) -> None:
    files = [tmp_path / f"run.{ending}" for ending in ("csv", "nc", "png", "svg")]
    words = ["simulate", "feedback", "--set", "R0=3", "--until", "48", "--points", "5"]
    answer = RUNNER.invoke(app, [*words, *(w for f in files for w in ("--out", str(f)))])
    assert answer.exit_code == 0, answer.output
    assert sorted(tmp_path.iterdir()) == sorted(files)
    expected = simulate(get("feedback"), {"R0": 3.0}, np.linspace(0, 48, 5))
    table = pd.read_csv(files[0])
    assert list(table) == ["time", "observable", "value", "unit"]
    found = table[table["observable"] == "C"]["value"].to_numpy()
    np.testing.assert_allclose(found, expected["C"], rtol=1e-12)
    with xr.open_dataset(files[1], engine="h5netcdf") as arrays:
        np.testing.assert_array_equal(arrays["C"], expected["C"])
    assert files[2].read_bytes()[:4] == b"\x89PNG"


def test_draws_come_from_the_priors_and_stay_beside_the_curves() -> None:
    run = run_simulation("feedback", draws=7, seed=3, points=3, values=["kc=100"])
    again = run_simulation("feedback", draws=7, seed=3, points=3, values=["kc=100"])
    assert run["C"].dims == ("draw", "time")
    assert set(run["theta_kc"].to_numpy()) == {100.0}
    assert len(set(run["theta_R0"].to_numpy())) == 7
    xr.testing.assert_identical(run, again)


def test_a_schedule_file_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "doses.toml"
    file.write_text('[[regimen]]\nstate = "E"\namount = 2.0\ntime = 1.0\n', encoding="utf-8")
    run = run_simulation("endotoxin", regimen=file, until=2.0, points=3)
    same = run_simulation("endotoxin", doses=["E=2@1"], until=2.0, points=3)
    assert float(run["E"][1]) == 0 and float(run["E"][2]) > 0
    np.testing.assert_array_equal(run["E"], same["E"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"values": ["R=1"]}, "no parameter 'R'.*Did you mean 'R0'"),
        ({"values": ["R0=-1"]}, "must lie between 0 and inf"),
        ({"values": ["R0"]}, "--set"),
        ({"priors": ["R0=LogNormal(1, 1)"]}, "only with --draws"),
        ({"until": -1.0}, "--until must be positive"),
        ({"regimen": Path("nothing.toml")}, "cannot read nothing.toml"),
        ({"regimen": Path("x"), "doses": ["A=1"]}, "not both"),
    ],
)
def test_what_has_no_meaning_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_simulation("feedback", **settings)  # type: ignore[arg-type]


def test_a_dose_into_a_closed_form_is_refused() -> None:
    with pytest.raises(ModelError, match="closed form"):
        run_simulation("lysis-flux", doses=["x=1"])


def test_a_strange_ending_or_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    run = run_simulation("feedback", points=2)
    with pytest.raises(InputError, match="must end in"):
        write_simulation(run, tmp_path / "run.docx")
    with pytest.raises(InputError, match="there is no folder"):
        write_simulation(run, tmp_path / "no" / "run.csv")
    assert not list(tmp_path.iterdir())


def test_figures_name_their_axes_with_units() -> None:
    figure = plot_simulation(run_simulation("feedback", draws=5, points=4))
    assert [a.get_title(loc="left") for a in figure.axes] == ["A", "C"]
    assert figure.axes[1].get_ylabel() == "pg/mL"
    assert figure.axes[1].get_xlabel() == "time [h]"
    plane = plot_phase_plane(get("feedback"), {"A": (0, 1), "C": (0, 800)}, {"R0": 3.0, "u": 0.0})
    assert plane.axes[0].get_ylabel() == "C [pg/mL]"
    with pytest.raises(ValueError, match="two states"):
        plot_phase_plane(get("endotoxin"), {"E": (0, 1)})


def test_the_bifurcation_of_the_loop_is_where_theory_puts_it() -> None:
    """Below R0 = 1 rest is stable; above, activation 1 - 1/R0 is."""
    figure = plot_bifurcation(get("feedback"), "R0", [0.5, 2.0], "A", {"u": 0.0})
    stable, unstable = (np.array(line.get_xydata()) for line in figure.axes[0].lines)
    np.testing.assert_allclose(stable, [[0.5, 0.0], [2.0, 0.5]], atol=1e-6)
    np.testing.assert_allclose(unstable, [[2.0, 0.0]], atol=1e-6)
