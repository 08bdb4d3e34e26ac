"""The command ``simulate``: a model of the library from its typical values or its prior hints.

What is written depends on the ending of the file: a table (csv), labelled arrays (nc) or a figure
(png, svg, pdf).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from ...datasets.writing import whole_file, write_netcdf
from ...models import draw_parameters, get, simulate
from ...models.dosing import Regimen
from ...models.ode import OdeModel
from ..notation import read_assignment, read_distribution, read_number
from .request import read_schedule

__all__ = ["run_simulation", "to_table", "write_simulation"]

FIGURES = (".png", ".svg", ".pdf")
ENDINGS = (".csv", ".nc", *FIGURES)
POINTS = 201


def run_simulation(
    name: str,
    *,
    values: Sequence[str] = (),
    priors: Sequence[str] = (),
    doses: Sequence[str] = (),
    regimen: Path | None = None,
    until: float | None = None,
    points: int = POINTS,
    draws: int | None = None,
    seed: int = 1,
) -> xr.Dataset:
    """Simulate a model as the command line states it.

    Parameters
    ----------
    name : str
        Model of the library.
    values : sequence of str
        ``"rho=1.2"``: parameters that differ from their typical values.
    priors : sequence of str
        ``"rho=LogNormal(1, 0.3)"``: in place of prior hints, when draws are asked for.
    doses : sequence of str
        ``"E=2@0"``: amount into a state at a time. Default: the typical schedule of the model.
    regimen : Path, optional
        TOML file of ``[[regimen]]`` tables, as in an analysis file.
    until, points : float, int
        Last time, in the time unit of the model, and how many times; default: its horizon.
    draws : int, optional
        Draws from the prior hints; default: typical values, once.
    seed : int

    Returns
    -------
    Dataset, dims ([draw,] time)

    Raises
    ------
    InputError, ModelError
        If a name is unknown or a number has no meaning.
    """
    model = get(name)
    fixed = dict(_value(model, text) for text in values)
    given = dict(read_assignment(text, '--prior "rho=LogNormal(1, 0.3)"') for text in priors)
    if given and not draws:
        raise InputError("--prior has a meaning only with --draws")
    end = model.horizon if until is None else until
    if not end > 0 or points < 2:
        raise InputError(f"--until must be positive and --points at least 2: {end:g}, {points}")
    schedule = _schedule(model, doses, regimen)
    if draws:
        hints = {n: read_distribution(text, f"--prior {n}:") for n, text in given.items()}
        theta = draw_parameters(model, draws, seed=seed, priors=hints, fixed=fixed)
    else:
        theta = xr.Dataset({n: ((), v) for n, v in fixed.items()})
    run = simulate(model, theta, np.linspace(0.0, end, points), schedule)
    run.attrs["seed"] = seed
    return run.merge(theta.rename({n: f"theta_{n}" for n in theta})) if draws else run


def _value(model: OdeModel, text: str) -> tuple[str, float]:
    name, number = read_assignment(text, "--set rho=1.2")
    if name not in model.parameter_names:
        guess = closest(name, model.parameter_names)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InputError(
            f"--set {shown(text)}: model {model.name} has no parameter {name!r}.{hint} "
            f"It has {', '.join(model.parameter_names)}."
        )
    p, value = model.parameter(name), read_number(number, f"--set {name}")
    if not p.lower <= value <= p.upper:
        raise InputError(
            f"--set {shown(text)}: {name} must lie between {p.lower:g} and {p.upper:g} {p.unit}"
        )
    return name, value


def _schedule(model: OdeModel, doses: Sequence[str], file: Path | None) -> Regimen | None:
    read = read_schedule(doses, file)
    if read is None:
        return None if model.is_closed_form else model.schedule
    if not isinstance(read, Regimen):
        raise InputError(f"{file}: a simulation has no subjects; leave `subject` out")
    return read


def to_table(run: xr.Dataset) -> str:
    """Write a simulation as a tidy csv: [draw,] time, observable, value, unit."""
    curves = [v for v in run.data_vars if "time" in run[v].dims]
    frames = [
        run[v].to_dataframe("value").reset_index().assign(
            observable=str(v), unit=run[v].attrs.get("units", "")
        )
        for v in curves
    ]  # fmt: skip
    import pandas as pd

    columns = [*(["draw"] if "draw" in run.dims else []), "time", "observable", "value", "unit"]
    text: str = pd.concat(frames)[columns].to_csv(index=False, lineterminator="\n")
    return text


def write_simulation(run: xr.Dataset, file: Path) -> None:
    """Write a simulation into a file, whole or not at all.

    Raises
    ------
    InputError
        If the ending of the file is none of csv, nc, png, svg, pdf, or its folder does not exist.
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"--out {file}: the name must end in {', '.join(ENDINGS)}")
    if not file.parent.is_dir():
        raise InputError(f"--out {file}: there is no folder {file.parent}")
    if ending == ".nc":
        write_netcdf(run, file)
        return
    with whole_file(file) as part:
        if ending == ".csv":
            part.write_text(to_table(run), encoding="utf-8")
        else:
            from ..plot_models import plot_simulation

            plot_simulation(run).savefig(part, dpi=150)
