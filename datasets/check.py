"""What ``cytobayes check FILE`` says: what is in a file, or everything that is wrong with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .errors import InputError
from .findings import TableError
from .study import Study
from .summary import summarize
from .table import read_table
from .wording import shown

__all__ = ["Report", "check_file"]


@dataclass(frozen=True)
class Report:
    """Result of a check.

    Parameters
    ----------
    good : bool
        The file can be read.
    text : str
        Summary and account of the rows, or all findings.
    record : dict
        The same for machines; see `json`.
    """

    good: bool
    text: str
    record: dict[str, Any]

    @property
    def json(self) -> str:
        """One object: ``file``, ``ok``, ``rows_read``, and ``problems`` or what is in the file."""
        return json.dumps(self.record, indent=2, ensure_ascii=False)


def check_file(
    file: str,
    *,
    columns: str | None = None,
    format: str = "auto",
    observables: str | None = None,
    units: str | None = None,
    time_unit: str | None = None,
    sheet: str = "",
) -> Report:
    """Read a file and report on it.

    Parameters
    ----------
    file : str
        Path.
    columns, observables, units : str, optional
        ``name=column,...``; ``1=CP,2=PD`` or names of columns; ``observable=unit,...``.
    format, time_unit, sheet
        As in `read_table`.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If an option cannot be meant.
    """
    named = observables is not None and "=" in observables
    try:
        study = read_table(
            file,
            _pairs(columns, "columns"),
            format=format,
            observables=_pairs(observables, "observables") if named else _items(observables),
            units=_pairs(units, "units"),
            time_unit=time_unit,
            sheet=sheet,
        )
    except TableError as error:
        problems = [{k: v for k, v in asdict(p).items() if k != "file"} for p in error.problems]
        record = {"file": file, "ok": False, "rows_read": error.rows_read, "rows_kept": 0}
        return Report(False, error.text(), {**record, "problems": problems})
    return Report(True, summarize(study, steps=10_000), _record(file, study))


def _items(text: str | None) -> list[str]:
    return [item.strip() for item in (text or "").split(",") if item.strip()]


def _pairs(text: str | None, option: str) -> dict[str, str]:
    """Read ``a=b,c=d``."""
    pairs = {}
    for item in _items(text):
        left, mark, right = (part.strip() for part in item.partition("="))
        if not (left and mark and right):
            raise InputError(f"--{option}: {shown(item)} is not of the form NAME=...")
        pairs[left] = right
    return pairs


def _record(file: str, study: Study) -> dict[str, Any]:
    """Describe a study in types of JSON."""
    (source,) = study.provenance
    rows = study.to_frame()
    observables = []
    for name, part in rows.groupby("observable", sort=False):
        kinds = part["censoring"].value_counts()
        observables.append(
            {
                "name": str(name),
                "unit": study.units[str(name)],
                "rows": len(part),
                "subjects": int(part["subject"].nunique()),
                "min": float(part["value"].min()),
                "max": float(part["value"].max()),
                "censored": {k: int(kinds.get(k, 0)) for k in ("left", "right", "interval")},
            }
        )
    covariates = study.to_frame("covariates")
    return {
        "file": file,
        "ok": True,
        "sha256": source.sha256,
        "rows_read": source.rows_read,
        "rows_kept": source.rows_kept,
        "subjects": len(study.subjects),
        "time_unit": study.time_unit,
        "time": [float(rows["time"].min()), float(rows["time"].max())],
        "observables": observables,
        "doses": study.doses.sizes["dose"],
        "covariates": {
            "fixed": covariates.loc[covariates["time"].isna(), "name"].unique().tolist(),
            "varying": covariates.loc[covariates["time"].notna(), "name"].unique().tolist(),
        },
        "steps": list(source.steps),
        "problems": [],
    }
