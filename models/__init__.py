"""What happens: models as data, their equations, the solver, doses and simulation.

Names are imported when first used: a command that only lists models need not wait for a compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .analysis import SteadyState, eigenvalues, steady_states, threshold
    from .composition import couple, in_time_unit
    from .distributions import Distribution
    from .dosing import Dose, Regimen, Reset, Switch
    from .errors import ModelError, UnitError, UnknownModelError
    from .exposure_state import with_auc
    from .latex import Equation, equations
    from .library import get, names
    from .ode import Invariance, Namespace, OdeModel, Parameter, State, Threshold
    from .prior_draws import draw_parameters
    from .simulation import simulate
    from .solver import FAILURES, SolverOptions, compile_model
    from .symbolic import Trace, trace
    from .units import check_units

__all__ = [
    "FAILURES",
    "Distribution",
    "Dose",
    "Equation",
    "Invariance",
    "ModelError",
    "Namespace",
    "OdeModel",
    "Parameter",
    "Regimen",
    "Reset",
    "SolverOptions",
    "State",
    "SteadyState",
    "Switch",
    "Threshold",
    "Trace",
    "UnitError",
    "UnknownModelError",
    "check_units",
    "compile_model",
    "couple",
    "draw_parameters",
    "eigenvalues",
    "equations",
    "get",
    "in_time_unit",
    "names",
    "simulate",
    "steady_states",
    "threshold",
    "trace",
    "with_auc",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "analysis": ["SteadyState", "eigenvalues", "steady_states", "threshold"],
        "composition": ["couple", "in_time_unit"],
        "distributions": ["Distribution"],
        "dosing": ["Dose", "Regimen", "Reset", "Switch"],
        "errors": ["ModelError", "UnitError", "UnknownModelError"],
        "exposure_state": ["with_auc"],
        "latex": ["Equation", "equations"],
        "library": ["get", "names"],
        "ode": ["Invariance", "Namespace", "OdeModel", "Parameter", "State", "Threshold"],
        "prior_draws": ["draw_parameters"],
        "simulation": ["simulate"],
        "solver": ["FAILURES", "SolverOptions", "compile_model"],
        "symbolic": ["Trace", "trace"],
        "units": ["check_units"],
    },
)
