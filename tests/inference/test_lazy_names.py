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


# One process imports what takes seconds and is not ours; each order runs in a copy of it.
PROGRAM = """
import os, sys
import arviz_base, arviz_stats, numba, pymc

assert not any(name.startswith("cytobayes") for name in sys.modules)
for code in sys.argv[1:]:
    copy = os.fork()
    if not copy:
        try:
            exec(code + "; assert callable(fit) and callable(predict)", {})
        except BaseException as error:
            print(repr(error))
        else:
            print("good")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(copy, 0)
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    wrong = "from cytobayes.inference import fit, no_such_name"
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *ORDERS, wrong]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip([*ORDERS, "wrong"], done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("code", ORDERS)
def test_fit_is_the_function_and_not_the_module(code: str, answers: dict[str, str]) -> None:
    assert answers[code] == "good"


def test_a_name_that_is_not_there_is_seen(answers: dict[str, str]) -> None:
    assert "no_such_name" in answers["wrong"]


def test_every_public_name_exists() -> None:
    assert all(getattr(room, name) is not None for name in room.__all__)
    assert set(room.__all__) <= set(dir(room))
    assert not hasattr(room, "no_such_name")


def test_the_package_alone_does_not_import_pymc() -> None:
    code = "import sys, cytobayes.inference; assert 'pymc' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
