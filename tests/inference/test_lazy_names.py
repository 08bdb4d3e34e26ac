"""Public names are what they say, in whatever order modules are imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cytobayes.inference as room

ORDERS = [
    "from cytobayes.inference import fit, predict",
    "from cytobayes.inference.fit import read_facts; from cytobayes.inference import fit, predict",
    "from cytobayes.inference import FitError, convergence, fit, predict",
    "import cytobayes.inference.predict; from cytobayes import fit, predict",
]


@pytest.mark.parametrize("code", ORDERS)
def test_fit_is_the_function_and_not_the_module(code: str) -> None:
    check = f"{code}; assert callable(fit) and callable(predict)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_every_public_name_exists() -> None:
    assert all(getattr(room, name) is not None for name in room.__all__)
    assert set(room.__all__) <= set(dir(room))
    assert not hasattr(room, "no_such_name")


def test_the_package_alone_does_not_import_pymc() -> None:
    code = "import sys, cytobayes.inference; assert 'pymc' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
