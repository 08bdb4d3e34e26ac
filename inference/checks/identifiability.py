"""What the data decide: contraction of priors, and combinations of parameters that stay unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ..percent import percent
from ..populations.hierarchy import scale_of
from .check import Check
from .information import Information, information, prior_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["identifiability"]

HALF = 0.5  # contraction below which the prior says more than the data
LISTED = 3
CAPTION = (
    "Share of the prior variance that the data remove, by parameter (on its scale), and, lighter, "
    "along the directions of the Fisher information about which they say least. Left of the line "
    "the prior says more than the data."
)


def identifiability(problem: Problem, tree: xr.DataTree) -> Check:
    """Compare what the data say about parameters with what the priors say.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`.

    Returns
    -------
    Check
        Table: kind ("parameter" or "direction"), name, prior_sd and posterior_sd (of parameters,
        on their scale: logarithm, logit or natural), contraction (1 - variance / prior variance;
        of directions by the Fisher information at the draw of highest density), weak.

    Raises
    ------
    InputError
        If the posterior has no draws of a parameter.

    Notes
    -----
    Contraction tells which parameters a posterior owes to the data; the information tells why not:
    it names combinations that the observables do not see. It is local, and in a hierarchical fit
    conditional on the effects. Structural blindness is told before any fit, see
    ``problem.blind_directions``.
    """
    posterior = tree["posterior"].to_dataset()
    rows = [contracted(problem, posterior, name) for name in problem.all_priors]
    found = information(problem, highest(tree))
    values, ways = found.directions
    for value, way in zip(values, ways, strict=True):
        share = value / (1 + value)
        rows.append({"kind": "direction", "name": found.combination(way), "contraction": share,
                     "weak": share < HALF})  # fmt: skip
    table = pd.DataFrame(rows)
    return Check(
        name="identifiability",
        title="Identifiability",
        sentence=sentence(table, found),
        good=not bool(table["weak"].any()),
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def highest(tree: xr.DataTree) -> xr.Dataset:
    """Draw of highest density, or the middle one where densities were not kept."""
    posterior = tree["posterior"].to_dataset()
    chain, draw = posterior.sizes["chain"] // 2, posterior.sizes["draw"] // 2
    if "sample_stats" in tree.children and "lp" in tree["sample_stats"]:
        lp = tree["sample_stats"]["lp"].transpose("chain", "draw").to_numpy()
        chain, draw = (int(k) for k in np.unravel_index(np.argmax(lp), lp.shape))
    return posterior.isel(chain=[chain], draw=[draw])


def contracted(problem: Problem, posterior: xr.Dataset, name: str) -> dict[str, object]:
    """Row of a parameter; where each subject has its own, that of the least contraction."""
    if name not in posterior:
        raise InputError(f"the posterior has no draws of {name}: it belongs to another problem.")
    values = posterior[name].transpose("chain", "draw", ...).to_numpy()
    flat = values.reshape(values.shape[0] * values.shape[1], -1)
    moved = scale_of(*problem.bounds(name)).forward(flat, np.log)
    sd, width = float(moved.std(axis=0).max()), prior_width(problem, name)
    share = 1 - (sd / width) ** 2
    return {"kind": "parameter", "name": name, "prior_sd": width, "posterior_sd": sd,
            "contraction": share, "weak": share < HALF}  # fmt: skip


def sentence(table: pd.DataFrame, found: Information) -> str:
    """Name what the data do not decide."""
    parameters = table[table["kind"] == "parameter"]
    weak = parameters[parameters["weak"]].sort_values("contraction")
    rank, size = found.rank, len(found.names)
    parts = []
    if not weak.empty:
        shares = [percent(c) if c > 0 else "none" for c in weak["contraction"]]
        names = [f"{n} ({c})" for n, c in zip(weak["name"], shares, strict=True)]
        parts.append(f"the data take less than half of the prior variance off {', '.join(names)}")
    if rank < size:
        more = f" and {size - rank - LISTED} more" if size - rank > LISTED else ""
        parts.append(
            f"the Fisher information has rank {rank} of {size} beside the priors, with little "
            f"about {'; about '.join(found.weak[:LISTED])}{more}"
        )
    if parts:
        return f"Weakly identified: {'; '.join(parts)}."
    least = parameters.sort_values("contraction").iloc[0]
    return (
        f"The data decide all {len(parameters)} parameters: they take at least "
        f"{percent(least['contraction'])} of the prior variance off each (least: "
        f"{least['name']}), and the Fisher information has full rank {size}."
    )


def figure(table: pd.DataFrame) -> Figure:
    """Contraction by parameter and by direction."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7, 1.2 + 0.3 * len(table)), layout="constrained")
    axis = made.subplots()
    rows = np.arange(len(table))[::-1]
    colors = list(np.where(table["kind"] == "parameter", "C0", "#9ecae1"))
    axis.barh(rows, table["contraction"].clip(lower=-0.2), color=colors, height=0.6)
    axis.axvline(HALF, color="C3", lw=1)
    axis.set(yticks=rows, xlabel="share of the prior variance removed", xlim=(-0.2, 1))
    axis.set_yticklabels(list(table["name"]), fontsize=8)
    return made
