"""Bayesian inference for cytokine kinetics and CAR-T expansion.

>>> from cytobayes import Problem, fit, load, predict

The code stands in the top-level folders ``models``, ``datasets`` and ``inference``; this folder
only gives them one import name. The three links beside this file let editors, type checkers and
uninstalled checkouts resolve ``cytobayes.models`` and friends; wheels and editable installs use
``[tool.setuptools.package-dir]`` instead.

Names are imported when first used, so that ``import cytobayes`` costs no more than it has to.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import datasets, inference, models
    from .datasets import Study, load, read_table
    from .inference import Problem, fit, predict
    from .models import Dose, OdeModel, Parameter, Regimen, State, simulate

__all__ = [
    "Dose",
    "OdeModel",
    "Parameter",
    "Problem",
    "Regimen",
    "State",
    "Study",
    "__version__",
    "datasets",
    "fit",
    "inference",
    "load",
    "models",
    "predict",
    "read_table",
    "simulate",
]

_HOMES = {
    "datasets": ("Study", "load", "read_table"),
    "inference": ("Problem", "fit", "predict"),
    "models": ("Dose", "OdeModel", "Parameter", "Regimen", "State", "simulate"),
}


def __getattr__(name: str) -> Any:
    """Import a sub-package, or a name out of one, on first use."""
    for home, names in _HOMES.items():
        if name == home or name in names:
            module = import_module(f".{home}", __name__)
            value = module if name == home else getattr(module, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
