"""Prior predictive check: what the priors alone predict, beside the range of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ..measuring.limits import Seen, seen
from ..percent import percent, rare
from ..predict import parameters_of
from ..prior_sample import sample_prior
from ..replicates import expected, simulate_rows, value_unit
from ..solving import values_at_rows
from .bins import cuts
from .check import Check
from .outside import quantiles
from .predictive_drawing import BANDS, draw_prior

if TYPE_CHECKING:
    from ..arrangement import Observed
    from ..problem import Problem

__all__ = ["prior_predictive"]

Array = npt.NDArray[Any]
NEAR = 10.0  # factor within which a peak has the order of magnitude of the measured one
RARE = 0.01  # share of prior curves near the data below which the priors contradict them
LISTED = 4
COLUMNS = ["observable", "low", "high", "least", "most", "near", "failed"]
CAPTION = (
    "Bands hold 50 % and 90 % of the measurements that the priors alone predict; points are the "
    "data. Bands far from the data say that the priors are wrong, bands that are decades wider "
    "that they are careless."
)


def prior_predictive(
    problem: Problem, *, level: float = 0.9, draws: int = 500, seed: int = 0
) -> Check:
    """Compare what the priors alone predict with the range of the data.

    Parameters
    ----------
    problem : Problem
    level : float
        Probability of the interval of peaks.
    draws, seed : int
        Draws from the prior.

    Returns
    -------
    Check
        ``table`` has one row per observable [unit of its values]: ``low`` and ``high``, the
        interval of the peaks of prior curves at the times of the data; ``least`` and ``most``,
        the range of the peaks measured in the subjects; ``near``, the share of prior curves that
        peak within a factor of ten of what was measured in that subject (NaN without positive
        values); ``failed``, the share of draws at which the equations cannot be solved. ``good``:
        ``near`` is at least 1 % for every quantity, and at most half of the draws failed.

    Raises
    ------
    InputError
        If the equations cannot be solved at any draw.
    """
    data = sample_prior(problem, draws=draws, seed=seed)
    f = values_at_rows(problem, parameters_of(problem, data, len(problem.arrangement.subjects)))
    values = simulate_rows(problem, data, f, np.random.default_rng([seed, 1]))
    solved = np.all([np.isfinite(v).all(axis=1) for v in f.values()], axis=0)
    if not solved.any():
        raise InputError(f"the equations cannot be solved at any of {draws} draws from the prior.")
    rows, bands, points = [], [], []
    for observed in problem.arrangement.observed:
        known = seen(problem, observed)
        curves = expected(problem, observed, f, data)[solved]
        rows.append((observed.name, *peaks(observed, known, curves, level), 1 - solved.mean()))
        bands.append(band(observed, values[observed.name][solved]))
        points.append(points_of(observed, known))
    table = pd.DataFrame(rows, columns=COLUMNS)
    units = {o.name: value_unit(problem, o) for o in problem.arrangement.observed}
    sure = table[[problem.errors[n].is_quantity for n in table["observable"]]]
    allowed = bool((sure["near"].isna() | (sure["near"] >= RARE)).all())
    drawn = pd.concat(bands, ignore_index=True), pd.concat(points, ignore_index=True)
    return Check(
        name="prior_predictive",
        title="Prior predictive check",
        sentence=sentence(sure, units, allowed, level),
        good=allowed and bool(solved.mean() >= 0.5),
        table=table,
        plot=lambda: draw_prior(*drawn, units, problem.model.time_unit),
        caption=CAPTION,
    )


def peaks(
    observed: Observed, known: Seen, curves: Array, level: float
) -> tuple[float, float, float, float, float]:
    """Peaks of prior curves and of the data, and the share of the former near the latter."""
    prior, data = [], []
    for k in np.unique(observed.subject):
        at = np.flatnonzero(observed.subject == k)
        prior.append(curves[:, at].max(axis=1))
        data.append(known.shown[at].max())
    made, measured = np.stack(prior, axis=1), np.array(data)
    tail = (1 - level) / 2
    low, high = np.quantile(made, [tail, 1 - tail])
    positive = measured > 0
    near = np.nan
    if positive.any():
        ratio = made[:, positive] / measured[positive]
        near = float(((ratio > 1 / NEAR) & (ratio < NEAR)).mean())
    return float(low), float(high), float(measured.min()), float(measured.max()), near


def band(observed: Observed, values: Array) -> pd.DataFrame:
    """Quantiles of simulated measurements in bins of time."""
    time = observed.time
    group = np.searchsorted(cuts(time, least=1), time, side="right")
    rows = []
    for k in np.unique(group):
        inside = group == k
        found = quantiles(values[:, inside].ravel(), list(BANDS.values()))
        rows.append((observed.name, float(np.median(time[inside])), *found))
    return pd.DataFrame(rows, columns=["observable", "time", *BANDS])


def points_of(observed: Observed, known: Seen) -> pd.DataFrame:
    """Measured values, with limits in place of what lies beyond them."""
    columns = {"time": observed.time, "value": known.shown, "exact": known.exact}
    return pd.DataFrame({"observable": observed.name, **columns})


def short(value: float) -> str:
    """Write a number with two digits that count.

    Examples
    --------
    >>> short(456.0), short(0.01234)
    ('460', '0.012')
    """
    return f"{float(f'{value:.2g}'):g}"


def sentence(table: pd.DataFrame, units: Mapping[str, str], allowed: bool, level: float) -> str:
    """Say where priors and data put the peaks, of the least likely observables first."""
    ordered = table.sort_values("near").head(LISTED)
    verdict = "allow" if allowed else "contradict"
    parts = []
    for row in ordered.to_dict("records"):
        unit = f" {units[row['observable']]}".rstrip()
        near = f" ({rare(row['near'])} of prior curves within a factor of ten)"
        parts.append(
            f"{row['observable']} peaks lie between {short(row['low'])} and {short(row['high'])}"
            f"{unit} in {percent(level)} of prior curves, between {short(row['least'])} and "
            f"{short(row['most'])} in the data{near if np.isfinite(row['near']) else ''}"
        )
    text = f"The priors {verdict} the data: {'; '.join(parts)}." if parts else ""
    if len(table) > LISTED:
        text += f" Named are {LISTED} of {len(table)} observables, those farthest from the data."
    failed = float(table["failed"].max()) if len(table) else 0.0
    if failed > 0:
        text += f" The equations cannot be solved at {rare(failed)} of prior draws."
    return text
