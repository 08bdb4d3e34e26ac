"""The trace: what it gives, and what it refuses with which advice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy

from cytobayes.models import ModelError, trace
from cytobayes.models.library import get
from cytobayes.models.math import hill, inhibition, softplus
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.symbolic import as_written


def model(rhs: Any, **changes: Any) -> OdeModel:
    settings: dict[str, Any] = {
        "name": "test",
        "states": [State("x"), State("z")],
        "parameters": [Parameter("k", 0.5), Parameter("K", 2.0), Parameter("n", 1.5)],
        "rhs": rhs,
    }
    return OdeModel(**(settings | changes))


def test_symbols_are_real_and_named_as_in_the_model() -> None:
    traced = trace(model(lambda t, y, p: [-p.k * y.x, t]))
    assert [str(s) for s in (traced.t, *traced.y, *traced.p)] == ["t", "x", "z", "k", "K", "n"]
    assert all(s.is_real for s in (traced.t, *traced.y, *traced.p))
    assert traced.rhs == (-traced.p[0] * traced.y[0], traced.t)
    assert traced.initial == (0, 0)


def test_a_mapping_and_a_sequence_give_the_same_trace() -> None:
    by_name = trace(model(lambda t, y, p: {"z": y.x, "x": -p.k * y.x}))
    by_position = trace(model(lambda t, y, p: (-p.k * y.x, y.x)))
    assert by_name.rhs == by_position.rhs


def test_initial_values_may_depend_on_parameters_and_default_to_zero() -> None:
    traced = trace(model(lambda t, y, p: [0, 0], initial=lambda p: {"z": 2 * p.K}))
    assert traced.initial == (0, 2 * traced.p[1])


def test_outputs_are_traced() -> None:
    traced = trace(model(lambda t, y, p: [0, 0], outputs={"c": lambda t, y, p: y.x / p.K}))
    assert traced.outputs == {"c": traced.y[0] / traced.p[1]}


def test_the_trace_is_made_once_also_for_copies_with_other_values() -> None:
    calls = []

    def rhs(t: Any, y: Any, p: Any) -> list[Any]:
        calls.append(1)
        return [y.x, y.z]

    first = model(rhs)
    assert trace(first) is trace(first) is trace(first.with_values(k=1.0))
    assert len(calls) == 1


def test_the_jacobian_is_finite_where_a_power_starts_at_zero() -> None:
    traced = trace(model(lambda t, y, p: [hill(y.x, p.K, p.n), -y.z]))
    at_zero = traced.jacobian[0][0].subs({"x": 0.0, "K": 2.0, "n": 1.5})
    symbols = dict(zip(traced.y + traced.p, (0.0, 0.0, 0.5, 2.0, 1.5), strict=True))
    assert at_zero is not sympy.nan
    assert float(traced.jacobian[0][0].subs(symbols)) == 0.0
    symbols |= {traced.y[0]: 1.3}
    h = 1e-6
    up, down = (
        float(traced.rhs[0].subs(symbols | {traced.y[0]: 1.3 + d}).evalf()) for d in (h, -h)
    )
    # Central difference: error h^2 f'''/6 ~ 1e-13 plus rounding 1e-16/h = 1e-10.
    assert float(traced.jacobian[0][0].subs(symbols)) == pytest.approx(
        (up - down) / (2 * h), abs=1e-9
    )


@pytest.mark.parametrize("name", ["endotoxin", "feedback"])
def test_what_is_written_equals_what_is_computed(name: str) -> None:
    library_model = get(name)
    traced, written = trace(library_model), as_written(library_model)
    rng = np.random.default_rng(1)
    point = {s: float(v) for s, v in zip(traced.y, rng.uniform(1, 9, len(traced.y)), strict=True)}
    point |= {s: v for s, v in zip(traced.p, library_model.theta.values(), strict=True)}
    for a, b in zip(traced.rhs, written.rhs, strict=True):
        assert float(a.subs(point)) == pytest.approx(float(b.subs(point)), rel=1e-12)


def test_an_explicit_step_or_branch_on_a_state_gets_advice() -> None:
    for rhs in (
        lambda t, y, p: [max(y.x - p.K, 0), 0],
        lambda t, y, p: [1 if y.x > p.K else 0, 0],
        lambda t, y, p: [abs(y.x), 0],
        lambda t, y, p: [sympy.Max(y.x, 0), 0],
        lambda t, y, p: [sympy.Piecewise((y.x, t > 3), (0, True)), 0],
        lambda t, y, p: [sympy.Heaviside(t - 3), 0],
    ):
        with pytest.raises(ModelError, match=r"test.*softplus.*Switch"):
            trace(model(rhs))


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        (lambda t, y, p: {"x": y.x}, "rhs gives no value for z"),
        (lambda t, y, p: {"x": 0, "z": 0, "w": 0}, "names 'w', which is not a state"),
        (lambda t, y, p: {"x": 0, "Z": 0}, "names 'Z', which is not a state; did you mean 'z'"),
        (lambda t, y, p: [y.x], r"returns 1 values for 2 states \(x, z\)"),
        (lambda t, y, p: None, "must return a mapping .* not a value of type NoneType"),
        (lambda t, y, p: np.array([1.0, 2.0]), "not a value of type ndarray"),
        (lambda t, y, p: [p.kel * y.x, 0], "there is no 'kel' here; known names: k, K, n"),
        (lambda t, y, p: [y["w"], 0], "there is no 'w' here; known names: x, z"),
        (lambda t, y, p: [math.exp(y.x), 0], "cannot be traced .*models.math"),
        (lambda t, y, p: [np.exp(y.x), 0], "cannot be traced .*models.math"),
        (lambda t, y, p: [np.array([1.0]), 0], r"d\(x\)/dt is of type ndarray"),
        (lambda t, y, p: ["-k*x", 0], r"d\(x\)/dt is of type str"),
        (lambda t, y, p: [y.x > 1, 0], r"d\(x\)/dt is of type StrictGreaterThan"),
        (lambda t, y, p: [True, 0], r"d\(x\)/dt is of type bool"),
        (lambda t, y, p: [sympy.Symbol("q") * y.x, 0], "contains q, which it must not depend on"),
        (lambda t, y, p: [sympy.Function("f")(y.x), 0], "uses f, which the engine does not have"),
        (lambda t, y, p: [sympy.gamma(y.x), 0], "uses gamma, which the engine does not have"),
        (lambda t, y, p: [1 / sympy.Integer(0), 0], "is not a finite real number"),
        (lambda t, y, p: [math.nan, 0], "is not a finite real number"),
        (lambda t, y, p: [sympy.sqrt(-1) * y.x, 0], "is not a finite real number"),
    ],
)
def test_what_cannot_be_traced_is_refused(rhs: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        trace(model(rhs))


def test_initial_values_must_not_depend_on_states() -> None:
    with pytest.raises(ModelError, match="initial names 'w', which is not a state"):
        trace(model(lambda t, y, p: [0, 0], initial={"w": 1.0}))
    x = sympy.Symbol("x", real=True)
    with pytest.raises(ModelError, match="initial value of z contains x"):
        trace(model(lambda t, y, p: [0, 0], initial=lambda p: {"z": x}))


def test_outputs_are_checked_by_name() -> None:
    with pytest.raises(ModelError, match="output c: there is no 'V' here"):
        trace(model(lambda t, y, p: [0, 0], outputs={"c": lambda t, y, p: y.x / p.V}))


def test_time_cannot_be_a_parameter() -> None:
    with pytest.raises(ModelError, match="'t' is the name of time"):
        trace(model(lambda t, y, p: [0, 0], parameters=[Parameter("t", 1.0)]))


@pytest.mark.parametrize("n", [1, 1.0, 2.5])
def test_hill_and_inhibition_are_complementary(n: float) -> None:
    assert float(hill(3.0, 2.0, n) + inhibition(3.0, 2.0, n)) == pytest.approx(1.0, rel=1e-15)
    assert float(hill(2.0, 2.0, n)) == 0.5
    assert hill(0, 2.0, n) == 0


def test_softplus_is_half_the_logarithm_of_four_at_zero() -> None:
    assert float(softplus(0.0, 0.1)) == pytest.approx(0.1 * math.log(2), rel=1e-15)
    # At ten widths the distance to max(x, 0) is width * exp(-10).
    assert float(softplus(1.0, 0.1)) - 1.0 == pytest.approx(0.1 * math.exp(-10), rel=1e-4)
