"""What the user's options do to a table: units, limits of assays, words for "below the limit"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .findings import Finding
from .request import Request
from .rules import Table
from .units import conversion
from .vocabulary import ABOVE, BELOW, TEXTS
from .wording import counted, shown

__all__ = ["settle", "time_factor", "unknown_names"]

SCALED = ("value", "lower", "upper", "sd", "q1", "q3")


def settle(table: Table, request: Request) -> None:
    """Convert units, fill in limits, and give words for "below the limit" that limit.

    Parameters
    ----------
    table : Table
        Changed in place; gets findings and steps.
    request : Request
    """
    _convert(table, request)
    _fill_limits(table, request)
    _settle_words(table)


def _convert(table: Table, request: Request) -> None:
    """Bring the values of every observable that has a wanted unit into it."""
    units, names = table.label("unit"), table.label("observable")
    texts = list(dict.fromkeys([*_texts(table, "unit"), *request.units.values(), ""]))
    place = {text: k for k, text in enumerate(texts)}
    codes = np.array([place[t] for t in [*_texts(table, "unit"), ""]], np.intp)[table.code("unit")]
    if not len(names):
        return
    group = table.code("observable") * len(texts) + codes
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    for k, start in enumerate(first):
        name, stated = str(names[start]), str(units[start])
        wanted = request.units.get(name)
        if wanted is None:
            continue
        at = np.flatnonzero(member == k)
        scale, reason = conversion(stated, wanted) if stated else (1.0, "")
        if name in request.factors and (not stated or np.isnan(scale)):
            scale, reason = request.factors[name], ""
        if np.isnan(scale):
            _refuse_unit(table, at, stated, wanted, name, reason)
            continue
        for column in SCALED:
            if column in table.cells.numbers and scale != 1:
                table.cells.numbers[column][at] *= scale
        codes[at] = place[wanted]
        if not stated and scale == 1:
            table.steps.append(f"{name}: unit {wanted} as the caller said")
        elif stated != wanted:
            change = f"from {stated or 'no stated unit'} to {wanted} (times {scale:.10g})"
            table.steps.append(f"{name}: {counted(len(at), 'row')} converted {change}")
    table.cells.labels["unit"] = (codes, texts)


def _texts(table: Table, column: str) -> list[str]:
    return table.cells.labels[column][1] if column in table.cells.labels else [""]


def _refuse_unit(
    table: Table, at: npt.NDArray[np.intp], stated: str, wanted: str, name: str, reason: str
) -> None:
    column = table.names.get("unit", table.names.get("value"))
    message = f"is the unit of {shown(name)}; it cannot be converted to {shown(wanted)}: {reason}."
    remedy = f"Give the factor of the assay: factors={{{name!r}: ...}}, or correct the unit."
    rows: list[int] = table.rows[at].tolist()
    table.findings.append(Finding(message, remedy, column, rows, [stated] * len(at)))


def _fill_limits(table: Table, request: Request) -> None:
    """Give rows without a limit that of the caller."""
    names = table.label("observable")
    for name, limits in request.limits.items():
        at = names == name
        for column, limit in zip(("lower", "upper"), limits, strict=True):
            if limit is None or not at.any():
                continue
            old = table.number(column).copy()
            side = table.cells.side
            free = at & np.isnan(old) & (side != (-1 if column == "lower" else 1))
            old[free] = limit
            table.cells.numbers[column] = old
            table.names.setdefault(column, f"limits={{{name!r}: ...}}")
            table.steps.append(f"{name}: {column} limit {limit:g} as the caller said")


def _settle_words(table: Table) -> None:
    """Score "BLQ" at the limit of its row, or refuse it."""
    word = table.cells.word
    if not word.any():
        return
    value = table.cells.numbers["value"]
    for side, column, words in ((-1, "lower", BELOW), (1, "upper", ABOVE)):
        limit = table.number(column)
        good = (word == side) & np.isfinite(limit)
        value[good] = limit[good]
        table.cells.side[good] = side
        message, remedy = next((m, r) for m, looks, r in TEXTS if looks is words)
        said = table.label("value").astype(str).tolist()
        bad = (word == side) & ~np.isfinite(limit)
        table.add(bad, "value", message, remedy, said.__getitem__)


def time_factor(stated: str, request: Request) -> tuple[float, str, str, str]:
    """Find the factor of times, and the unit that they have then.

    Parameters
    ----------
    stated : str
        Time unit of the file, "" if it has none.
    request : Request

    Returns
    -------
    factor, unit, step, problem
        Step is "" if nothing is converted; problem is "" if all is well.
    """
    wanted = request.time_unit.strip()
    if not wanted or not stated or wanted == stated:
        return 1.0, wanted or stated, "", ""
    scale, reason = conversion(stated, wanted)
    if np.isnan(scale):
        return (
            1.0,
            stated,
            "",
            f"is the time unit; it cannot be converted to {shown(wanted)}: {reason}.",
        )
    step = f"times converted from {stated} to {wanted} (times {scale:.10g})"
    return scale, wanted, step, ""


def unknown_names(request: Request, known: list[str]) -> list[Finding]:
    """Refuse units, factors and limits of observables that are not in the file.

    Parameters
    ----------
    request : Request
    known : list of str
        Observables of the file.

    Returns
    -------
    list of Finding
    """
    found = []
    for option in ("units", "factors", "limits"):
        for name in getattr(request, option):
            if name not in known:
                listed = ", ".join(shown(k, 20) for k in known[:8])
                found.append(
                    Finding(
                        f"{option}={{...}} names {shown(name)}, which is no observable of it.",
                        f"There are {listed}.",
                    )
                )
    for name in request.factors:
        if name in known and name not in request.units:
            message = f"factors={{...}} names {shown(name)} without the unit that it leads to."
            found.append(Finding(message, f"Add units={{{name!r}: ...}}."))
    return found
