"""The models that come with the package, one file per system, and their registry.

A module of this folder joins by its ``MODELS``; contract tests then run over them.
"""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

from ..errors import UnknownModelError
from ..exposure_state import with_auc
from ..ode import OdeModel

__all__ = ["get", "names"]

FILES = sorted(info.name for info in pkgutil.iter_modules(__path__))
WITH_AUC = re.compile(r"(.+)\+(\w+)\((\w+)\)")  # MODEL+NAME(OBSERVABLE)
MODULES = tuple(import_module(f".{name}", __name__) for name in FILES)
REGISTRY: dict[str, OdeModel] = {
    model.name: model for module in MODULES for model in getattr(module, "MODELS", ())
}


def names() -> tuple[str, ...]:
    """List the models of the library, in alphabetical order.

    Examples
    --------
    >>> "endotoxin" in names()
    True
    """
    return tuple(sorted(REGISTRY))


def get(name: str) -> OdeModel:
    """Look up a model of the library.

    Parameters
    ----------
    name : str
        One of `names`; with ``+AUC(C)`` behind it, that model with the area under ``C`` as a
        further state ``AUC``, see `with_auc`.

    Raises
    ------
    UnknownModelError
        If there is no such model; the message says which one was probably meant.
    ModelError
        If the model has no such observable.

    Examples
    --------
    >>> get("feedback").state_names
    ('A', 'C')
    >>> get("pk-1-oral+AUC(C)").unit("AUC")
    'mg/L*h'
    """
    if derived := WITH_AUC.fullmatch(name):
        model, area, observable = derived.groups()
        return with_auc(get(model), observable, area)
    if name not in REGISTRY:
        raise UnknownModelError(name, names())
    return REGISTRY[name]
