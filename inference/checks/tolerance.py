"""Is the solver exact enough for this posterior? Answered at the draws themselves.

The log likelihood of a part of the draws is computed again with much tighter tolerances. The
differences are logarithms of importance ratios between the posterior that was sampled and the one
that an exact solver would give; Pareto's k of their tail says whether the first stands for the
second (Timonen et al. 2022, arXiv:2205.09059; Vehtari et al. 2024, arXiv:1507.02646).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..drawing import CURVE, PRIOR, Panels, style
from ..pointwise import pointwise
from ..predict import thinned
from .check import Check

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ...models.solver import SolverOptions
    from ..problem import Problem

__all__ = ["tolerance"]

Array = npt.NDArray[np.float64]
TIGHTER = 1e-3  # times the tolerances of the fit
TIGHTEST = 1e-10
STEPS = 20  # times as many steps may be needed
RELIABLE = 0.7
SMALL = 0.1  # a change of the log likelihood that no weight can notice


def tolerance(problem: Problem, tree: xr.DataTree, *, draws: int = 200) -> Check:
    """Compare the log likelihood with that of a much more exact solver.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`.
    draws : int
        How many draws are compared, evenly spaced.

    Returns
    -------
    Check
        ``table``: one row per draw: chain, draw, used, exact (log likelihoods) and difference.
        ``good``: k is below 0.7, or no difference exceeds 0.1.
    """
    posterior = thinned(tree["posterior"].to_dataset(), draws)
    used = _total(problem, posterior)
    exact = _total(replace(problem, solver=_tighter(problem.solver)), posterior)
    table = pd.DataFrame(
        {
            "chain": np.repeat(posterior["chain"].to_numpy(), posterior.sizes["draw"]),
            "draw": np.tile(posterior["draw"].to_numpy(), posterior.sizes["chain"]),
            "used": used,
            "exact": exact,
            "difference": exact - used,
        }
    )
    sentence, good = _judged(problem, table["difference"].to_numpy())
    return Check(
        name="tolerance",
        title="Solver tolerance",
        sentence=sentence,
        good=good,
        table=table,
        plot=partial(_plot, table),
        caption=(
            "Each point is a posterior draw: its log likelihood, and how much that changes when "
            "the equations are solved with a thousandth of the tolerance. A flat band near zero "
            "means that the solver does not shape the result."
        ),
    )


def _tighter(options: SolverOptions) -> SolverOptions:
    """Options of the reference solution."""
    rtol = max(options.rtol * TIGHTER, TIGHTEST)
    atol: float | Mapping[str, float] | None = options.atol
    if isinstance(atol, Mapping):
        atol = {state: value * rtol / options.rtol for state, value in atol.items()}
    elif atol is not None:
        atol *= rtol / options.rtol
    return replace(options, rtol=rtol, atol=atol, max_steps=options.max_steps * STEPS)


def _total(problem: Problem, posterior: xr.Dataset) -> Array:
    """Log likelihood of all rows; float64[chain * draw]."""
    rows = pointwise(problem, posterior)
    total: Array = np.zeros(posterior.sizes["chain"] * posterior.sizes["draw"])
    for name, values in rows.data_vars.items():
        density = values.sum(f"{name}_observation", skipna=False)
        total += density.transpose("chain", "draw").to_numpy().ravel()
    return total


def _judged(problem: Problem, difference: Array) -> tuple[str, bool]:
    failed = int((~np.isfinite(difference)).sum())
    if failed:
        return f"{failed} of {difference.size} draws cannot be solved at tighter tolerances.", False
    from arviz_stats.base.array import array_stats

    centered = difference - np.mean(difference)
    largest = float(np.max(np.abs(centered)))
    # It takes the log likelihoods that are left out, minus the logarithms of the weights.
    _, k = array_stats.psislw(-centered)  # type: ignore[no-untyped-call]
    calm = largest < SMALL or float(k) < RELIABLE
    change = (
        f"Solving with tolerances of {_tighter(problem.solver).rtol:.0e} in place of "
        f"{problem.solver.rtol:.0e} changes the log likelihood of a draw, relative to the other "
        f"draws, by at most {largest:.2g}"
    )
    if largest < SMALL:
        return f"{change}: the solver does not shape the posterior.", True
    verdict = (
        "importance weights can correct for it"
        if calm
        else "the posterior is that of the solver and not of the model; fit again with a smaller "
        "rtol"
    )
    return f"{change} (Pareto k {float(k):.2f}): {verdict}.", calm


def _plot(table: pd.DataFrame) -> Figure:
    with style():
        panels = Panels(1, columns=1, size=(6.4, 3.2))
        axes = panels.axes[0]
        axes.plot(table["used"], table["difference"], "o", ms=3, alpha=0.5, color=CURVE)
        axes.axhline(0.0, lw=0.8, color=PRIOR)
        axes.set_xlabel("log likelihood as used in the fit")
        axes.set_ylabel("change with a tighter solver")
        return panels.figure
