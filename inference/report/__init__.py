"""The report of a run: one page of HTML, and a csv file for each of its figures and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...datasets.writing import whole_file, whole_folder
from ..run import REPORT, TABLES
from . import content, figures, page
from .gather import gather
from .individuals import Individuals, by_subject, draw_individuals
from .material import Material
from .verdict import Verdict, judge

if TYPE_CHECKING:
    import pandas as pd

    from ..problem import Problem
    from ..run import Run
    from .assessment import Told

__all__ = ["write_report"]


def write_report(
    run: Run,
    problem: Problem,
    told: Told = lambda text: None,
    *,
    stratify: str | None = None,
) -> Verdict:
    """Write ``report.html`` and ``tables/`` into the folder of a run, in place of older ones.

    Parameters
    ----------
    run : Run
    problem : Problem
        What was fitted.
    told : callable
        Told what is being done.
    stratify : str, optional
        As in `gather`.

    Returns
    -------
    Verdict
        What the report says first.
    """
    return write_pages(gather(run, problem, told, stratify=stratify), run.folder)


def write_pages(material: Material, folder: Path) -> Verdict:
    """Write the page and the tables of a material; each is replaced as a whole."""
    verdict = judge(material.evidence())
    drawn, checks = figures.draw(material), figures.draw_checks(material)
    people = draw_individuals(material) if by_subject(material) else None
    html = page.render(material, verdict, drawn, content.tables(material), checks, people)
    with whole_folder(folder / TABLES) as tables:
        for name, frame in content.frames(material).items():
            frame.to_csv(tables / f"{name}.csv", index=False)
        for picture in drawn.values():
            picture.numbers.to_csv(tables / picture.csv, index=False)
        for name, numbers in _of_checks(checks, people).items():
            numbers.to_csv(tables / name, index=False)
    with whole_file(folder / REPORT) as part:
        part.write_text(html, encoding="utf-8")
    return verdict


def _of_checks(
    checks: dict[str, tuple[figures.Shown, ...]], people: Individuals | None
) -> dict[str, pd.DataFrame]:
    """Numbers of checks and of individual fits, by file name."""
    every = [shown for part in checks.values() for shown in part]
    found = {shown.csv: shown.numbers for shown in every if shown.numbers is not None}
    return found if people is None else {**found, "fit.csv": people.numbers}
