"""Student's t against 60 digits of arithmetic: middle, tails, slopes."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cytobayes.inference.measuring.density import log_interval
from cytobayes.inference.measuring.student import log_t_cdf, log_t_density

POINTS = (-1e6, -3e3, -40.0, -3.0, -1.4, -1.3, -0.5, -1e-6, 0.0, 0.3, 2.0, 30.0)


def precise(z: float, nu: float) -> Any:
    """Logarithm of the distribution function, as a number of 60 digits."""
    with mpmath.workdps(60):
        z_, nu_ = mpmath.mpf(z), mpmath.mpf(nu)
        tail = mpmath.betainc(nu_ / 2, 0.5, 0, nu_ / (nu_ + z_**2), regularized=True) / 2
        return mpmath.log(tail) if z <= 0 else mpmath.log1p(-tail)


@pytest.mark.parametrize("nu", [1.0, 2.5, 4.0, 7.0, 30.0, 500.0])
def test_log_probability_is_right_to_the_far_tails(nu: float) -> None:
    for z in POINTS:
        expected = float(precise(z, nu))
        assert log_t_cdf(z, nu)[0] == pytest.approx(expected, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("nu", [1.0, 2.5, 4.0, 7.0, 30.0])
def test_slope_is_density_by_probability(nu: float) -> None:
    for z in POINTS:
        expected = float(mpmath.exp(stats.t(nu).logpdf(z) - precise(z, nu)))
        assert log_t_cdf(z, nu)[1] == pytest.approx(expected, rel=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e300, 1e300), st.floats(0.5, 1e4))
def test_nothing_is_infinite_or_undefined(z: float, nu: float) -> None:
    assert np.isfinite([*log_t_cdf(z, nu), *log_t_density(z, nu)]).all()
    assert log_t_cdf(z, nu)[0] <= 0 <= log_t_cdf(z, nu)[1]


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(0.5, 300.0))
def test_density_is_that_of_scipy(z: float, nu: float) -> None:
    assert log_t_density(z, nu)[0] == pytest.approx(stats.t(nu).logpdf(z), rel=1e-10, abs=1e-12)


def test_closed_form_of_four_degrees_agrees_with_its_neighbors() -> None:
    for z in POINTS:
        near = [log_t_cdf(z, nu)[0] for nu in (4 - 1e-7, 4 + 1e-7)]
        assert log_t_cdf(z, 4.0)[0] == pytest.approx(np.mean(near), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("a", "b"), [(-2.0, 1.0), (5.0, 6.0), (-1e5, -1e3), (30.0, 30.5)])
def test_interval_is_a_precise_difference_with_its_slopes(a: float, b: float) -> None:
    low, high = (-b, -a) if a > 0 else (a, b)
    with mpmath.workdps(60):
        expected = float(mpmath.log(mpmath.exp(precise(high, 4)) - mpmath.exp(precise(low, 4))))
    value, by_a, by_b = log_interval(a, b, 4.0)
    assert value == pytest.approx(expected, rel=1e-9)
    law = stats.t(4)
    assert by_a == pytest.approx(-np.exp(law.logpdf(a) - expected), rel=1e-8)
    assert by_b == pytest.approx(np.exp(law.logpdf(b) - expected), rel=1e-8)
