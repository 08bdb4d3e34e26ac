"""Risk of cytokine release syndrome by exposure (closed forms without time).

* `exposure-response`: logistic in the decadic logarithm of an exposure (Cmax, AUC, IL-6 signal),
  with what it says of two constructs whose exposures are log-normal around different medians.
* `exposure-response-emax`: a sigmoid Emax curve of the same risk.
* `exposure-grades`: cumulative logit of the grade, with burden beside exposure.
* `elranatamab-crs`: the published regression for the first step-up dose of elranatamab.

If the logarithm of exposure is normal with one spread in cases and others, the logistic form is
exact, with slope (difference of means) / variance. Burden drives both exposure and risk, so that
exposure is a mediator: report ``g`` and ``b`` together. Step-up doses do not belong on one curve:
after the second dose of elranatamab no relation was left.
"""

from __future__ import annotations

import math as numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from .. import math
from ..distributions import Beta, HalfNormal, LogNormal, Normal
from ..ode import Invariance, Namespace, OdeModel, Parameter
from ..response import CumulativeLogit, Logistic, SigmoidEmax, marginal_probability
from .citations import AWASTHI, HIBMA, SHORT
from .evidence import assumed, derived, given, published

__all__ = ["MODELS", "half_effect", "probability_higher"]

RATES = (
    "rounded from the rates of 244 patients on three bispecifics: any grade 32 %, grade 2 8 %, "
    "grade 3 or higher 5 % (abstract)"
)
LOGISTIC, GRADES, EMAX = Logistic(), CumulativeLogit(), SigmoidEmax()


def _logit(p: float) -> float:
    return numbers.log(p / (1 - p))


def probability_higher(theta: Mapping[str, Any]) -> Any:
    """Part of pairs in which the patient of the first construct has the higher exposure."""
    z = np.log(theta["x"] / theta["x_other"]) / (theta["s"] * np.sqrt(2))
    return ndtr(z)


def _risk(t: Any, y: Namespace, p: Namespace) -> Any:
    return LOGISTIC.value(p.x / p.x_ref, p, math)


def _marginal(t: Any, y: Namespace, p: Namespace) -> Any:
    variance = (p.b * p.s / numbers.log(10)) ** 2
    return marginal_probability(LOGISTIC.log_odds(p.x / p.x_ref, p, math), variance, math)


def _higher(t: Any, y: Namespace, p: Namespace) -> Any:
    return math.normal_cdf((math.log(p.x) - math.log(p.x_other)) / (p.s * math.sqrt(2)))


def _emax(t: Any, y: Namespace, p: Namespace) -> Any:
    return EMAX.value(p.x, p, math)


def _at_least(k: int, p: Namespace) -> Any:
    return GRADES.value(p.x / p.x_ref, p, math, burden=p.burden)[k - 1]


def _grade_1(t: Any, y: Namespace, p: Namespace) -> Any:
    return _at_least(1, p)


def _grade_2(t: Any, y: Namespace, p: Namespace) -> Any:
    return _at_least(2, p)


def _grade_3(t: Any, y: Namespace, p: Namespace) -> Any:
    return _at_least(3, p)


def _grade_4(t: Any, y: Namespace, p: Namespace) -> Any:
    return _at_least(4, p)


def _real(name: str, value: float, text: str, sd: float, mean: float | None = None) -> Parameter:
    """Write a coefficient of either sign."""
    prior = Normal(value if mean is None else mean, sd)
    return assumed(name, value, "", text, lower=-numbers.inf, prior=prior)


EXPOSURE = (
    given("x", 1e5, "copies/ug", "exposure (peak of CAR transgene)"),
    given("x_ref", 5e4, "copies/ug", "exposure to which the intercept refers"),
)
SLOPE = _real("b", 1.6, "log-odds ratio of a tenfold exposure", 1.0, 1.0)

exposure_response = OdeModel(
    name="exposure-response",
    title="Risk by exposure, logistic",
    description=(
        "Probability of cytokine release syndrome at an exposure x, its mean over patients whose "
        "exposure is log-normal around x, and how often a patient of this construct has a higher "
        "exposure than one of another construct with median x_other."
    ),
    states=(),
    parameters=(
        *EXPOSURE,
        given("x_other", 5e4, "copies/ug", "median exposure of the other construct"),
        _real("a", _logit(0.25), "log-odds at the reference exposure", 1.5, _logit(0.3)),
        SLOPE,
        assumed(
            "s", 0.9, "", "log-standard deviation of exposure between patients",
            prior=HalfNormal(1.0), fixed=True,
        ),
    ),
    outputs={"risk": _risk, "marginal_risk": _marginal, "higher": _higher},
    time_unit="d",
    invariances=(Invariance({"x": 1, "x_ref": 1, "x_other": 1}),),
    identifiable=(
        "a and b with 15 events or more. An exposure plugged in for each patient as if it were "
        "known biases b to zero; give it its posterior."
    ),
    fits="a yes or no per patient, with an exposure",
    references=(AWASTHI,),
)  # fmt: skip

exposure_response_emax = OdeModel(
    name="exposure-response-emax",
    title="Risk by exposure, sigmoid Emax",
    description="Probability of cytokine release syndrome at an exposure x, between E0 and Emax.",
    states=(),
    parameters=(
        EXPOSURE[0],
        assumed(
            "E0", 0.1, "", "risk without exposure", prior=Beta(1.0, 9.0), upper=1.0, fixed=True
        ),
        assumed("Emax", 0.9, "", "risk at high exposure", prior=Beta(9.0, 1.0), upper=1.0),
        assumed("EC50", 5e4, "copies/ug", "exposure midway between the two", 1.0),
        assumed("h", 1.5, "", "steepness", prior=LogNormal(1.5, 0.4), fixed=True),
    ),
    outputs={"risk": _emax},
    time_unit="d",
    invariances=(Invariance({"x": 1, "EC50": 1}),),
    identifiable=(
        "Emax and h only if exposures span two decades around EC50; otherwise fix h at 1 and E0 "
        "at 0."
    ),
    fits="a yes or no per patient, with an exposure",
)

exposure_grades = OdeModel(
    name="exposure-grades",
    title="Grade by exposure, cumulative logit",
    description=(
        "Probabilities that the grade of cytokine release syndrome is at least 1, 2, 3 and 4 at "
        "an exposure x and a burden. Cut-points belong to one grading scale."
    ),
    states=(),
    parameters=(
        *EXPOSURE,
        given("burden", 0.0, "", "burden, standardized", lower=-numbers.inf),
        SLOPE,
        _real("g", 0.5, "log-odds ratio of one standard deviation of burden", 1.0),
        derived("c1", 0.75, "", "minus the log-odds of any grade", RATES, lower=-numbers.inf,
                prior=Normal(-_logit(0.3), 1.5)),
        derived("gap2", 1.15, "", "from any grade to grade 2", RATES, prior=HalfNormal(2.0)),
        derived("gap3", 1.04, "", "from grade 2 to grade 3", RATES, prior=HalfNormal(2.0)),
        assumed("gap4", 1.1, "", "from grade 3 to grade 4", prior=HalfNormal(2.0)),
    ),
    outputs={"P1": _grade_1, "P2": _grade_2, "P3": _grade_3, "P4": _grade_4},
    time_unit="d",
    invariances=(Invariance({"x": 1, "x_ref": 1}), Invariance({"burden": 1, "g": -1})),
    identifiable="b, g and the cut-points of the grades that occur.",
    fits="a grade per patient, with an exposure and a burden",
)  # fmt: skip


def half_effect(theta: Mapping[str, Any], burden: float = 0.0) -> Any:
    """Concentration (ng/mL) of even odds in `elranatamab-crs`."""
    return np.exp(-(theta["b0"] + theta["b_burden"] * burden) / theta["b_C"])


def _log_odds(p: Namespace) -> Any:
    return p.b0 + p.b_burden * p.burden + p.b_C * math.log(p.C / p.C_ref)


def _elranatamab(t: Any, y: Namespace, p: Namespace) -> Any:
    return math.expit(_log_odds(p))


def _coefficient(name: str, value: float, low: float, high: float, text: str) -> Parameter:
    """Write a published estimate, with the normal prior of its 95 % interval."""
    sd = (high - low) / (2 * 1.959964)
    source = f"{SHORT[HIBMA]}, Table S2 (95 % CI {low:g} to {high:g})"
    return published(
        name, value, "", text, source, lower=-numbers.inf, prior=Normal(value, sd)
    )  # fmt: skip


elranatamab_crs = OdeModel(
    name="elranatamab-crs",
    title="CRS after the first dose of elranatamab",
    description=(
        "Probability of cytokine release syndrome of any grade after the first step-up dose "
        "(12 mg) by the free concentration on day 4 and high tumor burden; 183 patients, 79 "
        "events. Not for later doses, after which no relation was found."
    ),
    states=(),
    parameters=(
        given("C", 212.0, "ng/mL", "free elranatamab on day 4"),
        given("C_ref", 1.0, "ng/mL", "concentration to which the intercept refers"),
        given("burden", 0.0, "", "1 for a high tumor burden, else 0", upper=1.0),
        _coefficient("b0", -7.65, -10.5, -5.03, "log-odds at 1 ng/mL"),
        _coefficient("b_burden", 1.14, 0.335, 1.97, "log-odds ratio of high burden"),
        _coefficient("b_C", 1.35, 0.869, 1.88, "log-odds ratio per e-fold concentration"),
    ),
    outputs={"risk": _elranatamab},
    time_unit="d",
    invariances=(Invariance({"C": 1, "C_ref": 1}),),
    identifiable=(
        "All three, from 15 events or more. The intervals are published, the correlation of "
        "intercept and slope is not: draws from these priors spread too widely."
    ),
    fits="a yes or no per patient, with a concentration and a burden",
    references=(HIBMA,),
)

MODELS = (exposure_response, exposure_response_emax, exposure_grades, elranatamab_crs)
