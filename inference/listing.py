"""What the commands ``models`` and ``datasets`` print."""

from __future__ import annotations

import re
import textwrap

from rich.table import Table
from rich.text import Text

from ..datasets import cite, load
from ..datasets import names as dataset_names
from ..models.library import get
from ..models.library import names as model_names
from ..models.ode import OdeModel
from ..models.symbolic import as_written
from ..models.written import text
from .console import show

__all__ = ["list_datasets", "list_models", "show_dataset", "show_model"]

WIDTH = 78
FIRM = ("parameter", "value", "unit", "prior (none: fixed)", "status", "model", "data set")


def list_models() -> None:
    """Print one line per model."""
    table = _table("model", "what it describes", "states", "estimated")
    for name in model_names():
        model = get(name)
        estimated = sum(p.prior is not None for p in model.parameters)
        of = f"{estimated} of {len(model.parameters)}"
        table.add_row(Text(name, style="bold"), Text(model.title), str(len(model.states)), of)
    show(table)
    show("\nMore about one: cytobayes models show NAME")


def show_model(name: str) -> None:
    """Print equations, parameters and sources of a model."""
    model = get(name)
    show(f"{model.name}: {model.title}\n\n{_wrapped(model.description)}")
    show(f"\nEquations (time in {model.time_unit})\n\n{_equations(model)}\n")
    show(_parameters(model))
    if model.references:
        show("\nReferences\n\n" + "\n".join(_wrapped(r, "- ") for r in model.references))


def _equations(model: OdeModel) -> str:
    written = as_written(model)
    lines = [
        f"{state.name}' = {text(right)}"
        for state, right in zip(model.states, written.rhs, strict=True)
    ]
    lines += [f"{name} = {text(value)}" for name, value in written.outputs.items()]
    starts = zip(model.state_names, written.initial, strict=True)
    lines.append("at t = 0: " + ", ".join(f"{name} = {text(value)}" for name, value in starts))
    return "\n".join(lines)


def _parameters(model: OdeModel) -> Table:
    """Those with a prior first; a prior as ``LogNormal(1.5, 0.5)``, in the order of its record."""
    table = _table("parameter", "value", "unit", "prior (none: fixed)", "status", "meaning")
    for p in sorted(model.parameters, key=lambda p: p.prior is None):
        prior = "" if p.prior is None else re.sub(r"\w+=", "", str(p.prior))
        cells = (p.name, f"{p.value:g}", p.unit or "1", prior, p.status, p.description)
        table.add_row(*map(Text, cells))
    return table


def _wrapped(words: str, bullet: str = "") -> str:
    return textwrap.fill(words, WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet))


def list_datasets() -> None:
    """Print one line per published data set."""
    table = _table("data set", "observables", "subjects", "rows", "source")
    for name in dataset_names():
        study = load(name)
        source = next((p.source for p in study.provenance), "")
        table.add_row(
            Text(name, style="bold"),
            Text(", ".join(study.observables)),
            str(len(study.subjects)),
            str(study.observations.sizes["row"]),
            Text(source),
        )
    show(table)
    show("\nMore about one: cytobayes datasets show NAME")


def show_dataset(name: str) -> None:
    """Print the summary of a data set and its citation."""
    show(f"{load(name)}\n\nPlease cite:\n\n{cite(name)}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        right = column in ("states", "value", "subjects", "rows")
        table.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=column in FIRM
        )
    return table
