"""Fits of single subjects as small multiples: vector drawings of a few hundred bytes per curve.

Each panel is an SVG of its own that takes its colors from the page, so that it follows a dark
theme, and a page holds hundreds of them. Axes are common to all panels of an observable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup, escape

from ..drawing import log_wanted, plain

if TYPE_CHECKING:
    from .material import Material

__all__ = ["Individuals", "Panel", "Person", "by_subject", "draw_individuals"]

Array = npt.NDArray[Any]
FEW = 6  # groups that one figure can hold
MOST = 400  # panels of a page
OPEN = 8  # subjects that are shown without a click
WIDTH, HEIGHT = 1000, 560  # of the box that curves are drawn in
POINTS = 48  # of a curve
PALE, DARK = ("p5", "p95"), ("q5", "q95")


@dataclass(frozen=True)
class Axes:
    """From values to the box of a panel.

    Parameters
    ----------
    low, high : float
    log : bool
    size : int
        Of the box in this direction.
    """

    low: float
    high: float
    log: bool
    size: int

    def place(self, values: Array) -> npt.NDArray[np.int64]:
        """Whole coordinates from the lower end; what lies outside is put on the edge."""
        v = np.clip(np.asarray(values, dtype=float), self.low, self.high)
        f = np.log if self.log else np.asarray
        share = (f(v) - f(self.low)) / (f(self.high) - f(self.low))
        return np.asarray(np.round(np.nan_to_num(share) * self.size), dtype=np.int64)

    def ticks(self) -> list[float]:
        """Two to four values to write at an axis."""
        if not self.log:
            span = self.high - self.low
            step = 10.0 ** math.floor(math.log10(span))
            step *= next(k for k in (0.5, 1.0, 2.0, 5.0) if span / (step * k) <= 4)
            first = math.ceil(self.low / step - 1e-9)
            return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        stride = max(1, math.ceil((last - first) / 3))
        return [10.0**k for k in range(first, last + 1, stride)]


@dataclass(frozen=True)
class Panel:
    """One observable of one subject."""

    observable: str
    svg: Markup


@dataclass(frozen=True)
class Person:
    """The panels of one subject, and how many of its rows lie inside their interval."""

    subject: str
    note: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Individuals:
    """Small multiples of a page.

    Parameters
    ----------
    first, others : tuple of Person
        Shown at once, and after a click.
    left_out : int
        Subjects whose numbers are in the csv file alone.
    numbers : DataFrame
    units : mapping of observable to unit
    """

    first: tuple[Person, ...]
    others: tuple[Person, ...]
    left_out: int
    numbers: pd.DataFrame
    time_unit: str

    @property
    def names(self) -> tuple[str, ...]:
        """Subjects that are drawn."""
        return tuple(p.subject for p in (*self.first, *self.others))


def by_subject(m: Material) -> bool:
    """Whether there are too many curves for one figure."""
    return bool(m.bands["group"].nunique() > FEW)


def draw_individuals(m: Material) -> Individuals:
    """Draw the fit of each subject, as many as a page can hold.

    Parameters
    ----------
    m : Material

    Returns
    -------
    Individuals
        The subject with the smallest share of its values inside their interval comes first.
    """
    axes = {str(n): axes_of(m, str(n)) for n in m.bands["observable"].unique()}
    share = m.rows.groupby("group", sort=False)["inside"].agg(["mean", "sum", "size"])
    order = share.sort_values("mean", kind="stable")
    kept = max(1, min(len(order), MOST // len(axes)))
    bands = dict(list(m.bands.groupby(["group", "observable"], sort=False)))
    rows = dict(list(m.rows.groupby(["group", "observable"], sort=False)))
    people = []
    for group, row in order.head(kept).iterrows():
        panels = [
            Panel(name, _panel(bands[group, name], rows.get((group, name)), axes[name], unit))
            for name in axes
            if (group, name) in bands
            for unit in (m.model.unit(m.targets[name]),)
        ]
        note = f"{int(row['sum'])} of {int(row['size'])} inside"
        people.append(Person(str(group), note, tuple(panels)))
    first, others = tuple(people[:OPEN]), tuple(people[OPEN:])
    return Individuals(first, others, len(order) - kept, m.bands, m.model.time_unit)


def axes_of(m: Material, name: str) -> tuple[Axes, Axes]:
    """Make the axes that all panels of an observable share."""
    band, rows = m.bands[m.bands["observable"] == name], m.rows[m.rows["observable"] == name]
    values = np.concatenate([rows["value"], band["median"]]).astype(float)
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    seen = rows["value"][rows["value"] > 0]
    floor = float(min(seen.min(), np.quantile(positive, 0.05))) if len(seen) else 0.0
    log = name not in m.outcomes and floor > 0 and log_wanted([floor, float(values.max())])
    low = floor / 1.6 if log else min(0.0, float(values.min()))
    high = float(values.max()) * (1.6 if log else 1.05)
    high = high if high > low else low + 1.0
    time = band["time"]
    across = Axes(float(time.min()), max(float(time.max()), float(time.min()) + 1e-9), False, WIDTH)
    return across, Axes(low, high, log, HEIGHT)


def _panel(
    band: pd.DataFrame, rows: pd.DataFrame | None, axes: tuple[Axes, Axes], unit: str
) -> Markup:
    """One panel: grid, bands, median, points with their numbers as titles."""
    across, up = axes
    thin = np.unique(np.linspace(0, len(band) - 1, min(POINTS, len(band))).round().astype(int))
    part = band.iloc[thin]
    x = across.place(part["time"].to_numpy())
    y = {n: HEIGHT - up.place(part[n].to_numpy()) for n in ("median", *PALE, *DARK)}
    shapes = [*_grid(across, up)]
    shapes += [
        f'<path class="{css}" d="{_area(x, y[lo], y[hi])}"/>'
        for css, (lo, hi) in (("pale", PALE), ("dark", DARK))
    ]
    shapes.append(f'<path class="mid" d="{_line(x, y["median"])}"/>')
    if rows is not None:
        shapes += _points(rows, across, up, unit)
    box = f'viewBox="-190 -30 {WIDTH + 240} {HEIGHT + 130}"'
    return Markup(f"<svg {box}>{''.join(shapes)}</svg>")  # noqa: S704  numbers and names of classes


def _grid(across: Axes, up: Axes) -> list[str]:
    found = [f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>']
    for value, y in zip(up.ticks(), HEIGHT - up.place(np.array(up.ticks())), strict=True):
        found.append(f'<path class="line" d="M0 {y}H{WIDTH}"/>')
        found.append(f'<text x="-16" y="{y + 22}" text-anchor="end">{short(value)}</text>')
    for value, x in zip(across.ticks(), across.place(np.array(across.ticks())), strict=True):
        found.append(f'<text x="{x}" y="{HEIGHT + 80}" text-anchor="middle">{plain(value)}</text>')
    return found


def short(value: float) -> str:
    """Write the number at a tick in at most four places.

    Examples
    --------
    >>> [short(v) for v in (0.01, 1000.0, 10000.0, 250000.0)]
    ['0.01', '1000', '1e4', '2.5e5']
    """
    text = plain(value)
    if len(text) <= 4:
        return text
    digits, _, exponent = f"{value:.3e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}"


def _points(rows: pd.DataFrame, across: Axes, up: Axes, unit: str) -> list[str]:
    """Circles; triangles and diamonds for what is known as a limit. Numbers appear on hovering."""
    marks = {"left": "v", "right": "^", "interval": "d"}
    words = {"left": "below ", "right": "above ", "interval": "about "}
    found = []
    x, y = across.place(rows["time"].to_numpy()), HEIGHT - up.place(rows["value"].to_numpy())
    for k, row in enumerate(rows.to_dict("records")):
        kind, out = str(row["censoring"]), "" if row["inside"] else " out"
        value = escape(f"{words.get(kind, '')}{row['value']:.3g} {unit}".strip())
        title = f"<title>{plain(float(row['time']))}: {value}</title>"
        shape = _mark(marks.get(kind, "o"), int(x[k]), int(y[k]))
        found.append(f'<path class="dot {kind}{out}" d="{shape}">{title}</path>')
    return found


def _mark(kind: str, x: int, y: int) -> str:
    """Outline of a mark around a point."""
    return {
        "v": f"M{x - 20} {y - 16}h40l-20 36z",
        "^": f"M{x - 20} {y + 16}h40l-20 -36z",
        "d": f"M{x} {y - 22}l20 22l-20 22l-20 -22z",
    }.get(kind, f"M{x - 17} {y}a17 17 0 1 0 34 0a17 17 0 1 0 -34 0")


def _line(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{a} {b}" for a, b in zip(x, y, strict=True))


def _area(x: Array, low: Array, high: Array) -> str:
    return f"{_line(x, high)}L{_line(x[::-1], low[::-1])[1:]}z"
