"""The figure of an exposure-response fit: curve, observed outcomes in bins, exposures below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..drawing import CHAINS, CURVE, INK, PRIOR, log_wanted, set_log, style
from .bins import binned
from .curves import Straight
from .form import read_form
from .predicted import response_curve, shown_grades
from .side_by_side import effect_of

__all__ = ["curve_table", "plot_response", "response_caption"]

Array = npt.NDArray[Any]
POINTS = 121
BANDS = {"q025": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q975": 0.975}


def curve_table(tree: xr.DataTree, *, at_least: int | None = None) -> pd.DataFrame:
    """Numbers of the curve over the range of exposures, at the means of covariates.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`.
    at_least : int, optional
        Grade of an ordinal outcome; default: each, one after the other.

    Returns
    -------
    DataFrame
        Columns exposure, q025, q25, median, q75, q975; before them ``at_least`` where several
        grades are shown.
    """
    grades = shown_grades(read_form(tree), at_least)
    if len(grades) > 1:
        each = [curve_table(tree, at_least=k).assign(at_least=k) for k in grades]
        table = pd.concat(each, ignore_index=True)
        return table[["at_least", *(c for c in table if c != "at_least")]]
    x = tree["constant_data"]["exposure"].to_numpy()
    wide = log_wanted(x) or read_form(tree).curve.positive
    grid = np.geomspace(x.min(), x.max(), POINTS) if wide and x.min() > 0 else None
    grid = np.linspace(x.min(), x.max(), POINTS) if grid is None else grid
    draws = response_curve(tree, grid, at_least=at_least)
    columns = {n: draws.quantile(q, ("chain", "draw")).to_numpy() for n, q in BANDS.items()}
    return pd.DataFrame({"exposure": grid, **columns})


def plot_response(
    tree: xr.DataTree,
    *,
    groups: npt.ArrayLike | None = None,
    at_least: int | None = None,
    bins: int = 4,
    anchor: xr.Dataset | None = None,
) -> Figure:
    """Draw the curve with bands, observed outcomes in bins, and exposures below the axis.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`.
    groups : sequence of str, optional
        Product or dose of each subject, in the order of the fit: one row of exposures each.
    at_least : int, optional
        Grade of an ordinal outcome; default: a curve for each.
    bins : int
        Of exposure, with about equal numbers of subjects.
    anchor : Dataset, optional
        A published curve to lay over it, as from `published_curve`: ``risk``, and its band from
        ``low`` to ``high`` where it has one.

    Returns
    -------
    Figure
    """
    x = tree["constant_data"]["exposure"].to_numpy()
    grades = shown_grades(read_form(tree), at_least)
    labels = np.asarray(["all"] * x.size if groups is None else groups).astype(str)
    names = list(dict.fromkeys(labels))
    unit = str(tree["constant_data"]["exposure"].attrs.get("units", ""))
    title = f"{tree.attrs['exposure_name']}{f' [{unit}]' if unit else ''}"
    wide = read_form(tree).curve.positive and bool(x.min() > 0)
    with framed(len(names), title, wide=wide) as (figure, top, below):
        for k in grades:
            _grade(top, tree, k, bins, single=len(grades) == 1)
        if anchor is not None:
            _anchor(top, anchor)
        draw_exposures(below, x, labels, names)
        top.set_ylabel(_axis(tree, grades))
        if tree.attrs["kind"] != "continuous":
            top.set_ylim(-0.03, 1.03)
        top.legend(loc="best")
    return figure


@contextmanager
def framed(rows: int, title: str, *, wide: bool) -> Iterator[tuple[Figure, Axes, Axes]]:
    """Make a figure in the style of the package: the curve above, rows of exposures below.

    Parameters
    ----------
    rows : int
        Of exposures.
    title : str
        Of the axis of exposure.
    wide : bool
        Whether that axis is logarithmic.
    """
    heights = (4.0, 0.45 + 0.28 * rows)
    with style():
        figure = Figure(figsize=(6.2, sum(heights) + 0.4), layout="constrained")
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        yield figure, top, below
        if wide:
            set_log(below, "x")
        below.set_xlabel(title)


def response_caption(tree: xr.DataTree) -> str:
    """How to read the figure, with the effect of exposure."""
    effect = effect_of(tree)
    form = read_form(tree)
    what, step = "Emax - E0", ""
    if isinstance(form.curve, Straight):
        per = {"identity": "unit", "log": "e-fold exposure", "log10": "tenfold exposure"}
        odds = form.kind.name != "continuous"
        what = "Slope (log-odds)" if odds else "Slope"
        step = f" per {per[form.curve.transform]}"
    held = f" Covariates ({', '.join(form.terms)}) are at their means." if form.terms else ""
    return (
        "Curve: median and 50 % and 95 % credible bands. Points: observed in bins of exposure with "
        "about equal numbers of patients, with 95 % intervals. Below: the exposures. "
        f"{what} {effect['median']:.3g} (95 % interval {effect['low']:.3g} to "
        f"{effect['high']:.3g}){step}.{held}"
    )


def _grade(axes: Axes, tree: xr.DataTree, k: int, bins: int, *, single: bool) -> None:
    """Draw curve and observed outcomes of one grade or higher, or those of the whole outcome."""
    x = tree["constant_data"]["exposure"].to_numpy()
    y = tree["observed_data"]["outcome"].to_numpy()
    number = tree.attrs["kind"] == "continuous"
    y = y if number else (y >= k).astype(float)
    color = CURVE if single else CHAINS[(k - 1) % len(CHAINS)]
    draw_bands(
        axes, curve_table(tree, at_least=k), color, "fitted curve" if single else f"grade >= {k}"
    )
    draw_observed(axes, x, y, bins, color, single=single, number=number)


def draw_observed(
    axes: Axes, x: Array, y: Array, bins: int, color: str, *, single: bool, number: bool
) -> None:
    """Draw outcomes in bins of exposure, and each of them where there is one curve only."""
    if single:
        shift = 0.0 if number else np.where(y > 0, 0.015, -0.015)
        axes.plot(x, y + shift, "." if number else "|", color=INK, ms=5, alpha=0.35)
    table = binned(x, y, bins=bins, proportion=not number)
    spread = [table["observed"] - table["lower"], table["upper"] - table["observed"]]
    axes.errorbar(
        table["middle"], table["observed"], spread, fmt="o", color=INK if single else color, ms=5,
        lw=1.2, capsize=2.5, label="observed" if single else None,
    )  # fmt: skip


def draw_bands(axes: Axes, table: pd.DataFrame, color: str, label: str) -> None:
    """Draw median and credible bands."""
    x = table["exposure"]
    axes.fill_between(x, table["q025"], table["q975"], color=color, alpha=0.15, lw=0)
    axes.fill_between(x, table["q25"], table["q75"], color=color, alpha=0.3, lw=0)
    axes.plot(x, table["median"], color=color, lw=1.6, label=label)


def _anchor(axes: Axes, anchor: xr.Dataset) -> None:
    """Draw a published curve, with its band where it has one."""
    name = str(anchor.attrs.get("name", "published"))
    if {"low", "high"} <= set(anchor.data_vars):
        ends = anchor["low"], anchor["high"]
        axes.fill_between(anchor["exposure"], *ends, color=PRIOR, alpha=0.18, lw=0)
    axes.plot(anchor["exposure"], anchor["risk"], color=PRIOR, lw=1.2, ls="--", label=name)


def draw_exposures(axes: Axes, x: Array, labels: Array, names: list[str]) -> None:
    """One box per group, with its patients."""
    rng = np.random.default_rng(0)
    rows = range(len(names), 0, -1)
    for k, (row, name) in enumerate(zip(rows, names, strict=True)):
        own, color = x[labels == name], CHAINS[k % len(CHAINS)]
        low, median, high = np.quantile(own, [0.25, 0.5, 0.75])
        axes.plot([low, high], [row, row], color=color, lw=7, alpha=0.35, solid_capstyle="butt")
        axes.plot([median], [row], "|", color=color, ms=11, mew=2)
        axes.plot(own, row + rng.uniform(-0.18, 0.18, own.size), ".", color=color, ms=3, alpha=0.7)
    axes.set_yticks(list(rows), [f"{n} ({int((labels == n).sum())})" for n in names])
    axes.set_ylim(0.4, len(names) + 0.6)


def _axis(tree: xr.DataTree, grades: tuple[int, ...]) -> str:
    """Name of the outcome."""
    name, scale = str(tree.attrs["outcome_name"]), str(tree.attrs["scale"])
    if tree.attrs["kind"] == "continuous":
        return name
    if tree.attrs["kind"] == "binary":
        return f"probability of {name}"
    grade = str(grades[0]) if len(grades) == 1 else "k"
    return f"P({name} >= {grade}){f', {scale}' if scale else ''}"
