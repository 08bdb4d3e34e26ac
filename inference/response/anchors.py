"""Published exposure-response curves, to lay over a fit or to start one from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from ...models.distributions import Distribution, Normal
from ...models.library import get
from ...models.response import expit

__all__ = ["ANCHORS", "anchor_for", "check_anchor", "published_curve", "published_options"]

ANCHOR = "elranatamab-crs"
ANCHORS = (ANCHOR,)  # published curves
POINTS = 121
NAMES = {"b0": "intercept", "b_C": "slope"}


def published_curve(
    concentrations: npt.ArrayLike, *, burden: float = 0.0, draws: int = 4000, seed: int = 1
) -> xr.Dataset:
    """Risk of CRS after the first dose of elranatamab, as published (model ``elranatamab-crs``).

    Parameters
    ----------
    concentrations : float64[exposure]
        Free elranatamab on day 4 [ng/mL].
    burden : float
        1 for a high tumor burden, else 0.
    draws, seed : int
        Of the published intervals.

    Returns
    -------
    Dataset, dim ``exposure``
        ``risk`` at the published estimates; ``low`` and ``high``, 95 % of draws of the
        coefficients. The correlation of intercept and slope is not published, so that these bands
        are too wide; ``attrs["note"]`` says so.
    """
    model = get(ANCHOR)
    x = np.atleast_1d(np.asarray(concentrations, dtype=np.float64))
    if (x <= 0).any():
        raise InputError("concentrations must be positive.")
    rng = np.random.default_rng(seed)
    coefficients: dict[str, Any] = {}
    for name in ("b0", "b_burden", "b_C"):
        prior = model.parameter(name).prior
        assert isinstance(prior, Normal)
        coefficients[name] = prior.mean, rng.normal(prior.mean, prior.sd, (draws, 1))
    best, drawn = (
        expit(
            coefficients["b0"][k]
            + coefficients["b_burden"][k] * burden
            + coefficients["b_C"][k] * np.log(x)
        )
        for k in (0, 1)
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    values = {"risk": best, "low": low, "high": high}
    return xr.Dataset(
        {name: ("exposure", v) for name, v in values.items()},
        {"exposure": ("exposure", x, {"units": "ng/mL"})},
        {
            "name": "elranatamab, first dose",
            "source": "; ".join(model.references),
            "note": (
                "The correlation of the coefficients is not published: the band is too wide. Not "
                "for later doses, after which no relation was found."
            ),
        },
    )


def anchor_for(tree: xr.DataTree, name: str, *, at_least: int | None = None) -> xr.Dataset:
    """Evaluate a published curve over the exposures of a fit.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`, of the risk of CRS or of its grade 1 or higher.
    name : {"elranatamab-crs"}
    at_least : int, optional
        Grade that is shown of an ordinal fit.

    Returns
    -------
    Dataset
        As from `published_curve`, for a low burden.

    Raises
    ------
    InputError
        If there is no such curve, or it is one of another outcome.
    """
    check_anchor(name, 2 if tree.attrs["kind"] == "continuous" else at_least)
    x = tree["constant_data"]["exposure"].to_numpy()
    if x.min() <= 0:
        raise InputError(f"{name} needs positive exposures, in ng/mL.")
    return published_curve(np.geomspace(x.min(), x.max(), POINTS))


def check_anchor(name: str, at_least: int | None) -> None:
    """Refuse a curve that is not there, or another outcome than any CRS."""
    if name not in ANCHORS:
        guess = closest(name, ANCHORS, cutoff=0.0)
        raise InputError(
            f"no published curve is called {shown(name)}. Did you mean {guess!r}? There are "
            f"{', '.join(ANCHORS)}."
        )
    if (at_least or 1) > 1:
        raise InputError(f"{name} is the risk of any CRS: it suits a yes or no, or grade >= 1.")


def published_options(burden: str | None = None) -> dict[str, Any]:
    """Options of `fit_response` that start from the published regression.

    Parameters
    ----------
    burden : str, optional
        Name of the covariate that is 1 for a high tumor burden, if the fit has one.

    Returns
    -------
    dict
        ``curve``, ``transform``, ``reference`` and ``priors``, for exposures in ng/mL.

    Examples
    --------
    >>> published_options()["priors"]["slope"].mean
    1.35
    """
    model = get(ANCHOR)
    names = NAMES | ({"b_burden": f"b_{burden}"} if burden else {})
    priors: dict[str, Distribution] = {}
    for name, own in names.items():
        prior = model.parameter(name).prior
        assert prior is not None
        priors[own] = prior
    return {"curve": "logistic", "transform": "log", "reference": 1.0, "priors": priors}
