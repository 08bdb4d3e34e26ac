"""How a file is read, in words: options of a command line, and settings of an analysis file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import InputError
from .wording import closest, shown

__all__ = ["PLAIN", "advice", "checked_options", "options_of_words"]

TEXTS = ("format", "time_unit", "sheet")
TABLES = ("columns", "units", "outcomes", "compartments")
NUMBERS = ("factors",)
LISTS = ("missing",)
# What a message of `read_table` advises, and how it is said to the program.
SAID = {
    "columns={": "--columns value=conc,subject=patient",
    "limits={": "--limits IL6=1.2 (the lower one) or IL6=1.2:1500",
    "units={": "--units IL6=pg/mL",
    "outcomes={": '--outcomes "crs=worst grade (ASTCT)"',
    "observables=[": "--observables IL6,CRP",
    "observables={": "--observables 1=CP,2=PD",
    "missing=[": 'in an analysis file, [data]: missing = ["lost"]',
    "factors={": "in an analysis file, [data]: factors = { IL6 = 0.11 }",
    "replicates=": "in an analysis file, [data]: replicates = true",
}
COLUMN = re.compile(r"columns=\{'(\w+)':\s+'([^',]+)'\}")
# Settings of `read_table` that stand in an analysis file as they are.
PLAIN = (*TEXTS, *TABLES, *NUMBERS, *LISTS, "observables", "limits", "replicates")


def options_of_words(
    *,
    columns: str | None = None,
    format: str = "auto",
    observables: str | None = None,
    units: str | None = None,
    limits: str | None = None,
    outcomes: str | None = None,
    time_unit: str | None = None,
    sheet: str = "",
) -> dict[str, Any]:
    """Read the options of a command line.

    Parameters
    ----------
    columns, units, outcomes : str, optional
        ``name=column,...``; ``observable=unit,...``; ``crs=column (ASTCT),...``.
    observables : str, optional
        ``1=CP,2=PD``, or names of columns.
    limits : str, optional
        ``IL6=1.2,CRP=0.5:300``: the lower limit, or lower and upper with a colon between.
    format, time_unit, sheet
        As in `read_table`.

    Returns
    -------
    dict
        Those arguments of `read_table` that were given.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    named = observables is not None and "=" in observables
    given: dict[str, Any] = {
        "columns": _pairs(columns, "columns"),
        "format": "" if format == "auto" else format,
        "observables": _pairs(observables, "observables") if named else _items(observables),
        "units": _pairs(units, "units"),
        "limits": {k: _limits(v, k) for k, v in _pairs(limits, "limits").items()},
        "outcomes": _pairs(outcomes, "outcomes"),
        "time_unit": time_unit,
        "sheet": sheet,
    }
    return {k: v for k, v in given.items() if v}


def advice(message: str) -> str:
    """Say how options that a message names in Python are written for the program.

    Parameters
    ----------
    message : str

    Returns
    -------
    str
        Empty where the message names none.

    Examples
    --------
    >>> advice("Is it 'conc'? Then map it: columns={'value': 'conc'}.")
    'On the command line: --columns value=conc'
    """
    said = {mark: words for mark, words in SAID.items() if mark in message}
    if pairs := [f"{ours}={theirs}" for ours, theirs in COLUMN.findall(message)]:
        given = ",".join(dict.fromkeys(pairs))
        said["columns={"] = f"--columns {given}" if " " not in given else f'--columns "{given}"'
    return f"On the command line: {'; '.join(said.values())}" if said else ""


def _items(text: str | None) -> list[str]:
    return [item.strip() for item in (text or "").split(",") if item.strip()]


def _pairs(text: str | None, option: str) -> dict[str, str]:
    """Read ``a=b,c=d``."""
    pairs = {}
    for item in _items(text):
        left, mark, right = (part.strip() for part in item.partition("="))
        if not (left and mark and right):
            raise InputError(f"--{option}: {shown(item)} is not of the form NAME=...")
        pairs[left] = right
    return pairs


def _limits(text: str, name: str) -> list[float | None]:
    """Read ``1.2``, ``1.2:1500`` or ``:1500``."""
    lower, _, upper = text.partition(":")
    try:
        return [float(part) if part.strip() else None for part in (lower, upper)]
    except ValueError:
        raise InputError(
            f"--limits {name}={text}: write the lower limit, as in {name}=1.2, or both, as in "
            f"{name}=1.2:1500"
        ) from None


def checked_options(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Check the settings of an analysis file that say how its data are read.

    Parameters
    ----------
    table : mapping
        As it was read from TOML.
    where : str
        Begins every message.

    Returns
    -------
    dict
        Arguments of `read_table`.

    Raises
    ------
    InputError
        If a name is not one of `PLAIN`, or a value has another form.
    """
    return {key: _checked(key, value, f"{where}: {key}") for key, value in table.items()}


def _checked(key: str, value: Any, where: str) -> Any:
    if key not in PLAIN:
        guess = closest(key, PLAIN)
        hint = f"did you mean {guess!r}?" if guess else f"there are {', '.join(PLAIN)}"
        raise InputError(f"{where} is no setting; {hint}")
    listed = isinstance(value, list) and all(isinstance(v, str) for v in value)
    table = isinstance(value, Mapping)
    texts = table and all(isinstance(v, str) for v in value.values())
    if key == "limits":
        return _checked_limits(value, where)
    good, form = {
        **dict.fromkeys(TEXTS, (isinstance(value, str), 'text: "..."')),
        **dict.fromkeys(TABLES, (texts, 'a table of texts: { NAME = "..." }')),
        **dict.fromkeys(LISTS, (listed, 'a list of texts: ["...", "..."]')),
        "observables": (listed or texts, 'a list of columns, or a table: { 1 = "CP" }'),
        "replicates": (isinstance(value, bool), "true or false"),
        "factors": (table and all(map(_number, value.values())), "a table of numbers"),
    }[key]
    if not good:
        raise InputError(f"{where} = {shown(str(value))} must be {form}")
    return dict(value) if table else value


def _checked_limits(value: Any, where: str) -> dict[str, tuple[float | None, float | None]]:
    """Read ``{ IL6 = 1.2, CRP = [0.5, 300] }``, where "" stands for none."""
    if not isinstance(value, Mapping):
        raise InputError(f"{where} = {shown(str(value))} must be a table: {{ IL6 = [1.2, 1500] }}")
    limits: dict[str, tuple[float | None, float | None]] = {}
    for name, pair in value.items():
        both = pair if isinstance(pair, list | tuple) else [pair, ""]
        if len(both) != 2 or not all(_number(v) or v in ("", None) for v in both):
            raise InputError(
                f'{where}: {name} = {shown(str(pair))} must be [lower, upper], with "" for none'
            )
        lower, upper = (float(v) if _number(v) else None for v in both)
        limits[name] = (lower, upper)
    return limits


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
