"""What a fitted curve says: risk or mean at an exposure, and for the subjects of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .form import Form, read_form
from .kinds import Ordinal, expected

__all__ = ["checked_grade", "response_curve", "shown_grades", "subject_response"]

Array = npt.NDArray[Any]


def response_curve(
    tree: xr.DataTree,
    exposures: npt.ArrayLike,
    *,
    covariates: Mapping[str, float] | None = None,
    at_least: int | None = None,
) -> xr.DataArray:
    """Evaluate a fitted curve, draw by draw.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`.
    exposures : float64[exposure]
    covariates : mapping of term to value, optional
        Default: the means of the fit.
    at_least : int, optional
        Grade of an ordinal outcome; default 1.

    Returns
    -------
    DataArray, dims (chain, draw, exposure)
        P(yes), P(grade >= at_least), or the mean outcome.

    Raises
    ------
    InputError
        If a covariate or grade is not part of the fit, or an exposure has no logarithm.
    """
    form = read_form(tree)
    x = np.atleast_1d(np.asarray(exposures, dtype=np.float64))
    if form.curve.positive and (x <= 0).any():
        raise InputError("exposures must be positive for this curve.")
    given = dict(covariates or {})
    for name in given:
        if name not in form.terms:
            listed = ", ".join(form.terms) or "none"
            raise InputError(f"{shown(name)} is no covariate of the fit; there are: {listed}.")
    at = [given.get(t, m) - m for t, m in zip(form.terms, form.means, strict=True)]
    z = np.broadcast_to(np.array(at), (x.size, len(at)))
    return _evaluated(tree, form, form.curve.forward(x), z, at_least, {"exposure": x})


def subject_response(tree: xr.DataTree, *, at_least: int | None = None) -> xr.DataArray:
    """Evaluate risk or mean of each subject of the fit, at its own exposure and covariates.

    Parameters
    ----------
    tree : DataTree
        From `fit_response`. Of a joint fit every draw takes its own exposures.
    at_least : int, optional
        Grade of an ordinal outcome; default 1.

    Returns
    -------
    DataArray, dims (chain, draw, subject)
    """
    form, known = read_form(tree), tree["constant_data"].to_dataset()
    posterior = tree["posterior"].to_dataset()
    x = known["exposure"].to_numpy()
    if "exposure" in posterior:
        x = posterior["exposure"].to_numpy().reshape(-1, x.size)
    z = known["covariates"].to_numpy() - np.array(form.means)
    labels = {"subject": known["subject"].to_numpy()}
    return _evaluated(tree, form, form.curve.forward(x), z, at_least, labels)


def checked_grade(form: Form, at_least: int | None) -> int:
    """Grade from which on an outcome counts."""
    grade = 1 if at_least is None else at_least
    highest = form.kind.levels if isinstance(form.kind, Ordinal) else 1
    if not 1 <= grade <= highest:
        raise InputError(f"at_least={grade}: the fitted outcome reaches from 1 to {highest}.")
    return grade


def shown_grades(form: Form, at_least: int | None) -> tuple[int, ...]:
    """Grades from which on an outcome counts: the one asked for, or all of an ordinal outcome."""
    if at_least is None and isinstance(form.kind, Ordinal):
        return tuple(range(1, form.kind.levels + 1))
    return (checked_grade(form, at_least),)


def _evaluated(
    tree: xr.DataTree,
    form: Form,
    g: Array,
    z: Array,
    at_least: int | None,
    labels: Mapping[str, Any],
) -> xr.DataArray:
    """Evaluate the expected outcome; dims chain, draw and the one of the labels."""
    posterior = tree["posterior"].to_dataset()
    theta = {n: posterior[n].to_numpy().reshape(-1, 1) for n in form.names}
    location, changes = form.predictor(g, z, theta)
    values = expected(form.kind, location, changes, theta, checked_grade(form, at_least))
    dim = next(iter(labels))
    shape = posterior.sizes["chain"], posterior.sizes["draw"], len(labels[dim])
    coords = {n: posterior[n].to_numpy() for n in ("chain", "draw")} | dict(labels)
    return xr.DataArray(values.reshape(shape), coords, ("chain", "draw", dim), name="response")
