"""Where copies of data stand, what a skip means, and settings that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
REQUIRE_ALL = os.environ.get("CYTOBAYES_REQUIRE_ALL") == "1"

os.environ.setdefault("MPLBACKEND", "Agg")
# Tests send themselves Ctrl-C, which a process that a shell began in the background ignores.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Properties are checked on the same examples each time; how long one takes is not a property.
settings.register_profile("cytobayes", deadline=None, derandomize=True)
settings.load_profile("cytobayes")


def folder(variable: str, default: Path) -> Path | None:
    """Folder named by an environment variable, else the default, else nothing."""
    path = Path(os.environ.get(variable, default))
    return path if path.is_dir() else None


FOLDERS = {
    "data_dir": folder("CYTOBAYES_DATA", SHARED / "data"),
    "reference_dir": folder("CYTOBAYES_REFERENCE", SHARED / "reference"),
}


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Copies of public data sets, which are not part of the project."""
    return FOLDERS["data_dir"] or pytest.skip("no copies of public data: set CYTOBAYES_DATA")


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Problems with published or independently computed answers."""
    path = FOLDERS["reference_dir"]
    return path or pytest.skip("no reference problems: set CYTOBAYES_REFERENCE")


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With CYTOBAYES_REQUIRE_ALL=1 a skip is a failure, so that nothing passes by skipping."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (a skip is a failure under CYTOBAYES_REQUIRE_ALL=1)"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse skips, except for want of a folder that this machine does not have."""
    report = yield
    absent = {name for name, path in FOLDERS.items() if path is None}
    if not absent & set(getattr(item, "fixturenames", ())):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse modules that skip themselves."""
    report = yield
    refuse_skip(report)
    return report
