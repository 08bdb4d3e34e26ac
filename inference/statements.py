"""What the authors of an analysis state and ask for, beside what is fitted."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Assessment", "Reporting"]


@dataclass(frozen=True)
class Assessment:
    """What only the authors of an analysis can say; what is left empty is shown as not stated.

    Parameters
    ----------
    question_of_interest : str
        What is to be decided.
    context_of_use : str
        What the model is used for in answering it, and what else is known.
    model_influence, consequence_of_wrong_decision, model_risk, model_impact : str
        Weight of the model among all evidence; what happens if the decision is wrong; both
        together; and how far the use departs from what is accepted. Low, medium or high, with the
        reason.
    technical_criteria : str
        What an acceptable model had to fulfil, set before the fit. Empty: the limits of the
        checks, as they stand.
    """

    question_of_interest: str = ""
    context_of_use: str = ""
    model_influence: str = ""
    consequence_of_wrong_decision: str = ""
    model_risk: str = ""
    model_impact: str = ""
    technical_criteria: str = ""


@dataclass(frozen=True)
class Reporting:
    """What the report of a fit shows beside the rest.

    Parameters
    ----------
    stratify : str
        Covariate, or ``"dose"``, ``"source"``, ``"assay"``, ``"occasion"``, for whose strata the
        visual predictive check has panels of their own. Empty: none.
    """

    stratify: str = ""
