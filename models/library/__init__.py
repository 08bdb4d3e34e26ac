"""The models that come with the package, one file per system, and their registry.

A module joins by its name in ``MODULES``; contract tests then run over its models.
"""

from __future__ import annotations

from ..errors import UnknownModelError
from ..ode import OdeModel
from . import (
    acute_inflammation,
    allogeneic,
    atherosclerosis,
    biomarker_panel,
    blinatumomab,
    car_design,
    cart_engagement,
    cart_kinetics,
    cart_lymphocytes,
    cart_target,
    crs_cascade,
    crs_full,
    crs_hardiansyah,
    early_warning,
    endotoxin,
    engager,
    engager_binding,
    exposure_response,
    feedback,
    herxheimer,
    homeostasis,
    icans,
    interventions,
    jak_inhibition,
    leaky_gut,
    limited_proliferation,
    off_target,
    ruxolitinib,
    severe_crs,
    species,
    storm_kareva,
    stroke,
    subcutaneous,
    superagonist,
    superagonist_linear,
    superantigen,
    tebentafusp,
    ternary_complex,
    tocilizumab,
    tumor_lysis,
    wound,
)

__all__ = ["get", "names"]

MODULES = (
    acute_inflammation,
    allogeneic,
    atherosclerosis,
    biomarker_panel,
    blinatumomab,
    car_design,
    cart_engagement,
    cart_kinetics,
    cart_lymphocytes,
    cart_target,
    crs_cascade,
    crs_full,
    crs_hardiansyah,
    early_warning,
    endotoxin,
    engager,
    engager_binding,
    exposure_response,
    feedback,
    herxheimer,
    homeostasis,
    icans,
    interventions,
    jak_inhibition,
    leaky_gut,
    limited_proliferation,
    off_target,
    ruxolitinib,
    severe_crs,
    species,
    storm_kareva,
    stroke,
    subcutaneous,
    superagonist,
    superagonist_linear,
    superantigen,
    tebentafusp,
    ternary_complex,
    tocilizumab,
    tumor_lysis,
    wound,
)
REGISTRY: dict[str, OdeModel] = {m.name: m for module in MODULES for m in module.MODELS}


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
        One of `names`.

    Raises
    ------
    UnknownModelError
        If there is no such model; the message says which one was probably meant.

    Examples
    --------
    >>> get("feedback").state_names
    ('A', 'C')
    """
    if name not in REGISTRY:
        raise UnknownModelError(name, names())
    return REGISTRY[name]
