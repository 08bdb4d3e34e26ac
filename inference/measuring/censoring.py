"""What becomes of rows below the limit of quantification, by the methods of Beal (2001).

Beal SL: Ways to fit a PK model with some data below the quantification limit, J Pharmacokinet
Pharmacodyn 28:481-504, doi:10.1023/A:1012299115260.

=====  ===========================================================================================
M1     the row is left out
M2     the row is left out, and every measured row is conditional on lying above its limit
M3     the row counts with the probability of lying below its limit
M4     as M3, and every row is conditional on a positive value (the same as M3 on the log scale)
M5     half of the limit takes its place
M6     half of the limit takes the place of the first of a run, the others of the run are left out
M7     0 takes its place
=====  ===========================================================================================

Only M3 and M4 (and M2, which forgets how many rows were below) are likelihoods of the data; the
substitutions are there for comparison with published analyses. They are defined for values below a
limit: rows above an upper limit and rows that lie in an interval keep their own probability in
every method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import counted, shown
from .error import LogScale
from .measurement import KINDS, Rows

if TYPE_CHECKING:
    from .measurement import ErrorModel

__all__ = ["METHODS", "Treated", "censoring_methods", "treat"]

Array = npt.NDArray[Any]
METHODS = ("M1", "M2", "M3", "M4", "M5", "M6", "M7")
NONE, LEFT, RIGHT, INTERVAL = range(len(KINDS))
POSITIVE_ANYWAY = ", which for a log-normal error is M3, as every value is positive"


@dataclass(frozen=True)
class Treated:
    """Rows that were treated alike.

    Parameters
    ----------
    count : int
    where : {"below", "above", "between", "of"}
        On which side of their limits they lie; "of": measured rows.
    low, high : float
        Lowest and highest of these limits, in the unit of the model; NaN: none to name.
    how : str
        What was done with them.
    """

    count: int
    where: str
    low: float
    high: float
    how: str

    def sentence(self, unit: str) -> str:
        """Write it: ``41 rows below 1.2 pg/mL scored as left-censored (M3)``."""
        rows = counted(self.count, "row")
        if self.where == "of":
            return f"{rows} {self.how}"
        limit = f"{self.low:.4g} {unit}".strip()
        if self.high > self.low:
            limit = f"limits of {self.low:.4g} to {self.high:.4g} {unit}".strip()
        if self.where == "between":
            return f"{rows} {self.how}"
        return f"{rows} {self.where} {limit} {self.how}"


def censoring_methods(given: str | Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Find the method of each observable.

    Parameters
    ----------
    given : str or mapping of observable to str
        A mapping may leave observables out; they are scored by M3.
    names : tuple of str
        Observables of the data that are fitted.

    Returns
    -------
    dict of observable to one of `METHODS`

    Raises
    ------
    InputError
        If an observable or a method is unknown.
    """
    chosen = dict.fromkeys(names, given) if isinstance(given, str) else dict(given)
    for name, method in chosen.items():
        if name not in names:
            raise InputError(
                f"censoring of {shown(name)}: there is no such observable in the fit. There are "
                f"{', '.join(names)}."
            )
        if method not in METHODS:
            raise InputError(
                f"censoring {shown(str(method))}: there is no such method. There are "
                f"{', '.join(METHODS)}; M3 is the one to take unless something is to be repeated."
            )
    return {name: chosen.get(name, "M3") for name in names}


def treat(
    name: str,
    method: str,
    error: ErrorModel,
    rows: Rows,
    limits: Array,
    subject: Array,
    time: Array,
) -> tuple[Rows, Array, tuple[Treated, ...]]:
    """Apply a method to the rows of an observable.

    Parameters
    ----------
    name, method : str
    error : ErrorModel
    rows : Rows
        As in the data: values below a limit are left-censored there.
    limits : float64[n]
        Lower limit of quantification of each row, in the unit of the model; NaN: none stated.
    subject, time : int64[n], float64[n]

    Returns
    -------
    rows : Rows
        Those that are left, changed.
    kept : int64[k]
        Their positions.
    treated : tuple of Treated

    Raises
    ------
    InputError
        If the method cannot be applied, or leaves no row.
    """
    below = rows.kind == LEFT
    told = _others(rows)
    if method != "M2" and not (below.any() or (method == "M4" and not isinstance(error, LogScale))):
        return rows, np.arange(below.size), told
    if method == "M7" and isinstance(error, LogScale):
        raise InputError(
            f"{name}: M7 puts 0 in the place of values below the limit, which a log-normal error "
            "cannot score. Use M3, or an additive, proportional or combined error."
        )
    changed, keep, how = STEPS[method](name, error, rows, limits, subject, time)
    kept = np.flatnonzero(keep)
    if not kept.size:
        raise InputError(f"{name}: {method} leaves no row. Use M3, or leave the observable out.")
    value = rows.value[below]
    count, text = how
    low, high = (float(value.min()), float(value.max())) if count else (np.nan, np.nan)
    first = [Treated(count, "below", low, high, text)] if count else []
    return changed.at(kept), kept, (*first, *_conditional(changed.at(kept), method), *told)


def _others(rows: Rows) -> tuple[Treated, ...]:
    """Rows above a limit or in an interval: every method keeps their probability."""
    above, inside = rows.kind == RIGHT, rows.kind == INTERVAL
    told = []
    if above.any():
        limits = rows.value[above]
        how = "scored as right-censored"
        told.append(Treated(int(above.sum()), "above", limits.min(), limits.max(), how))
    if inside.any():
        how = "scored by the probability of their interval"
        told.append(Treated(int(inside.sum()), "between", np.nan, np.nan, how))
    return tuple(told)


def _conditional(rows: Rows, method: str) -> tuple[Treated, ...]:
    count = int(np.isfinite(np.broadcast_to(rows.above, rows.value.shape)).sum())
    how = {
        "M2": "conditional on lying above their limit (M2)",
        "M4": "conditional on a positive value (M4)",
    }
    return (Treated(count, "of", np.nan, np.nan, how[method]),) if count else ()


def _left_out(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    keep = rows.kind != LEFT
    return rows, keep, (int((~keep).sum()), "left out (M1)")


def _truncated(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    """Condition single values on their limit: the stated one, else one of the rows below."""
    keep, found = rows.kind != LEFT, np.unique(rows.value[rows.kind == LEFT])
    stated = np.where(np.isfinite(limits), limits, np.nan)
    for k in np.flatnonzero(np.isnan(stated)):
        fitting = found[found <= rows.value[k]]
        stated[k] = fitting[-1] if fitting.size else np.nan
    usable = np.isfinite(stated) & (rows.se == 0) & keep & (stated <= rows.value)
    if not usable.any():
        raise InputError(
            f"{name}: M2 needs the lower limit of quantification of measured rows (column "
            "'lower', or rows below a limit), and there is none. Use M3."
        )
    above = np.where(usable, stated, -np.inf)
    return replace(rows, above=above), keep, (int((~keep).sum()), "left out (M2)")


def _scored(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    count = int((rows.kind == LEFT).sum())
    return rows, np.ones(rows.kind.size, bool), (count, "scored as left-censored (M3)")


def _positive(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    """Interval from 0 to the limit, and every single row conditional on a positive value."""
    below, everything = rows.kind == LEFT, np.ones(rows.kind.size, bool)
    count = int(below.sum())
    if isinstance(error, LogScale):
        return rows, everything, (count, f"scored as left-censored (M4{POSITIVE_ANYWAY})")
    single = rows.se == 0
    if (bad := single & (np.where(rows.kind == INTERVAL, rows.upper, rows.value) <= 0)).any():
        raise InputError(
            f"{name}: M4 takes every value as positive, and {counted(int(bad.sum()), 'row')} "
            f"(first: {rows.value[np.argmax(bad)]:g}) are not. Use M3."
        )
    lower = np.where(below, 0.0, np.where(rows.lower < 0, 0.0, rows.lower))
    changed = replace(
        rows,
        kind=np.where(below, INTERVAL, rows.kind),
        lower=lower,
        upper=np.where(below, rows.value, rows.upper),
        above=np.where(single, 0.0, -np.inf),
    )
    return changed, everything, (count, "scored as between 0 and the limit (M4)")


def _halved(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    changed = _in_place(rows, 0.5)
    count = int((rows.kind == LEFT).sum())
    return changed, np.ones(rows.kind.size, bool), (count, "set to half of it (M5)")


def _first_of_run(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    """Go through the rows of each subject in the order of time."""
    below, keep = rows.kind == LEFT, np.ones(rows.kind.size, bool)
    order = np.lexsort((time, subject))
    same = subject[order][1:] == subject[order][:-1]
    keep[order[1:]] = ~(below[order][1:] & below[order][:-1] & same)
    kept, dropped = int((below & keep).sum()), int((~keep).sum())
    text = "set to half of it (M6)"
    if dropped:
        text += f", and {dropped} more that follow one of them left out"
    return _in_place(rows, 0.5), keep, (kept, text)


def _zero(
    name: str, error: ErrorModel, rows: Rows, limits: Array, subject: Array, time: Array
) -> tuple[Rows, Array, tuple[int, str]]:
    changed = _in_place(rows, 0.0)
    count = int((rows.kind == LEFT).sum())
    return changed, np.ones(rows.kind.size, bool), (count, "set to 0 (M7)")


def _in_place(rows: Rows, share: float) -> Rows:
    """Measured values at a share of the limit, in place of left-censored rows."""
    below = rows.kind == LEFT
    value = np.where(below, share * rows.value, rows.value)
    return replace(rows, value=value, kind=np.where(below, NONE, rows.kind))


STEPS = {
    "M1": _left_out,
    "M2": _truncated,
    "M3": _scored,
    "M4": _positive,
    "M5": _halved,
    "M6": _first_of_run,
    "M7": _zero,
}
