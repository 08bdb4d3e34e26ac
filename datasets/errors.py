"""What is wrong with the user's input, said once: every such error is an `InputError`.

``str(error)`` is the whole message for the user and fits on one screen; the command line prints
it and exits with code 2. Anything else that escapes from the package is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from .wording import closest, shown, wrapped

__all__ = [
    "DataFileError",
    "InputError",
    "StudyError",
    "UnknownDataError",
]


class InputError(ValueError):
    """Something the user gave cannot be used; ``str()`` says what, where and what to do."""


class StudyError(InputError):
    """Observations, doses or a stored tree that do not make a valid `Study`."""


class DataFileError(InputError):
    """A file shipped with the package is missing or is not the one that was registered."""


class UnknownDataError(InputError):
    """Neither the name of a published data set nor a file that exists.

    Parameters
    ----------
    name : str
        What was asked for.
    known : sequence of str
        The names that exist.
    detail : str, optional
        A first sentence in place of the default one.
    """

    def __init__(self, name: str, known: Sequence[str], detail: str = "") -> None:
        super().__init__(name, tuple(known), detail)
        self.name, self.known, self.detail = name, tuple(known), detail

    def __str__(self) -> str:
        """Sentence, guess and list of names."""
        first = self.detail or f"no data set is called {shown(self.name)}."
        guess = closest(self.name, self.known)
        hint = f" Did you mean {guess!r}?" if guess else ""
        names = wrapped(", ".join(self.known), indent=4)
        return "\n".join([first + hint, "Published data sets:", *("    " + n for n in names)])
