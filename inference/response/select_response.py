"""`select_response`: which exposure metric and which curve predict best, by LOO."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .fit_response import fit_response

__all__ = ["Selection", "ranked", "select_response"]

CLEAR = 2.0  # standard errors by which predictions have to differ


@dataclass(frozen=True, eq=False)
class Selection:
    """Candidates compared.

    Parameters
    ----------
    table : DataFrame
        Best first: ``name``, ``elpd`` (expected log density of a new outcome, LOO), ``se``,
        ``difference`` to the best and its standard error ``difference_se``, ``weight`` of
        stacking, ``p`` (effective parameters), ``reliable`` (no Pareto k above its limit).
    fits : mapping of name to DataTree
    """

    table: pd.DataFrame
    fits: Mapping[str, xr.DataTree]

    @property
    def best(self) -> str:
        """Name of the candidate that predicts best."""
        return str(self.table["name"].iloc[0])

    @property
    def sentence(self) -> str:
        """What the table says."""
        rest = self.table.iloc[1:]
        if rest.empty:
            return f"{self.best} is the only candidate."
        close = rest[rest["difference"] <= CLEAR * rest["difference_se"]]
        said = f"{self.best} predicts better than every other candidate."
        if not close.empty:
            said = (
                f"{self.best} predicts best, but the data do not tell it from "
                f"{'; '.join(close['name'])} (within {CLEAR:g} standard errors)."
            )
        if rough := list(self.table["name"][~self.table["reliable"].astype(bool)]):
            said += (
                f" This is not reliable for {'; '.join(rough)}: single patients are so influential "
                "that LOO cannot be estimated from the draws (Pareto k too high)."
            )
        return said


def select_response(
    exposures: Mapping[str, Any] | pd.DataFrame,
    outcome: Any,
    *,
    curves: Sequence[str] = ("logistic", "linear"),
    **options: Any,
) -> Selection:
    """Fit every metric with every curve, and compare how they predict.

    Parameters
    ----------
    exposures : DataFrame or mapping of metric to exposures
        As in `fit_response`.
    outcome : as in `fit_response`
    curves : sequence of str
    **options
        To `fit_response`, the same for all.

    Returns
    -------
    Selection
        Candidates are called ``"<metric>, <curve>"``.
    """
    fits = {}
    for name in map(str, exposures):
        for curve in curves:
            tree = fit_response(exposures[name], outcome, curve=curve, **options)
            fits[f"{name}, {curve}"] = tree
    return ranked(fits)


def ranked(fits: Mapping[str, xr.DataTree]) -> Selection:
    """Compare fits of the same outcomes.

    Raises
    ------
    InputError
        If there is nothing to compare, or outcomes or their kinds differ between the fits.
    """
    if not fits:
        raise InputError("there is no fit to compare.")
    first = next(iter(fits.values()))
    for name, tree in fits.items():
        mine, yours = (t["observed_data"]["outcome"] for t in (first, tree))
        same = mine.shape == yours.shape and bool((mine.to_numpy() == yours.to_numpy()).all())
        continuous = {first.attrs["kind"], tree.attrs["kind"]}
        if not same or len(continuous) > 1 or list(mine["subject"]) != list(yours["subject"]):
            raise InputError(
                f"{name} was fitted to other outcomes or subjects than {next(iter(fits))}: "
                "only fits of the same outcomes can be compared."
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high Pareto k: the column `reliable` says so
        elpd = {n: az.loo(t, var_name="outcome", pointwise=True) for n, t in fits.items()}
        table = az.compare(elpd, round_to="none") if len(elpd) > 1 else None
    rows: list[dict[str, Any]] = []
    for name, loo in elpd.items():
        line: dict[str, Any] = {
            "name": name,
            "elpd": float(loo.elpd),
            "se": float(loo.se),
            "p": float(loo.p),
        }
        line["reliable"] = bool((np.asarray(loo.pareto_k) <= loo.good_k).all())
        line["weight"] = 1.0 if table is None else float(table.loc[name, "weight"])
        rows.append(line)
    best = max(rows, key=lambda r: float(r["elpd"]))["name"]
    for row in rows:
        gap = (elpd[str(best)].elpd_i - elpd[str(row["name"])].elpd_i).to_numpy()
        row["difference"] = float(gap.sum())
        row["difference_se"] = float(np.sqrt(gap.size * gap.var()))
    order = ["name", "elpd", "se", "difference", "difference_se", "weight", "p", "reliable"]
    frame = pd.DataFrame(rows)[order].sort_values("elpd", ascending=False)
    return Selection(frame.reset_index(drop=True), dict(fits))
