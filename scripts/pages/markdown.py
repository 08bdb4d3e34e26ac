"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["cell", "code", "escaped", "table", "toctree"]

SPECIAL = str.maketrans({c: "\\" + c for c in "\\`*_{}[]<>$|"})


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return text.translate(SPECIAL)


def cell(text: str) -> str:
    """Text of a cell of a table: on one line."""
    return escaped(" ".join(text.split()))


def code(text: str) -> str:
    """Text in the type of code, for a cell of a table; empty stays empty."""
    flat = " ".join(text.split()).replace("|", "\\|").replace("`", "'")
    return f"`{flat}`" if flat else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def toctree(entries: Sequence[str], caption: str = "", *, hidden: bool = False) -> str:
    """List of pages below this one."""
    options = [":maxdepth: 1"] + ([":hidden:"] if hidden else [])
    options += [f":caption: {caption}"] if caption else []
    return "\n".join(["```{toctree}", *options, "", *entries, "```"])
