"""Rows of one patient measured by assays or sources that the fit tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ..measuring.offsets import UNSTATED, chosen_by_row, drawn
from ..measuring.sigmas import residual_spreads, sigma_by_row, sigma_names

if TYPE_CHECKING:
    import xarray as xr

    from ...datasets.study import Study
    from ..arrangement import Observed
    from ..measuring.measurement import ErrorModel
    from ..measuring.offsets import Groups
    from ..problem import Problem

__all__ = ["Assays", "measuring_draws"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


def measuring_draws(problem: Problem, observed: Observed, data: xr.Dataset) -> tuple[Array, ...]:
    """Draws of how an observable is measured; float64[chain * draw] each.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    observed : Observed
        Of the fit.
    data : Dataset, dims chain, draw

    Returns
    -------
    tuple of float64[chain * draw]
        Those of the error as `sigma_names`, then the offsets of all labels but the reference.
    """
    offsets = (drawn(problem, data, n) for n in observed.groups.names(observed.name))
    return (*residual_spreads(problem, observed, data), *offsets)


@dataclass(frozen=True, eq=False)
class Assays:
    """By which of the assays of the fit each row of a patient was measured.

    Parameters
    ----------
    error : ErrorModel
    fitted : Observed
        The observable in the fit, with the labels that it knows.
    offset, sigma : int64[row]
        Positions of the rows in the labels of offsets and of residual errors; empty where the fit
        does not tell assays apart.
    """

    error: ErrorModel
    fitted: Observed
    offset: Places = field(repr=False)
    sigma: Places = field(repr=False)

    @classmethod
    def of(cls, problem: Problem, fitted: Observed, study: Study, rows: Places) -> Assays:
        """Find the labels of some rows of a study.

        Parameters
        ----------
        problem : Problem
            What was fitted.
        fitted : Observed
            Of its arrangement.
        study : Study
        rows : int64[row]
            Rows of the study, of this observable.

        Raises
        ------
        InputError
            If a row comes from an assay or source that the fit does not know.
        """
        offset, sigma = (_places(g, fitted.name, study, rows) for g in _groups(fitted))
        return cls(problem.errors[fitted.name], fitted, offset, sigma)

    def __call__(self, f: Array, draws: Sequence[Array]) -> tuple[Array, tuple[Array, ...]]:
        """Move the model's values to the assay of each row; and the error of each row.

        Parameters
        ----------
        f : float64[particle, row]
        draws : sequence of float64[particle]
            In the order of `measuring_draws`.

        Returns
        -------
        float64[particle, row]
        tuple of float64[particle, row]
            In the order of the parameters of the error model.
        """
        count = len(sigma_names(self.error, self.fitted))
        errors, offsets = draws[:count], draws[count:]
        if offsets:
            shift = chosen_by_row([np.zeros_like(offsets[0]), *offsets], self.offset)
            f = np.asarray(self.error.shifted(f, shift))
        each = sigma_by_row(self.error, self.fitted, errors, self.sigma)
        wide = (s if np.ndim(s) > 1 else np.asarray(s)[:, None] for s in each)
        return f, tuple(np.broadcast_to(s, f.shape) for s in wide)


def _groups(fitted: Observed) -> tuple[Groups, Groups]:
    return fitted.groups, fitted.sigmas


def _places(groups: Groups, name: str, study: Study, rows: Places) -> Places:
    """Position of the label of each row."""
    if not groups.labels:
        return np.zeros(0, dtype=np.int64)
    table = study.observations.isel(row=rows)
    bare = np.full(rows.size, "")
    said = table[groups.by].to_numpy().astype(str) if groups.by in table else bare
    labels = [str(v) or UNSTATED for v in said]
    if strange := [v for v in labels if v not in groups.labels]:
        who = str(table["subject"].to_numpy()[labels.index(strange[0])])
        raise InputError(
            f"{name} of subject {shown(who)} has the {groups.by} {shown(strange[0])}, of which the "
            f"fit knows nothing; it has {', '.join(groups.labels)}. Name the {groups.by} in the "
            "data as in the fit, leave these rows out, or fit with rows of it."
        )
    return np.array([groups.labels.index(v) for v in labels], dtype=np.int64)
