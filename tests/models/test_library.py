"""What every model of the library promises; joining the registry is joining these tests."""

from __future__ import annotations

import math
import pickle
import re

import numpy as np
import pytest
import sympy

from cytobayes.models import OdeModel, UnknownModelError, check_units, get, names, trace
from cytobayes.models.distributions import LogNormal
from cytobayes.models.library import MODULES
from cytobayes.models.ode import STATUSES

MODELS = [get(n) for n in names()]


@pytest.fixture(params=MODELS, ids=lambda m: m.name)
def model(request: pytest.FixtureRequest) -> OdeModel:
    assert isinstance(request.param, OdeModel)
    return request.param


def test_names_are_unique_and_found() -> None:
    listed = [m.name for module in MODULES for m in getattr(module, "MODELS", ())]
    assert sorted(listed) == list(names())
    assert all(get(n).name == n for n in names())


@pytest.mark.parametrize(
    ("wrong", "right"), [("endotoxine", "endotoxin"), ("Feed-back", "feedback")]
)
def test_an_unknown_name_is_answered_with_a_guess(wrong: str, right: str) -> None:
    with pytest.raises(UnknownModelError, match=f"Did you mean '{right}'") as caught:
        get(wrong)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    with pytest.raises(ValueError, match=r"no model is called 'zzz'\. Models: .*endotoxin"):
        get("zzz")


def test_units_agree(model: OdeModel) -> None:
    check_units(model)


def test_every_number_has_a_unit_a_source_and_a_status(model: OdeModel) -> None:
    for p in model.parameters:
        assert p.source, p.name
        assert p.status in STATUSES
        assert p.description, p.name
    assert all(s.description for s in model.states)
    assert model.time_unit in {"min", "h", "d"}


def test_a_published_model_is_cited(model: OdeModel) -> None:
    assert model.title
    assert model.description
    if any(p.status == "published" for p in model.parameters):
        assert model.references
    assert all(re.search(r"doi:10\.|arXiv:\d|PMC\d", r) for r in model.references)


def test_typical_values_lie_inside_bounds_and_prior_hints(model: OdeModel) -> None:
    for p in model.parameters:
        assert p.lower <= p.value <= p.upper
        if p.prior is not None:
            median = getattr(p.prior, "median", p.value)
            assert p.lower < median < p.upper
            spread = getattr(p.prior, "sd", math.inf)
            log_normal = isinstance(p.prior, LogNormal)
            off = abs(math.log(p.value / median)) if log_normal else abs(p.value - median)
            assert off <= 2 * spread, f"{p.name}: the prior hint is far from the value"


def test_the_right_hand_side_and_its_jacobian_are_finite_at_the_start(model: OdeModel) -> None:
    traced = trace(model)
    values = {s: model.theta[s.name] for s in traced.p}
    point = {symbol: sympy.Float(value) for symbol, value in values.items()}
    start = [e.xreplace(point) for e in traced.initial]
    point |= dict(zip(traced.y, start, strict=True)) | {traced.t: sympy.Float(0)}
    numbers = [*traced.rhs, *(e for row in traced.jacobian for e in row)]
    assert all(math.isfinite(float(e.xreplace(point))) for e in numbers)


def test_the_jacobian_agrees_with_central_differences(model: OdeModel) -> None:
    traced = trace(model)
    symbols = [traced.t, *traced.y, *traced.p]
    rng = np.random.default_rng(3)
    state = np.array([s.scale for s in model.states]) * rng.uniform(0.5, 1.5, len(traced.y))
    f = sympy.lambdify(symbols, traced.rhs, "math")
    J = sympy.lambdify(symbols, traced.jacobian, "math")(1.0, *state, *model.theta.values())
    for j in range(len(state)):
        h = 1e-5 * state[j]
        up, down = state.copy(), state.copy()
        up[j] += h
        down[j] -= h
        plus = np.array(f(1.0, *up, *model.theta.values()))
        minus = np.array(f(1.0, *down, *model.theta.values()))
        # Truncation is of order (1e-5)^2, rounding of order 1e-16 * |f| / h.
        bound = 1e-8 * np.abs([row[j] for row in J]) + 1e-15 * np.abs(plus) / h + 1e-300
        assert np.all(np.abs((plus - minus) / (2 * h) - [row[j] for row in J]) <= 10 * bound)


def test_a_model_can_be_pickled(model: OdeModel) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert trace(again) is trace(model)
