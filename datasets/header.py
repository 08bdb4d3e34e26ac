"""Which column of a file is which: by name, by the user's map, or refused with a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .findings import Finding
from .sheet import Sheet
from .units import split_unit
from .vocabulary import ALIASES, CLOCKS, COLUMNS, GIVEN, REQUIRED, STOP
from .wording import closest, shown

__all__ = ["Layout", "lay_out", "repeated"]


@dataclass
class Layout:
    """Where the columns of a study stand in a file.

    Parameters
    ----------
    places : dict
        Our name to the position in the file.
    rest : list of int
        Positions of the other columns: covariates, if anything.
    units : dict
        Units that stand in the header, as in ``time (h)``, by our name.
    findings : list of Finding
        Missing, repeated, nameless and mistakable columns.
    """

    places: dict[str, int] = field(default_factory=dict)
    rest: list[int] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def lay_out(
    sheet: Sheet,
    columns: Mapping[str, str],
    known: Sequence[str] = (*COLUMNS, *GIVEN),
    required: Sequence[str] = REQUIRED,
) -> Layout:
    """Match the header of a file with the columns of a study.

    Parameters
    ----------
    sheet : Sheet
    columns : mapping
        Our name to the name in the file, for columns that are called otherwise there.
    known, required : sequence of str
        Columns that are looked for, and those of them that must be there.

    Returns
    -------
    Layout
        Names are compared without regard to case. A mapped column wins over one that merely
        bears the name, and a unit may follow it in brackets. An unknown column is a covariate,
        unless it may be one of ours that is not there, or may change what a row means.
    """
    layout = Layout()
    names = [name.casefold() for name in sheet.header]
    repeated(sheet, names, layout.findings)
    _mapped(sheet, names, columns, layout, known)
    bare = [split_unit(name)[0].casefold() for name in sheet.header]
    for ours in known:
        for titles in (names, bare):
            taken = set(layout.places.values())
            if ours not in layout.places and ours in titles and titles.index(ours) not in taken:
                layout.places[ours] = titles.index(ours)
    for ours, place in layout.places.items():
        title = sheet.header[place]
        if unit := split_unit(title)[1] or (_clock(title) if ours == "time" else ""):
            layout.units[ours] = unit
    asked = [ours for ours in required if ours not in columns]
    _others(sheet, names, layout, asked, known)
    return layout


def _clock(title: str) -> str:
    """Take the unit that the name of a column of times says, or "".

    Examples
    --------
    >>> _clock("Visit day"), _clock("day_of_visit"), _clock("time")
    ('d', '', '')
    """
    last = re.split(r"[\W_]+", title.casefold())[-1]
    return next((unit for unit, words in CLOCKS.items() if last in words.split()), "")


def _finding(sheet: Sheet, message: str, remedy: str, column: str | None = None) -> Finding:
    return Finding(message, remedy, column, rows=[sheet.header_line])


def repeated(sheet: Sheet, names: list[str], findings: list[Finding]) -> None:
    """Refuse a name that stands twice, and cells below no name.

    Parameters
    ----------
    sheet : Sheet
    names : list of str
        Its header without regard to case.
    findings : list of Finding
        Gets what is refused.
    """
    for place, name in enumerate(names):
        if not name:
            if any(sheet.columns[place].texts):
                message = f"field {place + 1} has values but no name."
                findings.append(_finding(sheet, message, "Name the column or delete it."))
        elif name in names[:place]:
            findings.append(
                _finding(sheet, "stands twice in the header.", "Rename one.", sheet.header[place])
            )


def _mapped(
    sheet: Sheet,
    names: list[str],
    columns: Mapping[str, str],
    layout: Layout,
    known: Sequence[str],
) -> None:
    """Place the columns of the user's map."""
    for ours, theirs in columns.items():
        name = str(theirs).strip()
        place = _place(name, sheet.header, names)
        if ours not in known:
            guess = closest(str(ours), known)
            message = f"columns={{...}} names {shown(str(ours))}, which is no column of a study."
            remedy = f"Did you mean {guess!r}? " if guess else ""
            remedy += f"The columns are {', '.join(known)}."
        elif place is None:
            guess = closest(name, sheet.header)
            message = f"columns={{...}} gives {shown(name)} for {ours!r}, which is not in the file."
            remedy = (f"Did you mean {shown(guess)}? " if guess else "") + _listed(sheet)
        elif place in layout.places.values():
            message = f"columns={{...}} gives {shown(name)} for two columns of the study."
            remedy = "Give each its own."
        else:
            layout.places[ours] = place
            continue
        layout.findings.append(_finding(sheet, message, remedy))


def _place(name: str, header: list[str], names: list[str]) -> int | None:
    """Position of a column, as written or else without regard to case."""
    if name in header:
        return header.index(name)
    return names.index(name.casefold()) if name and name.casefold() in names else None


def _others(
    sheet: Sheet, names: list[str], layout: Layout, asked: list[str], known: Sequence[str]
) -> None:
    """Refuse missing columns and mistakable names; note the others."""
    rest = [k for k, n in enumerate(names) if n and k not in layout.places.values()]
    rest = [k for k in rest if names[k] not in known and names.index(names[k]) == k]
    guesses = {k: _meaning(names[k]) for k in rest}
    for ours in asked:
        if ours not in layout.places:
            found = [sheet.header[k] for k in rest if guesses[k] == ours]
            layout.findings.append(_missing(sheet, ours, found))
            rest = [k for k in rest if guesses[k] != ours]
    for k in rest:
        stop = next((s for words, s in STOP.items() if _plain(names[k]) in words.split()), None)
        meant = guesses[k]
        if stop is None and meant is not None and meant not in layout.places:
            stop = f"Rename it to {meant!r} if it is that, or remove it if it has no part here."
        if stop is None:
            layout.rest.append(k)
        else:
            message = "is not a known name, but may matter."
            layout.findings.append(_finding(sheet, message, stop, sheet.header[k]))


def _missing(sheet: Sheet, ours: str, found: list[str]) -> Finding:
    """Say that a required column is missing, and which one of the file it may be."""
    hint = f"Is it {shown(found[0])}? Then rename that" if found else "Add or rename a column"
    remedy = f"{hint}, or map it: columns={{{ours!r}: {shown(found[0] if found else 'NAME')}}}."
    remedy += "" if found else f" {_listed(sheet)}"
    return _finding(sheet, f"the column {ours!r} is missing.", remedy)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _meaning(name: str) -> str | None:
    """Which of our columns a foreign name probably means.

    Examples
    --------
    >>> _meaning("vlaue"), _meaning("LLOQ"), _meaning("value (pg/mL)"), _meaning("sex")
    ('value', 'lower', 'value', None)
    """
    plain = _plain(name)
    for ours, words in ALIASES.items():
        if plain in words.split():
            return ours
    first = re.split(r"[\W_]+", name.casefold())[0]
    if first in COLUMNS:
        return first
    if _clock(name):
        return "time"
    return closest(plain, [c for c in COLUMNS if len(c) > 2], 0.75) if len(plain) > 3 else None


def _listed(sheet: Sheet) -> str:
    """Names of the header, as many as fit."""
    names = [shown(name, 20) for name in sheet.header[:8]]
    more = f" and {len(sheet.header) - 8} more" if len(sheet.header) > 8 else ""
    return f"In the file: {', '.join(names)}{more}."
