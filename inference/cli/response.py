"""The command ``response``: exposure-response from a table with one row per patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Text, Whole, app

__all__ = ["response"]


@app.command()
def response(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="csv, xlsx or parquet: a row per patient.")
    ],
    exposure: Annotated[
        list[str], typer.Option(help="Column of exposures; several are compared by LOO.")
    ],
    outcome: Annotated[str, typer.Option(help="Column of outcomes: 0/1, grades, or numbers.")],
    curve: Annotated[
        list[str] | None,
        typer.Option(help="logistic (default), linear, emax, sigmoid_emax; several are compared."),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(help="Column, such as tumor burden: reported with and without."),
    ] = None,
    ordinal: Annotated[
        bool | None,
        typer.Option("--ordinal/--binary", help="Default: by the values; grades are ordinal."),
    ] = None,
    at_least: Annotated[
        Whole, typer.Option(help="Grade that counts: P(grade >= 3). Default: a curve for each.")
    ] = None,
    scale: Annotated[
        Text, typer.Option(help="Grading scale; picks rows where the table has a column scale.")
    ] = None,
    by: Annotated[Text, typer.Option(help="Column of products or doses, to compare.")] = None,
    partial: Annotated[
        list[str] | None,
        typer.Option(
            help="Effect that differs between grades (partial proportional odds): exposure, or a "
            "covariate."
        ),
    ] = None,
    anchor: Annotated[
        Text, typer.Option(help="Published curve to lay over the fit: elranatamab-crs (ng/mL).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for table, figure, page and draws.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Kept draws per chain.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same draws.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace files in --out.")] = False,
) -> None:
    """Fit how an outcome depends on exposure: curve, intervals, products compared."""
    from ..commands.response_table import run_response

    run_response(
        table,
        exposures=exposure,
        outcome=outcome,
        curves=curve or ["logistic"],
        covariates=covariate or [],
        ordinal=ordinal,
        at_least=at_least,
        scale=scale,
        by=by,
        partial=partial or [],
        anchor=anchor,
        out=out,
        draws=draws,
        seed=seed,
        force=force,
    )
