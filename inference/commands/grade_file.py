"""The command ``grade``: daily signs in a file, toxicity grades out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ...datasets import Grading, InputError, grade_crs, grade_icans
from ...datasets.wording import closest
from ...datasets.writing import whole_file

__all__ = ["grade_file", "summary_text", "write_daily"]

TOXICITIES = {"crs": grade_crs, "icans": grade_icans}
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".xlsx": pd.read_excel,
    ".parquet": pd.read_parquet,
}


def grade_file(path: Path, toxicity: str = "crs") -> Grading:
    """Grade the daily signs in a file.

    Parameters
    ----------
    path : Path
        csv, xlsx or parquet; one row per ``subject`` and ``day``, columns as in
        `datasets.grade_crs` or `datasets.grade_icans`.
    toxicity : {"crs", "icans"}

    Returns
    -------
    Grading

    Raises
    ------
    InputError
        If the file cannot be read, or a column or value is not understood.
    """
    if toxicity not in TOXICITIES:
        guess = closest(toxicity, TOXICITIES)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InputError(f"no grading of {toxicity!r}; there are crs, icans.{hint}")
    ending = path.suffix.lower()
    if ending not in READERS:
        raise InputError(f"{path}: the name must end in {', '.join(READERS)}")
    try:
        signs = READERS[ending](path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        raise InputError(f"{path} cannot be read as {ending[1:]}: {error}") from None
    try:
        return TOXICITIES[toxicity](signs)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def summary_text(grading: Grading, *, as_json: bool = False) -> str:
    """One row per subject, as a table or as JSON."""
    if as_json:
        rows = json.loads(grading.summary.to_json(orient="records"))
        record = {"toxicity": grading.toxicity, "scale": grading.scale, "subjects": rows}
        return json.dumps(record, indent=1)
    return f"{grading.summary.to_string(index=False, na_rep='-')}\n\n{grading}"


def write_daily(grading: Grading, path: Path) -> None:
    """Write the grade of each day as csv, whole or not at all.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    if not path.parent.is_dir():
        raise InputError(f"--out {path}: there is no folder {path.parent}")
    with whole_file(path) as part:
        grading.daily.assign(scale=grading.scale).to_csv(part, index=False, lineterminator="\n")
