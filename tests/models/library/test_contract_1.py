"""Part 1 of the contract of the library, see `contract`."""

import pytest

from .contract import *  # noqa: F403 (its tests)
from .contract import run_part


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take the models of this part."""
    run_part(metafunc, 0)
