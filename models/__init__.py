"""What happens: models as data, their equations, the solver, doses and simulation."""

from .distributions import Distribution
from .dosing import Dose, Regimen, Reset, Switch
from .errors import ModelError, UnitError, UnknownModelError
from .latex import Equation, equations
from .library import get, names
from .ode import Namespace, OdeModel, Parameter, State
from .simulate import simulate
from .solver import FAILURES, SolverOptions, compile_model
from .symbolic import Trace, trace
from .units import check_units

__all__ = [
    "FAILURES",
    "Distribution",
    "Dose",
    "Equation",
    "ModelError",
    "Namespace",
    "OdeModel",
    "Parameter",
    "Regimen",
    "Reset",
    "SolverOptions",
    "State",
    "Switch",
    "Trace",
    "UnitError",
    "UnknownModelError",
    "check_units",
    "compile_model",
    "equations",
    "get",
    "names",
    "simulate",
    "trace",
]
