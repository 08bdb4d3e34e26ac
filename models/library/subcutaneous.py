"""A T-cell engager under the skin (model `subcutaneous`).

The model `engager` with a depot. Slow absorption alone lowers the highest concentration and with it
the rate at which complexes form: with absorption ``kabs`` and elimination ``k`` the peak is
``(kabs / k)**(-k / (kabs - k))`` times that of a bolus of the same dose (`peak_ratio`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..depot import with_depot
from ..distributions import Beta
from ..dosing import Dose, Regimen
from ..ode import Invariance
from .citations import HIBMA, POELS, SHORT
from .engager import engager
from .evidence import published

__all__ = ["MODELS", "peak_ratio", "subcutaneous"]

TECLISTAMAB = (
    "published model of teclistamab (code of jgevertz/teclistamab: absorption 0.2 per day, "
    "clearance 0.449 L/d, volume 3.0 L)"
)


def peak_ratio(kabs: Any, k: Any, bioavailability: Any = 1.0) -> Any:
    """Highest concentration after a depot dose, relative to a bolus of the same dose.

    Bateman's function in one compartment; for ``kabs`` different from ``k``.
    """
    kabs, k = np.asarray(kabs, dtype=float), np.asarray(k, dtype=float)
    return bioavailability * (kabs / k) ** (-k / (kabs - k))


_model = with_depot(
    engager,
    "drug",
    published("kabs", 0.2 / 24, "1/h", "absorption from under the skin", TECLISTAMAB, 0.4),
    published(
        "F", 0.511, "", "bioavailability", f"{SHORT[POELS]} (elranatamab)",
        prior=Beta(10.0, 10.0), fixed=True, upper=1.0,
    ),
    name="subcutaneous",
    title="T-cell engager under the skin",
)  # fmt: skip
subcutaneous = replace(
    _model,
    description=(
        "The model `engager` with a depot. Give the drug as a dose into depot, in mg; the typical "
        "schedule is that of elranatamab, 12, 32 and 76 mg."
    ),
    schedule=Regimen(
        [Dose(0.0, 12.0, "depot"), Dose(72.0, 32.0, "depot"), Dose(168.0, 76.0, "depot")]
    ),
    invariances=(
        *_model.invariances,
        Invariance({"V": 1, "CL": 1}, {"drug": 1, "depot": 1}, {"depot": 1}),
    ),
    identifiable=(
        f"{engager.identifiable} From concentrations after the depot only CL/F and V/F, and kabs "
        "if samples fall into the rise; F needs an intravenous dose."
    ),
    references=(*engager.references, HIBMA),
)

MODELS = (subcutaneous,)
