"""Counters of solves, gradients and failed solves, kept while sampler threads run.

A block of counters is an array whose *address* goes into the compiled density as a number, so
that the same machine code serves all chains. Each chain has a block of its own and is its only
writer: no lock, no lost count, and nothing that the density reads. `ReadCounters` copies the block
into each draw, which ties every failure to a chain, a draw and thereby a phase.

An address keeps nothing alive. A block that went back to the allocator while compiled code, or a
sampler's thread, still had its address would be written into by whoever counts next: two numbers
in some other object grow by one, and the process dies much later, anywhere. Blocks are therefore
never given back; a block is 128 bytes, and a chain needs one.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt
from numba import carray  # type: ignore[attr-defined]
from numba.core import cgutils, types
from numba.extending import intrinsic
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

__all__ = [
    "FAILED",
    "GRADIENTS",
    "SLOTS",
    "SOLVES",
    "ReadCounters",
    "count_gradient",
    "count_solve",
    "counters_at",
    "new_counters",
]

# Slots of a block. A failed call is counted once, under the code of its first failed subject, in
# slot FAILED + code.
SOLVES, GRADIENTS, FAILED, SLOTS = 0, 1, 2, 16
KEPT: list[npt.NDArray[np.int64]] = []  # all blocks of this process
HERE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def new_counters() -> npt.NDArray[np.int64]:
    """Make a block of zeros, whose address stays good until the process ends.

    Returns
    -------
    int64[SLOTS]
        Solves, gradients, and failed solves by cause.
    """
    block = np.zeros(SLOTS, dtype=np.int64)
    KEPT.append(block)
    return block


def counters_at(address: int) -> npt.NDArray[np.int64]:
    """Block at an address; one that nobody reads for address 0."""
    if address == 0:
        return np.zeros(SLOTS, dtype=np.int64)
    return np.ctypeslib.as_array((ctypes.c_int64 * SLOTS).from_address(address))


@intrinsic
def pointer(typing: Any, address: Any) -> Any:
    """Make a pointer of an integer."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), codegen


@numba.njit
def count_solve(address, status):  # type: ignore[no-untyped-def]
    """Count a solve and, when it failed, the cause of its first failure."""
    if address != 0:
        block = carray(pointer(address), (SLOTS,), np.int64)
        block[SOLVES] += 1
        for code in status:
            if code != 0:
                block[FAILED + code] += 1
                break


@numba.njit
def count_gradient(address):  # type: ignore[no-untyped-def]
    """Count a gradient."""
    if address != 0:
        carray(pointer(address), (SLOTS,), np.int64)[GRADIENTS] += 1


class ReadCounters(Op):
    """Copy a block of counters; ``anchor`` makes the copy part of whatever draws the anchor.

    Inputs: address of the block (or 0), any variable. Output: int64[SLOTS].
    """

    __props__ = ()

    def make_node(self, address: Any, anchor: Any) -> Any:
        """Make the node."""
        out = pt.tensor(dtype="int64", shape=(SLOTS,))
        return Apply(self, [pt.as_tensor(address), pt.as_tensor(anchor)], [out])

    def perform(self, node: Any, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run outside numba mode."""
        output_storage[0][0] = counters_at(int(inputs[0])).copy()


@register_funcify_and_cache_key(ReadCounters)
def funcify_read(op: ReadCounters, node: Any = None, **_: Any) -> tuple[Callable[..., Any], str]:
    """Numba implementation of `ReadCounters`."""

    @numba_njit
    def read_counters(address, anchor):  # type: ignore[no-untyped-def]
        out = np.zeros(SLOTS, np.int64)
        if address.item() != 0:
            out[:] = carray(pointer(address.item()), (SLOTS,), np.int64)
        return out

    return read_counters, f"cytobayes-read-counters-{HERE}"
