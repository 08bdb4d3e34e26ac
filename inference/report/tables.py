"""Tables as a page shows them: a caption, columns, cells of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cell", "Column", "Table", "interval", "number"]

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MISSING = "–"


class Cell(str):
    """Text of a cell; ``bad`` marks a number that misses its criterion."""

    bad: bool = False

    def __new__(cls, text: object, bad: bool = False) -> Cell:
        """Make the text."""
        cell = super().__new__(cls, text)
        cell.bad = bad
        return cell


@dataclass(frozen=True)
class Column:
    """Heading of a column, and whether it holds numbers (set flush right)."""

    name: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Parameters
    ----------
    caption, note : str
        What it is, and how to read it.
    columns : tuple of Column
    rows : tuple of tuples of Cell
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @classmethod
    def of(
        cls, caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], note: str = ""
    ) -> Table:
        """Make a table; a heading that starts with ``#`` is a column of numbers."""
        columns = tuple(Column(h.removeprefix("#"), h.startswith("#")) for h in heads)
        cells = tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows)
        return cls(caption, columns, cells, note)

    @classmethod
    def of_frame(cls, caption: str, frame: pd.DataFrame, most: int = 40) -> Table:
        """Make a table of a frame, numbers with three digits; of a long one the first rows."""
        import pandas as pd

        numeric = [
            pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
            for kind in frame.dtypes
        ]
        heads = [f"#{c}" if n else str(c) for c, n in zip(frame.columns, numeric, strict=True)]
        rows = [[_written(v) for v in row] for row in frame.head(most).itertuples(index=False)]
        cut = f"The first {most} of {len(frame)} rows." if len(frame) > most else ""
        return cls.of(caption, heads, rows, cut)


def _written(value: object) -> str:
    """Write the value of a cell: whole numbers whole, others with three digits."""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, Real) and not isinstance(value, Integral):
        return number(float(value))
    return str(value)


def number(value: float, digits: int = 3) -> str:
    """Write a number with significant digits, as print does.

    Examples
    --------
    >>> [number(x) for x in (0.0, 0.01234, 1.0, 123456.0, 1.234e-7, float("nan"))]
    ['0', '0.0123', '1.00', '123456', '1.23×10⁻⁷', '–']
    """
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 <= exponent < 6:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    else:
        text = f"{value / 10.0**exponent:.{digits - 1}f}×10{str(exponent).translate(SUPERSCRIPT)}"
    return text.replace("-", "−", 1) if value < 0 else text


def interval(low: float, high: float, digits: int = 3) -> str:
    """Write an interval.

    Examples
    --------
    >>> interval(0.5, 2)
    '0.500 to 2.00'
    """
    return f"{number(low, digits)} to {number(high, digits)}"
