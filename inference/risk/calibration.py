"""Do patients with a risk of 30 % have the event in 30 % of cases? In bins, and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit
from scipy.stats import beta

from ..checks.check import Check
from ..percent import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["binned", "calibration", "isotonic", "recalibration"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
BINS, REPLICATES = 5, 500
EDGE = 1e-6
NEWTON = 25  # steps of at most 1, which is more than enough for two parameters
ALARM = 0.05  # chance to call a calibrated model miscalibrated, over both criteria


def binned(chance: Array, event: Whole, bins: int = BINS) -> pd.DataFrame:
    """Observed share in bins of about equal size.

    Parameters
    ----------
    chance : float64[subject]
    event : int64[subject]
    bins : int

    Returns
    -------
    DataFrame
        ``risk`` (mean in the bin), ``observed``, ``low`` and ``high`` (90 % interval by the
        posterior of Jeffreys), ``events``, ``patients``.
    """
    order = np.argsort(chance, kind="stable")
    rows = []
    for part in np.array_split(order, min(bins, chance.size)):
        events, n = int(event[part].sum()), part.size
        law = beta(events + 0.5, n - events + 0.5)
        low, high = float(law.ppf(0.05)), float(law.ppf(0.95))
        rows.append((chance[part].mean(), events / n, low, high, events, n))
    return pd.DataFrame(rows, columns=["risk", "observed", "low", "high", "events", "patients"])


def isotonic(chance: Array, event: Whole, grid: Array) -> Array:
    """Best rising curve of the observed share over the risk, at the points of a grid.

    Examples
    --------
    >>> isotonic(np.array([0.1, 0.9]), np.array([0, 1]), np.array([0.1, 0.9]))
    array([0., 1.])
    """
    order = np.argsort(chance, kind="stable")
    levels, place = np.unique(chance[order], return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    share = np.bincount(place, event[order]) / weight
    return np.interp(grid, levels, isotonic_regression(share, weights=weight).x)


def recalibration(chance: Array, event: Whole) -> Array:
    """Intercept and slope of the logit of the event on the logit of the risk; 0 and 1 are perfect.

    A weak normal prior (standard deviation 3 around 0 and 1) keeps them finite when all events lie
    above one risk.

    Parameters
    ----------
    chance : float64[..., subject]
    event : int64[..., subject]

    Returns
    -------
    float64[..., 2]
    """
    x = logit(np.clip(chance, EDGE, 1 - EDGE))
    design = np.stack([np.ones_like(x), x], axis=-1)
    center, at = np.array([0.0, 1.0]), np.zeros((*x.shape[:-1], 2)) + [0.0, 1.0]
    for _ in range(NEWTON):
        p = expit((design * at[..., None, :]).sum(-1))
        slope = (design * (event - p)[..., None]).sum(-2) - (at - center) / 9
        weight = (p * (1 - p))[..., None] * design
        bend = np.einsum("...ni,...nj->...ij", weight, design) + np.eye(2) / 9
        step = np.linalg.solve(bend, slope[..., None])[..., 0]
        at = at + step / np.maximum(1.0, np.abs(step).max(axis=-1, keepdims=True))
    return np.asarray(at)


def calibration(
    chance: Array, event: Whole, *, at_least: int, seed: int, model: str = "mechanistic"
) -> Check:
    """Compare predicted risks with what came.

    Parameters
    ----------
    chance : float64[subject]
        P(grade >= k), made without the patient's own grade.
    event : int64[subject]
    at_least : int
    seed : int
        Of the bootstrap over patients.
    model : str

    Returns
    -------
    Check
        Its table has the columns of `binned`; ``good`` is False when the mean difference is
        incompatible with 0 or the slope with 1, at 2.5 % each.
    """
    rng = np.random.default_rng(seed)
    picks = rng.integers(chance.size, size=(REPLICATES, chance.size))
    gap = float((event - chance).mean())
    gaps = (event - chance)[picks].mean(axis=1)
    grid = np.linspace(chance.min(), chance.max(), 60)
    curves = np.array([isotonic(chance[at], event[at], grid) for at in picks[:200]])
    slopes = recalibration(chance[picks], event[picks])[:, 1]
    slope = float(recalibration(chance, event)[1])
    large, steep = np.quantile(gaps, [0.05, 0.95]), np.quantile(slopes, [0.05, 0.95])
    good = _holds(gaps, 0.0) and _holds(slopes, 1.0)
    table = binned(chance, event)
    band = np.quantile(curves, [0.05, 0.95], axis=0)
    line = isotonic(chance, event, grid)

    def plot() -> Figure:
        return _draw(table, grid, line, band, at_least)

    return Check(
        name="calibration",
        title=f"Calibration of the risk of grade {at_least} or more",
        sentence=_sentence(model, chance, event, gap, large, slope, steep, good),
        good=good,
        table=table,
        plot=plot,
        caption=(
            "Points: observed share in bins of the predicted risk, with 90 % intervals. Line: best "
            "rising curve, with the 90 % band of a bootstrap over patients. Perfect: the diagonal."
        ),
    )


def _holds(replicates: Array, value: float) -> bool:
    """Whether a value is compatible with the replicates, at half of the allowed alarms."""
    low, high = np.quantile(replicates, [ALARM / 4, 1 - ALARM / 4])
    return bool(low <= value <= high)


def _sentence(
    model: str, chance: Array, event: Whole, gap: float, large: Array, slope: float, steep: Array,
    good: bool,
) -> str:  # fmt: skip
    verdict = "is compatible with" if good else "is not compatible with"
    return (
        f"The {model} risk {verdict} being calibrated in {event.size} patients with "
        f"{int(event.sum())} events: mean risk {percent(chance.mean())}, observed "
        f"{percent(event.mean())} (difference {gap:+.2f}, 90 % interval {large[0]:+.2f} to "
        f"{large[1]:+.2f}), slope {slope:.2f} ({steep[0]:.2f} to {steep[1]:.2f}; below 1: risks "
        "too extreme)."
    )


def _draw(table: pd.DataFrame, grid: Array, line: Array, band: Array, at_least: int) -> Figure:
    from ..drawing import CURVE, INK, PRIOR, Panels, style

    with style():
        panels = Panels(1, columns=1, size=(4.2, 3.8))
        axes = panels.axes[0]
        axes.plot([0, 1], [0, 1], color=PRIOR, linestyle="--", linewidth=1)
        axes.fill_between(grid, band[0], band[1], color=CURVE, alpha=0.18, linewidth=0)
        axes.plot(grid, line, color=CURVE)
        error = np.abs(table[["low", "high"]].to_numpy().T - table["observed"].to_numpy())
        axes.errorbar(
            table["risk"], table["observed"], yerr=error, fmt="o", color=INK, markersize=4
        )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set_xlabel(f"predicted risk of grade {at_least} or more")
        axes.set_ylabel("observed share")
        return panels.figure
