"""What is known about an intervention, said wherever a result rests on it.

A model gives an answer to every question; whether the question is settled is another matter. The
sentences are found by what an arm does, so that they appear for arms that were written by hand as
well as for named ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...models.dosing import Dose
from ...models.ode import OdeModel
from .plan import Plan

__all__ = ["SENTENCES", "evidence_of"]

SENTENCES = {
    "steroid": (
        "contested: whether corticosteroids harm CAR-T cells. A model-based analysis found no "
        "effect on expansion (Stein 2019), one series saw shorter survival after higher doses "
        "(Strati 2021), two others saw no effect; sicker patients get steroids. "
        "In crs-cascade steroids act on cytokines only; in crs-full `kst` decides."
    ),
    "fractionation": (
        "contested, and the conclusion depends on the model: where target and proliferation set "
        "the peak (crs-full), spreading the dose over days delays the storm and does not lower "
        "it; with a limited number of divisions (limited-proliferation), or doses withheld when "
        "fever comes, it does."
    ),
    "allogeneic": (
        "contested: that mismatch primes the loop is a hypothesis; donor-derived CD19 CAR-T cells "
        "after transplantation showed no increased toxicity, and the prior of `al` peaks at 0."
    ),
    "tocilizumab": (
        "the model overstates tocilizumab: in trials 53 to 69 % of patients responded (Le 2018), "
        "in the model everybody's signal falls. Serum IL-6 rises under the drug and is no measure "
        "of severity. Pre-emptive use has no fitted evidence here."
    ),
    "bridging": (
        "model-dependent: burden drives both expansion and toxicity in these equations, so a lower "
        "burden must lower the peak; bridging therapy itself (its toxicity, who gets it) is not "
        "in the model."
    ),
    "dose": (
        "contested: whether the cell dose matters for CRS once burden is known (not significant in "
        "JULIET, Awasthi 2020; a predictor in Hay 2017)."
    ),
    "construct": (
        "calibrated, not fitted: expansion rates of CD28 and 4-1BB constructs were not read from "
        "data. In these equations burden sets the peak, so a faster construct peaks earlier and "
        "hardly higher unless its cytokine output per engagement is larger."
    ),
    "switch": (
        "published for the switch itself (90 % of cells gone in 30 min, about 1 % stay); that "
        "tumor control is lost with the cells is the model's prediction."
    ),
    "species": (
        "assumed: ratios of receptor affinity and the share of human macrophages set the result; a "
        "mouse can bound the human gain, it cannot determine it."
    ),
    "lymphodepletion": (
        "calibrated: the model follows IL-7 and IL-15 as source and sink; it has no cytokine "
        "release, so it speaks of expansion and not of toxicity."
    ),
    "step-up": (
        "calibrated: in the engager models the benefit of step-up dosing comes mainly from the "
        "loss of target cells, not from tolerance, and is sensitive to the rate of killing."
    ),
    "infusion": (
        "model-dependent: slow infusion lowers the peak of a drug with a short half-life; for one "
        "of days it hardly matters."
    ),
}

CELLS = ("E", "E0")  # states that CAR-T cells are given into
DRUG = "drug"


def _doses(plan: Plan) -> list[Dose]:
    events = (e for r in plan.regimens for e in r.events if isinstance(e, Dose))
    return [e for e in events if e.amount != 0.0]


def _gives(*states: str) -> Callable[[Plan], bool]:
    return lambda plan: any(d.state in states for d in _doses(plan))


def _changes(*names: str) -> Callable[[Plan], bool]:
    return lambda plan: any(n in names for n in (*plan.arm.parameters, *plan.arm.factors))


def _fractions(plan: Plan) -> bool:
    return sum(d.count for d in _doses(plan) if d.state in CELLS) > 1


def _steps(plan: Plan) -> bool:
    return len({d.amount for d in _doses(plan) if d.state == DRUG}) > 1


def _infused(plan: Plan) -> bool:
    return any(d.state == DRUG and (d.duration != 0 or d.rate is not None) for d in _doses(plan))


RULES: tuple[tuple[str, Callable[[Plan], bool]], ...] = (
    ("tocilizumab", _gives("tocilizumab")),
    ("steroid", lambda p: _gives("steroid")(p) or _changes("kst", "steroid")(p)),
    ("fractionation", _fractions),
    ("allogeneic", _changes("al", "m", "rejection")),
    ("bridging", _changes("B0rel", "B_0")),
    ("dose", _changes("E_0")),
    ("construct", _changes("rho", "kEM", "dE", "output")),
    ("switch", _gives("dimerizer_level")),
    ("species", lambda p: _changes("phiM", "mhc", "ratio")(p)
     or any(n.startswith("ratio_") for n in (*p.arm.parameters, *p.arm.factors))),
    ("lymphodepletion", _changes("kche", "chemo")),
    ("step-up", _steps),
    ("infusion", _infused),
)  # fmt: skip


def evidence_of(plans: Sequence[Plan], model: OdeModel) -> dict[str, str]:
    """Sentences that the arms of a trial call for.

    Parameters
    ----------
    plans : sequence of Plan
    model : OdeModel
        Before it was extended; fractions of cells matter only where cells are given.

    Returns
    -------
    dict of topic to str
        Starts with "contested" where the evidence conflicts.
    """
    found = {}
    for topic, applies in RULES:
        if any(applies(p) for p in plans):
            found[topic] = SENTENCES[topic]
    for plan in plans:
        for k, text in enumerate(plan.arm.evidence):
            if text not in found.values():
                found[f"{plan.arm.name}, {k + 1}" if k else plan.arm.name] = text
    return found
