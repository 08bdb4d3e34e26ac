"""A column of text in little memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Column"]


class Column:
    """One column of text: each different text once, and a code per row.

    Attributes
    ----------
    name : str
        As written in the header, without surrounding blanks.
    texts : list of str
        The different texts, without surrounding blanks, in order of appearance.
    codes : int array
        For each row its place in ``texts``; complete after `close`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts: list[npt.NDArray[np.int32]] = []
        self._memo: defaultdict[str, int] = defaultdict()
        self._memo.default_factory = self._memo.__len__
        self.texts: list[str] = []
        self.codes = np.zeros(0, np.int32)

    def extend(self, cells: Sequence[str]) -> None:
        """Append the cells of further rows."""
        code = self._memo.__getitem__
        self._parts.append(np.fromiter(map(code, cells), np.int32, len(cells)))

    def close(self) -> None:
        """Put the parts together; texts that differ in surrounding blanks become one."""
        raw = np.concatenate([np.zeros(0, np.int32), *self._parts])
        plain: defaultdict[str, int] = defaultdict()
        plain.default_factory = plain.__len__
        merged = np.fromiter((plain[text.strip()] for text in self._memo), np.int32)
        self.codes = merged[raw] if len(raw) else raw
        self.texts = list(plain)
        self._parts.clear()
        self._memo.clear()

    @classmethod
    def of(cls, name: str, codes: npt.NDArray[np.int32], texts: Iterable[str]) -> Column:
        """Make a column of texts that are already told apart.

        Parameters
        ----------
        name : str
        codes : int array
            For each row its place in ``texts``.
        texts : iterable of str

        Returns
        -------
        Column
        """
        column = cls(name)
        plain = column._memo
        merged = np.fromiter((plain[text.strip()] for text in texts), np.int32)
        column.codes = merged[codes] if len(codes) else codes
        column.texts = list(plain)
        plain.clear()
        return column

    def at(self, rows: Iterable[int]) -> list[str]:
        """Texts of some rows."""
        return [self.texts[self.codes[k]] for k in rows]
