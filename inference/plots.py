"""Figures of a study and of a fit.

Each function takes the numbers it draws and returns a matplotlib ``Figure``; nothing is
computed here that a table would not also hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .drawing import CHAINS, CURVE, INK, LIMIT, PRIOR, Panels, log_wanted, set_log, style

__all__ = ["plot_data", "plot_fit", "plot_priors", "plot_ranks", "plot_traces"]

FIT_SIZE = (3.6, 2.75)
ONE = (5.4, 3.4)  # a panel alone
SMALL = (2.7, 1.75)


def plot_data(rows: pd.DataFrame, units: Mapping[str, str], time_unit: str) -> Figure:
    """Measured values over time, one panel per observable, one line per subject.

    Parameters
    ----------
    rows : DataFrame
        Columns of a study: subject, time, observable, value, lower, upper, censoring, sd, n.
    units : mapping of observable to unit
    time_unit : str

    Returns
    -------
    Figure
    """
    names = list(dict.fromkeys(rows["observable"]))
    with style():
        panels = Panels(len(names), columns=2, size=FIT_SIZE if len(names) > 1 else ONE)
        for name, axes in zip(names, panels.axes, strict=True):
            these = rows[rows["observable"] == name]
            for _, one in these.groupby("subject", sort=False):
                axes.plot(one["time"], one["value"], color=INK, lw=0.6, alpha=0.35, zorder=1)
            _points(axes, these)
            _limits(axes, these)
            _frame(axes, name, units.get(name, ""), these["value"])
        panels.label_time(f"time [{time_unit}]")
        panels.legend(_data_handles(rows))
    return panels.figure


def plot_fit(
    bands: pd.DataFrame, rows: pd.DataFrame, units: Mapping[str, str], time_unit: str
) -> Figure:
    """Fitted curves with predictive bands and the data, one panel per observable and group.

    Parameters
    ----------
    bands : DataFrame
        Columns group, observable, time, median, and ``q5 q25 q75 q95`` of the curve and
        ``p5 p95`` of new observations. ``group`` names the subjects that share a curve.
    rows : DataFrame
        As for `plot_data`, with the column ``group``.
    units : mapping of observable to unit
    time_unit : str

    Returns
    -------
    Figure
    """
    keys = list(dict.fromkeys(zip(bands["group"], bands["observable"], strict=True)))
    several = bands["group"].nunique() > 1
    with style():
        columns, size = 2 if len(keys) < 7 else 3, FIT_SIZE if len(keys) > 1 else ONE
        panels = Panels(len(keys), columns=columns, size=size)
        for (group, name), axes in zip(keys, panels.axes, strict=True):
            band = bands[(bands["group"] == group) & (bands["observable"] == name)]
            these = rows[(rows["group"] == group) & (rows["observable"] == name)]
            _band(axes, band)
            _points(axes, these)
            _limits(axes, these)
            title = f"{name}, {group}" if several else name
            spread = np.concatenate([these["value"], band["median"]])
            _frame(axes, title, units.get(name, ""), spread)
        panels.label_time(f"time [{time_unit}]")
        panels.legend([*_band_handles(rows), *_data_handles(rows)])
    return panels.figure


def _band(axes: Axes, band: pd.DataFrame) -> None:
    time = band["time"]
    axes.fill_between(time, band["p5"], band["p95"], color=CURVE, alpha=0.13, lw=0, zorder=1)
    axes.fill_between(time, band["q5"], band["q95"], color=CURVE, alpha=0.25, lw=0, zorder=2)
    axes.fill_between(time, band["q25"], band["q75"], color=CURVE, alpha=0.40, lw=0, zorder=3)
    axes.plot(time, band["median"], color=CURVE, lw=1.5, zorder=4)


def _points(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw values, with SD (thin) and SE (thick) bars for published means; open when censored."""
    means = rows[np.isfinite(rows["sd"])]
    if len(means):
        sd, se = means["sd"], means["sd"] / np.sqrt(means["n"])
        for half, width in ((sd, 0.8), (se, 2.4)):
            axes.errorbar(
                means["time"], means["value"], yerr=_bars(means["value"], half, axes),
                fmt="none", ecolor=INK, elinewidth=width, alpha=0.75, zorder=5,
            )  # fmt: skip
    between = rows[rows["censoring"] == "interval"]
    axes.vlines(between["time"], between["lower"], between["upper"], color=LIMIT, lw=1.1, zorder=5)
    marks = {"none": ("o", INK), "left": ("v", "white"), "right": ("^", "white")}
    for censoring, these in rows.groupby("censoring", sort=False):
        marker, face = marks.get(str(censoring), ("D", "white"))
        edge = INK if censoring == "none" else LIMIT
        axes.plot(
            these["time"], these["value"], marker, ms=4.2, mfc=face, mec=edge, mew=0.9, zorder=6
        )


def _bars(value: pd.Series[float], half: pd.Series[float], axes: Axes) -> npt.NDArray[np.float64]:
    """Bars down and up; a bar that would reach zero or less ends just above it."""
    down = np.minimum(half, np.where(value > 0, value * 0.999, half))
    return np.array([down, half])


def _limits(axes: Axes, rows: pd.DataFrame) -> None:
    for column in ("lower", "upper"):
        for limit in sorted(set(rows.loc[rows["censoring"] != "interval", column].dropna())):
            axes.axhline(limit, color=LIMIT, lw=0.9, ls=(0, (4, 3)), zorder=0)


def _frame(axes: Axes, title: str, unit: str, values: npt.ArrayLike) -> None:
    axes.set_title(title)
    axes.set_ylabel(f"[{unit}]" if unit else "")
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if log_wanted(finite[finite > 0]) and not (finite < 0).any():
        positive = finite[finite > 0]
        set_log(axes, "y", (positive.min() / 3, positive.max() * 3))
    elif finite.size and finite.min() >= 0:
        axes.set_ylim(bottom=0)


def _band_handles(rows: pd.DataFrame) -> list[Any]:
    new = "means" if np.isfinite(rows["sd"]).any() else "values"
    return [
        Line2D([], [], color=CURVE, lw=1.5, label="median curve"),
        Patch(color=CURVE, alpha=0.65, lw=0, label="50 % of curves"),
        Patch(color=CURVE, alpha=0.36, lw=0, label="90 % of curves"),
        Patch(color=CURVE, alpha=0.13, lw=0, label=f"90 % of new {new}"),
    ]


def _data_handles(rows: pd.DataFrame) -> list[Any]:
    handles: list[Any] = []
    plain: dict[str, Any] = {"ls": "", "mec": INK, "ms": 4.2}
    if (rows["censoring"] == "none").any():
        label = "published mean" if np.isfinite(rows["sd"]).any() else "measured value"
        handles.append(Line2D([], [], marker="o", mfc=INK, label=label, **plain))
    if np.isfinite(rows["sd"]).any():
        handles.append(Line2D([], [], color=INK, lw=2.4, label="± SE"))
        handles.append(Line2D([], [], color=INK, lw=0.8, label="± SD"))
    words = {
        "left": ("v", "below limit"),
        "right": ("^", "above limit"),
        "interval": ("D", "interval"),
    }
    for censoring, (marker, label) in words.items():
        if (rows["censoring"] == censoring).any():
            look = {**plain, "mec": LIMIT}
            handles.append(Line2D([], [], marker=marker, mfc="white", label=label, **look))
    if rows.loc[rows["censoring"] != "interval", ["lower", "upper"]].notna().to_numpy().any():
        handles.append(
            Line2D([], [], color=LIMIT, lw=0.9, ls="--", label="limit of quantification")
        )
    return handles


def plot_traces(draws: Mapping[str, npt.NDArray[np.float64]]) -> Figure:
    """Every kept draw in order, one panel per parameter, one color per chain.

    Parameters
    ----------
    draws : mapping of parameter to float64[chain, draw]

    Returns
    -------
    Figure
        The lines are pictures inside the drawing, so that long runs stay small files.
    """
    with style():
        panels = Panels(len(draws), columns=3, size=SMALL)
        for (name, values), axes in zip(draws.items(), panels.axes, strict=True):
            for chain, line in enumerate(values):
                color = CHAINS[chain % len(CHAINS)]
                axes.plot(line, color=color, lw=0.5, alpha=0.75, rasterized=True)
            axes.set_title(name)
            if log_wanted(values):
                set_log(axes)
            axes.margins(x=0.01)
        panels.label_time("draw")
    return panels.figure


def plot_ranks(ranks: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Histogram of each chain's ranks among all draws; flat when the chains agree.

    Parameters
    ----------
    ranks : DataFrame
        Columns parameter, chain, bin, share (1 when exactly even).
    names : sequence of str
        Parameters to draw, in order.

    Returns
    -------
    Figure
    """
    with style():
        panels = Panels(len(names), columns=3, size=(SMALL[0], 1.5))
        for name, axes in zip(names, panels.axes, strict=True):
            these = ranks[ranks["parameter"] == name]
            for chain, one in these.groupby("chain"):
                color = CHAINS[int(str(chain)) % len(CHAINS)]
                edges = np.arange(len(one) + 1) / len(one)
                axes.stairs(one["share"].to_numpy(), edges, color=color, lw=1.1, baseline=None)
            axes.axhline(1, color=PRIOR, lw=0.7, zorder=0)
            axes.set_title(name)
            axes.set_ylim(0, max(2.0, float(these["share"].max()) * 1.05))
            axes.set_xlim(0, 1)
            axes.set_xticks([])
        panels.label_time("rank, lowest to highest")
    return panels.figure


def plot_priors(densities: pd.DataFrame, units: Mapping[str, str]) -> Figure:
    """Posterior density over prior density, one panel per parameter.

    Parameters
    ----------
    densities : DataFrame
        Columns parameter, value, prior, posterior.
    units : mapping of parameter to unit

    Returns
    -------
    Figure
    """
    names = list(dict.fromkeys(densities["parameter"]))
    with style():
        panels = Panels(len(names), columns=3, size=SMALL)
        for name, axes in zip(names, panels.axes, strict=True):
            one = densities[densities["parameter"] == name]
            axes.fill_between(one["value"], one["posterior"], color=CURVE, alpha=0.3, lw=0)
            axes.plot(one["value"], one["posterior"], color=CURVE, lw=1.4)
            axes.plot(one["value"], one["prior"], color=PRIOR, lw=1.4, ls=(0, (4, 2)))
            axes.set_title(name)
            axes.set_xlabel(f"[{units[name]}]" if units.get(name) else "")
            if log_wanted(one["value"]):
                set_log(axes, "x")
            axes.set_ylim(bottom=0)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        panels.legend(
            [
                Patch(color=CURVE, alpha=0.5, lw=0, label="posterior: after the data"),
                Line2D([], [], color=PRIOR, lw=1.4, ls="--", label="prior: before the data"),
            ]
        )
    return panels.figure
