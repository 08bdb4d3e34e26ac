"""The operation around the integrator, tested with a closed form in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor as untyped_pytensor
import pytensor.tensor as untyped_tensor
import pytest

from cytobayes.inference.counters import (
    FAILED,
    GRADIENTS,
    SOLVES,
    ReadCounters,
    counters_at,
    new_counters,
)
from cytobayes.inference.op import SolveGradOp, SolveOp, funcify_gradient, funcify_solve, solve

pytensor: Any = untyped_pytensor
pt: Any = untyped_tensor

TIMES = np.array([0.0, 0.5, 1.5, 0.2, 3.0])
OWNER = np.array([0, 0, 0, 1, 1])
THETA = np.array([[2.0, 0.7], [5.0, 0.1]])
BOTH = pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])


@dataclass(frozen=True)
class Decay:
    """``y = a exp(-k t)``, as if it had been integrated; fails with code 3 where k > 9."""

    source_hash: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    n_states: int = 1


def decay(source_hash: str, factor: float = 1.0) -> Decay:
    @numba.njit(nogil=True, error_model="numpy")
    def forward(theta, times, owner, atol, rtol, max_steps, record):  # type: ignore[no-untyped-def]
        y = np.empty((times.size, 1))
        status = np.zeros(theta.shape[0], np.int64)
        status[theta[:, 1] > 9.0] = 3
        for i in range(times.size):
            a, k = theta[owner[i], 0], theta[owner[i], 1]
            y[i, 0] = factor * a * np.exp(-k * times[i]) if k <= 9.0 else np.nan
        tape = y[:, 0].copy()
        nothing = np.zeros(0, np.int64)
        return y, status, tape, nothing, nothing, np.zeros(0), np.zeros((0, 1))

    @numba.njit(nogil=True, error_model="numpy")
    def backward(  # type: ignore[no-untyped-def]
        theta, times, owner, atol, rtol, max_steps, y_bar, status, tape, modes, places, at, saved
    ):
        theta_bar = np.zeros_like(theta)
        for i in range(times.size):
            if status[owner[i]] == 0:
                theta_bar[owner[i], 0] += y_bar[i, 0] * tape[i] / theta[owner[i], 0]
                theta_bar[owner[i], 1] -= y_bar[i, 0] * tape[i] * times[i]
        return theta_bar

    return Decay(source_hash, forward, backward)


@pytest.fixture(scope="module")
def kernel() -> Decay:
    return decay("decay")


def graph(kernel: Decay, counters: Any = 0) -> tuple[Any, Any, Any]:
    theta = pt.dmatrix("theta")
    address = pt.as_tensor(np.int64(counters))
    y, status = solve(
        kernel,
        theta,
        (TIMES, OWNER),
        atol=np.array([1e-8]),
        rtol=1e-6,
        max_steps=100,
        counters=address,
    )
    return theta, y, status


def value_and_gradient(kernel: Decay, mode: str, block: npt.NDArray[np.int64]) -> Any:
    theta, y, status = graph(kernel, block.ctypes.data)
    cost = (y[:, 0] ** 2).sum() + pt.log(y[:, 0]).sum()
    return pytensor.function([theta], [cost, pt.grad(cost, theta), status], mode=mode)


def expected(theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
    a, k = theta[OWNER].T
    y = a * np.exp(-k * TIMES)
    y_bar = 2 * y + 1 / y
    gradient = np.zeros_like(theta)
    np.add.at(gradient, OWNER, np.stack([y_bar * y / a, -y_bar * y * TIMES], axis=1))
    return float((y**2).sum() + np.log(y).sum()), gradient


@BOTH
def test_value_and_gradient_are_those_of_the_closed_form(kernel: Decay, mode: str) -> None:
    value, gradient, status = value_and_gradient(kernel, mode, new_counters())(THETA)
    np.testing.assert_allclose(value, expected(THETA)[0], rtol=1e-14)
    np.testing.assert_allclose(gradient, expected(THETA)[1], rtol=1e-14)
    assert not status.any()


@BOTH
def test_value_and_gradient_together_cost_one_solve(kernel: Decay, mode: str) -> None:
    block = new_counters()
    function = value_and_gradient(kernel, mode, block)
    for n in range(1, 4):
        function(THETA)
        assert (block[SOLVES], block[GRADIENTS]) == (n, n)
    assert not block[FAILED:].any()


def test_two_solves_of_the_same_thing_become_one(kernel: Decay) -> None:
    theta, y, _ = graph(kernel)
    again = y.owner.op(*y.owner.inputs)[0]
    function = pytensor.function([theta], [y.sum(), (2 * again).sum(), pt.grad(y.sum(), theta)])
    ops = [type(node.op) for node in function.maker.fgraph.toposort()]
    assert (ops.count(SolveOp), ops.count(SolveGradOp)) == (1, 1)


@BOTH
def test_a_failure_is_counted_once_with_its_cause_and_leaves_no_gradient(
    kernel: Decay, mode: str
) -> None:
    block = new_counters()
    theta, y, status = graph(kernel, block.ctypes.data)
    function = pytensor.function([theta], [y, status, pt.grad(y.sum(), theta)], mode=mode)
    y_value, status_value, gradient = function(THETA + [[0, 0], [0, 50]])
    assert np.isfinite(y_value[:3]).all() and np.isnan(y_value[3:]).all()
    assert status_value.tolist() == [0, 3]
    assert np.isfinite(gradient).all() and gradient[0].any() and not gradient[1].any()
    function(THETA + 50)  # both subjects fail: still one failed proposal
    assert block[FAILED + 3] == 2 == block[FAILED:].sum()


def test_one_compilation_serves_constant_shared_and_given_arrays(kernel: Decay) -> None:
    fresh = decay("decay-signatures")
    value_and_gradient(fresh, "NUMBA", new_counters())(THETA)
    inputs = [pt.dvector(), pt.lvector(), pt.dvector(), pt.dscalar(), pt.lscalar(), pt.lscalar()]
    theta = pt.dmatrix()
    operation: Any = SolveOp(fresh)
    y = operation(theta, *inputs)[0]
    function = pytensor.function([theta, *inputs], [y, pt.grad(y.sum(), theta)], mode="NUMBA")
    function(THETA, TIMES, OWNER, np.array([1e-8]), 1e-6, 100, 0)
    assert len(fresh.forward.signatures) <= 1  # type: ignore[attr-defined]  # 0: from the disk
    assert len(fresh.backward.signatures) <= 1  # type: ignore[attr-defined]


def test_other_source_is_another_operation_with_other_machine_code(kernel: Decay) -> None:
    other = decay("decay-doubled", factor=2.0)
    assert SolveOp(kernel) == SolveOp(decay("decay")) != SolveOp(other)
    assert SolveGradOp(kernel) == SolveGradOp(decay("decay")) != SolveGradOp(other)
    keys = []
    for one in (kernel, decay("decay"), other):
        theta, y, _ = graph(one)
        gradient = pt.grad(y.sum(), theta)
        pair = (funcify_solve, y.owner), (funcify_gradient, gradient.owner)
        keys.append([funcify(node.op, node)[1] for funcify, node in pair])
        assert keys[-1][0] != keys[-1][1]
    assert keys[0] == keys[1]
    assert not set(keys[0]) & set(keys[2])
    values = []
    for one in (kernel, other):
        theta, y, _ = graph(one)
        values.append(pytensor.function([theta], y, mode="NUMBA")(THETA))
    np.testing.assert_allclose(values[1], 2 * values[0])


def test_counters_are_not_touched_without_an_address(kernel: Decay) -> None:
    assert not counters_at(0).any()
    theta, y, _ = graph(kernel, 0)
    assert np.isfinite(pytensor.function([theta], y, mode="NUMBA")(THETA)).all()


@BOTH
def test_counters_can_be_read_inside_a_graph(mode: str) -> None:
    block = new_counters()
    block[:] = np.arange(block.size)
    address, anchor = pt.lscalar(), pt.dscalar()
    function = pytensor.function([address, anchor], ReadCounters()(address, anchor), mode=mode)
    assert function(block.ctypes.data, 0.0).tolist() == block.tolist()
    assert not function(0, 0.0).any()


def test_a_density_that_is_switched_off_by_a_failure_has_a_finite_gradient(kernel: Decay) -> None:
    with pm.Model() as model:
        k = pm.HalfNormal("k", 1.0)
        theta = pt.stack([pt.stack([2.0, k]), pt.stack([5.0, 0.1])])
        y, status = solve(
            kernel,
            theta,
            (TIMES, OWNER),
            atol=np.array([1e-8]),
            rtol=1e-6,
            max_steps=100,
            counters=pt.as_tensor(np.int64(0)),
        )
        solved = pt.all(pt.eq(status, 0))
        pm.Normal("C", pt.switch(solved, y[:, 0], 1.0), 1.0, observed=np.ones(5))
        pm.Potential("solved", pt.switch(solved, 0.0, -np.inf))
    point = {"k_log__": np.log(20.0)}
    assert model.compile_logp()(point) == -np.inf
    assert np.isfinite(model.compile_dlogp()(point)).all()
