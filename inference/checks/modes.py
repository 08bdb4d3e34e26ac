"""Do the chains sit in different modes? Then they are named, and nothing is averaged over them.

Two chains are apart in a parameter if a draw of one is below a draw of the other in all but 1 % of
the pairs (or above it). Chains that can be joined by steps between chains that are not apart form
a group. Several groups are several modes if within each chain the first half looks like the second;
else the chains may still be on their way to a common place, and the sentence says so. What chains
say about the weights of modes between which none of them moves is nothing, whatever their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata

from ...datasets.errors import InputError
from ..drawing import Panels, style
from .check import Check
from .convergence import diagnostic, scalars

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

__all__ = ["modes"]

Array = npt.NDArray[np.float64]
APART = 0.01  # of the pairs of draws that are in the other order
SETTLED = 1.1  # R-hat of the halves of one chain
FEWEST = 20  # draws of a chain, to say anything
DERIVED = ("_individual", "_eta", "_kappa", "_occasion")
COLUMNS = ["mode", "chains", "lp_mean", "lp_sd"]
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CAPTION = (
    "Left: draws of the parameter in which the groups of chains are farthest apart, one line per "
    "chain, by group. Right: log density of the draws. Chains of one mode overlap in both."
)


def modes(tree: xr.DataTree) -> Check:
    """Group the chains of a fit by where they sit.

    Parameters
    ----------
    tree : DataTree
        With the groups ``posterior`` and ``sample_stats`` (with ``lp``), as `fit` returns it.

    Returns
    -------
    Check
        ``table``: one row per group of chains, with the mean and standard deviation of the log
        density and the mean of each parameter in which two groups are apart. ``good`` is False if
        there are several groups, None if there are too few chains or draws to tell.

    Raises
    ------
    InputError
        If a group is missing.
    """
    for needed in ("posterior", "sample_stats"):
        if needed not in tree.children:
            raise InputError(f"the tree has no group {needed!r}: is it a fit?")
    posterior = tree["posterior"].to_dataset()
    derived = [v for v in posterior.data_vars if str(v).endswith(DERIVED)]
    draws = scalars(posterior.drop_vars(derived))
    names = [str(c) for c in posterior["chain"].to_numpy()]
    density = tree["sample_stats"]["lp"].transpose("chain", "draw").to_numpy()
    if len(names) < 2 or density.shape[1] < FEWEST:
        table = pd.DataFrame(columns=COLUMNS)
        text = "There are too few chains or draws to tell modes apart."
        return check(text, None, table, lambda: draw({}, density, np.zeros(len(names), int)))
    distance = {n: separation(v) for n, v in draws.items()}
    apart = np.array([d > 1 - APART for d in distance.values()]).any(axis=0)
    found = connected_components(~apart, directed=False)
    count, group = int(found[0]), np.asarray(found[1], dtype=np.int64)
    between = {n: d[group[:, None] != group].max(initial=0) for n, d in distance.items()}
    telling = [n for n, d in ordered(between, draws, group) if d > 1 - APART] if count > 1 else []
    table = rows(names, group, density, {n: draws[n] for n in telling})
    moving = [names[c] for c in range(len(names)) if not settled(draws, c)]
    text = sentence(table, telling, moving)
    shown = {n: draws[n] for n in (telling or list(draws))[:1]}
    return check(text, count == 1, table, lambda: draw(shown, density, group))


def check(text: str, good: bool | None, table: pd.DataFrame, plot: Callable[[], Figure]) -> Check:
    """Put the parts together."""
    return Check("modes", "Modes", text, good, table, plot, CAPTION)


def separation(values: Array) -> Array:
    """How far each pair of chains is apart: 0.5 if alike, 1 if no draws overlap.

    Parameters
    ----------
    values : float64[chain, draw]

    Returns
    -------
    float64[chain, chain]
        Share of the pairs of draws in the more frequent order.
    """
    chains, draws = values.shape
    result = np.full((chains, chains), 0.5)
    for a in range(chains):
        for b in range(a):
            ranks = rankdata(np.concatenate([values[a], values[b]]))
            above = (ranks[:draws].sum() - draws * (draws + 1) / 2) / draws**2
            result[a, b] = result[b, a] = max(above, 1 - above)
    return result


def ordered(
    between: dict[str, float], draws: dict[str, Array], group: npt.NDArray[np.int64]
) -> list[tuple[str, float]]:
    """Parameters by the distance of the groups in units of the spread within chains."""

    def distance(name: str) -> float:
        values = draws[name]
        means = [values[group == g].mean() for g in np.unique(group)]
        return float(np.ptp(means) / (values.std(axis=1).mean() + np.finfo(float).tiny))

    return sorted(between.items(), key=lambda item: -distance(item[0]))


def settled(draws: dict[str, Array], chain: int) -> bool:
    """Whether the halves of one chain agree in every parameter."""
    found = [diagnostic("rhat", halves(v[chain])) for v in draws.values() if np.ptp(v[chain]) > 0]
    return all(r < SETTLED for r in found)


def halves(values: Array) -> Array:
    """First and second half of a chain as two chains."""
    half = values.size // 2
    return np.stack([values[:half], values[values.size - half :]])


def rows(
    names: Sequence[str], group: npt.NDArray[np.int64], density: Array, draws: dict[str, Array]
) -> pd.DataFrame:
    """One row per group, highest log density first."""
    made = []
    for g in np.unique(group):
        inside = group == g
        lp = density[inside]
        row = {
            "chains": ", ".join(n for n, i in zip(names, inside, strict=True) if i),
            "lp_mean": lp.mean(),
            "lp_sd": lp.std(),
        }
        made.append(row | {n: v[inside].mean() for n, v in draws.items()})
    table = pd.DataFrame(made).sort_values("lp_mean", ascending=False, ignore_index=True)
    table.insert(0, "mode", np.arange(1, len(table) + 1))
    return table


def sentence(table: pd.DataFrame, telling: Sequence[str], moving: Sequence[str]) -> str:
    """Say which chains sit where."""
    if len(table) == 1:
        return "All chains overlap: no sign of several modes."
    first = telling[0]
    places = "; ".join(
        f"{chains_of(row['chains'])} near {first} = {row[first]:.3g} "
        f"(mean log density {row['lp_mean']:.1f})"
        for _, row in table.iterrows()
    )
    count = NUMBERS[len(table)] if len(table) < len(NUMBERS) else str(len(table))
    if moving:
        return (
            f"The chains are in {count} places: {places}. The first and second half of "
            f"{chains_of(', '.join(moving))} differ, so that they may still be moving towards "
            "each other; until they meet, no average over them means anything."
        )
    return (
        f"The chains sit in {count} modes between which none of them moves: {places}. No "
        "average over them means anything, and how much weight each mode has is not known."
    )


def chains_of(names: str) -> str:
    """Chains as a sentence names them."""
    return f"chain {names}" if "," not in names else f"chains {names}"


def draw(draws: dict[str, Array], density: Array, group: npt.NDArray[np.int64]) -> Figure:
    """Traces of a telling parameter and of the log density, colored by group."""
    shown = {**draws, "log density": density}
    with style():
        panels = Panels(len(shown), columns=len(shown), size=(4.4, 2.6))
        for axes, (name, values) in zip(panels.axes, shown.items(), strict=True):
            for chain, line in enumerate(values):
                axes.plot(line, color=f"C{group[chain]}", lw=0.5, alpha=0.7)
            axes.set(xlabel="draw", ylabel=name)
    return panels.figure
