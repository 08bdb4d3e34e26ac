"""The compiled log density as a function of JAX, which calls back machine code.

The engine is code of numba, which JAX cannot translate. So JAX calls the function that nutpie
compiled, once for value and gradient, on whichever of its threads; the machine code needs no lock
of Python.

JAX works in single precision unless told otherwise, and what a program tells it for a stretch of
code (`jax.enable_x64`) holds in the calling thread only: in the threads that call back, doubles
would be rounded to 24 bits. Doubles therefore cross as pairs of 32-bit words, and the precision
that a user has chosen for other code stays as it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..counters import new_counters
from ..joint import COUNTERS
from .coordinates import foreign

__all__ = ["Calls", "as_words", "double_precision", "from_words", "jax_density"]

Array = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint32]


class Calls:
    """The log density of one chain after another, called back by JAX.

    Parameters
    ----------
    compiled : CompiledPyMCModel
        With its data and degrees of centering set.
    """

    def __init__(self, compiled: Any) -> None:
        self._base = compiled
        self.stopped = False
        self.begin()

    def begin(self) -> None:
        """Count anew, for the next chain."""
        self.block = new_counters()
        self.compiled = self._base.with_data(**{COUNTERS: np.int64(self.block.ctypes.data)})
        self._call = foreign(self.compiled.compiled_logp_func.address, 1, 3)

    def value_and_gradient(self, x: Array) -> Array:
        """Log density, then its gradient.

        Parameters
        ----------
        x : float64[n]

        Returns
        -------
        float64[1 + n]
            Minus infinity and zeros where one of them is not finite, and after `stopped` was set,
            which ends a trajectory at its next step.
        """
        out, point = np.zeros(x.size + 1), np.ascontiguousarray(x)
        code = -1
        if not self.stopped:
            doubles = ctypes.POINTER(ctypes.c_double)
            arrays = [a.ctypes.data_as(doubles) for a in (point, out[1:], out)]
            code = self._call(x.size, *arrays, self.compiled.user_data.ctypes.data)
        if code:
            out[:] = 0.0
            out[0] = -np.inf
        return out

    def __call__(self, words: Any) -> Words:
        """`value_and_gradient`, in words."""
        return self.value_and_gradient(from_words(words)).view(np.uint32).reshape(-1, 2)


def from_words(words: Any) -> Array:
    """Doubles of pairs of words, as they come from JAX; float64[n] of uint32[n, 2]."""
    return np.ascontiguousarray(np.asarray(words)).view(np.float64).reshape(-1)


def as_words(x: Any) -> Any:
    """Words of a vector of doubles inside JAX; uint32[n, 2] of float64[n]."""
    from jax import lax, numpy

    return lax.bitcast_convert_type(x, numpy.uint32)


def jax_density(call: Callable[[Any], Words], size: int) -> Callable[[Any], Any]:
    """Make a function of JAX, with its gradient, of a function of words.

    Parameters
    ----------
    call : callable uint32[n, 2] -> uint32[1 + n, 2]
        Such as `Calls`.
    size : int
        Length n of the points.

    Returns
    -------
    callable float64[n] -> float64
        To be used in `double_precision`. Value and gradient take one call.
    """
    import jax

    shape = jax.ShapeDtypeStruct((size + 1, 2), np.uint32)

    def forward(x: Any) -> tuple[Any, Any]:
        out = jax.lax.bitcast_convert_type(
            jax.pure_callback(call, shape, as_words(x)), jax.numpy.float64
        )
        return out[0], out[1:]

    def value(x: Any) -> Any:
        return forward(x)[0]

    def backward(gradient: Any, outer: Any) -> tuple[Any]:
        return (outer * gradient,)

    density: Any = jax.custom_vjp(value)
    density.defvjp(forward, backward)
    made: Callable[[Any], Any] = density
    return made


@contextmanager
def double_precision() -> Iterator[None]:
    """Compute in double precision on the processor, in this thread only."""
    import jax

    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield
