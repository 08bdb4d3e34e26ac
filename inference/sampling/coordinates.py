"""Run a chain of nutpie in other coordinates of the same space: ``x = center + factor @ v``.

nutpie 0.16 cannot be given a metric. But a metric is a choice of coordinates, and those can be
given. Before its first update the metric of a chain is diagonal, the inverse of the absolute value
of the gradient at the start (nuts-rs 0.18); with each coordinate scaled by that gradient it is the
identity in ``z`` of ``x = center + spread @ z``, so that the chain moves with exactly the metric
``spread @ spread.T`` and a step size of our choice.
"""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import carray  # type: ignore[attr-defined]
from numba.core import types
from scipy import sparse
from scipy.sparse.linalg import splu

from ..counters import pointer

__all__ = [
    "Affine",
    "affine_between",
    "covariance_map",
    "foreign",
    "gradient_of",
    "in_coordinates",
    "scaled_to_gradient",
]

Array = npt.NDArray[np.float64]
at: Any = pointer
SMALLEST = 1e-8  # of a scale
EXACT = 1e-8  # relative error with which an affine map must fit
CONDITION = 1e-9  # of the points that determine it
THINNED = 4  # draws of a chain that count as one independent draw


@dataclasses.dataclass(frozen=True, eq=False)
class Affine:
    """``x = center + factor @ v``.

    Parameters
    ----------
    center : float64[n]
    factor : float64[n, n], sparse
        Invertible.
    """

    center: Array
    factor: sparse.csr_array

    def forward(self, v: Array) -> Array:
        """Points x of points v; float64[..., n]."""
        flat = v.reshape(-1, self.center.size)
        return np.asarray(self.center + (self.factor @ flat.T).T).reshape(v.shape)

    def back(self, x: Array) -> Array:
        """Points v of points x; float64[..., n]."""
        flat = (x - self.center).reshape(-1, self.center.size)
        return np.asarray(splu(self.factor.tocsc()).solve(flat.T).T).reshape(x.shape)


def affine_between(z: Array, x: Array) -> Affine | None:
    """Find the map from pairs of points.

    Parameters
    ----------
    z, x : float64[pair, n]

    Returns
    -------
    Affine or None
        None if there are too few pairs, or they are not those of an affine map.
    """
    pairs, n = x.shape
    if pairs < n + 2:
        return None
    center = z.mean(axis=0)
    design = np.column_stack([z - center, np.ones(pairs)])
    solution, _, rank, values = np.linalg.lstsq(design, x, rcond=None)
    error = np.abs(design @ solution - x).max(axis=0)
    if rank <= n or values[-1] < CONDITION * values[0] or (error > EXACT * np.ptp(x, axis=0)).any():
        return None
    factor = solution[:-1].T
    return Affine(solution[-1] - factor @ center, sparse.csr_array(factor))


def covariance_map(x: Array) -> Affine | None:
    """Coordinates in which draws have about zero mean and unit covariance.

    Parameters
    ----------
    x : float64[draw, n]
        Of one chain.

    Returns
    -------
    Affine or None
        None for fewer than 20 draws, or a coordinate that has not moved.

    Notes
    -----
    Correlations are drawn towards zero by the weight of Schaefer and Strimmer (Stat Appl Genet Mol
    Biol 4 (2005) 32), which takes draws for independent; every fourth is taken for that here.
    """
    spread = x.std(axis=0)
    if len(x) < 20 or not (spread > 0).all():
        return None
    standard = (x - x.mean(axis=0)) / spread
    correlation = standard.T @ standard / len(x)
    independent = len(x) / THINNED
    variance = ((standard**2).T @ standard**2 / len(x) - correlation**2) / independent
    off = ~np.eye(x.shape[1], dtype=bool)
    total = float((correlation[off] ** 2).sum())
    weight = min(1.0, float(variance[off].sum()) / total) if total > 0 else 1.0
    shrunk = np.where(off, (1 - weight) * correlation, 1.0)
    shrunk = (1 - SMALLEST) * shrunk + SMALLEST * np.eye(len(spread))
    factor = spread[:, None] * np.linalg.cholesky(shrunk)
    return Affine(x.mean(axis=0), sparse.csr_array(factor))


def scaled_to_gradient(affine: Affine, gradient: Array) -> Affine:
    """Scale coordinates so that the first metric of nutpie is the identity in the unscaled ones.

    Parameters
    ----------
    affine : Affine
    gradient : float64[n]
        By x, at the start point.

    Returns
    -------
    Affine
    """
    scale = np.maximum(np.abs(affine.factor.T @ gradient), SMALLEST)
    return Affine(affine.center, sparse.csr_array(affine.factor @ sparse.diags_array(scale)))


def gradient_of(compiled: Any, x: Array) -> Array:
    """Gradient of the log density as the sampler will see it, with the data of the model.

    Parameters
    ----------
    compiled : CompiledPyMCModel
    x : float64[n]

    Returns
    -------
    float64[n]
    """
    doubles = ctypes.POINTER(ctypes.c_double)
    point, out, density = np.array(x, dtype=np.float64), np.empty(x.size), np.empty(1)
    arrays = [a.ctypes.data_as(doubles) for a in (point, out, density)]
    call = foreign(compiled.compiled_logp_func.address, 1, 3)
    call(x.size, *arrays, compiled.user_data.ctypes.data)
    return out


def in_coordinates(compiled: Any, affine: Affine) -> tuple[Any, tuple[Any, ...]]:
    """Rewrite a compiled model of nutpie.

    Parameters
    ----------
    compiled : CompiledPyMCModel
        With its data set; `with_data` has no effect on the result.
    affine : Affine

    Returns
    -------
    tuple of CompiledPyMCModel and objects
        The objects have to live as long as the model is in use.
    """
    logp, expand = bridged(
        compiled.compiled_logp_func.address,
        compiled.compiled_expand_func.address,
        compiled.n_dim,
        compiled.n_expanded,
    )
    factor = affine.factor
    arrays = (
        compiled.user_data,
        np.ascontiguousarray(affine.center),
        factor.indptr.astype(np.int64),
        factor.indices.astype(np.int64),
        factor.data.astype(np.float64),
    )
    block = np.array([a.ctypes.data for a in arrays], dtype=np.int64)
    made = dataclasses.replace(
        compiled, compiled_logp_func=logp, compiled_expand_func=expand, user_data=block
    )
    return made, (compiled, *arrays, block)


@lru_cache(maxsize=4)
def bridged(logp_at: int, expand_at: int, dim: int, expanded: int) -> tuple[Any, Any]:
    """Machine code that maps a point and calls the functions at two addresses."""
    doubles, whole = types.CPointer(types.double), types.uint64
    logp = foreign(logp_at, 1, 3)
    expand = foreign(expand_at, 2, 2)

    @numba.njit
    def sparse_factor(data):  # type: ignore[no-untyped-def]
        begins = carray(at(data[2]), (dim + 1,), np.int64)
        entries = begins[dim]
        columns = carray(at(data[3]), (entries,), np.int64)
        return begins, columns, carray(at(data[4]), (entries,), np.float64)

    @numba.njit
    def moved(v_, data):  # type: ignore[no-untyped-def]
        x, v = carray(at(data[1]), (dim,), np.float64).copy(), carray(v_, (dim,))
        begins, columns, entries = sparse_factor(data)
        for row in range(dim):
            for k in range(begins[row], begins[row + 1]):
                x[row] += entries[k] * v[columns[k]]
        return x

    @numba.cfunc(types.int64(whole, doubles, doubles, doubles, types.voidptr))
    def logp_in_coordinates(n, v_, out_, logp_, data_):  # type: ignore[no-untyped-def]
        data = carray(data_, (5,), np.int64)
        x, gradient = moved(v_, data), np.empty(dim)
        code = logp(n, x.ctypes, gradient.ctypes, logp_, at(data[0]))
        begins, columns, entries = sparse_factor(data)
        out = carray(out_, (dim,))
        out[:] = 0.0
        for row in range(dim):
            for k in range(begins[row], begins[row + 1]):
                out[columns[k]] += entries[k] * gradient[row]
        return code

    @numba.cfunc(types.int64(whole, whole, doubles, doubles, types.voidptr))
    def expand_in_coordinates(n, m, v_, out_, data_):  # type: ignore[no-untyped-def]
        data = carray(data_, (5,), np.int64)
        return expand(n, m, moved(v_, data).ctypes, out_, at(data[0]))

    return logp_in_coordinates, expand_in_coordinates


def foreign(address: int, sizes: int, arrays: int) -> Callable[..., int]:
    """Make a function of an address: sizes, then arrays of doubles, then a pointer to its data."""
    doubles = ctypes.POINTER(ctypes.c_double)
    kinds = [ctypes.c_uint64] * sizes + [doubles] * arrays + [ctypes.c_void_p]
    made: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(address)
    return made
