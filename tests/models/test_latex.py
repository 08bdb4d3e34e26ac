"""Equations that read like a paper."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import sympy

from cytobayes.models import equations, names
from cytobayes.models.latex import initial_values, output_equations, symbol
from cytobayes.models.library import get
from cytobayes.models.math import exp, hill
from cytobayes.models.ode import OdeModel, Parameter, State
from cytobayes.models.symbolic import as_written
from cytobayes.models.written import text


def right(rhs: Any) -> str:
    states = [State("IL6", "pg/mL"), State("E")]
    parameters = [Parameter(n, 1.0) for n in ("k", "kIL6", "IC50", "n", "alpha", "b")]
    model = OdeModel("test", tuple(states), tuple(parameters), lambda t, y, p: [rhs(t, y, p), 0])
    return equations(model)[0].right


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("kIL6", r"k_{\mathrm{IL6}}"),
        ("k_IL6", r"k_{\mathrm{IL6}}"),
        ("k10", "k_{10}"),
        ("k10m", r"k_{\mathrm{10m}}"),
        ("ka", "k_{a}"),
        ("ktnf", r"k_{\mathrm{tnf}}"),
        ("R0", "R_{0}"),
        ("IL6", r"\mathrm{IL6}"),
        ("IL6_0", r"\mathrm{IL6}_{0}"),
        ("TNF", r"\mathrm{TNF}"),
        ("E", "E"),
        ("alpha", r"\alpha"),
        ("beta2", r"\beta_{2}"),
        ("alpha_T", r"\alpha_{T}"),
        ("gammaIL6", r"\gamma_{\mathrm{IL6}}"),
        ("Delta", r"\Delta"),
        ("Alpha", r"\mathrm{Alpha}"),
        ("Cmax", r"C_{\mathrm{max}}"),
        ("tlag", r"t_{\mathrm{lag}}"),
        ("EC50", r"\mathrm{EC}_{50}"),
        ("CL", r"\mathrm{CL}"),
        ("dose", r"\mathrm{dose}"),
        ("tumor", r"\mathrm{tumor}"),
        ("k_a_b", "k_{a, b}"),
    ],
)
def test_names_become_symbols(name: str, latex: str) -> None:
    assert symbol(name) == latex


def test_terms_and_factors_stay_in_the_order_of_their_author() -> None:
    assert right(lambda t, y, p: p.k * y.IL6 - p.alpha * (1 - p.b) * y.E + p.b) == (
        r"k\, \mathrm{IL6} - \alpha\, \left(1 - b\right)\, E + b"
    )
    assert right(lambda t, y, p: p.b - p.alpha + p.k) == r"b - \alpha + k"


def test_quotients_and_powers_are_written_as_such() -> None:
    assert right(lambda t, y, p: p.kIL6 * hill(y.IL6, p.IC50, p.n)) == (
        r"k_{\mathrm{IL6}}\, \frac{\mathrm{IL6}^{n}}{\mathrm{IC}_{50}^{n} + \mathrm{IL6}^{n}}"
    )
    assert right(lambda t, y, p: p.k * p.b / p.alpha) == r"\frac{k\, b}{\alpha}"
    assert right(lambda t, y, p: -p.k * exp(-p.b * t)) == r"- k\, e^{- b\, t}"


def test_numbers_are_short() -> None:
    assert right(lambda t, y, p: 2.0 * p.k + 0.25 * p.b) == r"2\, k + 0.25\, b"
    assert right(lambda t, y, p: 0.0) == "0"


def test_constants_are_written_by_their_name() -> None:
    assert right(lambda t, y, p: np.log(2) / p.k) == r"\frac{\ln{\left(2 \right)}}{k}"
    assert right(lambda t, y, p: math.pi * p.b) == r"\pi\, b"
    assert right(lambda t, y, p: 0.6931 * p.b) == r"0.6931\, b"


@pytest.mark.parametrize("name", names())
def test_no_number_of_a_model_has_the_digits_of_a_machine(name: str) -> None:
    for e in (*equations(get(name)), *output_equations(get(name))):
        assert not re.search(r"\d\.\d{9,}", e.right + e.initial), e.state


def test_initial_values_and_outputs_are_written() -> None:
    model = OdeModel(
        "test",
        (State("A", "mg"), State("B", "mg")),
        (Parameter("V", 3.0, "L"), Parameter("A_0", 1.0, "mg")),
        rhs=lambda t, y, p: [0, 0],
        initial=lambda p: {"A": p.A_0, "B": 2.5},
        outputs={"conc": lambda t, y, p: y.A / p.V},
        output_units={"conc": "mg/L"},
    )
    assert [e.initial for e in equations(model)] == ["A_{0}", "2.5"]
    assert initial_values(model) == r"A(0) = A_{0}, \; B(0) = 2.5"
    (output,) = output_equations(model)
    assert (output.left, output.right, output.unit) == (
        r"\mathrm{conc}",
        r"\frac{A}{V}",
        "mg/L",
    )


def test_the_feedback_model_reads_as_in_its_description() -> None:
    first, second = equations(get("feedback"))
    assert first.left == r"\frac{\mathrm{d} A}{\mathrm{d} t}"
    assert first.right == (
        r"k_{a}\, u\, \left(1 - A\right) + \frac{R_{0}\, k_{d}\, k_{\mathrm{cl}}}{k_{c}}\, C\, "
        r"\left(1 - A\right) - k_{d}\, A"
    )
    assert second.aligned == (
        r"\frac{\mathrm{d} C}{\mathrm{d} t} &= k_{c}\, A - k_{\mathrm{cl}}\, "
        r"\left(C - C_{0}\right)"
    )
    assert second.unit == "pg/mL"


def test_the_same_equation_as_plain_text() -> None:
    written = as_written(get("endotoxin"))
    assert text(written.rhs[1]) == (
        "MA*(k10m + k106*(IL6**h106/(x106**h106 + IL6**h106))) - k10*(IL10 - IL10_0)"
    )
    x = written.y[0]
    with sympy.evaluate(False):
        assert text(0.25 * x - 2.0 * (x + 1)) == "0.25*TNF - 2.0*(TNF + 1)"


def test_long_equations_are_broken_and_nothing_is_lost() -> None:
    broken = {e.state: e for e in equations(get("endotoxin")) if len(e.lines) > 1}
    assert "IL6" in broken
    for equation in broken.values():
        assert all(re.match(r"[+-]|\\cdot ", line) for line in equation.lines[1:])
        joined = " ".join(line.removeprefix(r"\cdot ") for line in equation.lines)
        assert squeezed(joined) == squeezed(equation.right)


def squeezed(latex: str) -> str:
    return latex.replace(r"\,", "").replace(" ", "")


@pytest.mark.parametrize("name", names())
def test_braces_balance_in_every_equation(name: str) -> None:
    for equation in equations(get(name)):
        for part in (equation.left, *equation.lines, equation.initial):
            assert part.count("{") == part.count("}")
            assert part.count(r"\left(") == part.count(r"\right)")
