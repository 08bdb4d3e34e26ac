"""What happens: models as data, their equations, the solver, doses and simulation.

Names are imported when first used: a command that only lists models need not wait for a compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .distributions import Distribution
    from .dosing import Dose, Regimen, Reset, Switch
    from .errors import ModelError, UnitError, UnknownModelError
    from .latex import Equation, equations
    from .library import get, names
    from .ode import Namespace, OdeModel, Parameter, State
    from .simulation import simulate
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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distributions": ["Distribution"],
        "dosing": ["Dose", "Regimen", "Reset", "Switch"],
        "errors": ["ModelError", "UnitError", "UnknownModelError"],
        "latex": ["Equation", "equations"],
        "library": ["get", "names"],
        "ode": ["Namespace", "OdeModel", "Parameter", "State"],
        "simulation": ["simulate"],
        "solver": ["FAILURES", "SolverOptions", "compile_model"],
        "symbolic": ["Trace", "trace"],
        "units": ["check_units"],
    },
)
