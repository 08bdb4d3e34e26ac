"""Pages of the Python reference: which names there are; the text comes from their docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["reference_pages"]

PACKAGES = {
    "models": "What happens: models as data, the engine, doses, simulation.",
    "datasets": "What was seen: reading and checking tables, published data, grading.",
    "inference": "What we believe: problems, fits, predictions, checks, risk, trials.",
}
AREAS = {  # of the package inference, by the sub-package that a name comes from
    "": ("problem", "Problems, fits and predictions"),
    "checks": ("checks", "Checks of a fit"),
    "response": ("response", "Exposure and response"),
    "risk": ("risk", "Risk of a grade"),
    "trials": ("trials", "Virtual trials"),
}


def reference_pages() -> dict[str, str]:
    """Text of each page by its name."""
    pages = {}
    for name in ("models", "datasets"):
        package = import_module(f"cytobayes.{name}")
        title = f"cytobayes.{name}"
        pages[f"reference/{name}.rst"] = _page(title, PACKAGES[name], package, package.__all__)
    package = import_module("cytobayes.inference")
    for area, (file, title) in AREAS.items():
        found = [n for n in package.__all__ if _area(getattr(package, n)) == area]
        text = f"{title}: names of ``cytobayes.inference``."
        pages[f"reference/{file}.rst"] = _page(title, text, package, found)
    return pages


def _area(thing: Any) -> str:
    """Sub-package of inference in which a thing is defined, if it has a page; else ""."""
    parts = str(thing.__module__).split(".")[2:]
    return parts[0] if len(parts) > 1 and parts[0] in AREAS else ""


def _page(title: str, text: str, package: Any, names: Sequence[str]) -> str:
    lines = [title, "=" * len(title), "", text, "", f".. currentmodule:: {package.__name__}", ""]
    for name in names:
        lines += _entry(name, getattr(package, name))
    return "\n".join(lines) + "\n"


def _entry(name: str, thing: Any) -> list[str]:
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        return [f".. {kind}:: {name}", "   :members:", ""]
    if callable(thing):
        return [f".. autofunction:: {name}", ""]
    return [f".. py:data:: {name}", "", *_items(thing), ""]


def _items(thing: Any) -> list[str]:
    """Show what a table of constants holds: it has no docstring of its own."""
    if not isinstance(thing, Mapping):
        raise SystemExit(f"the reference does not know how to show a {type(thing).__name__}")
    return [f"   - ``{key}``: {value}" for key, value in thing.items()]
