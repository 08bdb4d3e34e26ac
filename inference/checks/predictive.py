"""Posterior predictive check: peak, time of peak, last value and share below a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.wording import counted
from ..percent import percent
from ..replicates import Replicated, replicated, value_unit
from .check import Check
from .outside import outside
from .predictive_drawing import draw_posterior

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["posterior_predictive"]

Array = npt.NDArray[Any]
COLUMNS = ["observable", "subject", "statistic", "observed"]


def posterior_predictive(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    kind: str = "individual",
    level: float = 0.9,
    draws: int = 500,
    seed: int = 0,
) -> Check:
    """Compare what is read off each measured course with the same of simulated ones.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    kind : {"individual", "population"}
        The subjects of the data measured again, or new subjects; see `replicates`.
    level : float
        Probability of the intervals.
    draws, seed : int
        Simulated data sets.

    Returns
    -------
    Check
        ``table`` has one row per observable, subject and statistic (``"peak"``, ``"time of
        peak"``, ``"last"``, ``"below"``: the share below the limit of quantification):
        ``observed``, ``low``, ``median``, ``high``, ``outside`` (-1: the data lie below, 1: above)
        and the Bayesian p-value ``p``, the probability of more than the observed plus half that
        of the same. ``good`` as for `vpc`.

    Notes
    -----
    The data were used for the fit, so that p-values crowd around one half; very small or large
    ones mean more than their size says.
    """
    made = replicated(problem, posterior, kind=kind, draws=draws, seed=seed)
    read = [course_statistics(one, problem.arrangement.subjects) for one in made]
    table = pd.concat([frame for frame, _ in read], ignore_index=True)
    sets = np.concatenate([values for _, values in read], axis=1)
    seen = table["observed"].to_numpy()
    result = outside(seen, sets, level)
    p = (sets > seen).mean(axis=0) + (sets == seen).mean(axis=0) / 2
    table = table.assign(
        low=result.low, median=result.middle, high=result.high, outside=result.side, p=p
    )
    units = {m.name: value_unit(problem, m.observed) for m in made}
    verdict = "reproduces" if result.good else "does not reproduce"
    text = (
        f"The model {verdict} the courses of {counted(table['subject'].nunique(), 'subject')}: of "
        f"{len(table)} peaks, times of peak, last values and shares below a limit, "
        f"{result.sentence}."
    )
    return Check(
        name="posterior_predictive",
        title="Posterior predictive check",
        sentence=text + worst_of(table, result.good),
        good=result.good,
        table=table,
        plot=lambda: draw_posterior(table, units, problem.model.time_unit),
        caption=(
            "One point per subject: what was read off the measured course (across) and off "
            f"simulated ones (up: median and {percent(level)} interval). Points should lie on the "
            "diagonal; rings mark those whose interval misses it."
        ),
    )


def worst_of(table: pd.DataFrame, good: bool) -> str:
    """Name the statistic that is most often outside, where there are too many."""
    bad = table[table["outside"] != 0]
    if good or bad.empty:
        return ""
    groups = bad.groupby(["observable", "statistic"], as_index=False)["outside"]
    worst = groups.agg(["size", "sum"]).sort_values("size", ascending=False).iloc[0]
    side = "above" if worst["sum"] > 0 else "below"
    return (
        f" Most often {worst['observable']}, {worst['statistic']}: the data lie {side} the model."
    )


def course_statistics(one: Replicated, subjects: tuple[str, ...]) -> tuple[pd.DataFrame, Array]:
    """Read peaks and the like off each subject's course.

    Returns
    -------
    DataFrame
        `COLUMNS`.
    float64[sample, statistic]
    """
    pooled = np.concatenate([one.seen.censored(one.simulated), one.seen.value[None]])
    rows, values = [], []
    for k in np.unique(one.observed.subject):
        at = np.flatnonzero(one.observed.subject == k)
        at = at[np.argsort(one.observed.time[at], kind="stable")]
        time, own = one.observed.time[at], pooled[:, at]
        found = {"peak": own.max(axis=1), "time of peak": time[own.argmax(axis=1)]}
        if np.ptp(time) == 0:
            found = {}  # one visit: there is no course
        found["last"] = own[:, -1]
        if np.isfinite(one.seen.lower[at]).any():
            found["below"] = np.isneginf(own).mean(axis=1)
        for name, column in found.items():
            rows.append((one.name, subjects[k], name, column[-1]))
            values.append(column[:-1])
    return pd.DataFrame(rows, columns=COLUMNS), np.stack(values, axis=1)
