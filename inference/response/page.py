"""One page of HTML about an exposure-response fit, in the look of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files

import pandas as pd
import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from ..._version import __version__
from .. import report
from ..drawing import to_svg
from ..report.tables import Table, number
from ..report.verdict import DISCLAIMER
from .plot_response import response_caption

__all__ = ["render_response"]

CAPTIONS = {
    "coefficients": "Posterior: median, 95 % interval, R-hat and effective draws.",
    "selection": "Candidates by LOO: expected log density of a new outcome, best first.",
    "adjusted": "Exposure, with and without covariates.",
    "products": "Products compared: higher exposure, risks, and their difference (95 %).",
    "bins": "Observed outcomes in bins of exposure, with 95 % intervals.",
}
PIXELS = 112


def render_response(
    tree: xr.DataTree, steps: Sequence[str], tables: Mapping[str, pd.DataFrame], figure: Figure
) -> str:
    """Write the page.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`.
    steps : sequence of str
        What was done and found.
    tables : mapping of name to DataFrame
    figure : Figure
        From `plot_response`.

    Returns
    -------
    str
        HTML that fetches nothing; texts from data are escaped.
    """
    environment = Environment(
        loader=PackageLoader(report.__name__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    title = f"{tree.attrs['outcome_name']} by {tree.attrs['exposure_name']}"
    css = files(report.__name__).joinpath("templates/report.css").read_text("utf-8")
    return environment.get_template("response.html").render(
        version=__version__,
        css=Markup(css),
        title=title,
        steps=steps,
        svg=Markup(to_svg(figure, "response", title)),
        width=round(float(figure.get_figwidth()) * PIXELS),
        caption=response_caption(tree),
        tables=[_table(CAPTIONS[n], t) for n, t in tables.items()],
        disclaimer=DISCLAIMER,
    )


def _table(caption: str, frame: pd.DataFrame) -> Table:
    """Table of a page, numbers with three digits."""
    numeric = [pd.api.types.is_float_dtype(frame[c]) for c in frame]
    heads = [f"#{c}" if n else str(c) for c, n in zip(frame, numeric, strict=True)]
    rows = [
        [
            number(float(v)) if n and math.isfinite(float(v)) else str(v)
            for v, n in zip(row, numeric, strict=True)
        ]
        for row in frame.itertuples(index=False)
    ]
    return Table.of(caption, heads, rows)
