"""`TableError`: everything that is wrong with a file, equal problems together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .errors import InputError
from .wording import counted, shown, wrapped

__all__ = ["Finding", "TableError", "TableProblem"]

LINES = 22  # lines of a message that are filled before the rest is only counted


@dataclass(frozen=True)
class TableProblem:
    """One refused cell, row or column of a file.

    Parameters
    ----------
    file : str
        The file as the user named it.
    row : int or None
        Line of the file, counted from 1 as an editor shows it; None: the file as a whole.
    column : str or None
        Name of the column in the file; None: the row as a whole.
    value : str or None
        What stands there.
    message, remedy : str
        What is wrong with it, and what to do.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    message: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """The same problem in one or many rows of a file.

    Parameters
    ----------
    message, remedy : str
        What is wrong, and what to do.
    column : str, optional
        Name of the column in the file.
    rows : sequence of int
        Lines of the file, from 1; empty: the file as a whole.
    values : sequence of str
        What stands in each of these rows; empty: nothing to show.
    """

    message: str
    remedy: str
    column: str | None = None
    rows: Sequence[int] = field(default=(), repr=False)
    values: Sequence[str] = field(default=(), repr=False)

    def where(self) -> str:
        """Row, column and value of the first case."""
        parts = [f"row {self.rows[0]}"] if len(self.rows) else []
        parts += [f"column {shown(self.column)}"] if self.column is not None else []
        value = shown(self.values[0]) + " " if len(self.values) else ""
        return ", ".join(parts) + (": " if parts else "") + value

    def more(self) -> str:
        """Tell the other rows, the first few by number."""
        first, rest = self.rows[1:4], len(self.rows) - 4
        if not len(first):
            return ""
        tail = f" and {rest} more" if rest > 0 else ""
        return f" (also {'rows' if rest > -2 else 'row'} {', '.join(map(str, first))}{tail})"

    def lines(self) -> list[str]:
        """Text for one screen: the case, then the remedy."""
        case = wrapped(self.where() + self.message + self.more(), indent=2)
        remedy = wrapped(self.remedy, indent=7)
        marks = ["    -> ", *["       "] * len(remedy)]
        return [*("  " + c for c in case), *(m + r for m, r in zip(marks, remedy, strict=False))]


class TableError(InputError):
    """A file that cannot be read as a study, with everything that is wrong with it.

    Parameters
    ----------
    file : str
        The file as the user named it.
    findings : sequence of Finding
        All problems, equal ones together.
    rows_read : int, optional
        Rows of data found in the file, all of them refused; None: reading did not come so far.
    """

    def __init__(
        self, file: str, findings: Iterable[Finding], rows_read: int | None = None
    ) -> None:
        ordered = sorted(findings, key=lambda f: f.rows[0] if len(f.rows) else 0)
        super().__init__(file, ordered, rows_read)
        self.file, self.findings, self.rows_read = file, tuple(ordered), rows_read

    @property
    def problems(self) -> tuple[TableProblem, ...]:
        """Every single problem, in the order of the message."""
        return tuple(
            TableProblem(
                file=self.file,
                row=None if row is None else int(row),
                column=f.column,
                value=f.values[k] if k < len(f.values) else None,
                message=f.message,
                remedy=f.remedy,
            )
            for f in self.findings
            for k, row in enumerate(f.rows if len(f.rows) else (None,))
        )

    @property
    def count(self) -> int:
        """Number of single problems."""
        return sum(max(1, len(f.rows)) for f in self.findings)

    def __str__(self) -> str:
        """One screen: file, counts, then the kinds of problem that fit."""
        return self.text(LINES)

    def text(self, most: int | None = None) -> str:
        """Write the whole message, or as many kinds of problem as fit into ``most`` lines."""
        head = f"{shown(self.file, 200)} was refused: {counted(self.count, 'problem')}"
        if self.rows_read is not None:
            head += f"; {counted(self.rows_read, 'row')} read = 0 kept + {self.rows_read} refused"
        lines, left = wrapped(head + "."), list(self.findings)
        while left and (
            most is None or len(lines) == 1 or len(lines) + len(left[0].lines()) <= most
        ):
            lines += left.pop(0).lines()
        if left:
            rows = sorted({int(row) for f in left for row in f.rows})
            where = f", in rows {', '.join(map(str, rows[:8]))}{', ...' * (len(rows) > 8)}"
            hidden = counted(sum(max(1, len(f.rows)) for f in left), "more problem")
            lines.append(f"  ... and {hidden}{where if rows else ''} (all are in error.problems)")
        return "\n".join(lines)
