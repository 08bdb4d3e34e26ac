"""The commands about data: ``check``, ``init``, ``grade``, ``nca``, ``datasets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..console import fail, show
from .app import SETTINGS, AsJson, Many, Number, Text, app
from .reading import (
    Columns,
    Format,
    Limits,
    Observables,
    Outcomes,
    Patients,
    Sheet,
    TimeUnit,
    Units,
)

__all__ = ["check", "datasets", "grade", "init", "nca", "show_one_dataset"]

BAD_INPUT = 2
datasets_app = typer.Typer(context_settings=SETTINGS)
app.add_typer(datasets_app, name="datasets", help="List the published data, or show one set.")


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Measurements: csv, xlsx or parquet.")
    ],
    columns: Columns = None,
    format: Format = "auto",
    observables: Observables = None,
    units: Units = None,
    limits: Limits = None,
    time_unit: TimeUnit = None,
    sheet: Sheet = "",
    outcomes: Outcomes = None,
    patients: Patients = None,
    json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Read a data file: what is in it, or what is wrong with it, by row and column."""
    from ...datasets.check import check_file

    report = check_file(
        file,
        patients=str(patients or ""),
        columns=columns,
        format=format,
        observables=observables,
        units=units,
        limits=limits,
        time_unit=time_unit,
        sheet=sheet,
        outcomes=outcomes,
    )
    if json:
        print(report.json)
    elif report.good:
        show(report.text)
    else:
        fail(report.text)
    if not report.good:
        raise typer.Exit(BAD_INPUT)


@app.command()
def init(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Measurements: a file, or a published set.")
    ],
    model: Annotated[
        Text, typer.Option(help="A model of the library; default: the nearest to the data.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "analysis.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace it if it exists.")] = False,
    columns: Columns = None,
    format: Format = "auto",
    observables: Observables = None,
    units: Units = None,
    limits: Limits = None,
    time_unit: TimeUnit = None,
    sheet: Sheet = "",
    outcomes: Outcomes = None,
    patients: Patients = None,
    as_json: AsJson = False,
) -> None:
    """Write a commented analysis.toml for a data file: what is taken for what, what is open."""
    from ..commands.beginning import run_init

    run_init(
        data,
        model=model,
        out=out,
        force=force,
        as_json=as_json,
        patients=str(patients or ""),
        columns=columns,
        format=format,
        observables=observables,
        units=units,
        limits=limits,
        time_unit=time_unit,
        sheet=sheet,
        outcomes=outcomes,
    )


@app.command()
def grade(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Daily signs: csv, xlsx, parquet.")],
    toxicity: Annotated[str, typer.Option(help="crs or icans.")] = "crs",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the grade of each day (csv).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grade daily signs by the ASTCT consensus: maximum, onset and duration per subject."""
    from ..commands.grade_file import grade_file, summary_text, write_daily

    grading = grade_file(file, toxicity)
    if out is not None:
        write_daily(grading, out)
    show(summary_text(grading, as_json=as_json))


@app.command()
def nca(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Measurements: a file, or a published set.")
    ],
    observable: Annotated[Many, typer.Option(help="Only this one; several times.")] = None,
    window: Annotated[
        Text, typer.Option(help="First and last time that count: 0:28, in the unit of the data.")
    ] = None,
    level: Annotated[Number, typer.Option(help="Report the time above it, in the unit.")] = None,
    method: Annotated[
        str, typer.Option(help='Rule of the areas: "lin up/log down" or linear.')
    ] = "lin up/log down",
    serum_il6: Annotated[
        bool, typer.Option("--serum-il6", help="Keep IL-6 after tocilizumab, which blocks it.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write all columns, names as in PKNCA (csv).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace it if it exists.")] = False,
    columns: Columns = None,
    format: Format = "auto",
    observables: Observables = None,
    units: Units = None,
    limits: Limits = None,
    time_unit: TimeUnit = None,
    sheet: Sheet = "",
    outcomes: Outcomes = None,
    patients: Patients = None,
    as_json: AsJson = False,
) -> None:
    """Peak, area, half-life of each measured curve, without a model; doubtful peaks are marked."""
    from ..commands.nca_table import run_nca

    run_nca(
        data,
        only=observable or [],
        window=window,
        level=level,
        method=method,
        serum_il6=serum_il6,
        out=out,
        force=force,
        as_json=as_json,
        patients=str(patients or ""),
        columns=columns,
        format=format,
        observables=observables,
        units=units,
        limits=limits,
        time_unit=time_unit,
        sheet=sheet,
        outcomes=outcomes,
    )


@datasets_app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the published data, or show one set."""
    if context.invoked_subcommand is None:
        from ..commands.listing import list_datasets

        list_datasets(as_json)


@datasets_app.command("show")
def show_one_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False
) -> None:
    """Show what is in a data set, and how to cite it."""
    from ..commands.listing import show_dataset

    show_dataset(name, as_json)
