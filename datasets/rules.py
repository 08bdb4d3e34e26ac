"""What must hold between the cells of a row and between rows; and what is censored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from .cells import Cells, Floats, Mask
from .findings import Finding
from .vocabulary import GIVEN, QUARTILES

__all__ = ["Table"]


class Table:
    """Measurements of a file under examination.

    Parameters
    ----------
    names : mapping of our name to that in the file
    rows : int array
        Line of the file of each measurement.
    cells : Cells
        Of the same rows.
    flagged : bool
        The file has flags of censoring: values beyond a limit are censored only if they say so.

    Attributes
    ----------
    findings : list of Finding
        Filled by `check`.
    steps : list of str
        What was done to the rows, for the account.
    bound : float array
        For a censored row that is known to lie in an interval: the other end of it.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        rows: npt.NDArray[np.int64],
        cells: Cells,
        *,
        flagged: bool = False,
    ) -> None:
        self.names, self.rows, self.cells, self.flagged = dict(names), rows, cells, flagged
        self.bound = np.full(len(rows), np.nan)
        self.findings: list[Finding] = []
        self.steps: list[str] = []

    def number(self, column: str) -> Floats:
        """Column of numbers; NaN when the file has none of that name."""
        return self.cells.numbers.get(column, np.full(len(self.rows), np.nan))

    def label(self, column: str) -> npt.NDArray[np.object_]:
        """Column of texts; "" when the file has none of that name."""
        if column not in self.cells.labels:
            return np.full(len(self.rows), "", dtype=object)
        codes, texts = self.cells.labels[column]
        return np.array([*texts, ""], dtype=object)[codes]

    def code(self, column: str) -> npt.NDArray[np.intp]:
        """Column of labels as codes; 0 when the file has none of that name."""
        nothing = np.zeros(len(self.rows), dtype=np.intp)
        return self.cells.labels.get(column, (nothing, []))[0]

    def blank(self, column: str) -> Mask:
        """Rows in which a column of numbers is empty; all, when the file has none of that name."""
        return self.cells.blank.get(column, np.ones(len(self.rows), np.bool_))

    def limits(self) -> tuple[Floats, Floats]:
        """Lower and upper limit of each row, also those written in the value; NaN: none."""
        value, marked = self.number("value"), self.cells.side
        lower = np.where(marked < 0, value, self.number("lower"))
        return lower, np.where(marked > 0, value, self.number("upper"))

    def check(self, *, order: bool = True, replicates: bool = False) -> None:
        """Apply every rule.

        Parameters
        ----------
        order : bool
            Times must not go back within one observable of one subject.
        replicates : bool
            The same observable may stand twice at one time.
        """
        self._signs()
        self.check_limits()
        self._summaries()
        if order:
            self.check_order(replicates=replicates)
        self._units()

    def add(
        self,
        bad: Mask,
        column: str,
        message: str,
        remedy: str,
        show: Callable[[int], str] | None = None,
    ) -> None:
        """Record a problem in the rows of the mask; ``show`` gives what to print for a row."""
        at = np.flatnonzero(bad)
        if not len(at) or column not in self.names:
            return
        values = [show(int(k)) for k in at] if show else self._plain(column, at)
        rows: Sequence[int] = self.rows[at].tolist()
        self.findings.append(Finding(message, remedy, self.names[column], rows, values))

    def _plain(self, column: str, at: npt.NDArray[np.intp]) -> list[str]:
        if column in self.cells.numbers:
            return ["" if np.isnan(x) else f"{x:.10g}" for x in self.cells.numbers[column][at]]
        return [str(t) for t in self.label(column)[at]]

    def _signs(self) -> None:
        self.add(
            self.number("time") < 0,
            "time",
            "is a negative time.",
            "Count time from the first event (a dose or the first sample), so that it starts at 0.",
        )

    def check_limits(self) -> None:
        """Find limits that contradict each other or the mark in the value."""
        value, marked = self.number("value"), self.cells.side
        remedy = "Let the mark in the value and the limit of the row agree, or delete the limit."
        for side, column in ((-1, "lower"), (1, "upper")):
            limit = self.number(column)
            self.add(
                (marked == side) & np.isfinite(limit) & (limit != value),
                column,
                "is another limit than the one written in the value.",
                remedy,
            )
        lower, upper = self.limits()
        crossed = lower >= upper
        message, remedy = "is not below the upper limit of its row.", "Check the two limits."
        self.add(
            crossed & (marked == 0),
            "lower",
            message,
            remedy,
            lambda k: f"{lower[k]:.10g} to {upper[k]:.10g}",
        )
        self.add(crossed & (marked < 0), "value", message, remedy)
        message = "is not above the lower limit of its row."
        self.add(crossed & (marked > 0), "value", message, remedy)

    def _summaries(self) -> None:
        sd, n, subject = self.number("sd"), self.number("n"), self.code("subject")
        quartile = self._quartiles()
        spread, count = np.isfinite(sd) | quartile, np.isfinite(n)
        no_sd, no_n = self.blank("sd") & ~quartile, self.blank("n")
        both = (
            "A published mean needs sd and n, a published median q1, q3 and n; a single "
            "measurement has none of them."
        )
        self.add(sd <= 0, "sd", "is not greater than 0.", "Give the sd of the n values.")
        self.add(n < 2, "n", "is not 2 or more, the number of values behind a mean.", both)
        self.add(count & (n % 1 != 0), "n", "is not a whole number.", both)
        self.add(np.isfinite(sd) & no_n, "sd", "has no n beside it.", both)
        self.add(quartile & no_n, "q1", "has no n beside it.", both)
        self.add(count & no_sd, "n", "has no sd beside it.", both)
        if spread.any():
            means = np.bincount(subject, spread, minlength=1) > 0
            self.add(
                means[subject] & no_sd & no_n & ~self.cells.missing,
                "sd",
                "is empty, though other rows of this subject are means with sd.",
                "Give sd and n in every row of a group, and none in the rows of a person.",
            )
            self.add(
                spread & (self.censoring() != 0),
                "value",
                "is a mean with sd at or beyond a limit: a mean cannot be censored.",
                "Delete the mark or the limits in this row, or leave out the row.",
            )

    def _quartiles(self) -> Mask:
        """Rows with quartiles, after a check of them."""
        value, q1, q3 = self.number("value"), self.number("q1"), self.number("q3")
        some = np.isfinite(q1) | np.isfinite(q3)
        pair = "The quartiles of a median stand in two columns, q1 and q3; give both."
        self.add(some & ~np.isfinite(q3), "q1", "has no q3 beside it.", pair)
        self.add(some & ~np.isfinite(q1), "q3", "has no q1 beside it.", pair)
        outside = some & ~((q1 <= value) & (value <= q3) & (q1 < q3)) & np.isfinite(q1 + q3)
        order = "Check the three numbers: q1 <= value <= q3, with q1 < q3."
        self.add(outside, "q1", "and q3 do not enclose the median of their row.", order)
        mixed = "Give sd for a mean, q1 and q3 for a median."
        self.add(some & np.isfinite(self.number("sd")), "sd", "stands beside quartiles.", mixed)
        return some

    def check_order(self, *, replicates: bool = False) -> None:
        """Find times that go back, and repeats, within one observable of one subject."""
        if not {"subject", "time", "observable"} <= set(self.names):
            return
        time = self.number("time")
        group = self.code("subject") * (self.code("observable").max(initial=0) + 1)
        group = group + self.code("observable")
        known = np.flatnonzero(np.isfinite(time))
        as_written = known[np.argsort(group[known], kind="stable")]
        same = group[as_written][1:] == group[as_written][:-1]
        back = np.zeros(len(time), np.bool_)
        back[as_written[1:]] = same & (np.diff(time[as_written]) < 0)
        by_time = known[np.lexsort((time[known], group[known]))]
        same = (group[by_time][1:] == group[by_time][:-1]) & (np.diff(time[by_time]) == 0)
        first = np.zeros(len(time), np.intp)
        first[by_time[1:]] = by_time[:-1]
        repeat = np.zeros(len(time), np.bool_)
        repeat[by_time[1:]] = same & (not replicates)
        self._report_order(back, repeat, self.rows[first])

    def _report_order(self, back: Mask, repeat: Mask, first: npt.NDArray[np.int64]) -> None:
        subject, observable = self.label("subject"), self.label("observable")
        time = self.number("time")

        def who(k: int) -> str:
            return ", ".join(filter(None, (subject[k], observable[k])))

        self.add(
            back,
            "time",
            "is earlier than the row before it of the same subject and observable.",
            "Sort the file by subject, observable and time. If time starts again because it is "
            "another subject, give that its own name.",
            lambda k: f"{time[k]:.10g} ({who(k)})",
        )
        self.add(
            repeat,
            "time",
            "repeats the subject, observable and time of an earlier row.",
            "Delete the repeat, put the mean of the replicates in one row, or keep them all with "
            "replicates=True.",
            lambda k: f"{time[k]:.10g} ({who(k)}, as in row {first[k]})",
        )

    def _units(self) -> None:
        """One unit per observable, one time unit per file."""
        if not len(self.rows):
            return
        self._one_unit("unit", "observable", self.code("observable"))
        self._one_unit("time_unit", "file", np.zeros(len(self.rows), np.intp))

    def _one_unit(self, column: str, what: str, group: npt.NDArray[np.intp]) -> None:
        """Refuse rows whose unit differs from that of the first row of their group."""
        code, label = self.code(column), self.label(column)
        _, start = np.unique(group, return_index=True)
        first = np.zeros(group.max() + 1, np.intp)
        first[group[start]] = start
        first = first[group]
        self.add(
            code != code[first],
            column,
            f"is another unit than before for the same {what}.",
            f"Convert the values, so that every {what} has one unit, written in one way; or name "
            "the unit that you want: units={...}, time_unit=..., and they are converted.",
            lambda k: f"{label[k]} ({label[first[k]]} in row {self.rows[first[k]]})",
        )

    def censoring(self) -> npt.NDArray[np.int8]:
        """-1 left, +1 right, 0 none: by the mark in the value, else by the limits of the row."""
        value, side = self.number("value"), self.cells.side.copy()
        if self.flagged:
            return side
        side[(side == 0) & (value <= self.number("lower"))] = -1
        side[(side == 0) & (value >= self.number("upper"))] = 1
        return side

    def frame(self) -> pd.DataFrame:
        """Rows that have a value, with the columns of a study and ``unit``."""
        side, value = self.censoring(), self.number("value")
        lower, upper = self.limits()
        between = np.isfinite(self.bound) & (side != 0)
        kind = np.array(["none", "right", "interval", "left"], dtype=object)  # by side; 2: both
        columns = {
            "subject": self.label("subject"),
            "time": self.number("time"),
            "observable": self.label("observable"),
            "value": np.where(side < 0, lower, np.where(side > 0, upper, value)),
            "lower": np.where(between & (side < 0), self.bound, np.where(between, value, lower)),
            "upper": np.where(between & (side > 0), self.bound, np.where(between, value, upper)),
            "censoring": kind[np.where(between, 2, side)],
            "sd": self.number("sd"),
            "n": self.number("n"),
        }
        columns |= {name: self.number(name) for name in QUARTILES if name in self.names}
        columns |= {name: self.label(name) for name in (*GIVEN, "unit") if name in self.names}
        kept = ~self.cells.missing
        return pd.DataFrame({n: pd.Series(a[kept], dtype=a.dtype) for n, a in columns.items()})
