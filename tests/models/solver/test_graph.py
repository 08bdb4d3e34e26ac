"""Values and derivatives of the graphs from which code is written, against SymPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings

from cytobayes.models import math as functions
from cytobayes.models.solver.codegen import Emitter
from cytobayes.models.solver.graph import Graph, Node

from .expressions import SYMBOLS, A, B, X, Y, difference_quotients, expressions
from .problems import PRELUDE, quiet

POINT = (0.7, 1.9, 2.3, 1.3)
ROUNDING = 1e-12  # a few hundred operations of 1e-16 on numbers between 1e-2 and 1e2


class Circuit:
    """An expression in a graph; ``a`` and ``b`` are parameters, whose products are grouped."""

    def __init__(self, expression: Any) -> None:
        self.graph = Graph()
        names = [str(s) for s in SYMBOLS]
        nodes = [self.graph.input(n, static=n in "ab") for n in names]
        self.inputs = dict(zip(SYMBOLS, nodes, strict=True))
        self.output = self.graph.from_sympy(sympy.sympify(expression), self.inputs)

    def slopes(self, of: Node | None = None) -> list[Node]:
        """Nodes of the derivatives by x, y, a and b."""
        one = self.graph.const(1.0)
        output = self.output if of is None else of
        return self.graph.gradient([(output, one)], list(self.inputs.values()))

    def evaluate(self, nodes: Sequence[Node], point: Sequence[float] = POINT) -> list[float]:
        """Run the emitted code."""
        emitter = Emitter(self.graph, {})
        lines = [*emitter.body(nodes), f"return [{', '.join(emitter.name(n) for n in nodes)}]"]
        names = dict(PRELUDE)
        exec("def run(x, y, a, b):\n    " + "\n    ".join(lines), names)
        return [float(v) for v in quiet(names["run"])(*np.array(point))]


def check(expression: Any, point: Sequence[float] = POINT, *, tolerance: float = ROUNDING) -> None:
    """Value, first and second derivatives."""
    circuit = Circuit(expression)
    first = circuit.slopes()
    second = [circuit.slopes(node) for node in first]
    found = [circuit.output, *first, *(n for row in second for n in row)]
    value, slopes, curvatures = difference_quotients(
        sympy.lambdify(SYMBOLS, expression, "mpmath"), point
    )
    numbers = [value, *slopes, *(v for row in curvatures for v in row)]
    scale = max(1.0, *(abs(n) for n in numbers))
    np.testing.assert_allclose(
        circuit.evaluate(found, point), numbers, rtol=tolerance, atol=tolerance * scale
    )


# --- random expressions ----------------------------------------------------------------------


@given(expressions(*SYMBOLS))
@settings(max_examples=150)
def test_random_expressions(expression: Any) -> None:
    # Depth multiplies rounding errors: slopes of a tower of functions are products of up to a
    # hundred each, and are compared with the largest of them.
    check(expression, tolerance=1e-9)


# --- signs, constants ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        -A * B * X,
        -A * X,
        -X,
        -A * B,
        A * B * X * Y - A * B * X,
        -2 * A * B * X,
        -(A**2) * X,
        X - A * B,
        -A * B - X,
        -A / B * X,
        A - B + X - Y,
        -(A + B) * (X - Y),
        (-A) * (-B) * (-X),
        -A * B * X * (-1.0),
        -(A**B) * X,
        1 - A * B * X / (1 - A * B * Y),
    ],
)
def test_signs_survive_the_grouping_of_parameters(expression: Any) -> None:
    check(expression)


def node_of(build: Callable[[Graph], Node]) -> tuple[Graph, Node]:
    graph = Graph()
    return graph, build(graph)


@pytest.mark.parametrize(
    ("build", "value"),
    [
        (lambda g: g.add(), 0.0),
        (lambda g: g.mul(), 1.0),
        (lambda g: g.add(g.const(2), g.const(3)), 5.0),
        (lambda g: g.mul(g.const(2), g.const(-3)), -6.0),
        (lambda g: g.mul(g.const(0), g.input("x")), 0.0),
        (lambda g: g.mul(g.const(-1), g.const(-1)), 1.0),
        (lambda g: g.add(g.const(2), g.const(-2)), 0.0),
        (lambda g: g.powi(g.const(2), 3), 8.0),
        (lambda g: g.powi(g.const(2), -2), 0.25),
        (lambda g: g.powi(g.input("x"), 0), 1.0),
        (lambda g: g.power(g.const(3), g.const(2.0)), 9.0),
        (lambda g: g.power(g.input("x"), g.const(0.0)), 1.0),
    ],
)
def test_numbers_are_folded(build: Callable[[Graph], Node], value: float) -> None:
    graph, node = node_of(build)
    assert graph.value(node) == value


@pytest.mark.parametrize(
    "build",
    [
        lambda g: g.add(g.input("x"), g.const(0)),
        lambda g: g.mul(g.input("x"), g.const(1)),
        lambda g: g.mul(g.const(-1), g.input("x"), g.const(-1)),
        lambda g: g.powi(g.input("x"), 1),
        lambda g: g.power(g.input("x"), g.const(1.0)),
        lambda g: g.power(g.input("x"), g.const(2.0), -1),
    ],
)
def test_what_changes_nothing_is_dropped(build: Callable[[Graph], Node]) -> None:
    graph, node = node_of(build)
    assert node == graph.input("x")


def test_equal_subexpressions_are_one_node() -> None:
    circuit = Circuit(functions.exp(X * Y) + functions.sin(functions.exp(X * Y)))
    assert sum(op == "exp" for op, *_ in circuit.graph.nodes) == 1


def test_what_does_not_matter_has_derivative_zero() -> None:
    circuit = Circuit(X**2)
    assert [circuit.graph.value(n) for n in circuit.slopes()][1:] == [0.0, 0.0, 0.0]


def test_a_product_with_itself() -> None:
    """SymPy writes powers; the graph also meets ``mul(v, v)`` when it differentiates."""
    graph = Graph()
    x = graph.input("x")
    square = graph.node("mul", x, x)
    (slope,) = graph.gradient([(square, graph.const(1.0))], [x])
    assert graph.nodes[slope] == ("add", x, x) or graph.nodes[slope][0] == "mul"


def test_nodes_of_stop_are_inputs() -> None:
    circuit = Circuit(A * B * X)
    group = next(
        n for n, (op, *_) in enumerate(circuit.graph.nodes)
        if op == "mul" and circuit.graph.static[n]
    )  # fmt: skip
    wrt = [circuit.inputs[X], group, circuit.inputs[A]]
    seed = [(circuit.output, circuit.graph.const(1.0))]
    by_x, by_group, by_a = circuit.graph.gradient(seed, wrt, frozenset([group]))
    assert (by_x, by_group) == (group, circuit.inputs[X])
    assert circuit.graph.value(by_a) == 0.0


def test_what_cannot_be_differentiated_is_named() -> None:
    with pytest.raises(ValueError, match=r"gamma\(x\) cannot be differentiated here"):
        Circuit(sympy.gamma(X))


# --- every function, every kind of power -----------------------------------------------------

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": functions.exp,
    "log": functions.log,
    "sqrt": functions.sqrt,
    "sin": functions.sin,
    "cos": functions.cos,
    "tanh": functions.tanh,
    "expit": functions.expit,
    "hill": lambda x: functions.hill(x, A, B),
    "inhibition": lambda x: functions.inhibition(x, A, B),
    "softplus": lambda x: functions.softplus(x, B),
    "ramp": lambda x: functions.ramp(x, B),
    "minimum": lambda x: functions.minimum(x, A * B),
    "maximum": lambda x: functions.maximum(x, A * B),
}
IN_OUTPUTS = {"normal_cdf"}  # never reaches the integrator


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_models_math(name: str) -> None:
    assert set(FUNCTIONS) | IN_OUTPUTS == set(functions.__all__)
    check(FUNCTIONS[name](X))
    check(A * FUNCTIONS[name](X * Y + A) ** 2)


EXPONENTS = [-3, -2, -1, 1, 2, 3, 4, 8, 9, 12, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 0.3, 2.7]


@pytest.mark.parametrize("n", EXPONENTS)
def test_powers_with_a_number(n: float) -> None:
    check(X ** sympy.sympify(n))
    check(B * (X + A) ** n - Y)


@pytest.mark.parametrize("n", [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 0.3, 2.7])
def test_powers_with_a_parameter(n: float) -> None:
    check(X**A, (0.7, 1.9, n, 1.3))
    check(A * Y**2 * (X * B) ** (A + 1), (0.7, 1.9, n, 1.3))
    check(2**A, (0.7, 1.9, n, 1.3))


# A state may be zero until the first dose. Where the slope of a power is infinite there, it counts
# as zero: infinite would make NaN of every gradient, though nothing has yet happened.


def at_zero(expression: Any, exponent: float = 0.0) -> list[float]:
    """Value, derivatives by x and by a, and second derivative by x at x = 0."""
    circuit = Circuit(expression)
    by_x, _, by_a, _ = circuit.slopes()
    again = circuit.slopes(by_x)[0]
    return circuit.evaluate([circuit.output, by_x, by_a, again], (0.0, 1.9, exponent, 1.3))


AT_ZERO = {  # n: value, slope and curvature of x**n at 0; an infinite slope counts as none
    1.0: (0.0, 1.0, 0.0),
    1.5: (0.0, 0.0, 0.0),
    2.0: (0.0, 0.0, 2.0),
    2.5: (0.0, 0.0, 0.0),
    3.0: (0.0, 0.0, 0.0),
    3.5: (0.0, 0.0, 0.0),
    4.0: (0.0, 0.0, 0.0),
    2.7: (0.0, 0.0, 0.0),
    1.2: (0.0, 0.0, 0.0),
    0.5: (0.0, 0.0, 0.0),
    0.7: (0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("n", AT_ZERO)
def test_powers_of_zero_with_a_number(n: float) -> None:
    value, slope, _, curvature = at_zero(X ** sympy.sympify(int(n) if n.is_integer() else n))
    assert (value, slope, curvature) == AT_ZERO[n]


@pytest.mark.parametrize("n", AT_ZERO)
def test_powers_of_zero_with_a_parameter(n: float) -> None:
    value, slope, by_exponent, curvature = at_zero(X**A, n)
    assert (value, slope, curvature) == AT_ZERO[n]
    assert by_exponent == 0.0  # x**n log(x) tends to 0


@pytest.mark.parametrize("n", [1.0, 1.5, 2.0, 2.5, 3.0])
def test_a_hill_term_at_zero(n: float) -> None:
    expected = [0.0, 1 / 1.3 if n == 1.0 else 0.0]
    assert at_zero(functions.hill(X, B, A), n)[:2] == pytest.approx(expected)
    assert at_zero(functions.hill(X, B, n))[:2] == pytest.approx(expected)


@pytest.mark.parametrize("n", [1.5, 2.5, 1.3, 2.7])
def test_what_rounding_made_negative_counts_as_zero(n: float) -> None:
    by_number, by_parameter = Circuit(X**n), Circuit(X**A)
    point = (-1e-20, 1.9, n, 1.3)
    for circuit in (by_number, by_parameter):
        nodes = [circuit.output, circuit.slopes()[0]]
        assert circuit.evaluate(nodes, point) == [0.0, 0.0]
