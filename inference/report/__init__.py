"""The report of a run: one page of HTML, and a csv file for each of its figures and tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ...datasets.writing import whole_file
from ..run import REPORT, TABLES
from . import content, figures, page
from .gather import gather
from .material import Material
from .verdict import Verdict, judge

if TYPE_CHECKING:
    from ..problem import Problem
    from ..run import Run

__all__ = ["write_report"]


def write_report(run: Run, problem: Problem) -> Verdict:
    """Write ``report.html`` and ``tables/`` into the folder of a run, in place of older ones.

    Parameters
    ----------
    run : Run
    problem : Problem
        What was fitted.

    Returns
    -------
    Verdict
        What the report says first.
    """
    return write_pages(gather(run, problem), run.folder)


def write_pages(material: Material, folder: Path) -> Verdict:
    """Write the page and the tables of a material; each is replaced as a whole."""
    verdict = judge(material.evidence())
    drawn = figures.draw(material)
    html = page.render(material, verdict, drawn, content.tables(material))
    mark = uuid4().hex[:8]
    tables = folder / f".{TABLES}.{mark}"
    tables.mkdir()
    for name, frame in content.frames(material).items():
        frame.to_csv(tables / f"{name}.csv", index=False)
    for picture in drawn.values():
        picture.numbers.to_csv(tables / picture.csv, index=False)
    shutil.rmtree(folder / TABLES, ignore_errors=True)
    tables.rename(folder / TABLES)
    with whole_file(folder / REPORT) as part:
        part.write_text(html, encoding="utf-8")
    return verdict
