"""`compare_markers`: which of several sets of markers tells the grade of a patient earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .forecast import LANDMARKS
from .landmarks import DRAWN, SHOWN, Landmarks, validated
from .telling import earlier, mean_and_error
from .validation import MECHANISTIC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["ALL", "MarkerSets", "compare_markers", "marker_sets"]

Array = npt.NDArray[np.float64]
ALL = "all"  # label of all observables together
PANEL, NOTHING = "marker panel", "no predictor"


@dataclass(frozen=True, eq=False)
class MarkerSets:
    """Scores of held-out patients at each landmark, for several sets of markers.

    Parameters
    ----------
    parts : mapping of label to Landmarks
        In the same folds, of the same days; that of all observables (`ALL`) first.
    observables : mapping of label to sequence of str
        Of each set; none for all.
    """

    parts: Mapping[str, Landmarks] = field(repr=False)
    observables: Mapping[str, Sequence[str]]

    @property
    def days(self) -> tuple[float, ...]:
        """Landmarks."""
        return self.parts[ALL].days

    @cached_property
    def table(self) -> pd.DataFrame:
        """Rows of `Landmarks.table` of each set, with the column ``markers`` before them."""
        tables = [part.table for part in self.parts.values()]
        for label, one in zip(self.parts, tables, strict=True):
            one.insert(0, "markers", label)
        return pd.concat(tables, ignore_index=True)

    @property
    def differences(self) -> pd.DataFrame:
        """Ranked probability scores of each set less those of another, in the same patients.

        Returns
        -------
        DataFrame
            ``model``, ``markers``, ``versus``, ``day`` (missing: the mean over the days),
            ``difference`` (negative: the first set is better), ``standard_error`` over patients.
        """
        rows = []
        for model in (MECHANISTIC, PANEL):
            loss = {label: self._loss(label, model) for label in self.parts}
            for one, other in combinations(self.parts, 2):
                apart = loss[one] - loss[other]
                each = zip((*self.days, np.nan), (*apart, apart.mean(axis=0)), strict=True)
                rows += [
                    (model, one, other, day, *mean_and_error(by_patient))
                    for day, by_patient in each
                ]
        columns = ["model", "markers", "versus", "day", "difference", "standard_error"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables to write, by name."""
        return {"landmarks": self.table, "markers": self.differences}

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of all markers together; and of each set what the model has no place for."""
        blind = [
            f"Markers {label}: {note}"
            for label, part in self.parts.items()
            for note in part.parts[-1].notes
            if note.startswith(f"{MECHANISTIC}: ")
        ]
        return (*self.parts[ALL].notes, *blind)

    @property
    def caption(self) -> str:
        """What the picture shows."""
        listed = ", ".join(
            f"{label} ({', '.join(names)})" if names else label
            for label, names in self.observables.items()
        )
        return (
            f"{SHOWN} Colors are sets of markers: {listed}; only the rows of a set are known. "
            "Lines with 90 % intervals: the mechanistic model; dashed: the marker panel."
        )

    @property
    def sentence(self) -> str:
        """Say which set tells the grade earlier, after what models say of all markers together."""
        named = [label for label in self.parts if label != ALL]
        among = named if len(named) > 1 else [ALL, *named]
        first = self.parts[ALL].parts[0]
        said = [
            earlier(
                {label: self._loss(label, model) for label in among},
                self._loss(ALL, NOTHING), self.days, model, seed=first.seed,
            )
            for model in (MECHANISTIC, PANEL)
        ]  # fmt: skip
        return " ".join([*said, f"All markers together: {self.parts[ALL].sentence}"])

    def _loss(self, label: str, model: str) -> Array:
        """Ranked probability score of each patient; float64[day, subject]."""
        parts = self.parts[label].parts
        return np.stack([((p.predictions[model] - p.grades.reached) ** 2).sum(1) for p in parts])

    def plot(self) -> Figure:
        """Draw scores by day: a line for each set by the mechanistic model, dashed by the panel.

        Bars are 90 % intervals of the mechanistic model, beside one another; dotted: no predictor.
        """
        from ..drawing import CHAINS, PRIOR, Panels, style

        table = self.table
        gap = 0.06 * float(np.min(np.diff(self.days))) if len(self.days) > 1 else 0.06
        with style():
            panels = Panels(len(DRAWN), columns=2, size=(3.6, 2.8))
            for score, axes in zip(DRAWN, panels.axes, strict=True):
                of_score = table[table["score"] == score]
                for number, label in enumerate(self.parts):
                    color, rows = CHAINS[number % len(CHAINS)], of_score[of_score.markers == label]
                    own, panel = (rows[rows["model"] == m] for m in (MECHANISTIC, PANEL))
                    at = own["day"] + gap * (number - (len(self.parts) - 1) / 2)
                    axes.plot(at, own["value"], "o-", color=color, ms=3.5, label=label)
                    axes.vlines(at, own["low"], own["high"], color=color, lw=0.8)
                    axes.plot(panel["day"], panel["value"], "--", color=color, lw=0.9)
                bare = of_score[(of_score["model"] == NOTHING) & (of_score["markers"] == ALL)]
                axes.plot(bare["day"], bare["value"], ":", color=PRIOR, label=NOTHING)
                better = "higher" if score == "auc" else "lower"
                axes.set_title(f"{score} ({better} is better)")
                axes.set_xlabel("day until which rows are known")
            panels.legend([x for x in panels.axes[0].get_lines() if x.get_linestyle() != "--"])
        return panels.figure


def compare_markers(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    markers: Mapping[str, Sequence[str]],
    *,
    days: Sequence[float] = LANDMARKS,
    **options: Any,
) -> MarkerSets:
    """Score forecasts of held-out patients from some of their markers, as days go by.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    markers : mapping of label to sequence of str
        Sets of observables of the data, as ``{"fast": ["IL6"], "slow": ["CRP", "ferritin"]}``. Of
        a held-out patient only the rows of a set are known, to the mechanistic model and to the
        marker panel; how it leaves the population is the same for all sets. All observables
        together are scored as well.
    days : sequence of float
        Landmarks, ascending.
    **options
        As of `cross_validate`; ``seed`` is needed.

    Returns
    -------
    MarkerSets

    Raises
    ------
    InputError
        If an observable is unknown, a label is missing, or the days do not ascend.
    """
    if not markers or ALL in markers or not all(markers):
        raise InputError(f"sets of markers need labels, and other ones than {ALL!r}.")
    sets = (None, *markers.values())
    found = validated(problem, posterior, days, sets, options)
    parts = dict(zip((ALL, *markers), found, strict=True))
    return MarkerSets(parts, {ALL: (), **markers})


def marker_sets(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read sets of markers as they are written on a command line.

    Parameters
    ----------
    texts : sequence of str
        Label and observables.

    Returns
    -------
    dict of label to tuple of str

    Raises
    ------
    InputError
        If a text is something else, or a label comes twice.

    Examples
    --------
    >>> marker_sets(["fast=IL6, IFNg", "slow=CRP"])
    {'fast': ('IL6', 'IFNg'), 'slow': ('CRP',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        label, _, names = (part.strip() for part in text.partition("="))
        listed = tuple(name.strip() for name in names.split(","))
        if not label or not all(listed):
            raise InputError(
                f"a set of markers is written as 'fast=IL6,IFNg', label and names; got "
                f"{shown(text)}."
            )
        if label == ALL or label in found:
            why = "is that of all markers" if label == ALL else "comes twice"
            raise InputError(f"the label {shown(label)} of a set of markers {why}: choose another.")
        found[label] = listed
    return found
