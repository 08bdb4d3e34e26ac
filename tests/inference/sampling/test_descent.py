from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_info

from cytobayes.inference.sampling.descent import descend, libraries

Array = npt.NDArray[np.float64]


def threads() -> list[int]:
    return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]


def test_the_optimizer_reaches_the_minimum_on_one_thread() -> None:
    seen: list[int] = []

    def bowl(x: Array) -> tuple[float, Array]:
        seen.extend(threads())
        return float(np.sum((x - 3.0) ** 2)), 2 * (x - 3.0)

    before = threads()
    found = descend(bowl, np.zeros(4))
    if not before:
        pytest.skip("no BLAS library whose threads can be counted")
    np.testing.assert_allclose(found, 3.0, atol=1e-5)
    assert set(seen) == {1}
    assert threads() == before


def test_libraries_are_looked_for_once() -> None:
    assert libraries() is libraries()
