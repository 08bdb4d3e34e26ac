"""Models as data: what is refused when they are written down."""

from __future__ import annotations

from typing import Any

import pytest

from cytobayes.models.ode import Namespace, OdeModel, Parameter, State


def decay(**changes: Any) -> OdeModel:
    settings: dict[str, Any] = {
        "name": "decay",
        "states": [State("A", "mg")],
        "parameters": [Parameter("k", 0.1, "1/h")],
        "rhs": lambda t, y, p: {"A": -p.k * y.A},
        "initial": {"A": 1.0},
    }
    return OdeModel(**(settings | changes))


def test_a_value_outside_its_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"parameter k: value -1 lies outside its bounds \[0, inf"):
        Parameter("k", -1.0)


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(ValueError, match="status 'guessed' is not one of"):
        Parameter("k", 1.0, status="guessed")


@pytest.mark.parametrize("name", ["k 1", "1k", "lambda", "_k", ""])
def test_names_that_rhs_could_not_write_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a Python identifier"):
        Parameter(name, 1.0)
    with pytest.raises(ValueError, match="is not a Python identifier"):
        State(name)


def test_a_scale_that_gives_no_tolerance_is_refused() -> None:
    with pytest.raises(ValueError, match="scale must be positive"):
        State("A", scale=0.0)


def test_a_name_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="names used twice: A"):
        decay(parameters=[Parameter("A", 1.0)])


def test_the_namespace_gives_values_by_name_position_and_unpacking() -> None:
    y = Namespace(["A", "C"], [1.0, 2.0])
    a, c = y
    assert (y.A, y["C"], y[1], a, c, len(y)) == (1.0, 2.0, 2.0, 1.0, 2.0, 2)


@pytest.mark.parametrize("read", [lambda y: y.B, lambda y: y["B"]])
def test_a_misspelled_name_is_answered_with_those_that_exist(read: Any) -> None:
    with pytest.raises(AttributeError, match="there is no 'B' here; known names: A, C"):
        read(Namespace(["A", "C"], [1.0, 2.0]))


def test_a_copy_with_other_values_leaves_the_model_as_it_was() -> None:
    model = decay()
    assert model.with_values(k=0.5).theta == {"k": 0.5}
    assert model.theta == {"k": 0.1}
    with pytest.raises(KeyError, match="has no parameter 'kel'; it has k"):
        model.with_values(kel=0.5)


def test_units_are_looked_up_by_observable() -> None:
    model = decay(outputs={"C": lambda t, y, p: y.A}, output_units={"C": "mg"})
    assert model.observables == ("A", "C")
    assert [model.unit(o) for o in model.observables] == ["mg", "mg"]
    with pytest.raises(KeyError, match="no observable 'D'; it has A, C"):
        model.unit("D")
