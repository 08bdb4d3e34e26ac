"""Simulation-based calibration: posteriors hold the truth as often as they say, or they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ..percent import percent
from .check import Check
from .uniform import central_coverage, chi2_p, envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sbc"]

LEVEL, FAMILY = 0.01, 0.05  # false alarms for one quantity, and for all of them together
FAILED = 0.02  # share of failed fits that invalidates a run
ERRORS = 3.0  # standard errors of a coverage
COVERED = (0.5, 0.8, 0.9)
JUDGED = 0.9
SMALL = 100  # replications below which only gross faults show
COLUMNS = 3
CAPTION = (
    "Empirical distribution function of the ranks minus that of uniform ranks. A correct inference "
    "stays inside the band, in the whole panel, with the stated probability. A curve above zero on "
    "the left and below on the right: posteriors too narrow; the reverse: too wide; all above: "
    "posteriors too high; all below: too low."
)


def sbc(calibration: pd.DataFrame) -> Check:
    """Judge the ranks of a calibration.

    Parameters
    ----------
    calibration : DataFrame
        From `calibrate`: columns ``replication``, ``quantity``, ``rank``, ``of``, and ``failure``
        (text) for fits that failed; further columns are not used.

    Returns
    -------
    Check
        Table: quantity, replications, p_ecdf (simultaneous band), p_chi2, coverage_50,
        coverage_80, coverage_90, mean_rank (0 to 1), flagged, and in words how posteriors are off.
        A quantity is flagged when its ranks leave the simultaneous 99 % band (narrower shares for
        more than five quantities, so that the bands of all together raise a false alarm in at most
        5 % of correct runs), or when the coverage of 90 % intervals is off by more than 3 standard
        errors. That rule adds at most 0.5 % for each quantity (binomial, from 100 replications
        on): a correct run of ten quantities fails in at most 10 %, of one in 1.5 %. More than 2 %
        failed fits invalidate the run.

    Raises
    ------
    InputError
        If there are no ranks, or they are not whole numbers from 0 to ``of``.

    Notes
    -----
    Ranks of parameters cannot show that data were ignored: the posterior of less data is
    calibrated too. The quantity ``log_likelihood`` of `calibrate` can (Modrak et al. 2025).
    """
    missing = {"replication", "quantity", "rank", "of"} - set(calibration.columns)
    if missing:
        raise InputError(f"the calibration has no column {', '.join(sorted(missing))}.")
    rows = calibration[calibration["rank"].notna()]
    if rows.empty:
        raise InputError("the calibration has no ranks: every fit failed, or none was run.")
    table = judged(rows)
    table.attrs.update(calibration.attrs)  # of which problem, for a table of credibility
    total = int(calibration["replication"].nunique())
    failed = total - int(rows["replication"].nunique())
    invalid = failed > FAILED * total
    return Check(
        name="sbc",
        title="Simulation-based calibration",
        sentence=sentence(table, total, failed),
        good=not invalid and not bool(table["flagged"].any()),
        table=table,
        plot=lambda: figure(rows, table),
        caption=CAPTION,
    )


def level_of(quantities: int) -> float:
    """Allow so many false alarms for one quantity."""
    return min(LEVEL, FAMILY / quantities)


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """One row of tests for each quantity."""
    level = level_of(rows["quantity"].nunique())
    found = []
    for name, part in rows.groupby("quantity", sort=False):
        ranks, of = ranks_of(str(name), part)
        covered = {p: central_coverage(ranks, of, p) for p in COVERED}
        p_ecdf = envelope(ranks.size, of).p_value(ranks)
        share, expected = covered[JUDGED]
        error = np.sqrt(expected * (1 - expected) / ranks.size)
        flagged = p_ecdf < level or abs(share - expected) > ERRORS * error
        middle = float(((ranks + 0.5) / (of + 1)).mean())
        found.append(
            {
                "quantity": name,
                "replications": ranks.size,
                "p_ecdf": p_ecdf,
                "p_chi2": chi2_p(ranks, of),
                **{f"coverage_{p:.0%}".rstrip("%"): c for p, (c, _) in covered.items()},
                "mean_rank": middle,
                "flagged": flagged,
                "how": how(ranks, of, share, expected) if flagged else "",
            }
        )
    return pd.DataFrame(found)


def ranks_of(name: str, part: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """Ranks of one quantity, checked, and the highest that is possible."""
    highest = part["of"].unique()
    if len(highest) != 1 or highest[0] < 1:
        raise InputError(f"{name}: ranks of different lengths ({list(highest)}) cannot be joined.")
    of = int(highest[0])
    ranks = part["rank"].to_numpy(dtype=np.float64)
    bad = np.flatnonzero((ranks != np.round(ranks)) | (ranks < 0) | (ranks > of))
    if bad.size:
        first = part.iloc[bad[0]]
        raise InputError(
            f"{name}: rank {first['rank']} of replication {first['replication']} is no whole "
            f"number from 0 to {of}."
        )
    return ranks.astype(np.int64), of


def how(ranks: npt.NDArray[np.int64], of: int, share: float, expected: float) -> str:
    """Say in which way posteriors are off."""
    uniform = np.sqrt(((of + 1) ** 2 - 1) / 12) / (of + 1)  # sd of one rank, as a share
    z = (((ranks + 0.5) / (of + 1)).mean() - 0.5) / (uniform / np.sqrt(ranks.size))
    width = (share - expected) / np.sqrt(expected * (1 - expected) / ranks.size)
    words = []
    if abs(z) > ERRORS:
        words.append("too high" if z < 0 else "too low")
    if abs(width) > ERRORS:
        words.append("too narrow" if width < 0 else "too wide")
    return " and ".join(words) or "of another shape"


def sentence(table: pd.DataFrame, total: int, failed: int) -> str:
    """Verdict in words."""
    lost = f"{failed} of {total} fits failed"
    if failed > FAILED * total:
        return f"This calibration says nothing: {lost}, more than {percent(FAILED)}."
    tail = f"; {lost}" if failed else ""
    bad = table[table["flagged"]]
    if not bad.empty:
        faults = [
            f"{row['quantity']} is {row['how']} (90 % intervals hold the truth in "
            f"{percent(row['coverage_90'])}, band p = {row['p_ecdf']:.1g})"
            for row in bad.to_dict("records")
        ]
        return f"Posteriors are not calibrated: {'; '.join(faults)}{tail}."
    low, high = table["coverage_90"].min(), table["coverage_90"].max()
    weak = " This many show gross faults only." if total < SMALL else ""
    return (
        f"In {total} replications the ranks of all {len(table)} quantities pass as uniform, and "
        f"90 % intervals hold the truth in {percent(low)} to {percent(high)}{tail}.{weak}"
    )


def figure(rows: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """One panel per quantity: ECDF difference with its simultaneous band."""
    from matplotlib.figure import Figure

    wide = min(COLUMNS, len(table))
    high = -(-len(table) // wide)
    made = Figure(figsize=(3.6 * wide, 2.5 * high + 0.3), layout="constrained")
    axes = np.atleast_1d(made.subplots(high, wide, sharex=True, squeeze=False)).ravel()
    level = level_of(len(table))
    groups = rows.groupby("quantity", sort=False)
    for axis, (name, part), row in zip(axes, groups, table.to_dict("records"), strict=False):
        panel(axis, str(name), part, level, bool(row["flagged"]))
    for axis in axes[len(table) :]:
        axis.set_visible(False)
    made.supxlabel("rank of the truth, as a share")
    made.supylabel("ECDF difference")
    return made


def panel(axis: Axes, name: str, part: pd.DataFrame, level: float, flagged: bool) -> None:
    """ECDF difference of one quantity."""
    ranks, of = ranks_of(name, part)
    null = envelope(ranks.size, of)
    low, high = null.band(1 - level)
    counts: Any = np.bincount(ranks, minlength=of + 1).cumsum()[:-1]
    at = null.shares
    axis.fill_between(at, low - at, high - at, color="0.85", lw=0)
    axis.axhline(0, color="0.6", lw=0.8)
    axis.step(at, counts / ranks.size - at, where="post", color="C3" if flagged else "C0", lw=1.3)
    axis.set_title(f"{name}{' (flagged)' if flagged else ''}", fontsize=9)
    axis.tick_params(labelsize=8)
