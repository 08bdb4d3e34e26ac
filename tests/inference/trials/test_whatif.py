"""Named what-ifs can be run in their models, and say what is contested."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.trials.design import Arm
from cytobayes.inference.trials.evidence import SENTENCES, evidence_of
from cytobayes.inference.trials.plan import Plan, extended
from cytobayes.inference.trials.virtual import check_arm, drug_targets
from cytobayes.inference.trials.whatif import WHAT_IFS, what_if
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.library import get
from cytobayes.models.library.interventions import with_treatments
from cytobayes.models.solver import SolverOptions

PAIRS = [(w.name, model) for w in WHAT_IFS.values() for model in w.arms]


def plan_of(arm: Arm, model_name: str) -> Plan:
    model = with_treatments(get(model_name), drug_targets([arm]))
    check_arm(arm, model, ())
    return Plan(extended(model, [arm]), arm, np.array([0.0, 1.0]), SolverOptions())


def topics(name: str, model: str) -> set[str]:
    return set(evidence_of([plan_of(what_if(name, model), model)], get(model)))


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_a_what_if_fits_its_model(name: str, model: str) -> None:
    plan = plan_of(what_if(name, model), model)
    assert plan.timeline.n_subjects == plan.rows


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("nothing", "crs-cascade", set()),
        ("steroid", "crs-cascade", {"steroid"}),
        ("tocilizumab-early", "crs-full", {"tocilizumab"}),
        ("bridging", "crs-full", {"bridging"}),
        ("fractionation", "crs-full", {"fractionation", "dose"}),
        ("withholding", "crs-full", {"fractionation", "dose"}),
        ("fractionation-weekly", "limited-proliferation", {"fractionation"}),
        ("full-mismatch", "allogeneic", {"allogeneic"}),
        ("cd28", "car-design", {"construct"}),
        ("suicide-switch", "car-design", {"switch"}),
        ("no-myeloid-cells", "species", {"species"}),
        ("no-lymphodepletion", "homeostasis", {"lymphodepletion"}),
        ("step-up", "engager", {"step-up"}),
        ("slow-infusion", "engager", {"infusion"}),
    ],
)
def test_what_is_known_about_it_is_said(name: str, model: str, expected: set[str]) -> None:
    assert topics(name, model) == expected


@pytest.mark.parametrize("topic", ["steroid", "fractionation", "allogeneic", "dose"])
def test_conflicting_evidence_is_called_contested(topic: str) -> None:
    assert SENTENCES[topic].startswith("contested")


def test_an_arm_written_by_hand_is_recognized() -> None:
    arm = Arm("mine", Regimen([Dose(4.0, 2.0, "steroid")]), evidence=("my own trial",))
    found = evidence_of([plan_of(arm, "crs-cascade")], get("crs-cascade"))
    assert found["steroid"].startswith("contested")
    assert found["mine"] == "my own trial"


def test_bridging_halves_everybodys_burden() -> None:
    assert what_if("bridging", "crs-cascade").factors == {"B0rel": 0.5}


def test_misspelled_names_and_wrong_models_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'bridging'"):
        what_if("briging", "crs-cascade")
    with pytest.raises(InputError, match="it can in engager"):
        what_if("flat", "crs-cascade")
