"""The report as a PDF, printed by a browser of the user: the same page, for paper."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from ...datasets.errors import InputError
from ...datasets.writing import whole_file

__all__ = ["BROWSERS", "print_pdf"]

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
SECONDS = 180


def print_pdf(page: Path, out: Path) -> Path:
    """Print a page of HTML to a PDF.

    Parameters
    ----------
    page : Path
    out : Path
        Replaced as a whole.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InputError
        If there is no browser, or it fails; the message names the remedy.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise InputError(
            f"a PDF is printed by Chromium or Chrome, and none of {', '.join(BROWSERS[:3])} is on "
            f"the path. Install one (on Debian: apt install chromium), or open {page} in any "
            "browser and print it."
        )
    with TemporaryDirectory() as scratch:
        made = Path(scratch) / "report.pdf"
        command = [
            browser, "--headless", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={scratch}/profile", "--no-pdf-header-footer",
            f"--print-to-pdf={made}", page.absolute().as_uri(),
        ]  # fmt: skip
        if os.name == "posix" and os.geteuid() == 0:  # Chromium refuses its sandbox to root
            command.insert(1, "--no-sandbox")
        told = _run(command, page)
        if not made.is_file() or made.stat().st_size == 0:
            last = told.strip().splitlines()[-1:] or ["no message"]
            raise InputError(
                f"{browser} wrote no PDF ({last[0]}); open {page} in a browser and print it."
            )
        with whole_file(out) as part:
            shutil.copyfile(made, part)
    return out


def _run(command: list[str], page: Path) -> str:
    """Run the browser; its error messages."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{command[0]} did not print within {SECONDS} s; open {page} in a browser and print it."
        ) from None
    return done.stderr
