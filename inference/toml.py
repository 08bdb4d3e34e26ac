"""TOML as this project writes and reads it: sections with comments, and strict reading.

Every refusal is an `InputError` that names the file, the section and the key.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..datasets.errors import InputError
from ..datasets.wording import closest

__all__ = [
    "read_numbers",
    "read_one_text",
    "read_section",
    "read_texts",
    "write_lines",
    "write_section",
]


def read_section[T](kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """Make a record from a TOML table; keys and types must be those of the record.

    Raises
    ------
    InputError
        Naming the file, the section and the key.
    """
    known = {f.name: f.type for f in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in known:
            guess = closest(key, known)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}"
            raise InputError(f"{where}: there is no setting {key!r}; {hint}")
        values[key] = _typed(value, str(known[key]).removesuffix(" | None"), f"{where}: {key}")
    try:
        return kind(**values)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def _typed(value: Any, kind: str, where: str) -> Any:
    """Check one value against the written type of its field."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "int" and not whole:
        raise InputError(f"{where} = {value!r} must be a whole number")
    if kind == "float" and not whole and not isinstance(value, float):
        raise InputError(f"{where} = {value!r} must be a number")
    if kind == "Quantity" and not whole and not isinstance(value, float | str):
        raise InputError(f"{where} = {value!r} must be a number, or a parameter in quotes")
    if kind == "str" and not isinstance(value, str):
        raise InputError(f"{where} = {value!r} must be text in quotes")
    return value


def toml_key(name: str) -> str:
    """Write a key, quoted when it must be.

    Examples
    --------
    >>> toml_key("IL6"), toml_key("IFN γ")
    ('IL6', '"IFN γ"')
    """
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else toml_value(name)


def toml_value(value: object) -> str:
    r"""Write a number, text or mapping as TOML reads it back exactly.

    Examples
    --------
    >>> toml_value(1e-06), toml_value("a\tb"), toml_value({"IL6": 0.5})
    ('1e-06', '"a\\tb"', '{ IL6 = 0.5 }')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(float(value)) if math.isfinite(value) else str(float(value))
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case Mapping():
            inside = ", ".join(f"{toml_key(str(k))} = {toml_value(v)}" for k, v in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    raise TypeError(f"no TOML for {value!r}")


def write_section(
    name: str, comment: str, table: Mapping[str, Any], notes: Mapping[str, str] | None = None
) -> str:
    """One section; nothing when it would be empty."""
    if not table:
        return ""
    head = f"[{name}]" + (f"  # {comment}" if comment else "")
    return f"{head}\n{write_lines(table, notes or {})}"


def write_lines(table: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """Write one line per key, with its note as a comment."""
    lines = []
    for key, value in table.items():
        line = f"{toml_key(key)} = {toml_value(value)}"
        lines.append(f"{line:<34}  # {notes[key]}" if notes.get(key) else line)
    return "\n".join(lines) + "\n"


def read_one_text(table: Mapping[str, Any], key: str, where: str) -> str:
    """Value of a section with one key."""
    if set(table) != {key} or not isinstance(table[key], str):
        raise InputError(f'{where} must hold one line: {key} = "..."')
    return str(table[key])


def read_texts(table: Mapping[str, Any], where: str) -> dict[str, str]:
    """Read a section whose values are texts."""
    for key, value in table.items():
        if not isinstance(value, str):
            raise InputError(f"{where}: {key} = {value!r} must be text in quotes")
    return dict(table)


def read_numbers(table: Mapping[str, Any], where: str) -> dict[str, float]:
    """Read a section whose values are numbers."""
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{where}: {key} = {value!r} must be a number")
    return {key: float(value) for key, value in table.items()}
