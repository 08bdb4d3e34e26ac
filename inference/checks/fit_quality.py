"""Goodness of fit: measurements beside PRED and IPRED, and what is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D
from scipy import stats

from ...datasets.errors import InputError
from ...datasets.wording import counted
from ..drawing import INK, LIMIT, PRIOR, Panels, log_wanted, set_log, style
from ..percent import rare
from .bins import cuts
from .check import Check
from .outside import ALARM
from .residual_drawing import draw_over, draw_quantiles, draw_trend, handles
from .residuals import Fitted, individual_fits

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["fit_quality", "residual_trends"]

Array = npt.NDArray[Any]
FAR = 2.0  # IWRES beyond it are counted
EXPECTED = float(2 * stats.norm.sf(FAR))
ENOUGH = 5  # residuals for a test, at least
BINS = 6  # of time and of IPRED, at most
TESTS = ("p_far", "p_time", "p_time_bins", "p_size", "p_size_bins")
CAPTION = (
    "DV is the measured value, PRED the prediction for a typical subject with these covariates, "
    "IPRED that of the subject itself; points should scatter around the diagonal. IWRES are the "
    "individual residuals divided by the residual spread: they should scatter around zero without "
    "a trend, and their size, |IWRES|, should not depend on IPRED."
)


def fit_quality(
    problem: Problem, posterior: xr.DataTree | xr.Dataset, *, draws: int = 500
) -> Check:
    """Compare measurements with predictions, and test what is left over for trends.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    draws : int
        Posterior draws to take medians over, at most.

    Returns
    -------
    Check
        ``table`` has one row per measurement: observable, subject, time, dv, pred, ipred, iwres
        (NaN for a censored one), ``exact`` (False for a censored one, whose ``dv`` is the limit).
        `residual_trends` gives the tests. ``good``: none of them, corrected for their number, has
        a p below 0.01, so that at most 1 % of fits with exchangeable normal residuals fail.

    Raises
    ------
    InputError
        If no observable is a quantity.
    """
    fits = individual_fits(problem, posterior, draws=draws)
    if not fits:
        raise InputError("no observable is a quantity: there are no residuals.")
    table = pd.concat([rows_of(problem, f) for f in fits], ignore_index=True)
    trends = residual_trends(table)
    p = trends[list(TESTS)].to_numpy()
    tested = np.isfinite(p)
    return Check(
        name="fit_quality",
        title="Goodness of fit",
        sentence=sentence(trends),
        good=bool(np.nanmin(p) * tested.sum() >= ALARM) if tested.any() else None,
        table=table,
        plot=lambda: draw(table, problem.model.time_unit),
        caption=CAPTION,
    )


def rows_of(problem: Problem, fit: Fitted) -> pd.DataFrame:
    """Collect what is drawn of one observable."""
    subjects = np.array(problem.arrangement.subjects, dtype=object)
    return pd.DataFrame(
        {
            "observable": fit.name,
            "subject": subjects[fit.observed.subject],
            "time": fit.observed.time,
            "dv": fit.seen.shown,
            "pred": fit.pred,
            "ipred": fit.ipred,
            "iwres": fit.iwres,
            "exact": fit.seen.exact,
        }
    )


def residual_trends(table: pd.DataFrame) -> pd.DataFrame:
    """Test the residuals of each observable for outliers and trends.

    Parameters
    ----------
    table : DataFrame
        Of `fit_quality`.

    Returns
    -------
    DataFrame
        observable, n, ``far`` (share of IWRES beyond 2 in size, 0.046 expected) and ``p_far`` (of
        as many or more, binomial); ``time`` and ``p_time``, rank correlation of IWRES with time,
        which sees what rises or falls; ``p_time_bins``, ranks of IWRES by bins of time (at most
        six, Kruskal and Wallis), which sees a curve too; ``size``, ``p_size`` and
        ``p_size_bins``, the same of their absolute values with IPRED. NaN where there are fewer
        than five residuals, or all at one time; of bins, where there are not two of five.
    """
    rows = []
    for name, part in table.groupby("observable", sort=False):
        one = part[part["iwres"].notna()]
        z = one["iwres"].to_numpy()
        far = int((np.abs(z) > FAR).sum())
        p_far = stats.binomtest(far, z.size, EXPECTED, "greater").pvalue if z.size else np.nan
        time = trend(one["time"].to_numpy(), z)
        size = trend(one["ipred"].to_numpy(), np.abs(z))
        rows.append((name, z.size, far / z.size if z.size else np.nan, p_far, *time, *size))
    columns = ["observable", "n", "far", "p_far"]
    columns += ["time", "p_time", "p_time_bins", "size", "p_size", "p_size_bins"]
    return pd.DataFrame(rows, columns=columns)


def trend(x: Array, y: Array) -> tuple[float, float, float]:
    """Rank correlation, its p, and that of bins."""
    return *rank_correlation(x, y), bins_differ(x, y)


def bins_differ(x: Array, y: Array) -> float:
    """Test whether ``y`` lies higher in some bins of ``x`` than in others; p, or NaN."""
    if x.size < 2 * ENOUGH or np.ptp(y) == 0:
        return np.nan
    group = np.searchsorted(cuts(x, least=ENOUGH, bins=BINS), x, side="right")
    parts = [y[group == k] for k in np.unique(group)]
    return float(stats.kruskal(*parts).pvalue) if len(parts) > 1 else np.nan


def rank_correlation(x: Array, y: Array) -> tuple[float, float]:
    """Spearman's correlation and its p; NaN where it says nothing."""
    if x.size < ENOUGH or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan
    found = stats.spearmanr(x, y)
    return float(found.statistic), float(found.pvalue)


def sentence(trends: pd.DataFrame) -> str:
    """State what the tests found; of several observables, that of the least likely."""
    p = trends[list(TESTS)]
    tested = int(np.isfinite(p.to_numpy()).sum())
    if not tested:
        return "There are too few residuals to test."
    worst = trends.iloc[int(np.nanargmin(p.min(axis=1).to_numpy()))]
    alarm = float(p.min().min()) * tested < ALARM
    begin = (
        "The residuals speak against the model"
        if alarm
        else "The residuals show no trend, and no more outliers than chance gives"
    )
    which = f"IWRES of {worst['observable']}"
    if len(trends) > 1:
        which += f", the least likely of {counted(len(trends), 'observable')}"
    parts = [f"{rare(worst['far'])} lie beyond ±2 ({rare(EXPECTED)} expected)"]
    for column, words in (
        ("time", "rank correlation with time"),
        ("size", "of their size with IPRED"),
    ):
        if np.isfinite(worst[column]):
            ps = f"p {worst[f'p_{column}']:.2g}"
            if np.isfinite(bins := worst[f"p_{column}_bins"]):
                ps += f", of bins {bins:.2g}"
            parts.append(f"{words} {worst[column]:.2f} ({ps})")
    return f"{begin}. {which}: {', '.join(parts)}."


def draw(table: pd.DataFrame, time_unit: str) -> Figure:
    """Six panels for each observable."""
    names = list(dict.fromkeys(table["observable"]))
    with style():
        panels = Panels(6 * len(names), columns=3, size=(2.9, 2.3))
        for k, name in enumerate(names):
            part = table[table["observable"] == name]
            axes = panels.axes[6 * k : 6 * k + 6]
            draw_predicted(axes[0], part, "pred")
            draw_predicted(axes[1], part, "ipred")
            axes[0].set_title(name)
            left = part[part["iwres"].notna()]
            time, ipred, z = (left[c].to_numpy() for c in ("time", "ipred", "iwres"))
            exact = np.ones(z.size, dtype=bool)
            if z.size:
                draw_quantiles(axes[2], z, "IWRES")
                draw_over(axes[3], time, z, exact, f"time [{time_unit}]", "IWRES")
                draw_over(axes[4], ipred, z, exact, "IPRED", "IWRES")
                draw_size(axes[5], ipred, np.abs(z))
        panels.legend(legend(censored=not table["exact"].all()))
    return panels.figure


def draw_predicted(axes: Axes, part: pd.DataFrame, column: str) -> None:
    """Measured values over predicted ones, with the diagonal."""
    exact = part["exact"].to_numpy()
    x, y = part[column].to_numpy(), part["dv"].to_numpy()
    axes.plot(x[exact], y[exact], ".", ms=4, color=INK, alpha=0.45, mew=0, zorder=2)
    axes.plot(x[~exact], y[~exact], "v", ms=3.5, mfc="white", mec=LIMIT, mew=0.7, zorder=2)
    shown = np.concatenate([x, y])
    shown = shown[np.isfinite(shown)]
    ends = (float(shown.min()), float(shown.max()))
    axes.plot(ends, ends, color=PRIOR, lw=0.9, zorder=1)
    if log_wanted(shown):
        for which in ("x", "y"):
            set_log(axes, which, (ends[0] / 1.3, ends[1] * 1.3))
    axes.set_xlabel(column.upper())
    axes.set_ylabel("DV")


def draw_size(axes: Axes, ipred: Array, size: Array) -> None:
    """Sizes of residuals over the prediction, with the median that they should have."""
    axes.plot(ipred, size, ".", ms=4, color=INK, alpha=0.45, mew=0, zorder=2)
    axes.axhline(stats.norm.ppf(0.75), color=PRIOR, lw=0.9, zorder=1)
    if log_wanted(ipred):
        set_log(axes, "x")
    if size.size >= 2 * ENOUGH:
        draw_trend(axes, ipred, size, bars=False)
    axes.set_xlabel("IPRED")
    axes.set_ylabel("|IWRES|")
    axes.set_ylim(bottom=0)


def legend(*, censored: bool) -> list[Any]:
    """Explain the marks; a censored value stands at its limit."""
    found = handles(censored=False)
    if censored:
        look: dict[str, Any] = {"ls": "", "mfc": "white", "mec": LIMIT, "ms": 4}
        found.insert(1, Line2D([], [], marker="v", label="censored, at its limit", **look))
    found.append(Line2D([], [], color=PRIOR, lw=0.9, label="where it should be"))
    return found
