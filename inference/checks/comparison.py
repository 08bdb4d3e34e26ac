"""`compare`: which of several fits of the same rows predicts best, and how to average them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .check import Check
from .loo import elpd, few_inner, units_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..problem import Problem

__all__ = ["averaged", "compare"]

CLEAR = 2.0  # standard errors of a difference
SMALL = 4.0  # difference below which models predict alike, whatever its standard error
CAPTION = (
    "Difference of expected log predictive density to the best model, with one standard error, "
    "and the weight of each model in the average that predicts best (stacking)."
)


def compare(
    fits: Mapping[str, xr.DataTree],
    problems: Mapping[str, Problem] | None = None,
    *,
    by: str = "observation",
    draws: int = 400,
    inner: int = 50,
    seed: int = 0,
) -> Check:
    """Compare fits by leave-one-out, with stacking weights.

    Parameters
    ----------
    fits : mapping of name to DataTree
        From `fit`; at least two, of the same rows.
    problems : mapping of name to Problem, optional
        Needed for ``by="subject"``.
    by, draws, inner, seed
        As for `loo`.

    Returns
    -------
    Check
        Table, best first: model, elpd, elpd_diff, dse (standard error of the difference), weight,
        high_k (units whose Pareto k is too high).

    Raises
    ------
    InputError
        If fits are of different rows, values or units: their densities have no common measure; or
        if rows are conditional on lying above a limit in one of them (M2, M4) and not so in the
        other: a density that is divided by a probability is higher whatever the model. (Fits of
        releases that did not write this down pass as unconditional.)

    Notes
    -----
    Stacking: Yao, Vehtari, Simpson, Gelman, Bayesian Analysis 13 (2018) 917-1007.
    """
    records = records_of(fits, problems, by=by, draws=draws, inner=inner, seed=seed)
    return compared(records, by)


def records_of(
    fits: Mapping[str, xr.DataTree],
    problems: Mapping[str, Problem] | None = None,
    *,
    by: str,
    draws: int = 400,
    inner: int = 50,
    seed: int = 0,
) -> dict[str, Any]:
    """Leave-one-out of each fit, as `elpd` gives it; arguments and errors of `compare`."""
    if len(fits) < 2:
        raise InputError("a comparison needs at least two fits.")
    refuse_different_rows(fits)
    known = problems or {}
    return {
        name: elpd(tree, known.get(name), by=by, draws=draws, inner=inner, seed=seed)
        for name, tree in fits.items()
    }


def compared(records: Mapping[str, Any], by: str) -> Check:
    """Compare fits whose leave-one-out is known, see `compare`."""
    import arviz as az

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # high k, which is told here
        frame = az.compare(dict(records), method="stacking", round_to="none")
    table = pd.DataFrame(
        {
            "model": list(frame.index),
            "elpd": frame["elpd"].to_numpy(dtype=float),
            "elpd_diff": frame["elpd_diff"].to_numpy(dtype=float),
            "dse": frame["dse"].fillna(0.0).to_numpy(dtype=float),
            "weight": frame["weight"].to_numpy(dtype=float),
            "high_k": [
                int((records[n].pareto_k >= records[n].good_k).sum()) for n in map(str, frame.index)
            ],
        }
    )
    return Check(
        name="compare",
        title=f"Comparison of models by {by}",
        sentence=sentence(table, by) + inner_of(records),
        good=None,
        table=table,
        plot=lambda: figure(table),
        caption=CAPTION,
    )


def fingerprint(tree: xr.DataTree) -> dict[str, str]:
    """Digest of what each likelihood scores: subjects, times, values, units, censoring."""
    for group in ("observed_data", "constant_data"):
        if group not in tree.children:
            raise InputError(f"the tree has no group {group!r}: is it a fit?")
    values, known = tree["observed_data"].to_dataset(), tree["constant_data"].to_dataset()
    found = {}
    for name in map(str, values.data_vars):
        columns = [values[name].to_numpy().tolist(), str(values[name].attrs.get("units", ""))]
        columns += [
            known[f"{name}_{column}"].to_numpy().tolist()
            for column in ("subject", "time", "censoring", "lower", "upper", "se")
            if f"{name}_{column}" in known
        ]
        found[name] = hashlib.sha256(json.dumps(columns, default=str).encode()).hexdigest()
    return found


def truncation(tree: xr.DataTree) -> dict[str, list[float]]:
    """Values that rows are conditional on lying above; of the observables that have any."""
    known = tree["constant_data"].to_dataset()
    names = map(str, tree["observed_data"].to_dataset().data_vars)
    return {n: known[f"{n}_above"].to_numpy().tolist() for n in names if f"{n}_above" in known}


def refuse_different_rows(fits: Mapping[str, xr.DataTree]) -> None:
    """Refuse fits that do not score the same rows."""
    prints = {name: fingerprint(tree) for name, tree in fits.items()}
    first, *others = prints
    for name in others:
        if set(prints[name]) != set(prints[first]):
            raise InputError(
                f"{first} is fitted to {', '.join(sorted(prints[first]))} and {name} to "
                f"{', '.join(sorted(prints[name]))}: fits of different observables cannot be "
                "compared. Leave out the same ones in both (observables=...)."
            )
        for observable, digest in prints[first].items():
            if prints[name][observable] != digest:
                raise InputError(
                    f"{first} and {name} are fitted to different rows of {observable} (or in "
                    "another unit): their predictive densities cannot be compared. Fit both to "
                    "the same study."
                )
        here, there = truncation(fits[first]), truncation(fits[name])
        for observable in prints[first]:
            if here.get(observable) != there.get(observable):
                raise InputError(
                    f"{observable}: rows of {first} and {name} are conditional on lying above a "
                    "limit (M2, M4) in one and not so, or on another limit, in the other. That "
                    "raises a density whatever the model: give both the same censoring."
                )


def averaged(
    predictions: Mapping[str, xr.Dataset], weights: Mapping[str, float], *, seed: int = 0
) -> xr.Dataset:
    """Average predictions of several models: draws of each in proportion to its weight.

    Parameters
    ----------
    predictions : mapping of name to Dataset, dims chain, draw, ...
        From `predict`, for the same subjects and times.
    weights : mapping of name to float
        Such as those of `compare`; they are divided by their sum.
    seed : int
        Chooses the draws.

    Returns
    -------
    Dataset, dims chain (1), draw, ...
        Variables that all models have; as many draws as the smallest prediction. The coordinate
        ``model`` names the origin of each draw.

    Raises
    ------
    InputError
        If names, weights, variables, subjects, times or units do not fit together.
    """
    check_weights(predictions, weights)
    names = list(predictions)
    shared = [
        v for v in predictions[names[0]].data_vars
        if all(v in p.data_vars for p in predictions.values())
    ]  # fmt: skip
    if not shared:
        raise InputError("the predictions have no variable in common.")
    rng = np.random.default_rng(seed)
    size = min(p.sizes["chain"] * p.sizes["draw"] for p in predictions.values())
    total = sum(weights[n] for n in names)
    counts = rng.multinomial(size, [weights[n] / total for n in names])
    parts = []
    for name, count in zip(names, counts, strict=True):
        data = predictions[name][shared]
        refuse_different_grids(names[0], predictions[names[0]][shared], name, data)
        stacked = data.stack(every=("chain", "draw"), create_index=False).transpose("every", ...)
        at = np.sort(rng.choice(stacked.sizes["every"], count, replace=False))
        picked = stacked.isel(every=at).drop_vars(("chain", "draw"), errors="ignore")
        parts.append(picked.assign_coords(model=("every", np.full(count, name, dtype=object))))
    joined = xr.concat(parts, dim="every", combine_attrs="drop_conflicts")
    joined = joined.rename(every="draw").assign_coords(draw=np.arange(size))
    return joined.expand_dims(chain=[0])


def check_weights(predictions: Mapping[str, xr.Dataset], weights: Mapping[str, float]) -> None:
    """Refuse weights that belong to other models, or are none."""
    if set(weights) != set(predictions):
        raise InputError(
            f"weights are given for {', '.join(weights)}, predictions for {', '.join(predictions)}."
        )
    numbers = np.array(list(weights.values()), dtype=float)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or numbers.sum() <= 0:
        raise InputError("weights must be finite, not negative, and not all zero.")


def refuse_different_grids(first: str, one: xr.Dataset, second: str, other: xr.Dataset) -> None:
    """Refuse predictions at other times, of other subjects or in other units."""
    for dim in (d for d in one.dims if d not in ("chain", "draw")):
        units = [p[dim].attrs.get("units", "") if dim in p.dims else "" for p in (one, other)]
        if units[0] != units[1]:
            raise InputError(f"{dim} is in {units[0]} in {first} and in {units[1]} in {second}.")
        if dim not in other.dims or not np.array_equal(one[dim].to_numpy(), other[dim].to_numpy()):
            raise InputError(
                f"the predictions of {first} and {second} have different values of {dim}; predict "
                "both at the same."
            )
    for name in one.data_vars:
        units = [data[name].attrs.get("units", "") for data in (one, other)]
        if units[0] != units[1]:
            raise InputError(f"{name} is in {units[0]} in {first} and in {units[1]} in {second}.")


def sentence(table: pd.DataFrame, by: str) -> str:
    """Say which model predicts best, and whether that is clear."""
    best, others = table.iloc[0], table.iloc[1:]
    close = [
        r["model"]
        for r in others.to_dict("records")
        if abs(r["elpd_diff"]) < max(CLEAR * r["dse"], SMALL)
    ]
    left_out = "rows" if by == "observation" else "subjects"
    text = f"{best['model']} predicts left-out {left_out} best (weight {best['weight']:.2f})"
    if close:
        text += f"; {', '.join(close)} cannot be told from it"
    else:
        nearest = others.iloc[0]
        text += (
            f"; {nearest['model']}, the next, is worse by {-nearest['elpd_diff']:.1f} (standard "
            f"error {nearest['dse']:.1f})"
        )
    high = int(table["high_k"].sum())
    return f"{text}. {high} Pareto k are too high: read it with caution." if high else f"{text}."


def inner_of(records: Mapping[str, Any]) -> str:
    """Say in which fits too few of the effects drawn for a subject count."""
    said = {name: few_inner(units_of(record)) for name, record in records.items()}
    return "".join(f" {name}:{text}" for name, text in said.items() if text)


def figure(table: pd.DataFrame) -> Figure:
    """Differences with standard errors, and weights."""
    from matplotlib.figure import Figure

    from ..drawing import CURVE, style

    with style():
        made = Figure(figsize=(7, 1.0 + 0.35 * len(table)), layout="constrained")
        left, right = made.subplots(1, 2, sharey=True)
        rows = np.arange(len(table))[::-1]
        left.errorbar(table["elpd_diff"], rows, xerr=table["dse"], fmt="o", color=CURVE)
        left.axvline(0, color="0.6", lw=0.8)
        left.set(yticks=rows, yticklabels=list(table["model"]), ylim=(-0.6, len(table) - 0.4))
        left.set_xlabel("difference of elpd to the best, with one standard error")
        right.barh(rows, table["weight"], color=CURVE, height=0.4)
        right.set(xlabel="weight", xlim=(0, 1))
    return made
