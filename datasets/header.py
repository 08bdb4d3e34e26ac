"""Which column of a file is which: by name, by the user's map, or refused with a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .findings import Finding
from .sheet import Sheet
from .vocabulary import ALIASES, COLUMNS, REQUIRED, STOP
from .wording import closest, shown

__all__ = ["Layout", "lay_out"]


@dataclass
class Layout:
    """Where the columns of a study stand in a file.

    Parameters
    ----------
    places : dict
        Our name to the position in the file.
    ignored : list of str
        Columns that are not read.
    findings : list of Finding
        Missing, repeated, nameless and mistakable columns.
    """

    places: dict[str, int] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def lay_out(sheet: Sheet, columns: Mapping[str, str] | None) -> Layout:
    """Match the header of a file with the columns of a study.

    Parameters
    ----------
    sheet : Sheet
    columns : mapping, optional
        Our name to the name in the file, for columns that are called otherwise there.

    Returns
    -------
    Layout
        Names are compared without regard to case. A mapped column wins over one that merely
        bears the name. An unknown column is ignored, unless it may be one of ours that is not
        there, or may change what a row means.
    """
    layout = Layout()
    names = [name.casefold() for name in sheet.header]
    _repeated(sheet, names, layout)
    _mapped(sheet, names, columns or {}, layout)
    taken = set(layout.places.values())
    for ours in COLUMNS:
        if ours not in layout.places and ours in names and names.index(ours) not in taken:
            layout.places[ours] = names.index(ours)
    asked = [ours for ours in REQUIRED if ours not in (columns or {})]
    _others(sheet, names, layout, asked)
    return layout


def _finding(sheet: Sheet, message: str, remedy: str, column: str | None = None) -> Finding:
    return Finding(message, remedy, column, rows=[sheet.header_line])


def _repeated(sheet: Sheet, names: list[str], layout: Layout) -> None:
    """Refuse a name that stands twice, and cells below no name."""
    for place, name in enumerate(names):
        if not name:
            if any(sheet.columns[place].texts):
                message = f"field {place + 1} has values but no name."
                layout.findings.append(_finding(sheet, message, "Name the column or delete it."))
        elif name in names[:place]:
            layout.findings.append(
                _finding(sheet, "stands twice in the header.", "Rename one.", sheet.header[place])
            )


def _mapped(sheet: Sheet, names: list[str], columns: Mapping[str, str], layout: Layout) -> None:
    """Place the columns of the user's map."""
    for ours, theirs in columns.items():
        name = str(theirs).strip()
        place = _place(name, sheet.header, names)
        if ours not in COLUMNS:
            guess = closest(str(ours), COLUMNS)
            message = f"columns={{...}} names {shown(str(ours))}, which is no column of a study."
            remedy = f"Did you mean {guess!r}? " if guess else ""
            remedy += f"The columns are {', '.join(COLUMNS)}."
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


def _others(sheet: Sheet, names: list[str], layout: Layout, asked: list[str]) -> None:
    """Refuse missing columns and mistakable names; note the ignored ones."""
    rest = [k for k, n in enumerate(names) if n and k not in layout.places.values()]
    rest = [k for k in rest if names[k] not in COLUMNS]  # repeated names, already refused
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
            layout.ignored.append(sheet.header[k])
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
    return closest(plain, [c for c in COLUMNS if len(c) > 2], 0.75) if len(plain) > 3 else None


def _listed(sheet: Sheet) -> str:
    """Names of the header, as many as fit."""
    names = [shown(name, 20) for name in sheet.header[:8]]
    more = f" and {len(sheet.header) - 8} more" if len(sheet.header) > 8 else ""
    return f"In the file: {', '.join(names)}{more}."
