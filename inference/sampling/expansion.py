"""Points of the sampler's space as named variables of the model."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..populations.hierarchy import INTERNAL
from .coordinates import foreign
from .samplers import COUNTS

if TYPE_CHECKING:
    from ..joint import Joint

__all__ = ["variables_at"]

Array = npt.NDArray[np.float64]


def variables_at(joint: Joint, compiled: Any, points: Array) -> dict[str, xr.DataArray]:
    """All variables of the model at points of one chain.

    Parameters
    ----------
    joint : Joint
    compiled : CompiledPyMCModel
        Of the joint density, with its data and degrees of centering set.
    points : float64[draw, n]
        In the unconstrained space.

    Returns
    -------
    dict of name to DataArray
        Dims chain (one), draw, and those of the variable. Values that are only moved, such as the
        logarithm of a positive parameter, are left out.
    """
    names, slices, shapes = compiled.shape_info
    values = expanded(compiled, points)
    free = {rv.name for rv in joint.model.free_RVs}
    hidden = {v.name for v in joint.model.value_vars} - free
    found = {}
    for name, place, shape in zip(names, slices, shapes, strict=True):
        if name in hidden or name == COUNTS or name.endswith(INTERNAL):
            continue
        dims = (compiled.dims or {}).get(name) or [f"{name}_dim_{d}" for d in range(len(shape))]
        data = values[:, place].reshape((1, len(points), *shape))
        coords = {d: compiled.coords[d] for d in dims if d in compiled.coords}
        found[str(name)] = xr.DataArray(data, coords, ("chain", "draw", *dims))
    return found


def expanded(compiled: Any, points: Array) -> Array:
    """Free and derived values of points one after another; float64[draw, value]."""
    doubles = ctypes.POINTER(ctypes.c_double)
    call = foreign(compiled.compiled_expand_func.address, 2, 2)
    points = np.ascontiguousarray(points, dtype=np.float64)
    out = np.empty((len(points), compiled.n_expanded))
    for point, row in zip(points, out, strict=True):
        arrays = [a.ctypes.data_as(doubles) for a in (point, row)]
        code = call(point.size, row.size, *arrays, compiled.user_data.ctypes.data)
        if code:
            raise RuntimeError(f"the variables cannot be computed at {point} (code {code})")
    return out
