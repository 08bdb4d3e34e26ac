"""Loader of the NIH CD22 CAR-T data: a copy of the user becomes a Study.

Lichtenstein DA et al., Blood 2021;138(24):2469-2484, doi:10.1182/blood.2021011898. The repository
github.com/ruppinlab/car22-hlh is under GPL-3.0, so its numbers are not part of this package. Three
of its files hold calendar dates and protocol numbers, and one links these to the random ids:
nothing of that is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .copies import clipped, download, present, read_source
from .errors import InputError
from .registry import FOLDER
from .study import Study
from .wording import closest, counted, shown

__all__ = ["OBSERVABLES", "read"]

NAME = "nih-cd22"
EXPORT, KEY = "revisions/data/day_after_infusion_data_export.csv", "revisions/data/ID Key*.csv"
LAYOUTS: dict[str, Sequence[str]] = {
    "cleaned": ("patients.csv", "cytokines.csv", "car_cells.csv", "inflammatory.csv"),
    "clone of the repository": (EXPORT,),
}
CYTOKINES = {
    "IFN-gamma": "IFNg",
    "IL-6": "IL6",
    "IL-8": "IL8",
    "IL-10": "IL10",
    "IL-15": "IL15",
    "TNF-alpha": "TNF",
    "IL-18": "IL18",
    "GM-CSF": "GMCSF",
    "IL-12p70": "IL12p70",
    "IL-13": "IL13",
    "IL-1B": "IL1b",
    "IL-2": "IL2",
    "IL-4": "IL4",
    "MIP-alpha": "MIPa",
}
LABS = {
    "CRP_mg_L": ("CRP", "mg/L"),
    "ferritin_ug_L": ("ferritin", "ug/L"),
    "LDH_U_L": ("LDH", "U/L"),
}
TABLES = (  # file, columns of time, analyte ("CAR": all are) and value
    ("cytokines.csv", "day", "cytokine", "value_pg_ml"),
    ("car_cells.csv", "true_day", "CAR", "abs_car_per_uL"),
    ("inflammatory.csv", "true_day", "analyte", "value"),
)
TRAPS = (
    "steroids: two source files disagree for the ids 3177, 4460 and 5891; as in this copy",
    "tocilizumab is 0 or 1 without a time",
)
USABLE = ("IFNg", "IL6", "IL8", "IL10", "IL15", "TNF", "IL18")
OBSERVABLES = (*USABLE, "CAR", "CRP", "ferritin", "LDH")
UNITS = {**dict.fromkeys(CYTOKINES.values(), "pg/mL"), "CAR": "cells/uL", **dict(LABS.values())}
SPOILED = ("hemolyzed",)
BLOCKED = ("IL6", "CRP")  # what blockade of the receptor raises, and what it stops
COVARIATES = {  # column of patients.csv: name, unit
    "marrow_blast_pct": ("blast", "%"),
    "dose_level": ("dose_level", ""),
    "toci": ("tocilizumab", ""),
    "steroids": ("steroids", ""),
    "anakinra": ("anakinra", ""),
    "prior_hct": ("prior_hct", ""),
    "prior_blina": ("prior_blinatumomab", ""),
    "prior_ino": ("prior_inotuzumab", ""),
    "prior_car": ("prior_car", ""),
    "extramedullary": ("extramedullary", ""),
}
OUTCOMES = {  # column of patients.csv: outcome, scale, column of its onset
    "max_grade_crs_lee": ("crs", "Lee", "day_crs"),
    "max_grade_crs_astct": ("crs", "ASTCT", "day_crs"),
    "hlh": ("carHLH", "", "day_hlh"),
    "cr": ("complete_response", "", None),
}


def read(
    path: str | Path | None = None,
    *,
    observables: Sequence[str] = OBSERVABLES,
    blocked: bool = True,
) -> Study:
    """Read a copy of the NIH CD22 data.

    Parameters
    ----------
    path : str or Path, optional
        A folder with patients.csv, cytokines.csv, car_cells.csv and inflammatory.csv, or a clone
        of the repository. Of a clone the long export is read: cytokines of the patients with CRS
        and their Lee grades, and ASTCT grades where the key of ids is there (its columns of
        identities are not read). Without a path the export is downloaded.
    observables : sequence of str
        Any of IFNg, IL6, IL8, IL10, IL15, TNF, IL18 [pg/mL], CAR [cells/uL], CRP [mg/L], ferritin
        [ug/L], LDH [U/L]; on request also GMCSF, IL12p70, IL13, IL1b, IL2, IL4, MIPa [pg/mL],
        more than a third of which are below their limits.
    blocked : bool
        False leaves out IL-6 and CRP after the day of onset of CRS in patients who were given
        tocilizumab, or of whom that is not known: blockade of the receptor raises IL-6 in serum
        and stops what it does in the liver, CRP. The time of the drug is not in the data; it is
        taken to follow the onset. Not for a clone, which does not say who was given it.

    Returns
    -------
    Study
        Time in days after the infusion. Outcomes: crs on the scales Lee and ASTCT (never pool
        them: >= 3 in 8.5 % and 20.3 % of the same 59 patients), carHLH, complete_response.
        Covariates: blast [%], dose_level, tocilizumab, steroids, anakinra and prior treatments,
        0 or 1, without a time: IL-6 rises after tocilizumab, so late peaks are confounded.

    Raises
    ------
    InputError
        If the copy has another layout, an observable is not known, or a clone is to leave rows out.
    """
    _check(observables)
    folder = Path(path) if path is not None else download(NAME)
    if present(folder, LAYOUTS, NAME) == "cleaned":
        return _cleaned(folder, observables, blocked)
    if not blocked:
        raise InputError(f"{NAME}: a clone does not say who was given tocilizumab; keep all rows.")
    return _clone(folder, observables)


def _check(observables: Sequence[str]) -> None:
    """Refuse names that are not known."""
    for name in observables:
        if name not in UNITS:
            guess = closest(name, UNITS)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise InputError(f"{NAME} has no observable {shown(name)}.{hint}")
    if not observables:
        raise InputError(f"{NAME}: name at least one observable.")


def _cleaned(folder: Path, observables: Sequence[str], blocked: bool) -> Study:
    """Read the four cleaned files."""
    parts = []
    for file, time, analyte, value in TABLES:
        columns = ["id", time, value] if analyte == "CAR" else ["id", time, analyte, value]
        source = read_source(folder / file, columns)
        given = source.rows.assign(CAR="CAR") if analyte == "CAR" else source.rows
        parts.append((source, *_assess(_tidy(given, time, analyte, value), observables)))
    onsets = [o for _, _, o in OUTCOMES.values() if o]
    patients = read_source(
        folder / "patients.csv", list(dict.fromkeys(["id", *COVARIATES, *OUTCOMES, *onsets]))
    )
    rows = pd.concat([part for _, part, _ in parts], ignore_index=True)
    people = patients.rows[patients.rows["id"].isin(rows["subject"])]
    notes = [f"{counted(len(people), 'patient')} of {len(patients.rows)} with a kept measurement"]
    if not blocked:
        rows, step = _unblocked(rows, people)
        notes.append(step)
    return Study(
        rows,
        name=NAME,
        units=_units(rows),
        time_unit="d",
        covariates=_covariates(people),
        outcomes=_outcomes(people),
        provenance=[
            *(source.provenance(NAME, len(part), steps) for source, part, steps in parts),
            patients.provenance(NAME, len(people), [*notes, *TRAPS]),
        ],
    )


def _unblocked(rows: pd.DataFrame, people: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Leave out IL-6 and CRP that tocilizumab may have changed; the step with its counts."""
    onset = pd.to_numeric(people.set_index("id")["day_crs"])
    given = pd.to_numeric(people.set_index("id")["toci"])
    treated = onset[given.ne(0)]  # not known counts as given
    late = rows["observable"].isin(BLOCKED) & (rows["time"] > rows["subject"].map(treated))
    counts = rows["observable"][late].value_counts()
    told = " and ".join(f"{counted(int(counts[n]), 'row')} of {n}" for n in BLOCKED if n in counts)
    return rows[~late].reset_index(drop=True), (
        f"{told or 'no row'} left out, after the onset of CRS in "
        f"{counted(rows['subject'][late].nunique(), 'patient')} with tocilizumab or not known"
    )


def _clone(folder: Path, observables: Sequence[str]) -> Study:
    """Read the long export of the repository, and the ASTCT grades if the key is there."""
    columns = ["patient_id", "max_grade_CRS", "date_CRS", "cytokines", "days", "cytokine_levels"]
    export = read_source(folder / EXPORT, columns)
    table = _tidy(
        export.rows.rename(columns={"patient_id": "id"}), "days", "cytokines", "cytokine_levels"
    )
    wanted = [o for o in observables if o in CYTOKINES.values()]
    rows, steps = _assess(table, wanted)
    steps.append("only cytokines of patients with CRS are in this file: no CAR, CRP, ferritin, LDH")
    people = export.rows.drop_duplicates("patient_id").rename(
        columns={"patient_id": "id", "max_grade_CRS": "max_grade_crs_lee", "date_CRS": "day_crs"}
    )
    sources = [export.provenance(NAME, len(rows), steps)]
    keys = sorted(folder.glob(KEY))
    if keys:
        key = read_source(keys[0], ["Randomized ID", "Max Grade CRS_ASBMT"], private=True)
        grades = key.rows.set_axis(["id", "max_grade_crs_astct"], axis=1)
        people = people.merge(grades, on="id", how="left")
        sources.append(
            key.provenance(NAME, 0, ["ASTCT grades; its columns of identities were not read"])
        )
    people = people[people["id"].isin(rows["subject"])]
    return Study(
        rows,
        name=NAME,
        units=_units(rows),
        time_unit="d",
        outcomes=_outcomes(people),
        provenance=sources,
    )


def _tidy(rows: pd.DataFrame, time: str, analyte: str, value: str) -> pd.DataFrame:
    """Columns subject, time, observable and value, the latter still as text."""
    names = {**CYTOKINES, **{k: v[0] for k, v in LABS.items()}, "CAR": "CAR"}
    if strange := set(rows[analyte]) - set(names):
        raise InputError(f"{NAME}: unknown analyte {shown(sorted(map(str, strange))[0])}.")
    return pd.DataFrame(
        {
            "subject": rows["id"],
            "time": pd.to_numeric(rows[time]).astype(float),
            "observable": rows[analyte].map(names),
            "value": rows[value],
        }
    )


def _assess(table: pd.DataFrame, observables: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Select, clean and censor; every step with its count."""
    steps = []
    rows = table[table["observable"].isin(observables)]
    if left := len(table) - len(rows):
        steps.append(f"{counted(left, 'row')} of other observables not asked for")
    rows, step = _numbers(rows)
    steps += step
    early = rows["time"] < 0
    if early.any():
        rows = rows.assign(time=rows["time"].clip(lower=0))
        steps.append(f"{counted(int(early.sum()), 'row')} from before the infusion set to time 0")
    limits = json.loads((FOLDER / "nih_cd22_limits.json").read_text(encoding="utf-8"))
    parts = []
    for name in observables:
        part = rows[rows["observable"] == name]
        censored, done = clipped(part, name, limits.get(name, {}))
        parts.append(censored)
        steps += done
        if len(part) and name == "IL13":
            steps.append("IL13: about half are at a floor that no source states; none is censored")
    return pd.concat(parts, ignore_index=True), steps


def _numbers(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Values as numbers, without what was not measured."""
    text = rows["value"].fillna("").str.strip()
    empty, spoiled = text == "", text.str.casefold().isin(SPOILED)
    value = pd.to_numeric(text.where(~(empty | spoiled)), errors="coerce")
    if (wrong := value.isna() & ~empty & ~spoiled).any():
        bad = rows[wrong].iloc[0]
        raise InputError(
            f"{NAME}: subject {bad['subject']}, day {bad['time']:g}, {bad['observable']} = "
            f"{shown(bad['value'])} is no number."
        )
    steps = [
        f"{counted(int(mask.sum()), 'row')} {why} left out"
        for mask, why in ((empty, "without a value"), (spoiled, "marked hemolyzed"))
        if mask.any()
    ]
    return rows.assign(value=value)[~(empty | spoiled)], steps


def _units(rows: pd.DataFrame) -> dict[str, str]:
    """Units of the observables that are there."""
    return {str(name): UNITS[str(name)] for name in pd.unique(rows["observable"])}


def _covariates(people: pd.DataFrame) -> pd.DataFrame:
    """One row per patient and covariate that is known."""
    parts = [
        pd.DataFrame({"subject": people["id"], "name": name, "value": people[column], "unit": unit})
        for column, (name, unit) in COVARIATES.items()
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="value").astype({"value": float})


def _outcomes(people: pd.DataFrame) -> pd.DataFrame:
    """One row per patient, outcome and scale; the onset where there was one."""
    parts = [
        pd.DataFrame(
            {
                "subject": people["id"],
                "outcome": outcome,
                "value": pd.to_numeric(people[column]),
                "scale": scale,
                "time": pd.to_numeric(people[onset]) if onset else np.nan,
            }
        )
        for column, (outcome, scale, onset) in OUTCOMES.items()
        if column in people
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="value")
