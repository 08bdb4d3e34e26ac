"""Named what-ifs: an intervention as an arm, for the models that can express it.

Each is an ordinary `Arm`, made of parameters and doses; nothing here is known to the engine. What
is known about each intervention is said by `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...datasets.errors import InputError
from ...datasets.wording import closest
from ...models.dosing import Dose, Regimen
from ...models.library.interventions import (
    dexamethasone_dose,
    dimerizer_dose,
    tocilizumab_dose,
)
from ...models.library.tebentafusp import weekly
from .design import Arm, Trigger
from .families import FULL, REDUCED

__all__ = ["WHAT_IFS", "WhatIf", "what_if"]

KG = 70.0
FEVER = 38.0  # degrees Celsius
SIGN = 150.0  # pg/mL of IL-6, as in the virtual cohort
NOTHING = 1e-9  # cells in place of none, because the state is a logarithm


@dataclass(frozen=True)
class WhatIf:
    """One intervention.

    Parameters
    ----------
    name, title : str
    arms : mapping of model to Arm
    """

    name: str
    title: str
    arms: Mapping[str, Arm] = field(default_factory=dict)


def _toci(delay: float) -> Dose:
    return tocilizumab_dose(KG, delay)


def _both(reduced: Arm, full: Arm) -> dict[str, Arm]:
    return {**dict.fromkeys(REDUCED, reduced), **dict.fromkeys(FULL, full)}


def _at_sign(dose: Dose) -> dict[str, Arm]:
    """Give a dose at IL-6 above the level of the cohort, or at fever where there is one."""
    return _both(
        Arm("", Regimen(), triggers=(Trigger("IL6", SIGN, dose),)),
        Arm("", Regimen(), triggers=(Trigger("temperature", FEVER, dose),)),
    )


def _burden(factor: float) -> dict[str, Arm]:
    return _both(
        Arm("", Regimen(), factors={"B0rel": factor}), Arm("", Regimen(), factors={"B_0": factor})
    )


def _cells(*parts: tuple[float, float], withhold: bool = False) -> dict[str, Arm]:
    """Fractions of 0.1 cells per uL on days, in place of one dose."""
    doses = Regimen([Dose(day, 0.1 * share, "E") for day, share in parts])
    fever = (Trigger("temperature", FEVER, withhold="E"),) if withhold else ()
    return dict.fromkeys(FULL, Arm("", doses, parameters={"E_0": NOTHING}, triggers=fever))


def _thirds() -> Arm:
    return Arm("", Regimen([Dose(day, 0.1 / 3, "E0") for day in (0.0, 7.0, 14.0)]))


CD28 = {"rho": 1.6 / 1.26, "kEM": 0.01 / 0.03, "dE": 0.25 / 0.16, "output": 1.5}
MAN = {"ratio_IFNg": 1.0, "ratio_TNF": 1.0, "ratio_IL6": 1.0, "phiM": 1.0}

LISTED = (
    WhatIf("nothing", "no treatment", {
        m: Arm("", Regimen()) for m in (*REDUCED, *FULL)
    }),
    WhatIf("tocilizumab-preemptive", "8 mg/kg on day 5, before any sign", _both(
        Arm("", Regimen([tocilizumab_dose(KG, 5.0)])),
        Arm("", Regimen([tocilizumab_dose(KG, 3.0)])),
    )),
    WhatIf("tocilizumab-early", "8 mg/kg at the first sign", _at_sign(_toci(0.0))),
    WhatIf("tocilizumab-late", "8 mg/kg a day after the first sign", _at_sign(_toci(1.0))),
    WhatIf("steroid", "dexamethasone 10 mg every 12 h for three days from the first sign",
           _at_sign(dexamethasone_dose(10.0, 0.0, interval=0.5, count=6))),
    WhatIf("bridging", "half the burden at infusion", _burden(0.5)),
    WhatIf("deep-bridging", "a fifth of the burden at infusion", _burden(0.2)),
    WhatIf("tenth", "a tenth of the cells",
           dict.fromkeys(FULL, Arm("", Regimen(), factors={"E_0": 0.1}))),
    WhatIf("fractionation", "10, 30 and 60 % of the cells on days 0, 1 and 2",
           _cells((0.0, 0.1), (1.0, 0.3), (2.0, 0.6))),
    WhatIf("fractionation-weekly", "thirds of the cells a week apart",
           {**_cells((0.0, 1 / 3), (7.0, 1 / 3), (14.0, 1 / 3)),
            "limited-proliferation": _thirds()}),
    WhatIf("withholding", "fractions on days 0, 1 and 2 until the first fever",
           _cells((0.0, 0.1), (1.0, 0.3), (2.0, 0.6), withhold=True)),
    WhatIf("suicide-switch", "dimerizer a day after the first fever", dict.fromkeys(
        FULL,
        Arm("", Regimen(), triggers=(Trigger("temperature", FEVER, dimerizer_dose(1.0)),)),
    )),
    WhatIf("cd28", "a CD28 construct in place of 4-1BB",
           {"car-design": Arm("", Regimen(), factors=CD28)}),
    WhatIf("man", "human receptors and macrophages in place of those of the mouse",
           {"species": Arm("", Regimen(), parameters=MAN)}),
    WhatIf("no-myeloid-cells", "a mouse without human macrophages",
           {"species": Arm("", Regimen(), parameters={"phiM": 0.0})}),
    WhatIf("autologous", "no mismatch of donor and host",
           {"allogeneic": Arm("", parameters={"m": 0.0})}),
    WhatIf("full-mismatch", "donor and host differ fully",
           {"allogeneic": Arm("", parameters={"m": 1.0})}),
    WhatIf("no-lymphodepletion", "CAR-T cells without conditioning",
           {"homeostasis": Arm("", parameters={"kche": 0.0, "dam": 0.0})}),
    WhatIf("step-up", "1, 2 and 60 mg a week apart", {"engager": Arm("")}),
    WhatIf("flat", "the full dose from the start", {
        "engager": Arm("", Regimen([Dose(0.0, 60.0, "drug"), Dose(336.0, 60.0, "drug")])),
        "tebentafusp": Arm("", weekly(68.0, 68.0, 68.0, 68.0)),
    }),
    WhatIf("slow-infusion", "the full dose over 24 h", {
        "engager": Arm("", Regimen(
            [Dose(day, 60.0, "drug", duration=24.0) for day in (0.0, 336.0)]
        )),
    }),
)  # fmt: skip

WHAT_IFS: dict[str, WhatIf] = {w.name: w for w in LISTED}


def what_if(name: str, model: str, *, arm: str = "") -> Arm:
    """Make the arm of a named what-if.

    Parameters
    ----------
    name : str
        One of `WHAT_IFS`.
    model : str
        Name in the library.
    arm : str
        Name of the arm; default: that of the what-if.

    Returns
    -------
    Arm

    Raises
    ------
    InputError
        If there is no such what-if, or the model cannot express it.

    Examples
    --------
    >>> what_if("bridging", "crs-cascade").factors
    {'B0rel': 0.5}
    """
    if name not in WHAT_IFS:
        guess = closest(name, WHAT_IFS)
        hint = f"did you mean {guess!r}?" if guess else f"there are {', '.join(WHAT_IFS)}"
        raise InputError(f"there is no what-if {name!r}; {hint}")
    chosen = WHAT_IFS[name]
    if model not in chosen.arms:
        raise InputError(
            f"what-if {name!r} cannot be expressed in model {model}; it can in "
            f"{', '.join(chosen.arms)}."
        )
    return replace(chosen.arms[model], name=arm or name)
