"""The data of a problem, arranged for the engine: one list of times, one schedule per subject."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..datasets.errors import InputError
from ..datasets.wording import closest, shown
from ..models.dosing import Dose, Quantity, Regimen, Reset
from ..models.solver import Timeline
from .measuring.censoring import Treated, treat
from .measuring.measurement import Rows
from .measuring.offsets import NO_GROUPS, Groups, group_rows
from .measuring.rows import read_rows
from .measuring.sigmas import sigma_rows
from .units import factor

if TYPE_CHECKING:
    import xarray as xr

    from ..datasets.study import Study
    from ..models.ode import OdeModel
    from .measuring.measurement import ErrorModel
    from .populations.occasions import Occasions

__all__ = ["Arrangement", "Measuring", "Observed", "arrange", "match_observables", "regimens_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Observed:
    """The measurements of one observable of the data.

    Parameters
    ----------
    name, target : str
        Name in the data, and name in the model.
    rows : Rows
        Values, in the unit of the model.
    point : int64[n]
        Position of each row among the solution's observation points.
    subject : int64[n]
        Position of its subject in `Arrangement.subjects`.
    time : float64[n]
        In the time unit of the model.
    row : int64[n]
        Row of the study.
    groups : Groups
        Assay or source of each row, where they have offsets.
    sigmas : Groups
        Assay or source of each row, where their residual errors differ.
    treated : tuple of Treated
        What was done with rows beyond a limit.
    scale : float
        What turns a number of the data into one in the unit of `rows`.
    """

    name: str
    target: str
    rows: Rows = field(repr=False)
    point: Array = field(repr=False)
    subject: Array = field(repr=False)
    time: Array = field(repr=False)
    row: Array = field(repr=False)
    groups: Groups = field(repr=False, default=NO_GROUPS)
    sigmas: Groups = field(repr=False, default=NO_GROUPS)
    treated: tuple[Treated, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True)
class Measuring:
    """How one observable was measured.

    Parameters
    ----------
    target : str
        Name in the model.
    error : ErrorModel
    censoring : str
        One of `censoring.METHODS`.
    """

    target: str
    error: ErrorModel
    censoring: str = "M3"


@dataclass(frozen=True, eq=False)
class Arrangement:
    """All measurements and schedules.

    Parameters
    ----------
    subjects : tuple of str
    regimens : tuple of Regimen
        One per subject.
    times : tuple of float64[k]
        Distinct observation times of each subject, ascending, in the time unit of the model.
    timeline : Timeline
        Both together, for the engine, with the switches between occasions.
    observed : tuple of Observed
    occasions : Occasions, optional
        Where parameters vary between the occasions of a subject.
    """

    subjects: tuple[str, ...]
    regimens: tuple[Regimen, ...]
    times: tuple[Array, ...] = field(repr=False)
    timeline: Timeline = field(repr=False)
    observed: tuple[Observed, ...]
    occasions: Occasions | None = None


def arrange(
    model: OdeModel,
    study: Study,
    observables: Mapping[str, Measuring],
    regimen: Regimen | Mapping[str, Regimen] | None,
    offsets: Mapping[str, str | None],
    sigmas: Mapping[str, str],
) -> Arrangement:
    """Arrange a study for a model.

    Parameters
    ----------
    model : OdeModel
    study : Study
    observables : mapping of name in the data to Measuring
    regimen : Regimen, or mapping of subject to Regimen, optional
        In place of the doses of the study; one for all subjects or one for each.
    offsets : mapping of observable to column, or None to pool
        See `offsets.group_rows`.
    sigmas : mapping of observable to column
        See `sigmas.sigma_rows`.

    Returns
    -------
    Arrangement

    Raises
    ------
    InputError
        If units cannot be converted, a schedule does not fit the model, a method of censoring
        cannot be applied, or assays would be pooled in silence.
    """
    subjects = study.subjects
    table = study.observations
    kept = np.flatnonzero(np.isin(table["observable"].to_numpy().astype(str), list(observables)))
    rows = table.isel(row=kept).assign_coords(row=kept)
    time = rows["time"].to_numpy() * factor(study.time_unit, model.time_unit, "time")
    place = {subject: k for k, subject in enumerate(subjects)}
    who = np.array([place[s] for s in rows["subject"].to_numpy()], dtype=np.int64)
    times = tuple(np.unique(time[who == s]) for s in range(len(subjects)))
    begin = np.concatenate([[0], np.cumsum([t.size for t in times])])
    point = np.array(
        [begin[s] + np.searchsorted(times[s], t) for s, t in zip(who, time, strict=True)],
        dtype=np.int64,
    )
    regimens = regimens_of(model, study, regimen)
    return Arrangement(
        subjects=subjects,
        regimens=regimens,
        times=times,
        timeline=timeline_of(model, regimens, times),
        observed=tuple(
            _observed(model, study, rows, name, measuring, point, who, time, offsets, sigmas)
            for name, measuring in observables.items()
        ),
    )


def _observed(
    model: OdeModel,
    study: Study,
    rows: xr.Dataset,
    name: str,
    measuring: Measuring,
    point: Array,
    who: Array,
    time: Array,
    offsets: Mapping[str, str | None],
    sigmas: Mapping[str, str],
) -> Observed:
    """Rows of one observable, in the unit of the model, as its method of censoring leaves them."""
    at = np.flatnonzero(rows["observable"].to_numpy() == name)
    table, error = rows.isel(row=at), measuring.error
    unit = error.value_unit(model.unit(measuring.target))
    scale = factor(study.units.get(name, ""), unit, name)
    whole, limits = read_rows(table, scale)
    changed, kept, treated = treat(
        name, measuring.censoring, error, whole, limits, who[at], time[at]
    )
    left = table.isel(row=kept)
    return Observed(
        name,
        measuring.target,
        changed,
        point=point[at][kept],
        subject=who[at][kept],
        time=time[at][kept],
        row=table["row"].to_numpy()[kept],
        groups=group_rows(left, name, error, offsets),
        sigmas=sigma_rows(left, name, error, sigmas),
        treated=treated,
        scale=scale,
    )


def timeline_of(
    model: OdeModel, regimens: tuple[Regimen, ...], times: tuple[Array, ...]
) -> Timeline:
    """Timeline, with an error of the model's schedule reported as one of the input."""
    try:
        return Timeline.build(model, regimens, times)
    except (ValueError, KeyError) as error:
        raise InputError(str(error.args[0])) from None


def match_observables(
    model: OdeModel, study: Study, given: Mapping[str, str | None]
) -> dict[str, str]:
    """Pair the observables of the data with those of the model.

    Parameters
    ----------
    model : OdeModel
    study : Study
    given : mapping of name in the data to name in the model, or None to leave it out
        Where the names differ.

    Returns
    -------
    dict of name in the data to name in the model
        In the order of the data.

    Raises
    ------
    InputError
        If a name is unknown on either side, or nothing is left to fit.
    """
    for name in given:
        if name not in study.observables:
            raise InputError(_unknown("observable of the data", name, study.observables))
    matched = {}
    for name in study.observables:
        target = given.get(name, name)
        if target is None:
            continue
        if target not in model.observables:
            raise InputError(
                _unknown(f"observable of the model {model.name}", target, model.observables)
                + (
                    f" Name its counterpart with observables={{{name!r}: ...}}, or leave the rows "
                    f"out with observables={{{name!r}: None}}."
                    if target == name
                    else ""
                )
            )
        matched[name] = target
    if not matched:
        raise InputError("no observable of the data is left to fit")
    return matched


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    guess = closest(name, known)
    hint = f" Did you mean {guess!r}?" if guess else ""
    return f"{shown(name)} is no {what}.{hint} There are {', '.join(known)}."


def regimens_of(
    model: OdeModel, study: Study, given: Regimen | Mapping[str, Regimen] | None
) -> tuple[Regimen, ...]:
    """Schedule of each subject: the given one, else that of the study's doses.

    Parameters
    ----------
    model : OdeModel
    study : Study
    given : Regimen, or mapping of subject to Regimen, optional

    Returns
    -------
    tuple of Regimen, one per subject of the study

    Raises
    ------
    InputError
        If a subject is unknown, a dose goes into no state, or its unit cannot be converted.
    """
    if isinstance(given, Regimen):
        return (given,) * len(study.subjects)
    if given is not None:
        for subject in given:
            if subject not in study.subjects:
                raise InputError(_unknown("subject of the data", subject, study.subjects))
        return tuple(given.get(s, Regimen()) for s in study.subjects)
    schedules: dict[str, list[Dose | Reset]] = {s: [] for s in study.subjects}
    per_time = factor(study.time_unit, model.time_unit, "time of doses")
    for row in study.to_frame("doses").to_dict("records"):
        events = schedules[row["subject"]]
        if row["kind"] != "dose":
            events.append(Reset(float(row["time"]) * per_time))
        if row["kind"] != "reset":
            events.append(_dose(model, row, per_time))
    return tuple(Regimen(schedules[s]) for s in study.subjects)


def _dose(model: OdeModel, row: Mapping[Any, Any], per_time: float) -> Dose:
    state = _dosed(model, str(row["target"]))
    amount = factor(str(row["unit"]), model.unit(state), f"dose into {state}")
    if row["steady_state"] == 2:
        raise InputError(
            f"the dose of subject {shown(row['subject'])} at {row['time']:g} adds a steady state "
            "to what is already there (SS = 2), which the engine cannot do. Give the doses before "
            "it one by one, or SS = 1 if nothing came before."
        )
    given, rate = float(row["amount"]) * amount, float(row["rate"])
    number, per_rate = str(row["target"]), amount / per_time
    pace: Quantity | None = None
    duration: Quantity = float(row["duration"]) * per_time
    if rate > 0 and given == 0:  # an infusion without end: its amount is the rate
        given, duration = rate * per_rate, math.inf
    elif rate > 0:
        pace = rate * per_rate
    elif rate == -1:
        pace = _modeled(model, f"R{number}", "rate")
    elif rate == -2:
        duration = _modeled(model, f"D{number}", "duration")
    try:
        return Dose(
            time=float(row["time"]) * per_time,
            amount=given,
            state=state,
            rate=pace,
            duration=duration,
            interval=float(row["interval"]) * per_time,
            count=int(row["count"]),
            steady_state=row["steady_state"] == 1,
        )
    except ValueError as error:
        raise InputError(f"subject {shown(row['subject'])}: {error}") from None


def _dosed(model: OdeModel, target: str) -> str:
    """State of a dose: by its name, or a number n for the n-th state of the model."""
    if target in model.state_names:
        return target
    if target.isdigit() and 1 <= int(target) <= len(model.state_names):
        return model.state_names[int(target) - 1]
    what = f"state of the model {model.name} that could be dosed"
    raise InputError(_unknown(what, target, model.state_names))


def _modeled(model: OdeModel, name: str, what: str) -> str:
    """Name of the parameter that is the rate or duration of an infusion (RATE -1, -2)."""
    if name not in model.parameter_names:
        raise InputError(
            f"the data leave the {what} of an infusion to the parameter {name}, which the model "
            f"{model.name} does not have. Add it to the model, or give the {what} in the data."
        )
    return name
