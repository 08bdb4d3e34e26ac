"""Units as pint reads them, with exponents that may contain parameters (``pg**n``)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy

from .errors import UnitError

__all__ = ["PURE", "Unit", "parse_unit"]

# Things that are counted are no pure numbers here: cells do not add to copies.
COUNTED = (
    "cell",
    "copy = _ = copies",
    "receptor",
    "molecule",
    "international_unit = IU",
    "activity_unit",
    "arbitrary_unit",
)
SPELLED = {
    "µ": "u",
    "μ": "u",
    "%": "percent",
    r"\ba\.u\.": "arbitrary_unit",
    r"\b([kmunp]?)U\b": r"\1activity_unit",
    r"\bdegC\b": "kelvin",
    r"\bcopies\b": "copy",
}
# Whole numbers become floats: pint computes powers, and 9**9**9**9 would not end in integers.
WHOLE = re.compile(r"(?<![A-Za-z0-9_.])(?<![0-9.][eE][+-])(\d[\d_]*)(?![\d_.]|[eE][+-]?\d)")
LONGEST = 200
SHORT = {"activity_unit": "U", "international_unit": "IU", "arbitrary_unit": "a.u."}


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # late: needs a third of a second, and only the check uses it

    registry = pint.UnitRegistry(on_redefinition="ignore")
    for name in COUNTED:
        first, _, rest = name.partition(" = ")
        registry.define(f"{first} = [{first}]" + (f" = {rest}" if rest else ""))
    return registry


@dataclass(frozen=True)
class Unit:
    """A product of powers of pint's units.

    Parameters
    ----------
    exponents : mapping of pint's name to exponent
        Exponents are numbers or SymPy expressions in dimensionless parameters.
    logarithm : mapping of pint's name to exponent
        For the logarithm of a quantity, the unit inside it; it has to cancel.
    """

    exponents: Mapping[str, Any] = field(default_factory=dict)
    logarithm: Mapping[str, Any] = field(default_factory=dict)

    def times(self, other: Unit) -> Unit:
        """Multiply."""
        return Unit(
            _added(self.exponents, other.exponents), _added(self.logarithm, other.logarithm)
        )

    def power(self, exponent: Any) -> Unit:
        """Raise to a power, formally if it is a symbol."""
        return Unit({k: sympy.expand(v * exponent) for k, v in self.exponents.items()})

    def agrees(self, other: Unit) -> bool:
        """Whether both are the same unit, of the same scale."""
        gap = self.times(Unit({k: -v for k, v in other.exponents.items()}))
        return _is_pure(gap.exponents) and _is_pure(_added(self.logarithm, other.logarithm, -1))

    def __str__(self) -> str:
        """Write the unit as people do: ``pg/mL/h``, or ``no unit``."""
        if self.logarithm:
            return f"the logarithm of {Unit(self.logarithm)} in it"
        items = sorted(self.exponents.items(), key=lambda item: _is_time(item[0]))
        up = [_factor(k, v) for k, v in items if not _is_negative(v)]
        down = ["/" + _factor(k, -v) for k, v in items if _is_negative(v)]
        if not up and not down:
            return "no unit"
        return (" ".join(up) or "1") + "".join(down)


PURE = Unit()


@lru_cache(maxsize=1024)
def parse_unit(unit: str, owner: str = "") -> Unit:
    """Read a unit such as ``"pg/mL"``, ``"1e9 cells"``, ``"a.u."``, ``"1"`` or ``""``.

    Raises
    ------
    UnitError
        If pint does not know it; the message names its owner.
    """
    spelled = unit.strip()
    for pattern, name in SPELLED.items():
        spelled = re.sub(pattern, name, spelled)
    if not spelled:
        return PURE
    spelled = WHOLE.sub(r"\1.0", spelled)
    try:
        if len(spelled) > LONGEST:
            raise ValueError(len(spelled))
        quantity = 1 * _registry().parse_expression(spelled)
        items: Any = quantity.unit_items() if hasattr(quantity, "unit_items") else ()
        factor = float(getattr(quantity, "magnitude", quantity))
        if not factor > 0 or not math.isfinite(factor):
            raise ValueError(factor)
    except Exception as error:
        where = f"{owner} has " if owner else ""
        raise UnitError(f"{where}the unit {unit!r}, which pint does not know") from error
    exponents = {str(k): sympy.nsimplify(v) for k, v in items}
    if factor != 1:
        exponents = {repr(factor): sympy.S.One, **exponents}
    return Unit(exponents)


@lru_cache(maxsize=1024)
def _root(name: str) -> tuple[float, tuple[tuple[str, float], ...]]:
    """Scale (its logarithm) and dimension of one of pint's units, or of a number before it."""
    if name[0].isdigit():
        return math.log(float(name)), ()
    root = _registry().Quantity(1.0, name).to_root_units()
    return math.log(float(root.magnitude)), tuple((str(k), float(v)) for k, v in root.unit_items())


def _is_pure(exponents: Mapping[str, Any]) -> bool:
    """Whether dimension and scale cancel, for every value of the symbols in the exponents."""
    total: dict[str, Any] = {}
    for name, exponent in exponents.items():
        scale, dimension = _root(name)
        for k, v in (("scale", scale), *dimension):
            total[k] = total.get(k, 0) + v * exponent
    return all(_vanishes(v) for v in total.values())


def _vanishes(value: Any) -> bool:
    value = sympy.expand(value)
    return all(abs(c) < 1e-9 for c in value.as_coefficients_dict().values())


def _added(a: Mapping[str, Any], b: Mapping[str, Any], sign: int = 1) -> dict[str, Any]:
    """Add exponents and drop those that cancel."""
    total = {k: sympy.expand(a.get(k, 0) + sign * b.get(k, 0)) for k in {**a, **b}}
    return {k: v for k, v in total.items() if v != 0}


def _is_time(name: str) -> bool:
    """Whether to write this unit last, as in ``pg/mL/h``."""
    return [k for k, _ in _root(name)[1]] == ["second"]


def _is_negative(exponent: Any) -> bool:
    return bool(sympy.sympify(exponent).could_extract_minus_sign())


def _factor(name: str, exponent: Any) -> str:
    if name[0].isdigit():
        short = f"{float(name):g}"
    else:
        short = SHORT.get(name) or str(_registry().get_symbol(name))
        short = re.sub(r"l$", "L", short) if name.endswith("liter") else short
        short = short.replace("μ", "u")
    if exponent == 1:
        return short
    power = sympy.sstr(exponent)
    return f"{short}**{power}" if power.isalnum() else f"{short}**({power})"
