"""A figure of a study: one panel per observable, one line per subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import StudyError
from .wording import closest, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .study import Study

__all__ = ["draw_study"]

PANELS = 12
SPAN = 50.0  # largest over smallest value from which on an axis is logarithmic
# Okabe and Ito's palette: distinct for every kind of color vision.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#555555")
LIMIT, RESET = "#D55E00", "#CC79A7"
DOSES = ("#333333", "#0072B2", "#009E73", "#E69F00")  # by target, in the order of the study
CENSORED = {"left": "v", "right": "^", "interval": "D"}


def draw_study(
    study: Study,
    observables: Sequence[str] | None = None,
    *,
    columns: int = 3,
    log: bool | None = None,
) -> Figure:
    """Draw a study, as `Study.plot` describes it.

    Parameters
    ----------
    study : Study
    observables : sequence of str, optional
        Default all, at most 12.
    columns : int
        Panels side by side.
    log : bool, optional
        Logarithmic axis of values; default by their span.

    Returns
    -------
    Figure

    Raises
    ------
    StudyError
        If an observable is unknown.
    """
    from matplotlib.figure import Figure

    names = list(study.observables[:PANELS] if observables is None else observables)
    for name in names:
        if name not in study.observables:
            guess = closest(name, study.observables)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise StudyError(f"there is no observable {shown(name)}.{hint}")
    rows, doses = study.to_frame(), study.to_frame("doses")
    wide = max(1, min(columns, len(names)))
    high = -(-len(names) // wide)
    figure = Figure(figsize=(4.0 * wide, 2.9 * high + 0.5), layout="constrained")
    axes = figure.subplots(high, wide, squeeze=False, sharex=True).ravel()
    for axis, name in zip(axes, names, strict=False):
        _panel(axis, name, rows[rows["observable"] == name], doses, log)
    for axis in axes[len(names) :]:
        axis.remove()
    for axis in axes[max(0, len(names) - wide) : len(names)]:
        axis.set_xlabel(f"time [{study.time_unit}]" if study.time_unit else "time")
        axis.tick_params(labelbottom=True)
    if len(names) < len(study.observables) and observables is None:
        figure.text(
            0.99, 0.005, f"{len(names)} of {len(study.observables)} observables", ha="right"
        )
    _legend(figure, rows[rows["observable"].isin(names)], doses)
    return figure


def _panel(
    axis: Axes, name: str, rows: pd.DataFrame, doses: pd.DataFrame, log: bool | None
) -> None:
    """Lines of subjects, censored values, limits, doses and resets of one observable."""
    subjects = rows["subject"].drop_duplicates().tolist()
    faint = 1.0 if len(subjects) <= len(COLORS) else max(0.15, 6 / len(subjects))
    for k, (_, part) in enumerate(rows.groupby("subject", sort=False)):
        part = part.sort_values("time", kind="stable")
        color = COLORS[k % len(COLORS)]
        axis.plot(part["time"], part["value"], "-", color=color, lw=0.9, alpha=faint)
        seen = part[part["censoring"] == "none"]
        if seen["sd"].notna().any():
            axis.errorbar(
                seen["time"], seen["value"], seen["sd"], fmt="o", ms=3, color=color, alpha=faint
            )
        else:
            axis.plot(seen["time"], seen["value"], "o", ms=2.5, color=color, alpha=faint)
    for side, marker in CENSORED.items():
        part = rows[rows["censoring"] == side]
        axis.plot(part["time"], part["value"], marker, ms=4.5, mfc="none", mec=LIMIT, mew=0.9)
    _limits(axis, rows)
    _given(axis, doses[doses["subject"].isin(subjects)], _colors(doses))
    value = rows["value"].to_numpy()
    wanted = value.min() > 0 and value.max() > SPAN * value.min() if log is None else log
    if wanted and value.max() > 0:
        axis.set_yscale("log", nonpositive="mask")
    unit = str(rows["unit"].iloc[0])
    axis.set_title(name, loc="left", fontsize=10, fontweight="bold", parse_math=False)
    axis.set_ylabel(unit, parse_math=False)
    axis.spines[["top", "right"]].set_visible(False)


def _limits(axis: Axes, rows: pd.DataFrame) -> None:
    """Limits of quantification as dashed lines, at most five different ones."""
    for column in ("lower", "upper"):
        for limit in rows[column].dropna().value_counts().index[:5]:
            axis.axhline(float(limit), color=LIMIT, ls=(0, (4, 3)), lw=0.8, zorder=0)


def _given(axis: Axes, doses: pd.DataFrame, colors: dict[str, str]) -> None:
    """Doses as triangles along the top, infusions as bars, resets as vertical lines."""
    top = axis.get_xaxis_transform()
    for target, given in doses[doses["kind"] != "reset"].groupby("target", sort=False):
        color = colors[str(target)]
        times = [_times(given, k) for k in range(len(given))]
        ticks = np.unique(np.concatenate(times))
        height = np.ones(len(ticks))
        axis.plot(ticks, height, "v", color=color, ms=6, transform=top, clip_on=False)
        paced = given["rate"] > 0
        length = given["duration"].mask(paced, given["amount"] / given["rate"].abs())
        bars = {(t, s) for ts, s in zip(times, length, strict=True) for t in ts if s > 0}
        for start, span in sorted(bars):
            ends = [start, start + span]
            axis.plot(ends, [1, 1], color=color, lw=2.5, transform=top, clip_on=False)
    for time in doses.loc[doses["kind"] != "dose", "time"].drop_duplicates():
        axis.axvline(float(time), color=RESET, ls=":", lw=1.0)


def _colors(doses: pd.DataFrame) -> dict[str, str]:
    """Color of each target of doses."""
    targets = doses.loc[doses["kind"] != "reset", "target"].drop_duplicates()
    return {str(t): DOSES[k % len(DOSES)] for k, t in enumerate(targets)}


def _times(doses: pd.DataFrame, k: int) -> npt.NDArray[np.float64]:
    """List the times of a repeated dose, at most the first thousand."""
    row = doses.iloc[k]
    steps = np.arange(min(int(row["count"]), 1000), dtype=np.float64)
    return float(row["time"]) + float(row["interval"]) * steps


def _legend(figure: Figure, rows: pd.DataFrame, doses: pd.DataFrame) -> None:
    """Explain the marks that occur."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], ls="", marker=marker, mfc="none", mec=LIMIT, label=f"{side}-censored")
        for side, marker in CENSORED.items()
        if (rows["censoring"] == side).any()
    ]
    if rows[["lower", "upper"]].notna().any(axis=None):
        marks.append(Line2D([], [], color=LIMIT, ls="--", lw=0.8, label="limit of quantification"))
    colors = list(_colors(doses).items())[:4]
    for target, color in colors:
        label = f"dose into {target}" if len(colors) > 1 else "dose"
        marks.append(Line2D([], [], ls="", marker="v", color=color, ms=6, label=label))
    if (doses["kind"] != "dose").any():
        marks.append(Line2D([], [], color=RESET, ls=":", label="reset"))
    if marks:
        across = min(len(marks), 1 + int(figure.get_figwidth() / 2))
        legend = figure.legend(
            handles=marks, loc="outside upper right", ncols=across, frameon=False, fontsize=8
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
