"""A skip is a failure when all is required, but for want of copies of data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_passes(): pass
def test_skips(): pytest.skip("not today")
def test_needs_data(data_dir): pass
@pytest.mark.xfail
def test_is_known_to_fail(): assert False
"""


@pytest.mark.parametrize(
    ("require_all", "closing"),
    [
        ("0", "1 passed, 2 skipped, 1 xfailed"),
        ("1", "1 failed, 1 passed, 1 skipped, 1 xfailed"),
    ],
)
def test_skips_are_counted_as_asked(require_all: str, closing: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "test_suite.py").write_text(SUITE)
    settings = {"CYTOBAYES_REQUIRE_ALL": require_all, "CYTOBAYES_DATA": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in done.stdout, done.stdout
