"""The other columns of a file: covariates, fixed or changing in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .cells import Floats, Mask, read_numbers
from .column import Column
from .sheet import Sheet
from .units import split_unit
from .vocabulary import MISSING
from .wording import shown

__all__ = ["Who", "read_covariates"]


@dataclass(frozen=True)
class Who:
    """Subject and time of the rows that may carry covariates.

    Parameters
    ----------
    at : int array
        Places of the rows in the sheet.
    subject : int array
        Code of the subject of each.
    names : sequence of str
        Subjects by code.
    time : float array
        In the unit of the study.
    """

    at: npt.NDArray[np.intp]
    subject: npt.NDArray[np.intp]
    names: Sequence[str]
    time: Floats


def read_covariates(
    sheet: Sheet, places: Sequence[int], who: Who, units: Mapping[str, str]
) -> tuple[pd.DataFrame | None, list[str]]:
    """Read columns as covariates: one value per subject, or one per subject and time.

    Parameters
    ----------
    sheet : Sheet
    places : sequence of int
        Positions of the columns.
    who : Who
    units : mapping of name to unit
        In place of a unit in the header.

    Returns
    -------
    table, steps
        Columns of the node ``covariates`` of a study, or None; and which column became what. One
        with two values at one time of a subject cannot be a covariate and is left out.
    """
    names = [split_unit(sheet.header[k]) for k in places]
    bare = [name for name, _ in names]
    parts: list[pd.DataFrame] = []
    told: dict[str, list[str]] = {"fixed": [], "varying": [], "empty": [], "twice": []}
    known = np.isfinite(who.time)
    who = Who(who.at[known], who.subject[known], who.names, who.time[known])
    order = np.lexsort((who.time, who.subject))
    new = np.ones(len(order), np.bool_)
    subject, time = who.subject[order], who.time[order]
    new[1:] = (subject[1:] != subject[:-1]) | (time[1:] != time[:-1])
    for place, (name, unit) in zip(places, names, strict=True):
        title = name if bare.count(name) == 1 else sheet.header[place]
        title = f"{title} (covariate)" if title == "subject" else title  # that is the dimension
        kind, part = _column(sheet.columns[place], who, order, new)
        told[kind].append(title)
        if part is not None:
            parts.append(part.assign(name=title, unit=units.get(title, unit)))
    return (pd.concat(parts, ignore_index=True) if parts else None), _told(told)


def _column(
    column: Column, who: Who, order: npt.NDArray[np.intp], new: Mask
) -> tuple[str, pd.DataFrame | None]:
    """Kind of one column, and its values."""
    numbers, numeric = read_numbers(column.texts)
    blank = np.array([t.casefold() in MISSING for t in column.texts], np.bool_)
    texts = np.array([*column.texts, ""], dtype=object)
    if numeric:  # 70 and 70.0 are the same
        _, same = np.unique(numbers, return_inverse=True)
        codes = same[column.codes[who.at]]
    else:
        codes = column.codes[who.at].astype(np.intp)
    full = ~blank[column.codes[who.at]]
    if not full.any():
        return "empty", None
    first = np.full(len(who.names), -1, np.intp)
    there = np.flatnonzero(full)
    first[who.subject[there][::-1]] = there[::-1]
    if (codes[there] == codes[first[who.subject[there]]]).all():
        kind, rows = "fixed", np.sort(first[first >= 0])
    else:
        changes = _changes(codes, full, order, new)
        if changes is None:
            return "twice", None
        kind, rows = "varying", changes
    at = who.at[rows]
    return kind, pd.DataFrame(
        {
            "subject": np.array(who.names, dtype=object)[who.subject[rows]],
            "value": numbers[column.codes[at]] if numeric else np.full(len(at), np.nan),
            "text": np.full(len(at), "", dtype=object) if numeric else texts[column.codes[at]],
            "time": np.full(len(at), np.nan) if kind == "fixed" else who.time[rows],
        }
    )


def _changes(
    codes: npt.NDArray[np.intp], full: Mask, order: npt.NDArray[np.intp], new: Mask
) -> npt.NDArray[np.intp] | None:
    """First row with a value at each time of each subject; None if a later one differs."""
    group = np.cumsum(new) - 1
    there = np.flatnonzero(full[order])
    _, first = np.unique(group[there], return_index=True)
    begin = np.zeros(int(group[-1]) + 1, np.intp)
    begin[group[there[first]]] = there[first]
    if (codes[order[there]] != codes[order[begin[group[there]]]]).any():
        return None
    return order[there[first]]


def _told(kinds: Mapping[str, Sequence[str]]) -> list[str]:
    words = {
        "fixed": "covariates, one value per subject",
        "varying": "covariates that change in time",
        "empty": "columns not read, since they are empty",
        "twice": "columns not read, since they have two values at one time of a subject",
    }
    return [
        f"{words[kind]}: {', '.join(shown(name, 30) for name in names)}"
        for kind, names in kinds.items()
        if names
    ]
