"""Joining models and changing their unit of time leaves every trajectory what it must be."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from cytobayes.models import (
    Dose,
    ModelError,
    Namespace,
    OdeModel,
    Parameter,
    Regimen,
    State,
    check_units,
    couple,
    get,
    in_time_unit,
    simulate,
    trace,
)
from cytobayes.models.distributions import LogNormal, Normal


def clearance(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"drug": -p.kel * y.drug}


def occupancy(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / (p.K50 + y.drug)


def amount(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug


DRUG = OdeModel(
    name="drug",
    title="Drug",
    states=(State("drug", "mg", "drug in the body"),),
    parameters=(
        Parameter("kel", 2.4, "1/d", prior=LogNormal(2.4, 0.3)),
        Parameter("K50", 1.0, "mg"),
    ),
    rhs=clearance,
    outputs={"seen": amount},
    output_units={"seen": "mg"},
    time_unit="d",
    schedule=Regimen([Dose(1.0, 5.0, "drug", duration=0.5, interval=2.0, count=2)]),
    horizon=3.0,
)


def produced(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"C": p.k * p.effect - p.d * y.C}


BASE = OdeModel(
    name="base",
    title="Base",
    states=(State("C", "pg/mL"),),
    parameters=(
        Parameter("k", 3.0, "pg/mL/h"),
        Parameter("d", 0.5, "1/h"),
        Parameter("effect", 0.25),
    ),
    rhs=produced,
    time_unit="h",
)


def test_a_driven_model_follows_its_driver() -> None:
    """C' = k q/(K + q) - d C under a slow drug, against an integral by quadrature."""
    joint = couple(BASE, DRUG, {"effect": occupancy})
    assert joint.time_unit == "h"
    assert joint.state_names == ("C", "drug")
    assert "effect" not in joint.parameter_names
    check_units(joint)
    grid = np.linspace(0.0, 10.0, 4001)
    run = simulate(joint, times=[10.0], regimen=Regimen([Dose(0.0, 4.0, "drug")]))
    drug = 4.0 * np.exp(-0.1 * grid)
    integrand = 3.0 * drug / (1.0 + drug) * np.exp(-0.5 * (10.0 - grid))
    assert float(run["C"][0]) == pytest.approx(np.trapezoid(integrand, grid), rel=1e-5)
    assert float(run["drug"][0]) == pytest.approx(4.0 * math.exp(-1.0), rel=1e-5)
    assert float(run["seen"][0]) == float(run["drug"][0])


def test_a_joint_model_can_be_pickled() -> None:
    joint = couple(BASE, DRUG, {"effect": occupancy})
    assert trace(pickle.loads(pickle.dumps(joint))).rhs == trace(joint).rhs


def test_another_time_unit_gives_the_same_course() -> None:
    hours = in_time_unit(DRUG, "h")
    assert hours.theta == pytest.approx({"kel": 0.1, "K50": 1.0})
    assert hours.parameter("kel").unit == "1/h"
    prior = hours.parameter("kel").prior
    assert isinstance(prior, LogNormal)
    assert (prior.median, prior.sd) == pytest.approx((0.1, 0.3))
    assert hours.horizon == 72.0
    check_units(hours)
    days = simulate(DRUG, times=[1.2, 2.0, 5.0], regimen=DRUG.schedule)
    again = simulate(hours, times=[28.8, 48.0, 120.0], regimen=hours.schedule)
    np.testing.assert_allclose(again["drug"], days["drug"], rtol=1e-4)


def test_priors_and_bounds_move_with_the_unit() -> None:
    model = OdeModel(
        name="m",
        states=(State("x"),),
        parameters=(Parameter("k", 24.0, "1/d", upper=48.0, prior=Normal(24.0, 2.4)),),
        rhs=lambda t, y, p: {"x": -p.k * y.x},
        time_unit="d",
    )
    k = in_time_unit(model, "h").parameter("k")
    assert isinstance(k.prior, Normal)
    assert (k.value, k.upper, k.prior.mean, k.prior.sd) == pytest.approx((1.0, 2.0, 1.0, 0.1))


@pytest.mark.parametrize(
    ("base", "links", "message"),
    [
        (BASE, {"efect": occupancy}, "has no parameter 'efect'"),
        (couple(BASE, DRUG, {"effect": occupancy}), {"k": occupancy}, "both have K50, drug"),
    ],
)
def test_models_that_do_not_fit_are_refused(base: OdeModel, links: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        couple(base, DRUG, links)


def test_an_unknown_unit_of_time_is_refused() -> None:
    with pytest.raises(ModelError, match="time unit 'y'"):
        in_time_unit(get("feedback"), "y")
