"""Visual predictive check: percentiles of the data beside those of simulated data sets.

Both are censored alike: a value below its limit of quantification is below every number, so that
percentiles need no substitute for it, and the share below the limit is compared on its own. The
prediction correction is that of Bergstrand et al. (2011, doi:10.1208/s12248-011-9255-z).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ...datasets.wording import counted
from ..replicates import Replicated, replicated, value_unit
from .bins import cuts, in_order, strata, strata_text
from .check import Check
from .correction import Rows, corrected_rows
from .outside import Outside, outside, quantiles
from .vpc_drawing import AT_LEAST, draw_vpc

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["vpc"]

Array = npt.NDArray[Any]
LEAST = 8  # rows in a bin, or as many as there are subjects
COLUMNS = ["observable", "stratum", "bin", "begin", "end", "time", "n", "statistic", "observed"]


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared, and how.

    Parameters
    ----------
    percentiles : tuple of float
        Between 0 and 1.
    bins : int or sequence of float, optional
    least : int, optional
    by : str, optional
    corrected, variance : bool
    """

    percentiles: tuple[float, ...]
    bins: int | Sequence[float] | None
    least: int | None
    by: str | None
    corrected: bool
    variance: bool


@dataclass(frozen=True, eq=False)
class Compared:
    """Statistics of the bins of one observable.

    Parameters
    ----------
    table : DataFrame
        One row per statistic: `COLUMNS`, ``drawn``.
    simulated : float64[sample, statistic]
    points : DataFrame
        One row per measurement: observable, stratum, time, value, exact, lower, upper.
    left_out : int
        Rows that cannot be corrected.
    """

    table: pd.DataFrame
    simulated: Array = field(repr=False)
    points: pd.DataFrame = field(repr=False)
    left_out: int = 0


def vpc(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    percentiles: Sequence[float] = (0.05, 0.5, 0.95),
    level: float = 0.9,
    bins: int | Sequence[float] | None = None,
    least: int | None = None,
    by: str | None = None,
    corrected: bool = False,
    variance: bool = False,
    kind: str | None = None,
    draws: int = 500,
    seed: int = 0,
    log: bool | None = None,
) -> Check:
    """Compare percentiles of the data with those of simulated data sets.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    percentiles : sequence of float
        Between 0 and 1.
    level : float
        Probability of the interval over simulated data sets.
    bins : int or sequence of float, optional
        Most bins, or the times [time unit of the model] at which a new one begins; see `cuts`.
    least : int, optional
        Rows in a bin, at least; default 8, or the number of subjects when they are fewer.
    by : str, optional
        Panels for the strata of a covariate, or ``"dose"``, ``"source"``, ``"assay"``,
        ``"occasion"``; see `strata`.
    corrected : bool
        Prediction-corrected: differences that doses, covariates and times make within a bin are
        taken out.
    variance : bool
        Correct the spread as well (of logarithms under a log-normal error).
    kind : {"population", "individual"}, optional
        As in `replicates`.
    draws, seed : int
        Simulated data sets.
    log : bool, optional
        Logarithmic axis of values; default by their span.

    Returns
    -------
    Check
        ``table`` has one row per observable, stratum, bin and statistic (a percentile; the share
        ``"below"`` or ``"above"`` a limit; of a graded outcome the share with ``"at least 2"``):
        ``observed``, ``low``, ``median``, ``high`` and ``outside`` (-1: the data lie below, 1:
        above). An infinite percentile lies beyond a limit of quantification. ``good``: the
        model's own data have as many statistics outside in at least one case of a hundred.

    Raises
    ------
    InputError
        If a setting has no meaning, or no row is left.
    """
    if not percentiles or not all(0 < q < 1 for q in percentiles) or not 0 < level < 1:
        raise InputError("percentiles and level must lie between 0 and 1.")
    plan = Plan(tuple(sorted(percentiles)), bins, least, by, corrected or variance, variance)
    made = replicated(problem, posterior, kind=kind, draws=draws, seed=seed)
    parts = [compared(problem, one, plan) for one in made]
    table = pd.concat([p.table for p in parts], ignore_index=True)
    simulated = np.concatenate([p.simulated for p in parts], axis=1)
    result = outside(table["observed"].to_numpy(), simulated, level)
    table = table.assign(
        low=result.low, median=result.middle, high=result.high, outside=result.side
    )
    points = pd.concat([p.points for p in parts], ignore_index=True)
    units = {m.name: value_unit(problem, m.observed) for m in made}
    return Check(
        name="vpc",
        title=title(plan),
        sentence=sentence(table, result, sum(p.left_out for p in parts), made),
        good=result.good,
        table=table,
        plot=lambda: draw_vpc(
            table, points, units, problem.model.time_unit, log=log, corrected=plan.corrected
        ),
        caption=caption(level, plan, table, strata_text(problem, by) if by else ""),
    )


def compared(problem: Problem, one: Replicated, plan: Plan) -> Compared:
    """Compute the statistics of one observable in its strata and bins."""
    labels = strata(problem, one.observed, plan.by)
    time, quantity = one.observed.time, problem.errors[one.name].is_quantity
    tables, simulated, points, left_out = [], [], [], 0
    for label in in_order(labels):
        at = np.flatnonzero(labels == label)
        subjects = np.unique(one.observed.subject[at]).size
        least = min(LEAST, subjects) if plan.least is None else plan.least
        group = np.searchsorted(cuts(time[at], least=least, bins=plan.bins), time[at], "right")
        rows = corrected_rows(problem, one, at, group, plan.corrected and quantity, plan.variance)
        left_out += int((~rows.kept).sum())
        for number, k in enumerate(np.unique(group[rows.kept])):
            inside = rows.kept & (group == k)
            look = statistics if quantity else outcome_shares
            names, seen, sets, drawn = look(rows, inside, plan)
            times = time[at][inside]
            place = (label, number, times.min(), times.max(), np.median(times), times.size)
            lines = [(one.name, *place, n, v) for n, v in zip(names, seen, strict=True)]
            tables.append(pd.DataFrame(lines, columns=COLUMNS).assign(drawn=drawn))
            simulated.append(sets)
        points.append(rows.points(one.name, label, time[at]))
    if not tables:
        raise InputError(
            f"{one.name}: no row can be corrected, because PRED is nowhere positive. Use "
            "corrected=False."
        )
    return Compared(
        pd.concat(tables), np.concatenate(simulated, axis=1), pd.concat(points), left_out
    )


def outcome_shares(
    rows: Rows, inside: Array, _: Plan
) -> tuple[list[str], Array, Array, list[bool]]:
    """Shares of a bin with at least each grade; of the data and of each simulated set."""
    own, sets = rows.values[inside], rows.simulated[:, inside]
    grades = range(1, 1 + max(1, int(rows.values.max()), int(rows.simulated.max())))
    names = [f"{AT_LEAST} {g}" for g in grades]
    seen = np.array([np.mean(own >= g) for g in grades])
    found = np.stack([np.mean(sets >= g, axis=1) for g in grades], axis=1)
    return names, seen, found, [True] * len(names)


def statistics(rows: Rows, inside: Array, plan: Plan) -> tuple[list[str], Array, Array, list[bool]]:
    """Percentiles of a bin, and its shares beyond limits; of the data and of each simulated set."""
    values, sets = rows.values, rows.simulated[:, inside]
    own = values[inside]
    names = [f"{100 * q:g} %" for q in plan.percentiles]
    seen = list(quantiles(own, plan.percentiles))
    found = list(quantiles(sets.T, plan.percentiles))
    hidden = np.max(rows.lower[inside & np.isneginf(values)], initial=-np.inf)
    ceiling = np.min(rows.upper[inside & np.isposinf(values)], initial=np.inf)
    drawn = [bool(hidden < v < ceiling) for v in seen]
    for name, limit, beyond in (
        ("below", rows.lower, -np.inf),
        ("above", rows.upper, np.inf),
    ):
        if np.isfinite(limit[inside]).any():
            names.append(name)
            seen.append(np.mean(own == beyond))
            found.append(np.mean(sets == beyond, axis=1))
            drawn.append(True)
    return names, np.array(seen), np.stack(found, axis=1), drawn


def sentence(table: pd.DataFrame, result: Outside, left_out: int, made: list[Replicated]) -> str:
    """State the outcome, where most of it lies, and what was left out."""
    shares = int(table["statistic"].isin(["below", "above"]).sum())
    outcomes = int(table["statistic"].str.startswith(AT_LEAST).sum())
    parts = (
        (len(table) - shares - outcomes, "percentile", ""),
        (shares, "share", " beyond a limit of quantification"),
        (outcomes, "share", " of outcomes"),
    )
    what = " and ".join(f"{counted(n, noun)}{rest}" for n, noun, rest in parts if n)
    verdict = "reproduces" if result.good else "does not reproduce"
    text = f"The model {verdict} the data: of {what}, {result.sentence}."
    if not result.good:
        bad = table[table["outside"] != 0].groupby(["observable", "statistic"], as_index=False)
        worst = bad["outside"].agg(["size", "sum"]).sort_values("size", ascending=False).iloc[0]
        side = "above" if worst["sum"] > 0 else "below"
        text += f" Most often {worst['observable']}, {worst['statistic']}: "
        text += f"the data lie {side} the model."
    inferred = sum(m.seen.inferred for m in made)
    if inferred:
        text += f" The limit of {counted(inferred, 'measured row')} is that of censored rows."
    if left_out:
        text += f" {counted(left_out, 'row')} could not be corrected and was left out."
    if made[0].failed:
        text += f" {counted(made[0].failed, 'simulated data set')} failed and was left out."
    return text


def title(plan: Plan) -> str:
    """Name the check by what was done."""
    plain = "Visual predictive check"
    kind = f"Prediction-corrected {plain.lower()}" if plan.corrected else plain
    return f"{kind} by {plan.by}" if plan.by else kind


def caption(level: float, plan: Plan, table: pd.DataFrame, strata: str) -> str:
    """Tell how to read the picture."""
    names = ", ".join(f"{100 * q:g}" for q in plan.percentiles)
    text = (
        f"Lines are percentiles of the data ({names} %); each band holds the same percentile of "
        f"simulated data sets with probability {level:g}. A line should stay in its band; rings "
        "mark where it does not."
    )
    if strata:
        text += f" Panels are strata: {strata}."
    if plan.corrected:
        text += (
            " Values are scaled to the typical prediction of their bin, so that doses and "
            "covariates do not widen the bands."
        )
    if table["statistic"].isin(["below", "above"]).any():
        text += (
            " Lower panels: the share of values beyond a limit of quantification. Percentiles that "
            "fall among them are not drawn."
        )
    return text
