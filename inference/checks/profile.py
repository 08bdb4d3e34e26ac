"""Profile of the log density: how far it falls when one parameter is held and the rest follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ..populations.hierarchy import Hierarchical
from ..sampling.descent import descend
from .check import Check
from .points import Density

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["profile"]

Array = npt.NDArray[np.float64]
FALL = 1.92  # half the 95 % quantile of chi-square with one degree of freedom
REACH = 3.0  # posterior standard deviations on each side
STEPS = 200  # of the optimizer
HUGE = 1e10
CAPTION = (
    "Highest log density at each held value, relative to its top. Where the curve does not come "
    "below the line on a side, neither prior nor data end that side."
)


def profile(
    problem: Problem, tree: xr.DataTree, parameters: list[str] | None = None, *, points: int = 9
) -> Check:
    """Profile the log density (prior and data) along parameters.

    Parameters
    ----------
    problem : Problem
        Without a hierarchy, whose joint density has its top where spreads vanish.
    tree : DataTree
        From `fit`; gives where to begin and how far to go.
    parameters : list of str, optional
        Default: all that are estimated, as single numbers.
    points : int
        Values held, over three posterior standard deviations on each side of the top.

    Returns
    -------
    Check
        Table: parameter, coordinate (unconstrained: logarithm of positive parameters), fall (of
        the log density from its top). A parameter is open on a side when the density falls by
        less than 1.92, the limit of a 95 % likelihood interval.

    Raises
    ------
    InputError
        If the problem is hierarchical, or a name is no single estimated parameter.
    """
    if isinstance(problem.family, Hierarchical):
        raise InputError(
            "the joint density of a hierarchical problem has its top where spreads vanish: its "
            "profile says nothing. Use identifiability, or the profile of the pooled problem."
        )
    if points < 5:
        raise InputError(f"points must be at least 5, got {points}.")
    posterior, density = tree["posterior"].to_dataset(), Density(problem)
    known = density.coordinates(posterior)
    single = [n for n, values in known.items() if values.shape[1] == 1]
    for name in parameters or ():
        if name not in single:
            raise InputError(f"{name!r} is no single parameter; there are {', '.join(single)}.")
    middle = known[single[0]].shape[0] // 2 if single else 0
    begin = density.points(posterior, np.array([middle]), 0)[0]
    top = climb(density, begin, np.zeros(begin.size, dtype=bool))
    table = pd.concat(
        [
            along(density, name, top, float(known[name].std()), points)
            for name in parameters or single
        ],
        ignore_index=True,
    )
    table["fall"] -= min(0.0, float(table["fall"].min()))  # a higher top was met on the way
    open_sides = sides(table)
    return Check(
        name="profile",
        title="Profile of the log density",
        sentence=sentence(open_sides, table),
        good=not open_sides,
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def climb(density: Density, x: Array, held: npt.NDArray[np.bool_]) -> Array:
    """Move all but the held coordinates uphill."""

    def downhill(free: Array) -> tuple[float, Array]:
        full = x.copy()
        full[~held] = free
        value, slope = density(full)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return HUGE, np.zeros(free.size)
        return -value, -slope[~held]

    found = x.copy()
    if (~held).any():
        found[~held] = descend(downhill, x[~held], options={"maxfun": STEPS})
    return found


def along(density: Density, name: str, top: Array, sd: float, points: int) -> pd.DataFrame:
    """Hold one parameter at values on both sides of the top; each optimum starts the next."""
    place = density.layout.places[name][0]
    held = np.zeros(top.size, dtype=bool)
    held[place] = True
    highest = density(top)[0]
    grid = top[place] + sd * np.linspace(-REACH, REACH, points)
    rows = []
    for side in (grid[grid <= top[place]][::-1], grid[grid > top[place]]):
        x = top.copy()
        for value in side:
            x[place] = value
            x = climb(density, x, held)
            rows.append({"parameter": name, "coordinate": value, "fall": highest - density(x)[0]})
    return pd.DataFrame(rows).sort_values("coordinate", ignore_index=True)


def sides(table: pd.DataFrame) -> list[str]:
    """Parameters that are open, with their side."""
    found = []
    for name, part in table.groupby("parameter", sort=False):
        at = int(part["fall"].to_numpy().argmin())
        for side, falls in (
            ("below", part["fall"].iloc[: at + 1]),
            ("above", part["fall"].iloc[at:]),
        ):
            if falls.max() < FALL:
                found.append(f"{name} ({side})")
    return found


def sentence(open_sides: list[str], table: pd.DataFrame) -> str:
    """Verdict in words."""
    if open_sides:
        return (
            f"The log density falls by less than {FALL:g} within {REACH:g} posterior standard "
            f"deviations for {', '.join(open_sides)}: values there are nearly as good."
        )
    count = table["parameter"].nunique()
    return f"The log density has one closed peak along each of {count} parameters."


def figure(table: pd.DataFrame) -> Figure:
    """One panel per parameter."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(table["parameter"]))
    wide = min(3, len(names))
    high = -(-len(names) // wide)
    made = Figure(figsize=(3 * wide, 2.3 * high + 0.3), layout="constrained")
    axes = made.subplots(high, wide, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        part = table[table["parameter"] == name]
        axis.plot(part["coordinate"], -part["fall"], "o-", ms=3)
        axis.axhline(-FALL, color="C3", lw=1)
        axis.set_title(name, fontsize=9)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    made.supxlabel("unconstrained value")
    made.supylabel("log density below its top")
    return made
