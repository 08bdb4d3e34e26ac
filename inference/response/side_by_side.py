"""One outcome fitted in several ways: with and without covariates; plug-in, cut and joint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .fit_response import ASSOCIATION, fit_response
from .uncertain import WAYS

__all__ = ["adjusted", "effect_of", "three_ways"]

INTERVAL = (0.025, 0.5, 0.975)


def adjusted(
    exposure: Any, outcome: Any, covariates: pd.DataFrame | Mapping[str, Any], **options: Any
) -> tuple[pd.DataFrame, dict[str, xr.DataTree]]:
    """Fit with and without covariates, such as tumor burden.

    Parameters
    ----------
    exposure, outcome, covariates, **options
        To `fit_response`. Subjects without a covariate are left out of both fits.

    Returns
    -------
    DataFrame
        Rows ``without`` and ``with``: effect of exposure, ``median``, ``low``, ``high`` (95 %),
        ``positive`` (probability). ``attrs["sentence"]`` says what changed, in terms of
        association alone.
    dict of str to DataTree
        Both fits.
    """
    from .design import align

    design = align(exposure, outcome, covariates)
    known = set(design.subjects)
    both = {
        "without": fit_response(_of(exposure, known), _of(outcome, known), **options),
        "with": fit_response(exposure, outcome, covariates=covariates, **options),
    }
    sizes = {t["observed_data"].sizes["subject"] for t in both.values()}
    if len(sizes) > 1:
        raise InputError(
            "subjects without a covariate cannot be matched by position: name the subjects."
        )
    table = pd.DataFrame([{"covariates": n, **effect_of(t)} for n, t in both.items()])
    names = ", ".join(map(str, covariates))
    less, more = table["median"]
    table.attrs["sentence"] = (
        f"The slope of exposure is {less:.3g} without and {more:.3g} with {names}. {ASSOCIATION}"
    )
    return table, both


def _of(values: Any, known: set[str]) -> Any:
    """Values of the subjects that have every covariate, where they are named."""
    if isinstance(values, xr.DataArray | xr.Dataset) and "subject" in values.coords:
        return values.sel(subject=[s for s in values["subject"].to_numpy() if str(s) in known])
    if isinstance(values, pd.Series) and not isinstance(values.index, pd.RangeIndex):
        return values[[str(s) in known for s in values.index]]
    return values


def three_ways(
    exposure: xr.DataArray, outcome: Any, **options: Any
) -> tuple[pd.DataFrame, dict[str, xr.DataTree]]:
    """Fit with uncertain exposures as plug-in, cut and joint, to see what each does to the slope.

    Parameters
    ----------
    exposure : DataArray, dims (chain, draw, subject)
    outcome, **options
        To `fit_response`.

    Returns
    -------
    DataFrame
        One row per way: effect of exposure; ``expected``, how many times smaller than that of the
        joint fit its slope is in theory (straight curve of a continuous outcome).
        ``attrs["sentence"]`` says so in words.
    dict of way to DataTree
    """
    fits = {w: fit_response(exposure, outcome, uncertainty=w, **options) for w in WAYS}
    reliability = float(fits["joint"].attrs["reliability"])
    factor = {"plug-in": 1.0, "cut": reliability, "joint": 1.0}
    rows = [{"uncertainty": w, **effect_of(t), "expected": factor[w]} for w, t in fits.items()]
    table = pd.DataFrame(rows)
    slope = dict(zip(table["uncertainty"], table["median"], strict=True))
    table.attrs["sentence"] = (
        f"The draws of exposure agree on {100 * reliability:.0f} % of its variance. The slope is "
        f"{slope['joint']:.3g} in the joint fit, {slope['plug-in']:.3g} with posterior means "
        f"plugged in, {slope['cut']:.3g} in the cut, whose imputed exposures know nothing of the "
        "outcome and make it smaller."
    )
    return table, fits


def effect_of(tree: xr.DataTree) -> dict[str, Any]:
    """Effect of exposure: its name, median, 95 % interval, and probability to be positive."""
    posterior = tree["posterior"]
    if "slope" in posterior:
        name, draws = "slope", posterior["slope"].to_numpy()
    else:
        name = "Emax - E0"
        span = posterior["span"] if "span" in posterior else posterior["Emax"] - posterior["E0"]
        draws = span.to_numpy()
    low, median, high = np.quantile(draws, INTERVAL)
    return {
        "effect": name,
        "median": float(median),
        "low": float(low),
        "high": float(high),
        "positive": float((draws > 0).mean()),
    }
