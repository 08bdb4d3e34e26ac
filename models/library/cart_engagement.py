"""CAR-T cells driven by the complexes that they form with their target (model `cart-engagement`).

Singh 2021, idecabtagene vicleucel in myeloma. Effector and memory cells move between blood and
marrow. In marrow CARs bind BCMA; complexes per CAR-T cell drive expansion, complexes per myeloma
cell drive killing. M-protein and soluble BCMA follow the tumor. Give the dose as cells into
``E_blood`` (1.5e8 to 8e8 in the study).

Complexes come and go at 200 per day and effectors leave blood at 113 per day, against a growth of
0.008 per day of the tumor: the equations are stiff. As in the source a few cells (1e-6 per liter)
stand in marrow at time zero, so that complexes per cell are a number. Units: the constants of
binding are those of the source with its Avogadro number, 6.023e23, per day and molecule.
"""

from __future__ import annotations

from typing import Any

from ..dosing import Dose, Regimen
from ..math import hill
from ..ode import Namespace, OdeModel, State
from .citations import SHORT, SINGH
from .evidence import derived, published

__all__ = ["MODELS", "cart_engagement"]

SOURCE = SHORT[SINGH]
HALF = SOURCE + " (50 % between patients is assumed there)"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Distribution, binding, expansion, killing, and two biomarkers."""
    cells = (y.E_marrow + y.M_marrow) / p.V_marrow
    expansion = p.kexp_max * hill(y.complexes / cells, p.EC50)
    killing = p.kkill_max * hill(y.complexes / y.tumor, p.KC50)
    free_car = cells * p.CAR_density - y.complexes
    free_target = y.tumor * p.BCMA_density - y.complexes
    relative = y.tumor / p.tumor_0
    return {
        "E_blood": p.k21 * y.E_marrow - (p.k12 + p.kel_e) * y.E_blood,
        "M_blood": p.k21 * y.M_marrow - (p.k12 + p.kel_m) * y.M_blood,
        "E_marrow": p.k12 * y.E_blood + (expansion - p.k21 - p.Rm) * y.E_marrow,
        "M_marrow": p.k12 * y.M_blood - p.k21 * y.M_marrow + p.Rm * y.E_marrow,
        "complexes": p.kon * free_car * free_target - p.koff * y.complexes,
        "tumor": (p.kg - killing) * y.tumor,
        "Mprotein": p.ksyn_M * p.tumor_0 * relative**p.gamma_M - p.kdeg_M * y.Mprotein,
        "sBCMA": p.ksyn_B * p.tumor_0 * relative**p.gamma_B - p.kdeg_B * y.sBCMA,
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with the tumor, its biomarkers in balance, and a trace of cells in marrow."""
    return {
        "E_marrow": p.trace * p.V_marrow,
        "tumor": p.tumor_0,
        "Mprotein": p.ksyn_M * p.tumor_0 / p.kdeg_M,
        "sBCMA": p.ksyn_B * p.tumor_0 / p.kdeg_B,
    }


def transgene(t: Any, y: Namespace, p: Namespace) -> Any:
    """Transgene copies in blood."""
    return p.TransC * (y.E_blood + y.M_blood) / p.V_blood


cart_engagement = OdeModel(
    name="cart-engagement",
    title="CAR-T cells driven by CAR-target complexes",
    description=(
        "Idecabtagene vicleucel in 33 patients with myeloma: distribution, binding, expansion and "
        "killing, with M-protein and soluble BCMA."
    ),
    states=(
        State("E_blood", "cell", "effectors in blood", scale=1e7),
        State("M_blood", "cell", "memory cells in blood", scale=1e7),
        State("E_marrow", "cell", "effectors in marrow", scale=1e7),
        State("M_marrow", "cell", "memory cells in marrow", scale=1e7),
        State("complexes", "molecule/L", "CAR-BCMA complexes in marrow", scale=1e12),
        State("tumor", "cell/L", "myeloma cells in marrow", log=True),
        State("Mprotein", "g/L", "M-protein in serum", scale=0.1),
        State("sBCMA", "ng/mL", "soluble BCMA in serum", scale=100.0),
    ),
    parameters=(
        published("kexp_max", 1.73, "1/d", "largest expansion rate", SOURCE, 0.1, iiv=0.22),
        published("EC50", 10.0, "molecule/cell", "complexes per CAR-T cell at half of it", SOURCE,
                  0.18),
        published("Rm", 2e-5, "1/d", "turn of effectors to memory cells", SOURCE, 0.66),
        published("kel_e", 113.0, "1/d", "loss of effectors from blood", HALF, 0.19, iiv=0.5),
        published("kel_m", 0.219, "1/d", "loss of memory cells from blood", HALF, 0.13, iiv=0.5),
        published("k12", 1.71, "1/d", "blood to marrow", HALF, 0.11, iiv=0.5),
        published("k21", 0.176, "1/d", "marrow to blood", HALF, 0.14, iiv=0.5),
        published("kkill_max", 0.343, "1/d", "largest rate of killing", SOURCE, 0.21, iiv=0.5),
        published("KC50", 2.24, "molecule/cell", "complexes per tumor cell at half of it", SOURCE),
        published("kg", 0.008, "1/d", "growth of the tumor", SOURCE),
        derived("kon", 7.103e4 * 86400 / 6.023e23, "L/molecule/d", "binding",
                f"7.103e4 1/M/s of {SOURCE}, times 86400 s/d / 6.023e23 molecules"),
        derived("koff", 2.385e-3 * 86400, "1/d", "unbinding",
                f"2.385e-3 1/s of {SOURCE}, times 86400 s/d"),
        published("CAR_density", 15000.0, "molecule/cell", "CARs on a CAR-T cell", SOURCE),
        published("BCMA_density", 12590.0, "molecule/cell", "BCMA on a myeloma cell", SOURCE),
        published("TransC", 0.002, "copies/ug*L/cell", "copies per CAR-T cell in blood", SOURCE),
        published("V_blood", 5.0, "L", "volume of blood", SOURCE),
        published("V_marrow", 3.65, "L", "volume of marrow", SOURCE),
        published("tumor_0", 2.5e9, "cell/L", "myeloma cells at infusion", SOURCE),
        published("trace", 1e-6, "cell/L", "effectors in marrow at infusion", SOURCE),
        published("kdeg_M", 0.117, "1/d", "loss of M-protein", SOURCE),
        published("ksyn_M", 12.1e-12, "g/cell/d", "M-protein made by a tumor cell", SOURCE),
        published("gamma_M", 0.215, "", "exponent of the tumor on M-protein", SOURCE, 0.05,
                  iiv=0.21),
        published("kdeg_B", 0.7, "1/d", "loss of soluble BCMA", SOURCE),
        published("ksyn_B", 0.175e-6, "ng/mL*L/cell/d", "soluble BCMA made by a tumor cell",
                  SOURCE),
        published("gamma_B", 1.0, "", "exponent of the tumor on soluble BCMA", SOURCE, iiv=1.0),
    ),
    rhs=rhs,
    initial=initial,
    outputs={"transgene": transgene},
    output_units={"transgene": "copies/ug"},
    time_unit="d",
    schedule=Regimen([Dose(0.0, 4.5e8, "E_blood")]),
    horizon=180.0,
    references=(SINGH,),
    identifiable=(
        "From transgene copies, soluble BCMA and M-protein: kexp_max, kkill_max, kel_m, k21 and "
        "the exponents. Not binding, densities and half-points apart, not kel_e beside k12."
    ),
    fits="transgene copies, soluble BCMA and M-protein after a CAR-T dose",
)  # fmt: skip

MODELS = (cart_engagement,)
