"""Files of NONMEM and Monolix: records of measurements, doses, resets and covariates.

Columns, in any case: ID (none: one subject), TIME, DV, AMT, EVID, MDV, CMT, RATE, DUR (or TINF),
II, ADDL, SS, DVID (or YTYPE), CENS, LIMIT, LLOQ, ULOQ, BLQ, OCC, UNIT; any other is a covariate.
"." is missing.

EVID 0 is a measurement, 1 a dose, 2 another event (it carries covariates), 3 a reset, 4 a reset
and a dose. Without EVID a record with AMT, RATE, ADDL, II or SS is a dose. A code of nlmixr such
as 101 is a bolus into compartment 1. A record with MDV = 1 holds no measurement.

CENS and LIMIT are those of Monolix. CENS = 1: the value is below DV, with LIMIT between LIMIT and
DV. CENS = -1: the value is above DV, with LIMIT between DV and LIMIT. BLQ = 1: below LLOQ. Without
CENS and BLQ a value at or below LLOQ is left-censored there, as in every table.

Observables are named by DVID, else by CMT if measurements have several: the names of
``observables={1: "CP"}``, else DVID itself if it is a word, else DV_1, DV_2; a single one has the
name of its column, DV.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .account import balance, file_steps, left_out, scored
from .cells import Cells, read_cells
from .covariates import Who
from .events import Events
from .findings import Finding
from .header import repeated
from .reading import Reading
from .request import Request
from .rules import Table
from .settle import settle, time_factor, unknown_names
from .sheet import Sheet
from .subjects import read_subjects
from .units import split_unit
from .vocabulary import NONMEM
from .wording import closest, counted, shown

__all__ = ["NOTE", "is_nonmem", "read_nonmem"]

NOTE = "@cytobayes "  # begins a comment with what a NONMEM file has no columns for
MEASURED = ("time", "value", "lower", "upper")
CLOCKS = ("date", "dat1", "dat2", "dat3")
WHOLE = re.compile(r"[+-]?\d+(\.0*)?([eE]\+?0+)?")


def is_nonmem(sheet: Sheet, request: Request) -> bool:
    """Whether the header is that of a NONMEM file.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    bool
        True if it has EVID, AMT or MDV, and not all columns of a tidy file; or ID, TIME and
        DV (or a column that was given as the value), and no names of observables.
    """
    names = {name.casefold() for name in sheet.header}
    tidy = {"subject", "observable"} & (names | set(request.columns))
    if {"evid", "amt", "mdv"} & names:
        return len(tidy) < 2
    values = {"dv", str(request.columns.get("value", "dv")).casefold()}
    return not tidy and {"id", "time"} <= names and bool(values & names)


def read_nonmem(sheet: Sheet, request: Request) -> Reading:
    """Read a sheet of NONMEM records.

    Parameters
    ----------
    sheet : Sheet
    request : Request

    Returns
    -------
    Reading
    """
    note = _note(sheet)
    findings: list[Finding] = []
    places, rest = _places(sheet, request, findings)
    cells = read_cells(sheet, places, required=("subject",), lost=request.words)
    alive = _comments(sheet, places, cells, rest)
    rows = np.asarray(sheet.rows, dtype=np.int64)[alive]
    findings += [*sheet.findings, *_located(cells.findings, sheet, rows)]
    sheet.release(set(places.values()))
    commented = len(sheet.rows) - len(alive)
    cells = cells.take(alive) if commented else cells
    names = {ours: sheet.header[place] for ours, place in places.items()}
    _complete(cells, names, len(alive))
    time_steps, unit = _times(sheet, cells, names, request, note, findings)
    table = Table(names, rows, cells)
    _order(table)
    events = Events(table, request)
    observed = np.flatnonzero(events.observed)
    seen = Table(names, rows[observed], cells.take(observed, MEASURED), flagged=_flagged(names))
    _name_observables(seen, request.names or _mapping(note, "observables"), findings)
    events.censor(seen, observed)
    known = list(dict.fromkeys(seen.label("observable").tolist()))
    _state_units(seen, _mapping(note, "units"))
    settle(seen, request)
    seen.check(order=False, replicates=True)
    findings += [*table.findings, *seen.findings]
    findings += unknown_names(request, [*known, "AMT"]) if not findings else []
    read = sheet.rows_read - commented
    frame = seen.frame()
    if findings:
        return Reading(frame, read=read, findings=findings)
    kept = set(frame["subject"].unique())
    mine = pd.Series(table.label("subject")).isin(kept).to_numpy()
    doses = events.doses(mine, request.units.get("AMT", ""), _mapping(note, "dose_units"), unit)
    codes, subjects = cells.labels["subject"]
    at = np.flatnonzero(mine)
    who = Who(alive[at], codes[at], subjects, cells.numbers["time"][at])
    subject = read_subjects(sheet, rest, request, who, unit, _mapping(note, "covariate_units"))
    if subject.findings:
        return Reading(frame, read=read, findings=list(subject.findings))
    steps = [
        balance(read, len(frame), **events.counts(mine, seen, observed)),
        *left_out(seen),
        *_replicates(frame),
        *file_steps(sheet),
        *([f"{counted(commented, 'record')} commented out (C) skipped"] if commented else []),
        *time_steps,
        *events.steps(mine, frame),
        *subject.steps,
        *seen.steps,
        *scored(seen),
    ]
    outcomes = pd.DataFrame(note["outcomes"]) if note.get("outcomes") else subject.outcomes
    return Reading(frame, doses, subject.covariates, outcomes, unit, read, steps)


def _note(sheet: Sheet) -> dict[str, Any]:
    """Find what `write_nonmem` wrote into the first line."""
    for line in sheet.comments:
        if line.startswith(NOTE):
            try:
                note = json.loads(line.removeprefix(NOTE))
            except json.JSONDecodeError:
                return {}
            return note if isinstance(note, dict) else {}
    return {}


def _mapping(note: Mapping[str, Any], key: str) -> dict[str, str]:
    """One part of the note; nothing if a hand has changed it into something else."""
    part = note.get(key, {})
    return {str(k): str(v) for k, v in part.items()} if isinstance(part, dict) else {}


def _places(
    sheet: Sheet, request: Request, findings: list[Finding]
) -> tuple[dict[str, int], list[int]]:
    """Positions of the columns that have a meaning, and of the others."""
    header = [name.casefold() for name in sheet.header]
    bare = [split_unit(name)[0].casefold() for name in sheet.header]
    repeated(sheet, header, findings)
    places = _asked(sheet, request, findings)
    for ours, names in NONMEM.items():
        for name in names.split():
            for titles in (header, bare):
                if ours not in places and name in titles:
                    place = titles.index(name)
                    if place not in places.values():
                        places[ours] = place
    at = [sheet.header_line]
    for ours in ("time", "value"):
        if ours not in places and ours not in request.columns:
            name = NONMEM[ours].upper()
            message = f"the column {name} is missing."
            findings.append(
                Finding(message, f"Add it, or map it: columns={{{ours!r}: ...}}.", rows=at)
            )
    for k, name in enumerate(header):
        if name in CLOCKS and k not in places.values():
            message = "is a calendar date, which cannot be read."
            remedy = "Put the hours or days since the first dose of each subject into TIME, and "
            findings.append(Finding(message, remedy + "delete the column.", sheet.header[k], at))
    taken = {*places.values()}
    rest = [k for k, n in enumerate(header) if n and k not in taken and header.index(n) == k]
    return places, [k for k in rest if header[k] not in CLOCKS]


def _asked(sheet: Sheet, request: Request, findings: list[Finding]) -> dict[str, int]:
    """Positions of the columns of the user's map."""
    header = [name.casefold() for name in sheet.header]
    at = [sheet.header_line]
    places: dict[str, int] = {}
    ours_of = {n: ours for ours, names in NONMEM.items() for n in (ours, *names.split())}
    for asked, theirs in request.columns.items():
        ours = ours_of.get(str(asked).casefold())
        name = str(theirs).strip().casefold()
        if ours is None:
            guess = closest(str(asked), ours_of)
            message = f"columns={{...}} names {shown(str(asked))}, which is no column of NONMEM."
            hint = f"Did you mean {guess!r}? " if guess else ""
            known = ", ".join(names.split()[0].upper() for names in NONMEM.values())
            findings.append(Finding(message, f"{hint}The columns are {known}.", rows=at))
        elif name not in header:
            guess = closest(name, sheet.header)
            message = (
                f"columns={{...}} gives {shown(name)} for {asked!r}, which is not in the file."
            )
            listed = ", ".join(shown(n, 20) for n in sheet.header[:8])
            hint = f"Did you mean {shown(guess)}? " if guess else ""
            findings.append(Finding(message, f"{hint}In the file: {listed}.", rows=at))
        elif header.index(name) in places.values():
            message = f"columns={{...}} gives {shown(name)} for two columns of the study."
            findings.append(Finding(message, "Give each its own.", rows=at))
        else:
            places[ours] = header.index(name)
    return places


def _comments(
    sheet: Sheet, places: Mapping[str, int], cells: Cells, rest: list[int]
) -> npt.NDArray[np.intp]:
    """Rows that are not commented out by a C: as first field, or in front of numbers as ID."""
    out = np.zeros(len(sheet.rows), np.bool_)
    if not sheet.columns:
        return np.flatnonzero(~out)
    first = sheet.columns[0]
    if first.name.casefold() == "c" and 0 in rest:
        rest.remove(0)
        marked = [k for k, t in enumerate(first.texts) if t.casefold() == "c"]
        out |= np.isin(first.codes, marked)
    if places.get("subject") == 0:
        marks = [k for k, t in enumerate(first.texts) if re.fullmatch(r"[Cc]\s*\d*", t)]
        others = [t for k, t in enumerate(first.texts) if k not in marks and t]
        if others and all(WHOLE.fullmatch(t) for t in others):
            out |= np.isin(first.codes, marks)
    return np.flatnonzero(~out)


def _located(findings: list[Finding], sheet: Sheet, rows: npt.NDArray[np.int64]) -> list[Finding]:
    """Leave out cases in records that are commented out."""
    if len(rows) == len(sheet.rows):
        return findings
    kept, left = set(rows.tolist()), []
    for f in findings:
        pairs = list(zip(f.rows, f.values or [""] * len(f.rows), strict=True))
        pairs = [(row, value) for row, value in pairs if row in kept]
        if pairs:
            at, values = zip(*pairs, strict=True)
            left.append(replace(f, rows=at, values=values if f.values else ()))
    return left


def _complete(cells: Cells, names: dict[str, str], n: int) -> None:
    """Columns that are not in the file: one subject, no times, no values."""
    if "subject" not in cells.labels:
        cells.labels["subject"] = (np.zeros(n, np.intp), ["1"])
        names["subject"] = "ID"
    codes, texts = cells.labels["subject"]
    short = [str(int(float(t))) if WHOLE.fullmatch(t) and not t.isdigit() else t for t in texts]
    place = {t: k for k, t in enumerate(dict.fromkeys(short))}
    merged = np.array([place[t] for t in short], np.intp)
    cells.labels["subject"] = (merged[codes] if n else codes, list(place))
    for ours in ("time", "value"):
        if ours not in cells.numbers:
            cells.numbers[ours] = np.full(n, np.nan)
            cells.blank[ours] = np.ones(n, np.bool_)


def _times(
    sheet: Sheet,
    cells: Cells,
    names: Mapping[str, str],
    request: Request,
    note: Mapping[str, Any],
    findings: list[Finding],
) -> tuple[list[str], str]:
    """Bring times, intervals and durations into the unit that was asked for."""
    stated = split_unit(names.get("time", ""))[1] or str(note.get("time_unit", ""))
    scale, unit, step, problem = time_factor(stated, request)
    if problem:
        remedy = "Correct the unit in the file, or ask for another one."
        findings.append(
            Finding(f"{shown(stated)} {problem}", remedy, names["time"], [sheet.header_line])
        )
    if scale != 1:
        for column in {"time", "ii", "dur"} & set(cells.numbers):
            cells.numbers[column] = cells.numbers[column] * scale
        if "rate" in cells.numbers:
            rate = cells.numbers["rate"]
            cells.numbers["rate"] = np.where(rate > 0, rate / scale, rate)
    return [step] if step else [], unit


def _order(table: Table) -> None:
    """Refuse times that go back within a subject, and subjects that come in two pieces."""
    subject, time = table.code("subject"), table.number("time")
    if not len(subject):
        return
    same = np.zeros(len(subject), np.bool_)
    same[1:] = subject[1:] == subject[:-1]
    back = np.zeros(len(subject), np.bool_)
    back[1:] = same[1:] & (np.diff(time) < 0)
    who = table.label("subject")
    table.add(
        back,
        "time",
        "is earlier than the record before it of the same subject.",
        "Sort the records of a subject by time. If time starts again at an occasion or a reset, "
        "count it on, or give the occasion its own ID.",
        lambda k: f"{time[k]:.10g} ({who[k]})",
    )
    starts = np.flatnonzero(~same)
    _, first = np.unique(subject[starts], return_index=True)
    again = np.ones(len(starts), np.bool_)
    again[first] = False
    split = np.zeros(len(subject), np.bool_)
    split[starts[again]] = True
    table.add(
        split,
        "subject",
        "comes again after another subject: NONMEM takes it for a new one.",
        "Keep the records of a subject together, or give the new one its own ID.",
    )
    table.add(
        time < 0,
        "time",
        "is a negative time.",
        "Count time from the first record of the subject, so that it starts at 0.",
    )


def _flagged(names: Mapping[str, str]) -> bool:
    return bool({"cens", "blq"} & set(names))


def _name_observables(table: Table, given: Mapping[str, str], findings: list[Finding]) -> None:
    """Label the measurements by DVID, or by CMT."""
    n, title = len(table.rows), split_unit(table.names.get("value", "DV"))[0]
    source = "observable" if "observable" in table.names else "cmt"
    codes, texts = table.cells.labels.get(source, (np.zeros(n, np.intp), [""]))
    present = np.unique(codes)
    texts = [str(int(float(t))) if WHOLE.fullmatch(t) else t for t in texts]
    single = len({texts[k] for k in present}) == 1 and not given
    names = []
    for text in texts:
        word = text not in ("", ".") and not WHOLE.fullmatch(text)
        if text in given:
            names.append(given[text])
        elif word and source == "observable":
            names.append(text)
        else:
            names.append(title if single or text in ("", ".") else f"{title}_{text}")
    if source == "observable" or given:
        column = source if source in table.names else "value"
        empty = np.isin(codes, [k for k in present if texts[k] in ("", ".")])
        known = ", ".join(map(shown, given))
        if not single:
            message = "does not say which observable was measured."
            table.add(empty, column, message, "Write the DVID of every measurement.")
        other = [k for k in present if texts[k] not in (*given, "", ".")]
        if given:
            message = "has no name in observables={...}."
            remedy = f"Name it, too; named are {known}."
            table.add(np.isin(codes, other), column, message, remedy)
    for key in given:
        if key not in {texts[k] for k in present}:
            listed = ", ".join(shown(texts[k]) for k in present[:8])
            message = f"observables={{...}} names {shown(key)}, which no measurement has."
            findings.append(Finding(message, f"In the file: {listed}."))
    unique = list(dict.fromkeys(names))
    place = np.array([unique.index(name) for name in names], np.intp)
    table.cells.labels["observable"] = (place[codes] if n else codes, unique)
    table.names.setdefault("observable", table.names.get("cmt", title))


def _replicates(rows: pd.DataFrame) -> list[str]:
    """Tell how many measurements stand beside another of the same time."""
    n = int(rows.duplicated(["subject", "time", "observable"]).sum())
    return [f"{counted(n, 'repeat')} of subject, observable and time kept"] if n else []


def _state_units(table: Table, stated: Mapping[str, str]) -> None:
    """Give rows the units that the note of the file states."""
    codes, names = table.cells.labels["observable"]
    if "unit" not in table.cells.labels:
        table.cells.labels["unit"] = (codes, [str(stated.get(n, "")) for n in names])
        table.names["unit"] = table.names.get("value", "DV")
