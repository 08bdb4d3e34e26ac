"""Named what-ifs can be run in their models, and say what is contested."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.datasets.errors import InputError
from cytobayes.inference.trials.design import Arm
from cytobayes.inference.trials.evidence import RULES, SENTENCES, evidence_of
from cytobayes.inference.trials.grading import default_grades
from cytobayes.inference.trials.plan import Plan, extended
from cytobayes.inference.trials.virtual import check_arm, drug_targets
from cytobayes.inference.trials.whatif import WHAT_IFS, what_if
from cytobayes.models import simulate
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.library import get, names
from cytobayes.models.library.interventions import with_treatments
from cytobayes.models.solver import SolverOptions

REDUCED = ("crs-cascade", "crs-cascade-timed")
PAIRS = [(w.name, model) for w in WHAT_IFS.values() for model in w.arms]


def plan_of(arm: Arm, model_name: str) -> Plan:
    model = with_treatments(get(model_name), drug_targets([arm]))
    check_arm(arm, model, ())
    return Plan(extended(model, [arm]), arm, np.array([0.0, 1.0]), SolverOptions())


def topics(name: str, model: str) -> set[str]:
    return set(evidence_of([plan_of(what_if(name, model), model)], get(model)))


def test_both_reduced_cascades_know_the_same_what_ifs_and_grades() -> None:
    known = [{w.name for w in WHAT_IFS.values() if m in w.arms} for m in REDUCED]
    assert known[0] == known[1] >= {"nothing", "bridging", "tocilizumab-early", "steroid"}
    first, second = (default_grades(get(m)) for m in REDUCED)
    assert first == second is not None


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


CELLS = Dose(2.0, 0.1, "E")


@pytest.mark.parametrize(
    ("arm", "model", "expected"),
    [
        # names that mean something else in another model
        (Arm("a", parameters={"m": 0.1}), "storm-kareva", set()),
        (Arm("a", factors={"dE": 2.0}), "crs-hardiansyah", {"fractionation"}),
        (Arm("a", factors={"E_0": 2.0}), "homeostasis", set()),
        (Arm("a", factors={"B_0": 0.5}), "engager", {"step-up"}),
        (Arm("a", factors={"B_0": 0.5}), "tumor-lysis", set()),
        (Arm("a", Regimen([Dose(0.0, 1.0, "E"), Dose(2.0, 1.0, "E")])), "endotoxin", set()),
        (Arm("a", Regimen([Dose(0.0, 1.0, "drug"), Dose(9.0, 7.0, "drug")])), "superagonist",
         set()),
        # what a model does without being told
        (Arm("a"), "allogeneic", {"allogeneic"}),
        (Arm("a"), "crs-hardiansyah", {"fractionation"}),
        (Arm("a"), "subcutaneous", {"step-up"}),
        (Arm("a", Regimen()), "crs-hardiansyah", set()),
        # the cells of time zero are a part of the dose
        (Arm("a", Regimen([CELLS])), "crs-full", {"fractionation"}),
        (Arm("a", Regimen([CELLS]), parameters={"E_0": 1e-9}), "crs-full", {"dose"}),
        (Arm("a", Regimen([CELLS]), factors={"E_0": 0.0}), "crs-full", {"dose"}),
        # drugs that are a number and not a dose
        (Arm("a", parameters={"RO": 0.9}), "crs-cascade", {"tocilizumab"}),
        (Arm("a", parameters={"RO": 0.0}), "crs-cascade", set()),
        (Arm("a", parameters={"rejection": 0.1}), "crs-full", {"rejection"}),
        (Arm("a", parameters={"mhc": 0.1}), "feedback-species", {"species"}),
    ],
)  # fmt: skip
def test_what_is_said_fits_the_model(arm: Arm, model: str, expected: set[str]) -> None:
    assert set(evidence_of([plan_of(arm, model)], get(model))) == expected


@pytest.mark.parametrize(
    ("arm", "topic", "words"),
    [
        (Arm("a", factors={"B0rel": 0.5}), "bridging",
         {"crs-cascade": "scales the release", "crs-cascade-timed": "scales the release"}),
        (Arm("a", factors={"B_0": 0.5}), "bridging",
         {"crs-full": "both expansion and toxicity", "crs-hardiansyah": "both expansion",
          "cart-target": "no cytokines"}),
        (Arm("a", factors={"rho": 2.0}), "construct",
         {"crs-cascade": "`Cmax` and `Tmax`", "crs-full": "burden sets the peak"}),
        (Arm("a", Regimen([Dose(4.0, 2.0, "steroid")])), "steroid",
         {"crs-cascade": "act on cytokines only", "crs-full": "`kst` decides",
          "engager": "no CAR-T cells"}),
    ],
)  # fmt: skip
def test_the_same_change_is_told_as_each_model_has_it(
    arm: Arm, topic: str, words: dict[str, str]
) -> None:
    for model, part in words.items():
        assert part in evidence_of([plan_of(arm, model)], get(model))[topic], model


def test_burden_does_not_move_the_cells_of_the_reduced_cascade() -> None:
    """What the sentence about bridging says of the two families, by the equations."""
    times = np.linspace(0.0, 28.0, 29)
    for name, parameter, same in (("crs-cascade", "B0rel", True), ("crs-full", "B_0", False)):
        model = get(name)
        half = {parameter: 0.5 * model.theta[parameter]}
        first, second = (simulate(model, v, times)["CAR"].to_numpy() for v in (None, half))
        assert np.allclose(first, second) is same


def test_the_rate_of_expansion_does_not_move_the_peak_of_the_reduced_cascade() -> None:
    for name in ("crs-cascade", "crs-cascade-timed"):
        model = get(name)
        times = np.array([float(model.theta["Tmax"])])
        cells = simulate(model, {"rho": 2.0}, times)["CAR"].to_numpy()
        assert cells == pytest.approx(model.theta["Cmax"], rel=1e-6)


def test_every_model_of_a_rule_is_in_the_library() -> None:
    assert {m for r in RULES for m in r.models} <= set(names())


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
