"""A depot in front of any model."""

from __future__ import annotations

import pickle

import pytest

from cytobayes.models import Dose, ModelError, OdeModel, Parameter, Regimen, State, get, trace
from cytobayes.models.depot import with_depot

KABS = Parameter("kabs", 0.01, "1/h", source="assumed", description="absorption")
PART = Parameter("F", 0.5, "", upper=1.0, source="assumed", description="bioavailability")


def listed(t, y, p):  # type: ignore[no-untyped-def]
    """Right-hand side as a list."""
    return [-p.k * y.A, p.k * y.A]


PLAIN = OdeModel(
    "plain",
    states=(State("A", "mg"), State("B", "mg")),
    parameters=(Parameter("k", 0.2, "1/h"),),
    rhs=listed,
    schedule=Regimen([Dose(3.0, 5.0, "A"), Dose(4.0, 1.0, "B")]),
)


@pytest.mark.parametrize(("part", "arriving"), [(None, "kabs*depot"), (PART, "F*depot*kabs")])
def test_what_leaves_the_depot_arrives_but_for_its_bioavailability(
    part: Parameter | None, arriving: str
) -> None:
    model = with_depot(PLAIN, "A", KABS, part)
    traced = trace(model)
    A, B, depot = traced.rhs
    names = {s.name: s for s in (*traced.y, *traced.p)}
    flux = names["kabs"] * names["depot"]
    assert depot == -flux
    assert A + names["k"] * names["A"] - (flux if part is None else names["F"] * flux) == 0
    assert B - names["k"] * names["A"] == 0
    assert model.states[-1].unit == "mg"


def test_the_schedule_goes_into_the_depot() -> None:
    model = with_depot(PLAIN, "A", KABS, depot="skin", name="under-the-skin")
    assert [(e.state, e.time) for e in model.schedule.events if isinstance(e, Dose)] == [
        ("skin", 3.0),
        ("B", 4.0),
    ]
    assert model.name == "under-the-skin"


def test_a_model_with_a_depot_can_be_pickled() -> None:
    model = get("subcutaneous")
    assert trace(pickle.loads(pickle.dumps(model))) is trace(model)


def test_impossible_depots_are_refused() -> None:
    with pytest.raises(ModelError, match="no state 'a'.*did you mean 'A'"):
        with_depot(PLAIN, "a", KABS)
    with pytest.raises(ModelError, match="already has k;"):
        with_depot(PLAIN, "A", Parameter("k", 1.0, "1/h"))
    with pytest.raises(ModelError, match="logarithm of B"):
        with_depot(get("engager"), "B", KABS)
