"""Steps of a grid of times within which a dose may make a curve jump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.study import Study
from ...datasets.wording import shown

__all__ = ["Doses", "dose_times", "interrupted"]

Array = npt.NDArray[Any]
Doses = Study | Sequence[float] | Mapping[str, Sequence[float]]


def interrupted(trajectory: xr.DataArray, time: Array, doses: Doses | None) -> Array | None:
    """Find the steps that a dose interrupts.

    Parameters
    ----------
    trajectory : DataArray, dims (..., time)
    time : float64[t]
        Grid, perhaps a window of that of the trajectory.
    doses : as in `exposure.exposure`

    Returns
    -------
    bool[..., t - 1] or None
        Dims of the trajectory in order, of length 1 but for ``subject``; the value at the time of a
        dose is the one before it, as in `simulate`, so that the step that begins there jumps.

    Raises
    ------
    InputError
        If subjects of the trajectory have no doses, or doses no subjects.
    """
    if doses is None:
        return None
    if not isinstance(doses, Study | Mapping):
        return _struck(time, doses)
    if "subject" not in trajectory.coords:
        raise InputError(
            "doses by subject, but the trajectory names no subjects; give a list of dose times."
        )
    each = dose_times(doses) if isinstance(doses, Study) else doses
    names = [str(s) for s in np.atleast_1d(trajectory["subject"].to_numpy())]
    missing = [n for n in names if n not in each]
    if missing and not isinstance(doses, Study):
        raise InputError(f"doses: subject {shown(missing[0])} has none; write an empty list.")
    found = np.array([_struck(time, each.get(n, ())) for n in names])
    rest = [d for d in trajectory.dims if d != "time"]
    shape = [found.shape[0] if d == "subject" else 1 for d in rest]
    return found.reshape(*shape, found.shape[1])


def dose_times(study: Study) -> dict[str, list[float]]:
    """List the times of all doses of each subject that has some, repeated ones unrolled."""
    found: dict[str, list[float]] = {}
    for row in study.to_frame("doses").to_dict("records"):
        times = row["time"] + row["interval"] * np.arange(max(int(row["count"]), 1))
        found.setdefault(str(row["subject"]), []).extend(map(float, times))
    return found


def _struck(time: Array, doses: Iterable[float]) -> Array:
    """Whether a dose lies in a step, its end excluded; bool[t - 1]."""
    when = np.asarray(list(doses), dtype=np.float64)
    if not np.isfinite(when).all():
        raise InputError("doses: times must be finite.")
    inside = (time[:-1, None] <= when) & (when < time[1:, None])
    return np.asarray(inside.any(axis=1))
