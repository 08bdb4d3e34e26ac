"""Normalized prediction distribution errors: standard normal if the model holds.

Each measurement is ranked among its simulated copies, after the correlation within the subject has
been taken out (Brendel et al. 2006, doi:10.1007/s11095-006-9067-5; Comets et al. 2008,
doi:10.1016/j.cmpb.2007.12.002). A censored one is drawn from the simulated values beyond its limit
(Nguyen et al. 2012, doi:10.1007/s10928-012-9264-2), and so are the simulated ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ...datasets.errors import InputError
from ..drawing import Panels, style
from ..measuring.error import LogScale
from ..replicates import Replicated, replicated
from .check import Check
from .outside import ALARM
from .residual_drawing import draw_histogram, draw_over, draw_quantiles, handles

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["npde", "npde_tests"]

Array = npt.NDArray[Any]
MANY = 5000  # above this Shapiro and Wilk's test gives no p
ENOUGH = 3  # residuals for a test, at least
CAPTION = (
    "Points should scatter like a standard normal distribution at every time and prediction: "
    "nineteen of twenty in the gray band, the orange line inside the blue bars, ordered values "
    "inside the pale blue band. A slope or a fan shape tells where the model fails."
)


def npde(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    kind: str | None = None,
    draws: int = 1000,
    seed: int = 0,
    across: bool = False,
) -> Check:
    """Rank each measurement among simulated ones, with correlations taken out.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    kind : {"population", "individual"}, optional
        As in `replicates`.
    draws, seed : int
        Simulated data sets, and what draws them and the censored values.
    across : bool
        Take out correlations between the observables of a subject too.

    Returns
    -------
    Check
        ``table`` has one row per measurement: observable, subject, time, pred, ``npd`` (without)
        and ``npde`` (with correlations taken out), and ``exact`` (False for a censored value).
        `npde_tests` gives the tests of each observable. ``good``: no global p, corrected for the
        number of observables, is below 0.01.

    Raises
    ------
    InputError
        If there are too few draws for the longest series, or no measurement is left.

    Notes
    -----
    Ranks count the measurement itself among its copies, so that under the model they are uniform
    exactly. Values are ranked on the logarithmic scale where the error is. Rows in which all
    simulated values are the same are left out.
    """
    made = [
        one
        for one in replicated(problem, posterior, kind=kind, draws=draws, seed=seed)
        if problem.errors[one.name].is_quantity
    ]
    rng = np.random.default_rng([seed, 1])
    parts = [ranked_rows(problem, one, rng) for one in made]
    if not any(len(frame) for _, frame in parts):
        raise InputError("no measured quantity is left to rank among simulated ones.")
    table = pd.concat([frame for _, frame in parts], ignore_index=True)
    pooled = np.concatenate([columns for columns, _ in parts], axis=1)
    table["npd"] = normal_rank(pooled, rng)
    table["npde"] = decorrelated(pooled, table, across, rng)
    tests = npde_tests(table)
    return Check(
        name="npde",
        title="Normalized prediction distribution errors",
        sentence=sentence(tests),
        good=bool((tests["p"] * len(tests)).min() >= ALARM) if tests["p"].notna().any() else None,
        table=table,
        plot=lambda: draw(table, problem.model.time_unit),
        caption=CAPTION,
    )


def ranked_rows(
    problem: Problem, one: Replicated, rng: np.random.Generator
) -> tuple[Array, pd.DataFrame]:
    """Bring an observable to the scale of its error, censored values drawn.

    Returns
    -------
    float64[sample + 1, row]
        Simulated values and, last, the measured ones; rows without spread are left out.
    DataFrame
        observable, subject, time, pred, exact of each row.
    """
    pooled = np.concatenate([one.seen.censored(one.simulated), one.seen.value[None]])
    below, above = np.isneginf(pooled), np.isposinf(pooled)
    raw = np.concatenate([one.simulated, one.seen.shown[None]])
    for beyond in (below, above):
        for k in np.flatnonzero(beyond.any(axis=0)):
            pool = raw[:-1, k][beyond[:-1, k]]
            places = np.flatnonzero(beyond[:, k])
            pooled[places, k] = rng.choice(pool, places.size) if pool.size else raw[-1, k]
    if isinstance(problem.errors[one.name], LogScale):
        pooled = np.log(pooled)
    kept = np.ptp(pooled[:-1], axis=0) > 0
    frame = pd.DataFrame(
        {
            "observable": one.name,
            "subject": np.array(problem.arrangement.subjects, dtype=object)[one.observed.subject],
            "time": one.observed.time,
            "pred": one.pred,
            "exact": one.seen.exact,
        }
    )
    return pooled[:, kept], frame[kept]


def decorrelated(
    pooled: Array, table: pd.DataFrame, across: bool, rng: np.random.Generator
) -> Array:
    """Rank after the correlation within each subject is taken out; float64[row]."""
    result = np.empty(len(table))
    keys = ["subject"] if across else ["subject", "observable"]
    time = table["time"].to_numpy()
    for where in table.groupby(keys, sort=False).indices.values():
        at = np.asarray(where)[np.argsort(time[where], kind="stable")]
        own = pooled[:, at]
        if own.shape[0] < 3 * own.shape[1]:
            raise InputError(
                f"a subject has {at.size} measurements: their correlation needs at least "
                f"{3 * at.size} simulated data sets, got draws={own.shape[0] - 1}."
            )
        centered = own - own.mean(axis=0)
        scaled: Array = centered / centered.std(axis=0)
        try:
            factor = np.linalg.cholesky(scaled.T @ scaled / len(scaled))
        except np.linalg.LinAlgError:
            raise InputError(
                f"simulated measurements of subject {table['subject'].iloc[at[0]]} are exactly "
                "dependent: a residual error is missing, or a row stands there twice."
            ) from None
        result[at] = normal_rank(np.linalg.solve(factor, scaled.T).T, rng)
    return result


def normal_rank(pooled: Array, rng: np.random.Generator) -> Array:
    """Give the normal score of the last entry of each column; ties are broken at random."""
    last, rest = pooled[-1], pooled[:-1]
    below, equal = (rest < last).sum(axis=0), (rest == last).sum(axis=0)
    place = below + (equal + 1) * rng.uniform(size=last.size)
    return np.asarray(stats.norm.ppf(np.clip(place / len(pooled), 1e-12, 1 - 1e-12)))


def npde_tests(table: pd.DataFrame) -> pd.DataFrame:
    """Test whether the NPDE of each observable are standard normal.

    Parameters
    ----------
    table : DataFrame
        Of `npde`.

    Returns
    -------
    DataFrame
        observable, n, mean, variance, ``p_mean`` (Wilcoxon's signed ranks), ``p_variance``
        (chi-square), ``p_normal`` (Shapiro and Wilk; above 5000 values D'Agostino and Pearson),
        and ``p``: three times the least of them, at most 1. NaN with fewer than three values.
    """
    rows = []
    for name, part in table.groupby("observable", sort=False):
        z = part["npde"].to_numpy()
        p = three_tests(z) if z.size >= ENOUGH else (np.nan,) * 3
        variance = float(z.var(ddof=1)) if z.size > 1 else np.nan
        rows.append((name, z.size, float(z.mean()), variance, *p, np.minimum(1.0, 3 * np.min(p))))
    columns = ["observable", "n", "mean", "variance", "p_mean", "p_variance", "p_normal", "p"]
    return pd.DataFrame(rows, columns=columns)


def three_tests(z: Array) -> tuple[float, float, float]:
    """Probabilities of a mean of 0, of a variance of 1, and of the normal shape."""
    tail = stats.chi2.cdf((z.size - 1) * z.var(ddof=1), z.size - 1)
    shape = stats.shapiro(z) if z.size <= MANY else stats.normaltest(z)
    p_mean = float(stats.wilcoxon(z).pvalue)
    return p_mean, float(2 * min(tail, 1 - tail)), float(shape.pvalue)


def sentence(tests: pd.DataFrame) -> str:
    """State the outcome of the tests; of several observables, that of the worst."""
    tested = tests[tests["p"].notna()]
    if tested.empty:
        return "There are too few measurements to test their prediction distribution errors."
    worst = tested.sort_values("p").iloc[0]
    numbers = (
        f"mean {worst['mean']:.2f} (p {worst['p_mean']:.2g}), variance {worst['variance']:.2f} "
        f"(p {worst['p_variance']:.2g}), normal shape (p {worst['p_normal']:.2g})"
    )
    p = min(1.0, float(worst["p"]) * len(tests))
    which = f"of {worst['observable']}"
    if len(tests) > 1:
        which += f", the least likely of {len(tests)} observables,"
    verdict = "speaks against" if p < ALARM else "does not speak against"
    return (
        f"The distribution of prediction errors {verdict} the model: NPDE {which} have {numbers}; "
        f"p of all tests together {p:.2g}."
    )


def draw(table: pd.DataFrame, time_unit: str) -> Figure:
    """Four panels for each observable."""
    names = list(dict.fromkeys(table["observable"]))
    alone = len(names) == 1
    with style():
        panels = Panels(
            4 * len(names), columns=2 if alone else 4, size=(3.7, 2.4) if alone else (2.4, 2.1)
        )
        for k, name in enumerate(names):
            part = table[table["observable"] == name]
            time, pred, z = (part[c].to_numpy() for c in ("time", "pred", "npde"))
            over_time, over_pred, quantiles, histogram = panels.axes[4 * k : 4 * k + 4]
            exact = part["exact"].to_numpy()
            draw_over(over_time, time, z, exact, f"time [{time_unit}]", "NPDE")
            draw_over(over_pred, pred, z, exact, "PRED", "NPDE")
            draw_quantiles(quantiles, z, "NPDE")
            draw_histogram(histogram, z, "NPDE")
            over_time.set_title(name)
        panels.legend(handles(censored=not table["exact"].all()))
    return panels.figure
