"""`validate_landmarks`: how early the measurements of a held-out patient tell its grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .forecast import LANDMARKS
from .validation import MECHANISTIC, Validation, validations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["Landmarks", "validate_landmarks", "validated"]

SHOWN = (
    "Held-out patients at each landmark: of each, rows and doses until that day are known and none "
    "later, to the mechanistic model and to the marker panel alike; the other models know the "
    "baseline only."
)
DRAWN = ("ranked probability", "auc")


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Scores of held-out patients at each landmark.

    Parameters
    ----------
    days : tuple of float
    parts : tuple of Validation
        One for each day, in the same folds.
    """

    days: tuple[float, ...]
    parts: tuple[Validation, ...] = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """Rows of `Validation.scores` of each day, with the column ``day`` before them."""
        tables = [p.scores for p in self.parts]
        for day, one in zip(self.days, tables, strict=True):
            one.insert(0, "day", day)
        return pd.concat(tables, ignore_index=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables to write, by name."""
        return {"landmarks": self.table}

    @property
    def notes(self) -> tuple[str, ...]:
        """How the patients of the last day were held out, and what was left out of the panel."""
        return tuple(f"By day: {note}" for note in self.parts[-1].notes)

    @property
    def caption(self) -> str:
        """What the picture shows."""
        return SHOWN

    @property
    def sentence(self) -> str:
        """The verdict of the first and of the last day."""
        first, last = self.parts[0], self.parts[-1]
        if len(self.days) == 1:
            return first.verdict
        return f"Day {self.days[0]:g}: {first.verdict} Day {self.days[-1]:g}: {last.verdict}"

    def plot(self) -> Figure:
        """Draw scores by day, a line for each model; bars are 90 % intervals of the first."""
        from ..drawing import Panels, style

        table = self.table
        with style():
            panels = Panels(len(DRAWN), columns=2, size=(3.6, 2.8))
            for score, axes in zip(DRAWN, panels.axes, strict=True):
                for number, (name, rows) in enumerate(
                    table[table["score"] == score].groupby("model", sort=False)
                ):
                    color = f"C{number}"
                    axes.plot(rows["day"], rows["value"], "o-", color=color, ms=3.5, label=name)
                    if name == MECHANISTIC:
                        axes.vlines(rows["day"], rows["low"], rows["high"], color=color, lw=0.8)
                better = "higher" if score == "auc" else "lower"
                axes.set_title(f"{score} ({better} is better)")
                axes.set_xlabel("day until which rows are known")
            panels.legend(list(panels.axes[0].get_lines()))
        return panels.figure


def validate_landmarks(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    days: Sequence[float] = LANDMARKS,
    observables: Sequence[str] | None = None,
    **options: Any,
) -> Landmarks:
    """Score forecasts of held-out patients, beside the simple models, as days go by.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    days : sequence of float
        Landmarks, ascending. Of a held-out patient the rows and doses until then are known, to
        the mechanistic model and to the marker panel alike.
    observables : sequence of str, optional
        Of a held-out patient only the rows of these are known; default: all.
    **options
        As of `cross_validate`; ``seed`` is needed.

    Returns
    -------
    Landmarks

    Raises
    ------
    InputError
        If the days do not ascend, or are negative.
    """
    return validated(problem, posterior, days, (observables,), options)[0]


def validated(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    days: Sequence[float],
    sets: Sequence[Sequence[str] | None],
    options: Mapping[str, Any],
) -> list[Landmarks]:
    """Score each set of observables."""
    days = tuple(float(d) for d in days)
    if not days or days[0] < 0 or (np.diff(days) <= 0).any():
        raise InputError(f"landmarks must ascend from 0 or later, got {days}.")
    given = [f"until day {d:g}" for d in days]
    found = validations(problem, posterior, given, sets=sets, **options)
    return [Landmarks(days, tuple(parts)) for parts in found]
