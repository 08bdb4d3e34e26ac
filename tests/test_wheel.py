"""What an installed cytobayes can do, from any folder, without the checkout.

`.ci/run` copies this file and the command-line tests to another place and runs them against the
built wheel, with ``CYTOBAYES_WHEEL=1``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.metadata import files, version
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path

import pytest

import cytobayes

WHEEL = os.environ.get("CYTOBAYES_WHEEL") == "1"
SCRIPT = Path(sysconfig.get_path("scripts")) / "cytobayes"


def run(*command: str | Path, cwd: Path) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_right_package_is_tested() -> None:
    here = Path(cytobayes.__file__)
    if WHEEL:
        assert here.is_relative_to(sysconfig.get_path("purelib"))
        assert {p.parts[0] for p in files("cytobayes") or () if p.suffix == ".py"} == {"cytobayes"}
    else:
        assert here == Path(__file__).parents[1] / "cytobayes" / "__init__.py"


def test_the_version_is_stated_once() -> None:
    assert version("cytobayes") == cytobayes.__version__


def test_the_import_is_quick_and_leaves_the_heavy_parts_alone(tmp_path: Path) -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import cytobayes; "
        "print(time.perf_counter() - start, *{'numpy', 'pymc', 'numba'} & set(sys.modules))"
    )
    seconds, *loaded = run(sys.executable, "-c", code, cwd=tmp_path).split()
    assert float(seconds) < 1
    assert not loaded


@pytest.mark.parametrize("name", cytobayes.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(cytobayes, name) is not None
    assert name in dir(cytobayes)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = cytobayes.fitt


@pytest.mark.parametrize(
    ("package", "pattern"),
    [
        ("cytobayes", "py.typed"),
        ("cytobayes.datasets", "data/*.csv"),
        ("cytobayes.inference.report", "templates/*.html*"),
    ],
)
def test_data_files_are_installed(package: str, pattern: str) -> None:
    with as_file(resources(package)) as folder:
        assert list(folder.glob(pattern))


@pytest.mark.parametrize("command", [(), ("fit",), ("report",)], ids=str)
def test_the_command_line_explains_itself(command: tuple[str, ...], tmp_path: Path) -> None:
    assert "Usage" in run(SCRIPT, *command, "--help", cwd=tmp_path)
