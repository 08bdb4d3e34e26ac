"""The area under an observable, as a state, agrees with its closed form, and so do gradients."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from cytobayes.models import simulate
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.errors import ModelError, UnknownModelError
from cytobayes.models.exposure_state import with_auc
from cytobayes.models.library import get
from cytobayes.models.math import exp
from cytobayes.models.ode import Invariance, Namespace, OdeModel, Parameter, State
from cytobayes.models.solver import SolverOptions
from cytobayes.models.units import check_units

PRECISE = SolverOptions(rtol=1e-10)


def bolus() -> OdeModel:
    def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        return {"A": -p.k * y.A}

    return OdeModel(
        "bolus",
        (State("A", "mg", scale=100.0),),
        (Parameter("k", 0.2, "1/h"), Parameter("V", 10.0, "L")),
        rhs,
        outputs={"C": lambda t, y, p: y.A / p.V},
        output_units={"C": "mg/L"},
        horizon=24.0,
        invariances=(Invariance({"V": 1}, {"C": -1}),),
    )


@pytest.mark.parametrize("observable", ["A", "C"])
def test_the_area_under_a_bolus_has_its_closed_form(observable: str) -> None:
    model = with_auc(bolus(), observable)
    times = np.array([0.0, 3.0, 10.0, 40.0])
    doses = Regimen([Dose(0.0, 100.0, "A"), Dose(5.0, 50.0, "A")])
    found = simulate(model, {"k": 0.2, "V": 10.0}, times, doses, options=PRECISE)["AUC"]
    given = sum(
        amount * (1 - np.exp(-0.2 * np.maximum(times - at, 0))) / 0.2
        for at, amount in ((0.0, 100.0), (5.0, 50.0))
    )
    expected = given / (10.0 if observable == "C" else 1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    assert found.attrs["units"] == ("mg/L*h" if observable == "C" else "mg*h")


def test_units_of_the_area_are_consistent() -> None:
    check_units(with_auc(bolus(), "C"))
    check_units(with_auc(get("crs-cascade"), "signal", "AUC_signal"))


def test_the_area_scales_with_what_it_is_the_area_of() -> None:
    assert with_auc(bolus(), "C").invariances == (Invariance({"V": 1}, {"C": -1, "AUC": -1}),)


def test_a_closed_form_gets_its_area() -> None:
    model = OdeModel(
        "fall", (), (Parameter("k", 0.5, "1/d"),), outputs={"f": lambda t, y, p: exp(-p.k * t)},
        time_unit="d",
    )  # fmt: skip
    found = simulate(with_auc(model, "f"), model.theta, [0.0, 4.0], options=PRECISE)["AUC"]
    np.testing.assert_allclose(found, [0.0, (1 - np.exp(-2.0)) / 0.5], rtol=1e-8, atol=1e-10)


def test_unknown_and_taken_names_are_refused() -> None:
    with pytest.raises(ModelError, match="no observable 'B'"):
        with_auc(bolus(), "B")
    with pytest.raises(ModelError, match="already has k"):
        with_auc(bolus(), "C", "k")


def test_the_library_knows_a_model_with_areas_by_its_name() -> None:
    model = with_auc(with_auc(get("crs-cascade"), "CAR"), "signal", "AUC_signal")
    assert model.name == "crs-cascade+AUC(CAR)+AUC_signal(signal)"
    again = get(model.name)
    assert all(getattr(again, f.name) == getattr(model, f.name) for f in fields(OdeModel))
    with pytest.raises(ModelError, match="has no observable 'CART'"):
        get("crs-cascade+AUC(CART)")
    with pytest.raises(UnknownModelError):
        get("crs-cascad+AUC(CAR)")
