"""Figures of virtual trials, counterfactuals and regimens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing import CHAINS, CURVE, INK, LIMIT, PRIOR, Panels, log_wanted, set_log, style

if TYPE_CHECKING:
    from .choice import Choice
    from .counterfactual import Counterfactual
    from .trial import Trial

__all__ = ["plot_choice", "plot_counterfactual", "plot_trial"]

ROW = 0.34  # inches of one arm


def plot_trial(trial: Trial) -> Figure:
    """Draw one panel per endpoint, one line per arm, both layers of uncertainty.

    Parameters
    ----------
    trial : Trial
    """
    table = trial.characteristics()
    places = np.arange(len(trial.arms))[::-1]
    with style():
        panels = Panels(len(trial.endpoints), columns=2, size=(4.6, 1.0 + ROW * len(trial.arms)))
        for e, axes in zip(trial.endpoints, panels.axes, strict=True):
            rows = table[table["endpoint"] == e.name]
            axes.hlines(
                places, 100 * rows["trial_lower"], 100 * rows["trial_upper"], color=PRIOR, lw=1.2
            )
            axes.hlines(places, 100 * rows["lower"], 100 * rows["upper"], color=CURVE, lw=4)
            axes.plot(100 * rows["probability"], places, "o", color=INK, ms=5)
            axes.set_title(e.name)
            axes.set_yticks(places, trial.arms)
            axes.set_ylim(-0.7, len(trial.arms) - 0.3)
            axes.set_xlim(0, max(5.0, 105 * rows["trial_upper"].max()))
            axes.set_xlabel("patients [%]")
        panels.legend(
            [
                Line2D([], [], color=CURVE, lw=4, label="unknown parameters, 90 %"),
                Line2D([], [], color=PRIOR, lw=1.2, label=f"one trial of {trial.design.n}, 90 %"),
            ]
        )
    return panels.figure


def plot_counterfactual(result: Counterfactual, observable: str, subjects: int = 6) -> Figure:
    """Draw the course of some patients as it was and as it would have been.

    Parameters
    ----------
    result : Counterfactual
    observable : str
    subjects : int
        Those in whom the peak changes most.
    """
    before, after = (c[observable] for c in (result.before, result.after))
    first, second = (c.max("time").median("sample").to_numpy() for c in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.nan_to_num(np.abs(np.log(second / first)), posinf=0.0)
    chosen = before["subject"].to_numpy()[np.argsort(-moved, kind="stable")][:subjects]
    with style():
        panels = Panels(len(chosen), columns=3, size=(3.1, 2.3))
        for subject, axes in zip(chosen, panels.axes, strict=True):
            shown = []
            for course, color in ((before, PRIOR), (after, CURVE)):
                values = course.sel(subject=subject).transpose("sample", "time").to_numpy()
                low, middle, high = np.nanquantile(values, (0.05, 0.5, 0.95), axis=0)
                axes.fill_between(result.times, low, high, color=color, alpha=0.2, lw=0)
                axes.plot(result.times, middle, color=color, lw=1.5)
                shown.append(middle)
            if log_wanted(np.concatenate(shown)):
                set_log(axes)
            axes.set_title(str(subject))
        panels.label_time(f"time [{result.time_unit}]")
        panels.legend(
            [
                Line2D([], [], color=PRIOR, label=f"{observable} as fitted"),
                Line2D([], [], color=CURVE, label=f"with {result.name}"),
            ]
        )
    return panels.figure


def plot_choice(choice: Choice) -> Figure:
    """Draw the trade-off of benefit and harm, the front, and how sure the best candidate is.

    Parameters
    ----------
    choice : Choice
    """
    table = choice.table
    with style():
        panels = Panels(2, columns=2, size=(4.3, 3.4))
        left, right = panels.axes
        left.plot(100 * table["harm"], 100 * table["benefit"], "o", color=PRIOR, ms=4, alpha=0.6)
        front = table[table["on_front"]].sort_values("harm")
        left.plot(100 * front["harm"], 100 * front["benefit"], "-o", color=CURVE, ms=5, lw=1.2)
        best = table.loc[choice.best]
        left.plot(100 * best["harm"], 100 * best["benefit"], "D", color=LIMIT, ms=8)
        left.set_xlabel(f"{choice.harm} [% of patients]")
        left.set_ylabel(f"{choice.benefit} [% of patients]")
        left.set_title("Trade-off")
        _bars(right, choice)
        panels.legend(
            [
                Line2D([], [], marker="o", ls="", color=PRIOR, label="candidate"),
                Line2D([], [], marker="o", color=CURVE, label="front: none is better in both"),
                Line2D([], [], marker="D", ls="", color=LIMIT, label=_chosen(choice)),
            ]
        )
    return panels.figure


def _bars(axes: Any, choice: Choice) -> None:
    """Draw P(best) of the candidates that are best most often."""
    top = choice.table.sort_values("p_best", ascending=False).head(8)[::-1]
    places = np.arange(len(top))
    color = [LIMIT if k == choice.best else CHAINS[0] for k in top.index]
    axes.barh(places, top["p_best"], color=color, height=0.6)
    labels = [", ".join(f"{n} {row[n]:.3g}" for n in choice.names) for _, row in top.iterrows()]
    axes.set_yticks(places, labels)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of draws in which it is best")
    axes.set_title("How sure?")


def _chosen(choice: Choice) -> str:
    limit = choice.utility.at_least
    return "highest expected utility" if limit is None else "least harm with enough benefit"
