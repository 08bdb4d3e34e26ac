"""The commands that use fits: ``predict``, ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import AsJson, Many, Text, app

__all__ = ["compare", "predict"]


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder made by cytobayes fit.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Table to write (csv); its figure goes beside it (png)."),
    ] = None,
    subject: Annotated[
        Many, typer.Option(help="A subject of the data; again for more. Default: all.")
    ] = None,
    population: Annotated[
        bool, typer.Option("--population", help="A subject who is not in the data.")
    ] = False,
    measured: Annotated[
        bool, typer.Option("--measured", help="Measurements: with residual error.")
    ] = False,
    times: Annotated[
        Text,
        typer.Option(help="0,1,7,28, or 0:28:0.5 for start, end and step; in the model's unit."),
    ] = None,
    dose: Annotated[Many, typer.Option(help="STATE=AMOUNT@TIME, in place of the doses.")] = None,
    regimen: Annotated[
        Path | None, typer.Option(help="TOML file of regimen tables, in place of the doses.")
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the posterior, about.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same numbers.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Predict from a fit: median, 50 % and 90 % intervals, at other times or doses."""
    from ..commands.predicting import run_prediction

    run_prediction(
        run,
        out=out,
        subjects=subject or (),
        population=population,
        measured=measured,
        times=times,
        doses=dose or (),
        regimen=regimen,
        draws=draws,
        seed=seed,
        as_json=as_json,
    )


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Folders made by cytobayes fit.")
    ],
    by: Annotated[
        Text,
        typer.Option(help="What is left out: observation or subject; default: both if possible."),
    ] = None,
    average: Annotated[
        bool,
        typer.Option(
            "--averaged",
            help="Also predict the subjects of the data, averaged over the runs: averaged.csv.",
        ),
    ] = False,
    measured: Annotated[
        bool, typer.Option("--measured", help="The average is of measurements: residual error.")
    ] = False,
    times: Annotated[
        Text, typer.Option(help="Of the average: 0,1,7,28, or 0:28:0.5 for start, end and step.")
    ] = None,
    draws: Annotated[
        int, typer.Option(min=1, help="Draws of the posterior, by subject and for the average.")
    ] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same numbers.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the tables and figures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare fits of the same data: leave-one-out, and the weights of an average."""
    from ..commands.comparing import run_comparison

    run_comparison(
        runs,
        by=by,
        draws=draws,
        seed=seed,
        average=average,
        measured=measured,
        times=times,
        out=out,
        as_json=as_json,
    )
