"""Units of data: those that stand in a header, and factors between two of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

__all__ = ["conversion", "split_unit"]

# Things that are counted are no pure numbers: cells do not add to copies.
COUNTED = [
    "cell",
    "copy = _ = copies",
    "receptor",
    "molecule",
    "arbitrary_unit = AU",
    "activity_unit",
    "international_unit = IU",
]
PLAIN = re.compile(r"[\w./*%\u00b5\u03bc \-^()]{1,40}")
# Whole numbers become floats: pint computes powers, and 9**9**9**9 would not end in integers.
WHOLE = re.compile(r"(?<![A-Za-z0-9_.])(?<![0-9.][eE][+-])(\d[\d_]*)(?![\d_.]|[eE][+-]?\d)")
AMOUNT = r"(?:[pnu\u00b5\u03bcm]?g|[fpnum]?mol|[munpk]?I?U|cells?|copies|[fpnum]?M)"
VOLUME = r"(?:[mud\u00b5\u03bc]?[lL]|ug|\u00b5g|mg|kg)"
BRACKETS = re.compile(r"(?P<name>.*?\S)\s*(?:\((?P<a>[^()]*)\)|\[(?P<b>[^\[\]]*)\])")
SUFFIX = re.compile(
    rf"(?P<name>.*?[^\s_])(?:_|\s)(?P<top>{AMOUNT})(?:_|/|_per_|\.)(?P<base>{VOLUME})"
)


def split_unit(header: str, *, suffix: bool = False) -> tuple[str, str]:
    """Split the name of a column from the unit written with it.

    Parameters
    ----------
    header : str
    suffix : bool
        Accept also a unit behind a blank or underscore, as in ``IL6_pg_mL``.

    Returns
    -------
    name, unit
        The unit is "" when there is none.

    Examples
    --------
    >>> split_unit("IL-6 (pg/mL)"), split_unit("WT [kg]"), split_unit("IL6_pg_ml", suffix=True)
    (('IL-6', 'pg/mL'), ('WT', 'kg'), ('IL6', 'pg/mL'))
    """
    header = header.strip()
    if (mark := BRACKETS.fullmatch(header)) and PLAIN.fullmatch(mark["a"] or mark["b"] or ""):
        return mark["name"], (mark["a"] or mark["b"]).strip()
    if suffix and (mark := SUFFIX.fullmatch(header)):
        base = mark["base"][:-1] + "L" if mark["base"][-1] in "lL" else mark["base"]
        return mark["name"], f"{mark['top']}/{base}"
    return header, ""


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # late: a third of a second, and most files need no conversion

    registry = pint.UnitRegistry(on_redefinition="ignore")
    for name in COUNTED:
        first, _, rest = name.partition(" = ")
        registry.define(f"{first} = [{first}]" + (f" = {rest}" if rest else ""))
    return registry


@lru_cache(maxsize=256)
def conversion(given: str, wanted: str) -> tuple[float, str]:
    """Find the number that turns values in one unit into values in another.

    Parameters
    ----------
    given, wanted : str

    Returns
    -------
    factor, reason
        If there is no factor it is NaN, and the reason says why.

    Examples
    --------
    >>> conversion("ng/L", "pg/mL"), conversion("d", "h")[0]
    ((1.0, ''), 24.0)
    >>> conversion("U/mL", "pg/mL")
    (nan, 'activity units and masses have no common factor')
    """
    if given == wanted:
        return 1.0, ""
    try:
        one, other = (_quantity(unit) for unit in (given, wanted))
    except Exception as error:  # pint raises many kinds, also those of the tokenizer of Python
        return float("nan"), str(error) if isinstance(error, _UnknownUnit) else "it is no unit"
    try:
        return _clean(float(one.to(other.units).magnitude)), ""
    except Exception:
        both = f"{given} {wanted}"
        if re.search(r"\b[kmunp]?I?U\b", both):
            return float("nan"), "activity units and masses have no common factor"
        return float("nan"), "they measure different things"


def _clean(factor: float) -> float:
    """Undo rounding: most factors are whole numbers, or one over a whole number."""
    if factor >= 1:
        return float(round(factor)) if abs(round(factor) / factor - 1) < 1e-14 else factor
    return 1 / _clean(1 / factor)


class _UnknownUnit(Exception):
    """Text that is no unit."""


def _quantity(unit: str) -> Any:
    """One of a unit; powers only as a single digit, since the parser computes them."""
    if not PLAIN.fullmatch(unit) or re.search(r"(\*\*|\^)\s*-?\s*\d\d|\d{4}", unit):
        raise _UnknownUnit(f"{unit!r} is no unit")
    text = re.sub(r"[\u00b5\u03bc]", "u", unit).replace("%", "percent")
    text = re.sub(r"\b([kmunp]?)U\b", r"\1activity_unit", text)
    text = WHOLE.sub(r"\1.0", text)
    text = re.sub(r"\b([a-zA-Z]+)l\b", lambda m: m[1] + "L" if m[1] in "mudp" else m[0], text)
    try:
        quantity = _registry().Quantity(1.0, text)
        quantity.to_base_units()
    except Exception as error:
        raise _UnknownUnit(f"{unit!r} is no unit that is known") from error
    return quantity
