"""Short ways to write a row of a parameter table, one per kind of evidence."""

from __future__ import annotations

from typing import Any

from ..distributions import LogNormal
from ..ode import Parameter

__all__ = ["assumed", "calibrated", "derived", "given", "published"]

CALIBRATED = "calibrated so that the model behaves as its description says; not a published value"
ASSUMED = "field knowledge, not verified in a source"


def _row(name: str, value: float, unit: str, text: str, sd: float | None, more: Any) -> Parameter:
    """Make a parameter, with a log-normal hint around its value where ``sd`` is given."""
    if sd is not None:
        more = {"prior": LogNormal(value, sd), **more}
    return Parameter(name, value, unit, description=text, **more)


def published(
    name: str, value: float, unit: str, text: str, source: str, sd: float | None = None, **more: Any
) -> Parameter:
    """Write a value that stands in ``source``."""
    return _row(name, value, unit, text, sd, {"source": source, "status": "published", **more})


def derived(
    name: str, value: float, unit: str, text: str, source: str, sd: float | None = None, **more: Any
) -> Parameter:
    """Write a value that follows from others as ``source`` says."""
    return _row(name, value, unit, text, sd, {"source": source, "status": "derived", **more})


def calibrated(
    name: str, value: float, unit: str, text: str, sd: float | None = None, **more: Any
) -> Parameter:
    """Write a value that was chosen so that the model behaves as described."""
    return _row(name, value, unit, text, sd, {"source": CALIBRATED, "status": "calibrated", **more})


def assumed(
    name: str, value: float, unit: str, text: str, sd: float | None = None, **more: Any
) -> Parameter:
    """Write a value of field knowledge, or a definition if ``source`` says so."""
    return _row(name, value, unit, text, sd, {"source": ASSUMED, "status": "assumed", **more})


def given(name: str, value: float, unit: str, text: str, **more: Any) -> Parameter:
    """Write an input: what is known of a patient or chosen by a user; it has no prior hint."""
    return assumed(name, value, unit, text, source="definition: an input", **more)
