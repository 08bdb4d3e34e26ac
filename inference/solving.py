"""The engine under many draws: states on a grid, states and model values at the measurements."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..models.dosing import Regimen
from ..models.solver import Timeline
from ..models.symbolic import trace
from .arrangement import timeline_of
from .expression import evaluate
from .populations.occasions import switched

if TYPE_CHECKING:
    from ..models.ode import OdeModel
    from .problem import Problem

__all__ = ["integrate", "model_values", "solve_points", "values_at_rows"]

Array = npt.NDArray[Any]
ITEMS = 4096  # observations and events in one call of the integrator
BATCH = 64  # draws in one call, at most
NUMBERS = 20_000_000  # states held at a time


def integrate(
    problem: Problem, theta: Array, regimens: Sequence[Regimen], grid: Array
) -> tuple[Array, int]:
    """States at the times of the grid.

    Returns
    -------
    float64[draw, subject, time, state]
        NaN where the solve failed.
    int
        Draws in which it failed for at least one subject.

    Notes
    -----
    Subjects who share schedule and parameters are solved once.
    """
    if problem.by_subject:
        solved, back = list(regimens), np.arange(len(regimens))
    else:
        solved = list(dict.fromkeys(regimens))
        back = np.array([solved.index(r) for r in regimens])
        theta = theta[:, : len(solved)]
    points, failed = solve_points(problem, theta, solved, [grid] * len(solved))
    states = points.reshape(len(theta), len(solved), grid.size, points.shape[-1])
    return states[:, back], int(failed.sum())


def solve_points(
    problem: Problem, theta: Array, regimens: Sequence[Regimen], times: Sequence[Array]
) -> tuple[Array, Array]:
    """Solve the equations of all subjects and draws, each subject at times of its own.

    Parameters
    ----------
    problem : Problem
    theta : float64[draw, subject, parameter]
    regimens : sequence of Regimen
        One per subject.
    times : sequence of float64[k]
        Ascending, one per subject.

    Returns
    -------
    float64[draw, point, state]
        The times of the first subject, then those of the next; NaN where a solve failed.
    bool[draw]
        Whether it failed for at least one subject.

    Notes
    -----
    Many draws go into one call of the integrator, and these batches run in threads: the
    integrator releases the GIL.
    """
    n_points = sum(t.size for t in times)
    failed = np.zeros(len(theta), dtype=bool)
    if problem.model.is_closed_form:
        return np.empty((len(theta), n_points, 0)), failed
    one = timeline_of(problem.engine_model, tuple(regimens), tuple(times))
    size = int(np.clip(ITEMS // max(one.n_items, 1), 1, min(BATCH, max(len(theta), 1))))
    timeline = Timeline.build(problem.engine_model, list(regimens) * size, list(times) * size)
    compiled = problem.compiled_for(timeline)
    states = np.empty((len(theta), n_points, compiled.n_states))

    def run(begin: int) -> None:
        part = theta[begin : begin + size]
        padded = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        solution = compiled.solve(padded.reshape(-1, theta.shape[-1]), timeline, problem.solver)
        y = solution.y.reshape(size, *states.shape[1:])
        states[begin : begin + size] = y[: len(part)]
        failed[begin : begin + size] = solution.status.reshape(size, -1).any(axis=1)[: len(part)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, range(0, len(theta), size)))
    return states, failed


def values_at_rows(problem: Problem, theta: Array) -> dict[str, Array]:
    """Evaluate the model at every measurement.

    Parameters
    ----------
    problem : Problem
    theta : float64[draw, subject, parameter]
        As from `parameters_of`, for the subjects of the data.

    Returns
    -------
    dict of observable of the data to float64[draw, row]
        In the unit of the model; NaN where the equations could not be solved.
    """
    arranged, model = problem.arrangement, problem.model
    schedules = switched(arranged.occasions, arranged.regimens)
    n_points = arranged.timeline.n_observations
    step = max(1, NUMBERS // max(1, n_points * max(1, len(model.states))))
    parts: dict[str, list[Array]] = {o.name: [] for o in arranged.observed}
    for begin in range(0, max(len(theta), 1), step):
        part = theta[begin : begin + step]
        points, _ = solve_points(problem, part, schedules, arranged.times)
        for o in arranged.observed:
            each, states = part[:, o.subject], points[:, o.point]
            if arranged.occasions is not None:
                each = arranged.occasions.chosen(each, arranged.occasions.of_row[o.name])
            parts[o.name].append(model_values(model, o.target, each, states, o.time))
    return {name: np.concatenate(found) for name, found in parts.items()}


def model_values(model: OdeModel, name: str, theta: Array, states: Array, times: Array) -> Array:
    """Compute a state or an output of the model.

    Parameters
    ----------
    model : OdeModel
    name : str
    theta : float64[..., parameter]
    states : float64[..., state]
    times : float64[...]
        All three broadcast against each other, without their last dim.

    Returns
    -------
    float64[...]
        Of the shape of ``states``.
    """
    if name in model.state_names:
        return states[..., model.state_names.index(name)]
    traced = trace(model)
    symbols: dict[Any, Any] = {traced.t: times}
    symbols |= {s: states[..., k] for k, s in enumerate(traced.y)}
    symbols |= {s: theta[..., k] for k, s in enumerate(traced.p)}
    with np.errstate(all="ignore"):
        value = evaluate(traced.outputs[name], symbols)
    return np.broadcast_to(value, states.shape[:-1])
