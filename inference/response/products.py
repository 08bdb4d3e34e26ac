"""Products, doses or constructs compared: whose exposure is higher, whose risk, and by how much."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from ...datasets.errors import InputError
from .predicted import subject_response

__all__ = ["compare_products", "probability_higher"]

Array = npt.NDArray[Any]
INTERVAL = (0.025, 0.5, 0.975)
FEWEST = 3
CLOSE = 1e-6  # of an indicator of 0 or 1
CHANCE = (
    "Patients were not allotted to products by chance: a difference between products may be one "
    "between their patients."
)
ONE_CURVE = (
    "All products share one curve, so that their risks differ by exposure{others} alone: what a "
    "product does beyond its exposure is not seen; to see it, make the product a covariate."
)


def compare_products(
    tree: xr.DataTree, product: Any, *, at_least: int | None = None, seed: int = 1
) -> pd.DataFrame:
    """Compare every pair of products.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`.
    product : Series or array of str
        Product of each subject: by its label where the Series has labels, else in the order of the
        fit.
    at_least : int, optional
        Grade of an ordinal outcome; default 1.
    seed : int

    Returns
    -------
    DataFrame
        One row per pair: ``first``, ``second``, ``n_first``, ``n_second``; ``higher``, the
        probability that a new patient of the first product has the higher exposure (log-normal
        exposures, see `probability_higher`); ``risk_first``, ``risk_second`` and their
        ``difference``, means over the patients of each product, at their own exposures and
        covariates; each with ``_low`` and ``_high`` (95 %); ``greater``, the probability that the
        first risk is greater. ``attrs["sentence"]`` reminds of what a comparison cannot say: also
        that risks differ by exposure (and covariates) alone where the product is no covariate of
        the fit, which has one curve for all products.

    Raises
    ------
    InputError
        If a product has fewer than 3 subjects, or exposures are not positive.
    """
    known = tree["constant_data"].to_dataset()
    labels = _labels(product, [str(s) for s in known["subject"].to_numpy()])
    names = list(dict.fromkeys(labels))
    for name in names:
        if (count := int((labels == name).sum())) < FEWEST:
            raise InputError(f"product {name!r} has {count} subjects; {FEWEST} are needed.")
    if len(names) < 2:
        raise InputError("there is one product only: nothing can be compared.")
    risk = subject_response(tree, at_least=at_least).to_numpy()
    risk = risk.reshape(-1, risk.shape[-1])
    posterior = tree["posterior"].to_dataset()
    x = known["exposure"].to_numpy()[None]
    if "exposure" in posterior:
        x = posterior["exposure"].to_numpy().reshape(-1, x.shape[-1])
    x = np.broadcast_to(x, risk.shape)
    rng = np.random.default_rng(seed)
    rows = []
    for first, second in combinations(names, 2):
        one, two = labels == first, labels == second
        risks = risk[:, one].mean(axis=1), risk[:, two].mean(axis=1)
        rows.append(
            {
                "first": first,
                "second": second,
                "n_first": int(one.sum()),
                "n_second": int(two.sum()),
                **_quantiles("higher", probability_higher(x[:, one], x[:, two], rng)),
                **_quantiles("risk_first", risks[0]),
                **_quantiles("risk_second", risks[1]),
                **_quantiles("difference", risks[0] - risks[1]),
                "greater": float((risks[0] > risks[1]).mean()),
            }
        )
    table = pd.DataFrame(rows)
    said = [CHANCE]
    if not _told_apart(labels, known["covariates"].to_numpy()):
        others = " and covariates" if known.sizes["term"] else ""
        said.insert(0, ONE_CURVE.format(others=others))
    table.attrs["sentence"] = " ".join(said)
    return table


def _told_apart(labels: npt.NDArray[np.object_], z: Array) -> bool:
    """Whether the covariates hold the product: each is a sum of their columns."""
    columns = np.column_stack([np.ones(len(labels)), z])
    wanted = np.stack([labels == n for n in dict.fromkeys(labels)], axis=1).astype(float)
    found = columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
    return bool(np.abs(found - wanted).max() < CLOSE)


def probability_higher(first: Array, second: Array, rng: np.random.Generator) -> Array:
    """Probability that a new exposure of the first product is above one of the second.

    Parameters
    ----------
    first, second : float64[draw, subject]
        Exposures, positive.
    rng : Generator

    Returns
    -------
    float64[draw]
        ``Phi((m1 - m2) / sqrt(s1**2 + s2**2))`` at a draw of the means and standard deviations of
        the logarithms, from their posterior under the prior ``1 / s**2``.
    """
    (m1, v1), (m2, v2) = (_drawn(x, rng) for x in (first, second))
    return np.asarray(ndtr((m1 - m2) / np.sqrt(v1 + v2)))


def _drawn(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Mean and variance of logarithms, drawn."""
    if (x <= 0).any():
        raise InputError("exposures that are not positive have no log-normal distribution.")
    logs = np.log(x)
    n = logs.shape[1]
    square = ((logs - logs.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    variance = square / rng.chisquare(n - 1, len(logs))
    return rng.normal(logs.mean(axis=1), np.sqrt(variance / n)), variance


def _labels(product: Any, subjects: list[str]) -> npt.NDArray[np.object_]:
    """Product of each subject of the fit."""
    if isinstance(product, pd.Series) and not isinstance(product.index, pd.RangeIndex):
        found = product.set_axis(list(map(str, product.index))).reindex(subjects)
        return found.astype(str).to_numpy(dtype=object)
    values = np.asarray(product, dtype=object)
    if len(values) != len(subjects):
        raise InputError(f"{len(values)} products are given for {len(subjects)} subjects.")
    return np.array(list(map(str, values)), dtype=object)


def _quantiles(name: str, draws: Array) -> dict[str, float]:
    low, median, high = np.quantile(draws, INTERVAL)
    return {name: float(median), f"{name}_low": float(low), f"{name}_high": float(high)}
