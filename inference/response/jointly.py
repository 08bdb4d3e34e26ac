"""`joint_response`: the curve of an outcome that was fitted together with its exposure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from ...datasets.errors import InputError
from ..checks.check import Check
from ..drawing import CHAINS, CURVE, log_wanted
from ..measuring.outcome_error import Outcome
from ..percent import between, percent
from ..predict import draws_of, parameters_of, thinned
from ..solving import values_at_rows
from .plot_response import BANDS, POINTS, draw_bands, draw_exposures, draw_observed, framed

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["JOINT", "joint_response"]

Array = npt.NDArray[np.float64]
JOINT = "joint_"  # begins the name of the check of an outcome
ENDS = (0.05, 0.95)  # quantiles of the exposures between which the sentence compares
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Joint:
    """An outcome at each row, with draws of the exposure that it follows.

    Parameters
    ----------
    name, target, unit : str
        Of the outcome in the data; what it follows in the model, and its unit.
    error : Outcome
    exposure : float64[draw, row]
    outcome : float64[row]
    parameters : tuple of float64[draw]
        Of the error.
    """

    name: str
    target: str
    unit: str
    error: Outcome
    exposure: Array = field(repr=False)
    outcome: Array = field(repr=False)
    parameters: tuple[Array, ...] = field(repr=False)

    @property
    def typical(self) -> Array:
        """Median exposure of each row."""
        return np.asarray(np.median(self.exposure, axis=0))

    def chance(self, exposure: Array) -> Array:
        """P(outcome >= k); float64[grade, draw, exposure]."""
        wide = tuple(p[:, None] for p in self.parameters)
        return np.stack([expit(odds) for odds in self.error.reaching(exposure[None], wide)])


def joint_response(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    observable: str,
    *,
    draws: int | None = 400,
) -> Check:
    """Draw how the odds of an outcome follow the model's value, as they were fitted jointly.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    observable : str
        With a Bernoulli or an ordinal error, such as a yes or no that follows the area under a
        concentration (`with_auc`).
    draws : int, optional
        About so many.

    Returns
    -------
    Check
        Table: ``at_least``, ``exposure`` and quantiles of the probability. It judges nothing.

    Raises
    ------
    InputError
        If the observable is no outcome, or its exposures do not differ.
    """
    joint = joint_of(problem, posterior, observable, draws)
    table = curves(joint)
    return Check(
        name=f"{JOINT}{observable}",
        title=f"{observable} by {joint.target}",
        sentence=said(joint),
        good=None,
        table=table,
        plot=lambda: drawn(joint, table),
        caption="Curve: median and 50 % and 95 % credible bands. Points: observed in bins of "
        "exposure with about equal numbers of rows, with 95 % intervals. Below: median exposure of "
        "each row. Exposures and curve were fitted together, so that what is not known of an "
        "exposure is in the bands.",
    )


def joint_of(
    problem: Problem, posterior: xr.DataTree | xr.Dataset, observable: str, draws: int | None
) -> Joint:
    """Collect what the curve is made of."""
    error = problem.errors.get(observable)
    if not isinstance(error, Outcome):
        known = [n for n, e in problem.errors.items() if isinstance(e, Outcome)]
        raise InputError(
            f"{observable} is no yes or no and no grade; there are: {', '.join(known) or 'none'}."
        )
    data = thinned(draws_of(problem, posterior, "individual"), draws)
    theta = parameters_of(problem, data, len(problem.arrangement.subjects))
    values = values_at_rows(problem, theta)[observable]
    sound = np.isfinite(values).all(axis=1)
    observed = next(o for o in problem.arrangement.observed if o.name == observable)
    parameters = tuple(
        data[n].transpose("chain", "draw").to_numpy().ravel()[sound]
        for n in error.parameters(observable)
    )
    target = problem.targets[observable]
    found = Joint(
        observable, target, problem.model.unit(target), error, values[sound],
        observed.rows.value, parameters,
    )  # fmt: skip
    if not sound.any() or np.ptp(found.typical) == 0:
        raise InputError(f"{target} is the same wherever {observable} was recorded: no curve.")
    return found


def curves(joint: Joint) -> pd.DataFrame:
    """Probability of each grade or a higher one over the range of exposures."""
    x = joint.typical
    low, high = float(x.min()), float(x.max())
    grid = np.geomspace(low, high, POINTS) if is_wide(joint) else np.linspace(low, high, POINTS)
    parts = []
    for k, chance in enumerate(joint.chance(grid), 1):
        columns = {n: np.quantile(chance, q, axis=0) for n, q in BANDS.items()}
        parts.append(pd.DataFrame({"at_least": k, "exposure": grid, **columns}))
    return pd.concat(parts, ignore_index=True)


def is_wide(joint: Joint) -> bool:
    """Whether exposures are drawn on a logarithmic axis."""
    x = joint.typical
    return bool(x.min() > 0) and (joint.error.transform == "log" or log_wanted(x))


def said(joint: Joint) -> str:
    """Compare low and high exposures in words."""
    ends = np.quantile(joint.typical, ENDS)
    chance = joint.chance(ends)
    k = max((k for k in range(1, len(chance)) if (joint.outcome > k).any()), default=0)
    told = []
    for x, values in zip(ends, chance[k].T, strict=True):
        near = between(*np.quantile(values, INTERVAL))
        at = f"{x:.3g} {joint.unit}".rstrip()
        told.append(f"{percent(float(values.mean()))} (90 % interval {near}) at {at}")
    what = joint.name if len(chance) == 1 else f"{joint.name} >= {k + 1}"
    rises = (chance[k][:, 1] > chance[k][:, 0]).mean()
    sure = "more than 99 %" if rises > 0.99 else percent(float(rises))
    return (
        f"P({what}) by {joint.target}: {told[0]}, {told[1]}, the 5 % and 95 % quantiles of the "
        f"exposures; it rises with exposure with probability {sure}. An association: "
        "what drives exposure and outcome both would look the same."
    )


def drawn(joint: Joint, table: pd.DataFrame) -> Figure:
    """Draw curves, observed shares in bins, and exposures below."""
    unit = f" [{joint.unit}]" if joint.unit else ""
    with framed(1, f"{joint.target}{unit}", wide=is_wide(joint)) as (figure, top, below):
        single = table["at_least"].nunique() == 1
        for k in map(int, table["at_least"].unique()):
            part = table[table["at_least"] == k]
            color = CURVE if single else CHAINS[(k - 1) % len(CHAINS)]
            label = "fitted curve" if single else f"{joint.name} >= {k}"
            draw_bands(top, part, color, label)
            reached = (joint.outcome >= k).astype(float)
            draw_observed(top, joint.typical, reached, 4, color, single=single, number=False)
        draw_exposures(below, joint.typical, np.full(joint.typical.size, "all"), ["all"])
        top.set_ylabel(f"P({joint.name})" if single else f"P({joint.name} >= k)")
        top.set_ylim(-0.03, 1.03)
        top.legend(loc="best")
    return figure
