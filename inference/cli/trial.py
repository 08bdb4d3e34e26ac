"""The command about what might be: ``trial``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import AsJson, Text, Whole, app

__all__ = ["trial"]


@app.command()
def trial(
    design: Annotated[
        Path | None, typer.Argument(metavar="DESIGN.toml", help="Arms, endpoints, patients.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="A folder made by cytobayes fit.", metavar="RUN")
    ] = None,
    model: Annotated[
        Text, typer.Option(help="In place of a run: a model, from its prior (not fitted).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder: trial.html, csv, png.")
    ] = None,
    n: Annotated[Whole, typer.Option("--n", "-n", min=1, help="Patients of each arm.")] = None,
    draws: Annotated[Whole, typer.Option(min=1, help="Draws of the parameters (200).")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 1,
    fitted: Annotated[
        bool, typer.Option("--fitted", help="Not new patients: those of the run themselves.")
    ] = False,
    list_all: Annotated[
        bool, typer.Option("--list", help="List the named what-ifs that a design can use.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a virtual trial: what would happen under other treatments, and how sure that is."""
    if list_all:
        from ..commands.trial import list_what_ifs

        list_what_ifs(as_json=as_json)
        return
    if fitted:
        from ..commands.fitted_trial import run_fitted as work
    else:
        from ..commands.trial import run_trial as work
    work(design, run=run, model=model, out=out, n=n, draws=draws, seed=seed, as_json=as_json)
