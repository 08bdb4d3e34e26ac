"""The joint density of a problem as a PyMC model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import shared

from ..datasets.errors import InputError
from ..models.dosing import Switch
from ..models.symbolic import trace
from .exchange import kind_name, limits_of, replaceable_density, value_name
from .expression import evaluate
from .measuring.offsets import chosen_by_row
from .measuring.sigmas import sigma_by_row, sigma_names
from .op import solve
from .priors import random_variable

if TYPE_CHECKING:
    from .arrangement import Observed
    from .measuring.error import ErrorModel
    from .problem import Problem

__all__ = ["COUNTERS", "Joint", "build_joint"]

Tensor = Any
COUNTERS = "solver_counters"  # name of the shared variable that holds the address


@dataclass(frozen=True, eq=False)
class Joint:
    """A PyMC model with handles to its parts.

    Parameters
    ----------
    model : pm.Model
    counters : shared variable, int64 scalar
        Address of a block of counters (see `counters`), or 0.
    status : TensorVariable, int64[subject]
        0, or the code of the failure of each subject.
    values : mapping of observable of the data to TensorVariable, float64[observation]
        The model's value at each row.
    """

    model: Any
    counters: Any
    status: Tensor
    values: Mapping[str, Tensor] = field(repr=False)


def build_joint(problem: Problem, *, replaceable: bool = False) -> Joint:
    """Build the joint density of a problem.

    Parameters
    ----------
    problem : Problem
    replaceable : bool
        Make measured values and their censoring data of the model, see `exchange`.

    Returns
    -------
    Joint

    Notes
    -----
    When one subject's equations cannot be solved, the measurements have density zero (its logarithm
    is minus infinity), and all model values are replaced by 1, so that every other term and its
    gradient stay finite. A sampler rejects such a proposal. This is part of the likelihood and no
    potential of its own: PyMC writes the graphs of potentials apart, and the equations would be
    solved a second time.
    """
    with pm.Model(coords=coordinates(problem)) as model:
        counters = shared(np.array(0, dtype=np.int64), name=COUNTERS)
        parameters = draw_parameters(problem)
        states, status = integrate(problem, parameters, counters)
        values = {}
        for observed in problem.arrangement.observed:
            f = model_values(problem, observed, parameters, states)
            solved = pt.all(pt.eq(status, 0))
            f = pt.switch(solved, f, 1.0)
            values[observed.name] = f
            health = pt.switch(solved, 0.0, -np.inf)
            likelihood(problem, observed, f, health, replaceable)
    return Joint(model, counters, status, values)


def coordinates(problem: Problem) -> dict[str, Any]:
    """Labels of the dimensions."""
    occasions = problem.arrangement.occasions
    labels = {} if occasions is None else {"occasion": list(occasions.labels)}
    observations = {f"{o.name}_observation": o.row for o in problem.arrangement.observed}
    return {
        "subject": list(problem.arrangement.subjects),
        "state": list(problem.model.state_names),
        "parameter": list(problem.model.parameter_names),
        **labels,
        **observations,
    }


def draw_parameters(problem: Problem) -> dict[str, Tensor]:
    """All parameters of the model by name: numbers, or random variables, see `Population`."""
    drawn = problem.family.variables(problem)
    inputs = {n: pt.constant(v) for n, v in problem.inputs_by_subject.items()}
    constants = problem.constants | inputs
    return {n: drawn[n] if n in drawn else constants[n] for n in problem.model.parameter_names}


def integrate(
    problem: Problem, parameters: Mapping[str, Tensor], counters: Tensor
) -> tuple[Tensor, Tensor]:
    """States at the observation points, 1 when a subject failed, and the status of each subject."""
    subjects = len(problem.arrangement.subjects)
    columns = engine_columns(problem, parameters)
    if problem.by_subject:
        zeros = pt.zeros((subjects,))
        theta = pt.stack([c + zeros for c in columns], axis=1)
    else:
        theta = pt.zeros((subjects, 1)) + pt.stack(
            [pt.as_tensor(c, dtype="float64") for c in columns]
        )
    if problem.model.is_closed_form:
        return pt.constant(0.0), pt.zeros(len(problem.arrangement.subjects), dtype="int64")
    solver = problem.solver
    y, status = solve(
        problem.compiled,
        theta,
        problem.arrangement.timeline.arrays,
        atol=solver.atol_array(problem.model),
        rtol=solver.rtol,
        max_steps=solver.max_steps,
        counters=counters,
    )
    return pt.switch(pt.all(pt.eq(status, 0)), y, 1.0), status


def engine_columns(problem: Problem, parameters: Mapping[str, Tensor]) -> list[Tensor]:
    """Parameters in the order of the engine's model: with a copy for each occasion, if any."""
    occasions = problem.arrangement.occasions
    if occasions is None:
        return list(parameters.values())
    who = np.arange(len(problem.arrangement.subjects))
    varying = {n: parameters[n] for n in occasions.parameters}
    plain = dict(parameters) | {n: v[who, occasions.first] for n, v in varying.items()}
    copies = [v[:, k] for v in varying.values() for k in range(len(occasions.labels))]
    return [*plain.values(), *copies]


def at_rows(problem: Problem, observed: Observed, value: Tensor) -> Tensor:
    """Value of a parameter at each row of an observable."""
    dims = getattr(value, "ndim", 0)
    if dims == 0:
        return value
    if dims == 1:
        return value[pt.constant(observed.subject)]
    occasions = problem.arrangement.occasions
    assert occasions is not None
    return value[pt.constant(observed.subject), pt.constant(occasions.of_row[observed.name])]


def model_values(
    problem: Problem, observed: Observed, parameters: Mapping[str, Tensor], states: Tensor
) -> Tensor:
    """Evaluate the model at each row of an observable, in the unit of the model."""
    model = problem.model
    point = pt.constant(observed.point)
    if observed.target in model.state_names:
        return states[:, model.state_names.index(observed.target)][point]
    refuse_switched_output(problem, observed.target)
    traced = trace(model)
    symbols = {traced.t: pt.constant(observed.time)}
    symbols |= {s: states[:, k][point] for k, s in enumerate(traced.y)}
    for symbol, value in zip(traced.p, parameters.values(), strict=True):
        symbols[symbol] = at_rows(problem, observed, value)
    f = evaluate(traced.outputs[observed.target], symbols, tensor=True)
    return f + pt.zeros(observed.point.shape)


def refuse_switched_output(problem: Problem, output: str) -> None:
    """Refuse an output that reads a parameter which changes during the schedule."""
    read = {s.name for s in trace(problem.model).outputs[output].free_symbols}
    events = (e for regimen in problem.arrangement.regimens for e in regimen.events)
    for event in events:
        if isinstance(event, Switch) and event.parameter in read:
            raise InputError(
                f"output {output} reads the parameter {event.parameter}, which the schedule "
                "switches. Observe a state instead, or make the switched value a state."
            )


def likelihood(
    problem: Problem, observed: Observed, f: Tensor, health: Tensor, replaceable: bool = False
) -> None:
    """Add the measurements of one observable; ``health`` is minus infinity if a solve failed."""
    error, rows = problem.errors[observed.name], observed.rows
    value, logp = rows.value, log_density(error, observed)
    if replaceable:
        value = pm.Data(value_name(observed.name), rows.value)
        kind = pm.Data(kind_name(observed.name), rows.kind.astype(np.float64))
        logp = replaceable_density(error, observed, kind, limits_of(problem, observed))
    sigma = [measurement(problem, name) for name in sigma_names(error, observed)]
    f = by_assay(problem, observed, f)
    pm.CustomDist(
        observed.name,
        f,
        pt.constant(error.working_se(rows)),
        health,
        *sigma_by_row(error, observed, sigma),
        logp=logp,
        random=random(error, observed),
        observed=value,
        dims=f"{observed.name}_observation",
    )


def by_assay(problem: Problem, observed: Observed, f: Tensor) -> Tensor:
    """Move the model's values to the assay by which each row was measured."""
    names = observed.groups.names(observed.name)
    if not names:
        return f
    offsets = [pt.constant(0.0), *(measurement(problem, n) for n in names)]
    offset = chosen_by_row(offsets, observed.groups.member)
    return problem.errors[observed.name].shifted(f, offset)


def measurement(problem: Problem, name: str) -> Tensor:
    """Give a parameter of measurement: its fixed value, or a random variable."""
    if name in problem.fixed:
        return pt.as_tensor(problem.fixed[name], dtype="float64")
    lower, upper = problem.bounds(name)
    return random_variable(name, problem.all_priors[name], lower=lower, upper=upper)


def log_density(error: ErrorModel, observed: Observed) -> Callable[..., Tensor]:
    """Log density as PyMC calls it."""

    def logp(value: Tensor, f: Tensor, se: Tensor, health: Tensor, *sigma: Tensor) -> Tensor:
        return error.log_density(value, f, sigma, observed.rows, se) + health

    return logp


def random(error: ErrorModel, observed: Observed) -> Callable[..., npt.NDArray[np.float64]]:
    """Draws as PyMC asks for them."""

    def draw(
        f: Any, se: Any, health: Any, *sigma: Any, rng: np.random.Generator, size: Any = None
    ) -> npt.NDArray[np.float64]:
        f = np.broadcast_to(f, np.shape(f) if size is None else size)
        return error.replicate(rng, f, sigma, observed.rows)

    return draw
