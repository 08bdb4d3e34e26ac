"""`write_nonmem`: a study as a file of NONMEM records, from which it can be read again."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import StudyError
from .nonmem import NOTE
from .study import Study
from .vocabulary import NONMEM
from .wording import counted, shown
from .writing import whole_file

__all__ = ["nonmem_records", "write_nonmem"]

EVID = {"dose": 1, "reset": 3, "reset_dose": 4}
ALWAYS = ("ID", "TIME", "DV", "EVID")
EMPTY = "."
GIVEN = {"occasion": "OCC", "assay": "ASSAY", "source": "SOURCE"}
DOSES = ("AMT", "CMT", "RATE", "DUR", "II", "ADDL", "SS")


def write_nonmem(study: Study, path: str | Path, *, note: bool = True) -> None:
    """Write a study as a csv file for NONMEM, Monolix or nlmixr.

    Parameters
    ----------
    study : Study
        Of single measurements, not of published means.
    path : str or Path
        File to make or replace.
    note : bool
        Begin with a line ``@cytobayes {...}`` that keeps names, units and outcomes, which have no
        columns; NONMEM skips it and the header with ``IGNORE=@``.

    Raises
    ------
    StudyError
        If the study has published means, which NONMEM cannot express.

    Notes
    -----
    Observables are numbered as DVID in the order of the study. Censored values are flagged by CENS
    and LIMIT as in Monolix. `read_table` gives the same study again, its rows sorted by subject
    and time; the value of an interval is then its upper end.
    """
    records = nonmem_records(study, numbered=note)
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        if note:
            file.write(NOTE + json.dumps(_note(study), ensure_ascii=False) + "\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(records.columns)
        writer.writerows(records.itertuples(index=False))


def nonmem_records(study: Study, *, numbered: bool = True) -> pd.DataFrame:
    """Arrange a study as records of NONMEM, in text.

    Parameters
    ----------
    study : Study
    numbered : bool
        DVID as 1, 2, ...; else the names of the observables.

    Returns
    -------
    DataFrame
        Columns of text: ID, TIME, DV, EVID and what else the study needs; then covariates.

    Raises
    ------
    StudyError
        As in `write_nonmem`.
    """
    if study.is_aggregated:
        raise StudyError(
            "a study with published means (sd, n) or medians (q1, q3, n) has no NONMEM form: each "
            "record is one measurement. Select the subjects that were measured singly."
        )
    parts = [_doses(study), _measurements(study, numbered=numbered)]
    table = pd.concat([p for p in parts if len(p)], ignore_index=True)
    table, covariates = _with_covariates(study, table)
    subjects = {s: k for k, s in enumerate(study.subjects)}
    table["place"] = table["ID"].map(subjects)
    table = table.sort_values(["place", "TIME", "order"], kind="stable")
    known = [c for c in (*ALWAYS, *DOSES, "DVID", "CENS", "LIMIT", "LLOQ", "ULOQ") if c in table]
    columns = [*known, *(c for c in GIVEN.values() if c in table), *covariates]
    return pd.DataFrame({c: _texts(table[c]) for c in columns})


def _doses(study: Study) -> pd.DataFrame:
    """Make records of doses and resets, with the columns that any of them needs."""
    doses = study.to_frame("doses")
    gives = doses["kind"] != "reset"
    table = pd.DataFrame({"ID": doses["subject"], "TIME": doses["time"]})
    table["EVID"] = doses["kind"].map(EVID)
    table["AMT"] = doses["amount"].where(gives)
    table["CMT"] = doses["target"].where(gives, EMPTY)
    optional = {
        "RATE": doses["rate"],
        "DUR": doses["duration"],
        "II": doses["interval"],
        "ADDL": doses["count"] - 1,
        "SS": doses["steady_state"],
    }
    for column, values in optional.items():
        if (values != 0).any():
            table[column] = values.where(gives)
    return table.assign(order=0)


def _measurements(study: Study, *, numbered: bool) -> pd.DataFrame:
    """Make records of measurements, with flags of censoring."""
    rows = study.to_frame()
    kind, lower, upper = rows["censoring"], rows["lower"], rows["upper"]
    between, left = kind == "interval", kind == "left"
    table = pd.DataFrame({"ID": rows["subject"], "TIME": rows["time"], "EVID": 0})
    table["DV"] = rows["value"].mask(between, upper)
    if study.observables != ("DV",):
        number = {o: str(k) if numbered else o for k, o in enumerate(study.observables, 1)}
        table["DVID"] = rows["observable"].map(number)
    if lower.notna().any() or upper.notna().any() or (kind != "none").any():
        table["CENS"] = np.select([left | between, kind == "right"], [1, -1], 0)
    if between.any():
        table["LIMIT"] = lower.where(between)
    for column, limit, own in (("LLOQ", lower, left), ("ULOQ", upper, kind == "right")):
        free = limit.where(~between & ~own)
        if free.notna().any():
            table[column] = free
    for column, name in GIVEN.items():
        if column in rows:
            table[name] = rows[column].replace("", EMPTY)
    return table.assign(order=1)


def _with_covariates(study: Study, table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Add columns of covariates, and records for changes between the others."""
    rows = study.to_frame("covariates")
    if rows.empty:
        return table, []
    taken = {n.upper() for names in NONMEM.values() for n in names.split()}
    if bad := [n for n in rows["name"].unique() if str(n).upper() in taken]:
        raise StudyError(f"covariate {shown(bad[0])} has the name of a NONMEM column: rename it.")
    rows["shown"] = rows["text"].where(rows["text"] != "", _texts(rows["value"]))
    fixed, varying = rows[rows["time"].isna()], rows[rows["time"].notna()]
    there = pd.MultiIndex.from_frame(table[["ID", "TIME"]])
    times = varying[["subject", "time"]].drop_duplicates()
    alone = times[~pd.MultiIndex.from_frame(times).isin(there)]
    extra = pd.DataFrame({"ID": alone["subject"], "TIME": alone["time"], "EVID": 2, "order": 2})
    table = pd.concat([table, extra], ignore_index=True) if len(extra) else table
    at = pd.MultiIndex.from_frame(table[["ID", "TIME"]])
    for name in rows["name"].drop_duplicates():
        own = fixed[fixed["name"] == name]
        if len(own):
            table[name] = table["ID"].map(own.set_index("subject")["shown"]).fillna(EMPTY)
        else:
            own = varying[varying["name"] == name]
            table[name] = own.set_index(["subject", "time"])["shown"].reindex(at).to_numpy()
            table[name] = table[name].fillna(EMPTY)
    return table, [str(n) for n in rows["name"].drop_duplicates()]


def _texts(column: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Shortest text that gives the same number again; "." for nothing."""
    if column.dtype.kind not in "fiu":
        return column.fillna(EMPTY).to_numpy(dtype=object)
    return np.array([_number(float(x)) for x in column], dtype=object)


def _number(x: float) -> str:
    if np.isnan(x):
        return EMPTY
    return str(int(x)) if x.is_integer() and abs(x) < 1e15 else repr(x)


def _note(study: Study) -> Mapping[str, Any]:
    """Collect what has no column: names, units, outcomes."""
    doses, covariates = study.to_frame("doses"), study.to_frame("covariates")
    outcomes = study.to_frame("outcomes")
    units = doses[["target", "unit"]].drop_duplicates()
    if units["target"].duplicated().any():
        twice = units.loc[units["target"].duplicated(), "target"].iloc[0]
        count = counted(int((units["target"] == twice).sum()), "unit")
        raise StudyError(f"doses into {shown(twice)} have {count}: convert them to one.")
    own = covariates[covariates["unit"] != ""].drop_duplicates("name")
    numbers = enumerate(study.observables, 1)
    note: dict[str, Any] = {
        "observables": {str(k): o for k, o in numbers if study.observables != ("DV",)},
        "units": {o: u for o, u in study.units.items() if u},
        "time_unit": study.time_unit,
        "dose_units": {t: u for t, u in units.itertuples(index=False) if u},
        "covariate_units": dict(zip(own["name"], own["unit"], strict=True)),
        "outcomes": json.loads(outcomes.to_json(orient="records")) if len(outcomes) else [],
    }
    return {key: value for key, value in note.items() if value}
