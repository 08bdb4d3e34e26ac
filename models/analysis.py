"""What the equations say without data: thresholds, steady states, growth rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy
from scipy import optimize

from .errors import ModelError
from .ode import OdeModel
from .symbolic import trace

__all__ = ["SteadyState", "eigenvalues", "steady_states", "threshold"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SteadyState:
    """A state at rest.

    Parameters
    ----------
    values : mapping of state to value, in the unit of the state
    eigenvalues : complex[state]
        Of the Jacobian there, in 1 / time unit; the largest real part first.
    """

    values: Mapping[str, float]
    eigenvalues: Array = field(repr=False)

    @property
    def stable(self) -> bool:
        """Whether small disturbances die out."""
        return bool(self.eigenvalues.real.max() < 0)


def threshold(model: OdeModel, theta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Compute the threshold quantities of a model.

    Parameters
    ----------
    model : OdeModel
    theta : mapping of name to number or array, optional
        Parameters that differ from their typical values.

    Returns
    -------
    dict of name to value
        What each means, and what it is compared with, stands in ``model.thresholds``.

    Raises
    ------
    ModelError
        If the model has no threshold, or a name is not a parameter.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> threshold(get("feedback"), {"R0": 3.0})
    {'R0': 3.0}
    """
    if not model.thresholds:
        raise ModelError(f"model {model.name} has no threshold quantity")
    full = _complete(model, theta)
    return {t.name: t.value(full) for t in model.thresholds}


def _complete(model: OdeModel, theta: Mapping[str, Any] | None) -> dict[str, Any]:
    for name in theta or {}:
        model.parameter(name)
    return {**model.theta, **(theta or {})}


@lru_cache(maxsize=64)
def _functions(model: OdeModel) -> tuple[Any, Any, Any]:
    """Right-hand side, Jacobian and initial state as functions of arrays."""
    traced = trace(model)
    arguments = (traced.t, traced.y, traced.p)
    modules = [{"amax": np.max, "amin": np.min}, "numpy", "scipy"]
    return (
        sympy.lambdify(arguments, list(traced.rhs), modules, cse=True),
        sympy.lambdify(arguments, [list(row) for row in traced.jacobian], modules, cse=True),
        sympy.lambdify((traced.p,), list(traced.initial), modules),
    )


def eigenvalues(
    model: OdeModel,
    theta: Mapping[str, float] | None = None,
    state: Mapping[str, float] | None = None,
    *,
    time: float = 0.0,
) -> Array:
    """Growth rates near a state: eigenvalues of the Jacobian.

    Parameters
    ----------
    model : OdeModel
    theta : mapping of name to float, optional
        Parameters that differ from their typical values.
    state : mapping of name to float, optional
        States that differ from their initial values.
    time : float
        For equations that depend on it.

    Returns
    -------
    complex[state]
        In 1 / time unit of the model, the largest real part first.
    """
    _, jacobian, initial = _functions(model)
    p = list(_complete(model, theta).values())
    y = dict(zip(model.state_names, initial(p), strict=True)) | dict(state or {})
    if strange := sorted(set(y) - set(model.state_names)):
        raise ModelError(f"model {model.name} has no state {strange[0]!r}")
    matrix = np.asarray(jacobian(time, [y[s] for s in model.state_names], p), dtype=float)
    return _ordered(np.linalg.eigvals(matrix))


def _ordered(values: Array) -> Array:
    return values[np.lexsort((values.imag, -values.real))].astype(complex)


def steady_states(
    model: OdeModel,
    theta: Mapping[str, float] | None = None,
    *,
    starts: Sequence[Mapping[str, float]] = (),
    attempts: int = 200,
    seed: int = 0,
    negative: bool = False,
) -> tuple[SteadyState, ...]:
    """Search for the states at rest, from many starting points.

    Parameters
    ----------
    model : OdeModel
        Its right-hand side must not depend on time.
    theta : mapping of name to float, optional
        Parameters that differ from their typical values.
    starts : sequence of mapping of state to float
        Further starting points.
    attempts : int
        Starting points drawn around the ``scale`` of each state, over six decades.
    seed : int
    negative : bool
        Whether to keep those with a negative state.

    Returns
    -------
    tuple of SteadyState
        Distinct, ordered by the first state. A search can miss one; it cannot invent one, because
        each is checked to be a root to 1e-8 of the largest term that flows through it.

    Raises
    ------
    ModelError
        If the equations depend on time.
    """
    traced = trace(model)
    if any(traced.t in f.free_symbols for f in traced.rhs):
        raise ModelError(f"model {model.name} depends on time: nothing is at rest")
    f, jacobian, initial = _functions(model)
    p = list(_complete(model, theta).values())
    scale = np.array([s.scale for s in model.states])
    first = np.array(initial(p), dtype=float)
    rng = np.random.default_rng(seed)
    points = [first, 0 * scale, scale]
    points += [np.array([{**dict(zip(model.state_names, first, strict=True)), **s}[n]
                         for n in model.state_names]) for s in starts]  # fmt: skip
    points += list(scale * 10 ** rng.uniform(-3, 3, (attempts, scale.size)))
    found: list[Array] = []
    for point in points:
        root = _root(f, jacobian, p, point, scale)
        if root is None or (not negative and (root < -1e-9 * scale).any()):
            continue
        if not any(np.allclose(root, r, rtol=1e-6, atol=1e-9 * scale) for r in found):
            found.append(root)
    found.sort(key=lambda r: tuple(r))
    return tuple(_described(model, jacobian, p, root) for root in found)


def _root(f: Any, jacobian: Any, p: Sequence[float], point: Array, scale: Array) -> Array | None:
    """Newton-type search in scaled states; None where it does not end in a root."""

    def scaled(x: Array) -> Array:
        return np.asarray(f(0.0, x * scale, p), dtype=float) / scale

    def slope(x: Array) -> Array:
        return np.asarray(jacobian(0.0, x * scale, p), dtype=float) * scale / scale[:, None]

    with np.errstate(all="ignore"):
        try:
            answer = optimize.root(scaled, point / scale, jac=slope, tol=1e-13)
            x = answer.x
            flow = np.abs(slope(x)) @ np.abs(x) + 1e-12
            ok = np.isfinite(x).all() and (np.abs(scaled(x)) <= 1e-8 * flow).all()
        except (ValueError, FloatingPointError, np.linalg.LinAlgError):
            return None
    return np.where(np.abs(x) < 1e-12, 0.0, x) * scale if ok else None


def _described(model: OdeModel, jacobian: Any, p: Sequence[float], root: Array) -> SteadyState:
    matrix = np.asarray(jacobian(0.0, root, p), dtype=float)
    values = {n: float(v) for n, v in zip(model.state_names, root, strict=True)}
    return SteadyState(values, _ordered(np.linalg.eigvals(matrix)))
