"""One outcome fitted in several ways: with and without covariates; plug-in, cut and joint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from .curves import Straight
from .fit_response import ASSOCIATION, fit_response
from .form import EXPOSURE, read_form
from .uncertain import WAYS

__all__ = ["adjusted", "effect_of", "three_ways"]

INTERVAL = (0.025, 0.5, 0.975)
ODDS = (
    "Part of the change is arithmetic: odds ratios over a mixed group are nearer to 1 than those "
    "among like patients, so that a covariate that matters moves this number even where it has "
    "nothing to do with exposure."
)


def adjusted(
    exposure: Any, outcome: Any, covariates: pd.DataFrame | Mapping[str, Any], **options: Any
) -> tuple[pd.DataFrame, dict[str, xr.DataTree]]:
    """Fit with and without covariates, such as tumor burden.

    Parameters
    ----------
    exposure, outcome, covariates, **options
        To `fit_response`. Subjects without a covariate are left out of both fits. Of ``partial``
        only ``"exposure"`` is part of the fit without covariates.

    Returns
    -------
    DataFrame
        Rows ``without`` and ``with``: effect of exposure, ``median``, ``low``, ``high`` (95 %),
        ``positive`` (probability). ``attrs["sentence"]`` says what changed, in terms of
        association alone; for probabilities and grades also that odds ratios change with the
        covariates by themselves (they are not collapsible).
    dict of str to DataTree
        Both fits.
    """
    from .design import align

    design = align(exposure, outcome, covariates)
    known = set(design.subjects)
    alone = dict(options)
    if "partial" in options:
        alone["partial"] = tuple(e for e in options["partial"] if e == EXPOSURE)
    both = {
        "without": fit_response(_of(exposure, known), _of(outcome, known), **alone),
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
    said = [f"{_effect(both['with'])} is {less:.3g} without and {more:.3g} with {names}."]
    if both["with"].attrs["kind"] != "continuous":
        said.append(ODDS)
    table.attrs["sentence"] = " ".join([*said, ASSOCIATION])
    return table, both


def _effect(tree: xr.DataTree) -> str:
    """Name the effect of exposure, to begin a sentence."""
    form = read_form(tree)
    lowest = " (on grade 1 or higher)" if EXPOSURE in form.partial else ""
    if isinstance(form.curve, Straight):
        return f"The slope of exposure{lowest}"
    on = " in log-odds" if form.kind.name == "ordinal" else ""
    return f"The rise of the curve from E0 to Emax{on}{lowest}"


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
        f"The draws of exposure agree on {100 * reliability:.0f} % of its variance. "
        f"{_effect(fits['joint'])} is {slope['joint']:.3g} in the joint fit, "
        f"{slope['plug-in']:.3g} with posterior means plugged in, {slope['cut']:.3g} in the cut, "
        "whose imputed exposures know nothing of the outcome and make it smaller."
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
