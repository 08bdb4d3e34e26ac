"""Join models: a constant of one becomes an expression of another (`couple`), in one time unit.

So an intervention is written once. Tocilizumab is a pharmacokinetic model and one line that turns
its concentration into the receptor occupancy ``RO``; every model whose equations read a parameter
``RO`` can be given it::

    treated = couple(cascade, tocilizumab, {"RO": occupancy})
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .distributions import Distribution, HalfNormal, LogNormal, Normal, TruncatedNormal, Uniform
from .dosing import Dose, Regimen, Reset, Switch
from .errors import ModelError
from .formal_unit import parse_unit
from .ode import Namespace, OdeModel, Parameter

__all__ = ["couple", "in_time_unit"]

Link = Callable[[Any, Namespace, Namespace], Any]  # (t, y, p) of the driver -> expression
HOURS = {"min": 1 / 60, "h": 1.0, "d": 24.0}


def couple(
    base: OdeModel,
    driver: OdeModel,
    links: Mapping[str, Link],
    *,
    name: str = "",
    title: str = "",
) -> OdeModel:
    """Let a second model drive parameters of a first one.

    Parameters
    ----------
    base : OdeModel
        Model whose parameters are replaced.
    driver : OdeModel
        Model that drives them; brought to the time unit of ``base``.
    links : mapping of parameter of ``base`` to callable ``(t, y, p) -> expression``
        Called with the states and parameters of ``driver``. Initial values of ``base`` that read a
        replaced parameter see its typical value.
    name, title : str
        Of the new model; default: both names, joined by ``+``.

    Returns
    -------
    OdeModel
        With the states, outputs and parameters of both, but for the replaced ones.

    Raises
    ------
    ModelError
        If ``base`` has no such parameter, or both models use one name.
    """
    driver = in_time_unit(driver, base.time_unit)
    for parameter in links:
        if parameter not in base.parameter_names:
            raise ModelError(
                f"model {base.name} has no parameter {parameter!r} that {driver.name} could drive"
            )
    mine = {*base.state_names, *base.parameter_names, *base.outputs} - set(links)
    both = sorted(mine & {*driver.state_names, *driver.parameter_names, *driver.outputs})
    if both:
        raise ModelError(f"{base.name} and {driver.name} both have {', '.join(both)}")
    parts = _Parts(base, driver, tuple(links.items()))
    return replace(
        base,
        name=name or f"{base.name}+{driver.name}",
        title=title or f"{base.title}, with {driver.title[:1].lower()}{driver.title[1:]}",
        states=(*base.states, *driver.states),
        parameters=(*(p for p in base.parameters if p.name not in links), *driver.parameters),
        rhs=_Rhs(parts),
        initial=_Initial(parts),
        outputs={k: _BaseOutput(parts, k) for k in base.outputs}
        | {k: _DriverOutput(parts, k) for k in driver.outputs},
        output_units={**base.output_units, **driver.output_units},
        references=tuple(dict.fromkeys((*base.references, *driver.references))),
        breakpoints=(*base.breakpoints, *driver.breakpoints),
        schedule=base.schedule + driver.schedule,
        invariances=tuple(i for i in base.invariances if not set(i.parameters) & set(links)),
        thresholds=(),
    )


@dataclass(frozen=True, eq=False)
class _Parts:
    """What both models are, and how they see the names of the joint model."""

    base: OdeModel
    driver: OdeModel
    links: tuple[tuple[str, Link], ...]

    def __eq__(self, other: object) -> bool:
        """Whether both give the same equations: a model read from a pickle shares its trace."""
        return isinstance(other, _Parts) and self._facts() == other._facts()

    def __hash__(self) -> int:
        """Hash of the facts that decide about equality."""
        return hash(self._facts())

    def _facts(self) -> tuple[Any, ...]:
        typical = tuple(self.base.theta[name] for name, _ in self.links)
        return _facts(self.base), _facts(self.driver), self.links, typical

    def of_driver(self, y: Namespace, p: Namespace) -> tuple[Namespace, Namespace]:
        return chosen(self.driver.state_names, y), chosen(self.driver.parameter_names, p)

    def of_base(self, t: Any, y: Namespace, p: Namespace) -> tuple[Namespace, Namespace]:
        driven = {k: link(t, *self.of_driver(y, p)) for k, link in self.links}
        values = [driven[n] if n in driven else p[n] for n in self.base.parameter_names]
        return chosen(self.base.state_names, y), Namespace(self.base.parameter_names, values)


def _facts(model: OdeModel) -> tuple[Any, ...]:
    """Everything of a model that its equations depend on."""
    start = model.initial if callable(model.initial) else tuple(model.initial.items())
    outputs = tuple(model.outputs.items())
    return model.state_names, model.parameter_names, model.rhs, start, outputs


def chosen(names: tuple[str, ...], values: Namespace) -> Namespace:
    """Take those of ``values`` that one of the joined models knows."""
    return Namespace(names, [values[n] for n in names])


def by_name(names: tuple[str, ...], result: Any) -> dict[str, Any]:
    """Write what a right-hand side returned, a mapping or a sequence, as a dictionary."""
    if isinstance(result, Mapping):
        return dict(result)
    return dict(zip(names, result, strict=True))


@dataclass(frozen=True)
class _Rhs:
    parts: _Parts

    def __call__(self, t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        base, driver = self.parts.base, self.parts.driver
        first = by_name(base.state_names, base.rhs(t, *self.parts.of_base(t, y, p)))
        return first | by_name(driver.state_names, driver.rhs(t, *self.parts.of_driver(y, p)))


@dataclass(frozen=True)
class _Initial:
    parts: _Parts

    def __call__(self, p: Namespace) -> dict[str, Any]:
        base, driver = self.parts.base, self.parts.driver
        driven = dict(self.parts.links)
        values = [base.theta[n] if n in driven else p[n] for n in base.parameter_names]
        first = _start(base, Namespace(base.parameter_names, values))
        return first | _start(driver, chosen(driver.parameter_names, p))


def _start(model: OdeModel, p: Namespace) -> dict[str, Any]:
    return dict(model.initial(p) if callable(model.initial) else model.initial)


@dataclass(frozen=True)
class _BaseOutput:
    parts: _Parts
    name: str

    def __call__(self, t: Any, y: Namespace, p: Namespace) -> Any:
        return self.parts.base.outputs[self.name](t, *self.parts.of_base(t, y, p))


@dataclass(frozen=True)
class _DriverOutput:
    parts: _Parts
    name: str

    def __call__(self, t: Any, y: Namespace, p: Namespace) -> Any:
        return self.parts.driver.outputs[self.name](t, *self.parts.of_driver(y, p))


def in_time_unit(model: OdeModel, unit: str) -> OdeModel:
    """Express a model in another unit of time: ``in_time_unit(tocilizumab, "h")``.

    Values, bounds, prior hints and units of its parameters follow; the equations are the same.

    Raises
    ------
    ModelError
        If the time unit is not one of min, h, d.
    """
    if unit == model.time_unit:
        return model
    for u in (unit, model.time_unit):
        if u not in HOURS:
            raise ModelError(f"time unit {u!r}: there are {', '.join(HOURS)}")
    scale = HOURS[model.time_unit] / HOURS[unit]
    return replace(
        model,
        time_unit=unit,
        parameters=tuple(_in_time_unit(p, model.time_unit, unit, scale) for p in model.parameters),
        breakpoints=tuple(b if isinstance(b, str) else b * scale for b in model.breakpoints),
        schedule=Regimen([_event_in_time_unit(e, scale) for e in model.schedule.events]),
        horizon=model.horizon * scale,
        thresholds=(),
    )


def _in_time_unit(parameter: Parameter, old: str, new: str, scale: float) -> Parameter:
    """Move the powers of the old time unit in a parameter to the new one."""
    long = {"min": "minute", "h": "hour", "d": "day"}[old]
    power = parse_unit(parameter.unit, parameter.name).exponents.get(long, 0)
    factor = scale ** float(power)
    if not power:
        return parameter
    return replace(
        parameter,
        value=parameter.value * factor,
        lower=parameter.lower * factor,
        upper=parameter.upper * factor,
        unit=_renamed(parameter.unit, old, new),
        prior=None if parameter.prior is None else _scaled(parameter.prior, factor),
    )


def _renamed(unit: str, old: str, new: str) -> str:
    return re.sub(rf"(?<![A-Za-z_]){old}(?![A-Za-z_])", new, unit)


def _scaled(prior: Distribution, factor: float) -> Distribution:
    """Prior of ``factor`` times a quantity that has this prior."""
    match prior:
        case LogNormal(median, sd):
            return LogNormal(median * factor, sd)
        case Normal(mean, sd):
            return Normal(mean * factor, sd * factor)
        case TruncatedNormal(mean, sd, lower, upper):
            return TruncatedNormal(mean * factor, sd * factor, lower * factor, upper * factor)
        case Uniform(lower, upper):
            return Uniform(lower * factor, upper * factor)
        case HalfNormal(sd):
            return HalfNormal(sd * factor)
        case _:
            raise ModelError(f"a prior {prior} of a quantity with a time unit cannot be rescaled")


def _moved_rate(rate: Any, scale: float) -> Any:
    """Rate of an infusion per new unit of time."""
    return rate if rate is None or isinstance(rate, str) else rate / scale


def _event_in_time_unit(event: Dose | Switch | Reset, scale: float) -> Dose | Switch | Reset:
    def moved(quantity: Any) -> Any:
        return quantity if isinstance(quantity, str) or quantity is None else quantity * scale

    if isinstance(event, Dose):
        return replace(
            event,
            time=moved(event.time),
            duration=moved(event.duration),
            interval=event.interval * scale,
            lag=moved(event.lag),
            rate=_moved_rate(event.rate, scale),
        )
    return replace(event, time=moved(event.time))
