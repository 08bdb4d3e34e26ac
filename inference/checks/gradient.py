"""The gradient that guides the sampler must be the slope of its density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .check import Check
from .points import Density

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["gradient", "slopes"]

Array = npt.NDArray[np.float64]
HALF, DEGREE = 5, 5  # points on each side, degree of the polynomial through them
STEP = 0.02  # in posterior standard deviations
ERRORS = 6.0  # standard errors of a slope
ADDED = 1000.0  # local errors of the solver that may add up in one slope
ROUNDING = 1e-9
CAPTION = (
    "Slope of the log density along random directions, by the gradient and by differences; below, "
    "their disagreement as a share of what rounding and the tolerance of the solver explain."
)


def gradient(
    problem: Problem, tree: xr.DataTree, *, draws: int = 4, directions: int = 3, seed: int = 0
) -> Check:
    """Compare the gradient of the log density with differences, at posterior draws.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`. In a hierarchical fit, draws of population parameters are joined with new
        effects from the population.
    draws, directions : int
        Posterior draws, evenly spaced, and random directions at each.
    seed : int

    Returns
    -------
    Check
        Table: point, direction, by_gradient, by_differences, difference, budget, ok.

    Notes
    -----
    Along a direction the density is evaluated at eleven points, 0.02 posterior standard deviations
    apart, and a polynomial is fitted; its residuals measure the noise that adaptive steps of the
    solver leave. The budget is six standard errors of the fitted slope plus what the gradient's
    own solve may contribute: 1000 times the relative tolerance of the solver.
    """
    if draws < 1 or directions < 1:
        raise InputError(f"draws ({draws}) and directions ({directions}) must be at least 1.")
    posterior = tree["posterior"].to_dataset()
    density = Density(problem)
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    chosen = np.linspace(0, total - 1, draws).round().astype(np.int64)
    points, widths = density.points(posterior, chosen, seed), density.widths(posterior)
    tolerance = ROUNDING if problem.model.is_closed_form else ADDED * problem.solver.rtol
    rng = np.random.default_rng(seed)
    table = slopes(density, points, widths, directions, tolerance, rng)
    return Check(
        name="gradient",
        title="Gradient of the log density",
        sentence=sentence(table),
        good=bool(table["ok"].all()),
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def slopes(
    evaluate: Callable[[Array], tuple[float, Array]],
    points: Sequence[Array],
    widths: Array,
    directions: int,
    tolerance: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Slopes along random directions, by gradient and by differences.

    Parameters
    ----------
    evaluate : callable
        Point to log density and gradient.
    points : sequence of float64[n]
    widths : float64[n]
        Unit of each coordinate.
    directions : int
        At each point.
    tolerance : float
        Relative error that the gradient may have.
    rng : Generator

    Returns
    -------
    DataFrame
        As the table of `gradient`. A point without a finite density is not ok.
    """
    rows = []
    for k, x in enumerate(points):
        _, slope = evaluate(x)
        for j in range(directions):
            way = rng.standard_normal(x.size) * widths / np.sqrt(x.size)
            found, error = along(evaluate, x, way)
            given = float(slope @ way)
            budget = ERRORS * error + tolerance * float(np.linalg.norm(slope * way))
            rows.append(
                {
                    "point": k,
                    "direction": j,
                    "by_gradient": given,
                    "by_differences": found,
                    "difference": given - found,
                    "budget": budget,
                    "ok": bool(abs(given - found) <= budget),
                }
            )
    return pd.DataFrame(rows)


def along(
    evaluate: Callable[[Array], tuple[float, Array]], x: Array, way: Array
) -> tuple[float, float]:
    """Slope at the middle of a polynomial through points on a line, and its standard error."""
    at = STEP * np.arange(-HALF, HALF + 1)
    values = np.array([evaluate(x + s * way)[0] for s in at])
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    design = np.vander(at / STEP, DEGREE + 1, increasing=True)
    offset = values[HALF]
    fitted, *_ = np.linalg.lstsq(design, values - offset, rcond=None)
    left = values - offset - design @ fitted
    variance = float(left @ left) / (at.size - DEGREE - 1)
    rounding = np.finfo(float).eps * float(np.abs(values).max())
    spread = np.linalg.inv(design.T @ design)[1, 1]
    return float(fitted[1] / STEP), float(np.sqrt((variance + rounding**2) * spread) / STEP)


def sentence(table: pd.DataFrame) -> str:
    """Verdict in words."""
    bad = table[~table["ok"]]
    size = np.maximum(table["by_differences"].abs(), table["budget"])
    worst = float((table["difference"].abs() / size).max())
    if bad.empty:
        return (
            f"The gradient is the slope of the log density along all {len(table)} directions, to "
            f"{worst:.1g} of it, within what the solver's tolerance explains."
        )
    lost = int(bad["by_differences"].isna().sum())
    if lost == len(bad):
        return f"Around {lost} of {len(table)} points the density is not finite: no verdict there."
    return (
        f"The gradient is wrong along {len(bad) - lost} of {len(table)} directions (by up to "
        f"{worst:.1g} of the slope): draws of this fit cannot be trusted."
    )


def figure(table: pd.DataFrame) -> Figure:
    """Both slopes against each other, and their disagreement."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(5, 5), layout="constrained")
    axes: Any = made.subplots(2, 1, height_ratios=[2, 1])
    axes[0].axline((0, 0), slope=1, color="0.7", lw=1)
    colors = list(np.where(table["ok"], "C0", "C3"))
    axes[0].scatter(table["by_differences"], table["by_gradient"], c=colors, s=18)
    axes[0].set(xlabel="slope by differences", ylabel="slope by the gradient")
    share = table["difference"].abs() / table["budget"]
    axes[1].scatter(np.arange(len(table)), share, c=colors, s=18)
    axes[1].axhline(1, color="C3", lw=1)
    axes[1].set(xlabel="direction", ylabel="share of budget", ylim=(0, None))
    return made
