"""Pieces of messages: quoted texts, counts, guesses."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterable, Sequence

__all__ = [
    "WIDTH",
    "closest",
    "counted",
    "letters",
    "lowered",
    "named_subjects",
    "shown",
    "wrapped",
]

WIDTH = 96  # characters per line of a message


def shown(text: str | None, width: int = 60) -> str:
    r"""Quote a text for a message: printable, without line breaks, at most ``width`` long.

    Examples
    --------
    >>> shown("a\tb")
    "'a\\tb'"
    >>> len(shown("x" * 1000))
    62
    """
    text = "" if text is None else text
    return repr(text if len(text) <= width else text[: width - 3] + "...")


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Break a text into lines of at most ``WIDTH - indent`` characters, not at hyphens.

    Examples
    --------
    >>> wrapped("lps-2ng-kg " * 2, indent=WIDTH - 12)
    ['lps-2ng-kg', 'lps-2ng-kg']
    """
    return textwrap.wrap(text, WIDTH - indent, break_on_hyphens=False)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(3, "row")
    ('1 row', '3 rows')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def named_subjects(subjects: Sequence[str], most: int = 3) -> str:
    """Name the first subjects, and count the others.

    Examples
    --------
    >>> named_subjects(["7"]), named_subjects("abcde")
    ('subject 7', 'subjects a, b, c and 2 more')
    """
    more = f" and {len(subjects) - most} more" if len(subjects) > most else ""
    return f"subject{'s' * (len(subjects) > 1)} {', '.join(subjects[:most])}{more}"


def lowered(title: str) -> str:
    """Put a title inside a sentence; abbreviations stay as they are.

    Examples
    --------
    >>> lowered("Goodness of fit"), lowered("NPDE")
    ('goodness of fit', 'NPDE')
    """
    return title if title[:2].isupper() else f"{title[:1].lower()}{title[1:]}"


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Find the known name that is probably meant: a similar one, or one that begins like this.

    A ``cutoff`` of 1 asks for the same letters and digits, 0 for none.

    Examples
    --------
    >>> closest("LPS 2ng", ["lps-2ng-kg", "crs-cohort"])
    'lps-2ng-kg'
    >>> closest("lps", ["lps-2ng-kg", "crs-cohort"])
    'lps-2ng-kg'
    """
    plain = {letters(k): k for k in known}
    asked = letters(name)
    match = difflib.get_close_matches(asked, plain, 1, cutoff)
    if not match and len(asked) > 2:
        match = [k for k in plain if k.startswith(asked)]
    return plain[match[0]] if match else None


def letters(name: str) -> str:
    """Letters and digits alone, without regard to case."""
    return re.sub(r"[\W_]+", "", name.casefold())
