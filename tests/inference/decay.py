"""A closed form with one parameter, and the log likelihood of its rows at any point."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytensor.tensor as untyped_tensor
import xarray as xr

from cytobayes.datasets import Study
from cytobayes.inference import Problem
from cytobayes.inference.pointwise import pointwise
from cytobayes.models import Namespace, OdeModel, Parameter
from cytobayes.models.distributions import LogNormal
from cytobayes.models.math import exp

pt: Any = untyped_tensor
A = 10.0


def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    """Concentration at time t."""
    return A * exp(-p.k * t)


MODEL = OdeModel(
    name="decay",
    states=(),
    parameters=(Parameter("k", 0.3, "1/h", prior=LogNormal(0.3, 0.5)),),
    outputs={"C": concentration},
    output_units={"C": "pg/mL"},
    time_unit="h",
)


def from_start(start: Parameter, rate: Parameter) -> OdeModel:
    """Decay of which the value at time 0, ``C0``, is a parameter as well."""
    return OdeModel(
        name="decay",
        states=(),
        parameters=(start, rate),
        outputs={"C": lambda t, y, p: p.C0 * exp(-p.k * t)},
        output_units={"C": "mg/L"},
    )


def curve(k: float, times: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Concentrations."""
    return np.asarray(A * np.exp(-k * np.asarray(times, dtype=float)))


def study_of(**columns: Any) -> Study:
    """Observations by column; subject, observable and unit have defaults."""
    table = pd.DataFrame(
        {"subject": "1", "observable": "C", **columns}, index=range(len(columns["time"]))
    )
    units = {"C": "pg/mL"} if "C" in set(table["observable"]) else {}
    return Study(table, name="made up", units=units, time_unit="h")


def at(**values: float) -> xr.Dataset:
    """One draw of a posterior."""
    data = {name: (("chain", "draw"), [[value]]) for name, value in values.items()}
    return xr.Dataset(data, {"chain": [0], "draw": [0]})


def scores(problem: Problem, name: str = "C", /, **values: float) -> Any:
    """Log likelihood of each row of an observable."""
    return pointwise(problem, at(**values))[name].to_numpy()[0, 0]


def gradient(problem: Problem, **values: float) -> tuple[float, dict[str, float]]:
    """Log likelihood in the joint model, and its slope by each parameter (natural units)."""
    model = problem.build()
    with model:
        rvs = {v.name: v for v in model.free_RVs}
        value_vars = [model.rvs_to_values[rvs[n]] for n in values]
        total = model.logp(vars=model.observed_RVs, jacobian=False)
        slopes = pt.grad(total, value_vars)
        function = model.compile_fn([total, *slopes], inputs=value_vars, mode="FAST_COMPILE")
    point, stretch = {}, []
    for name, variable in zip(values, value_vars, strict=True):
        positive = variable.name.endswith("_log__")
        point[variable.name] = np.asarray(np.log(values[name]) if positive else values[name])
        stretch.append(values[name] if positive else 1.0)
    found = function(point)
    natural = [float(g) / s for g, s in zip(found[1:], stretch, strict=True)]
    return float(found[0]), dict(zip(values, natural, strict=True))
