"""Models that the tests of the engine share, and two ways to run them.

`compile_model` gives machine code, after ten seconds and more for each model. `interpreted` lets
Python run the same generated source: a tenth of a millisecond per step, no time to compile, and
every pointer is an array of known length, so that an index out of range is an error and not a
wrong number. `test_compiled` shows that both give the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver import CompiledModel, SolverOptions, Timeline, compile_model
from cytobayes.models.solver.build import _HEADER

Array = npt.NDArray[np.float64]
METHODS = ("explicit", "stiff", "auto")


# --- running ---------------------------------------------------------------------------------


def namespace(source: str) -> dict[str, Any]:
    """Functions of a generated module as plain Python, with the arithmetic of machine code.

    Functions of ``math`` are those of numpy, so that what overflows is infinite and the square
    root of -1 is NaN; pointers are views of arrays.
    """
    names: dict[str, Any] = {}
    config: Any = numba.config
    try:
        config.DISABLE_JIT = 1
        exec(compile(source, "<generated module>", "exec"), names)
    finally:
        config.DISABLE_JIT = 0
    functions = ("exp", "log", "sqrt", "sin", "cos", "tanh")
    names["math"] = SimpleNamespace(
        inf=np.float64(np.inf), nan=np.float64(np.nan), **{f: getattr(np, f) for f in functions}
    )
    names["pointer"] = lambda array: array.reshape(-1)
    names["at"] = lambda base, count: base[count:]
    names["hold"] = lambda array: None
    return names


def quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Like machine code, say nothing about infinities and NaN."""

    def call(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return call


# What emitted code may use: ``math``, ``power``, ``safe_log`` and the like.
PRELUDE = namespace(_HEADER.format(pointers=""))


@lru_cache
def _interpreted(compiled: CompiledModel) -> CompiledModel:
    names = namespace(Path(compiled.forward.py_func.__code__.co_filename).read_text())
    return replace(compiled, forward=quiet(names["forward"]), backward=quiet(names["backward"]))


def interpreted(model: OdeModel, method: str = "auto", **more: Any) -> CompiledModel:
    """Same as `compile_model`, run by the Python interpreter."""
    return _interpreted(compile_model(model, method, **more))  # which compiles when it is called


def values(model: OdeModel, **changes: float) -> Array:
    """Typical values with changes, in the order of the parameters."""
    return np.array(list({**model.theta, **changes}.values()))


def seeds(timeline: Timeline, n_states: int) -> Array:
    """Weights of a scalar function of the solution, of both signs."""
    return np.random.default_rng(1).standard_normal((timeline.n_observations, n_states))


def central_difference(
    function: Callable[[Array], Array | float], x: Array, step: float = 1e-3
) -> Array:
    """Derivative of ``function`` by each entry of ``x``, by the five-point rule.

    With a relative ``step`` h the error is about h^4 / 30 of the fifth derivative, 3e-14 here, plus
    the noise of the function divided by h.
    """
    slopes = []
    for i in range(x.size):
        h = step * (abs(x[i]) or 1.0)
        unit = np.eye(x.size)[i] * h
        near = np.asarray(function(x + unit)) - np.asarray(function(x - unit))
        far = np.asarray(function(x + 2 * unit)) - np.asarray(function(x - 2 * unit))
        slopes.append((8 * near - far) / (12 * h))
    return np.array(slopes)


def scaled_error(found: Array, expected: Array, theta: Array) -> float:
    """Largest error of a gradient by log parameters, relative to its largest entry.

    A derivative by a parameter of another unit is another number; times the parameter, all have
    the unit of the function.
    """
    scale = np.where(theta == 0, 1.0, np.abs(theta))
    return float(np.max(np.abs(found - expected) * scale) / np.max(np.abs(expected) * scale))


# --- a linear model with every kind of event -------------------------------------------------

PK_VALUES = {
    "ka": 1.1,
    "cl": 3.0,
    "v": 20.0,
    "q": 2.0,
    "vp": 40.0,
    "a0": 0.5,
    "lag": 0.35,
    "F": 0.7,
    "D": 2.37,
    "amt": 100.0,
    "R": 30.0,
    "ts": 5.5,
    "cl2": 6.0,
}


def pk_model(*, log: bool = False) -> OdeModel:
    """Two compartments with absorption; ``log`` integrates the logarithm of the central one."""
    return OdeModel(
        name="pk",
        states=(State("gut"), State("cen", log=log), State("per")),
        parameters=tuple(Parameter(n, v) for n, v in PK_VALUES.items()),
        rhs=lambda t, y, p: {
            "gut": -p.ka * y.gut,
            "cen": p.ka * y.gut - (p.cl / p.v + p.q / p.v) * y.cen + p.q / p.vp * y.per,
            "per": p.q / p.v * y.cen - p.q / p.vp * y.per,
        },
        initial=lambda p: {"cen": p.a0},
    )


PK = pk_model()
PK_LOG = pk_model(log=True)
REGIMENS = {
    "nothing": (),
    "bolus": (Dose(0, "amt", "gut", lag="lag", bioavailability="F"), Dose(6.2, 50, "cen")),
    "repeated": (Dose(1, "amt", "gut", interval=4, count=4, lag="lag"),),
    "at a parameter": (Dose("ts", "amt", "cen", lag="lag"), Reset("cl2"), Dose("cl2", 9, "per")),
    "duration": (Dose(1, "amt", "cen", duration="D", lag="lag", bioavailability="F"),),
    "rate": (Dose(2, "amt", "cen", rate="R", lag="lag", bioavailability="F"),),
    "overlapping": (
        Dose(1, "amt", "cen", duration="D", interval=2, count=3),
        Dose(2, "amt", "cen", rate="R"),
        Dose(2.1, 30, "per", duration=3.0),
    ),
    "switch": (Dose(0, 100, "gut"), Switch("ts", "cl", "cl2"), Switch(9, "ka", 0.4)),
    "reset": (
        Dose(0, 100, "gut"),
        Dose(1, "amt", "cen", duration="D"),
        Reset("ts"),
        Dose(6.2, "amt", "cen", lag="lag"),
    ),
    "reset during an infusion": (
        Dose(4, "amt", "cen", duration="D", bioavailability="F"),
        Reset("ts"),
        Dose(5.7, "amt", "per", rate="R"),
    ),
    "steady boluses": (
        Dose(0.5, "amt", "gut", interval=6, steady_state=True, count=2, bioavailability="F"),
    ),
    "steady boluses with a lag": (
        Dose(0.5, "amt", "gut", interval=6, steady_state=True, lag="lag", count=2),
    ),
    "steady infusions with a lag": (
        Dose(0, 70, "per", duration="D"),
        Dose(0.1, "amt", "cen", duration="D", interval=6, steady_state=True, lag="lag"),
    ),
    "steady infusions": (Dose(0.1, "amt", "cen", duration="D", interval=6, steady_state=True),),
    "steady infusions by rate": (
        Dose("ts", "amt", "cen", rate="R", interval=6, steady_state=True, bioavailability="F"),
    ),
    "constant infusion": (Dose(0.1, "R", "cen", duration=np.inf, steady_state=True),),
    "steady state after doses": (
        Dose(0, "amt", "gut"),
        Dose(1, 40, "per", duration="D"),
        Switch(1.5, "cl", "cl2"),
        Dose(2.2, "amt", "cen", interval=8, steady_state=True),
    ),
}
# No event lies at one of these times, nor within the steps of a difference quotient of them.
PK_TIMES = np.array([0.0, 0.2, 1.8, 2.9, 3.0, 5.0, 5.2, 6.3, 6.9, 8.3, 11.0])


def pk_timeline(model: OdeModel = PK, names: Sequence[str] = tuple(REGIMENS)) -> Timeline:
    """One subject per regimen."""
    regimens = [Regimen(REGIMENS[n]) for n in names]
    return Timeline.build(model, regimens, [PK_TIMES] * len(regimens))


# --- nonlinear models ------------------------------------------------------------------------

LOTKA_VOLTERRA = OdeModel(
    name="lotka_volterra",
    states=(State("prey"), State("predator")),
    parameters=tuple(
        Parameter(n, v)
        for n, v in {
            "a": 0.55, "b": 0.028, "c": 0.84, "d": 0.026, "prey0": 34.0, "predator0": 6.0,
            "amount": 12.0, "length": 1.7, "when": 6.45,
        }.items()
    ),
    rhs=lambda t, y, p: {
        "prey": (p.a - p.b * y.predator) * y.prey,
        "predator": (-p.c + p.d * y.prey) * y.predator,
    },
    initial=lambda p: {"prey": p.prey0, "predator": p.predator0},
)  # fmt: skip
LV_REGIMEN = Regimen(
    [
        Dose(2.3, "amount", "prey", lag="length"),
        Dose(3.1, "amount", "predator", duration="length", interval=4.0, count=2),
        Switch("when", "a", 0.4),
    ]
)
LV_TIMES = np.array([0.5, 1.0, 2.0, 3.5, 5.0, 7.5, 10.0, 14.0, 20.0])


def _five_rhs(t: Any, y: Any, p: Any) -> dict[str, Any]:
    active = y.B / (p.K + y.B)
    return {
        "B": 0.02 * y.B - p.kill * y.E * y.B / (1 + y.E),
        "E": p.rho * active * y.E - p.loss * y.E - p.memory * y.E,
        "M": p.memory * y.E - 0.01 * y.M,
        "G": p.gamma * y.E * active - 5.0 * y.G,
        "C": p.cytokine * y.G / (1 + y.G) * (1 + 2 * y.C / (5 + y.C)) - p.clear * y.C,
    }


FIVE_STATES = OdeModel(
    name="five_states",
    states=tuple(State(s) for s in "BEMGC"),
    parameters=tuple(
        Parameter(n, v)
        for n, v in {
            "rho": 1.0, "kill": 0.6, "K": 2.0, "loss": 0.15, "memory": 0.05, "gamma": 3.0,
            "cytokine": 4.0, "clear": 2.0,
        }.items()
    ),
    rhs=_five_rhs,
    initial={"B": 10.0, "E": 0.05, "C": 0.02},
)  # fmt: skip
FIVE_TIMES = np.linspace(0.5, 28.0, 15)


def five_thetas(subjects: int) -> Array:
    """Parameters of a population, as in the prototype of the engine."""
    noise = np.random.default_rng(0).standard_normal((subjects, 8))
    return values(FIVE_STATES) * np.exp(0.2 * noise)


ROBERTSON = OdeModel(
    name="robertson",
    states=(State("A"), State("B", scale=1e-4), State("C")),
    parameters=(Parameter("k1", 0.04), Parameter("k2", 3e7), Parameter("k3", 1e4)),
    rhs=lambda t, y, p: {
        "A": -p.k1 * y.A + p.k3 * y.B * y.C,
        "B": p.k1 * y.A - p.k3 * y.B * y.C - p.k2 * y.B**2,
        "C": p.k2 * y.B**2,
    },
    initial={"A": 1.0},
)


def _sneyd_rhs(t: Any, y: Any, p: Any) -> dict[str, Any]:
    O, R, I1, S, A, I2 = y  # noqa: E741
    L1 = p.k_1 / p.k1 * p.l2 / p.l_2
    L3 = p.k_2 / p.k2 * p.l4 / p.l_4
    L5 = p.k_4 / p.k4 * p.l6 / p.l_6
    close = (p.k_2 + p.l_4 * p.Ca) / (1 + p.Ca / L5) * O
    open_ = (p.k2 * L3 + p.l4 * p.Ca) / (L3 + p.Ca * (1 + L3 / L1)) * p.IP3 * R
    activate = (p.k4 * L5 + p.l6) * p.Ca / (L5 + p.Ca) * O
    relax = L1 * (p.k_4 + p.l_6) / (L1 + p.Ca) * A
    shut, reopen = p.k3 * L5 / (L5 + p.Ca) * O, p.k_3 * S
    block = (p.k1 * L1 + p.l2) * p.Ca / (L1 + p.Ca * (1 + L1 / L3)) * R
    release = (p.k_1 + p.l_2) * I1
    block2 = (p.k1 * L1 + p.l2) * p.Ca / (L1 + p.Ca) * A
    release2 = (p.k_1 + p.l_2) * I2
    return {
        "O": -close + open_ - activate + relax - shut + reopen,
        "R": close - open_ - block + release,
        "I1": block - release,
        "S": shut - reopen,
        "A": activate - relax - block2 + release2,
        "I2": block2 - release2,
    }


SNEYD = OdeModel(
    name="sneyd",
    states=tuple(State(s) for s in ("O", "R", "I1", "S", "A", "I2")),
    parameters=tuple(
        Parameter(n, v)
        for n, v in {
            "k1": 3.72721095730996, "k2": 99999.9999999908, "k3": 15.7453406923706,
            "k4": 99938.2576283144, "k_1": 0.923924728172173, "k_2": 0.001002494725324,
            "k_3": 1.91463005974811, "k_4": 3079.20732487903, "l2": 0.940077018858089,
            "l4": 2.85837713545253, "l6": 99999.9999999908, "l_2": 0.347664459128102,
            "l_4": 0.01388020361713, "l_6": 0.001, "IP3": 10.0, "Ca": 10.0,
        }.items()
    ),
    rhs=_sneyd_rhs,
    initial={"R": 1.0},
)  # fmt: skip


def plain(model: OdeModel, times: Sequence[float] | Array, subjects: int = 1) -> Timeline:
    """Observations only, the same for each subject."""
    return Timeline.build(model, [Regimen()] * subjects, [times] * subjects)


def tight(rtol: float = 1e-9, method: str = "auto", **more: Any) -> SolverOptions:
    """Options with room for many steps."""
    settings: dict[str, Any] = {"rtol": rtol, "method": method, "max_steps": 100_000}
    return SolverOptions(**(settings | more))
