"""`read_table`: a file becomes a checked `Study`, or a list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from .files import HEADER, read_bytes
from .findings import Finding, TableError
from .nonmem import is_nonmem, read_nonmem
from .patients import join_patients, read_patients
from .provenance import Provenance
from .reading import Reading
from .request import Request
from .sheet import Sheet, split
from .study import Study
from .tidy import read_tidy
from .vocabulary import COLUMNS, GIVEN, NONMEM
from .wide import analytes, read_wide
from .workbook import is_binary, open_binary

__all__ = ["parse_table", "read_table"]

READERS = {"tidy": read_tidy, "wide": read_wide, "nonmem": read_nonmem}


def read_table(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    format: str = "auto",
    time_unit: str | None = None,
    units: Mapping[str, str] | None = None,
    factors: Mapping[str, float] | None = None,
    limits: Mapping[str, tuple[float | None, float | None]] | None = None,
    observables: Mapping[int | str, str] | Iterable[str] = (),
    compartments: Mapping[int | str, str] | None = None,
    missing: Iterable[str] = (),
    replicates: bool = False,
    sheet: str = "",
    outcomes: Mapping[str, str] | None = None,
    patients: str | Path | None = None,
    name: str | None = None,
) -> Study:
    """Read measurements, doses and covariates from a csv, Excel or Parquet file.

    Parameters
    ----------
    path : str or Path
        UTF-8 text with a header, fields separated by commas, semicolons, tabs or bars; an Excel
        workbook (.xlsx); or a Parquet file.
    columns : mapping, optional
        Our name to the name in the file, for example ``{"subject": "patient", "value": "conc"}``.
    format : {"auto", "tidy", "wide", "nonmem"}
        One row per measurement; one column per analyte; or records of NONMEM and Monolix.
    time_unit : str, optional
        Wanted unit of times. Times in another stated unit are converted.
    units : mapping of observable to unit, optional
        Wanted units. Values in another stated unit are converted, if the two have a factor.
        In a NONMEM file also ``"AMT"``, the unit of amounts.
    factors : mapping of observable to number, optional
        Wanted unit per unit of the file, where no factor is known, as for U/mL.
    limits : mapping of observable to (lower, upper), optional
        Limits of quantification, in the wanted unit, of rows that state none; None: no limit.
    observables : mapping or list of str, optional
        NONMEM: name of each DVID (or CMT), as ``{1: "CP", 2: "PD"}``. Wide: columns that hold
        measurements, where no unit in the header says so.
    compartments : mapping, optional
        NONMEM: name of each CMT that is dosed, as ``{1: "depot"}``. A number without a name means
        the n-th state of the model.
    missing : iterable of str
        Further words for "not measured".
    replicates : bool
        Keep several values of one observable at one time of a tidy or wide file.
    sheet : str
        Sheet of a workbook, if several hold something.
    outcomes : mapping of outcome to column, optional
        With its scale in brackets, as ``{"crs": "worst (ASTCT)"}``. A column whose header states a
        scale, such as ``crs (ASTCT)``, is an outcome without being named here.
    patients : str or Path, optional
        Another file, with a row per patient: ``subject``, covariates, outcomes.
    name : str, optional
        Name of the study. Default: the name of the file without its ending.

    Returns
    -------
    Study
        Every row of the file, except those that are counted as left out in its provenance.

    Raises
    ------
    TableError
        If anything is wrong; it lists all problems of the file, not only the first.
    InputError
        If an option cannot be meant.

    Notes
    -----
    *Tidy*: columns ``subject``, ``time``, ``observable``, ``value``; optional ``unit``, ``lower``,
    ``upper``, ``sd``, ``n`` (of a mean), ``q1``, ``q3``, ``n`` (of a median), ``time_unit``,
    ``occasion``, ``assay``, ``source``. *Wide*:
    ``subject``, ``time`` and columns such as ``IL-6 (pg/mL)`` or ``IL6_pg_mL``. *NONMEM*: see
    `cytobayes.datasets.nonmem`. Names in any order and case; a unit may follow in brackets, as in
    ``time (h)``. A column whose header states a scale of grades, such as ``crs (ASTCT)``, is an
    outcome: the highest of each subject. Other columns become covariates. Subjects are kept as
    text. Lines that begin with ``#`` or ``@`` are comments.

    A value written "<1.2" is left-censored at 1.2, and ">1500" right-censored at 1500. With
    limits of quantification for its row, a value at or below the lower one is left-censored
    there, one at or above the upper one right-censored, and "BLQ" means the lower one. An empty
    value, "NA", ".", or a word such as "hemolyzed" means: not measured.

    Examples
    --------
    >>> read_table("pk.csv", observables={1: "CP", 2: "PCA"}, time_unit="h")  # doctest: +SKIP
    """
    raw = read_bytes(path)
    return parse_table(
        raw,
        str(path),
        columns,
        name=name,
        format=format,
        time_unit=time_unit,
        units=units or {},
        factors=factors or {},
        limits=limits or {},
        observables=observables,
        compartments=compartments or {},
        missing=missing,
        replicates=replicates,
        sheet=sheet,
        outcomes=outcomes or {},
        patients=str(patients or ""),
    )


def parse_table(
    raw: bytes,
    file: str,
    columns: Mapping[str, str] | None = None,
    *,
    time_unit: str | None = None,
    name: str | None = None,
    origin: Provenance | None = None,
    **options: Any,
) -> Study:
    """Do what `read_table` does, from the bytes of a file.

    Parameters
    ----------
    raw : bytes
        Contents of the file.
    file : str
        Name for messages and provenance.
    columns, time_unit, name, **options
        As in `read_table`.
    origin : Provenance, optional
        Source, licence and DOI, and steps that were taken before.

    Returns
    -------
    Study

    Raises
    ------
    TableError, InputError
        As in `read_table`.
    """
    request = Request(columns=columns or {}, time_unit=time_unit or "", **options)
    sheet = _open(raw, file, request)
    kind = request.format if request.format != "auto" else _guess(sheet, request)
    reading = READERS[kind](sheet, request)
    findings = [*reading.findings, *_emptiness(sheet, reading)]
    if findings:
        raise TableError(file, findings, reading.read)
    origin = origin or Provenance()
    record = replace(
        origin,
        file=file,
        sha256=sheet.sha256,
        rows_read=reading.read,
        rows_kept=len(reading.rows),
        steps=(*origin.steps, *reading.steps),
    )
    records = [record]
    if request.patients:
        told = read_patients(request.patients, request, reading.time_unit)
        reading, second = join_patients(reading, told)
        records.append(second)
    return _study(reading, name or Path(file).stem, records)


def _open(raw: bytes, file: str, request: Request) -> Sheet:
    """Columns of text from whatever kind of file it is."""
    known = {*COLUMNS, *GIVEN, *(n for names in NONMEM.values() for n in names.split())}
    known |= set(map(str, request.columns.values()))
    sheet = open_binary(raw, file, request.sheet) if is_binary(raw) else split(raw, file, [*known])
    if not sheet.header:
        raise TableError(file, sheet.findings or [Finding("it has only blank lines.", HEADER)])
    return sheet


def _guess(sheet: Sheet, request: Request) -> str:
    """Tell the format by the header."""
    if is_nonmem(sheet, request):
        return "nonmem"
    names = {name.casefold() for name in sheet.header} | set(request.columns)
    if not {"observable", "value"} & names and analytes(sheet, request):
        return "wide"
    return "tidy"


def _emptiness(sheet: Sheet, reading: Reading) -> list[Finding]:
    """Refuse a file without rows or without values."""
    if not sheet.rows_read:
        return [Finding("there is no row below the header.", "Write one row per measurement.")]
    if not reading.findings and reading.rows.empty:
        return [Finding("no row has a value.", "Check which column holds the values.")]
    return []


def _study(reading: Reading, name: str, records: Sequence[Provenance]) -> Study:
    """Put what was read into a study."""
    rows = reading.rows
    units: dict[str, str] = {}
    if "unit" in rows:
        first = ~rows["observable"].duplicated()
        stated = dict(zip(rows.loc[first, "observable"], rows.loc[first, "unit"], strict=True))
        units = {str(o): str(u) for o, u in stated.items() if u}
        rows = rows.drop(columns="unit")
    return Study(
        rows,
        name=name,
        units=units,
        time_unit=reading.time_unit,
        doses=_of(rows, reading.doses),
        covariates=_of(rows, reading.covariates),
        outcomes=_of(rows, reading.outcomes),
        provenance=records,
    )


def _of(rows: pd.DataFrame, table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Rows of a table that belong to subjects with measurements."""
    if table is None:
        return None
    return table[table["subject"].isin(rows["subject"].unique())].reset_index(drop=True)
