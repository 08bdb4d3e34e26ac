"""Factors between the units of data and those of a model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..datasets.errors import InputError
from ..datasets.wording import shown
from ..models.errors import UnitError
from ..models.formal_unit import parse_unit

__all__ = ["factor"]


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # late: needs a third of a second, and mostly the units are the same

    return pint.UnitRegistry()


def factor(given: str, wanted: str, what: str) -> float:
    """Find the number that turns a value in one unit into a value in another.

    Parameters
    ----------
    given, wanted : str
        Units of the data and of the model. An empty unit is "not stated": nothing is converted.
    what : str
        What has the unit, for the message.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If a unit is unknown or the two measure different things.

    Examples
    --------
    >>> factor("ng/mL", "pg/mL", "IL6")
    1000.0
    """
    if not given or not wanted or given == wanted:
        return 1.0
    try:
        gap = parse_unit(given, what).times(parse_unit(wanted, what).power(-1))
        total = 1.0 * _registry().dimensionless
        for name, exponent in gap.exponents.items():
            base = float(name) if name[0].isdigit() else _registry().Quantity(1.0, name)
            total = total * base ** float(exponent)
        return float(f"{float(total.to('').magnitude):.15g}")
    except UnitError as error:
        raise InputError(str(error)) from None
    except Exception:
        raise InputError(
            f"{what}: the data are in {shown(given)}, the model has {shown(wanted)}, and there is "
            "no factor between the two. Correct the unit of the data, or convert the values."
        ) from None
