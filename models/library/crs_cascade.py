"""CAR-T cells, target, IFN-g, IL-6, CRP and ferritin, small enough to fit (model `crs-cascade`).

The CAR-T cells in blood follow their usual closed form: growth at rate ``rho`` up to ``Cmax`` at
``Tmax``, then decay in two phases. They deplete the target ``b`` (relative to its baseline), also
in closed form, because the integral of the CAR-T cells is elementary. The flux ``CAR * b`` drives
IFN-g; IFN-g drives IL-6 and ferritin (through macrophages, which are not a state); IL-6 drives CRP.
Only the four analytes are integrated.

The flux peaks at ``ln(rho Eref / (kb E0)) / rho`` with ``E0 = Cmax exp(-rho Tmax)`` if that is
before ``Tmax``: then the target limits the response. Otherwise the expansion does, and the peak of
the flux is proportional to ``Cmax``.

Interventions: receptor occupancy ``RO`` (tocilizumab) removes receptor-mediated clearance of IL-6,
so that IL-6 rises while its signal falls; ``steroid`` inhibits production. After tocilizumab, serum
IL-6 is no measure of severity. CRP is driven by the signal above its baseline, so that blockade
stops its production above ``CRP_0``.

Values of the cascade are calibrated to the NIH CD22 CAR-T series and to a 205-patient series of
CRP and ferritin, not published. The scale of the CAR-T cells is that of the product.

Where patients differ widely in the share of cells that is in blood, see `crs_cascade_timed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..distributions import LogitNormal
from ..math import exp, hill, maximum, minimum
from ..ode import Invariance, Namespace, OdeModel, State, Threshold
from .blockade import BLOCKADE, STEROID, above, cleared, restraint, signal
from .cart_kinetics import decay
from .citations import HARDIANSYAH, SHORT, STEIN
from .crs_parameters import TURNOVER
from .evidence import calibrated, given, published

__all__ = ["CARS", "MODELS", "PARAMETERS", "crs_cascade", "initial", "rates"]

SERIES = "the NIH CD22 CAR-T series"
WARD = "a 205-patient series of daily CRP and ferritin"


def cells(t: Any, y: Namespace, p: Namespace) -> Any:
    """CAR-T cells in blood: growth to ``Cmax`` at ``Tmax``, then decay in two phases."""
    return p.Cmax * exp(-p.rho * (p.Tmax - minimum(t, p.Tmax))) * decay(t, p, p.alpha, p.beta)


def target(t: Any, y: Namespace, p: Namespace) -> Any:
    """Target relative to its baseline: ``exp(-kb / Eref * integral of the CAR-T cells)``."""
    before, after = p.Tmax - minimum(t, p.Tmax), maximum(t, p.Tmax) - p.Tmax
    rise = (exp(-p.rho * before) - exp(-p.rho * p.Tmax)) / p.rho
    fast = (1 - p.FB) * (1 - exp(-p.alpha * after)) / p.alpha
    slow = p.FB * (1 - exp(-p.beta * after)) / p.beta
    return exp(-p.kb / p.Eref * p.Cmax * (rise + fast + slow))


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Release and clearance of the four analytes; ``pG`` per engaged CAR-T cell."""
    flux = cells(t, y, p) * target(t, y, p) * p.B0rel
    return rates(y, p, p.pG * flux)


def rates(y: Namespace, p: Namespace, release: Any) -> dict[str, Any]:
    """Rates of the four analytes, for a ``release`` of IFN-g."""
    activation = hill(y.IFNg - p.IFNg_0, p.KG, 2)
    return {
        "IFNg": release * restraint(p) - p.dG * (y.IFNg - p.IFNg_0),
        "IL6": p.pI * activation * restraint(p) - p.dI * (cleared(y.IL6, p) - p.IL6_0),
        "CRP": p.koc * (p.CRP_0 + p.Ec * above(y.IL6, p.K6, p) - y.CRP),
        "ferritin": p.kof * (p.ferritin_0 * (1 + p.Sf * activation) - y.ferritin),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with every analyte at its baseline."""
    return {"IFNg": p.IFNg_0, "IL6": p.IL6_0, "CRP": p.CRP_0, "ferritin": p.ferritin_0}


def time_of_peak_flux(theta: Mapping[str, Any]) -> Any:
    """Compute the time at which ``CAR * b`` would peak if the CAR-T cells grew for ever."""
    initial_cells = theta["Cmax"] * np.exp(-theta["rho"] * theta["Tmax"])
    return np.log(theta["rho"] * theta["Eref"] / (theta["kb"] * initial_cells)) / theta["rho"]


CARS = f"calibrated to {SERIES}; not a published value"
REST = f"calibrated to the day-0 medians of {SERIES}"
ACUTE = f"calibrated to {WARD}; not a published value"

PARAMETERS = (
    calibrated("Cmax", 608.0, "cell/uL", "CAR-T cells in blood at their peak", 1.0, source=CARS,
               iiv=1.0),
    calibrated("Tmax", 10.8, "d", "time of their peak", 0.2, source=CARS, iiv=0.38),
    calibrated("rho", 1.02, "1/d", "expansion rate", 0.2, source=CARS, iiv=0.4),
    calibrated("alpha", 0.45, "1/d", "contraction rate", 0.3, source=CARS, iiv=0.9),
    calibrated("FB", 0.01, "", "share of persisting cells", prior=LogitNormal(0.01, 0.5),
               source=CARS, upper=1.0, fixed=True, iiv=0.8),
    calibrated("beta", 0.01, "1/d", "loss of persisting cells", 0.5, source=CARS, fixed=True,
               iiv=0.86),
    given("Eref", 100.0, "cell/uL", "CAR-T cells to which kb refers"),
    given("B0rel", 1.0, "", "target burden before treatment, relative to the median patient"),
    calibrated("kb", 0.45, "1/d", "depletion of the target at Eref", 0.7, source=CARS, iiv=0.5),
    calibrated("pG", 15.0, "pg/mL/d/(cell/uL)", "IFN-g made per engaged CAR-T cell", 1.0,
               source=CARS, iiv=0.8),
    published("dG", 1.51, "1/d", "clearance of IFN-g", SHORT[HARDIANSYAH]),
    calibrated("KG", 1200.0, "pg/mL", "IFN-g at half activation of macrophages", 0.6, source=CARS),
    calibrated("pI", 3000.0, "pg/mL/d", "largest release of IL-6", 1.0, source=CARS, iiv=0.8),
    published("dI", 4.0, "1/d", "clearance of IL-6", SHORT[HARDIANSYAH] + " (3.96, rounded)"),
    calibrated("K6", 60.0, "pg/mL", "IL-6 at half stimulation of CRP", 0.7, source=CARS),
    calibrated("Ec", 250.0, "mg/L", "largest rise of CRP", 0.4, source=ACUTE),
    calibrated("koc", 0.55, "1/d", "turnover of CRP", 0.15, source=TURNOVER),
    calibrated("kof", 0.5, "1/d", "turnover of ferritin", source=ACUTE),
    calibrated("Sf", 60.0, "", "largest relative rise of ferritin", 1.0, source=ACUTE),
    calibrated("IFNg_0", 11.0, "pg/mL", "IFN-g at rest", 0.7, source=REST, iiv=0.5),
    calibrated("IL6_0", 3.0, "pg/mL", "IL-6 at rest", 0.7, source=REST, iiv=0.5),
    calibrated("CRP_0", 10.0, "mg/L", "CRP at rest", 0.7, source=ACUTE, iiv=0.5),
    calibrated("ferritin_0", 1000.0, "ng/mL", "ferritin at rest", 0.7, source=ACUTE, iiv=0.5),
    *BLOCKADE,
    *STEROID,
)  # fmt: skip

crs_cascade = OdeModel(
    name="crs-cascade",
    title="CAR-T cells and cytokine release, reduced",
    description=(
        "CAR-T cells and target in closed form drive IFN-g, IL-6, CRP and ferritin. The model to "
        "fit to serial cytokines of CAR-T patients."
    ),
    states=(
        State("IFNg", "pg/mL", "interferon gamma", scale=100.0),
        State("IL6", "pg/mL", "interleukin 6", scale=30.0),
        State("CRP", "mg/L", "C-reactive protein", scale=50.0),
        State("ferritin", "ng/mL", "ferritin", scale=2000.0),
    ),
    parameters=PARAMETERS,
    rhs=rhs,
    initial=initial,
    outputs={"CAR": cells, "b": target, "signal": signal},
    output_units={"CAR": "cell/uL", "signal": "pg/mL"},
    time_unit="d",
    breakpoints=("Tmax",),
    horizon=28.0,
    references=(STEIN, HARDIANSYAH),
    invariances=(
        Invariance({"kb": 1, "Eref": 1}),
        Invariance({"pG": 1, "B0rel": -1}),
        Invariance({"Cmax": 1, "Eref": 1, "pG": -1}, {"CAR": 1}),
        Invariance({"pG": 1, "KG": 1, "IFNg_0": 1}, {"IFNg": 1}),
        Invariance({"pI": 1, "K6": 1, "IL6_0": 1}, {"IL6": 1, "signal": 1}),
        Invariance({"Ec": 1, "CRP_0": 1}, {"CRP": 1}),
        Invariance({"ferritin_0": 1}, {"ferritin": 1}),
    ),
    identifiable=(
        "From CAR-T cells, IFN-g, IL-6 and CRP in 28 days: Cmax, Tmax, rho, alpha, kb, pG and the "
        "baselines; pI and KG apart only if IL-6 saturates. Not FB and beta without samples after "
        "day 60, not the loss of IL-6 from daily samples, not fR without tocilizumab."
    ),
    thresholds=(
        Threshold(
            "t_flux", time_of_peak_flux,
            "later than Tmax, expansion and not the target limits the response",
            critical="Tmax", unit="d",
        ),
    ),
    fits="serial CAR-T cells, IFN-g, IL-6, CRP and ferritin of CAR-T patients",
)  # fmt: skip

MODELS = (crs_cascade,)
