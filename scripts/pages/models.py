"""A page for each model of the library, written from the model itself."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from cytobayes.models import OdeModel, equations, get, names, threshold
from cytobayes.models.latex import Equation, output_equations, symbol
from cytobayes.models.ode import STATUSES

from .markdown import cell, code, table, toctree

__all__ = ["model_page", "model_pages"]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images" / "models"
INTRODUCTION = """\
{count} models. Each page is written from the model at build time: its equations are traced from the
function that the engine compiles, its table is the table of parameters that a fit uses.

*Values* counts the parameters by what supports them: *published* in a source, *derived* from
published ones, *calibrated* to a described behavior, or *assumed* (inputs and definitions among
them). A model whose values are mostly calibrated is a design, not a finding.
"""


def model_pages() -> dict[str, str]:
    """Text of each page by its name, and of their index."""
    models = [get(name) for name in names()]
    pages = {f"models/{m.name}.md": model_page(m) for m in models}
    return pages | {"models/index.md": _index(models)}


def _index(models: list[OdeModel]) -> str:
    rows = [
        (
            f"[{m.name}]({m.name}.md)",
            cell(m.title),
            str(len(m.states)) if m.states else "closed form",
            _support(m),
            cell(m.fits) or "simulated only",
        )
        for m in models
    ]
    head = ("model", "what it describes", "states", "values", "what it fits")
    parts = ["# Models", INTRODUCTION.format(count=len(models)), table(head, rows)]
    return "\n\n".join([*parts, toctree([m.name for m in models], hidden=True)]) + "\n"


def _support(model: OdeModel) -> str:
    counts = Counter(p.status for p in model.parameters)
    total = len(model.parameters)
    return ", ".join(f"{counts[s]} of {total} {s}" for s in STATUSES if counts[s])


def model_page(model: OdeModel) -> str:
    """Equations, parameters, thresholds and sources of one model."""
    parts = [f"# {model.name}", f"**{cell(model.title)}.** {cell(model.description)}"]
    if (PICTURES / f"{model.name}.png").exists():
        parts += [
            f"![{cell(model.title)}](../../images/models/{model.name}.png)",
            "Typical values under the typical schedule; a mark on the time axis is a dose or a "
            "switch.",
        ]
    parts += ["## Equations", f"Time in {model.time_unit}.", *_equations(model)]
    parts += _states(model)
    parts += ["## Parameters", _support(model) + ".", _parameters(model), PRIORS]
    parts += _thresholds(model) + _facts(model) + _sources(model)
    parts += ["## Use", f"```\ncytobayes models show {model.name}\n```"]
    return "\n\n".join(parts) + "\n"


PRIORS = (
    "A prior in brackets, or none: held at the value unless a fit is given a prior. IIV is the "
    "standard deviation of the logarithm between subjects, where one is known."
)


def _equations(model: OdeModel) -> list[str]:
    found = [_formula(e) for e in equations(model)]
    if model.states:
        found.append("At time zero:")
        found += [f"$$\n{e.symbol}(0) = {e.initial}\n$$" for e in equations(model)]
    if model.outputs:
        found += ["Observables that are not states:"] if model.states else []
        found += [_formula(e) for e in output_equations(model)]
    return found


def _formula(equation: Equation) -> str:
    """One block for each line of an equation; MathML breaks none itself."""
    first, *rest = equation.lines
    lines = [f"{equation.left} = {first}", *(rf"\qquad {line}" for line in rest)]
    return "\n\n".join(f"$$\n{line}\n$$" for line in lines)


def _states(model: OdeModel) -> list[str]:
    rows = [
        (f"${symbol(s.name)}$", code(s.name), cell(s.unit) or "1", cell(s.description))
        for s in model.states
    ] + [
        (f"${symbol(k)}$", code(k), cell(model.unit(k)) or "1", "observable") for k in model.outputs
    ]
    return ["## States and observables", table(("symbol", "name", "unit", "meaning"), rows)]


def _parameters(model: OdeModel) -> str:
    rows = []
    for p in sorted(model.parameters, key=lambda p: p.name not in model.estimated):
        prior = "" if p.prior is None else re.sub(r"\w+=", "", str(p.prior))
        prior = f"({prior})" if p.fixed and prior else prior
        rows.append(
            (
                f"${symbol(p.name)}$",
                code(p.name),
                f"{p.value:.6g}",
                cell(p.unit) or "1",
                cell(prior),
                f"{p.iiv:g}" if p.iiv else "",
                p.status,
                cell(p.description) + (f" ({cell(p.source)})" if p.source else ""),
            )
        )
    head = ("symbol", "name", "value", "unit", "prior", "IIV", "status", "meaning (source)")
    return table(head, rows)


def _thresholds(model: OdeModel) -> list[str]:
    if not model.thresholds:
        return []
    values = threshold(model)
    rows = [
        (
            cell(t.name),
            f"{float(values[t.name]):.4g}",
            cell(t.critical if isinstance(t.critical, str) else f"{t.critical:g}"),
            cell(t.unit) or "1",
            cell(t.meaning),
        )
        for t in model.thresholds
    ]
    head = ("quantity", "at typical values", "critical", "unit", "beyond it")
    return ["## Thresholds", table(head, rows)]


def _facts(model: OdeModel) -> list[str]:
    found = ["## What data can say"]
    found.append(f"It fits {cell(model.fits)}." if model.fits else "It is for simulation only.")
    if model.identifiable:
        found.append(cell(model.identifiable))
    if model.invariances:
        found.append("Directions that data see only through the observables named here:")
        found.append("\n".join("- " + _direction(i.parameters, i.observables)
                               for i in model.invariances))  # fmt: skip
    return found


def _direction(parameters: object, observables: object) -> str:
    assert isinstance(parameters, dict) and isinstance(observables, dict)
    moved = ", ".join(f"`{n}` by $c^{{{v:g}}}$" for n, v in parameters.items())
    seen = ", ".join(f"`{n}`" for n in observables)
    return f"multiplying {moved}" + (f"; seen by {seen}" if seen else "; seen by none")


def _sources(model: OdeModel) -> list[str]:
    if not model.references:
        return []
    return ["## References", "\n".join(f"- {cell(r)}" for r in model.references)]
