"""Tumor lysis: urate, potassium, phosphate, calcium (models `tumor-lysis`, `lysis-products`).

Lysed cells release urate, potassium and phosphate; phosphate binds calcium. The area of each
released analyte above its baseline is ``y (cells lysed) / k``: it depends on how many cells die,
its peak on how fast. In the differential diagnosis of cytokine release these analytes rise with
killing while IL-6 and fever do not follow from them.

`lysis-products` reads the flux of lysed cells from its parameter ``lysis``; couple it to any model
that kills (`lysis_of_cart` for `crs-full`). `tumor-lysis` couples it to a tumor that dies at a
constant rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..composition import couple
from ..ode import Namespace, OdeModel, State
from .crs_full import killed
from .evidence import assumed, calibrated, given

__all__ = ["MODELS", "lysis_of_cart", "lysis_products", "tumor_lysis"]

CELLS = "1e9 cells"


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Release by lysis, clearance by the kidney, calcium bound by phosphate above its baseline."""
    bound = (y.phosphate - p.phosphate_0) / p.KP
    return {
        "urate": p.yU * p.lysis - p.kU * (y.urate - p.urate_0),
        "potassium": p.yK * p.lysis - p.kK * (y.potassium - p.potassium_0),
        "phosphate": p.yP * p.lysis - p.kP * (y.phosphate - p.phosphate_0),
        "calcium": p.kCa * (p.calcium_0 - y.calcium * (1 + bound)),
    }


def initial(p: Namespace) -> dict[str, Any]:
    """Start with every analyte at its baseline."""
    names = ("urate", "potassium", "phosphate", "calcium")
    return {n: p[f"{n}_0"] for n in names}


lysis_products = OdeModel(
    name="lysis-products",
    title="Urate, potassium, phosphate and calcium under lysis",
    description="Analytes of tumor lysis for a given flux of lysed cells.",
    states=(
        State("urate", "mg/dL", "urate in serum", scale=5.0),
        State("potassium", "mmol/L", "potassium in serum", scale=4.0),
        State("phosphate", "mmol/L", "phosphate in serum", scale=1.0),
        State("calcium", "mmol/L", "calcium in serum", scale=2.0),
    ),
    parameters=(
        given("lysis", 20.0, f"{CELLS}/d", "cells lysed per time"),
        calibrated("yU", 0.10, f"mg/dL/({CELLS})", "urate of lysed cells", 0.7),
        calibrated("yK", 0.03, f"mmol/L/({CELLS})", "potassium of lysed cells", 0.7),
        calibrated("yP", 0.03, f"mmol/L/({CELLS})", "phosphate of lysed cells", 0.7),
        calibrated("kU", 1.0, "1/d", "clearance of urate", 0.5),
        calibrated("kK", 3.0, "1/d", "clearance of potassium", 0.5),
        calibrated("kP", 1.0, "1/d", "clearance of phosphate", 0.5),
        calibrated("kCa", 2.0, "1/d", "turnover of calcium", 0.5),
        calibrated("KP", 3.0, "mmol/L", "phosphate above baseline that halves calcium", 0.5),
        assumed("urate_0", 5.0, "mg/dL", "urate at rest", 0.3),
        assumed("potassium_0", 4.2, "mmol/L", "potassium at rest", 0.1),
        assumed("phosphate_0", 1.1, "mmol/L", "phosphate at rest", 0.2),
        assumed("calcium_0", 2.3, "mmol/L", "calcium at rest", 0.05),
    ),
    rhs=rhs,
    initial=initial,
    time_unit="d",
    horizon=14.0,
    identifiable="Each y relative to the number of lysed cells, each k from the fall.",
    fits="urate, potassium, phosphate and calcium for a known flux of lysis",
)


def dying(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    """Loss of the tumor at a constant rate."""
    return {"B": -p.kill * y.B}


def tumor_start(p: Namespace) -> dict[str, Any]:
    """Start with the burden before treatment."""
    return {"B": p.B_0}


def lysed(t: Any, y: Namespace, p: Namespace) -> Any:
    """Cells lysed per time; links the tumor to the parameter ``lysis``."""
    return p.kill * y.B


def lysis_of_cart(t: Any, y: Namespace, p: Namespace) -> Any:
    """Cells lysed per time in `crs-full`; links it to the parameter ``lysis``."""
    return killed(y, p)


tumor = OdeModel(
    name="tumor",
    title="Dying tumor",
    states=(State("B", CELLS, "tumor cells", scale=10.0),),
    parameters=(
        calibrated("B_0", 95.0, CELLS, "burden at treatment", 1.0),
        calibrated("kill", 0.5, "1/d", "rate of death under treatment", 0.7),
    ),
    rhs=dying,
    initial=tumor_start,
    time_unit="d",
)

tumor_lysis = replace(
    couple(lysis_products, tumor, {"lysis": lysed}, name="tumor-lysis", title="Tumor lysis"),
    description="A dying tumor and what it releases into blood.",
    identifiable="kill, each clearance, and each y B_0; never y and B_0 apart.",
    fits="urate, potassium, phosphate and calcium after the start of treatment",
)

MODELS = (lysis_products, tumor_lysis)
