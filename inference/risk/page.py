"""How a risk looks: tables, pictures, and a page of HTML that needs no other file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ...datasets.writing import whole_file
from ..drawing import to_svg
from .assessment import CAVEAT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .assessment import Risk
    from .validation import Validation

__all__ = ["fragment", "plot_patients", "write_page"]

TEMPLATE = """\
<section id="risk">
<h2>Risk of {{ name }}</h2>
<p><strong>{{ verdict }}</strong></p>
<p>{{ sentence }}</p>
{{ by_grade }}
<figure>{{ patients }}<figcaption>P(grade at least {{ k }}) of each patient given the time course,
with 90 % intervals. Filled: observed. These patients' own grades were used; the scores below are
of held-out grades.</figcaption></figure>
<h3>Held-out patients</h3>
<p>{{ calibrated }}</p>
<figure>{{ calibration }}<figcaption>{{ caption }}</figcaption></figure>
{{ scores }}
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
<p><em>{{ caveat }}</em></p>
</section>
"""
PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Risk of {{ name }}</title>
<style>{{ css }}</style></head><body><main>{{ inside }}</main></body></html>
"""


def _render(template: str, **parts: object) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(template).render(**parts)


def table_html(frame: pd.DataFrame) -> Markup:
    """Write a table; every text of it is escaped."""
    return Markup(
        frame.to_html(index=False, float_format=lambda v: f"{v:.3f}", na_rep="-", border=0)
    )


def plot_patients(risk: Risk) -> Figure:
    """Risk of each patient with its interval, in order; filled where the grade was reached."""
    from ..drawing import CURVE, Panels, style

    frame = risk.table.sort_values(f"risk_{risk.at_least}").reset_index(drop=True)
    value = frame[f"risk_{risk.at_least}"].to_numpy()
    with style():
        panels = Panels(1, columns=1, size=(6.4, 3.2))
        axes = panels.axes[0]
        at = np.arange(len(frame))
        axes.vlines(at, frame["low"], frame["high"], color=CURVE, linewidth=1)
        hit = frame["observed"].to_numpy() >= risk.at_least
        axes.plot(at[hit], value[hit], "o", color=CURVE, markersize=5, label="observed")
        axes.plot(at[~hit], value[~hit], "o", color=CURVE, markerfacecolor="white", markersize=5)
        axes.set_xticks(at, list(frame["subject"]), rotation=90, fontsize=6)
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel(f"P(grade at least {risk.at_least})")
        return panels.figure


def fragment(risk: Risk, validation: Validation) -> str:
    """Section of HTML for a report: what wins first, risks, calibration, scores.

    Parameters
    ----------
    risk : Risk
    validation : Validation

    Returns
    -------
    str
        Every text that comes from data is escaped.
    """
    check = validation.calibration()
    k = risk.at_least
    return _render(
        TEMPLATE,
        name=f"{risk.grades.outcome.upper()} ({risk.grades.scale or 'scale not stated'})",
        verdict=validation.verdict,
        sentence=risk.sentence,
        by_grade=table_html(risk.by_grade),
        patients=Markup(to_svg(plot_patients(risk), "risk-patients", f"Risk of grade {k} or more")),
        k=k,
        calibrated=check.sentence,
        calibration=Markup(to_svg(check.plot(), "risk-calibration", check.title)),
        caption=check.caption,
        scores=table_html(validation.scores),
        notes=validation.notes,
        caveat=CAVEAT,
    )


def write_page(risk: Risk, validation: Validation, folder: Path) -> Path:
    """Write ``risk.html`` and its tables as csv into a folder.

    Parameters
    ----------
    risk : Risk
    validation : Validation
    folder : Path
        Made if it is not there.

    Returns
    -------
    Path
        Of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "patients": risk.table,
        "population": risk.by_grade,
        "held_out": validation.table,
        "scores": validation.scores,
        "calibration": validation.calibration().table,
    }
    for name, frame in tables.items():
        with whole_file(folder / f"{name}.csv") as part:
            frame.to_csv(part, index=False, lineterminator="\n")
    inside = fragment(risk, validation)
    style = (
        files(__package__.replace(".risk", ".report"))
        .joinpath("templates/report.css")
        .read_text("utf-8")
    )
    with whole_file(folder / "fragment.html") as part:
        part.write_text(inside, encoding="utf-8")
    title = f"{risk.grades.outcome} of grade {risk.at_least} or more"
    with whole_file(folder / "risk.html") as part:
        whole = _render(PAGE, name=title, css=Markup(style), inside=Markup(inside))
        part.write_text(whole, encoding="utf-8")
    return folder / "risk.html"
