"""Groups of rows that a check looks at together: bins of time, and strata of subjects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown

if TYPE_CHECKING:
    from ..arrangement import Observed
    from ..problem import Problem

__all__ = [
    "STRATA",
    "cuts",
    "in_order",
    "known_strata",
    "refuse_unknown_stratum",
    "strata",
    "strata_text",
]

Array = npt.NDArray[np.float64]
NOMINAL = 20  # distinct times that each make a bin
MOST = 10  # bins of scattered times
LABELS = 5  # distinct numbers of a covariate that each make a stratum
STRATA = ("dose", "source", "assay", "occasion")


def cuts(time: Array, *, least: int, bins: int | Sequence[float] | None = None) -> Array:
    """Choose where one bin of time ends and the next begins.

    Parameters
    ----------
    time : float64[n]
    least : int
        Rows in a bin, at least.
    bins : int or sequence of float, optional
        Most bins, or the cuts themselves.

    Returns
    -------
    float64[bins - 1]
        Ascending; a time equal to a cut belongs to the bin that begins there.

    Notes
    -----
    Few distinct times are nominal times: each is a bin. Scattered times are cut near their
    quantiles, where the gap between neighbors is widest. Bins with too few rows join the nearer
    neighbor.

    Examples
    --------
    >>> cuts(np.array([1.0, 1.1, 1.2, 4.0, 4.1, 9.0]), least=2, bins=3).round(2).tolist()
    [2.6]
    """
    if bins is not None and not isinstance(bins, int):
        given = np.asarray(bins, dtype=np.float64)
        if given.ndim != 1 or (np.diff(given) <= 0).any() or not np.isfinite(given).all():
            raise InputError("bins must be finite times in ascending order, or a number of bins.")
        return given
    if bins is not None and bins < 1:
        raise InputError(f"bins must be at least 1, got {bins}.")
    distinct = np.unique(time)
    if distinct.size <= (NOMINAL if bins is None else bins):
        found = (distinct[1:] + distinct[:-1]) / 2
    else:
        found = _near_quantiles(np.sort(time), min(bins or MOST, max(1, time.size // least)))
    return _joined(time, found, least)


def _near_quantiles(time: Array, count: int) -> Array:
    """Cut sorted times into so many bins, each at the widest gap near its quantile."""
    window = max(1, time.size // (4 * count))
    gaps = np.diff(time)
    found = []
    for k in range(1, count):
        middle = k * time.size // count
        near = np.arange(max(0, middle - window), min(gaps.size, middle + window))
        widest = near[np.argmax(gaps[near])]
        if gaps[widest] > 0:
            found.append((time[widest] + time[widest + 1]) / 2)
    return np.unique(found)


def _joined(time: Array, found: Array, least: int) -> Array:
    """Take out cuts until every bin has enough rows."""
    while found.size:
        group = np.searchsorted(found, time, side="right")
        sizes = np.bincount(group, minlength=found.size + 1)
        small = int(np.argmin(sizes))
        if sizes[small] >= least:
            break
        centers = [np.median(time[group == k]) if sizes[k] else np.nan for k in range(sizes.size)]
        before = centers[small] - centers[small - 1] if small > 0 else np.inf
        after = centers[small + 1] - centers[small] if small < found.size else np.inf
        found = np.delete(found, small - 1 if before <= after else small)
    return found


def strata(problem: Problem, observed: Observed, by: str | None) -> npt.NDArray[Any]:
    """Label every row with its stratum.

    Parameters
    ----------
    problem : Problem
    observed : Observed
    by : str, optional
        A fixed covariate; ``"dose"``, the amounts given at the first time of dosing; or one of
        ``"source"``, ``"assay"``, ``"occasion"`` of the rows.

    Returns
    -------
    object[n]
        Text; empty without ``by``. A number with more than five values is cut at its median.

    Raises
    ------
    InputError
        If there is nothing of this name.
    """
    if by is None:
        return np.full(observed.row.size, "", dtype=object)
    refuse_unknown_stratum(problem, by)
    table = problem.data.observations
    if by in STRATA[1:] and by in table:
        column = table[by].to_numpy()[observed.row]
        return np.array([f"{by} {v}" if str(v) else f"no {by}" for v in column], dtype=object)
    if by == "dose":
        return _doses(problem)[observed.subject]
    return _labels(by, _values(problem, by))[observed.subject]


def known_strata(problem: Problem) -> list[str]:
    """Names by which the rows of a problem can be told apart."""
    columns = [c for c in STRATA[1:] if c in problem.data.observations]
    return [*map(str, problem.data.covariates.data_vars), STRATA[0], *columns]


def refuse_unknown_stratum(problem: Problem, by: str, where: str = "by") -> None:
    """Refuse a name that the data do not have, see `strata`; ``where`` it was asked for."""
    known = known_strata(problem)
    if by not in known:
        guess = closest(by, known)
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise InputError(
            f"{where}={shown(by)}: the data have no such covariate.{hint} "
            f"There are {', '.join(known)}."
        )


def in_order(labels: Iterable[str]) -> list[str]:
    """Strata once each: what is low before what is high, numbers by their size.

    Examples
    --------
    >>> in_order(["dose 10 mg", "dose 2 mg"]), in_order(["age above 50", "age up to 50"])
    (['dose 2 mg', 'dose 10 mg'], ['age up to 50', 'age above 50'])
    """

    def key(label: str) -> tuple[bool, list[tuple[float, str]]]:
        parts = re.split(r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", label)
        numbers = [(float(p), "") if k % 2 else (-np.inf, p) for k, p in enumerate(parts)]
        return " above " in label, numbers

    return sorted(set(labels), key=key)


def strata_text(problem: Problem, by: str) -> str:
    """Name strata in a caption: ``sex``, or ``weight, cut at its median 52.5``."""
    if by not in problem.data.covariates:
        return by
    middle = _median(_numbers(_values(problem, by)))
    return by if middle is None else f"{by}, cut at its median {middle:g}"


def _values(problem: Problem, by: str) -> npt.NDArray[Any]:
    """Covariate of the fitted subjects."""
    subjects = list(problem.arrangement.subjects)
    return np.asarray(problem.data.covariates[by].sel(subject=subjects).to_numpy())


def _numbers(values: npt.NDArray[Any]) -> Array:
    """Values as numbers; NaN for what is none."""
    return pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=np.float64)


def _median(numbers: Array) -> float | None:
    """Where a covariate is cut; None if each of its values is a stratum."""
    known = numbers[np.isfinite(numbers)]
    return float(np.median(known)) if np.unique(known).size > LABELS else None


def _labels(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Strata of a covariate, one label per subject."""
    numbers = _numbers(values)
    text = bool(np.isnan(numbers).all())
    middle = _median(numbers)
    if middle is None:
        missing = np.array([str(v) in ("", "nan") for v in values])
        words = [f"{v:g}" if not text else str(v) for v in (values if text else numbers)]
    else:
        missing = np.isnan(numbers)
        words = [f"up to {middle:g}" if v <= middle else f"above {middle:g}" for v in numbers]
    return np.array(
        [f"{name} unknown" if m else f"{name} {w}" for m, w in zip(missing, words, strict=True)],
        dtype=object,
    )


def _doses(problem: Problem) -> npt.NDArray[Any]:
    """Amounts that each subject was given at its first time of dosing."""
    given = problem.data.to_frame("doses")
    given = given[given["kind"] != "reset"]
    labels = []
    for subject in problem.arrangement.subjects:
        own = given[given["subject"] == subject]
        first = own[own["time"] == own["time"].min()]
        words = [f"{a:g} {u}".strip() for a, u in zip(first["amount"], first["unit"], strict=True)]
        labels.append(f"dose {' + '.join(words)}" if words else "no dose")
    return np.array(labels, dtype=object)
