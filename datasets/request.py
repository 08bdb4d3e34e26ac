"""`Request`: how the user wants a file to be read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .errors import InputError
from .wording import closest, shown

__all__ = ["FORMATS", "Request"]

FORMATS = ("auto", "tidy", "wide", "nonmem")


@dataclass(frozen=True)
class Request:
    """Options of `read_table`, which describes them.

    Parameters
    ----------
    columns : mapping
    format : str
    time_unit : str
    units, factors : mapping of observable to unit or number
    limits : mapping of observable to (lower, upper)
    observables : mapping of DVID or CMT to name, or names of columns
    compartments : mapping of CMT to name
    missing : tuple of str
    replicates : bool
    sheet : str
    outcomes : mapping of outcome to column, with its scale in brackets
    patients : str
        Another file, with a row per patient; "": none.

    Raises
    ------
    InputError
        If an option cannot be meant.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    format: str = "auto"
    time_unit: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    observables: Mapping[int | str, str] | Iterable[str] = ()
    compartments: Mapping[int | str, str] = field(default_factory=dict)
    missing: Iterable[str] = ()
    replicates: bool = False
    sheet: str = ""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    patients: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.format not in FORMATS:
            guess = closest(self.format, FORMATS)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise InputError(
                f"format {shown(self.format)} is unknown.{hint} There are {', '.join(FORMATS)}."
            )
        for name, number in self.factors.items():
            if not (math.isfinite(number) and number > 0):
                raise InputError(f"factors: {shown(name)} needs a positive number, got {number!r}.")
        for name, (lower, upper) in self.limits.items():
            given = [x for x in (lower, upper) if x is not None]
            if not all(map(math.isfinite, given)) or (len(given) == 2 and given[0] >= given[1]):
                raise InputError(
                    f"limits: {shown(name)} needs (lower, upper), finite, the lower one below the "
                    f"upper one, or None; got ({lower!r}, {upper!r})."
                )

    @property
    def names(self) -> dict[str, str]:
        """Names of observables by code (DVID or CMT) as text; empty for a list of columns."""
        given = self.observables
        return {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}

    @property
    def analytes(self) -> list[str]:
        """Columns of a wide file that were named as observables."""
        return [] if isinstance(self.observables, Mapping) else [str(o) for o in self.observables]

    @property
    def words(self) -> frozenset[str]:
        """Further words for "not measured", without regard to case."""
        return frozenset(str(word).strip().casefold() for word in self.missing)
