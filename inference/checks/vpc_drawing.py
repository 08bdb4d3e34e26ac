"""The picture of a visual predictive check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing import CHAINS, INK, LIMIT, log_wanted, set_log, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AT_LEAST", "draw_vpc"]

WIDTH, HEIGHT, STRIP = 3.7, 2.6, 0.95  # inches of a panel, and of the shares below it
MIDDLE, OUTER = "#E69F00", "#56B4E9"  # of Okabe and Ito, as in `drawing`
SHARES = {"below": (OUTER, "v"), "above": (MIDDLE, "^")}
AT_LEAST = "at least"  # statistics of graded outcomes begin with it
DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)))


def draw_vpc(
    table: pd.DataFrame,
    points: pd.DataFrame,
    units: Mapping[str, str],
    time_unit: str,
    *,
    log: bool | None,
    corrected: bool,
) -> Figure:
    """Draw bands of simulated percentiles, lines of observed ones, and shares beyond limits.

    Parameters
    ----------
    table, points : DataFrame
        As `vpc` makes them.
    units : mapping of observable to unit
    time_unit : str
    log : bool, optional
    corrected : bool
        Values are scaled.

    Returns
    -------
    Figure
    """
    keys = list(dict.fromkeys(zip(table["observable"], table["stratum"], strict=True)))
    scales = {name: _scale(table, points, name, log) for name in dict.fromkeys(n for n, _ in keys)}
    across = min(2, len(keys))
    down = -(-len(keys) // across)
    strips = bool(table["statistic"].isin(list(SHARES)).any())
    heights = [HEIGHT, STRIP] if strips else [HEIGHT]
    with style():
        size = ((5.4 if across == 1 else WIDTH * across), sum(heights) * down + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        grid = GridSpec(len(heights) * down, across, figure, height_ratios=heights * down)
        for k, (name, stratum) in enumerate(keys):
            row, column = divmod(k, across)
            first, last = len(heights) * row, len(heights) * (row + 1) - 1
            these = _of(table, name, stratum)
            beyond = bool(these["statistic"].isin(list(SHARES)).any())
            axes = figure.add_subplot(grid[first if beyond else slice(first, last + 1), column])
            if _is_outcome(these):
                _outcome(axes, these)
            else:
                _panel(axes, these, _of(points, name, stratum), scales[name], not corrected)
                axes.set_ylabel(f"[{units[name]}]" if units.get(name) else "")
            axes.set_title(f"{name}, {stratum}" if stratum else name)
            if beyond:
                axes.tick_params(labelbottom=False)
                axes = _strip(figure.add_subplot(grid[last, column], sharex=axes), these)
            if k >= len(keys) - across:
                axes.set_xlabel(f"time [{time_unit}]" if time_unit else "time")
        figure.legend(handles=_handles(table), loc="outside upper left", ncols=3)
    return figure


def _of(table: pd.DataFrame, name: str, stratum: str) -> pd.DataFrame:
    return table[(table["observable"] == name) & (table["stratum"] == stratum)]


def _is_outcome(table: pd.DataFrame) -> bool:
    return bool(table["statistic"].str.startswith(AT_LEAST).any())


def _outcome(axes: Axes, table: pd.DataFrame) -> None:
    """Shares with at least each grade."""
    for place, statistic in enumerate(dict.fromkeys(table["statistic"])):
        one = table[table["statistic"] == statistic]
        _band(axes, one["time"], one["low"], one["high"], CHAINS[place % len(CHAINS)])
        axes.plot(one["time"], one["observed"], color=INK, lw=1.3, marker=".", ms=4, zorder=4)
        last = one.iloc[-1]
        axes.annotate(
            f" {statistic}", (last["time"], last["observed"]), fontsize=8, va="center", zorder=6
        )
        bad = one[one["outside"] != 0]
        axes.plot(bad["time"], bad["observed"], "o", ms=8, mfc="none", mec=LIMIT, mew=1.4, zorder=5)
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel("share")


@dataclass(frozen=True)
class _Scale:
    """Axis of the values of one observable, the same in all its strata."""

    log: bool
    bottom: float
    top: float


def _scale(table: pd.DataFrame, points: pd.DataFrame, name: str, log: bool | None) -> _Scale:
    """Choose the axis of an observable."""
    shown = points.loc[points["observable"] == name, "value"].to_numpy()
    shown = shown[np.isfinite(shown)]
    positive = shown[shown > 0]
    wanted = log_wanted(positive) and not (shown < 0).any() if log is None else log
    own = table[table["observable"] == name]
    return _Scale(bool(wanted), *_ends(own, positive if wanted else shown, bool(wanted)))


def _panel(
    axes: Axes, table: pd.DataFrame, points: pd.DataFrame, scale: _Scale, limits: bool
) -> None:
    """Percentiles of one observable in one stratum."""
    wanted, bottom, top = scale.log, scale.bottom, scale.top
    exact = points[points["exact"]]
    axes.plot(exact["time"], exact["value"], ".", ms=4, color=INK, alpha=0.3, mew=0, zorder=1)
    percentiles = [s for s in dict.fromkeys(table["statistic"]) if s not in SHARES]
    for place, statistic in enumerate(percentiles):
        one = table[table["statistic"] == statistic]
        color = MIDDLE if 2 * place + 1 == len(percentiles) else OUTER
        low, high = (np.clip(one[c], bottom, top) for c in ("low", "high"))
        _band(axes, one["time"], low, high.where(one["high"] > -np.inf), color)
        seen = one["observed"].where(one["drawn"])
        dashes: Any = DASHES[min(abs(2 * place + 1 - len(percentiles)) // 2, 2)]
        axes.plot(one["time"], seen, color=INK, lw=1.3, ls=dashes, marker=".", ms=4, zorder=4)
        bad = one["drawn"] & (one["outside"] != 0)
        axes.plot(one["time"][bad], seen[bad], "o", ms=8, mfc="none", mec=LIMIT, mew=1.4, zorder=5)
    if limits:
        for limit in np.unique(points[["lower", "upper"]].to_numpy()):
            if np.isfinite(limit):
                axes.axhline(limit, color=LIMIT, lw=0.9, ls=(0, (4, 3)), zorder=0)
    if wanted:
        set_log(axes, "y", (bottom, top))
    else:
        axes.set_ylim(bottom, top)


def _ends(table: pd.DataFrame, shown: Any, log: bool) -> tuple[float, float]:
    """Find the ends of the axis: all points, and the bands within reason."""
    if not shown.size:
        return (0.1, 10.0) if log else (0.0, 1.0)
    bands = table.loc[~table["statistic"].isin(list(SHARES)), ["low", "high"]].to_numpy()
    bands = bands[np.isfinite(bands) & ((bands > 0) | (not log))]
    low, high = min(shown.min(), bands.min(initial=np.inf)), max(shown.max(), bands.max(initial=0))
    if log:
        return float(max(low, shown.min() / 30) / 1.5), float(min(high, shown.max() * 30) * 1.5)
    margin = 0.05 * (high - low) or 1.0
    return (0.0 if low >= 0 else float(low - margin)), float(high + margin)


def _band(axes: Axes, time: Any, low: Any, high: Any, color: str) -> None:
    if len(time) == 1:
        axes.vlines(time, low, high, color=color, alpha=0.5, lw=14, zorder=2)
    else:
        axes.fill_between(time, low, high, color=color, alpha=0.4, lw=0, zorder=2)


def _strip(axes: Axes, table: pd.DataFrame) -> Axes:
    """Shares beyond the limits of quantification."""
    for statistic, (color, marker) in SHARES.items():
        one = table[table["statistic"] == statistic]
        if not len(one):
            continue
        _band(axes, one["time"], one["low"], one["high"], color)
        axes.plot(one["time"], one["observed"], color=INK, lw=1.1, marker=marker, ms=4, zorder=4)
        bad = one[one["outside"] != 0]
        axes.plot(bad["time"], bad["observed"], "o", ms=8, mfc="none", mec=LIMIT, mew=1.4, zorder=5)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_ylabel("beyond limit", fontsize=8)
    return axes


def _handles(table: pd.DataFrame) -> list[Any]:
    """Explain the marks that occur."""
    kinds = set(table["statistic"])
    percentiles = [s for s in dict.fromkeys(table["statistic"]) if s.endswith("%")]
    handles: list[Any] = [
        Line2D([], [], color=INK, lw=1.3, marker=".", label="percentiles of the data"),
        Patch(color=OUTER, alpha=0.4, lw=0, label="simulated, outer percentiles"),
    ]
    if len(percentiles) % 2:
        middle = percentiles[len(percentiles) // 2]
        handles.append(Patch(color=MIDDLE, alpha=0.4, lw=0, label=f"simulated, {middle}"))
    for statistic, (_, marker) in SHARES.items():
        if statistic in kinds:
            label = f"share {statistic} the limit"
            handles.append(Line2D([], [], color=INK, lw=1.1, marker=marker, ms=4, label=label))
    if (table["outside"] != 0).any():
        look: dict[str, Any] = {"mfc": "none", "mec": LIMIT, "mew": 1.4, "ms": 8}
        handles.append(Line2D([], [], ls="", marker="o", label="outside", **look))
    return handles
