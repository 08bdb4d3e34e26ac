"""Normal probabilities: right in the middle, finite with finite slopes in the tails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor as untyped_pytensor
import pytensor.tensor as untyped_tensor
import pytest
from scipy.special import log_ndtr as scipy_log_ndtr
from scipy.stats import norm

from cytobayes.inference.measuring.density import log_interval, log_ndtr, row_log_density

pytensor: Any = untyped_pytensor
pt: Any = untyped_tensor

FAR = np.array([-1e8, -300.0, -40.0, -5.0, -1.0001, -0.9999, 0.0, 1.0, 8.0, 40.0, 300.0, 1e8])


@pytest.fixture(scope="module")
def ndtr() -> Any:
    return np.vectorize(log_ndtr)


@pytest.fixture(scope="module")
def interval() -> Any:
    return np.vectorize(log_interval)


@pytest.fixture(scope="module")
def rows() -> Any:
    """Log density of rows and its gradient by location and spread, from limits to numbers."""
    value, location, spread = pt.dvectors("value", "location", "spread")
    low, high = np.array([-np.inf, 0.5, -1.0, 0.2]), np.array([0.3, np.inf, 1.0, 0.9])

    def make(kind: int) -> Any:
        density = row_log_density(value, low, high, np.full(4, kind), location, spread)
        inputs = [value, location, spread]
        return pytensor.function(
            inputs, [density, *pt.grad(density.sum(), inputs[1:])], on_unused_input="ignore"
        )

    return make


def test_log_ndtr_is_that_of_scipy_over_sixteen_decades(ndtr: Any) -> None:
    np.testing.assert_allclose(ndtr(FAR)[0], scipy_log_ndtr(FAR), rtol=1e-13, atol=1e-300)


def test_slope_of_log_ndtr_is_finite_and_right_in_both_tails(ndtr: Any) -> None:
    slope = ndtr(FAR)[1]
    expected = np.exp(norm.logpdf(FAR) - scipy_log_ndtr(FAR))
    expected[0] = 1e8  # the difference of two numbers of size 1e16 says nothing
    np.testing.assert_allclose(slope, expected, rtol=1e-9, atol=1e-300)


def test_log_interval_is_that_of_a_precise_difference(interval: Any) -> None:
    a, b = np.array([-1.0, -9.0, 7.0, -0.5, 0.2]), np.array([2.0, -8.0, 9.0, 0.5, 0.2001])
    sign = np.where(a + b > 0, -1.0, 1.0)
    low, high = np.minimum(sign * a, sign * b), np.maximum(sign * a, sign * b)
    expected = np.log(norm.cdf(high) - norm.cdf(low))
    np.testing.assert_allclose(interval(a, b)[0], expected, rtol=1e-9)


def test_interval_is_symmetric(interval: Any) -> None:
    a, b = np.array([3.0, 30.0]), np.array([4.0, 31.0])
    np.testing.assert_allclose(interval(a, b)[0], interval(-b, -a)[0], rtol=1e-14)


def test_narrow_interval_is_density_times_width(interval: Any) -> None:
    a = np.array([-3.0, 0.0, 4.0])
    expected = norm.logpdf(a + 5e-7) + np.log(1e-6)
    np.testing.assert_allclose(interval(a, a + 1e-6)[0], expected, rtol=1e-8)


@pytest.mark.parametrize("at", [-1e6, -40.0, 0.0, 40.0, 1e6])
def test_slopes_of_an_interval_are_finite_everywhere(interval: Any, at: float) -> None:
    for width in (1e-9, 1e-3, 1.0, 1e3):
        for values in interval(np.array([at]), np.array([at + width])):
            assert np.isfinite(values).all()


@pytest.mark.parametrize("kind", range(4))
def test_rows_are_scored_by_their_kind_with_the_right_slopes(rows: Any, kind: int) -> None:
    """Against scipy; an interval may be open at either end."""
    score = rows(kind)
    value, location = np.array([0.1, 0.7, -2.0, 1.5]), np.array([0.0, 1.0, 0.5, 2.0])
    spread = np.array([0.5, 1.0, 2.0, 0.7])
    law = norm(location, spread)
    low, high = np.array([-np.inf, 0.5, -1.0, 0.2]), np.array([0.3, np.inf, 1.0, 0.9])
    expected = (
        law.logpdf(value), law.logcdf(value), law.logsf(value), np.log(law.cdf(high) - law.cdf(low))
    )[kind]  # fmt: skip
    density, by_location, by_spread = score(value, location, spread)
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    h = 1e-6
    up, down = (score(value, location + s * h, spread)[0] for s in (1, -1))
    np.testing.assert_allclose(by_location, (up - down) / (2 * h), rtol=1e-7, atol=1e-9)
    up, down = (score(value, location, spread + s * h)[0] for s in (1, -1))
    np.testing.assert_allclose(by_spread, (up - down) / (2 * h), rtol=1e-7, atol=1e-9)
