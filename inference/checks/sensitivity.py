"""Power-scaling: how much would the posterior change if prior or likelihood weighed a bit more."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ..report.prior import Prior
from .check import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["log_priors", "sensitivity"]

LIMIT = 0.05  # sensitivity from which a posterior is said to lean, by Kallioinen et al. (2024)
FLAT = 1e-9  # range of a log prior that is the same everywhere
CONFLICT, WEAK, FINE = "prior and data disagree", "prior decides, data say little", ""
CAPTION = (
    "Change of each posterior, as a distance of distributions, per doubling of the weight of the "
    "priors and of the likelihood. Beyond the line the change counts. A long bar of the prior "
    "beside a short one of the likelihood: the prior decides; two long bars: they pull apart."
)


def sensitivity(problem: Problem, tree: xr.DataTree) -> Check:
    """Find posteriors that lean on their priors, without a new fit.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`, with the group ``log_likelihood``.

    Returns
    -------
    Check
        Table: parameter, prior and likelihood (sensitivity to power-scaling all priors, all data),
        own_prior (to its own prior alone; NaN without one), verdict.

    Raises
    ------
    InputError
        If the tree holds no log likelihood or belongs to another problem.

    Notes
    -----
    Kallioinen, Paananen, Buerkner, Vehtari, Statistics and Computing 34 (2024) 57, as ArviZ
    computes it. In a hierarchical model the priors of population parameters are scaled; the
    distribution of effects around them is part of the model, as is a correlation's LKJ prior.
    A prior that was meant to be informative may lean: then it must be defended, not changed.
    """
    for group in ("posterior", "log_likelihood"):
        if group not in tree.children:
            raise InputError(f"the tree has no group {group!r}; fit with log_likelihood=True.")
    posterior = tree["posterior"].to_dataset()
    priors = log_priors(problem, posterior)
    likelihood = total(tree["log_likelihood"].to_dataset())
    judged = posterior[[n for n in priors.data_vars if n in posterior]]
    made = xr.DataTree.from_dict(
        {"posterior": judged, "log_prior": priors, "log_likelihood": likelihood}
    )
    scaled = {g: scaling(made, group=g) for g in ("prior", "likelihood")}
    rows = []
    for name in map(str, judged.data_vars):
        own = scaling(made, var_names=[name], group="prior", group_var_names=[name])
        found = {g: worst(scaled[g][name]) for g in scaled} | {"own_prior": worst(own[name])}
        rows.append({"parameter": name, **found, "verdict": verdict(**found)})
    table = pd.DataFrame(rows)
    return Check(
        name="sensitivity",
        title="Sensitivity to priors",
        sentence=sentence(table),
        good=None if (table["verdict"] == WEAK).any() else not (table["verdict"] == CONFLICT).any(),
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def scaling(made: xr.DataTree, **options: Any) -> xr.Dataset:
    """Sensitivities by ArviZ; flat priors, which have no tails to be smoothed, change nothing."""
    import arviz as az

    priors = made["log_prior"].to_dataset()[
        options.get("group_var_names") or list(made["log_prior"])
    ]
    if options["group"] == "prior" and np.ptp(total(priors)["total"].to_numpy()) < FLAT:
        return made["posterior"].to_dataset().mean(("chain", "draw")) * 0.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of tail draws", UserWarning)
        found: xr.Dataset = az.psense(made, **options)
    return found


def log_priors(problem: Problem, posterior: xr.Dataset) -> xr.Dataset:
    """Log density of each prior at each draw; nothing is solved or compiled.

    Parameters
    ----------
    problem : Problem
    posterior : Dataset, dims chain, draw, [subject]

    Returns
    -------
    Dataset, dims (chain, draw)
        One variable per estimated parameter, summed over subjects where each has its own.

    Raises
    ------
    InputError
        If a parameter of the problem has no draws.
    """
    found = {}
    for name, distribution in problem.all_priors.items():
        if name not in posterior:
            raise InputError(
                f"the posterior has no draws of {name}: it belongs to another problem."
            )
        values = posterior[name].transpose("chain", "draw", ...)
        with np.errstate(divide="ignore"):
            prior = Prior(distribution, *problem.bounds(name))
            density = np.log(prior.density(values.to_numpy().astype(np.float64)))
        rest = tuple(range(2, density.ndim))
        found[name] = (("chain", "draw"), density.sum(axis=rest))
    return xr.Dataset(found, {c: posterior[c].to_numpy() for c in ("chain", "draw")})


def total(likelihood: xr.Dataset) -> xr.Dataset:
    """Joint log likelihood of all observables; dims chain, draw."""
    sums = [v.sum([d for d in v.dims if d not in ("chain", "draw")])
            for v in likelihood.data_vars.values()]  # fmt: skip
    return xr.Dataset({"total": sum(sums[1:], sums[0])})


def worst(values: xr.DataArray) -> float:
    """Highest sensitivity among the elements of a parameter."""
    return float(np.max(np.asarray(values, dtype=np.float64)))


def verdict(prior: float, likelihood: float, own_prior: float) -> str:
    """Classify, as the authors of the method do."""
    if prior < LIMIT:
        return FINE
    return CONFLICT if likelihood >= LIMIT else WEAK


def sentence(table: pd.DataFrame) -> str:
    """Name the parameters whose posterior leans on a prior."""
    parts = []
    for found, words in ((WEAK, "rest on their prior more than on the data"),
                         (CONFLICT, "are pulled apart by prior and data")):  # fmt: skip
        names = [
            f"{r['parameter']} ({r['prior']:.2f})"
            for r in table.to_dict("records")
            if r["verdict"] == found
        ]
        if names:
            parts.append(f"the posteriors of {', '.join(names)} {words}")
    if not parts:
        return (
            f"No posterior leans on its prior: the highest sensitivity is "
            f"{table['prior'].max():.3f}, below {LIMIT:g}."
        )
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}: defend these priors, or report results under others."


def figure(table: pd.DataFrame) -> Figure:
    """Two bars per parameter."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(6, 1.2 + 0.38 * len(table)), layout="constrained")
    axis = made.subplots()
    rows = np.arange(len(table))[::-1]
    for column, shift, color in (("prior", 0.18, "C1"), ("likelihood", -0.18, "C0")):
        axis.barh(rows + shift, table[column], height=0.34, color=color, label=column)
    axis.axvline(LIMIT, color="C3", lw=1)
    axis.set(yticks=rows, yticklabels=list(table["parameter"]), xlabel="sensitivity")
    axis.legend(frameon=False)
    return made
