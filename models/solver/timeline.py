"""Timeline: observations and events of all subjects as arrays for the compiled integrator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dosing import Dose, Quantity, Regimen, Reset, Switch
from ..errors import ModelError
from ..ode import OdeModel

__all__ = ["Timeline"]

OBSERVE, BOLUS, RATE, SET, RESET, STEADY_BOLUS, STEADY_INFUSION = range(7)
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Item:
    """One thing that happens to one subject. Links are parameter positions; -1 is none."""

    kind: int
    target: int = -1
    time: float = 0.0
    time_param: tuple[int, int] = (-1, -1)
    value: float = 0.0
    value_param: tuple[int, int, int] = (-1, -1, -1)
    span: float = 0.0
    span_param: tuple[int, int, int] = (-1, -1, -1)
    period: float = 0.0
    ahead: float = 0.0  # steady states: time until the next dose arrives (its lag)
    ahead_param: int = -1
    partner: int = -1


@dataclass(frozen=True, eq=False)
class Timeline:
    """Merged, ragged list of observations and events of all subjects.

    Observations are numbered subject by subject in the order given to `build`, which need not be
    the order of time. Times are in the time unit of the model.
    """

    arrays: tuple[Array, ...]
    infused: tuple[str, ...]
    switched: frozenset[str]
    steady: bool
    n_subjects: int
    n_observations: int
    subject: Array = field(repr=False)
    time: Array = field(repr=False)

    @staticmethod
    def build(
        model: OdeModel,
        regimens: Sequence[Regimen],
        times: Sequence[Sequence[float] | Array],
        *,
        observe: str = "before",
        start: float = 0.0,
    ) -> Timeline:
        """Merge one regimen and one list of observation times per subject.

        Parameters
        ----------
        model : OdeModel
        regimens : sequence of Regimen, one per subject
        times : sequence of sequences of float
            Observation times of each subject.
        observe : {"before", "after"}
            What an observation at the very time of an event sees.
        start : float
            Time of the initial state.

        Raises
        ------
        ModelError
            If an event names an unknown state or parameter, or a time lies before ``start``.
        """
        if len(regimens) != len(times):
            raise ModelError(f"{len(regimens)} regimens for {len(times)} subjects")
        if observe not in ("before", "after"):
            raise ModelError(f"observe must be 'before' or 'after', got {observe!r}")
        infused = _infused(model, regimens)
        stops = _stops(model)
        items: list[Item] = []
        offset, row = [0], 0
        for regimen, when in zip(regimens, times, strict=True):
            seen = [Item(OBSERVE, row + i, float(t)) for i, t in enumerate(np.asarray(when, float))]
            row += len(seen)
            shift = len(items) + (len(seen) if observe == "before" else 0)
            done = _Expansion(model, infused, shift).expand(regimen) + stops
            items += [*seen, *done] if observe == "before" else [*done, *seen]
            offset.append(len(items))
        _refuse_early(items, start)
        flat = [np.asarray(t, float) for t in times]
        return Timeline(
            arrays=_arrays(items, offset, start),
            infused=infused,
            switched=frozenset(model.parameter_names[i.target] for i in items if i.kind == SET),
            steady=any(i.kind >= STEADY_BOLUS for i in items),
            n_subjects=len(regimens),
            n_observations=row,
            subject=np.repeat(np.arange(len(times)), [len(t) for t in flat]),
            time=np.concatenate([*flat, np.empty(0)]),
        )

    @cached_property
    def n_items(self) -> int:
        """Observations and events together."""
        return int(self.arrays[0][-1])


def _infused(model: OdeModel, regimens: Sequence[Regimen]) -> tuple[str, ...]:
    names = {
        e.state
        for r in regimens
        for e in r.events
        if isinstance(e, Dose) and (e.rate is not None or e.duration != 0.0)
    }
    return tuple(s for s in model.state_names if s in names)


def _stops(model: OdeModel) -> list[Item]:
    """Breakpoints of the model, as doses of nothing: there the integrator starts afresh."""
    names = model.parameter_names
    return [
        Item(BOLUS, 0, time_param=(names.index(b), -1))
        if isinstance(b, str)
        else Item(BOLUS, 0, float(b))
        for b in model.breakpoints
    ]


def _refuse_early(items: Sequence[Item], start: float) -> None:
    for item in items:
        if math.isnan(item.time) or (item.time < start and max(item.time_param) < 0):
            raise ModelError(
                f"time {item.time:g} lies before the start of the integration ({start:g})"
            )


def _arrays(items: Sequence[Item], offset: Sequence[int], start: float) -> tuple[Array, ...]:
    def column(name: str, dtype: type, width: int | None = None) -> Array:
        values: Array = np.array([getattr(i, name) for i in items], dtype=dtype)
        return values.reshape((len(items),) if width is None else (len(items), width))

    return (
        np.array(offset, dtype=np.int64),
        np.full(len(offset) - 1, start),
        column("kind", np.int64),
        column("target", np.int64),
        column("partner", np.int64),
        column("time", np.float64),
        column("time_param", np.int64, 2),
        column("value", np.float64),
        column("value_param", np.int64, 3),
        column("span", np.float64),
        column("span_param", np.int64, 3),
        column("period", np.float64),
        column("ahead", np.float64),
        column("ahead_param", np.int64),
    )


class _Expansion:
    """Turns the events of one subject into items; ``shift`` is the position of the first."""

    def __init__(self, model: OdeModel, infused: tuple[str, ...], shift: int) -> None:
        self.model, self.infused, self.shift = model, infused, shift
        self.items: list[Item] = []

    def expand(self, regimen: Regimen) -> list[Item]:
        for event in regimen.events:
            if isinstance(event, Dose):
                self._dose(event)
            elif isinstance(event, Switch):
                self._switch(event)
            else:
                self._reset(event)
        return self.items

    def _parameter(self, name: str) -> int:
        self.model.parameter(name)
        return self.model.parameter_names.index(name)

    def _split(self, quantity: Quantity) -> tuple[float, int]:
        """Give a number and no link, or 1 and the position of the parameter."""
        if isinstance(quantity, str):
            return 1.0, self._parameter(quantity)
        return float(quantity), -1

    def _time(self, time: Quantity, lag: Quantity = 0.0) -> tuple[float, tuple[int, int]]:
        total, links = 0.0, []
        for quantity in (time, lag):
            number, link = self._split(quantity)
            total += number if link < 0 else 0.0
            links.append(link)
        return total, (links[0], links[1])

    def _switch(self, event: Switch) -> None:
        time, link = self._time(event.time)
        number, value = self._split(event.value)
        target = self._parameter(event.parameter)
        self.items.append(Item(SET, target, time, link, number, (value, -1, -1)))

    def _reset(self, event: Reset) -> None:
        time, link = self._time(event.time)
        self.items.append(Item(RESET, -1, time, link))

    def _dose(self, dose: Dose) -> None:
        if dose.state not in self.model.state_names:
            raise ModelError(
                f"dose into {dose.state!r}: model {self.model.name} has the states "
                f"{', '.join(self.model.state_names)}"
            )
        time, link = self._time(dose.time, dose.lag)
        if dose.state in self.infused and (dose.rate is not None or dose.duration != 0.0):
            self._infusion(dose, time, link)
            return
        amount, a = self._split(dose.amount)
        fraction, f = self._split(dose.bioavailability)
        target = self.model.state_names.index(dose.state)
        value, links = amount * fraction, (a, f, -1)
        if dose.steady_state:
            steady = Item(STEADY_BOLUS, target, value=value, value_param=links)
            self._steady(dose, steady, dose.interval)
        for n in range(dose.count):
            self.items.append(Item(BOLUS, target, time + n * dose.interval, link, value, links))

    def _infusion(self, dose: Dose, time: float, link: tuple[int, int]) -> None:
        target = self.infused.index(dose.state)
        amount, a = self._split(dose.amount)
        fraction, f = self._split(dose.bioavailability)
        if dose.rate is not None:
            rate, r = self._split(dose.rate)
            value, links = rate, (r, -1, -1)
            span, span_links = amount * fraction / rate, (a, f, r)
        elif dose.duration == math.inf:
            value, links, span, span_links = amount * fraction, (a, f, -1), math.inf, (-1, -1, -1)
        else:
            length, d = self._split(dose.duration)
            value, links = amount * fraction / length, (a, f, d)
            span, span_links = length, (d, -1, -1)
        if dose.steady_state:
            steady = Item(
                STEADY_INFUSION,
                target,
                value=value,
                value_param=links,
                span=span,
                span_param=span_links,
            )
            self._steady(dose, steady, dose.interval if dose.interval > 0 else 1.0)
        for n in range(dose.count):
            begin = time + n * dose.interval
            self._rate(target, begin, link, value, links, span, span_links)

    def _rate(
        self,
        target: int,
        begin: float,
        link: tuple[int, int],
        value: float,
        links: tuple[int, int, int],
        span: float,
        span_links: tuple[int, int, int],
    ) -> None:
        partner = self.shift + len(self.items)
        self.items.append(Item(RATE, target, begin, link, value, links))
        if span < math.inf:
            end = Item(RATE, target, begin, link, span=span, span_param=span_links, partner=partner)
            self.items.append(end)

    def _steady(self, dose: Dose, item: Item, period: float) -> None:
        """Start in the steady state, at the phase from which the dose is a lag away."""
        if math.inf > item.span > period and max(item.span_param) < 0:
            raise ModelError(
                f"steady state of infusions longer ({item.span:g}) than their interval "
                f"({period:g}): write the overlapping infusions out, or shorten the infusion"
            )
        if isinstance(dose.time, str) and dose.lag != 0:
            raise ModelError(
                f"a steady-state dose cannot have both a lag and a time, {dose.time}, that is a "
                "parameter: give the time as a number"
            )
        number, link = self._split(dose.lag)
        time, (start, _) = self._time(dose.time)
        self.items.append(
            replace(
                item,
                time=time,
                time_param=(start, -1),
                period=period,
                ahead=0.0 if link >= 0 else number,
                ahead_param=link,
            )
        )
