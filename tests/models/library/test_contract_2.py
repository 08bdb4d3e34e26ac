"""Part 2 of the contract of the library, see `contract`."""

import pytest

from .contract import (
    run_part,
    test_an_invariance_scales_what_it_says_and_nothing_else,
    test_closed_forms_are_finite_with_finite_gradients,
    test_gradients_agree_with_central_differences,
    test_prior_draws_integrate,
    test_values_agree_with_an_independent_solver,
)

__all__ = [
    "test_an_invariance_scales_what_it_says_and_nothing_else",
    "test_closed_forms_are_finite_with_finite_gradients",
    "test_gradients_agree_with_central_differences",
    "test_prior_draws_integrate",
    "test_values_agree_with_an_independent_solver",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the models of this part."""
    run_part(metafunc, 1)
