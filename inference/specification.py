"""What a problem says, as plain data, as text, and as an id."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from ..models.symbolic import trace
from .measuring.arms import arm_sentences, effective_sizes
from .measuring.error import KINDS
from .priors import is_cut

if TYPE_CHECKING:
    from ..datasets.study import Study
    from ..models.dosing import Regimen
    from ..models.ode import OdeModel
    from .problem import Problem

__all__ = ["describe", "fingerprint", "identify", "sentence"]

FORMAT = "cytobayes.problem/1"


def fingerprint(study: Study) -> str:
    """SHA-256 of everything in a study that a likelihood can see; not its name or origin.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([study.time_unit, study.units]).encode())
    nodes = [study.tree[node].to_dataset() for node in ("covariates", "outcomes")]
    for table in (study.observations, study.doses, *(n for n in nodes if n.sizes["entry"])):
        for name in sorted(map(str, table.data_vars)):
            column = table[name].to_numpy()
            text = [repr(v) for v in column.tolist()]
            digest.update(json.dumps([name, text]).encode())
    return digest.hexdigest()


def equations(model: OdeModel) -> dict[str, Any]:
    """Model as plain data: traced equations, states and units; without values and texts."""
    traced = trace(model)
    return {
        "states": [[s.name, s.unit, s.log, s.scale] for s in model.states],
        "parameters": [[p.name, p.unit, p.lower, p.upper] for p in model.parameters],
        "rhs": [sympy.srepr(e) for e in traced.rhs],
        "initial": [sympy.srepr(e) for e in traced.initial],
        "outputs": {k: [sympy.srepr(e), model.unit(k)] for k, e in traced.outputs.items()},
        "time_unit": model.time_unit,
    }


def identify(problem: Problem) -> str:
    """Hash the whole specification; see `Problem.id`.

    Notes
    -----
    The equations count as traced, not as compiled: a new release of the engine solves the same
    problem. Names, descriptions and sources do not count.
    """
    arrangement = problem.arrangement
    record = {
        "format": FORMAT,
        "model": equations(problem.model),
        "data": fingerprint(problem.data),
        "observables": problem.targets,
        "error": {name: error.spec for name, error in problem.errors.items()},
        "population": problem.family.describe(),
        "inputs": {p: v.tolist() for p, v in problem.inputs_by_subject.items()},
        "priors": {name: repr(prior) for name, prior in problem.all_priors.items()},
        "constants": problem.constants,
        **_measuring(problem),
        "fixed_errors": {
            n: problem.fixed[n] for n in problem.error_parameters if n in problem.fixed
        },
        "regimens": [repr(r) for r in arrangement.regimens],
        "solver": solver_record(problem),
        **({"order": problem.above} if problem.above else {}),
    }
    text = json.dumps(plain(record), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _measuring(problem: Problem) -> dict[str, Any]:
    """Collect the settings of measurement that differ from the defaults."""
    observed = problem.arrangement.observed
    chosen: dict[str, Any] = {
        "censoring": {n: m for n, m in problem.methods.items() if m != "M3"},
        "offsets": {o.name: [o.groups.by, *o.groups.labels] for o in observed if o.groups.labels},
        "sigmas": {o.name: [o.sigmas.by, *o.sigmas.labels] for o in observed if o.sigmas.labels},
        "means": [o.name for o in observed if (o.rows.se > 0).any()],
    }
    if problem.family.name == "hierarchical":
        sizes = effective_sizes(problem)
        chosen["arms"] = sizes.tolist() if (sizes > 1).any() else []
    return {key: value for key, value in chosen.items() if value}


def solver_record(problem: Problem) -> dict[str, Any]:
    """Options of the solver with the absolute tolerances they mean for this model."""
    record = asdict(problem.solver)
    record["atol"] = problem.solver.atol_array(problem.model).tolist()
    return record


def describe(problem: Problem) -> dict[str, Any]:
    """Specification as plain data, for reports and for the attributes of a fit.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    dict
        JSON types only. Keys: ``id``, ``model``, ``time_unit``, ``data``, ``data_sha256``,
        ``subjects``, ``population``, ``observables`` (list of dict: name, target, unit, error,
        rows, left, right, interval, means, censoring, treated (sentences), offsets,
        sigmas (sentences)),
        ``parameters`` (list of dict: name, unit, role
        "estimated", "fixed" or "input" (a covariate), value, prior, cut, above, source, status),
        ``doses`` (events in all schedules) and ``solver``.
    """
    model, arrangement = problem.model, problem.arrangement
    return {
        "id": problem.id,
        "model": model.name,
        "time_unit": model.time_unit,
        "data": problem.data.name,
        "data_sha256": fingerprint(problem.data),
        "subjects": len(arrangement.subjects),
        "population": problem.family.text,
        "observables": [_observable(problem, k) for k in range(len(arrangement.observed))],
        "parameters": [
            *(_parameter(problem, name) for name in model.parameter_names),
            *(_parameter(problem, name) for name in problem.family.priors(problem)),
            *(_parameter(problem, name) for name in problem.error_parameters),
        ],
        "doses": sum(map(_events, arrangement.regimens)),
        "solver": solver_record(problem),
    }


def _events(regimen: Regimen) -> int:
    return len(regimen.events)


def _observable(problem: Problem, k: int) -> dict[str, Any]:
    observed = problem.arrangement.observed[k]
    error, rows = problem.errors[observed.name], observed.rows
    unit = error.value_unit(problem.model.unit(observed.target))
    censored = {name: int(np.sum(rows.kind == KINDS.index(name))) for name in KINDS[1:]}
    return {
        "name": observed.name,
        "target": observed.target,
        "unit": unit,
        "error": error.spec,
        "formula": error.formula,
        "rows": int(rows.value.size),
        **censored,
        "means": int(np.sum(rows.se > 0)),
        "censoring": problem.methods[observed.name],
        "treated": [t.sentence(unit) for t in observed.treated],
        "offsets": observed.groups.text(),
        "sigmas": observed.sigmas.text("residual errors", "beside that of"),
    }


def _parameter(problem: Problem, name: str) -> dict[str, Any]:
    prior = problem.all_priors.get(name)
    known = name in problem.model.parameter_names
    parameter = problem.model.parameter(name) if known else None
    role = "input" if name in problem.inputs else "fixed" if prior is None else "estimated"
    value: Any = None
    if name in problem.inputs:
        value = problem.inputs[name]
    elif prior is None:
        value = problem.constants[name] if known else problem.fixed[name]
    return {
        "name": name,
        "unit": problem.unit(name),
        "role": role,
        "value": value,
        "prior": None if prior is None else str(prior),
        "cut": prior is not None and is_cut(prior, *problem.bounds(name)),
        "above": problem.above.get(name, ""),
        "source": parameter.source if parameter else "",
        "status": parameter.status if parameter else "",
    }


def sentence(problem: Problem) -> str:
    """One screen: what is fitted to what, with which errors and priors."""
    facts = describe(problem)
    subjects = f"{facts['subjects']} subject{'s' * (facts['subjects'] != 1)}"
    lines = [
        f"{facts['model']} fitted to {facts['data']}: {subjects}, {facts['population']}; "
        f"id {facts['id']}"
    ]
    for o in facts["observables"]:
        extra = f" ({o['means']} published means)" if o["means"] else ""
        source = "" if o["target"] == o["name"] else f" as {o['target']}"
        lines.append(
            f"  {o['name']}{source} [{o['unit']}]: {o['rows']} rows{extra}, {o['formula']}"
        )
        lines += [
            f"    {o['name']}: {what}"
            for what in (*o["treated"], o["offsets"], o["sigmas"])
            if what
        ]
    for p in facts["parameters"]:
        if p["role"] == "estimated":
            cut = ", cut at its bounds" if p["cut"] else ""
            cut += f", greater than {p['above']}" if p["above"] else ""
            lines.append(f"  {p['name']} [{p['unit']}] ~ {p['prior']}{cut}")
    lines += [
        f"  {p['name']} [{p['unit']}] is the covariate {p['value']} of each subject"
        for p in facts["parameters"]
        if p["role"] == "input"
    ]
    lines += [f"  {line}" for line in problem.family.sentences(problem)]
    if problem.family.name == "hierarchical":
        lines += [f"  {said}" for said in arm_sentences(problem)]
    fixed = sum(p["role"] == "fixed" for p in facts["parameters"])
    lines.append(f"  {fixed} parameters held fixed")
    lines += [f"  warning: {sentence}" for sentence in problem.blind_directions]
    return "\n".join(lines)


def plain(value: Any) -> Any:
    """JSON types with infinities and NaN as text, so that every reader agrees on them."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value
