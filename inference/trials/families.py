"""Families of models of the library that share equations and so what can be done to them."""

from __future__ import annotations

__all__ = ["FULL", "REDUCED"]

REDUCED = ("crs-cascade", "crs-cascade-timed")
FULL = ("crs-full", "car-design", "car-design-cd28", "species")
