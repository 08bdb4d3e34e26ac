"""Design of a CAR: costimulation, healthy target, suicide switch (models `car-design*`).

The equations of `crs-full` with the expansion, loss and memory of a 4-1BB (`car-design`) or CD28
construct (`car-design-cd28`), cytokine output per engagement relative to 4-1BB (``output``), target
on healthy tissue that is not depleted (``Bh``), and an iC9 switch from which a share ``resistant``
of the cells escapes.

Healthy target keeps CAR-T cells engaged for ever: they contract only if ``Bh`` is below the burden
``B* = KB (dE + kEM) / (rho - dE)``. Because burden sets the peak, a faster construct peaks earlier
and hardly higher.

`suicide-switch` is the switch alone, as a closed form: the share of cells that a full dose leaves,
``(1 - f) exp(-k t) + f``. A second dose does not reach the resistant cells.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..distributions import LogitNormal, LogNormal
from ..math import exp
from ..ode import Namespace, OdeModel, State, Threshold
from .crs_full import cells, crs, cytokines, effects, threshold_burden
from .crs_full import initial as crs_initial
from .crs_parameters import SWITCH
from .evidence import assumed, derived, given
from .interventions import with_corticosteroid, with_dimerizer, with_tocilizumab

__all__ = ["MODELS", "car_design", "car_design_cd28", "suicide_switch"]

RESIDUAL = "about 1 % stay, later doses are less effective (Zhou 2016, Mol Ther 24:823, abstract)"
CONSTRUCT = "calibrated to faster expansion of CD28 and longer persistence of 4-1BB constructs"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Equations of the full cascade; the switch spares resistant cells, whose share grows."""
    reached = p.dimerizer * (1 - y.resistant)
    names = tuple(q.name for q in crs.parameters)
    scaled = {"pG": p.pG * p.output, "pF": p.pF * p.output}
    louder = Namespace(names, [scaled.get(n, p[n]) for n in names])
    first = cells(y, louder, reached) | cytokines(y, louder) | effects(y, louder)
    return {**first, "resistant": p.kic * reached * y.resistant}


def initial(p: Namespace) -> dict[str, Any]:
    """Start as the full cascade, with a share of resistant cells."""
    return {**crs_initial(p), "resistant": p.f}


def _construct(rho: float, kEM: float, dE: float, output: Any) -> tuple[Any, ...]:
    values = {"rho": (rho, 0.3), "kEM": (kEM, 0.7), "dE": (dE, 0.4)}
    return (
        *(
            replace(q, value=values[q.name][0], prior=LogNormal(*values[q.name]),
                    source=CONSTRUCT, status="calibrated")
            if q.name in values
            else q
            for q in crs.parameters
        ),
        output,
        assumed("f", 0.01, "", "share of cells that escape the switch", source=RESIDUAL,
                prior=LogitNormal(0.01, 0.7), upper=1.0, fixed=True),
    )  # fmt: skip


SAME = given("output", 1.0, "", "cytokine output per engagement, relative to 4-1BB")
LOUDER = assumed("output", 1.5, "", "cytokine output per engagement, relative to 4-1BB", 0.4)
CONTRACTION = Threshold(
    "B*", threshold_burden, "with more healthy target CAR-T cells never contract", critical="Bh",
    unit="1e9 cells",
)  # fmt: skip


def _design(name: str, title: str, parameters: tuple[Any, ...]) -> OdeModel:
    base = replace(
        crs,
        name=name,
        title=title,
        description=(
            "The full cascade with the parameters of a construct, healthy target and a suicide "
            "switch with resistant cells."
        ),
        states=(*crs.states, State("resistant", "", "share of cells that resist the switch")),
        parameters=parameters,
        rhs=rhs,
        initial=initial,
        identifiable=(
            "As crs-full; f from counts around a dose of the dimerizer. output is not separate "
            "from pG and pF within one construct."
        ),
    )
    treated = with_dimerizer(with_corticosteroid(with_tocilizumab(base)), name=name)
    return replace(treated, title=title, thresholds=(CONTRACTION,))


car_design = _design(
    "car-design", "Cytokine release of a 4-1BB construct", _construct(1.26, 0.03, 0.16, SAME)
)
car_design_cd28 = _design(
    "car-design-cd28", "Cytokine release of a CD28 construct", _construct(1.6, 0.01, 0.25, LOUDER)
)


def surviving(t: Any, y: Namespace, p: Namespace) -> Any:
    """Share of the cells that a full dose at time zero leaves."""
    return (1 - p.f) * exp(-p.k * t) + p.f


suicide_switch = OdeModel(
    name="suicide-switch",
    title="Elimination by the iC9 switch",
    description="Share of iC9 CAR-T cells left after a full dose of dimerizer, as a closed form.",
    states=(),
    parameters=(
        derived("k", 4.80, "1/h", "elimination by the switch", SWITCH, 0.4),
        assumed("f", 0.01, "", "share of cells that escape", source=RESIDUAL,
                prior=LogitNormal(0.01, 0.7), upper=1.0),
    ),
    outputs={"surviving": surviving},
    time_unit="h",
    horizon=4.0,
    identifiable="k with samples within two hours of the dose, f with later ones.",
    fits="transgenic cells around a dose of dimerizer, relative to those before",
)  # fmt: skip

MODELS = (car_design, car_design_cd28, suicide_switch)
