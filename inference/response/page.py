"""One page of HTML about an exposure-response fit, in the look of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from ..report.frame import Drawing, in_frame
from ..report.tables import Table
from .plot_response import response_caption

__all__ = ["render_response"]

CAPTIONS = {
    "coefficients": "Posterior: median, 95 % interval, R-hat and effective draws.",
    "selection": "Candidates by LOO: expected log density of a new outcome, best first.",
    "adjusted": "Exposure, with and without covariates.",
    "products": "Products compared: higher exposure, risks, and their difference (95 %).",
    "bins": "Observed outcomes in bins of exposure, with 95 % intervals.",
}


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
    title = f"{tree.attrs['outcome_name']} by {tree.attrs['exposure_name']}"
    return in_frame(
        "response.html",
        kicker="exposure-response",
        title=title,
        steps=steps,
        drawing=Drawing.of(figure, "response", title),
        caption=response_caption(tree),
        tables=[Table.of_frame(CAPTIONS[n], t, most=len(t)) for n, t in tables.items()],
    )
