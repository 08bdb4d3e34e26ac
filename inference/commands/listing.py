"""What the commands ``models`` and ``datasets`` print."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from typing import Any

from rich.table import Table
from rich.text import Text

from ...datasets import cite, load, load_table
from ...datasets.registry import EMBEDDED, Entry, catalog, entry
from ...models.analysis import threshold
from ...models.library import get
from ...models.library import names as model_names
from ...models.ode import OdeModel, Parameter
from ...models.symbolic import as_written
from ...models.written import text
from ..console import show

__all__ = ["list_datasets", "list_models", "show_dataset", "show_model"]

WIDTH = 78
FIRM = ("parameter", "value", "unit", "prior", "status", "model", "size")  # are not wrapped


def list_models(*, as_json: bool = False) -> None:
    """Print one line per model, or everything as JSON."""
    if as_json:
        show(json.dumps([_facts(get(name)) for name in model_names()], indent=1))
        return
    table = _table("model", "what it describes, and what it fits", "states", "free", "values")
    for name in model_names():
        facts = _facts(get(name))
        table.add_row(
            Text(name, style="bold"),
            Text(facts["title"]) + Text(f"\n{facts['fits'] or 'simulated only'}", style="dim"),
            str(len(facts["states"])) if facts["states"] else "-",
            f"{len(facts['estimated'])} of {len(facts['parameters'])}",
            Text(facts["values"]),
        )
    show(table)
    show(
        "\nstates: - for a closed form; free: parameters estimated by default, of all;\n"
        "values: the status of most of them. More about one: cytobayes models show NAME"
    )


def _facts(model: OdeModel) -> dict[str, Any]:
    """Everything that the list shows, in JSON types."""
    statuses = Counter(p.status for p in model.parameters)
    return {
        "name": model.name,
        "title": model.title,
        "description": model.description,
        "time_unit": model.time_unit,
        "states": {s.name: s.unit for s in model.states},
        "outputs": {k: model.unit(k) for k in model.outputs},
        "parameters": [_row(p) for p in model.parameters],
        "estimated": list(model.estimated),
        "values": statuses.most_common(1)[0][0] if statuses else "",
        "statuses": dict(statuses),
        "thresholds": {t.name: t.meaning for t in model.thresholds},
        "identifiable": model.identifiable,
        "fits": model.fits,
        "references": list(model.references),
    }


def _row(p: Parameter) -> dict[str, Any]:
    return {
        "name": p.name,
        "value": p.value,
        "unit": p.unit,
        "prior": None if p.prior is None else str(p.prior),
        "fixed": p.fixed or p.prior is None,
        "iiv": p.iiv,
        "status": p.status,
        "source": p.source,
        "description": p.description,
    }


def show_model(name: str, *, as_json: bool = False) -> None:
    """Print equations, parameters and sources of a model."""
    model = get(name)
    if as_json:
        facts = _facts(model) | {"equations": _equations(model).split("\n")}
        show(json.dumps(facts, indent=1))
        return
    show(f"{model.name}: {model.title}\n\n{_wrapped(model.description)}")
    show(f"\nEquations (time in {model.time_unit})\n\n{_equations(model)}\n")
    show(_parameters(model))
    show("\nWithout a prior, or with one in brackets: held fixed unless a prior is given.")
    if model.thresholds:
        show("\nThresholds at typical values\n\n" + _thresholds(model))
    if model.identifiable:
        show(f"\nWhat data can say\n\n{_wrapped(model.identifiable)}")
    sources = dict.fromkeys(f"{p.status}: {p.source}" for p in model.parameters)
    show("\nSources of the values\n\n" + "\n".join(_wrapped(s, "- ") for s in sources))
    if model.references:
        show("\nReferences\n\n" + "\n".join(_wrapped(r, "- ") for r in model.references))


def _thresholds(model: OdeModel) -> str:
    values = threshold(model)
    return "\n".join(
        _wrapped(
            f"{t.name} = {float(values[t.name]):.4g} {t.unit}".rstrip()
            + (f" (critical: {t.critical})" if isinstance(t.critical, str)
               else f" (critical: {t.critical:g})")
            + f": {t.meaning}",
            "- ",
        )
        for t in model.thresholds
    )  # fmt: skip


def _equations(model: OdeModel) -> str:
    written = as_written(model)
    lines = [
        f"{state.name}' = {text(right)}"
        for state, right in zip(model.states, written.rhs, strict=True)
    ]
    lines += [f"{name} = {text(value)}" for name, value in written.outputs.items()]
    if model.states:
        starts = zip(model.state_names, written.initial, strict=True)
        lines.append("at t = 0: " + ", ".join(f"{name} = {text(value)}" for name, value in starts))
    return "\n".join(lines)


def _parameters(model: OdeModel) -> Table:
    """Those with a prior first; a prior as ``LogNormal(1.5, 0.5)``, in the order of its record."""
    table = _table("parameter", "value", "unit", "prior", "status", "meaning")
    for p in sorted(model.parameters, key=lambda p: p.name not in model.estimated):
        prior = "" if p.prior is None else re.sub(r"\w+=", "", str(p.prior))
        if p.fixed and prior:
            prior = f"({prior})"
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
    table = _table("data set, kind", "size", "licence", "citation")
    for name, known in catalog().items():
        licence = re.split(r"[;(]", known.licence)[0].strip()
        head = Text(name, style="bold") + Text(f"\n{known.kind}", style="dim not bold")
        table.add_row(head, *map(Text, (known.size, licence, _short(known))))
    show(table)
    show("\nMore about one: cytobayes datasets show NAME")


def show_dataset(name: str, as_json: bool = False) -> None:
    """Print what is known about a data set, its contents if they are here, and its citation."""
    known = entry(name)
    if as_json:
        show(json.dumps({name: _record(known)}, indent=2))
        return
    if known.kind in EMBEDDED:
        show(str(load(name)))
    else:
        lines = [f"{name}: {known.title}", f"{known.kind}, {known.size}"]
        lines += [known.source, *([f"doi {known.doi}"] if known.doi else [])]
        lines.append(f"licence: {known.licence}")
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
        "citation": _short(known) + (f", doi:{known.doi}" if known.doi else ""),
        "cite": known.bibtex(),
    }


def _short(known: Entry) -> str:
    """First author and year."""
    first = known.cite[0]
    authors = first["author"].split(" and ")
    others = " et al." if len(authors) > 1 else ""
    return f"{authors[0].split(',')[0].strip('{}')}{others} {first['year']}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        right = column in ("states", "free", "value")
        table.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=column in FIRM
        )
    return table
