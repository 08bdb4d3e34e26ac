"""The unit check: accepts what is consistent and names the term that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cytobayes.models import ModelError, UnitError, check_units
from cytobayes.models.formal_unit import PURE, parse_unit
from cytobayes.models.library import get
from cytobayes.models.math import exp, expit, hill, log, softplus, sqrt, tanh
from cytobayes.models.ode import OdeModel, Parameter, State


def model(rhs: Any, **changes: Any) -> OdeModel:
    settings: dict[str, Any] = {
        "name": "test",
        "states": [State("C", "pg/mL"), State("N", "cell/uL")],
        "parameters": [
            Parameter("k", 0.1, "1/h"),
            Parameter("K", 10.0, "pg/mL"),
            Parameter("L", 10.0, "ng/mL"),
            Parameter("n", 2.0),
            Parameter("p", 5.0, "pg/mL/h*uL/cell"),
        ],
        "rhs": lambda t, y, p: {"N": -p.k * y.N, **rhs(t, y, p)},
    }
    return OdeModel(**(settings | changes))


@pytest.mark.parametrize(
    "rhs",
    [
        lambda t, y, p: {"C": p.p * y.N - p.k * y.C},
        lambda t, y, p: {"C": 0},
        lambda t, y, p: {"C": p.k * p.K * hill(y.C, p.K, p.n) - p.k * (y.C - p.K) + 0},
        lambda t, y, p: {"C": p.k * y.C * (y.C / p.K) ** p.n / (1 + (y.C / p.K) ** p.n)},
        lambda t, y, p: {"C": p.k * y.C ** (p.n + 1) / p.K**p.n},
        lambda t, y, p: {"C": p.k * sqrt(y.C * p.K) * log(y.C / p.K)},
        lambda t, y, p: {"C": p.k * y.C * (log(y.C) - log(p.K))},
        lambda t, y, p: {"C": p.k * exp(p.n * log(y.C) - (p.n - 1) * log(p.K))},
        lambda t, y, p: {"C": 2 * p.k * y.C * exp(-p.k * t) * tanh(t * p.k) * expit(p.n)},
        lambda t, y, p: {"C": p.k * softplus(y.C - p.K, 0.1 * p.K)},
        lambda t, y, p: {"C": y.C / t},
    ],
)
def test_a_consistent_right_hand_side_passes(rhs: Any) -> None:
    check_units(model(rhs))


@pytest.mark.parametrize(
    ("rhs", "message"),
    [
        (
            lambda t, y, p: {"C": p.p - p.k * y.C},
            r"test: d\(C\)/dt should have the unit pg/mL/h, but the term p has pg uL/mL/cell/h",
        ),
        (lambda t, y, p: {"C": -y.C}, r"the term -C has pg/mL$"),
        (lambda t, y, p: {"C": p.k * y.C + 1}, r"the term 1 has no unit"),
        (lambda t, y, p: {"C": p.k * (y.C + 1)}, r"in the sum C \+ 1 the number 1 has no unit"),
        (
            lambda t, y, p: {"C": p.k * (y.C + y.N - p.K)},
            r"in the sum C \+ N - K the term N has cell/uL, but C has pg/mL",
        ),
        (lambda t, y, p: {"C": p.k * (y.C - p.L)}, r"has ng/mL, but C has pg/mL|C has pg/mL, but"),
        (lambda t, y, p: {"C": p.k * y.C * hill(y.C, p.L, p.n)}, r"in the sum L\*\*n \+ C\*\*n"),
        (lambda t, y, p: {"C": p.k * y.C * exp(y.C)}, r"argument of exp\(C\) has pg/mL and must"),
        (lambda t, y, p: {"C": p.k * y.C * tanh(t)}, r"argument of tanh\(t\) has h and must"),
        (lambda t, y, p: {"C": p.k * y.C * log(y.C)}, r"log\(C\) is the logarithm|logarithm of"),
        (lambda t, y, p: {"C": p.k * p.K * (log(y.C) - log(p.L))}, "logarithm"),
        (lambda t, y, p: {"C": p.k * p.K * (log(y.C) + p.K)}, "adds a logarithm to a quantity"),
        (lambda t, y, p: {"C": p.K**p.k}, r"the exponent k in K\*\*k has 1/h"),
        (lambda t, y, p: {"C": p.k * y.C**p.n}, r"the term k\*C\*\*n has pg\*\*n/mL\*\*n/h"),
    ],
)
def test_a_planted_error_is_refused_with_the_term_at_fault(rhs: Any, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        check_units(model(rhs))


def test_every_faulty_equation_is_named_at_once() -> None:
    with pytest.raises(UnitError) as caught:
        check_units(model(lambda t, y, p: {"C": y.C, "N": y.N}))
    assert [line.split()[1] for line in str(caught.value).splitlines()] == ["d(C)/dt", "d(N)/dt"]


def test_the_endotoxin_model_with_a_planted_error_is_refused() -> None:
    good = get("endotoxin")

    def rhs(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {**dict(good.rhs(t, y, p)), "IL6": p.k6m * y.MR / p.mmax - p.k6 * y.IL6}

    bad = replace(good, rhs=rhs)
    with pytest.raises(
        UnitError, match=r"d\(IL6\)/dt should have the unit pg/mL/h, but the term k6m\*MR/mmax has"
    ):
        check_units(bad)


def test_hours_do_not_pass_for_days() -> None:
    with pytest.raises(UnitError, match=r"unit pg/mL/d, but the term -k\*C has pg/mL/h"):
        check_units(model(lambda t, y, p: {"C": -p.k * y.C}, time_unit="d"))


def test_outputs_and_initial_values_are_checked() -> None:
    def rhs(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {"C": -p.k * y.C}

    output = {"ratio": lambda t, y, p: y.C / p.L}
    with pytest.raises(UnitError, match=r"output ratio should have .* no unit, .* C/L has pg/ng"):
        check_units(model(rhs, outputs=output))
    check_units(model(rhs, outputs=output, output_units={"ratio": "pg/ng"}))
    check_units(model(rhs, initial={"C": 5.0}))
    with pytest.raises(UnitError, match=r"initial value of C should have .*, but the term L has"):
        check_units(model(rhs, initial=lambda p: {"C": p.L}))


def test_an_unknown_unit_is_named_with_its_owner() -> None:
    with pytest.raises(UnitError, match="parameter k has the unit 'pg/mlL', which pint does not"):
        check_units(model(lambda t, y, p: {"C": 0}, parameters=[Parameter("k", 1, "pg/mlL")]))
    assert issubclass(UnitError, ModelError)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pg/mL", "ng/L"),
        ("cells/uL", "1e6 cell/L"),
        ("µg/mL", "mg/L"),
        ("1e9 cells", "1000000000 cell"),
        ("", "1"),
        ("copies/ug", "copy/µg"),
        ("U/L", "mU/mL"),
        ("nM", "nmol/L"),
        ("24 h", "d"),
    ],
)
def test_units_that_mean_the_same_agree(one: str, other: str) -> None:
    assert parse_unit(one).agrees(parse_unit(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pg/mL", "ng/mL"),
        ("cell", "copy"),
        ("cell", ""),
        ("IU", "U"),
        ("a.u.", ""),
        ("a.u.", "IU"),
        ("ng/kg", ""),
        ("%", ""),
        ("h", "d"),
        ("mg", "mol"),
    ],
)
def test_units_that_differ_do_not_agree(one: str, other: str) -> None:
    assert not parse_unit(one).agrees(parse_unit(other))


@pytest.mark.parametrize(
    "unit", ["pg/mL/h", "1/h", "ng/kg", "a.u.", "IU/mL", "U/L", "cell/uL", "1e+09 cell", "mg**2"]
)
def test_a_unit_is_written_as_it_was_given(unit: str) -> None:
    assert str(parse_unit(unit)) == unit


def test_nothing_is_no_unit() -> None:
    assert str(PURE) == "no unit"
