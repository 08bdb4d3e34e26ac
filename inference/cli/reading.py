"""Options of all commands that read a file of measurements: which column is what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Text

__all__ = [
    "Columns",
    "Format",
    "Limits",
    "Observables",
    "Outcomes",
    "Patients",
    "Sheet",
    "TimeUnit",
    "Units",
]

READING = "Reading a file"


def _option(*names: str, help: str) -> object:
    return typer.Option(*names, help=help, rich_help_panel=READING)


Columns = Annotated[
    Text, _option("--columns", help="Where names differ: value=conc,subject=patient.")
]
Format = Annotated[
    str, _option("--format", help="tidy, wide or nonmem; by the header if not given.")
]
Observables = Annotated[
    Text, _option("--observables", help="NONMEM: 1=CP,2=PD; wide: columns, IL6,CRP.")
]
Units = Annotated[Text, _option("--units", help="Convert: IL6=pg/mL,CRP=mg/L.")]
Limits = Annotated[
    Text,
    _option("--limits", help="Of quantification, where rows state none: IL6=1.2,CRP=0.5:300."),
]
TimeUnit = Annotated[Text, _option("--time-unit", help="Convert times, to h or d.")]
Sheet = Annotated[str, _option("--sheet", help="Sheet of a workbook.")]
Outcomes = Annotated[
    Text,
    _option(
        "--outcomes",
        help='Grades: "crs=worst grade (ASTCT)". A column called "crs (ASTCT)" needs no option.',
    ),
]
Patients = Annotated[
    Path | None,
    _option("--patients", help="Another file, a row per patient: covariates, outcomes."),
]
