"""The command ``risk``: probability of each grade, from a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Text, Whole, app

__all__ = ["risk"]


@app.command()
def risk(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder made by cytobayes fit.")],
    at_least: Annotated[int, typer.Option(help="Grade that tables are about.")] = 3,
    outcome: Annotated[str, typer.Option(help="Outcome in the data.")] = "crs",
    scale: Annotated[Text, typer.Option(help="ASTCT, Lee, ...; scales are never pooled.")] = None,
    signal: Annotated[
        str,
        typer.Option(
            help="State or output whose peak drives the grade; default: signal, or the only one."
        ),
    ] = "signal",
    given: Annotated[
        str, typer.Option(help='Known of held-out patients: course, baseline, "until day 3".')
    ] = "course",
    forecast: Annotated[
        bool,
        typer.Option(
            "--forecast", help="Also the risk at days 1 to 7, from what was known on each."
        ),
    ] = False,
    landmarks: Annotated[
        bool,
        typer.Option("--landmarks", help="Also the scores of held-out patients at days 1 to 7."),
    ] = False,
    markers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=NAMES",
            help='With --landmarks: from these markers alone; repeat it: "fast=IL6,IFNg".',
        ),
    ] = None,
    folds: Annotated[
        Whole, typer.Option(help="Folds of patients (10, or as many as there are patients).")
    ] = None,
    method: Annotated[
        str, typer.Option(help="How a patient leaves the fit: importance or refit.")
    ] = "importance",
    draws: Annotated[int, typer.Option(help="Draws of the posterior, about.")] = 200,
    seed: Annotated[int, typer.Option(help="Same seed, same numbers.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the tables; RUN/risk.")
    ] = None,
) -> None:
    """Risk of each grade: patients, population, calibration, scores beside simple models."""
    from ..commands.risking import run_risk

    run_risk(
        run,
        out or run / "risk",
        at_least=at_least,
        outcome=outcome,
        scale=scale,
        signal=signal,
        given=given,
        foreseen=forecast,
        by_day=landmarks,
        markers=markers or (),
        folds=folds,
        method=method,
        draws=draws,
        seed=seed,
    )
