"""Models as data: `Parameter`, `State`, `OdeModel`, and what is known about a model.

A model file states facts (equations, typical values, units, sources) and no behavior. Everything
else, from the compiled integrator to the equations of the report, is derived from these records
by tracing ``rhs`` once with SymPy (`models.symbolic`).
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .distributions import Distribution
from .dosing import Regimen

__all__ = ["Invariance", "Namespace", "OdeModel", "Parameter", "State", "Threshold"]

STATUSES = ("published", "derived", "calibrated", "assumed")


@dataclass(frozen=True)
class Parameter:
    """A constant of a model.

    Parameters
    ----------
    name : str
        Identifier, as used in ``rhs``.
    value : float
        Typical value, in ``unit``.
    unit : str
        Unit as pint reads it (``"1/h"``, ``"pg/mL"``); ``""`` for a pure number.
    lower, upper : float
        Bounds of what is possible (not of what is likely).
    source : str
        Where the value comes from: citation, DOI, or the derivation.
    status : {"published", "derived", "calibrated", "assumed"}
        How far the value can be trusted. Reports show it.
    prior : Distribution, optional
        Prior hint. A parameter without one is fixed at ``value`` unless a prior is given.
    fixed : bool
        Held at ``value`` by default although it has a prior hint, because data seldom see it.
        Simulations from the prior vary it; a fit does so only when it is given a prior.
    iiv : float
        Typical standard deviation of its logarithm between subjects; 0 where none is known.
    description : str
        A few words for tables.
    """

    name: str
    value: float
    unit: str = ""
    lower: float = 0.0
    upper: float = math.inf
    source: str = ""
    status: str = "assumed"
    prior: Distribution | None = None
    description: str = ""
    fixed: bool = False
    iiv: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a value outside its own bounds and names that cannot be written in ``rhs``."""
        if not _can_be_written(self.name):
            raise ValueError(f"parameter name {self.name!r} is not a Python identifier")
        if not self.lower <= self.value <= self.upper:
            raise ValueError(
                f"parameter {self.name}: value {self.value:g} lies outside its bounds "
                f"[{self.lower:g}, {self.upper:g}]"
            )
        if self.status not in STATUSES:
            raise ValueError(
                f"parameter {self.name}: status {self.status!r} is not one of {STATUSES}"
            )


@dataclass(frozen=True)
class State:
    """A quantity that evolves.

    Parameters
    ----------
    name : str
        Identifier, as used in ``rhs`` and as the name of an observable.
    unit : str
        Unit as pint reads it; ``""`` for a pure number.
    description : str
        A few words for tables and figures.
    log : bool
        Integrate the logarithm of this state. For states that span many decades and stay positive.
    scale : float
        Typical size, in ``unit``; the default absolute tolerance is a fraction of it.
    """

    name: str
    unit: str = ""
    description: str = ""
    log: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse names that cannot be written in ``rhs`` and scales that give no tolerance."""
        if not _can_be_written(self.name):
            raise ValueError(f"state name {self.name!r} is not a Python identifier")
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise ValueError(f"state {self.name}: scale must be positive, got {self.scale!r}")


def _can_be_written(name: str) -> bool:
    """Whether ``p.name`` is valid Python and means this name."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


class Namespace:
    """Values by name, by position or by unpacking: ``p.ka``, ``p["ka"]``, ``A, C = y``."""

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self.__dict__.update(zip(names, values, strict=True))
        self._values = tuple(values)

    def __getitem__(self, key: str | int) -> Any:
        """Value by name or by position."""
        return self._values[key] if isinstance(key, int) else getattr(self, key)

    def __iter__(self) -> Iterator[Any]:
        """Values in order."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the values."""
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        """Explain a misspelled name (called only when the attribute does not exist)."""
        known = ", ".join(n for n in self.__dict__ if n != "_values")
        raise AttributeError(f"there is no {name!r} here; known names: {known}")


@dataclass(frozen=True)
class Invariance:
    """A direction in which parameters can move unseen.

    Multiplying each parameter by ``c**power`` multiplies each named state or output by its own
    power of ``c`` and changes nothing else, for any positive ``c``.

    Parameters
    ----------
    parameters : mapping of name to power
    observables : mapping of name to power
        States and outputs that change. A fit that observes one of them (with the amounts of its
        doses known) sees the direction; without any, fix one of the parameters.
    doses : mapping of state to power
        Amounts of doses that scale along.
    """

    parameters: Mapping[str, float]
    observables: Mapping[str, float] = field(default_factory=dict)
    doses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """A quantity whose crossing of ``critical`` changes what the system does.

    Parameters
    ----------
    name : str
        ``"R0"``, ``"B*"``.
    value : callable ``theta -> value``
        ``theta`` maps names to numbers or arrays; written with operators and NumPy functions.
    meaning : str
        What happens beyond it.
    critical : float or str
        A number, or the parameter that it is compared with.
    unit : str
    """

    name: str
    value: Callable[[Mapping[str, Any]], Any]
    meaning: str
    critical: float | str = 1.0
    unit: str = ""


Rhs = Callable[[Any, Namespace, Namespace], Mapping[str, Any] | Sequence[Any]]
Initial = Mapping[str, float] | Callable[[Namespace], Mapping[str, Any]]
Output = Callable[[Any, Namespace, Namespace], Any]


def still(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Right-hand side of a closed form: nothing is integrated."""
    return {}


@dataclass(frozen=True, eq=False)
class OdeModel:
    """A system of ordinary differential equations with its parameter table.

    Parameters
    ----------
    name : str
        Registry name, such as ``"endotoxin"``.
    states : sequence of State
    parameters : sequence of Parameter
    rhs : callable ``(t, y, p) -> {state: derivative}`` (or a sequence in the order of ``states``)
        Written with operators and the functions of `models.math` only.
    initial : mapping or callable ``p -> {state: value}``
        State at ``t = 0``; may depend on parameters. States not named start at zero.
    outputs : mapping of name to callable ``(t, y, p) -> expression``
        Observables that are not states, such as a concentration ``y.A / p.V``.
    output_units : mapping of name to unit
    time_unit : str
        ``"h"``, ``"d"`` or ``"min"``.
    references : sequence of str
        Citations, with DOI where there is one.
    title, description : str
        For tables and reports.
    breakpoints : sequence of str or float
        Times, or parameters that are times, at which ``rhs`` has a kink: the integrator stops and
        starts afresh there.
    schedule : Regimen
        A typical schedule, for simulations that name none.
    horizon : float
        How long a typical simulation lasts, in ``time_unit``.
    invariances : sequence of Invariance
        Directions that data cannot see.
    identifiable : str
        A sentence: what data can pin down, and what not.
    thresholds : sequence of Threshold
    fits : str
        What data it can be fitted to; "" for a model that is only simulated.

    Notes
    -----
    A model without states is a closed form: its outputs are functions of time and parameters, the
    integrator is never called, and doses have no meaning.
    """

    name: str
    states: tuple[State, ...]
    parameters: tuple[Parameter, ...]
    rhs: Rhs = still
    initial: Initial = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    output_units: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = "h"
    references: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    breakpoints: tuple[str | float, ...] = ()
    schedule: Regimen = field(default_factory=Regimen)
    horizon: float = 1.0
    invariances: tuple[Invariance, ...] = ()
    identifiable: str = ""
    thresholds: tuple[Threshold, ...] = ()
    fits: str = ""

    def __post_init__(self) -> None:
        """Freeze the sequences and refuse ambiguous names."""
        for name in (
            "states",
            "parameters",
            "references",
            "breakpoints",
            "invariances",
            "thresholds",
        ):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        names = [*self.state_names, *self.parameter_names, *self.outputs]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"model {self.name}: names used twice: {', '.join(twice)}")
        if not self.states and not self.outputs:
            raise ValueError(f"model {self.name}: there is neither a state nor an output")
        for name in self._named():
            if name not in names:
                raise ValueError(f"model {self.name} has nothing called {name!r}")

    def _named(self) -> Iterator[str]:
        """Names that further facts refer to."""
        yield from (b for b in self.breakpoints if isinstance(b, str))
        for invariance in self.invariances:
            yield from (*invariance.parameters, *invariance.observables, *invariance.doses)

    @property
    def is_closed_form(self) -> bool:
        """Whether there is nothing to integrate."""
        return not self.states

    @property
    def estimated(self) -> tuple[str, ...]:
        """Parameters that a fit estimates by default: with a prior hint, and not held fixed."""
        return tuple(p.name for p in self.parameters if p.prior is not None and not p.fixed)

    @property
    def fixed_by_default(self) -> tuple[str, ...]:
        """Parameters that a fit holds at their typical value unless it is given a prior."""
        return tuple(p.name for p in self.parameters if p.name not in self.estimated)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, in order."""
        return tuple(s.name for s in self.states)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def observables(self) -> tuple[str, ...]:
        """What can be compared with data: the states, then the outputs."""
        return (*self.state_names, *self.outputs)

    @property
    def theta(self) -> dict[str, float]:
        """Typical value of each parameter."""
        return {p.name: p.value for p in self.parameters}

    def parameter(self, name: str) -> Parameter:
        """Look up one parameter.

        Raises
        ------
        KeyError
            If the model has no such parameter; the message lists those that it has.
        """
        for p in self.parameters:
            if p.name == name:
                return p
        raise KeyError(
            f"model {self.name} has no parameter {name!r}; it has {', '.join(self.parameter_names)}"
        )

    def unit(self, observable: str) -> str:
        """Look up the unit of a state or an output."""
        for s in self.states:
            if s.name == observable:
                return s.unit
        if observable in self.outputs:
            return self.output_units.get(observable, "")
        raise KeyError(
            f"model {self.name} has no observable {observable!r}; "
            f"it has {', '.join(self.observables)}"
        )

    def with_values(self, **values: float) -> OdeModel:
        """Copy the model with other typical values: ``model.with_values(ka=0.1)``."""
        for name in values:
            self.parameter(name)
        changed = tuple(
            replace(p, value=values[p.name]) if p.name in values else p for p in self.parameters
        )
        return replace(self, parameters=changed)
