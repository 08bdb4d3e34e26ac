"""`exposure`: trajectories reduced to what a response may depend on, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from . import metrics as m
from .steps import Doses, interrupted

__all__ = ["METRICS", "exposure", "il6_signal"]

Array = npt.NDArray[Any]
DEFAULT = ("cmax", "tmax", "auc", "clast", "peak_rate")
WITH_LEVEL = ("tlast", "time_above")
OCCUPANCY, SIGNAL, IL6 = "RO", "signal", "IL6"
BLOCKED = 1e-6  # occupancy of the receptor above which serum IL-6 is no measure of its signal


@dataclass(frozen=True, eq=False)
class Asked:
    """What metrics depend on beside the curve; see `exposure` and `steps.interrupted`."""

    level: float
    refine: bool
    broken: Array | None


@dataclass(frozen=True)
class Metric:
    """One metric: its values by name, each with the powers of the units of value and time."""

    of: Callable[[Array, Array, Asked], dict[str, Array]]
    powers: dict[str, tuple[int, int]]


def _cmax(t: Array, y: Array, asked: Asked) -> dict[str, Array]:
    return {"cmax": m.refined_peak(t, y)[0] if asked.refine else m.peak(t, y)[0]}


def _tmax(t: Array, y: Array, asked: Asked) -> dict[str, Array]:
    _, when, rising = m.peak(t, y)
    return {"tmax": m.refined_peak(t, y)[1] if asked.refine else when, "tmax_censored": rising}


def _tlast(t: Array, y: Array, asked: Asked) -> dict[str, Array]:
    when, open_end = m.last_above(t, y, asked.level)
    return {"tlast": when, "tlast_censored": open_end}


def _peak_rate(t: Array, y: Array, asked: Asked) -> dict[str, Array]:
    rate, when, alone = m.steepest(t, y, asked.broken)
    return {"peak_rate": rate, "peak_rate_time": when, "peak_rate_coarse": alone}


METRICS: dict[str, Metric] = {
    "cmax": Metric(_cmax, {"cmax": (1, 0)}),
    "tmax": Metric(_tmax, {"tmax": (0, 1), "tmax_censored": (0, 0)}),
    "auc": Metric(lambda t, y, asked: {"auc": m.area(t, y)}, {"auc": (1, 1)}),
    "clast": Metric(lambda t, y, asked: {"clast": y[..., -1]}, {"clast": (1, 0)}),
    "peak_rate": Metric(
        _peak_rate, {"peak_rate": (1, -1), "peak_rate_time": (0, 1), "peak_rate_coarse": (0, 0)}
    ),
    "tlast": Metric(_tlast, {"tlast": (0, 1), "tlast_censored": (0, 0)}),
    "time_above": Metric(
        lambda t, y, asked: {"time_above": m.time_above(t, y, asked.level)},
        {"time_above": (0, 1)},
    ),
}


def exposure(
    trajectory: xr.DataArray | xr.Dataset,
    *,
    window: tuple[float, float] | None = None,
    metrics: Sequence[str] | None = None,
    level: float | None = None,
    refine: bool = False,
    serum_il6: bool = False,
    doses: Doses | None = None,
) -> xr.Dataset:
    """Reduce trajectories to exposure metrics, one value per draw and subject.

    Parameters
    ----------
    trajectory : DataArray or Dataset, dims (..., time)
        Concentration or cell count, with ``attrs["units"]``; ``time`` ascending. Of a Dataset, as
        from `predict`, every variable with the dim ``time``.
    window : (float, float), optional
        First and last time that count: ``(0, 28)`` for AUC0-28d. Values at its ends are
        interpolated. Default: the whole of ``time``.
    metrics : sequence of str, optional
        Of ``cmax``, ``tmax``, ``auc``, ``clast`` (value at the end of the window), ``peak_rate``
        (steepest rise on the grid, such as that of immune complexes); with a ``level`` also
        ``tlast`` (persistence: last time above it) and ``time_above`` (total time above it).
        Default: all.
    level : float, optional
        Such as the lower limit of quantification, in the unit of the trajectory.
    refine : bool
        Take peak and time of peak from the parabola through three points of the grid.
    serum_il6 : bool
        Also reduce IL-6 in serum of subjects whose receptor is blocked; see Notes.
    doses : Study, or sequence of float, or mapping of subject to sequence of float, optional
        Doses, or their times: those of a study, or the same for all. The steepest rise is then
        taken between doses alone.

    Returns
    -------
    Dataset, dims (...)
        A variable per metric, ``<name>_<metric>`` for a Dataset, ``units`` as attribute.
        ``tmax_censored``: the curve still rises at the end of the window. ``tlast_censored``: it
        is still above the level. ``peak_rate_coarse``: the curve rises more than twice as fast in
        the steepest step as in its neighbors, so that it jumps there (a dose) or bends, and
        ``peak_rate`` depends on the grid. NaN where the trajectory is not finite.

    Raises
    ------
    InputError
        If ``time`` does not ascend, a window reaches beyond it, a metric is unknown or needs a
        level, or serum IL-6 is asked for although its receptor is blocked.

    Notes
    -----
    Areas are by the linear trapezoid on the given times: give a grid that is fine where the curve
    bends. A complex in quasi-equilibrium with a drug jumps at a bolus, and its rise over one step
    of the grid is then the jump by the step, no rate: pass ``doses``. The value at the time of a
    dose counts as the one before it, as in `predict`.

    After tocilizumab serum IL-6 rises while its signal falls, so that it is no measure of exposure.
    Where a Dataset holds the occupancy ``RO`` and it is above zero in the window, the variable
    ``IL6`` is left out (the attribute ``left_out`` says so), or refused when nothing else is there;
    take the output ``signal``, or `il6_signal`.

    Examples
    --------
    >>> y = xr.DataArray([0.0, 2.0, 0.0], {"time": [0.0, 1.0, 3.0]}, attrs={"units": "pg/mL"})
    >>> float(exposure(y)["auc"]), exposure(y)["auc"].attrs["units"]
    (3.0, 'pg/mL*d')
    """
    chosen = _chosen(metrics, level)
    if isinstance(trajectory, xr.DataArray):
        return _reduced(trajectory, window, chosen, level, refine, doses, "")
    kept, left_out = _measures(trajectory, window, serum_il6)
    parts = [_reduced(trajectory[n], window, chosen, level, refine, doses, f"{n}_") for n in kept]
    result = xr.merge(parts, compat="override", join="exact", combine_attrs="drop")
    return result.assign_attrs(left_out=left_out) if left_out else result


def il6_signal(trajectory: xr.Dataset) -> xr.DataArray:
    """IL-6 that meets a free receptor, ``(1 - RO) IL6``: exposure under receptor blockade.

    Parameters
    ----------
    trajectory : Dataset
        As from `predict`, with the output ``signal``, or ``IL6`` and perhaps ``RO``.

    Returns
    -------
    DataArray
        Dims and unit of IL-6; named ``signal``.

    Raises
    ------
    InputError
        If there is no IL-6.
    """
    if SIGNAL in trajectory:
        return trajectory[SIGNAL]
    if IL6 not in trajectory:
        known = ", ".join(map(str, trajectory.data_vars))
        raise InputError(f"there is neither {SIGNAL!r} nor {IL6!r} in the trajectory, but {known}.")
    free = 1.0 - trajectory[OCCUPANCY] if OCCUPANCY in trajectory else 1.0
    return (free * trajectory[IL6]).rename(SIGNAL).assign_attrs(trajectory[IL6].attrs)


def _chosen(names: Sequence[str] | None, level: float | None) -> tuple[str, ...]:
    """Names of the metrics, checked."""
    if names is None:
        return DEFAULT if level is None else (*DEFAULT, *WITH_LEVEL)
    for name in names:
        if name not in METRICS:
            guess = closest(name, METRICS)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise InputError(
                f"no exposure metric is called {shown(name)}.{hint} There are {', '.join(METRICS)}."
            )
        if name in WITH_LEVEL and level is None:
            raise InputError(f"{name} needs a level: exposure(..., level=LLOQ).")
    return tuple(names)


def _measures(
    trajectory: xr.Dataset, window: tuple[float, float] | None, serum_il6: bool
) -> tuple[list[str], str]:
    """Variables that are measures of exposure, and what was left out."""
    names = [str(n) for n, v in trajectory.data_vars.items() if "time" in v.dims]
    if not names:
        raise InputError("the Dataset holds no trajectory: no variable has the dim 'time'.")
    if serum_il6 or IL6 not in names or OCCUPANCY not in trajectory:
        return names, ""
    occupied = trajectory[OCCUPANCY]
    if window is not None:
        time = occupied["time"]
        occupied = occupied.where((time >= window[0]) & (time <= window[1]), drop=True)
    if not bool((occupied > BLOCKED).any()):
        return names, ""
    why = (
        "IL6 was left out: its receptor is blocked in the window, where serum IL-6 rises while its "
        "signal falls. Take 'signal', or pass serum_il6=True."
    )
    rest = [n for n in names if n != IL6]
    if not set(rest) - {OCCUPANCY}:
        raise InputError(why.replace("was left out", "is refused as a measure of exposure"))
    return rest, why


def _reduced(
    trajectory: xr.DataArray,
    window: tuple[float, float] | None,
    names: Sequence[str],
    level: float | None,
    refine: bool,
    doses: Doses | None,
    prefix: str,
) -> xr.Dataset:
    """Metrics of one quantity."""
    if "time" not in trajectory.dims or "time" not in trajectory.coords:
        raise InputError("the trajectory has no dim 'time' with times as coordinate.")
    rest = [d for d in trajectory.dims if d != "time"]
    y = trajectory.transpose(*rest, "time").to_numpy().astype(np.float64)
    time = trajectory["time"].to_numpy().astype(np.float64)
    if not time.size or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise InputError("the times of the trajectory do not ascend.")
    if window is not None:
        time, y = m.cut_window(time, y, *_inside(time, window))
    if "peak_rate" in names and time.size < 2:
        raise InputError("the steepest rise needs two times.")
    unit = str(trajectory.attrs.get("units", ""))
    clock = str(trajectory["time"].attrs.get("units", "d"))
    coords = {str(k): v for k, v in trajectory.coords.items() if "time" not in v.dims}
    found = {}
    broken = interrupted(trajectory, time, doses)
    asked = Asked(np.nan if level is None else level, refine, broken)
    for name in names:
        metric = METRICS[name]
        for key, values in metric.of(time, y, asked).items():
            attributes = {"units": _unit(unit, clock, metric.powers[key])}
            found[prefix + key] = (rest, values, attributes)
    facts = {"window": [float(time[0]), float(time[-1])]}
    return xr.Dataset(found, coords, facts if level is None else {**facts, "level": level})


def _inside(time: Array, window: tuple[float, float]) -> tuple[float, float]:
    begin, end = map(float, window)
    if not begin < end:
        raise InputError(f"the window {begin:g} to {end:g} is empty.")
    if begin < time[0] or end > time[-1]:
        raise InputError(
            f"the window {begin:g} to {end:g} reaches beyond the trajectory, which is known from "
            f"{time[0]:g} to {time[-1]:g}. Predict at more times, or take a shorter window."
        )
    return begin, end


def _unit(value: str, time: str, powers: tuple[int, int]) -> str:
    """Write the unit of a metric: those of the value and of time, to these powers."""
    if powers[1] == 0:
        return value if powers[0] else ""
    if powers[0] == 0:
        return time
    return f"{value}*{time}".lstrip("*") if powers[1] > 0 else f"{value or '1'}/{time}"
