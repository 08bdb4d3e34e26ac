"""Leave-one-out: how well rows, or whole subjects, are predicted by a fit to all others."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .check import Check
from .new_subject import subject_likelihood

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["elpd", "loo"]

BY = ("observation", "subject")
UNIT = "unit"  # what is left out
NAMES, INNER = ("subject", "time", "observable"), "inner_ess"
LISTED = 5
FEW_INNER = 10.0  # effective inner draws below which elpd of a subject is off by 0.1, about
CAPTION = (
    "Pareto k of each left-out unit: how much the posterior would change without it. Above the "
    "line the estimate of its prediction cannot be trusted, and the unit is influential."
)


def loo(
    tree: xr.DataTree,
    problem: Problem | None = None,
    *,
    by: str = "observation",
    draws: int = 400,
    inner: int = 50,
    seed: int = 0,
) -> Check:
    """Estimate leave-one-out predictive densities by Pareto-smoothed importance sampling.

    Parameters
    ----------
    tree : DataTree
        From `fit`, with the group ``log_likelihood``.
    problem : Problem, optional
        Needed for ``by="subject"``.
    by : {"observation", "subject"}
        ``"observation"``: one row is left out, conditional on the individual parameters, which
        the subject's other rows inform; it tells how well gaps of known subjects are filled.
        ``"subject"``: all rows of a subject are left out, its random effects integrated over the
        population; it tells how well new subjects are predicted. The sum of conditional row
        likelihoods would be wrong there: the left-out effects have seen the left-out rows.
    draws, inner : int
        For ``"subject"``: posterior draws, and effects drawn for each of them and each subject.
    seed : int
        For the same.

    Returns
    -------
    Check
        Table: a row per unit with subject, time and observable (of observations), elpd (expected
        log predictive density), pareto_k, good, and of subjects inner_ess (effective effects per
        draw; below 10 the sentence says so). ``good`` is None where a unit has a high k.

    Raises
    ------
    InputError
        If a setting has no meaning, or subjects with independent parameters are to be predicted.

    Notes
    -----
    Vehtari, Gelman, Gabry, Statistics and Computing 27 (2017) 1413-1432; Vehtari et al., JMLR 25
    (2024) 72. For integrated effects: Merkle, Furr, Rabe-Hesketh, Psychometrika 84 (2019) 802-829.
    """
    found = elpd(tree, problem, by=by, draws=draws, inner=inner, seed=seed)
    table = units_of(found)
    limit = float(found.good_k)
    table["good"] = table["pareto_k"] < limit
    return Check(
        name="loo",
        title=f"Leave-one-out by {by}",
        sentence=sentence(table, found, by, limit),
        good=None if not table["good"].all() else True,
        table=table,
        plot=lambda: figure(table, by, limit),
        caption=CAPTION,
    )


def elpd(
    tree: xr.DataTree,
    problem: Problem | None = None,
    *,
    by: str = "observation",
    draws: int = 400,
    inner: int = 50,
    seed: int = 0,
) -> Any:
    """Leave-one-out as a record of ArviZ (``ELPDData``, pointwise), see `loo`.

    Returns
    -------
    ELPDData
        Its ``elpd_i`` and ``pareto_k`` have the dim ``unit`` with the coordinates subject, and for
        observations time and observable, for subjects inner_ess.
    """
    import arviz as az

    if by not in BY:
        raise InputError(f"leave-one-out goes by {' or '.join(BY)}, not by {by!r}.")
    if by == "observation":
        scores = by_observation(tree)
    elif problem is None:
        raise InputError("leave-one-out by subject needs the problem: loo(tree, problem, ...).")
    else:
        posterior = tree["posterior"].to_dataset()
        scores = subject_likelihood(problem, posterior, draws, inner, seed).rename(subject=UNIT)
        scores = scores.assign_coords(subject=(UNIT, scores[UNIT].to_numpy()))
    if not np.isfinite(scores.to_numpy()).all():
        raise InputError(
            "the log likelihood is not finite at some draws (a solve failed there): leave-one-out "
            "cannot be computed. Give the solver more room (SolverOptions) and fit again."
        )
    made = xr.DataTree.from_dict({"log_likelihood": scores.to_dataset(name="rows")})
    made["posterior"] = scores.isel({UNIT: 0}, drop=True).to_dataset(name="anything")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # high k, which is told here
        found = az.loo(made, pointwise=True, reff=efficiency(scores))
    named = {c: (UNIT, scores[c].to_numpy()) for c in (*NAMES, INNER) if c in scores.coords}
    found.elpd_i = found.elpd_i.assign_coords(named)
    return found


def by_observation(tree: xr.DataTree) -> xr.DataArray:
    """Log likelihood of every row of every observable; dims chain, draw, unit."""
    for group in ("log_likelihood", "constant_data"):
        if group not in tree.children:
            raise InputError(f"the tree has no group {group!r}; fit with log_likelihood=True.")
    known, parts = tree["constant_data"].to_dataset(), []
    for name, scores in tree["log_likelihood"].to_dataset().data_vars.items():
        dim = f"{name}_observation"
        part = scores.rename({dim: UNIT}).drop_vars(UNIT, errors="ignore")
        parts.append(
            part.assign_coords(
                subject=(UNIT, known[f"{name}_subject"].to_numpy()),
                time=(UNIT, known[f"{name}_time"].to_numpy()),
                observable=(UNIT, np.full(part.sizes[UNIT], str(name), dtype=object)),
            )
        )
    joined: xr.DataArray = xr.concat(parts, dim=UNIT)
    return joined.transpose("chain", "draw", UNIT).assign_coords(
        {UNIT: np.arange(joined.sizes[UNIT])}
    )


def efficiency(scores: xr.DataArray) -> float:
    """Effective draws of the likelihoods per draw, as PSIS needs it; 1 at most."""
    import arviz as az

    chains: xr.DataArray = xr.ufuncs.exp(scores - scores.max(("chain", "draw")))
    chains = chains.transpose("chain", "draw", UNIT)
    if chains.sizes["draw"] < 4:
        return 1.0
    found = az.ess(chains.to_dataset(name="x"), method="mean")["x"].to_numpy()
    share = np.nanmean(found) / (chains.sizes["chain"] * chains.sizes["draw"])
    return float(np.clip(share, 1e-3, 1.0)) if np.isfinite(share) else 1.0


def units_of(found: Any) -> pd.DataFrame:
    """One row per left-out unit."""

    def columns(*names: str) -> dict[str, Any]:
        return {c: found.elpd_i[c].to_numpy() for c in names if c in found.elpd_i.coords}

    scores = {"elpd": found.elpd_i.to_numpy(), "pareto_k": found.pareto_k.to_numpy()}
    return pd.DataFrame(columns(*NAMES) | scores | columns(INNER))


def few_inner(table: pd.DataFrame) -> str:
    """Say for which subject too few of the drawn effects count; empty where there is none."""
    if INNER not in table or not table[INNER].min() < FEW_INNER:
        return ""
    least = table.sort_values(INNER).iloc[0]
    return (
        f" Of the effects drawn for subject {least['subject']} only {least[INNER]:.1f} count at a "
        f"typical draw (at least {FEW_INNER:.0f} are wanted), which biases its density: draw more "
        "(inner=...)."
    )


def sentence(table: pd.DataFrame, found: Any, by: str, limit: float) -> str:
    """Estimate, and the units for which it cannot be trusted."""
    what = "rows, conditional on individual parameters" if by == "observation" else (
        "subjects, their effects integrated out"
    )  # fmt: skip
    text = (
        f"Expected log predictive density of {len(table)} left-out {what}: {found.elpd:.1f} "
        f"(standard error {found.se:.1f})"
    )
    bad = table[~table["good"]].sort_values("pareto_k", ascending=False)
    if bad.empty:
        return f"{text}; all Pareto k are below {limit:.2f}.{few_inner(table)}"
    names = [label(row) for row in bad.head(LISTED).to_dict("records")]
    more = f" and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
    return (
        f"{text}, but it cannot be trusted for {len(bad)} of them (Pareto k above {limit:.2f}): "
        f"{', '.join(names)}{more}.{few_inner(table)}"
    )


def label(row: dict[Any, Any]) -> str:
    """Name a unit."""
    where = f" at {row['time']:g} ({row['observable']})" if "time" in row else ""
    return f"subject {row['subject']}{where}"


def figure(table: pd.DataFrame, by: str, limit: float) -> Figure:
    """Pareto k by unit."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7, 3), layout="constrained")
    axis = made.subplots()
    at = np.arange(len(table))
    colors = np.where(table["good"], "C0", "C3")
    axis.scatter(at, table["pareto_k"], c=list(colors), s=14)
    axis.axhline(limit, color="C3", lw=1)
    axis.set(xlabel=f"left-out {by}", ylabel="Pareto k")
    if by == "subject" and len(table) <= 30:
        axis.set_xticks(at, list(table["subject"]), rotation=60, fontsize=8)
    return made
