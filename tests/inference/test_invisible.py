"""A fit says which directions its data cannot see, and only those that it left open."""

from __future__ import annotations

import pandas as pd

from cytobayes.datasets import Study
from cytobayes.inference import Problem
from cytobayes.models import Dose, Regimen, get
from cytobayes.models.distributions import LogNormal


def study(*observables: str) -> Study:
    rows = [
        {"subject": "A", "time": t, "observable": o, "value": 10.0 + t}
        for o in observables
        for t in (1.0, 5.0, 9.0)
    ]
    units = {"IFNg": "pg/mL", "CAR": "cell/uL", "IL6": "pg/mL", "A": "", "C": "pg/mL"}
    return Study(
        pd.DataFrame(rows), name="s", units={o: units[o] for o in observables}, time_unit="d"
    )


CASCADE = get("crs-cascade")


def test_two_parameters_that_only_act_as_a_product_are_named() -> None:
    free = Problem(CASCADE, study("CAR", "IFNg"), priors={"B0rel": LogNormal(1.0, 0.5)})
    (sentence,) = [s for s in free.blind_directions if "B0rel" in s]
    assert "pG (power 1), B0rel (power -1)" in sentence and "Fix one of them" in sentence
    assert sentence in str(free)


def test_a_fixed_parameter_closes_its_direction() -> None:
    closed = Problem(CASCADE, study("CAR", "IFNg"))
    assert not any("B0rel" in s for s in closed.blind_directions)


def test_an_observable_that_moves_closes_the_direction() -> None:
    """The scale of IFN-g is known once IFN-g is measured, and not from CAR-T cells and IL-6."""
    unseen = Problem(CASCADE, study("CAR", "IL6"))
    seen = Problem(CASCADE, study("CAR", "IL6", "IFNg"))
    assert any("KG" in s and "observe IFNg" in s for s in unseen.blind_directions)
    assert not any("KG" in s for s in seen.blind_directions)


def test_a_dose_of_known_amount_is_a_yardstick() -> None:
    """Activation alone does not tell the unit of the cytokine; cytokine given from outside does."""
    rows = pd.DataFrame({"subject": "A", "time": [1.0, 2.0], "observable": "A", "value": 0.2})
    activation = Study(rows, name="s", units={"A": ""}, time_unit="h")
    given = Regimen([Dose(0.5, 10.0, "C")])
    assert len(Problem(get("feedback"), activation).blind_directions) == 1
    assert not Problem(get("feedback"), activation, regimen=given).blind_directions
