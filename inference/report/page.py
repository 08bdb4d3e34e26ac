"""From `Material` to one page of HTML that needs nothing else."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..._version import __version__
from . import content
from .equations import initial_values, typeset
from .figures import Picture
from .material import Material
from .tables import Table
from .verdict import DISCLAIMER, Level, Verdict

__all__ = ["render"]

SIGNS = {Level.TRUSTED: "✓", Level.CAUTION: "!", Level.REFUSED: "✕"}
SECTIONS = (
    ("data", "Data"),
    ("model", "Model"),
    ("convergence", "Convergence"),
    ("parameters", "Parameters"),
    ("fit", "Fit"),
    ("reproduce", "Reproduce"),
)


def render(
    material: Material,
    verdict: Verdict,
    figures: dict[str, Picture],
    tables: dict[str, Table],
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

    Returns
    -------
    str
        HTML; every text that comes from data, files or names is escaped.
    """
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        version=__version__,
        css=Markup(files(__package__).joinpath("templates/report.css").read_text("utf-8")),
        sections=SECTIONS,
        title=content.title(material),
        subtitle=content.subtitle(material),
        verdict=verdict,
        sign=SIGNS[verdict.level],
        disclaimer=DISCLAIMER,
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
