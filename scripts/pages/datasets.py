"""The page of the data sets, written from their registry."""

from __future__ import annotations

from cytobayes.datasets.registry import Entry, catalog

from .markdown import cell, code, table

__all__ = ["dataset_page"]

INTRODUCTION = """\
# Data sets

`cytobayes datasets` lists them, `cytobayes datasets show NAME` shows one with its citation, and
`cytobayes.datasets.load(NAME)` reads one. Those of the kind *individual (loader)* are not part of
the package: the loader reads a copy that you have, or fetches the published files after you agreed.
"""


def dataset_page() -> str:
    """All sets, first as a table, then one by one."""
    known = catalog()
    rows = [(f"[{n}](#{n})", cell(e.title), e.kind, cell(e.size)) for n, e in known.items()]
    parts = [INTRODUCTION, table(("name", "what it is", "kind", "size"), rows)]
    return "\n\n".join(parts + [_section(n, e) for n, e in known.items()]) + "\n"


def _section(name: str, known: Entry) -> str:
    facts = [f"Source: {cell(known.source)}"]
    facts += [f"DOI: [{known.doi}](https://doi.org/{known.doi})"] if known.doi else []
    facts += [f"License: {cell(known.licence)}"]
    if known.units:
        units = ", ".join(f"{code(k)} in {cell(u) or '1'}" for k, u in known.units.items())
        facts.append(f"Units: {units}")
    facts += [cell(step) for step in known.obtained]
    return f"## {name}\n\n{cell(known.title)}\n\n" + "\n".join(f"- {fact}" for fact in facts)
