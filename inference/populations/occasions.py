"""Inter-occasion variability: parameters that change when another occasion of a subject begins.

The state goes on from one occasion to the next, so that the equations of a subject are solved
once, with a `Switch` at the start of each occasion. For this the model gets a copy ``CL__1``,
``CL__2``, ... of the parameter for each occasion, which no equation reads: ``CL`` begins with the
value of the subject's first occasion and is switched to the value of a copy. Gradients are exact.

An occasion begins at the last dose or reset at or before its first measurement, if it is not
earlier than the last measurement of the occasion before; if there is none, at that measurement
(as in NONMEM, where the parameters of a record hold over the interval that ends in it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.dosing import Dose, Quantity, Regimen, Reset, Switch
from ...models.ode import Namespace, OdeModel

if TYPE_CHECKING:
    from ...datasets.study import Study
    from ..arrangement import Arrangement

__all__ = ["Occasions", "find_occasions", "switched", "with_occasions"]

Array = npt.NDArray[Any]
Starts = tuple[tuple[float, int], ...]  # of one subject: time in the unit of the model, occasion
DOSE_LINKS = ("time", "amount", "duration", "lag", "bioavailability", "rate")


@dataclass(frozen=True)
class _Narrow:
    """A function of the model that sees the parameters it was written for, without the copies."""

    function: Any
    names: tuple[str, ...]

    def __call__(self, *arguments: Any) -> Any:
        *first, p = arguments
        return self.function(*first, Namespace(self.names, [p[n] for n in self.names]))


@dataclass(frozen=True, eq=False)
class Occasions:
    """Which occasions there are, who was seen in them and when.

    Parameters
    ----------
    parameters : tuple of str
        Those that vary between occasions.
    names : tuple of str
        All parameters of the model.
    labels : tuple of str
        In the order in which they first appear.
    starts : tuple of Starts, one per subject
        Ascending; the first is the start of the integration.
    of_row : mapping of observable to int64[row]
        Occasion of each fitted measurement.
    """

    parameters: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    starts: tuple[Starts, ...] = field(repr=False)
    of_row: Mapping[str, Array] = field(repr=False)

    @property
    def first(self) -> Array:
        """First occasion of each subject; int64[subject]."""
        return np.array([starts[0][1] for starts in self.starts], dtype=np.int64)

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Whether a subject was seen in an occasion; bool[subject, occasion]."""
        table = np.zeros((len(self.starts), len(self.labels)), dtype=bool)
        for k, starts in enumerate(self.starts):
            table[k, [occasion for _, occasion in starts]] = True
        return table

    @property
    def copies(self) -> tuple[str, ...]:
        """Names of the copies, parameter by parameter."""
        count = range(len(self.labels))
        return tuple(copy_name(n, k) for n in self.parameters for k in count)

    def model(self, model: OdeModel) -> OdeModel:
        """Give the model a copy of each of these parameters per occasion."""
        for point in model.breakpoints:
            if point in self.parameters:
                raise InputError(
                    f"{point} is a breakpoint of the model {model.name}; it cannot vary between "
                    "occasions."
                )
        names = model.parameter_names
        more = [
            replace(model.parameter(n), name=copy_name(n, k), prior=None)
            for n in self.parameters
            for k in range(len(self.labels))
        ]
        initial = model.initial
        return replace(
            model,
            parameters=(*model.parameters, *more),
            rhs=_Narrow(model.rhs, names),
            initial=_Narrow(initial, names) if callable(initial) else initial,
            outputs={k: _Narrow(f, names) for k, f in model.outputs.items()},
        )

    def regimen(self, subject: int, regimen: Regimen) -> Regimen:
        """Add the switches of a subject to a schedule, before what happens at the same time."""
        starts = self.starts[subject]
        switches = [
            Switch(time, n, copy_name(n, k)) for time, k in starts[1:] for n in self.parameters
        ]
        moved = [e for event in regimen.events for e in self._moved(event, starts)]
        return Regimen((*switches, *moved))

    def _moved(self, event: Dose | Switch | Reset, starts: Starts) -> list[Dose | Switch | Reset]:
        """Let the quantities of an event that name such a parameter name the copy instead."""
        if isinstance(event, Switch) and event.parameter in self.parameters:
            raise InputError(
                f"{event.parameter} varies between occasions; the schedule cannot switch it too."
            )
        links = DOSE_LINKS if isinstance(event, Dose) else ("time", "value")
        named = [n for n in links if getattr(event, n, None) in self.parameters]
        if not named:
            return [event]
        if isinstance(event.time, str):
            raise InputError(
                f"an event at the time {event.time}, a parameter, cannot depend on "
                f"{getattr(event, named[0])}, which varies between occasions: give it as a number."
            )
        count = event.count if isinstance(event, Dose) else 1
        made: list[Dose | Switch | Reset] = []
        for i in range(count):
            time = event.time + i * (event.interval if isinstance(event, Dose) else 0.0)
            k = occasion_at(starts, np.array([time]), after=True)[0]
            changes: dict[str, Any] = {n: copy_name(getattr(event, n), k) for n in named}
            changes["time"] = changes.get("time", time)
            if isinstance(event, Dose):
                changes |= {"count": 1, "steady_state": event.steady_state and i == 0}
            made.append(replace(event, **changes))
        return made

    def places(self, parameter: str) -> list[int]:
        """Positions of the copies of a parameter among the parameters of the engine's model."""
        if parameter not in self.parameters:
            return []
        begin = len(self.names) + self.parameters.index(parameter) * len(self.labels)
        return list(range(begin, begin + len(self.labels)))

    def at(self, subjects: int, times: Array) -> Array:
        """Occasion of each subject at each time; int64[subject, time]."""
        return np.array([occasion_at(self.starts[s], times) for s in range(subjects)])

    def chosen(self, theta: Array, occasion: Array) -> Array:
        """Parameters of the model in given occasions.

        Parameters
        ----------
        theta : float64[..., n, parameter]
            With the copies, as the engine takes them.
        occasion : int64[n] or int64[n, time]

        Returns
        -------
        float64[..., n, parameter] or float64[..., n, time, parameter]
            Without the copies.
        """
        size = len(self.names)
        index = occasion if occasion.ndim == 2 else occasion[:, None]
        shape = (*theta.shape[:-1], index.shape[1])
        result = np.array(np.broadcast_to(theta[..., None, :size], (*shape, size)))
        for name in self.parameters:
            copies = theta[..., self.places(name)]
            picked = np.take_along_axis(copies, np.broadcast_to(index, shape), axis=-1)
            result[..., self.names.index(name)] = picked
        return result if occasion.ndim == 2 else result[..., 0, :]


def copy_name(parameter: str, occasion: int) -> str:
    """Name of the copy of a parameter for an occasion, counted from 1."""
    return f"{parameter}__{occasion + 1}"


def occasion_at(starts: Starts, times: Array, *, after: bool = False) -> Array:
    """Occasion at each time; at the very start of one still the one before, unless ``after``."""
    begin = np.array([time for time, _ in starts])
    place = np.searchsorted(begin, times, side="right" if after else "left") - 1
    labels = np.array([k for _, k in starts], dtype=np.int64)
    return np.asarray(labels[np.maximum(place, 0)])


def switched(occasions: Occasions | None, regimens: tuple[Regimen, ...]) -> tuple[Regimen, ...]:
    """Schedules of all subjects with the switches between occasions, if there are any."""
    if occasions is None:
        return regimens
    return tuple(occasions.regimen(s, regimen) for s, regimen in enumerate(regimens))


def with_occasions(
    model: OdeModel, study: Study, arrangement: Arrangement, parameters: Sequence[str]
) -> Arrangement:
    """Arrangement whose timeline has the switches between occasions; see `find_occasions`."""
    from ..arrangement import timeline_of

    found = find_occasions(model, study, arrangement, parameters)
    regimens = switched(found, arrangement.regimens)
    timeline = timeline_of(found.model(model), regimens, arrangement.times)
    return replace(arrangement, timeline=timeline, occasions=found)


def find_occasions(
    model: OdeModel, study: Study, arrangement: Arrangement, parameters: Sequence[str]
) -> Occasions:
    """Read the occasions of the fitted measurements.

    Parameters
    ----------
    model : OdeModel
    study : Study
    arrangement : Arrangement
    parameters : sequence of str
        Those that vary between occasions.

    Raises
    ------
    InputError
        If a measurement has no occasion, two at one time have different ones, or nobody was seen
        in two.
    """
    table = study.observations
    if "occasion" not in table:
        raise InputError(
            f"{', '.join(parameters)}: variation between occasions needs a column 'occasion' (OCC) "
            f"in the measurements, which {study.name} does not have."
        )
    column = table["occasion"].to_numpy().astype(str)
    rows = np.concatenate([o.row for o in arrangement.observed])
    who = np.concatenate([o.subject for o in arrangement.observed])
    time = np.concatenate([o.time for o in arrangement.observed])
    blank = np.flatnonzero(column[rows] == "")
    if blank.size:
        first = blank[0]
        raise InputError(
            f"the measurement of subject {shown(arrangement.subjects[who[first]])} at "
            f"{time[first]:g} has no occasion: fill the column 'occasion', or leave the row out."
        )
    labels = tuple(dict.fromkeys(column[np.sort(rows)].tolist()))
    code = {label: k for k, label in enumerate(labels)}
    codes = np.array([code.get(label, -1) for label in column.tolist()], dtype=np.int64)
    starts = tuple(
        _starts(name, time[who == s], codes[rows[who == s]], arrangement.regimens[s], labels)
        for s, name in enumerate(arrangement.subjects)
    )
    if all(len({k for _, k in s}) == 1 for s in starts):
        raise InputError(
            f"{', '.join(parameters)}: no subject was seen in two occasions, so that nothing is "
            "known about variation between them."
        )
    of_row = {o.name: codes[o.row] for o in arrangement.observed}
    return Occasions(tuple(parameters), model.parameter_names, labels, starts, of_row)


def _starts(
    subject: str, time: Array, codes: Array, regimen: Regimen, labels: tuple[str, ...]
) -> Starts:
    """Where the occasions of one subject begin."""
    order = np.lexsort((codes, time))
    time, codes = time[order], codes[order]
    given = np.array(sorted(_event_times(regimen)))
    starts = [(0.0, int(codes[0]))]
    for i in np.flatnonzero(np.diff(codes)):
        last, first, k = time[i], time[i + 1], int(codes[i + 1])
        if last == first:
            raise InputError(
                f"subject {shown(subject)} has measurements of the occasions "
                f"{labels[codes[i]]} and {labels[k]} at the same time, {first:g}."
            )
        between = given[(given >= last) & (given <= first)]
        starts.append((float(between[-1]) if between.size else float(last), k))
    return tuple(starts)


def _event_times(regimen: Regimen) -> list[float]:
    """List the times of doses and resets that are numbers."""
    found: list[float] = []
    for event in regimen.events:
        start: Quantity = event.time
        if isinstance(start, str) or isinstance(event, Switch):
            continue
        count, interval = (event.count, event.interval) if isinstance(event, Dose) else (1, 0.0)
        found += [start + i * interval for i in range(count)]
    return found
