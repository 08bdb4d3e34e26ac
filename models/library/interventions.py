"""Interventions: drugs coupled to any model that reads their hook, and their doses.

========================  ===========  =====================================================
function                  hook         doses go into
========================  ===========  =====================================================
`with_tocilizumab`        `RO`         ``tocilizumab`` (mg), see `tocilizumab_dose`
`with_corticosteroid`     `steroid`    ``steroid`` (effect units), see `dexamethasone_dose`
`with_dimerizer`          `dimerizer`  ``dimerizer_level`` (1 is a full dose), see
                                       `dimerizer_dose`
========================  ===========  =====================================================

`with_treatments` picks those that a schedule needs.

Times of doses are in the time unit of the treated model; the builders assume days unless told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..composition import HOURS, couple
from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Namespace, OdeModel, State
from .evidence import calibrated, given
from .tocilizumab import occupancy, tocilizumab

__all__ = [
    "MODELS",
    "corticosteroid",
    "dexamethasone_dose",
    "dimerizer",
    "dimerizer_dose",
    "tocilizumab_dose",
    "with_corticosteroid",
    "with_dimerizer",
    "with_tocilizumab",
    "with_treatments",
]

UNITS_PER_MG = 0.4  # effect units of 1 mg dexamethasone: 10 mg are 4 units
LARGEST_MG = 800.0


def fading(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Exponential loss of the effect."""
    return {"steroid": -math.log(2) / p.thalf_steroid * y.steroid}


def steroid_level(t: Any, y: Namespace, p: Namespace) -> Any:
    """Effect units; links the drug to a parameter ``steroid``."""
    return y.steroid


corticosteroid = OdeModel(
    name="corticosteroid",
    title="Corticosteroid effect",
    description=(
        "Effect of dexamethasone in effect units, which halve every 1.5 days. Models that read "
        "steroid lower production by imax steroid / (1 + steroid)."
    ),
    states=(State("steroid", "", "corticosteroid, in effect units"),),
    parameters=(
        calibrated("thalf_steroid", 1.5, "d", "half-life of the effect",
                   source="calibrated to the duration of action of dexamethasone"),
    ),
    rhs=fading,
    time_unit="d",
    horizon=14.0,
)  # fmt: skip


def loss(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Exponential loss of the dimerizer."""
    return {"dimerizer_level": -math.log(2) / p.thalf_dimerizer * y.dimerizer_level}


def saturation(t: Any, y: Namespace, p: Namespace) -> Any:
    """Saturation of the switch; links the drug to a parameter ``dimerizer``."""
    return hill(y.dimerizer_level, p.K_dimerizer)


dimerizer = OdeModel(
    name="dimerizer",
    title="Dimerizer of the iC9 switch",
    description="Dimerizing drug, relative to a full dose, and how far it saturates the switch.",
    states=(State("dimerizer_level", "", "dimerizer, relative to a full dose"),),
    parameters=(
        calibrated("thalf_dimerizer", 5 / 24, "d", "half-life of the dimerizer",
                   source="calibrated: 5 h"),
        given("K_dimerizer", 1e-3, "", "dimerizer at half saturation: a full dose saturates"),
    ),
    rhs=loss,
    time_unit="d",
    horizon=3.0,
)  # fmt: skip


def with_tocilizumab(model: OdeModel, *, name: str = "") -> OdeModel:
    """Give a model that reads ``RO`` the drug that occupies the IL-6 receptor.

    Raises
    ------
    ModelError
        If the model has no parameter ``RO``.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> treated = with_tocilizumab(get("crs-cascade"))
    >>> "tocilizumab" in treated.state_names, "RO" in treated.outputs
    (True, True)
    """
    return _given(model, tocilizumab, {"RO": occupancy}, name)


def with_corticosteroid(model: OdeModel, *, name: str = "") -> OdeModel:
    """Give a model that reads ``steroid`` a corticosteroid.

    Raises
    ------
    ModelError
        If the model has no parameter ``steroid``.
    """
    return _given(model, corticosteroid, {"steroid": steroid_level}, name)


def with_dimerizer(model: OdeModel, *, name: str = "") -> OdeModel:
    """Give a model that reads ``dimerizer`` the drug that triggers the iC9 switch.

    Raises
    ------
    ModelError
        If the model has no parameter ``dimerizer``.
    """
    return _given(model, dimerizer, {"dimerizer": saturation}, name)


def _given(model: OdeModel, drug: OdeModel, links: dict[str, Any], name: str) -> OdeModel:
    """Couple a drug without its typical schedule: nobody is treated who is given no dose."""
    return couple(model, replace(drug, schedule=Regimen()), links, name=name)


def with_treatments(model: OdeModel, targets: Iterable[str]) -> OdeModel:
    """Give a model the drugs of a schedule, as far as it has their hooks.

    Parameters
    ----------
    model : OdeModel
    targets : iterable of str
        What doses go into: ``"tocilizumab"``, ``"steroid"``, ``"dimerizer_level"``. Others, and
        states that the model has already, are left alone.

    Returns
    -------
    OdeModel
        Of the same name. The parameters of the drugs are held fixed by default.
    """
    for target in sorted((set(targets) - set(model.state_names)) & set(TREATMENTS)):
        with_drug, hook = TREATMENTS[target]
        if hook not in model.parameter_names:
            continue
        known = model.parameter_names
        treated = with_drug(model, name=model.name)
        held = (p if p.name in known else replace(p, fixed=True) for p in treated.parameters)
        model = replace(treated, parameters=tuple(held))
    return model


def tocilizumab_dose(weight_kg: float, time: float | str, *, time_unit: str = "d") -> Dose:
    """One labelled dose of tocilizumab for cytokine release syndrome.

    Parameters
    ----------
    weight_kg : float
        8 mg/kg from 30 kg on, 12 mg/kg below, at most 800 mg (Le 2018,
        doi:10.1634/theoncologist.2018-0028).
    time : float or str
        Start of the infusion, which lasts an hour.
    time_unit : {"d", "h", "min"}
        Time unit of the treated model.

    Examples
    --------
    >>> tocilizumab_dose(70.0, 5.0).amount, tocilizumab_dose(20.0, 5.0).amount
    (560.0, 240.0)
    """
    if not weight_kg > 0 or not math.isfinite(weight_kg):
        raise ValueError(f"weight_kg must be a positive number, got {weight_kg!r}")
    amount = min((8.0 if weight_kg >= 30 else 12.0) * weight_kg, LARGEST_MG)
    return Dose(time, amount, "tocilizumab", duration=1 / HOURS[time_unit])


def dexamethasone_dose(
    mg: float, time: float | str, *, interval: float = 0.0, count: int = 1
) -> Dose:
    """Dexamethasone as effect units of `with_corticosteroid`; 10 mg are 4 units (calibrated).

    Parameters
    ----------
    mg : float
        Each dose.
    time : float or str
        Of the first dose.
    interval, count
        ``count`` doses, ``interval`` apart.
    """
    return Dose(time, UNITS_PER_MG * mg, "steroid", interval=interval, count=count)


def dimerizer_dose(time: float | str) -> Dose:
    """One full dose of the dimerizer of `with_dimerizer`."""
    return Dose(time, 1.0, "dimerizer_level")


TREATMENTS: dict[str, tuple[Callable[..., OdeModel], str]] = {  # what doses go into: drug and hook
    "tocilizumab": (with_tocilizumab, "RO"),
    "steroid": (with_corticosteroid, "steroid"),
    "dimerizer_level": (with_dimerizer, "dimerizer"),
}

MODELS = (corticosteroid, dimerizer)
