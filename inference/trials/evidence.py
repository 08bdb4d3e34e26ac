"""What is known about an intervention, said wherever a result rests on it.

A model gives an answer to every question; whether the question is settled is another matter. The
sentences are found by what an arm does, so that they appear for arms that were written by hand as
well as for named ones. The same name means different things in different models, so that every
rule says for which models it holds; of a model that is not in the library only blockade of the IL-6
receptor, the switch and infusion are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...models.dosing import Dose
from ...models.ode import OdeModel
from . import families
from .families import REDUCED
from .plan import Plan

__all__ = ["RULES", "SENTENCES", "Rule", "evidence_of"]

STEROIDS = (
    "contested: whether corticosteroids harm CAR-T cells. A model-based analysis found no effect "
    "on expansion (Stein 2019), one series saw shorter survival after higher doses (Strati 2021), "
    "two others saw no effect; sicker patients get steroids."
)
SENTENCES = {
    "steroid": f"{STEROIDS} In these equations `kst` decides.",
    "steroid, reduced": f"{STEROIDS} In these equations steroids act on cytokines only.",
    "steroid, no cells": (
        "calibrated: in these equations, which have no CAR-T cells, steroids act on cytokines "
        "only; whether they blunt the killing is not in the model."
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
    "rejection": (
        "assumed: the rate at which the host rejects the cells of a donor is a number of the "
        "design; nothing here was read from data."
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
    "bridging, reduced": (
        "model-dependent: `B0rel` scales the release of IFN-g and nothing else in these equations; "
        "cells and killing do not depend on it, so that a lower burden lowers the cytokines by "
        "construction. Bridging therapy itself (its toxicity, who gets it) is not in the model."
    ),
    "bridging, cells": (
        "model-dependent: burden drives expansion in these equations, so a lower burden must lower "
        "the peak of the cells; there are no cytokines, so they do not speak of toxicity. "
        "Bridging therapy itself is not in the model."
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
    "construct, reduced": (
        "calibrated, not fitted: expansion rates of CD28 and 4-1BB constructs were not read from "
        "data. In these equations `Cmax` and `Tmax` are parameters of their own: `rho` moves the "
        "rise of the cells before their peak and not the peak."
    ),
    "switch": (
        "published for the switch itself (90 % of cells gone in 30 min, about 1 % stay); that "
        "tumor control is lost with the cells is the model's prediction."
    ),
    "species": (
        "assumed: ratios of receptor affinity (where the model has them) and the share of human "
        "macrophages set the result; a mouse can bound the human gain, it cannot determine it."
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

FULL = (*families.FULL, "icans")
HARDIANSYAH = ("crs-hardiansyah", "crs-hardiansyah-upn3")
ENGAGERS = ("engager", "blinatumomab", "tebentafusp", "subcutaneous")
SPECIES = ("feedback-species", *FULL)
# what CAR-T cells are given into, and the parameter of those that are there at time zero
CELLS = {
    **dict.fromkeys((*FULL, "cart-target"), ("E", "E_0")),
    **dict.fromkeys(HARDIANSYAH, ("Ep", "")),
    "cart-lymphocytes": ("CAR", "CAR_0"),
    "homeostasis": ("E", ""),
    "limited-proliferation": ("E0", ""),
}
NO_CELLS = 1e-6  # below, the cells at time zero stand for none, because the state is a logarithm
DRUG = ("drug", "depot")


@dataclass(frozen=True)
class Rule:
    """When a sentence is said.

    Parameters
    ----------
    topic : str
        Of an arm and model at most one sentence per topic is said, the first that applies.
    sentence : str
        Key of `SENTENCES`.
    applies : callable ``(plan) -> bool``
    models : tuple of str
        In which models; none: in every one.
    """

    topic: str
    sentence: str
    applies: Callable[[Plan], bool]
    models: tuple[str, ...] = ()


def _doses(plan: Plan) -> list[Dose]:
    events = (e for r in plan.regimens for e in r.events if isinstance(e, Dose))
    return [e for e in events if e.amount != 0.0]


def _gives(*states: str) -> Callable[[Plan], bool]:
    return lambda plan: any(d.state in states for d in _doses(plan))


def _changes(*names: str) -> Callable[[Plan], bool]:
    return lambda plan: any(n in names for n in (*plan.arm.parameters, *plan.arm.factors))


def _always(plan: Plan) -> bool:
    return True


def _value(plan: Plan, name: str) -> float:
    """Typical value of a parameter in an arm."""
    value = plan.arm.parameters.get(name, plan.model.theta[name])
    return float(value) * plan.arm.factors.get(name, 1.0)


def _fractions(plan: Plan) -> bool:
    """Whether cells are given more than once, those of time zero included."""
    state, initial = CELLS[plan.model.name]
    given = sum(d.count for d in _doses(plan) if d.state == state)
    at_start = bool(initial) and _value(plan, initial) > NO_CELLS
    return given + at_start > 1


def _steps(plan: Plan) -> bool:
    return len({d.amount for d in _doses(plan) if d.state in DRUG}) > 1


def _infused(plan: Plan) -> bool:
    drug = [d for d in _doses(plan) if d.state == "drug"]
    return any(d.duration != 0 or d.rate is not None for d in drug)


def _blocks(plan: Plan) -> bool:
    return _gives("tocilizumab")(plan) or plan.arm.parameters.get("RO", 0.0) > 0


def _steroid(plan: Plan) -> bool:
    return _gives("steroid")(plan) or _changes("steroid")(plan)


def _ratios(plan: Plan) -> bool:
    return any(n.startswith("ratio_") for n in (*plan.arm.parameters, *plan.arm.factors))


RULES = (
    Rule("tocilizumab", "tocilizumab", _blocks),
    Rule("steroid", "steroid", lambda p: _steroid(p) or _changes("kst")(p), FULL),
    Rule("steroid", "steroid, reduced", _steroid, REDUCED),
    Rule("steroid", "steroid, no cells", _steroid, (*ENGAGERS, "superagonist")),
    Rule("fractionation", "fractionation", _fractions, tuple(CELLS)),
    Rule("allogeneic", "allogeneic", _always, ("allogeneic",)),
    Rule("rejection", "rejection", _changes("rejection"), FULL),
    Rule("bridging", "bridging", _changes("B_0"), (*FULL, *HARDIANSYAH)),
    Rule("bridging", "bridging, reduced", _changes("B0rel"), REDUCED),
    Rule("bridging", "bridging, cells", _changes("B_0"), ("cart-target", "limited-proliferation")),
    Rule("dose", "dose", _changes("E_0"), FULL),
    Rule("construct", "construct", _changes("rho", "kEM", "dE", "output"), FULL),
    Rule("construct", "construct, reduced", _changes("rho"), REDUCED),
    Rule("switch", "switch", _gives("dimerizer_level")),
    Rule("species", "species", lambda p: _changes("phiM", "mhc", "ratio")(p) or _ratios(p),
         SPECIES),
    Rule("lymphodepletion", "lymphodepletion", _changes("kche", "chemo", "dam"), ("homeostasis",)),
    Rule("step-up", "step-up", _steps, ENGAGERS),
    Rule("infusion", "infusion", _infused),
)  # fmt: skip


def evidence_of(plans: Sequence[Plan], model: OdeModel) -> dict[str, str]:
    """Sentences that the arms of a trial call for.

    Parameters
    ----------
    plans : sequence of Plan
    model : OdeModel
        Its name decides which rules hold.

    Returns
    -------
    dict of topic to str
        Starts with "contested" where the evidence conflicts.
    """
    found: dict[str, str] = {}
    for rule in RULES:
        if rule.models and model.name not in rule.models:
            continue
        if any(rule.applies(p) for p in plans):
            found.setdefault(rule.topic, SENTENCES[rule.sentence])
    for plan in plans:
        for k, text in enumerate(plan.arm.evidence):
            if text not in found.values():
                found[f"{plan.arm.name}, {k + 1}" if k else plan.arm.name] = text
    return found
