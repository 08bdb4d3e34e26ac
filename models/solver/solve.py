"""Solve a model for many subjects at once, with gradients: `compile_model` and `CompiledModel`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..ode import OdeModel
from .build import METHODS, load_module, module_source, source_hash
from .timeline import Timeline

__all__ = ["FAILURES", "CompiledModel", "Solution", "SolverOptions", "compile_model"]

FAILURES: dict[int, str] = {
    1: "the number of steps exceeded max_steps",
    2: "the step size fell below rounding error",
    3: "a value was not finite",
    4: "no steady state was found under repeated dosing",
    5: "an event lies before the start of the integration, or lasts less than no time",
    6: "at steady state, an infusion or a lag is longer than the dosing interval",
}
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SolverOptions:
    """How accurately and by which method to integrate.

    Parameters
    ----------
    rtol : float
        Relative tolerance of a step.
    atol : float or mapping of state to float, optional
        Absolute tolerance, in the unit of the state (of its logarithm for log states).
        Default: ``rtol / 100`` times the ``scale`` of the state.
    method : {"auto", "explicit", "stiff"}
        Tsit5, Rodas5P, or the first until stiffness shows and then the second.
    max_steps : int
        Attempted steps per subject and solve, beside the one that each observation and event ends;
        beyond it the solve fails, it never hangs.
    """

    rtol: float = 1e-6
    atol: float | Mapping[str, float] | None = None
    method: str = "auto"
    max_steps: int = 10_000

    def __post_init__(self) -> None:
        """Refuse tolerances that no method can keep."""
        if not 1e-14 < self.rtol < 1:
            raise ModelError(f"rtol must lie between 1e-14 and 1, got {self.rtol!r}")
        if self.method not in METHODS:
            raise ModelError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        given = self.atol if isinstance(self.atol, Mapping) else {"all states": self.atol}
        for name, value in given.items():
            if value is not None and not 0 < value < math.inf:
                raise ModelError(f"atol of {name} must be positive, got {value!r}")
        if self.max_steps < 1:
            raise ModelError(f"max_steps must be positive, got {self.max_steps!r}")

    def atol_array(self, model: OdeModel) -> Array:
        """Absolute tolerance of each state, shape (state,)."""
        default = [self.rtol * 1e-2 * (1.0 if s.log else s.scale) for s in model.states]
        if self.atol is None:
            return np.array(default)
        if isinstance(self.atol, Mapping):
            unknown = sorted(set(self.atol) - set(model.state_names))
            if unknown:
                raise ModelError(f"atol names unknown states: {', '.join(unknown)}")
            return np.array(
                [self.atol.get(s, d) for s, d in zip(model.state_names, default, strict=True)]
            )
        return np.full(len(model.states), float(self.atol))


@dataclass(frozen=True)
class Solution:
    """Result of a solve.

    Attributes
    ----------
    y : ndarray, shape (observation, state)
        States at the observation times, in natural units; NaN for subjects that failed.
    status : ndarray of int, shape (subject,)
        0, or a key of `FAILURES`.
    steps : ndarray of int, shape (subject,)
        Accepted steps.
    """

    y: Array
    status: Array
    steps: Array

    @property
    def ok(self) -> bool:
        """Whether every subject was solved."""
        return not self.status.any()


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A model with its compiled integrator.

    Attributes
    ----------
    forward, backward : numba dispatchers
        ``forward(theta, *timeline.arrays, atol, rtol, max_steps, record)`` gives
        ``(y, status, *tape)`` and ``backward(theta, *timeline.arrays, atol, rtol, max_steps, y_bar,
        status, *tape)`` gives ``theta_bar``. They release the GIL and never raise. ``theta`` has
        shape (subject, parameter); ``tape`` is five arrays.
    source_hash : str
        Hash of the generated source; two compiled models with one hash are the same code.
    """

    model: OdeModel
    method: str
    infused: tuple[str, ...]
    steady: bool
    source_hash: str
    forward: Any
    backward: Any

    @property
    def n_states(self) -> int:
        """Count of states."""
        return len(self.model.states)

    @property
    def n_parameters(self) -> int:
        """Count of parameters."""
        return len(self.model.parameters)

    def solve(
        self, theta: npt.ArrayLike, timeline: Timeline, options: SolverOptions | None = None
    ) -> Solution:
        """Values only, without a tape.

        Parameters
        ----------
        theta : array, shape (subject, parameter) or (parameter,)
            In the order of ``model.parameters``.
        timeline : Timeline
        options : SolverOptions, optional
        """
        theta, tolerances = self._prepare(theta, timeline, options)
        y, status, *tape = self.forward(theta, *timeline.arrays, *tolerances, False)
        return Solution(y, status, np.diff(tape[2][2 * timeline.n_items :]))

    def gradient(
        self,
        theta: npt.ArrayLike,
        timeline: Timeline,
        y_bar: npt.ArrayLike,
        options: SolverOptions | None = None,
    ) -> tuple[Solution, Array]:
        """Values, and the gradient of ``sum(y_bar * y)`` by ``theta``, shape (subject, parameter).

        One pass forward, one back; the gradient of a failed subject is zero.
        """
        theta, tolerances = self._prepare(theta, timeline, options)
        y, status, *tape = self.forward(theta, *timeline.arrays, *tolerances, True)
        seeds = np.ascontiguousarray(y_bar, dtype=float)
        if seeds.shape != y.shape:
            raise ModelError(f"y_bar has shape {seeds.shape}; expected {y.shape}, that of y")
        bar = self.backward(theta, *timeline.arrays, *tolerances, seeds, status, *tape)
        return Solution(y, status, np.diff(tape[2][2 * timeline.n_items :])), bar

    def _prepare(
        self, theta: npt.ArrayLike, timeline: Timeline, options: SolverOptions | None
    ) -> tuple[Array, tuple[Any, ...]]:
        options = options or SolverOptions(method=self.method)
        if timeline.infused != self.infused or (timeline.steady and not self.steady):
            raise ModelError(
                f"the timeline infuses {timeline.infused or 'nothing'} and has "
                f"{'' if timeline.steady else 'no '}steady-state doses; the model was compiled for "
                "another timeline: call compile_model(model, timeline=timeline)"
            )
        values = np.ascontiguousarray(np.atleast_2d(np.asarray(theta, dtype=float)))
        if values.shape[0] == 1 and timeline.n_subjects > 1:
            values = np.repeat(values, timeline.n_subjects, axis=0)
        if values.shape != (timeline.n_subjects, self.n_parameters):
            raise ModelError(
                f"theta has shape {values.shape}; expected "
                f"({timeline.n_subjects} subjects, {self.n_parameters} parameters)"
            )
        return values, (options.atol_array(self.model), options.rtol, options.max_steps)


@lru_cache(maxsize=256)
def _compile(
    model: OdeModel,
    method: str,
    infused: tuple[str, ...],
    steady: bool,
    wrt: tuple[str, ...] | None,
) -> CompiledModel:
    source = module_source(model, method, infused, wrt, with_steady=steady)
    module = load_module(source)
    return CompiledModel(
        model, method, infused, steady, source_hash(source), module.forward, module.backward
    )


def compile_model(
    model: OdeModel,
    method: str = "auto",
    *,
    timeline: Timeline | None = None,
    wrt: Sequence[str] | None = None,
) -> CompiledModel:
    """Compile ``model``, or find it in the cache.

    Parameters
    ----------
    model : OdeModel
    method : {"auto", "explicit", "stiff"}
    timeline : Timeline, optional
        Compile for infusions and steady-state doses such as this timeline has. Default: neither.
    wrt : sequence of str, optional
        Parameters whose gradient is wanted; leaving out fixed ones saves time. Default: all.
    """
    infused = timeline.infused if timeline else ()
    steady = timeline.steady if timeline else False
    switched = timeline.switched if timeline else frozenset()
    names = model.parameter_names
    wanted = None if wrt is None else tuple(p for p in names if p in {*wrt} | switched)
    return _compile(model, method, infused, steady, wanted)
