"""The figures of a report, each with its caption and the table of its numbers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..plots import plot_data, plot_fit, plot_priors, plot_ranks, plot_traces
from .assessment import Absent
from .frame import Drawing
from .individuals import by_subject
from .numbers import base, densities, ranks
from .tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .assessment import Entry
    from .material import Material

__all__ = ["Picture", "Shown", "draw", "draw_checks"]

MOST_PARAMETERS = 24
MOST_PANELS = 24
TABLES_ONLY = ("credibility",)


@dataclass(frozen=True)
class Picture:
    """A figure of a page.

    Parameters
    ----------
    name : str
        Also of the csv file with its numbers.
    title, caption : str
        What it shows, and how to read it.
    drawing : Drawing
    numbers : DataFrame
    """

    name: str
    title: str
    caption: str
    drawing: Drawing
    numbers: pd.DataFrame

    @property
    def csv(self) -> str:
        """File name of the numbers."""
        return f"{self.name}.csv"


@dataclass(frozen=True)
class Shown:
    """A check as the page shows it: its sentence, and where they exist picture and table."""

    name: str
    title: str
    sentence: str
    good: bool | None
    picture: Picture | None = None
    table: Table | None = None
    numbers: pd.DataFrame | None = None

    @property
    def csv(self) -> str:
        """File name of the numbers."""
        return f"{self.name}.csv"


def draw_checks(material: Material) -> dict[str, tuple[Shown, ...]]:
    """Draw the checks of a report.

    Parameters
    ----------
    material : Material

    Returns
    -------
    dict of section to tuple of Shown
    """
    return {s: tuple(_shown(e) for e in part) for s, part in material.checks.items()}


def _shown(entry: Entry) -> Shown:
    if isinstance(entry, Absent):
        return Shown(entry.name, entry.title, entry.sentence, None)
    words: dict[str, Any] = {
        "name": entry.name, "title": entry.title, "sentence": entry.sentence, "good": entry.good,
    }  # fmt: skip
    table = Table.of_frame(f"{entry.title}: numbers", entry.table)
    if entry.name in TABLES_ONLY:
        return Shown(**words, table=table, numbers=entry.table)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure = entry.plot()
            picture = _picture(entry.name, f"{entry.title}.", entry.caption, figure, entry.table)
    except Exception as error:  # noqa: BLE001  its numbers without a picture are better than none
        words["sentence"] += f" Its figure could not be drawn ({type(error).__name__}: {error})."
        return Shown(**words, table=table, numbers=entry.table)
    return Shown(**words, picture=picture, table=table, numbers=entry.table)


def draw(material: Material) -> dict[str, Picture]:
    """Draw the figures that every report has.

    Parameters
    ----------
    material : Material

    Returns
    -------
    dict of name to Picture
    """
    pictures = [_data(material), _priors(material)]
    if not by_subject(material):
        pictures.append(_fit(material))
    pictures += [_traces(material), _ranks(material)]
    return {p.name: p for p in pictures}


def _picture(name: str, title: str, caption: str, figure: Figure, numbers: pd.DataFrame) -> Picture:
    return Picture(name, title, caption, Drawing.of(figure, name, title), numbers)


def _data(m: Material) -> Picture:
    rows = m.study.to_frame()
    lines = " A thin line joins the values of one subject." if len(m.study.subjects) > 1 else ""
    means = (
        " Points are published means; the thick bar is one standard error of the mean, the thin "
        "bar one standard deviation between subjects."
        if m.study.is_aggregated
        else ""
    )
    caption = (
        "One panel per observable; the axis is logarithmic where values span more than two decades."
        f"{lines}{means}{_censoring_key(rows)}"
    )
    figure = plot_data(rows, m.study.units, m.study.time_unit)
    return _picture("data", "What was measured.", caption, figure, rows)


def _censoring_key(rows: pd.DataFrame) -> str:
    words = {
        "left": "an open triangle pointing down is a value below the limit it stands at",
        "right": "an open triangle pointing up is a value above the limit it stands at",
        "interval": "an open diamond with a bar is a value known only to lie within the bar",
    }
    present = [text for kind, text in words.items() if (rows["censoring"] == kind).any()]
    stated = rows.loc[rows["censoring"] != "interval", ["lower", "upper"]]
    if stated.notna().to_numpy().any():
        present.append("a dashed line is a limit of quantification")
    return f" In orange: {'; '.join(present)}." if present else ""


def _fit(m: Material) -> Picture:
    keys = m.bands[["group", "observable"]].drop_duplicates()
    shown = keys.head(MOST_PANELS)
    bands = m.bands.merge(shown, on=["group", "observable"])
    cut = (
        f" The first {len(shown)} of {len(keys)} panels are drawn."
        if len(keys) > len(shown)
        else ""
    )
    new = (
        "a published mean of as many subjects" if m.study.is_aggregated else "a new measured value"
    )
    caption = (
        "The line is the median of the posterior curves; the true curve lies in the dark band with "
        "probability 0.5 and in the medium one with 0.9, if the model holds. The pale band holds "
        f"{new} with probability 0.9: about nine points in ten should lie in it. "
        "Points far outside it, or a run of points on one side, mean that the model misses "
        f"something.{cut}"
    )
    units = {name: m.model.unit(target) for name, target in m.targets.items()}
    figure = plot_fit(bands, m.rows, units, m.model.time_unit)
    return _picture("fit", "Fitted curves and data.", caption, figure, m.bands)


def _worst_first(m: Material) -> tuple[list[str], str]:
    """Parameters by R-hat, as many as a figure can hold, in the order of the model."""
    names = list(m.draws)
    if len(names) <= MOST_PARAMETERS:
        return names, ""
    order = m.diagnostics.sort_values("r_hat", ascending=False, na_position="first")
    chosen = set(order["parameter"].head(MOST_PARAMETERS))
    note = f" Drawn are the {MOST_PARAMETERS} of {len(names)} parameters with the largest R-hat."
    return [n for n in names if n in chosen], note


def _priors(m: Material) -> Picture:
    names, note = _worst_first(m)
    numbers = densities({name: m.draws[name] for name in names}, m.priors)
    units = {name: m.units.get(base(name), "") for name in m.draws}
    caption = (
        "Where the blue posterior is much narrower than the dashed prior, the data decided; where "
        "they coincide, the prior did. Heights are densities (of the logarithm on a logarithmic "
        f"axis) and have no scale of their own.{note}"
    )
    figure = plot_priors(numbers, units)
    return _picture("prior_posterior", "Before and after the data.", caption, figure, numbers)


def _traces(m: Material) -> Picture:
    names, note = _worst_first(m)
    caption = (
        "Each color is a chain. Chains that have converged look like one noisy band without drift "
        f"or jumps, all colors on top of each other.{note}"
    )
    drawn = {name: m.draws[name] for name in names}
    numbers = pd.DataFrame({name: values.ravel() for name, values in drawn.items()})
    chains, draws = next(iter(drawn.values())).shape
    numbers.insert(0, "chain", np.repeat(np.arange(chains), draws))
    numbers.insert(1, "draw", np.tile(np.arange(draws), chains))
    figure = plot_traces(drawn)
    return _picture("traces", "Draws in order.", caption, figure, numbers)


def _ranks(m: Material) -> Picture:
    names, note = _worst_first(m)
    numbers = ranks({name: m.draws[name] for name in names})
    caption = (
        "All draws of a parameter are ranked together; each step line is one chain. When the "
        "chains agree, every line stays near 1. A line that is high at one end belongs to a chain "
        f"that stayed in its own region.{note}"
    )
    return _picture("ranks", "Ranks by chain.", caption, plot_ranks(numbers, names), numbers)
