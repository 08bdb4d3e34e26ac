"""Doses and switches as data, for one subject: `Dose`, `Switch`, `Reset`, `Regimen`.

Amounts, durations, lags, bioavailabilities and times may be numbers or *names of parameters* of
the model; a named one can be estimated, and the engine gives its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Dose", "Quantity", "Regimen", "Reset", "Switch"]

Quantity = float | str  # a number, or the name of a parameter


@dataclass(frozen=True)
class Dose:
    """An amount given into one state, once or repeatedly.

    Parameters
    ----------
    time : float or str
        Time of the (first) dose, in the time unit of the model.
    amount : float or str
        Amount of each dose, in the unit of the state.
    state : str
        State that receives it.
    duration : float or str
        Length of the infusion; 0 for a bolus.
    interval, count : float, int
        ``count`` doses, ``interval`` apart (NONMEM: II, and ADDL = count - 1).
    lag : float or str
        Delay added to every dose time (NONMEM: ALAG).
    bioavailability : float or str
        Fraction that arrives (NONMEM: F).
    steady_state : bool
        At ``time`` the system is in the periodic steady state of this dose every ``interval``
        (NONMEM: SS = 1), and the dose is given. An infusion without end (``duration=inf``, then
        ``amount`` is its rate) gives the constant steady state.
    rate : float or str, optional
        Instead of ``duration``: rate of the infusion; the duration is amount / rate.
    """

    time: Quantity
    amount: Quantity
    state: str
    duration: Quantity = 0.0
    interval: float = 0.0
    count: int = 1
    lag: Quantity = 0.0
    bioavailability: Quantity = 1.0
    steady_state: bool = False
    rate: Quantity | None = None

    def __post_init__(self) -> None:
        """Refuse doses that could only be misread."""
        for name in ("time", "amount", "duration", "lag", "bioavailability", "rate"):
            value = getattr(self, name)
            if isinstance(value, str) or value is None:
                continue
            if math.isnan(value) or (name != "time" and value < 0):
                raise ValueError(f"dose: {name} must not be negative or missing, got {value!r}")
        if self.count < 1 or (self.count > 1 and not self.interval > 0):
            raise ValueError("dose: repeated doses need count >= 1 and a positive interval")
        if self.steady_state and not self.interval > 0 and self.duration != math.inf:
            raise ValueError("dose: a steady state needs a positive interval (II)")
        if self.rate == 0:
            raise ValueError("dose: the rate of an infusion must be positive; a bolus has none")
        if self.rate is not None and self.duration != 0:
            raise ValueError("dose: give the rate or the duration of an infusion, not both")


@dataclass(frozen=True)
class Switch:
    """From ``time`` on, ``parameter`` has another ``value`` (a number or another parameter)."""

    time: Quantity
    parameter: str
    value: Quantity


@dataclass(frozen=True)
class Reset:
    """At ``time`` all states return to their initial values and infusions stop (EVID = 3)."""

    time: Quantity


@dataclass(frozen=True)
class Regimen:
    """All events of one subject; those at one time happen in the order given here."""

    events: tuple[Dose | Switch | Reset, ...] = ()

    def __init__(self, events: Sequence[Dose | Switch | Reset] = ()) -> None:
        object.__setattr__(self, "events", tuple(events))

    def __add__(self, other: Regimen) -> Regimen:
        """Give both: ``step_up + tocilizumab``."""
        return Regimen((*self.events, *other.events))
