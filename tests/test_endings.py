"""Tests that crash or hang end the run of `make test`, which fails; nobody waits for them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BAD = {
    "crash": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "Segmentation fault"),
    "hang": ("import time; time.sleep(300)", "Timeout (0:00:02)!"),
}


def options() -> list[str]:
    """Options that `make test` gives to pytest, where a test hangs after two seconds.

    Also when this test was itself begun by make, whose settings another make would take over.
    """
    command = ["make", "--dry-run", "test", "WORKERS=2", "PATIENCE=2", "MARKS=not hour"]
    outside = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS"))}
    made = subprocess.run(
        command, cwd=ROOT, env=outside, capture_output=True, text=True, check=True
    ).stdout
    words = shlex.split(made.replace("\\\n", " ")[made.index("bin/pytest") :])
    return words[1:]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_test_ends_the_run(case: str, tmp_path: Path) -> None:
    line, seen = BAD[case]
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = hour\n")
    (tmp_path / "test_bad.py").write_text(f"def test_bad():\n    {line}\n")
    (tmp_path / "test_good.py").write_text("def test_good():\n    pass\n")
    command = [sys.executable, "-m", "pytest", *options()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode not in (0, 5)
    assert "crashed and worker restarting disabled" in done.stdout
    assert seen in done.stderr
