"""What we believe: priors, likelihoods, fits, predictions and their checks.

Names are imported when first used: PyMC takes seconds to import, which a command that only reads a
table should not have to wait for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibration import calibrate, read_calibration
    from .checks.check import Check
    from .checks.comparison import averaged, compare
    from .checks.convergence import Convergence, convergence
    from .checks.credibility import Assessment, credibility
    from .checks.fit_quality import fit_quality, residual_trends
    from .checks.gradient import gradient
    from .checks.identifiability import identifiability
    from .checks.loo import loo
    from .checks.modes import modes
    from .checks.npde import npde, npde_tests
    from .checks.predictive import posterior_predictive
    from .checks.prior_predictive import prior_predictive
    from .checks.profile import profile
    from .checks.sbc import sbc
    from .checks.sensitivity import sensitivity
    from .checks.shrinkage import shrinkage
    from .checks.vpc import vpc
    from .fit import FitError, fit, read_facts
    from .measuring.error import (
        Additive,
        AdditiveT,
        Bernoulli,
        Combined,
        Combined1,
        ErrorModel,
        LogNormalError,
        LogNormalT,
        Ordinal,
        Power,
        Proportional,
    )
    from .measuring.scaled import ScaledError
    from .populations.covariates import Effect
    from .populations.hierarchy import Hierarchical
    from .populations.marginal import MarginalLikelihood, marginal_likelihood
    from .populations.population import Independent, Pooled, Population
    from .predict import predict
    from .prior_sample import sample_prior
    from .priors import PriorError, random_variable
    from .problem import Problem
    from .quick import quick
    from .replicates import predictions, replicates
    from .response.anchors import published_curve, published_options
    from .response.exposure import exposure, il6_signal
    from .response.fit_response import fit_response
    from .response.jointly import joint_response
    from .response.nca import nca
    from .response.plot_response import plot_response
    from .response.predicted import response_curve, subject_response
    from .response.products import compare_products
    from .response.select_response import Selection, ranked, select_response
    from .response.side_by_side import adjusted, three_ways
    from .risk.assessment import GradeFit, Risk, fit_grades, risk
    from .risk.forecast import Forecast, forecast
    from .risk.landmarks import Landmarks, validate_landmarks
    from .risk.markers import MarkerSets, compare_markers
    from .risk.validation import Validation, cross_validate
    from .trials.choice import Choice, Utility
    from .trials.counterfactual import Counterfactual, counterfactual
    from .trials.design import Arm, Design, Endpoint, Trigger
    from .trials.regimen import optimize_regimen
    from .trials.trial import Trial
    from .trials.virtual import virtual_trial

__all__ = [
    "Additive",
    "AdditiveT",
    "Arm",
    "Assessment",
    "Bernoulli",
    "Check",
    "Choice",
    "Combined",
    "Combined1",
    "Convergence",
    "Counterfactual",
    "Design",
    "Effect",
    "Endpoint",
    "ErrorModel",
    "FitError",
    "Forecast",
    "GradeFit",
    "Hierarchical",
    "Independent",
    "Landmarks",
    "LogNormalError",
    "LogNormalT",
    "MarginalLikelihood",
    "MarkerSets",
    "Ordinal",
    "Pooled",
    "Population",
    "Power",
    "PriorError",
    "Problem",
    "Proportional",
    "Risk",
    "ScaledError",
    "Selection",
    "Trial",
    "Trigger",
    "Utility",
    "Validation",
    "adjusted",
    "averaged",
    "calibrate",
    "compare",
    "compare_markers",
    "compare_products",
    "convergence",
    "counterfactual",
    "credibility",
    "cross_validate",
    "exposure",
    "fit",
    "fit_grades",
    "fit_quality",
    "fit_response",
    "forecast",
    "gradient",
    "identifiability",
    "il6_signal",
    "joint_response",
    "loo",
    "marginal_likelihood",
    "modes",
    "nca",
    "npde",
    "npde_tests",
    "optimize_regimen",
    "plot_response",
    "posterior_predictive",
    "predict",
    "predictions",
    "prior_predictive",
    "profile",
    "published_curve",
    "published_options",
    "quick",
    "random_variable",
    "ranked",
    "read_calibration",
    "read_facts",
    "replicates",
    "residual_trends",
    "response_curve",
    "risk",
    "sample_prior",
    "sbc",
    "select_response",
    "sensitivity",
    "shrinkage",
    "subject_response",
    "three_ways",
    "validate_landmarks",
    "virtual_trial",
    "vpc",
]

_HOMES = {
    "calibration": ("calibrate", "read_calibration"),
    "checks.check": ("Check",),
    "checks.comparison": ("averaged", "compare"),
    "checks.convergence": ("Convergence", "convergence"),
    "checks.credibility": ("Assessment", "credibility"),
    "checks.fit_quality": ("fit_quality", "residual_trends"),
    "checks.gradient": ("gradient",),
    "checks.identifiability": ("identifiability",),
    "checks.loo": ("loo",),
    "checks.modes": ("modes",),
    "checks.npde": ("npde", "npde_tests"),
    "checks.predictive": ("posterior_predictive",),
    "checks.prior_predictive": ("prior_predictive",),
    "checks.profile": ("profile",),
    "checks.sbc": ("sbc",),
    "checks.sensitivity": ("sensitivity",),
    "checks.shrinkage": ("shrinkage",),
    "checks.vpc": ("vpc",),
    "populations.covariates": ("Effect",),
    "measuring.error": (
        "Additive",
        "AdditiveT",
        "Bernoulli",
        "Combined",
        "Combined1",
        "ErrorModel",
        "LogNormalError",
        "LogNormalT",
        "Ordinal",
        "Power",
        "Proportional",
    ),
    "measuring.scaled": ("ScaledError",),
    "fit": ("FitError", "fit", "read_facts"),
    "populations.hierarchy": ("Hierarchical",),
    "populations.marginal": ("MarginalLikelihood", "marginal_likelihood"),
    "populations.population": ("Independent", "Pooled", "Population"),
    "predict": ("predict",),
    "prior_sample": ("sample_prior",),
    "priors": ("PriorError", "random_variable"),
    "problem": ("Problem",),
    "quick": ("quick",),
    "replicates": ("predictions", "replicates"),
    "response.anchors": ("published_curve", "published_options"),
    "response.exposure": ("exposure", "il6_signal"),
    "response.fit_response": ("fit_response",),
    "response.jointly": ("joint_response",),
    "response.nca": ("nca",),
    "response.plot_response": ("plot_response",),
    "response.predicted": ("response_curve", "subject_response"),
    "response.products": ("compare_products",),
    "response.select_response": ("Selection", "ranked", "select_response"),
    "response.side_by_side": ("adjusted", "three_ways"),
    "risk.assessment": ("GradeFit", "Risk", "fit_grades", "risk"),
    "risk.forecast": ("Forecast", "forecast"),
    "risk.landmarks": ("Landmarks", "validate_landmarks"),
    "risk.markers": ("MarkerSets", "compare_markers"),
    "risk.validation": ("Validation", "cross_validate"),
    "trials.choice": ("Choice", "Utility"),
    "trials.counterfactual": ("Counterfactual", "counterfactual"),
    "trials.design": ("Arm", "Design", "Endpoint", "Trigger"),
    "trials.regimen": ("optimize_regimen",),
    "trials.trial": ("Trial",),
    "trials.virtual": ("virtual_trial",),
}


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f".{home}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})


class _Room(ModuleType):
    """A package in which ``fit`` is the function, whether or not its file ``fit.py`` is loaded."""

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse to hide a public name behind the sub-module of the same name."""
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room
