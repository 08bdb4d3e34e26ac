"""Posterior draws as points of the space in which the density is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ..populations.hierarchy import CENTERING
from ..sampling.layout import Layout
from ..sampling.with_nutpie import prepared

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["Density"]

Array = npt.NDArray[np.float64]


class Density:
    """Log density and gradient of a problem in the unconstrained space.

    Parameters
    ----------
    problem : Problem
        Compiled when it is not yet.

    Notes
    -----
    Effects of subjects are non-centered here; a posterior does not keep them, and a point made
    from a draw gets new ones from the population.
    """

    def __init__(self, problem: Problem) -> None:
        joint, compiled = prepared(problem, replaceable=False)
        self.problem, self.model, self.layout = problem, joint.model, Layout.of(joint)
        if CENTERING in self.model.named_vars:
            degrees = self.model[CENTERING]
            degrees.set_value(np.zeros_like(degrees.get_value()))
        self._evaluate, self._start = compiled.logp_func, compiled.initial_point_func

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Log density and gradient; float64[n]."""
        value, slope = self._evaluate(x)
        return float(value), np.asarray(slope)

    @property
    def names(self) -> tuple[str, ...]:
        """Variables in the order of the vector."""
        return tuple(self.layout.places)

    def coordinates(self, posterior: xr.Dataset) -> dict[str, Array]:
        """Bring draws of the variables that a posterior keeps to the unconstrained scale.

        Returns
        -------
        dict of name to float64[chain * draw, size]
        """
        found = {}
        for rv in self.model.free_RVs:
            if rv.name not in posterior:
                continue
            values = posterior[rv.name].transpose("chain", "draw", ...).to_numpy()
            values = values.reshape(-1, *values.shape[2:]).astype(np.float64)
            transform = self.model.rvs_to_transforms[rv]
            moved: Any = values
            if transform is not None:
                moved = transform.forward(values, *rv.owner.inputs).eval()
            found[rv.name] = np.asarray(moved, dtype=np.float64).reshape(len(values), -1)
        if not found:
            raise InputError("the posterior has no parameter of this problem.")
        return found

    def points(self, posterior: xr.Dataset, draws: npt.NDArray[np.int64], seed: int) -> list[Array]:
        """Points of chosen draws (chains one after another); what is not kept, from its prior."""
        known = self.coordinates(posterior)
        made = []
        for k, draw in enumerate(draws):
            x = np.array(self._start(seed + k), dtype=np.float64)
            for name, values in known.items():
                self.layout.part(x, name)[:] = values[draw]
            made.append(x)
        return made

    def widths(self, posterior: xr.Dataset) -> Array:
        """Posterior standard deviation of each coordinate; 1 for what is not kept."""
        width = np.ones(self.layout.size)
        for name, values in self.coordinates(posterior).items():
            self.layout.part(width, name)[:] = values.std(axis=0)
        return np.where(width > 0, width, 1.0)
