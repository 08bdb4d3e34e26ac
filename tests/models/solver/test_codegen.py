"""The functions written for a model, against difference quotients with 60 digits.

The integrator sees a model through these functions alone: right-hand side, its products with
adjoints, Jacobian and curvature, initial state, and constants computed once per subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from cytobayes.models.math import exp, hill, sin
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.solver.build import module_source

from .expressions import SYMBOLS, A, B, T, X, Y, difference_quotients, expressions
from .problems import Array, interpreted, namespace, plain, quiet, tight, values

TIME, STATES, PARAMETERS, RATES = 0.6, (0.7, 1.9), (2.3, 1.3), (0.4, 0.8)
# As in `test_graph`: slopes of a tower of functions, relative to the largest of them.
TOLERANCE = 1e-9


def model_of(
    rhs: Sequence[Any], *, log: Sequence[bool] = (False, False), initial: Sequence[Any] = (1, 1)
) -> OdeModel:
    """States x and y, parameters a and b."""
    return OdeModel(
        name="random",
        states=(State("x", log=log[0]), State("y", log=log[1])),
        parameters=(Parameter("a", PARAMETERS[0]), Parameter("b", PARAMETERS[1])),
        rhs=lambda t, y, p: tuple(rhs),
        initial=lambda p: dict(zip("xy", initial, strict=True)),
    )


class Generated:
    """Functions of a module, at one point."""

    def __init__(
        self, model: OdeModel, infused: Sequence[str] = (), wrt: Sequence[str] | None = None
    ) -> None:
        self.names = namespace(module_source(model, "stiff", infused, wrt, with_steady=False))
        log = [s.log for s in model.states]
        self.y = np.where(log, np.log(STATES), STATES)
        self.c = np.zeros(self.names["CONSTANTS"])
        self.c[:2] = PARAMETERS
        self.c[2 : 2 + len(infused)] = RATES[: len(infused)]
        self.call("prepare", self.c)
        self.cbar = np.zeros(self.names["ADJOINTS"])

    def call(self, name: str, *args: Any) -> Any:
        return quiet(self.names[name])(*args)

    def rhs(self) -> Array:
        out = np.zeros(2)
        self.call("rhs_into", TIME, self.y, self.c, out)
        return out

    def adjoints(self, by_state: Array) -> list[float]:
        """Adjoints of states, parameters and rates; those of computed constants are passed on."""
        self.call("fold", self.c, self.cbar)
        rates = self.names["RATES"]
        assert not self.cbar[2 + rates :].any()
        return [*by_state, *self.cbar[: 2 + rates]]

    def vjp(self, seed: Array) -> list[float]:
        out = np.zeros(2)
        self.cbar[:] = 0.0
        self.call("vjp_into", TIME, self.y, seed, self.c, out, self.cbar)
        return self.adjoints(out)

    def jacobian(self) -> tuple[Array, Array]:
        J, ft = np.zeros(4), np.zeros(2)
        self.call("jacobian_of", TIME, self.y, self.c, J, ft)
        return J.reshape(2, 2), ft

    def curvature(self, M: Array, w: Array) -> list[float]:
        out = np.zeros(2)
        self.cbar[:] = 0.0
        self.call("curvature_into", TIME, self.y, M.ravel(), w, self.c, out, self.cbar)
        return self.adjoints(out)


def exact(
    model: OdeModel, rhs: Sequence[Any], infused: Sequence[str]
) -> list[tuple[float, list[float], list[list[float]]]]:
    """Value, slopes and curvatures of what is integrated, by (t, states, parameters, rates)."""
    log = [s.log for s in model.states]

    def component(i: int) -> Any:
        given = sympy.lambdify((T, *SYMBOLS), rhs[i], "mpmath")

        def function(t: Any, x: Any, y: Any, a: Any, b: Any, *rates: Any) -> Any:
            natural = [
                mpmath.exp(v) if is_log else v for v, is_log in zip((x, y), log, strict=True)
            ]
            total = given(t, *natural, a, b)
            if "xy"[i] in infused:
                total += rates[infused.index("xy"[i])]
            return total / natural[i] if log[i] else total

        return function

    states = np.where(log, np.log(STATES), STATES)
    point = [TIME, *states, *PARAMETERS, *RATES[: len(infused)]]
    return [difference_quotients(component(i), point) for i in (0, 1)]


def close(found: Any, expected: Any) -> None:
    scale = max(1.0, float(np.max(np.abs(expected))))
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * scale)


SIDES = st.tuples(*[expressions(*SYMBOLS, T, size=4)] * 2)


@given(
    SIDES,
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([(), ("x",), ("y",), ("x", "y")]),
)
@settings(max_examples=40)
def test_random_models(rhs: Any, log: tuple[bool, bool], infused: tuple[str, ...]) -> None:
    model = model_of(rhs, log=log)
    generated, oracle = Generated(model, infused), exact(model, rhs, infused)
    close(generated.rhs(), [value for value, _, _ in oracle])

    seed = np.array([0.3, -1.7])
    slopes = np.array([slope for _, slope, _ in oracle])
    close(generated.vjp(seed), (seed @ slopes)[1:])

    J, ft = generated.jacobian()
    close(J, slopes[:, 1:3])
    close(ft, slopes[:, 0])

    M, w = np.array([[0.4, -0.9], [1.1, 0.2]]), np.array([-0.6, 0.5])
    curvatures = np.array([c for _, _, c in oracle])
    by_all = np.einsum("ab,abk->k", M, curvatures[:, 1:3]) + np.einsum(
        "a,ak->k", w, curvatures[:, 0]
    )
    close(generated.curvature(M, w), by_all[1:])


@given(expressions(A, B), expressions(A, B), st.booleans())
@settings(max_examples=30)
def test_random_initial_states(x: Any, y: Any, log: bool) -> None:
    first = x**2 + 0.5 if log else x
    generated = Generated(model_of([-X, -Y], log=(log, False), initial=(first, y)))
    state = np.zeros(2)
    generated.call("initial", generated.c, state)
    seed = np.array([0.3, -1.7])
    generated.call("initial_vjp", generated.c, seed, generated.cbar)
    natural = [sympy.lambdify((A, B), sympy.sympify(e), "mpmath") for e in (first, y)]
    parts = [
        difference_quotients(
            lambda a, b, f=f, i=i: mpmath.log(f(a, b)) if log and i == 0 else f(a, b), PARAMETERS
        )
        for i, f in enumerate(natural)
    ]
    close(state, [value for value, _, _ in parts])
    close(generated.cbar[:2], seed @ np.array([slope for _, slope, _ in parts]))


def test_what_depends_on_parameters_only_is_computed_once() -> None:
    model = model_of([exp(A * B) * Y - A**B * X, -sin(A) * X * Y])
    source = module_source(model, "stiff", (), None, with_steady=False)
    for name in ("rhs", "vjp", "jacobian", "curvature"):
        body = source.split(f"def {name}(")[1].split("@compiled")[0]
        assert "math." not in body and "power" not in body, name


@pytest.mark.parametrize("wrt", [("a",), ("b",), (), ("b", "a")])
def test_only_wanted_gradients_are_computed(wrt: tuple[str, ...]) -> None:
    rhs = (-A * hill(X, B, A) + B * T, A * X - B * Y**2)
    model = model_of(rhs, initial=(A, A * B))
    whole, part = Generated(model), Generated(model, wrt=wrt)
    seed, M, w = np.array([0.3, -1.7]), np.array([[0.4, -0.9], [1.1, 0.2]]), np.array([-0.6, 0.5])
    kept = np.array([True, True, "a" in wrt, "b" in wrt])
    close(part.vjp(seed), np.where(kept, whole.vjp(seed), 0.0))
    close(part.curvature(M, w), np.where(kept, whole.curvature(M, w), 0.0))
    timeline, theta = plain(model, [0.3, 0.5]), values(model)
    bar = np.array([[0.4, -0.9], [1.1, 0.2]])
    for method in ("explicit", "stiff"):
        engines = interpreted(model, method), interpreted(model, method, wrt=wrt)
        full, some = (e.gradient(theta, timeline, bar, tight(1e-6))[1][0] for e in engines)
        np.testing.assert_allclose(some, np.where(kept[2:], full, 0.0), rtol=1e-12)


def test_the_source_depends_on_the_equations_only() -> None:
    """Typical values, bounds and units do not matter to machine code; equations do."""
    model = model_of([-A * X, -B * Y])
    sources = [
        module_source(m, "auto", (), None, with_steady=False)
        for m in (model, model.with_values(a=9.0), model_of([-A * X, -A * Y]))
    ]
    assert sources[0] == sources[1] != sources[2]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method must be one of .*explicit.*, got 'euler'"):
        module_source(model_of([-X, -Y]), "euler", (), None, with_steady=False)
