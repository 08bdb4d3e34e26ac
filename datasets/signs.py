"""Tables of daily signs: keys, numbers, words and yes, no or unknown, checked before grading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import InputError
from .wording import closest, shown

__all__ = ["Floats", "GradingError", "Mask", "Signs", "Texts", "Truth"]

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
YES, NO = ("yes", "y", "true", "1", "1.0"), ("no", "n", "false", "0", "0.0")
BLANK = ("", "na", "nan", "unknown", "?", "<na>")


class GradingError(InputError):
    """A table of signs or labs that cannot be graded; ``str()`` names row, column and remedy."""


@dataclass(frozen=True)
class Truth:
    """Yes, no or unknown, row by row, in Kleene's logic.

    Parameters
    ----------
    yes, no : ndarray of bool, shape (row,)
        Where it is known to hold, and known not to hold; elsewhere it is unknown.
    """

    yes: Mask
    no: Mask

    def __and__(self, other: Truth) -> Truth:
        """Both."""
        return Truth(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: Truth) -> Truth:
        """At least one."""
        return Truth(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> Truth:
        """Not; unknown stays unknown."""
        return Truth(self.no, self.yes)

    def ever(self, subject: npt.NDArray[np.intp]) -> Truth:
        """Whether it held in this row or an earlier row of the subject.

        Parameters
        ----------
        subject : ndarray of int, shape (row,)
            Number of the subject; rows in order of time within a subject.
        """
        yes = pd.Series(self.yes).groupby(subject).cummax().to_numpy(bool)
        no = pd.Series(self.no).groupby(subject).cummin().to_numpy(bool)
        return Truth(yes, no)


class Signs:
    """A checked table: one row per subject and day, sorted by day within each subject.

    Parameters
    ----------
    table : DataFrame
        With the columns ``subject`` and ``day`` [d]; the others are read when asked for.
    known : sequence of str
        Columns that mean something; any other column is an error, so that no sign is overlooked.

    Raises
    ------
    GradingError
        If there is no row, a key is missing or stands twice, or a column is not known.
    """

    def __init__(self, table: pd.DataFrame, known: Sequence[str]) -> None:
        for column in ("subject", "day"):
            if column not in table:
                raise GradingError(f"the signs have no column {column!r}.")
        if not len(table):
            raise GradingError("the signs have no row.")
        for column in table.columns.difference(["subject", "day", *known]):
            guess = closest(str(column), known)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise GradingError(
                f"column {shown(str(column))} is no sign that is graded.{hint} Known are "
                f"{', '.join(known)}. Drop it if it is to be left out."
            )
        if table["subject"].isna().any():
            raise GradingError(f"row {int(table['subject'].isna().argmax())}: subject is missing.")
        self._table = table.reset_index(drop=True)
        codes, names = pd.factorize(self._table["subject"].astype(str))
        day = self.number("day", low=-1e4, high=1e5, unit="d", complete=True)
        self.order = np.lexsort((day, codes))
        self._table = self._table.iloc[self.order].reset_index(drop=True)
        self.subject = codes[self.order]
        self.names = np.asarray(names, dtype=object)[self.subject]
        self.day = day[self.order]
        twice = (np.diff(self.subject) == 0) & (np.diff(self.day) == 0)
        if twice.any():
            at = int(twice.argmax())
            raise GradingError(
                f"subject {shown(str(self.names[at]))} has two rows for day {self.day[at]:g}. "
                "Keep one, with the worst signs of the day."
            )

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._table)

    def number(
        self, column: str, *, low: float, high: float, unit: str = "", complete: bool = False
    ) -> Floats:
        """Numbers of a column; NaN where missing, all NaN if there is no such column.

        Parameters
        ----------
        column : str
        low, high : float
            What is possible; anything else is an error.
        unit : str
            For the message.
        complete : bool
            Whether a missing number is an error.

        Returns
        -------
        ndarray of float, shape (row,)
        """
        if column not in self._table:
            return np.full(len(self), np.nan)
        given = self._table[column]
        empty = given.isna() | given.astype(str).str.strip().str.casefold().isin(BLANK)
        values = pd.to_numeric(given.where(~empty), errors="coerce").to_numpy(float)
        wrong = (np.isnan(values) & ~empty.to_numpy(bool)) | (values < low) | (values > high)
        if complete:
            wrong |= np.isnan(values)
        if wrong.any():
            raise GradingError(
                f"{self._place(wrong, column)}: expected a number from {low:g} to {high:g} "
                f"{unit}".rstrip()
                + "; leave the cell empty if it was not measured."
            )
        return values

    def truth(self, column: str) -> Truth:
        """Yes, no or unknown; unknown everywhere if there is no such column."""
        if column not in self._table:
            unknown = np.zeros(len(self), bool)
            return Truth(unknown, unknown.copy())
        words = self._words(column)
        yes, no = np.isin(words, YES), np.isin(words, NO)
        wrong = ~(yes | no | np.isin(words, BLANK))
        if wrong.any():
            raise GradingError(f"{self._place(wrong, column)}: expected yes, no or an empty cell.")
        return Truth(yes, no)

    def word(self, column: str, words: Sequence[str]) -> Texts:
        """One of ``words`` per row, "" where missing."""
        if column not in self._table:
            return np.full(len(self), "", dtype=object)
        given = self._words(column)
        given = np.where(np.isin(given, [b for b in BLANK if b not in words]), "", given)
        wrong = ~np.isin(given, ["", *words])
        if wrong.any():
            raise GradingError(
                f"{self._place(wrong, column)}: expected one of {', '.join(words)}, or an empty "
                "cell if it is not known."
            )
        return given.astype(object)

    def _words(self, column: str) -> npt.NDArray[np.str_]:
        """Cells as lower-case text."""
        text = self._table[column].astype("object").where(self._table[column].notna(), "")
        return text.astype(str).str.strip().str.casefold().to_numpy(str)

    def _place(self, wrong: Mask, column: str) -> str:
        """Name the first wrong cell."""
        at = int(wrong.argmax())
        row = self._table.iloc[at]
        cell = shown(str(row[column]))
        return f"subject {shown(str(row['subject']))}, day {row['day']}, {column} = {cell}"
