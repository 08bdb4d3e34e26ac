"""Loader of the individual values of human endotoxaemia, 2 ng/kg: a copy becomes a Study.

Windoloski KA et al. 2023, doi:10.48550/arXiv.2308.01495; numbers of
github.com/msolufse/Inflammation_Bolus_Cont at f04a228 (MIT). The source shifted each cytokine by a
constant ("Corrected").
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from .copies import Source, download, present, read_source
from .errors import InputError
from .registry import entry
from .study import Study
from .wording import counted

__all__ = ["SHIFTS", "read"]

NAME = "lps-individual"
TIMES = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0)  # h
SUBJECTS = 20
SHIFTS = {"TNF": 5.213904, "IL6": -0.301376, "IL8": -0.046204, "IL10": 3.993106}
"""What the source added to each measured value [pg/mL]; see datasets/README.md."""
COPY, ORIGINAL = "bolus_2ngkg_individual.csv", "BolusDataCorrectedSD.mat"
LAYOUTS = {"cleaned": (COPY,), "repository": (ORIGINAL,)}


def read(path: str | Path | None = None, *, values: Literal["shifted", "raw"] = "shifted") -> Study:
    """Read a copy of the individual values.

    Parameters
    ----------
    path : str or Path, optional
        A folder with bolus_2ngkg_individual.csv or BolusDataCorrectedSD.mat. Without it the
        latter is downloaded.
    values : {"shifted", "raw"}
        As the source uses them, comparable with the set lps-2ng-kg and the endotoxin model; or
        as they were measured, with the shift undone.

    Returns
    -------
    Study
        TNF, IL6, IL8 and IL10 [pg/mL] of 20 volunteers at 8 times [h], and a dose of 2 ng/kg into
        E at time 0 for each.

    Raises
    ------
    InputError
        If the copy is not as expected.
    """
    if values not in ("shifted", "raw"):
        raise InputError(f"values must be 'shifted' or 'raw', not {values!r}.")
    folder = Path(path) if path is not None else download(NAME)
    if present(folder, LAYOUTS, NAME) == "cleaned":
        source, rows = _cleaned(folder / COPY, values)
    else:
        source, rows = _original(folder / ORIGINAL, values)
    _check(rows)
    steps = [
        f"{counted(len(rows), 'value')} of {counted(rows['subject'].nunique(), 'volunteer')}",
        "values as the source shifted them: do not shift them again"
        if values == "shifted"
        else "shift of the source undone: measured values",
        "outliers are kept; the means of lps-2ng-kg are without them",
    ]
    if "exact" in rows and (odd := int((~rows["exact"]).sum())):
        steps.append(f"{counted(odd, 'value')} without two decimals: not as measured; kept")
    study = Study(
        rows.drop(columns="exact", errors="ignore"),
        name=NAME,
        units=dict.fromkeys(SHIFTS, "pg/mL"),
        time_unit="h",
        provenance=[source.provenance(NAME, len(rows), steps)],
    )
    return study.with_doses(pd.DataFrame(entry(NAME).doses))


def _cleaned(path: Path, values: str) -> tuple[Source, pd.DataFrame]:
    """Read the long csv file."""
    column = {"shifted": "value_pg_ml_shifted", "raw": "value_pg_ml_raw_recovered"}[values]
    source = read_source(path, ["subject", "time_h", "cytokine", column, "raw_has_2_decimals"])
    rows = source.rows.set_axis(["subject", "time", "observable", "value", "exact"], axis=1)
    rows["exact"] = rows["exact"] == "1"
    return source, rows.astype({"time": float, "value": float})


def _original(path: Path, values: str) -> tuple[Source, pd.DataFrame]:
    """Read the file of the repository: one array per cytokine, subjects by times."""
    from scipy.io import loadmat

    stored = {k: np.asarray(v) for k, v in loadmat(path).items() if not k.startswith("__")}
    shape, parts = (SUBJECTS, len(TIMES)), []
    for cytokine, shift in SHIFTS.items():
        found = [k for k, v in stored.items() if k.startswith(cytokine) and v.shape == shape]
        if len(found) != 1:
            raise InputError(
                f"{path.name}: expected one variable {cytokine}... of {shape[0]} subjects by "
                f"{shape[1]} times, found {found or 'none'} among {', '.join(stored)}."
            )
        table = pd.DataFrame(stored[found[0]] - (shift if values == "raw" else 0), columns=TIMES)
        table.insert(0, "subject", [str(i) for i in range(1, SUBJECTS + 1)])
        long = table.melt("subject", var_name="time", value_name="value")
        parts.append(long.assign(observable=cytokine))
    rows = pd.concat(parts, ignore_index=True).astype({"time": float})
    return Source(rows, path.name, hashlib.sha256(path.read_bytes()).hexdigest()), rows


def _check(rows: pd.DataFrame) -> None:
    """Every volunteer has every cytokine at every time, once, and the value is positive."""
    counts = rows.groupby(["observable", "time"])["subject"].nunique()
    complete = len(counts) == len(SHIFTS) * len(TIMES) and (counts == SUBJECTS).all()
    known = set(rows["observable"]) == set(SHIFTS) and set(rows["time"]) == set(TIMES)
    if not (complete and known and len(rows) == SUBJECTS * len(counts)):
        raise InputError(
            f"{NAME}: expected {SUBJECTS} volunteers x {len(SHIFTS)} cytokines x {len(TIMES)} "
            f"times, found {len(rows)} rows."
        )
    if not (rows["value"] > 0).all():
        raise InputError(f"{NAME}: a value is not positive.")
