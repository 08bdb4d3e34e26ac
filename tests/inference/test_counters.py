"""A block of counters is known to compiled code by its address only, and outlives every user."""

from __future__ import annotations

import gc

import numpy as np

from cytobayes.inference.counters import (
    GRADIENTS,
    SLOTS,
    SOLVES,
    count_gradient,
    count_solve,
    counters_at,
    new_counters,
)

FINE = np.zeros(2, np.int64)


def test_the_memory_of_a_block_that_nobody_holds_is_given_to_nobody_else() -> None:
    addresses = [new_counters().ctypes.data for _ in range(50)]
    gc.collect()
    others = [np.zeros(SLOTS, np.int64) for _ in range(50)]
    places = [*addresses, *(other.ctypes.data for other in others)]
    assert len(set(places)) == len(places)
    for address in addresses:
        count_solve(address, FINE)
        count_gradient(address)
    assert not any(other.any() for other in others)
    for address in addresses:
        block = counters_at(address).tolist()
        assert (block[SOLVES], block[GRADIENTS], sum(block)) == (1, 1, 2)


def test_without_an_address_nothing_is_counted_and_nothing_is_kept() -> None:
    count_solve(0, FINE)
    count_gradient(0)
    one, other = counters_at(0), counters_at(0)
    one[SOLVES] += 1
    assert not other.any()
