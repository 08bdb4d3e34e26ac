"""Panels of residuals that should be standard normal: over something, by quantile, as histogram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy import stats

from ..drawing import CURVE, INK, LIMIT, PRIOR, log_wanted, set_log
from .bins import cuts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_histogram", "draw_over", "draw_quantiles", "handles"]

Array = npt.NDArray[Any]
TREND, BAND = "#E69F00", "#56B4E9"
WIDE = 1.96  # 95 % of a standard normal
LEAST = 10  # residuals behind a point of the trend


def draw_over(axes: Axes, x: Array, z: Array, exact: Array, label: str, title: str) -> None:
    """Residuals over time or a prediction, with the median of each bin.

    Parameters
    ----------
    axes : Axes
    x, z : float64[n]
    exact : bool[n]
        False where a censored value was drawn.
    label : str
        Of the horizontal axis.
    title : str
        Name of the residuals.
    """
    axes.axhspan(-WIDE, WIDE, color=PRIOR, alpha=0.13, lw=0, zorder=0)
    axes.axhline(0, color=PRIOR, lw=0.8, zorder=1)
    axes.plot(x[exact], z[exact], ".", ms=4, color=INK, alpha=0.45, mew=0, zorder=2)
    axes.plot(x[~exact], z[~exact], "v", ms=3.5, mfc="white", mec=LIMIT, mew=0.7, zorder=2)
    if log_wanted(x):
        set_log(axes, "x")
    if z.size >= 2 * LEAST:
        draw_trend(axes, x, z)
    axes.set_xlabel(label)
    axes.set_ylabel(title)
    reach = max(3.3, float(np.abs(z).max(initial=0)) * 1.05)
    axes.set_ylim(-reach, reach)


def draw_trend(axes: Axes, x: Array, z: Array, *, bars: bool = True) -> None:
    """Medians of bins and the 95 % intervals they have if nothing depends on x."""
    x = np.array([float(f"{v:.6g}") for v in x])  # typical predictions that differ by rounding
    group = np.searchsorted(cuts(x, least=LEAST), x, side="right")
    found = np.unique(group)
    middle = np.array([np.median(x[group == k]) for k in found])
    typical = np.array([np.median(z[group == k]) for k in found])
    axes.plot(middle, typical, color=TREND, lw=1.6, marker="o", ms=3.5, zorder=4)
    if bars:
        error = np.array([1.253 * WIDE / np.sqrt((group == k).sum()) for k in found])
        axes.errorbar(
            middle, 0 * middle, error, fmt="none", ecolor=CURVE, elinewidth=1.1, capsize=3, zorder=3
        )


def draw_quantiles(axes: Axes, z: Array, title: str) -> None:
    """Ordered residuals over normal quantiles, with the 95 % interval of each order statistic."""
    n, ordered = z.size, np.sort(z)
    rank = np.arange(1, n + 1)
    expected = stats.norm.ppf((rank - 0.5) / n)
    low, high = (stats.norm.ppf(stats.beta.ppf(p, rank, n + 1 - rank)) for p in (0.025, 0.975))
    axes.fill_between(expected, low, high, color=BAND, alpha=0.4, lw=0, zorder=1)
    axes.plot(expected, ordered, ".", ms=4, color=INK, mew=0, zorder=3)
    axes.axline((0, 0), slope=1, color=PRIOR, lw=0.8, zorder=2)
    axes.set_xlabel("normal quantile")
    axes.set_ylabel(title)


def draw_histogram(axes: Axes, z: Array, title: str) -> None:
    """Histogram of residuals under the standard normal density."""
    count = int(np.clip(np.sqrt(z.size), 5, 30))
    axes.hist(z, bins=count, density=True, color=CURVE, alpha=0.35, lw=0)
    reach = max(3.3, float(np.abs(z).max(initial=0)) * 1.05)
    x = np.linspace(-reach, reach, 200)
    axes.plot(x, stats.norm.pdf(x), color=INK, lw=1.2)
    axes.set_xlabel(title)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def handles(censored: bool) -> list[Any]:
    """Explain the marks."""
    found: list[Any] = [Line2D([], [], ls="", marker=".", color=INK, label="residual")]
    if censored:
        look: dict[str, Any] = {"ls": "", "mfc": "white", "mec": LIMIT, "ms": 4}
        found.append(Line2D([], [], marker="v", label="censored: drawn", **look))
    found.append(Line2D([], [], color=TREND, lw=1.6, marker="o", ms=3.5, label="median of a bin"))
    found.append(Line2D([], [], color=CURVE, lw=1.1, label="its 95 % interval around 0"))
    found.append(Patch(color=PRIOR, alpha=0.2, lw=0, label="95 % of residuals"))
    return found
