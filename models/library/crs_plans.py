"""Named plans of treatment for the model `crs-full`, and how to judge their outcome.

A `Plan` is parameters that differ and a regimen; `plans` lists bridging therapy, a fractionated
dose, early and late tocilizumab, corticosteroid and the suicide switch. In models where the target
and its depletion set the peak, spreading a dose over days delays the storm by `equivalent_delay`
and does not lower it; see `limited-proliferation` for the opposite.

The grade is read off temperature, pressure and oxygen saturation with assumed limits: the consensus
grade is defined by what was done, and for inference an ordinal model is the right one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import xarray as xr

from ..dosing import Dose, Regimen
from .interventions import dexamethasone_dose, dimerizer_dose, tocilizumab_dose

__all__ = ["Plan", "assumed_grade", "equivalent_delay", "first_fever", "plans"]

FEVER = 38.0  # degrees Celsius
LIMITS = ((2, 65.0, 92.0), (3, 55.0, 88.0), (4, 45.0, 82.0))  # grade, MAP in mmHg, SpO2 in %
NOTHING = 1e-9  # cells per uL in place of none, because the state is a logarithm


@dataclass(frozen=True)
class Plan:
    """One way to treat a patient.

    Parameters
    ----------
    name, description : str
    theta : mapping of name to value
        Parameters of `crs-full` that differ from those of the patient.
    regimen : Regimen
    """

    name: str
    description: str
    theta: Mapping[str, float] = field(default_factory=dict)
    regimen: Regimen = field(default_factory=Regimen)


def plans(
    *, burden: float = 95.0, cells: float = 0.1, fever: float = 4.18, weight_kg: float = 70.0
) -> dict[str, Plan]:
    """List the plans for one patient.

    Parameters
    ----------
    burden : float
        Target cells before any bridging therapy, in 1e9 cells.
    cells : float
        Effectors after the whole dose, per uL.
    fever : float
        Day of the first fever without treatment, see `first_fever`.
    weight_kg : float
        For tocilizumab.
    """
    parts = [Dose(day, w * cells, "E") for day, w in ((0.0, 0.1), (1.0, 0.3), (2.0, 0.6))]
    late, early = (Regimen([tocilizumab_dose(weight_kg, fever + d)]) for d in (1.0, 0.0))
    steroid = Regimen([dexamethasone_dose(10.0, fever, interval=0.5, count=6)])
    listed = (
        Plan("untreated", "whole dose, no drug"),
        Plan("bridging", "half the burden before infusion", {"B_0": burden / 2}),
        Plan("deep-bridging", "a fifth of the burden", {"B_0": burden / 4.75}),
        Plan("tenth", "a tenth of the dose", {"E_0": cells / 10}),
        Plan("fractionated", "10, 30 and 60 % of the dose on three days", {"E_0": NOTHING},
             Regimen(parts)),
        Plan("tocilizumab", "8 mg/kg a day after the first fever", {}, late),
        Plan("pre-emptive-tocilizumab", "8 mg/kg at the first fever", {}, early),
        Plan("dexamethasone", "10 mg every 12 h for three days from the first fever", {}, steroid),
        Plan("suicide-switch", "dimerizer a day after the first fever", {},
             Regimen([dimerizer_dose(fever + 1.0)])),
    )  # fmt: skip
    return {p.name: p for p in listed}


def equivalent_delay(fractions: Sequence[float], days: Sequence[float], growth: float) -> float:
    """Compute the delay after which one whole dose acts as these fractions do.

    While cells grow at the rate ``growth``, fractions ``d`` given at times ``t`` are worth
    ``sum(d exp(-growth t))`` of the dose, which is the dose given later by
    ``-ln(that sum) / growth``.

    Examples
    --------
    >>> round(equivalent_delay([0.1, 0.3, 0.6], [0, 1, 2], 0.9), 2)
    1.26
    """
    worth = sum(d * math.exp(-growth * t) for d, t in zip(fractions, days, strict=True))
    return -math.log(worth) / growth


def first_fever(run: xr.Dataset) -> xr.DataArray:
    """Find the first simulated time of at least 38 degrees; NaN without fever.

    Parameters
    ----------
    run : Dataset, dims (..., time)
        Simulation of `crs-full`.
    """
    hot = run["temperature"] >= FEVER
    return run["time"].where(hot).min("time")


def assumed_grade(run: xr.Dataset) -> xr.DataArray:
    """Grade severity over time from signs, with assumed limits.

    Grade 1 is fever. Once there was fever, grade 2 is MAP below 65 mmHg or SpO2 below 92 %, grade 3
    below 55 or 88, grade 4 below 45 or 82.

    Parameters
    ----------
    run : Dataset, dims (..., time)
        Simulation of `crs-full`, times ascending.

    Returns
    -------
    DataArray of int, dims (..., time)
        ``.max("time")`` is the worst grade.
    """
    hot = run["temperature"] >= FEVER
    ever = hot.cumsum("time") > 0
    grade = hot.astype(int)
    for level, pressure, oxygen in LIMITS:
        reached = ever & ((run["MAP"] < pressure) | (run["SpO2"] < oxygen))
        grade = grade.where(~reached, level)
    return grade
