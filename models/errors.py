"""What can be wrong with a model or what is asked of it: every such error is a `ModelError`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ModelError", "UnitError", "UnknownModelError", "closest"]


class ModelError(ValueError):
    """A model, or values given for it, that cannot be used; ``str()`` says what and where."""


class UnitError(ModelError):
    """A right-hand side, initial value or output whose units do not agree."""


class UnknownModelError(ModelError):
    """No model of the library has this name.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        The names that exist.
    """

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.name, self.known = name, tuple(known)

    def __str__(self) -> str:
        """Sentence, guess and list of names."""
        guess = closest(self.name, self.known)
        hint = f" Did you mean {guess!r}?" if guess else ""
        return f"no model is called {self.name!r}.{hint} Models: {', '.join(self.known)}"

    def __reduce__(self) -> tuple[type[UnknownModelError], tuple[str, tuple[str, ...]]]:
        """Pickle by the two arguments, so that the error survives a worker process."""
        return type(self), (self.name, self.known)


def closest(name: str, known: Iterable[str]) -> str | None:
    """Guess the known name that is probably meant, or None.

    Examples
    --------
    >>> closest("IL-6", ["TNF", "IL6"])
    'IL6'
    """
    plain = {"".join(filter(str.isalnum, k.casefold())): k for k in known}
    match = difflib.get_close_matches("".join(filter(str.isalnum, name.casefold())), plain, 1, 0.6)
    return plain[match[0]] if match else None
