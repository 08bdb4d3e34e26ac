"""From `Material` to one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from . import content
from .equations import initial_values, typeset
from .figures import Picture, Shown
from .frame import in_frame, shipped
from .individuals import Individuals
from .material import Material
from .tables import Table
from .verdict import Level, Verdict

__all__ = ["render"]

SIGNS = {Level.TRUSTED: "✓", Level.CAUTION: "!", Level.REFUSED: "✕"}
SECTIONS = {
    "data": "Data",
    "model": "Model",
    "prior": "Priors",
    "convergence": "Convergence",
    "parameters": "Parameters",
    "fit": "Fit",
    "predictive": "Predictive checks",
    "risk": "Risk",
    "response": "Exposure-response",
    "sensitivity": "Sensitivity",
    "credibility": "Credibility",
    "reproduce": "Reproduce",
}
ALWAYS = ("data", "model", "convergence", "parameters", "fit", "reproduce")
INTRODUCTIONS = {
    "prior": "What the model and its priors predict before they have seen any data. A prior that "
    "misses the data is a remark for the reader and no fault of the sampling: the verdict above "
    "does not rest on it.",
    "predictive": "Data simulated from the fit, beside the measured ones: a model that cannot "
    "reproduce what was seen cannot be asked about what was not.",
    "risk": "Probability of each grade, from the posterior. Grades were not part of the fit of the "
    "time courses; how they follow from the signal was learned afterwards, draw by draw.",
    "response": "Outcome by exposure, an association.",
    "sensitivity": "What the numbers rest on: priors, single rows, the solver.",
    "credibility": "What a reviewer asks for, in the order of ICH M15.",
}


def render(
    material: Material,
    verdict: Verdict,
    figures: dict[str, Picture],
    tables: dict[str, Table],
    checks: Mapping[str, tuple[Shown, ...]],
    people: Individuals | None,
) -> str:
    """Write the page.

    Parameters
    ----------
    material : Material
    verdict : Verdict
    figures : dict of name to Picture
        As from `figures.draw`.
    tables : dict of name to Table
        As from `content.tables`.
    checks : mapping of section to tuple of Shown
        As from `figures.draw_checks`.
    people : Individuals or None
        Fits of single subjects, where there are many.

    Returns
    -------
    str
        HTML; every text that comes from data, files or names is escaped.
    """
    there = {k: v for k, v in SECTIONS.items() if k in ALWAYS or checks.get(k)}
    return in_frame(
        "report.html",
        kicker="fit report",
        title=content.title(material),
        script=shipped("report.js").strip(),
        sections=there.items(),
        headings=there,
        introductions=INTRODUCTIONS,
        checks=checks,
        people=people,
        subtitle=content.subtitle(material),
        verdict=verdict,
        sign=SIGNS[verdict.level],
        figures=figures,
        tables=tables,
        texts=content.texts(material),
        provenance=content.provenance(material),
        steps=[step for record in material.study.provenance for step in record.steps],
        equations=typeset(material.model),
        starts=initial_values(material.model),
        references=material.model.references,
        sources=content.sources(material),
        settings=material.settings,
        analysis=material.analysis,
    )
