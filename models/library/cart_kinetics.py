"""CAR-T cells in blood as functions of time (models `cart-stein`, `cart-lag`, `cart-four-phase`).

All three end alike: from ``Tmax`` on, a share ``FB`` of the cells persists and is lost at the slow
rate ``beta``, the rest at the fast rate ``alpha``. They differ in what comes before.

`cart-stein`
    Growth from a virtual value at time zero, not tied to the dose. Tocilizumab from ``t_toci`` on
    and corticosteroids from ``t_ster`` on multiply the growth rate (times beyond the peak, such as
    the typical 1000 d, have no effect).
`cart-lag`
    A constant value until ``Tlag``, then growth.
`cart-four-phase`
    Loss by distribution until ``T0``, then growth.

``alpha > beta`` names the phases; with samples in the first 60 days only, hold ``FB`` and ``beta``.
Values below the limit of quantification must enter a fit as censored, or the growth rate is biased.
"""

from __future__ import annotations

import math
from typing import Any

from ..distributions import LogitNormal, LogNormal
from ..math import exp, log, maximum, minimum
from ..ode import Invariance, Namespace, OdeModel, Parameter
from .citations import LIU, OGASAWARA, SHORT, STEIN
from .evidence import calibrated, derived, given, published

__all__ = ["MODELS", "cart_four_phase", "cart_lag", "cart_stein"]

DAYS = "28 days of CAR-T cells or transgene copies in blood"
IDENTIFIABLE = (
    "From five or more quantified points in 28 days: Cmax, Tmax and alpha; the growth rate with "
    "points before the peak; FB and beta only with samples after day 60."
)
SAME_SCALE = (Invariance({"Cmax": 1}, {"CAR": 1}),)
LN2 = math.log(2)


def decay(t: Any, p: Namespace, alpha: Any, beta: Any) -> Any:
    """Decay after ``Tmax`` in two phases; 1 before."""
    late = maximum(t, p.Tmax) - p.Tmax
    return (1 - p.FB) * exp(-alpha * late) + p.FB * exp(-beta * late)


def stein(t: Any, y: Namespace, p: Namespace) -> Any:
    """Growth with known changes of its rate, then decay."""
    x = minimum(t, p.Tmax)
    toci, ster = p.Ftoci - 1, p.Fster - 1
    both = maximum(p.t_toci, p.t_ster)
    time = (
        x
        + toci * (maximum(x, p.t_toci) - p.t_toci)
        + ster * (maximum(x, p.t_ster) - p.t_ster)
        + toci * ster * (maximum(x, both) - both)
    )
    return p.Cmax * exp(log(p.foldx) * (time / p.Tmax - 1)) * decay(t, p, p.alpha, p.beta)


def lag(t: Any, y: Namespace, p: Namespace) -> Any:
    """Nothing until ``Tlag``, then doubling, then decay."""
    x = minimum(maximum(t, p.Tlag), p.Tmax)
    late = decay(t, p, LN2 / p.thalf, LN2 / p.thalf_terminal)
    return p.Cmax * exp(-LN2 * (p.Tmax - x) / p.tdouble) * late


def four_phase(t: Any, y: Namespace, p: Namespace) -> Any:
    """Distribution until ``T0``, then growth, then decay."""
    x = minimum(maximum(t, p.T0), p.Tmax)
    early = exp(p.ldis * (p.T0 - minimum(t, p.T0)))
    return p.Cmax * exp(-p.rho * (p.Tmax - x)) * early * decay(t, p, p.alpha, p.beta)


S = SHORT[STEIN]
L = SHORT[OGASAWARA]


def _share() -> Parameter:
    return published("FB", 0.0079, "", "share of persisting cells", S,
                     prior=LogitNormal(0.0079, 0.5), upper=1.0, fixed=True, iiv=0.80)  # fmt: skip


def _peak() -> Parameter:
    return published("Cmax", 24000.0, "copies/ug", "transgene copies at the peak", S, 0.4,
                     iiv=0.65)  # fmt: skip


cart_stein = OdeModel(
    name="cart-stein",
    title="CAR-T cells: expansion, contraction, persistence",
    description=(
        "Tisagenlecleucel in 90 children and adults with leukemia: growth to a peak, then decay in "
        "two phases, as a closed form."
    ),
    states=(),
    parameters=(
        _peak(),
        published("Tmax", 9.3, "d", "time of the peak", S, 0.1, iiv=0.38),
        published("foldx", 3900.0, "", "expansion from the virtual start to the peak", S, 0.5,
                  iiv=2.4),
        published("alpha", 0.16, "1/d", "contraction rate", S, 0.3, iiv=0.91),
        _share(),
        published("beta", 0.0032, "1/d", "loss of persisting cells", S, 0.5, fixed=True,
                  iiv=0.86),
        published("Ftoci", 1.2, "", "factor of growth after tocilizumab", S,
                  prior=LogNormal(1.0, 0.3), fixed=True),
        published("Fster", 1.0, "", "factor of growth after corticosteroids", S, 0.3, fixed=True),
        given("t_toci", 1000.0, "d", "day of tocilizumab; 1000 for never"),
        given("t_ster", 1000.0, "d", "day of corticosteroids; 1000 for never"),
    ),
    outputs={"CAR": stein},
    output_units={"CAR": "copies/ug"},
    time_unit="d",
    horizon=90.0,
    references=(STEIN,),
    invariances=SAME_SCALE,
    identifiable=IDENTIFIABLE,
    fits=DAYS,
)  # fmt: skip

cart_lag = OdeModel(
    name="cart-lag",
    title="CAR-T cells with a lag",
    description=(
        "Lisocabtagene maraleucel in 261 patients with lymphoma: a lag, doubling, then decay in "
        "two phases, as a closed form. The height and the share of persisting cells are those of "
        "tisagenlecleucel."
    ),
    states=(),
    parameters=(
        _peak(),
        published("Tlag", 3.27, "d", "lag before expansion", L, 0.3, iiv=0.3),
        published("Tmax", 9.29, "d", "time of the peak", L, 0.1, iiv=0.38),
        published("tdouble", 0.755, "d", "doubling time", L, 0.3),
        published("thalf", 5.00, "d", "first half-life", L, 0.3, iiv=0.9),
        _share(),
        published("thalf_terminal", 352.0, "d", "last half-life", L, 0.5, fixed=True, iiv=0.86),
    ),
    outputs={"CAR": lag},
    output_units={"CAR": "copies/ug"},
    time_unit="d",
    horizon=90.0,
    references=(OGASAWARA, STEIN),
    invariances=SAME_SCALE,
    identifiable=IDENTIFIABLE + " Tlag with two quantified points before it.",
    fits=DAYS,
)

cart_four_phase = OdeModel(
    name="cart-four-phase",
    title="CAR-T cells: distribution, expansion, contraction, persistence",
    description=(
        "The four phases seen in 218 patients of seven trials, as a closed form. The source gives "
        "no values that could be read; those here are of tisagenlecleucel, or calibrated."
    ),
    states=(),
    parameters=(
        _peak(),
        calibrated("T0", 1.5, "d", "end of distribution", 0.4),
        published("Tmax", 9.3, "d", "time of the peak", S, 0.1, iiv=0.38),
        calibrated("ldis", 1.0, "1/d", "loss by distribution", 0.6),
        derived("rho", 0.889, "1/d", "expansion rate", f"ln(3900) / 9.3 d of {S}", 0.3, iiv=0.4),
        published("alpha", 0.16, "1/d", "contraction rate", S, 0.3, iiv=0.91),
        _share(),
        published("beta", 0.0032, "1/d", "loss of persisting cells", S, 0.5, fixed=True,
                  iiv=0.86),
    ),
    outputs={"CAR": four_phase},
    output_units={"CAR": "copies/ug"},
    time_unit="d",
    horizon=90.0,
    references=(LIU, STEIN),
    invariances=SAME_SCALE,
    identifiable=IDENTIFIABLE + " T0 and ldis with daily points in the first days.",
    fits=DAYS,
)  # fmt: skip

MODELS = (cart_four_phase, cart_lag, cart_stein)
