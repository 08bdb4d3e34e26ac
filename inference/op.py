"""The integrator as a PyTensor operation with its gradient.

`SolveOp` integrates all subjects and also returns the integrator's tape; `SolveGradOp`, which its
pullback builds, consumes that tape. Value and gradient together therefore cost one forward solve.
Both call the numba dispatchers of a compiled model, so nutpie samples without the GIL.

The number of steps differs between calls, and PyTensor keeps compiled code on disk by key; the
hash of the generated integrator is part of that key (and of the operation's properties), because
machine code of an older integrator would otherwise go on being used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numba
import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from .counters import FAILED, GRADIENTS, SOLVES, count_gradient, count_solve, counters_at

__all__ = ["SolveGradOp", "SolveOp", "Solved", "solve"]

Array = npt.NDArray[Any]
Tensor = Any

TAPE = (pt.dvector, pt.lvector, pt.lvector, pt.dvector, pt.dvector)  # what `forward` records
HERE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


class Kernel(Protocol):
    """What is needed of a compiled model (see `models.solver.CompiledModel`)."""

    @property
    def source_hash(self) -> str:
        """Hash of the generated source."""

    @property
    def n_states(self) -> int:
        """Number of states."""

    @property
    def forward(self) -> Callable[..., Any]:
        """``forward(theta, *arrays, atol, rtol, max_steps, record) -> (y, status, *tape)``."""

    @property
    def backward(self) -> Callable[..., Any]:
        """``backward(theta, *arrays, atol, rtol, max_steps, y_bar, status, *tape)``: theta_bar."""


class Solved(NamedTuple):
    """Result of `solve`: tensors.

    Parameters
    ----------
    y : float64[n_observations, n_states]
        In the units of the states; NaN for a failed subject.
    status : int64[n_subjects]
        0, or a key of `models.solver.FAILURES`.
    """

    y: Tensor
    status: Tensor


def solve(
    kernel: Kernel,
    theta: Tensor,
    arrays: Sequence[Array],
    *,
    atol: Array,
    rtol: float,
    max_steps: int,
    counters: Tensor,
) -> Solved:
    """Integrate all subjects inside a PyTensor graph.

    Parameters
    ----------
    kernel : CompiledModel
    theta : TensorVariable, float64[n_subjects, n_parameters]
    arrays : sequence of arrays
        ``Timeline.arrays``.
    atol, rtol, max_steps : float64[n_states], float, int
        Tolerances and bound on the work, as in `models.solver.SolverOptions`.
    counters : TensorVariable, int64 scalar
        Address of a block of counters, or 0.

    Returns
    -------
    Solved

    Notes
    -----
    Timeline and tolerances enter as constants: nutpie compiles code for each shared variable, a
    second apiece, whenever a process starts. New data therefore cost a compilation of the graph
    around the integrator (seconds), not of the integrator itself.
    """
    settings = (np.asarray(atol, np.float64), np.float64(rtol), np.int64(max_steps))
    arguments = [pt.constant(np.array(a, order="C")) for a in (*arrays, *settings)]
    outputs: Any = SolveOp(kernel)(theta, *arguments, counters)
    return Solved(*outputs[:2])


class SolveOp(Op):
    """Integrate the compiled model; see `solve`.

    Inputs: theta, the arguments of the integrator (arrays of the timeline, atol, rtol,
    max_steps), address of the counters. Outputs: y, status, and the tape for `SolveGradOp`.
    """

    __props__ = ("source_hash",)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.source_hash = kernel.source_hash

    def make_node(self, theta: Tensor, *rest: Tensor) -> Any:
        """Make the node; types are those of the compiled integrator."""
        inputs = [pt.as_tensor(theta, dtype="float64"), *map(pt.as_tensor, rest)]
        y = pt.tensor(dtype="float64", shape=(None, self.kernel.n_states))
        return Apply(self, inputs, [y, pt.lvector(), *(kind() for kind in TAPE)])

    def perform(self, node: Any, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run outside numba mode."""
        *arguments, address = inputs
        out = self.kernel.forward(*map(argument, arguments), True)
        block = counters_at(int(address))
        block[SOLVES] += 1
        failed = np.flatnonzero(out[1])
        if failed.size:
            block[FAILED + int(out[1][failed[0]])] += 1
        for storage, value in zip(output_storage, out, strict=True):
            storage[0] = value

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Only y depends on theta in a way that has a gradient."""
        none = [False] * (2 + len(TAPE))
        return [[True, *none[1:]], *([none] * (len(node.inputs) - 1))]

    def pullback(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> list[Tensor]:
        """Gradient by theta from the tape of this very solve."""
        *arguments, counters = inputs
        y_bar = cotangents[0]
        if isinstance(y_bar.type, DisconnectedType):
            y_bar = pt.zeros_like(outputs[0])
        theta_bar = SolveGradOp(self.kernel)(*arguments, y_bar, *outputs[1:], counters)
        return [theta_bar, *(disconnected_type() for _ in inputs[1:])]


class SolveGradOp(Op):
    """Pull a cotangent of ``y`` back to ``theta`` along the tape of `SolveOp`.

    Inputs: theta, the arguments of the integrator, y_bar, status, the tape, address of the
    counters. Output: theta_bar, float64[n_subjects, n_parameters], zero for failed subjects.
    """

    __props__ = ("source_hash",)

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.source_hash = kernel.source_hash

    def make_node(self, theta: Tensor, *rest: Tensor) -> Any:
        """Make the node; the result has the type of theta."""
        theta = pt.as_tensor(theta, dtype="float64")
        return Apply(self, [theta, *map(pt.as_tensor, rest)], [theta.type()])

    def perform(self, node: Any, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run outside numba mode."""
        *arguments, address = inputs
        output_storage[0][0] = self.kernel.backward(*map(argument, arguments))
        counters_at(int(address))[GRADIENTS] += 1


def argument(value: Array) -> Any:
    """Give the dispatchers what they are compiled for: contiguous arrays and plain numbers."""
    return value.item() if value.ndim == 0 else np.ascontiguousarray(value)


@intrinsic
def writable(typing: Any, array: Any) -> Any:
    """Type an array as writable: one type of argument, one compilation of the integrator."""
    if not isinstance(array, types.Array) or array.layout != "C":
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return impl_ret_borrowed(context, builder, signature.return_type, arguments[0])

    return array.copy(readonly=False)(array), codegen


@numba.njit
def plain(array):  # type: ignore[no-untyped-def]
    """C-contiguous array of writable type, without a copy if it is contiguous already."""
    return writable(np.ascontiguousarray(array))


FORWARD = """
def solve_forward({names}, counters):
    out = integrator({values}, True)
    count_solve(counters.item(), out[1])
    return out
"""
BACKWARD = """
def solve_backward({names}, counters):
    count_gradient(counters.item())
    return integrator({values})
"""


def calling(name: str, source: str, node: Any, integrator: Callable[..., Any]) -> Any:
    """Numba function that hands its arguments, brought to one type, to a dispatcher."""
    names = [f"a{k}" for k in range(len(node.inputs) - 1)]
    values = [
        f"{a}.item()" if variable.type.ndim == 0 else f"plain({a})"
        for a, variable in zip(names, node.inputs, strict=False)
    ]
    text = source.format(names=", ".join(names), values=", ".join(values))
    space = {
        "integrator": integrator,
        "plain": plain,
        "count_solve": count_solve,
        "count_gradient": count_gradient,
    }
    exec(compile(text, f"<{name}>", "exec"), space)
    return numba_njit(space[name])


def cache_key(*parts: object) -> str:
    """Key of machine code on disk: this file, the generated integrator, the signature."""
    return hashlib.sha256("|".join([HERE, *map(str, parts)]).encode()).hexdigest()


@register_funcify_and_cache_key(SolveOp)
def funcify_solve(op: SolveOp, node: Any = None, **_: Any) -> tuple[Callable[..., Any], str]:
    """Numba implementation of `SolveOp`."""
    key = cache_key("forward", op.source_hash, *(v.type.ndim for v in node.inputs))
    return calling("solve_forward", FORWARD, node, op.kernel.forward), key


@register_funcify_and_cache_key(SolveGradOp)
def funcify_gradient(op: SolveGradOp, node: Any = None, **_: Any) -> tuple[Callable[..., Any], str]:
    """Numba implementation of `SolveGradOp`."""
    key = cache_key("backward", op.source_hash, *(v.type.ndim for v in node.inputs))
    return calling("solve_backward", BACKWARD, node, op.kernel.backward), key
