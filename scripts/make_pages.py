"""Write the pages of the documentation that come from the code: ``make docs`` does it first.

They go to docs/generated, which is made anew and is not committed.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pages.commands import command_page
from pages.datasets import dataset_page
from pages.models import model_pages
from pages.reference import reference_pages

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "generated"


def main() -> None:
    """Write all pages into an empty folder."""
    shutil.rmtree(OUT, ignore_errors=True)
    pages = {"commands.md": command_page(), "datasets.md": dataset_page()}
    pages |= model_pages() | reference_pages()
    pages["benchmarks.md"] = benchmarks()
    pages["changelog.md"] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name, text in pages.items():
        file = OUT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    copy_notebooks()
    print(f"{len(pages)} pages in {OUT.relative_to(ROOT)}")


def benchmarks() -> str:
    """Take the page from benchmarks/README.md, with its pictures where the site has them."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\(\.\./docs/", "](../", text)


def copy_notebooks() -> None:
    """Copy the tutorials to where Sphinx reads them."""
    folder = OUT / "tutorials"
    folder.mkdir()
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = notebook.read_text(encoding="utf-8").replace("](../docs/", "](../../")
        (folder / notebook.name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
