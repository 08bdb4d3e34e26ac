"""Shrinkage: how far individual estimates are drawn to the typical value for want of data.

The estimate of a random effect is its posterior mean. Their spread over the subjects is less than
omega by what the data do not know: 1 - sd / omega, or 1 - variance / omega^2 (Savic and Karlsson
2009, doi:10.1208/s12248-009-9133-0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.lines import Line2D

from ..drawing import CURVE, LIMIT, PRIOR, Panels, style
from ..measuring.arms import effect_shares
from ..percent import percent
from ..populations.hierarchy import STUDENT, Hierarchical
from ..predict import draws_of
from .check import Check
from .residuals import individual_fits

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["shrinkage"]

Array = npt.NDArray[np.float64]
MUCH = 0.3
COLUMNS = ["kind", "name", "n", "omega", "sd", "sd_form", "variance_form"]
CAPTION = (
    "Each bar is 1 - sd / omega: 0 where individual estimates vary as the population does, 100 % "
    "where all are the typical value. Beyond the dashed line, plots of individual estimates "
    "against covariates or IPRED mislead; the posterior itself is not affected."
)


def shrinkage(problem: Problem, posterior: xr.DataTree | xr.Dataset, *, draws: int = 500) -> Check:
    """Compute the shrinkage of random effects and of residuals.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    draws : int
        Posterior draws to take the medians of IPRED over, at most.

    Returns
    -------
    Check
        ``table``: ``kind`` (eta, of subjects; kappa, of occasions; epsilon, of residuals), name of
        the parameter or observable, number of effects, ``omega`` (standard deviation that the
        model states), ``sd`` (of the estimates), ``sd_form`` (1 - sd / omega), ``variance_form``
        (1 - sd^2 / omega^2). The effects of a published arm, which vary less than those of
        persons, are put on the scale of persons first. ``good`` is None: shrinkage is no fault of
        a fit.
    """
    data = draws_of(problem, posterior, "observed")
    rows = effect_rows(problem, data)
    for fit in individual_fits(problem, data, draws=draws):
        z = fit.iwres[np.isfinite(fit.iwres)]
        if z.size > 1:
            rows.append(row("epsilon", fit.name, z, 1.0))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return Check(
        name="shrinkage",
        title="Shrinkage",
        sentence=sentence(table),
        good=None,
        table=table,
        plot=lambda: draw(table),
        caption=CAPTION,
    )


def effect_rows(problem: Problem, data: xr.Dataset) -> list[tuple[object, ...]]:
    """Shrinkage of the random effects; none without a hierarchical population."""
    family = problem.family
    if not isinstance(family, Hierarchical):
        return []
    rows, shares = [], effect_shares(problem)
    for name in family.of(problem):
        omega = float(data[f"{name}_omega"].mean())
        if family.shapes.get(name) == "student":
            omega *= np.sqrt(STUDENT / (STUDENT - 2))  # standard deviation of this t distribution
        estimates = data[f"{name}_eta"].mean(("chain", "draw")).to_numpy() / shares
        rows.append(row("eta", name, estimates, omega))
    occasions = problem.arrangement.occasions
    for name in () if occasions is None else occasions.parameters:
        assert occasions is not None
        kappa = data[f"{name}_kappa"].mean(("chain", "draw"))
        seen = kappa.transpose("subject", "occasion").to_numpy()[occasions.seen]
        rows.append(row("kappa", name, seen, float(data[f"{name}_iov"].mean())))
    return rows


def row(kind: str, name: str, estimates: Array, omega: float) -> tuple[object, ...]:
    """Compare the spread of estimates with the one that the model states."""
    sd = float(estimates.std(ddof=1)) if estimates.size > 1 else np.nan
    form = 1 - sd / omega if omega > 0 else np.nan
    return kind, name, estimates.size, omega, sd, form, 1 - (1 - form) ** 2


def sentence(table: pd.DataFrame) -> str:
    """Name the effects that shrink much, and the shrinkage of residuals."""
    effects = table[table["kind"] != "epsilon"].sort_values("sd_form", ascending=False)
    much = effects[effects["sd_form"] > MUCH]
    if effects.empty:
        text = "There are no random effects that could shrink."
    elif much.empty:
        most = effects.iloc[0]
        text = (
            f"No random effect shrinks by more than {percent(MUCH)}; the most does that of "
            f"{most['name']}, by {percent(most['sd_form'])}."
        )
    else:
        named = [f"{n} ({percent(v)})" for n, v in zip(labels(much), much["sd_form"], strict=True)]
        text = (
            f"Individual values of {', '.join(named)} shrink by more than {percent(MUCH)}: the "
            "data of single subjects say little about them."
        )
    residual = table[table["kind"] == "epsilon"].sort_values("sd_form", ascending=False)
    if len(residual):
        most = residual.iloc[0]
        which = "" if len(residual) == 1 else ", at most"
        text += f" Residuals shrink by {percent(most['sd_form'])} ({most['name']}{which})."
    return text


def labels(table: pd.DataFrame) -> list[str]:
    """Name each row; effects of occasions say so."""
    words = {"eta": "", "kappa": " between occasions", "epsilon": " residuals"}
    return [f"{n}{words[k]}" for n, k in zip(table["name"], table["kind"], strict=True)]


def draw(table: pd.DataFrame) -> Figure:
    """Bars of shrinkage, effects before residuals."""
    with style():
        panels = Panels(1, columns=1, size=(5.4, 1.1 + 0.28 * len(table)))
        axes = panels.axes[0]
        place = np.arange(len(table))[::-1]
        color = [PRIOR if kind == "epsilon" else CURVE for kind in table["kind"]]
        axes.barh(place, 100 * table["sd_form"], color=color, height=0.65)
        axes.axvline(0, color=PRIOR, lw=0.8)
        axes.axvline(100 * MUCH, color=LIMIT, lw=1.1, ls=(0, (4, 3)))
        axes.set_yticks(place, labels(table))
        axes.set_xlabel("shrinkage [%]")
        axes.set_xlim(min(0.0, 100 * float(table["sd_form"].min()) - 5), 100)
        panels.legend([Line2D([], [], color=LIMIT, lw=1.1, ls="--", label="30 %")])
    return panels.figure
