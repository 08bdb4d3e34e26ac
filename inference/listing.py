"""What the commands ``models`` and ``datasets`` print."""

from __future__ import annotations

import json
import re
import textwrap

from rich.table import Table
from rich.text import Text

from ..datasets import cite, load, load_table
from ..datasets.registry import Entry, catalog, entry
from ..models.library import get
from ..models.library import names as model_names
from ..models.ode import OdeModel
from ..models.symbolic import as_written
from ..models.written import text
from .console import show

__all__ = ["list_datasets", "list_models", "show_dataset", "show_model"]

WIDTH = 78
FIRM = ("parameter", "value", "unit", "prior (none: fixed)", "status", "model", "data set", "kind")


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


def list_datasets(as_json: bool = False) -> None:
    """Print one line per data set, or all that is known about them as JSON."""
    if as_json:
        show(json.dumps({name: _record(known) for name, known in catalog().items()}, indent=2))
        return
    table = _table("data set", "kind", "size", "licence", "citation")
    for name, known in catalog().items():
        licence = re.split(r"[;(]", known.licence)[0].strip()
        cells = (known.kind, known.size, licence, _short(known))
        table.add_row(Text(name, style="bold"), *map(Text, cells))
    show(table)
    show("\nMore about one: cytobayes datasets show NAME")


def show_dataset(name: str, as_json: bool = False) -> None:
    """Print what is known about a data set, its contents if they are here, and its citation."""
    known = entry(name)
    if as_json:
        show(json.dumps({name: _record(known)}, indent=2))
        return
    if known.kind == "time course":
        show(str(load(name)))
    else:
        lines = [f"{name}: {known.title}", f"{known.kind}, {known.size}"]
        lines += [known.source, f"doi {known.doi}", f"licence: {known.licence}"]
        show("\n".join(_wrapped(line) for line in lines))
        show("\n" + "\n".join(_wrapped(step, "- ") for step in known.obtained))
        show(f"\n{_contents(name, known)}")
    show(f"\nPlease cite:\n\n{cite(name)}")


def _contents(name: str, known: Entry) -> str:
    """Show the rows of a table, or how to read a copy."""
    if known.loader:
        return f'In Python: cytobayes.datasets.load("{name}", path=COPY)'
    units = [f"{column} [{unit}]" for column, unit in known.units.items()]
    rows = load_table(name).to_string(index=False, na_rep="", max_rows=40, max_colwidth=80)
    return "\n".join([rows, *(["", "units: " + ", ".join(units)] if units else [])])


def _record(known: Entry) -> dict[str, object]:
    """Collect what a program may want to know."""
    fields = ("title", "kind", "size", "source", "doi", "licence", "obtained", "units")
    record = {field: getattr(known, field) for field in fields}
    return {
        **record,
        "units": dict(known.units),
        "citation": f"{_short(known)}, doi:{known.doi}",
        "cite": known.bibtex(),
    }


def _short(known: Entry) -> str:
    """First author and year."""
    first = known.cite[0]
    authors = first["author"].split(" and ")
    others = " et al." if len(authors) > 1 else ""
    return f"{authors[0].split(',')[0]}{others} {first['year']}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        right = column in ("states", "value", "subjects", "rows")
        table.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=column in FIRM
        )
    return table
