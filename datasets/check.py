"""What ``cytobayes check FILE`` says: what is in a file, or everything that is wrong with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from .findings import TableError
from .options import advice, checked_options, options_of_words
from .study import Study
from .summary import summarize
from .table import read_table

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


def check_file(file: str, *, patients: str | None = None, **words: Any) -> Report:
    """Read a file and report on it.

    Parameters
    ----------
    file : str
        Path.
    patients : str, optional
        Path of another file, with a row per patient.
    **words
        As in `options_of_words`: ``columns``, ``observables``, ``units`` and so on.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If an option cannot be meant.
    """
    options = checked_options(options_of_words(**words), "options")
    try:
        study = read_table(file, patients=patients, **options)
    except TableError as error:
        problems = [{k: v for k, v in asdict(p).items() if k != "file"} for p in error.problems]
        record = {"file": error.file, "ok": False, "rows_read": error.rows_read, "rows_kept": 0}
        text = "\n".join(filter(None, [error.text(), advice(error.text())]))
        return Report(False, text, {**record, "problems": problems})
    return Report(True, summarize(study, steps=10_000), _record(file, study))


def _record(file: str, study: Study) -> dict[str, Any]:
    """Describe a study in types of JSON."""
    source = study.provenance[0]
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
    outcomes = study.to_frame("outcomes").groupby(["outcome", "scale"], sort=False)
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
        "outcomes": [
            {"name": str(name), "scale": str(scale), "subjects": len(part)}
            for (name, scale), part in outcomes
        ],
        "steps": [step for record in study.provenance for step in record.steps],
        "problems": [],
    }
