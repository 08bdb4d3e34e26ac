"""Pictures of the prior and of the posterior predictive check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing import CURVE, INK, LIMIT, PRIOR, Panels, log_wanted, set_log, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BANDS", "draw_posterior", "draw_prior"]

Array = npt.NDArray[Any]
BANDS = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
SPAN = 1e6  # of the axis around the data, at most: careless priors reach beyond it


def draw_prior(
    bands: pd.DataFrame, points: pd.DataFrame, units: Mapping[str, str], time_unit: str
) -> Figure:
    """Draw prior predictive bands and the data, one panel per observable.

    Parameters
    ----------
    bands : DataFrame
        Columns observable, time, and those of `BANDS`.
    points : DataFrame
        Columns observable, time, value, exact.
    units : mapping of observable to unit
    time_unit : str

    Returns
    -------
    Figure
    """
    names = list(dict.fromkeys(bands["observable"]))
    with style():
        size = (3.7, 2.6) if len(names) > 1 else (5.4, 3.2)
        panels = Panels(len(names), columns=2, size=size)
        for name, axes in zip(names, panels.axes, strict=True):
            own, data = (t[t["observable"] == name] for t in (bands, points))
            _prior_panel(axes, own, data)
            axes.set_title(name)
            axes.set_ylabel(f"[{units[name]}]" if units.get(name) else "")
        panels.label_time(f"time [{time_unit}]" if time_unit else "time")
        panels.legend(_prior_handles(censored=not points["exact"].all()))
    return panels.figure


def _prior_panel(axes: Axes, band: pd.DataFrame, data: pd.DataFrame) -> None:
    edges = {n: band[n].to_numpy() for n in BANDS}
    time = band["time"].to_numpy()
    value = data["value"].to_numpy()
    reach = np.concatenate([value, edges["p5"], edges["p95"]])
    positive = reach[np.isfinite(reach) & (reach > 0)]
    if log_wanted(positive) and not (value < 0).any():
        low, high = _ends(positive, value[value > 0])
        edges = {n: np.clip(e, low, high) for n, e in edges.items()}
        set_log(axes, "y", (low, high))
    for inner, outer, strength in (("p5", "p95", 0.25), ("p25", "p75", 0.35)):
        if time.size == 1:
            axes.vlines(time, edges[inner], edges[outer], color=PRIOR, alpha=strength, lw=14)
        else:
            axes.fill_between(time, edges[inner], edges[outer], color=PRIOR, alpha=strength, lw=0)
    axes.plot(time, edges["median"], color=INK, lw=1.2, ls=(0, (4, 2)))
    exact = data[data["exact"]]
    axes.plot(exact["time"], exact["value"], ".", ms=4, color=CURVE, alpha=0.7, mew=0, zorder=4)
    other = data[~data["exact"]]
    axes.plot(other["time"], other["value"], "v", ms=3.5, mfc="white", mec=LIMIT, mew=0.7, zorder=4)


def _ends(positive: Array, value: Array) -> tuple[float, float]:
    """Find the ends of a logarithmic axis: all bands, within reason."""
    low, high = float(positive.min()), float(positive.max())
    if value.size:
        low, high = max(low, float(value.min()) / SPAN), min(high, float(value.max()) * SPAN)
    return low / 1.5, high * 1.5


def _prior_handles(*, censored: bool) -> list[Any]:
    found: list[Any] = [
        Line2D([], [], ls="", marker=".", color=CURVE, label="measured value"),
        Line2D([], [], color=INK, lw=1.2, ls="--", label="prior median"),
        Patch(color=PRIOR, alpha=0.5, lw=0, label="50 % of prior"),
        Patch(color=PRIOR, alpha=0.25, lw=0, label="90 % of prior"),
    ]
    if censored:
        look: dict[str, Any] = {"ls": "", "mfc": "white", "mec": LIMIT, "ms": 4}
        found.insert(1, Line2D([], [], marker="v", label="censored, at its limit", **look))
    return found


def draw_posterior(table: pd.DataFrame, units: Mapping[str, str], time_unit: str) -> Figure:
    """Draw what simulated courses give over what measured ones gave.

    Parameters
    ----------
    table : DataFrame
        As from `posterior_predictive`.
    units : mapping of observable to unit
    time_unit : str

    Returns
    -------
    Figure
        One panel for each observable and statistic.
    """
    keys = list(dict.fromkeys(zip(table["observable"], table["statistic"], strict=True)))
    with style():
        panels = Panels(len(keys), columns=3, size=(2.8, 2.4))
        for (name, statistic), axes in zip(keys, panels.axes, strict=True):
            one = table[(table["observable"] == name) & (table["statistic"] == statistic)]
            unit = {"time of peak": time_unit, "below": ""}.get(statistic, units.get(name, ""))
            _scatter(axes, one)
            axes.set_title(f"{name}, {statistic}")
            axes.set_xlabel(f"measured [{unit}]" if unit else "measured")
            axes.set_ylabel("simulated")
        look: dict[str, Any] = {"ls": "", "mfc": "none", "mec": LIMIT, "mew": 1.3, "ms": 8}
        panels.legend(
            [
                Line2D([], [], color=CURVE, marker="o", ms=3.5, label="subject, with interval"),
                Line2D([], [], color=PRIOR, lw=0.9, label="the same"),
                Line2D([], [], marker="o", label="outside", **look),
            ]
        )
    return panels.figure


def _scatter(axes: Axes, one: pd.DataFrame) -> None:
    """Intervals over measured values; what lies beyond a limit stands at the edge."""
    columns = [one[c].to_numpy() for c in ("observed", "low", "median", "high")]
    every = np.concatenate(columns)
    finite = every[np.isfinite(every)]
    if not finite.size:
        axes.text(0.5, 0.5, "all beyond the limit", ha="center", transform=axes.transAxes)
        return
    log = log_wanted(finite[finite > 0]) and finite.min() > 0
    low, high = float(finite.min()), float(finite.max())
    gap = (high - low) or max(abs(high), 1.0)
    low, high = (low / 1.4, high * 1.4) if log else (low - 0.06 * gap, high + 0.06 * gap)
    x, bottom, middle, top = (np.clip(c, low, high) for c in columns)
    axes.plot([low, high], [low, high], color=PRIOR, lw=0.9, zorder=1)
    axes.vlines(x, bottom, top, color=CURVE, lw=1.1, alpha=0.55, zorder=2)
    axes.plot(x, middle, "o", ms=3.5, color=CURVE, alpha=0.8, mew=0, zorder=3)
    bad = one["outside"].to_numpy() != 0
    axes.plot(x[bad], middle[bad], "o", ms=8, mfc="none", mec=LIMIT, mew=1.3, zorder=4)
    for which in ("x", "y"):
        if log:
            set_log(axes, which, (low, high))
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
