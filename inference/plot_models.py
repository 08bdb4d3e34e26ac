"""Figures of models without data: simulations, phase planes, bifurcations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..models.analysis import steady_states
from ..models.ode import OdeModel
from ..models.symbolic import trace
from .drawing import CURVE, INK, LIMIT, PRIOR, Panels, log_wanted, set_log, style

__all__ = ["plot_bifurcation", "plot_phase_plane", "plot_simulation"]

PANEL = (3.1, 2.3)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def plot_simulation(run: xr.Dataset, observables: Sequence[str] | None = None) -> Figure:
    """Draw simulated curves, one panel per observable.

    Parameters
    ----------
    run : Dataset
        From `simulate`: dims time, or draw and time; of several draws, the median and the central
        50 and 90 % are drawn.
    observables : sequence of str, optional
        Default: all.

    Returns
    -------
    Figure
    """
    names = list(observables or [str(v) for v in run.data_vars if "time" in run[v].dims])
    with style():
        panels = Panels(len(names), columns=3, size=PANEL)
        for name, axes in zip(names, panels.axes, strict=True):
            values = run[name].transpose(..., "time").to_numpy().reshape(-1, run.sizes["time"])
            _curves(axes, run["time"].to_numpy(), values)
            unit = run[name].attrs.get("units", "")
            axes.set_title(name)
            axes.set_ylabel(unit or "no unit")
        panels.label_time(f"time [{run['time'].attrs.get('units', '')}]")
    return panels.figure


def _curves(axes: Any, time: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
    if len(values) == 1:
        axes.plot(time, values[0], color=CURVE, lw=1.5)
        shown = values[0]
    else:
        low, q1, median, q3, high = np.nanquantile(values, LEVELS, axis=0)
        axes.fill_between(time, low, high, color=CURVE, alpha=0.15, lw=0)
        axes.fill_between(time, q1, q3, color=CURVE, alpha=0.30, lw=0)
        axes.plot(time, median, color=CURVE, lw=1.5)
        shown = np.concatenate([low, high])
    positive = shown[np.isfinite(shown) & (shown > 0)]
    if positive.size and (shown >= 0).all() and log_wanted(positive) and shown[-1] > 0:
        floor = max(positive.min(), positive.max() * 1e-8)
        set_log(axes, limits=(floor / 1.3, positive.max() * 1.3))


def plot_bifurcation(
    model: OdeModel,
    parameter: str,
    values: npt.ArrayLike,
    state: str,
    theta: Mapping[str, float] | None = None,
) -> Figure:
    """Steady states over a parameter: solid where stable, hollow where not.

    Parameters
    ----------
    model : OdeModel
    parameter : str
    values : array of float
    state : str
        The state on the vertical axis.
    theta : mapping of name to float, optional
        Other parameters that differ from their typical values.

    Returns
    -------
    Figure
    """
    points = []
    for value in np.asarray(values, dtype=float):
        found = steady_states(model, {**(theta or {}), parameter: float(value)}, attempts=60)
        points += [(value, s.values[state], s.stable) for s in found]
    with style():
        panels = Panels(1, columns=1, size=(5.0, 3.4))
        (axes,) = panels.axes
        for stable, face in ((True, CURVE), (False, "white")):
            chosen = [(x, y) for x, y, s in points if s is stable]
            if chosen:
                axes.plot(*zip(*chosen, strict=True), "o", ms=4, mec=CURVE, mfc=face)
        unit = model.parameter(parameter).unit
        axes.set_xlabel(f"{parameter} [{unit}]" if unit else parameter)
        axes.set_ylabel(f"{state} at rest [{model.unit(state) or 'no unit'}]")
        axes.set_title(model.title)
        panels.legend([
            Line2D([], [], marker="o", ls="", mec=CURVE, mfc=CURVE, label="stable"),
            Line2D([], [], marker="o", ls="", mec=CURVE, mfc="white", label="unstable"),
        ])  # fmt: skip
    return panels.figure


def plot_phase_plane(
    model: OdeModel,
    limits: Mapping[str, tuple[float, float]],
    theta: Mapping[str, float] | None = None,
    runs: Sequence[xr.Dataset] = (),
) -> Figure:
    """Direction of motion, nullclines and steady states of a model with two states.

    Parameters
    ----------
    model : OdeModel
    limits : mapping of the two states to (low, high)
        The first is on the horizontal axis.
    theta : mapping of name to float, optional
    runs : sequence of Dataset
        Simulations to draw as paths.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the model has not two states.
    """
    if len(model.states) != 2 or set(limits) != set(model.state_names):
        raise ValueError(f"a phase plane needs limits of two states, not of {model.state_names}")
    across, up = limits
    x, y = np.meshgrid(np.linspace(*limits[across], 200), np.linspace(*limits[up], 200))
    grid = {across: x, up: y}
    traced = trace(model)
    f = sympy.lambdify((traced.t, traced.y, traced.p), list(traced.rhs), "numpy")
    full = {**model.theta, **(theta or {})}
    moves = f(0.0, [grid[s] for s in model.state_names], list(full.values()))
    speed = dict(zip(model.state_names, (m + 0 * x for m in moves), strict=True))
    with style():
        panels = Panels(1, columns=1, size=(5.2, 4.2))
        (axes,) = panels.axes
        axes.streamplot(
            x, y, speed[across], speed[up], color=PRIOR, linewidth=0.5, arrowsize=0.7, density=1.1
        )
        axes.contour(x, y, speed[across], levels=[0.0], colors=[CURVE], linewidths=1.4)
        axes.contour(x, y, speed[up], levels=[0.0], colors=[LIMIT], linewidths=1.4)
        for run in runs:
            axes.plot(run[across], run[up], color=INK, lw=1.3)
        for rest in steady_states(model, theta):
            face = INK if rest.stable else "white"
            axes.plot(rest.values[across], rest.values[up], "o", mec=INK, mfc=face, zorder=5)
        axes.set(xlim=limits[across], ylim=limits[up])
        axes.set_xlabel(f"{across} [{model.unit(across) or 'no unit'}]")
        axes.set_ylabel(f"{up} [{model.unit(up) or 'no unit'}]")
        panels.legend([
            Line2D([], [], color=CURVE, label=f"{across} at rest"),
            Line2D([], [], color=LIMIT, label=f"{up} at rest"),
        ])  # fmt: skip
    return panels.figure
