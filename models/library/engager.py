"""T-cell engager: infusion, ternary complexes, step-up dosing, debulking (model `engager`).

The drug (intravenous, one compartment) links T cells to target cells in a tissue that sees the
fraction ``Kp`` of its plasma concentration. The number of ternary complexes (`ternary_complex`)
drives activation and, fifty times more sensitively, killing; `engager_response` does the rest.

What the model says at its typical values, a mosunetuzumab-like drug:

* Step-up dosing lowers the highest IL-6 threefold. The main cause is that the first doses remove
  target cells (debulking), not that the T cells become tolerant.
* Slow infusion hardly helps a drug with a half-life of six days.
* Where ``Kp`` times the concentration passes ``sqrt(KA KB)``, more drug makes fewer complexes.

`optimal_priming` and `step_up` solve a smaller problem exactly: instant doses that wash out
(``D' = -kel D``), target that is killed by drug (``B' = -kap D B``, so that a dose ``d`` leaves
``exp(-kap d / kel)`` of it), and the flux ``D B`` as the thing to keep low. A priming dose ``d``
before the full dose ``F`` makes the peaks ``d`` and ``F exp(-kap d / kel)``. One rises with ``d``,
the other falls, so that the higher of the two is lowest where they are equal:
``d exp(kap d / kel) = F``, that is ``d = (kel / kap) W(kap F / kel)`` with Lambert's W.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import lambertw

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Invariance, Namespace, OdeModel, State
from .blockade import signal
from .citations import BETTS, HOSSEINI, POELS, SHORT
from .engager_response import STATES, response, response_parameters, start
from .evidence import assumed, calibrated
from .ternary_complex import KA, SITES, binding, sites, trimer

__all__ = ["MODELS", "engager", "optimal_priming", "step_up"]


def optimal_priming(full: Any, kel: Any, kap: Any) -> Any:
    """Dose that, given before a full dose, makes the highest flux of target and drug lowest.

    Parameters
    ----------
    full : float or array
        Full dose, as the concentration that it makes.
    kel : float or array
        Elimination of the drug, in 1/time.
    kap : float or array
        Killing of target, in 1/(concentration * time).

    Returns
    -------
    float or array
        In the unit of ``full``. The peak is lowered to this fraction of ``full``.

    Examples
    --------
    >>> round(float(optimal_priming(60.0, kel=0.1, kap=0.05)), 3)
    4.978
    """
    ratio = np.asarray(kel, dtype=float) / np.asarray(kap, dtype=float)
    share: Any = np.asarray(full, dtype=float) / ratio
    return ratio * np.real(lambertw(share))


def step_up(full: float, steps: int, kel: float, kap: float) -> tuple[float, ...]:
    """Doses before and including a full one, of which each makes the same peak flux.

    Each dose is the optimal priming dose of the next; exact where every dose has washed out before
    the next is given.

    Parameters
    ----------
    full : float
        Last dose.
    steps : int
        Number of doses, at least 1.
    kel, kap : float
        As in `optimal_priming`.
    """
    if steps < 1:
        raise ValueError(f"step_up: steps must be at least 1, got {steps}")
    doses = [full]
    while len(doses) < steps:
        doses.insert(0, float(optimal_priming(doses[0], kel, kap)))
    return tuple(doses)


def _complexes(t: Any, y: Namespace, p: Namespace) -> Any:
    """Ternary complexes in tissue (nM), at equilibrium with the drug there."""
    drug = p.Kp * y.drug / (p.V * p.MW)
    return trimer(binding(drug, p), sites(y.T + y.A, p.nA, p), sites(y.B, p.nB, p))


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Linear elimination; complexes drive activation and killing."""
    complexes = _complexes(t, y, p)
    change = response(y, p, a=hill(complexes, p.Ktr), kill=hill(complexes, p.Kk))
    return {"drug": -p.CL / p.V * y.drug, **change}


def _concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return y.drug / p.V


def _engagement(t: Any, y: Namespace, p: Namespace) -> Any:
    return hill(_complexes(t, y, p), p.Ktr)


DISPOSITION = (
    calibrated(
        "V", 3.0, "L", "volume of the drug", 0.3,
        source="calibrated; 4.25 L of elranatamab (Poels 2025) and 2.76 L of mosunetuzumab "
        "(Hosseini 2020) are published",
    ),
    calibrated(
        "CL", 0.35 / 24, "L/h", "clearance of the drug", 0.4,
        source="calibrated to the published 0.335 L/d of elranatamab (Poels 2025)",
    ),
    assumed("MW", 0.146, "mg/nmol", "molar mass (146 kDa)"),
    calibrated(
        "Kp", 0.07, "", "drug in tissue, relative to plasma",
        source=f"calibrated, inside the 0.05 to 0.14 of {SHORT[HOSSEINI]}",
    ),
)  # fmt: skip
BINDING = (
    KA,
    *SITES,
    calibrated("Ktr", 1e-5, "nM", "complexes at half of full activation", 1.0),
    calibrated("Kk", 2e-7, "nM", "complexes at half of the largest rate of killing", 1.0),
)
RESPONSE = response_parameters(
    {
        "T_0": 500.0, "B_0": 300.0, "gB": 0.002, "kk": 0.10, "KAk": 50.0, "pI": 40.0, "kI": 0.5,
        "Imax": 0.95, "IC50": 1e4, "kX": 0.002,
    }
)  # fmt: skip

engager = OdeModel(
    name="engager",
    title="T-cell engager with target debulking",
    description=(
        "Drug, T cells, target cells and IL-6 after a bispecific antibody that binds CD3 and a "
        "target. Give the drug as a dose into drug, in mg; it has no depot (see `subcutaneous`)."
    ),
    states=(State("drug", "mg", "drug in plasma", scale=10.0), *STATES),
    parameters=(*DISPOSITION, *BINDING, *RESPONSE),
    rhs=rhs,
    initial=start,
    outputs={
        "concentration": _concentration,
        "trimer": _complexes,
        "engagement": _engagement,
        "signal": signal,
    },
    output_units={"concentration": "mg/L", "trimer": "nM", "signal": "pg/mL"},
    time_unit="h",
    schedule=Regimen(
        [Dose(0.0, 1.0, "drug"), Dose(168.0, 2.0, "drug"), Dose(336.0, 60.0, "drug")]
    ),
    horizon=672.0,
    invariances=(
        Invariance({"V": 1, "CL": 1}, {"drug": 1}, {"drug": 1}),
        Invariance({"V": 1, "CL": 1, "MW": -1}, {"concentration": -1}),
        Invariance({"Kp": 1, "KA": 1, "KB": 1, "alpha": 1}),
        Invariance({"nA": 1, "nB": 1, "alpha": -1, "Ktr": 1, "Kk": 1}, {"trimer": 1}),
        Invariance({"B_0": 1, "nB": -1}, {"B": 1}),
        Invariance({"T_0": 1, "Acap": 1, "KAk": 1, "nA": -1, "pI": -1}, {"T": 1, "A": 1}),
        Invariance(
            {"pI": 1, "IL6_0": 1, "IC50": 1}, {"IL6": 1, "AUC": 1, "signal": 1}
        ),
    ),
    identifiable=(
        "From IL-6 after several doses: the scale pI, one of Ktr and ka, and IC50 with more than "
        "two doses. At low concentrations Ktr, KA, KB, nA, nB and Kp enter only as "
        "Ktr KA KB / (nA nB Kp), and Kk likewise; so binding and densities stay fixed."
    ),
    fits="drug concentrations, B-cell and T-cell counts and IL-6 of patients given an engager",
    references=(HOSSEINI, POELS, BETTS),
)  # fmt: skip

MODELS = (engager,)
