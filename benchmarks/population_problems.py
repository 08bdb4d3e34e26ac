"""The three populations that `populations.py` measures, and what a hand-written peer needs of them.

`problem` gives the problem as this package fits it; `setup` takes from it, as plain numbers, what
every peer is given: data, doses, priors and constants. Nothing is typed in twice, so that nothing
can differ. The equations stand here once more, for the peers (Stan has its own copy); that they are
the same is seen from the log densities, which are compared before anything is timed.

The data come from the folder that `CYTOBAYES_REFERENCE` names: theophylline and warfarin are public
NONMEM examples, endotoxin the volunteers of Windoloski et al. (2023).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from measure import Absent
from problems import Array

CYTOKINES = ("TNF", "IL6", "IL8", "IL10")
VARYING = ("ktnf", "k6", "k6m", "k8", "k8m", "k10m")
NAMES = ("theophylline", "endotoxin", "warfarin")
FOLDERS = {
    "theophylline": "nlme_theo_sd",
    "endotoxin": "cytokine_lps_bolus_endotoxin",
    "warfarin": "nlme_warfarin_pkpd",
}


@dataclass(frozen=True)
class Observed:
    """Measurements of one observable; all of them exact.

    Parameters
    ----------
    name : str
    error : {"additive", "combined", "lognormal"}
    sigmas : tuple of str
        Names of the residual parameters.
    subject : int[row]
    time, value : float64[row]
    """

    name: str
    error: str
    sigmas: tuple[str, ...]
    subject: Array
    time: Array
    value: Array


@dataclass(frozen=True)
class Setup:
    """A population as plain numbers.

    Parameters
    ----------
    name : str
    dose : float64[subject]
        At time zero, into the first compartment.
    typical : tuple of str
        Estimated parameters.
    varying : tuple of str
        Those that differ between subjects.
    priors : mapping of name to (kind, numbers)
        "LogNormal" (median, sd), "LogitNormal" (median, sd), "HalfNormal" (sd).
    above : mapping of parameter to the expression it is greater than
        Each after those that its expression reads.
    constants : mapping of name to float
    observed : sequence of Observed
    """

    name: str
    dose: Array
    typical: tuple[str, ...]
    varying: tuple[str, ...]
    priors: Mapping[str, tuple[str, tuple[float, ...]]]
    above: Mapping[str, str]
    constants: Mapping[str, float]
    observed: Sequence[Observed]

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return len(self.dose)

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters of the population: typical values, spreads, residual errors."""
        return tuple(self.priors)

    @property
    def ascending(self) -> tuple[str, ...]:
        """The same, each after those from which its lower bound follows."""
        return (*(n for n in self.names if n not in self.above), *self.above)

    def floor(self, name: str, found: Mapping[str, Any]) -> Any:
        """Lower bound of a parameter, from the values of others."""
        from cytobayes.inference.populations.order import Bound

        return Bound(self.above[name]).value(found, np) if name in self.above else 0.0

    def is_bounded(self, name: str) -> bool:
        """Whether a parameter lies between 0 and 1."""
        return self.priors[name][0] == "LogitNormal"

    @cached_property
    def times(self) -> list[Array]:
        """Times of each subject, each once, float64[time]."""
        return [
            np.unique(np.concatenate([o.time[o.subject == i] for o in self.observed]))
            for i in range(self.subjects)
        ]

    @cached_property
    def padded_times(self) -> Array:
        """The same as float64[subject, time]; the last time fills up the rows."""
        longest = max(map(len, self.times))
        return np.array([np.pad(t, (0, longest - len(t)), mode="edge") for t in self.times])

    def places(self, observed: Observed) -> Array:
        """Place of each row among the times of its subject; int[row]."""
        pairs = zip(observed.subject, observed.time, strict=True)
        return np.array([int(np.searchsorted(self.times[i], t)) for i, t in pairs])


def problem(name: str, **settings: Any) -> Any:
    """Problem of the package; ``settings`` go to it as they are."""
    made = {"theophylline": theophylline, "theophylline-closed": in_closed_form,
            "endotoxin": endotoxin, "warfarin": warfarin}[name]  # fmt: skip
    path = folder() / FOLDERS[name.removesuffix("-closed")] / "data.csv"
    given: Any = made(path, settings)
    return given


def folder() -> Path:
    """Folder of the reference problems."""
    named = os.environ.get("CYTOBAYES_REFERENCE")
    if not named or not Path(named).is_dir():
        raise Absent("data of the populations: set CYTOBAYES_REFERENCE")
    return Path(named)


def theophylline(path: Path, settings: dict[str, Any]) -> Any:
    """Twelve subjects, one dose by mouth, additive error."""
    from cytobayes.datasets import read_table
    from cytobayes.inference import Problem
    from cytobayes.models.library import get

    return Problem(
        get("pk-1-oral"), read_table(path), "additive", "hierarchical", observables={"DV": "C"},
        **settings,
    )  # fmt: skip


def in_closed_form(path: Path, settings: dict[str, Any]) -> Any:
    """The same with the solution of the equations in their place, and the dose as a covariate."""
    import pandas as pd

    from cytobayes.datasets import Study, read_table
    from cytobayes.inference import Problem
    from cytobayes.models.library import get
    from cytobayes.models.math import exp
    from cytobayes.models.ode import OdeModel, Parameter

    model, data = get("pk-1-oral"), read_table(path)
    doses = data.to_frame("doses")[["subject", "amount"]].rename(columns={"amount": "value"})
    doses["name"] = "dose"
    rows = data.to_frame("observations")[["subject", "time", "observable", "value"]]
    closed = OdeModel(
        name="benchmark_one_compartment",
        states=(),
        parameters=(*model.parameters, Parameter("dose", 320.0, "mg")),
        outputs={"C": lambda t, y, p: one_compartment(t, p.dose, attributes(p), exp)},
        output_units={"C": "mg/L"},
        time_unit="h",
    )
    study = Study(
        pd.DataFrame(rows), units={"DV": "mg/L"}, time_unit="h", covariates=pd.DataFrame(doses),
        name="theophylline",
    )  # fmt: skip
    return Problem(
        closed, study, "additive", "hierarchical", observables={"DV": "C"},
        inputs={"dose": "dose"}, **settings,
    )  # fmt: skip


def attributes(p: Any) -> dict[str, Any]:
    """Parameters by name, as the peers have them."""
    return {n: getattr(p, n) for n in ("KA", "CL", "V")}


def warfarin(path: Path, settings: dict[str, Any]) -> Any:
    """Concentrations and a response that turns over.

    KTR and KA could change places, and so could KA and elimination.
    """
    from cytobayes.datasets import read_table
    from cytobayes.inference import Problem
    from cytobayes.models.library import get

    return Problem(
        get("pk-turnover"), read_table(path), {"cp": "combined", "pca": "additive"}, "hierarchical",
        observables={"cp": "C", "pca": "effect"}, order={"KTR": "KA", "KA": "CL / V"}, **settings,
    )  # fmt: skip


def endotoxin(path: Path, settings: dict[str, Any]) -> Any:
    """Four cytokines of twenty volunteers after 2 ng/kg; six rates vary, two are common."""
    import pandas as pd

    from cytobayes.datasets import Study
    from cytobayes.inference import Problem
    from cytobayes.inference.populations.hierarchy import Hierarchical
    from cytobayes.models.distributions import HalfNormal, LogNormal
    from cytobayes.models.library import get

    rows = pd.read_csv(path)
    rows.columns = pd.Index(["subject", "time", "observable", "value"])
    study = Study(
        rows[rows["time"] > 0], units=dict.fromkeys(CYTOKINES, "pg/mL"), time_unit="h",
        name="endotoxin",
    ).with_doses(pd.DataFrame([{"time": 0.0, "target": "E", "amount": 2.0}]))  # fmt: skip
    model = get("endotoxin-monocyte")
    rates = {n: LogNormal(model.parameter(n).value, 0.5) for n in (*VARYING, "kma", "ktnfm")}
    spreads = {f"{n}_omega": HalfNormal(0.5) for n in VARYING}
    sigmas = {f"{c}_sigma": HalfNormal(0.5) for c in CYTOKINES}
    published = ("k10", *(f"{c}_0" for c in CYTOKINES))
    return Problem(
        model, study, "lognormal", Hierarchical(varying=VARYING), priors=rates | spreads | sigmas,
        fixed={n: model.parameter(n).value for n in published}, **settings,
    )  # fmt: skip


def setup(name: str) -> Setup:
    """Plain numbers of a problem."""
    from cytobayes.inference.populations.order import drawing_order

    given = problem(name)
    observed = []
    for o in given.arrangement.observed:
        if (o.rows.kind != 0).any() or (o.rows.se > 0).any():
            raise NotImplementedError("the peers know exact single measurements only")
        error = given.errors[o.name]
        sigmas = error.parameters(o.name)
        observed.append(
            Observed(o.name, error.name, sigmas, np.array(o.subject), o.time, o.rows.value)
        )
    events = [r.events for r in given.arrangement.regimens]
    if any(len(e) != 1 or e[0].time != 0 for e in events):
        raise NotImplementedError("the peers know one dose at time zero only")
    return Setup(
        name=name,
        dose=np.array([e[0].amount for e in events]),
        typical=given.estimated,
        varying=given.family.of(given),
        priors={n: (type(d).__name__, numbers(d)) for n, d in given.all_priors.items()},
        above={n: given.above[n] for n in drawing_order(given) if n in given.above},
        constants=given.constants,
        observed=observed,
    )


def numbers(distribution: Any) -> tuple[float, ...]:
    """Give the numbers of a prior."""
    if type(distribution).__name__ == "HalfNormal":
        return (float(distribution.sd),)
    return float(distribution.median), float(distribution.sd)


def one_compartment(t: Any, dose: Any, p: Mapping[str, Any], exp: Callable[[Any], Any]) -> Any:
    """Concentration after a dose by mouth, in closed form."""
    k = p["CL"] / p["V"]
    return dose * p["KA"] / (p["V"] * (p["KA"] - k)) * (exp(-k * t) - exp(-p["KA"] * t))


def turnover(t: Any, y: Sequence[Any], p: Mapping[str, Any]) -> list[Any]:
    """Warfarin: depot, gut, center, effect."""
    depot, gut, center, effect = y
    c = center / p["V"]
    return [
        -p["KTR"] * depot,
        p["KTR"] * depot - p["KA"] * gut,
        p["KA"] * gut - p["CL"] * c,
        p["kout"] * (p["E0"] * (1 - p["Imax"] * c / (p["IC50"] + c)) - effect),
    ]


def up(x: Any, half: float, n: float) -> Any:
    """Hill term of stimulation."""
    return x**n / (half**n + x**n)


def down(x: Any, half: float, n: float) -> Any:
    """Hill term of inhibition."""
    return half**n / (half**n + x**n)


def cytokines(t: Any, y: Sequence[Any], p: Mapping[str, Any]) -> list[Any]:
    """Endotoxin: TNF, IL10, IL8, IL6, MA, MR, E."""
    tnf, il10, il8, il6, ma, mr, e = y
    active = e / (p["xmpe"] + e) * (p["sm"] + p["kmtnf"] * up(tnf, p["xmtnf"], p["hmtnf"]))
    active = active * down(il10, p["xm10"], p["hm10"]) * mr
    by_tnf = p["ktnfm"] * down(il10, p["xtnf10"], p["htnf10"]) * down(il6, p["xtnf6"], p["htnf6"])
    by_8 = (p["k8m"] + p["k8tnf"] * up(tnf, p["x8tnf"], p["h8tnf"])) * down(
        il10, p["x810"], p["h810"]
    )
    by_6 = p["k6m"] + p["k6tnf"] * up(tnf, p["x6tnf"], p["h6tnf"])
    by_6 = by_6 * down(il6, p["x66"], p["h66"]) * down(il10, p["x610"], p["h610"])
    return [
        by_tnf * ma - p["ktnf"] * (tnf - p["TNF_0"]),
        (p["k10m"] + p["k106"] * up(il6, p["x106"], p["h106"])) * ma
        - p["k10"] * (il10 - p["IL10_0"]),
        by_8 * ma - p["k8"] * (il8 - p["IL8_0"]),
        by_6 * ma - p["k6"] * (il6 - p["IL6_0"]),
        active - p["kma"] * ma,
        p["kmr"] * mr * (1 - mr / p["mmax"]) - active,
        -p["kpe"] * e,
    ]


def start(name: str, dose: Any, p: Mapping[str, Any]) -> list[Any]:
    """States right after the dose."""
    if name == "warfarin":
        return [dose, 0.0, 0.0, p["E0"]]
    return [p["TNF_0"], p["IL10_0"], p["IL8_0"], p["IL6_0"], 0.0, p["MR_0"], dose]


def outputs(name: str, y: Any, p: Mapping[str, Any]) -> dict[str, Any]:
    """Observables from states of shape (time, state)."""
    if name == "warfarin":
        return {"cp": y[:, 2] / p["V"], "pca": y[:, 3]}
    return {"TNF": y[:, 0], "IL10": y[:, 1], "IL8": y[:, 2], "IL6": y[:, 3]}


FIELDS = {"warfarin": turnover, "endotoxin": cytokines}
