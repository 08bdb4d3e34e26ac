"""How figures look: one style, small multiples, logarithmic axes when values ask for them."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

__all__ = [
    "CHAINS",
    "CURVE",
    "INK",
    "LIMIT",
    "PRIOR",
    "Panels",
    "flatten",
    "log_wanted",
    "plain",
    "set_log",
    "style",
    "to_svg",
]

# Okabe and Ito's palette, distinct for every kind of color vision; also apart in gray.
CURVE, PRIOR, LIMIT = "#0072B2", "#8A8A8A", "#D55E00"
CHAINS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#555555", "#000000")
INK = "#1d2329"
MANY = 2500  # points of a figure, beyond which they are drawn as a picture
COLORS = 128  # of a picture inside a figure
DECADES = 2.0  # span beyond which an axis is logarithmic

STYLE: Any = {  # matplotlib types the keys one by one
    "axes.edgecolor": "#7d858c",
    "axes.formatter.use_mathtext": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 6.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.08,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,  # names come from users: a dollar sign is a dollar sign
    "xtick.color": "#4a525a",
    "xtick.labelsize": 8.5,
    "ytick.color": "#4a525a",
    "ytick.labelsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the reports, and leave matplotlib's settings as they were."""
    with mpl.rc_context(STYLE):
        yield


class Panels:
    """Small multiples of equal size, as many columns as fit.

    Parameters
    ----------
    count : int
        Number of panels.
    columns : int
        Most columns.
    size : (float, float)
        Inches of one panel.
    """

    def __init__(self, count: int, *, columns: int, size: tuple[float, float]) -> None:
        across = max(1, min(columns, count))
        down = max(1, math.ceil(count / across))
        self.figure = Figure(figsize=(size[0] * across, size[1] * down), layout="constrained")
        grid = self.figure.subplots(down, across, squeeze=False)
        self.axes: list[Axes] = list(grid.flat)[:count]
        self.columns = across
        for unused in list(grid.flat)[count:]:
            unused.remove()

    def label_time(self, label: str) -> None:
        """Name the horizontal axis under the lowest panel of each column."""
        for axes in self.axes[-self.columns :]:
            axes.set_xlabel(label)

    def legend(self, handles: Sequence[Any]) -> None:
        """Put one legend above all panels."""
        self.figure.legend(
            handles=list(handles), loc="outside upper left", ncols=3 if self.columns == 1 else 4
        )


def log_wanted(values: npt.ArrayLike) -> bool:
    """Whether positive values span more than two decades.

    Examples
    --------
    >>> log_wanted([1.0, 50.0]), log_wanted([1.0, 500.0]), log_wanted([0.0, 500.0])
    (False, True, False)
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size or finite.min() <= 0:
        return False
    return bool(np.log10(finite.max() / finite.min()) > DECADES)


def set_log(axes: Axes, which: str = "y", limits: tuple[float, float] | None = None) -> None:
    """Make an axis logarithmic, with plain numbers at decades (or at 1, 2, 5 for a short span).

    Parameters
    ----------
    axes : Axes
    which : {"x", "y"}
    limits : (float, float), optional
        Ends of the axis; default: those of what is drawn.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    if limits is not None:
        (axes.set_xlim if which == "x" else axes.set_ylim)(*limits)
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    decades = math.log10(high / low)
    short = decades < 1.5
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,), numticks=5))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=60))
    axis.set_minor_formatter(NullFormatter())
    if decades > 7:
        axis.set_minor_locator(NullLocator())


def plain(value: float, position: int | None = None) -> str:
    """Write the number at a tick as people do.

    Examples
    --------
    >>> [plain(v) for v in (0.001, 1.0, 1e5, 1e6, 1e10, 1e-10)]
    ['0.001', '1', '100000', '1e6', '1e10', '1e-10']
    """
    return f"{value:g}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-")


def flatten(figure: Figure, most: int = MANY) -> None:
    """Let points and curves of a crowded figure be drawn as a picture inside it; text stays text.

    Parameters
    ----------
    figure : Figure
    most : int
        Points beyond which drawing each of them as a vector would make a page heavy.
    """
    drawn = [a for axes in figure.axes for a in (*axes.lines, *axes.collections)]
    if sum(_weight(a) for a in drawn) <= most:
        return
    for artist in drawn:
        artist.set_rasterized(True)


def _weight(artist: Any) -> int:
    """Points of a curve, or points and corners of a collection."""
    if isinstance(artist, Line2D):
        return int(np.size(artist.get_xdata()))
    corners = sum(len(path.vertices) for path in artist.get_paths())
    return corners + len(np.atleast_1d(artist.get_offsets()))


def _lighter(found: re.Match[str]) -> str:
    """Write the same picture with a palette of colors, which is a third as long."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(found[0])))
    buffer = io.BytesIO()
    image.quantize(COLORS, Image.Quantize.FASTOCTREE).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Write a figure as an SVG element to stand inside a page.

    Parameters
    ----------
    figure : Figure
    name : str
        Unique in the page; ids inside the drawing start with it.
    description : str
        Read aloud in place of the drawing.

    Returns
    -------
    str
        ``<svg ...>``: text stays text, nothing is fetched from elsewhere.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False}):
        figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"(?<=data:image/png;base64,)[^\"]+", _lighter, svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
